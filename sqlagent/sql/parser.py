"""Read a SELECT statement into its tree: `parse("SELECT a FROM t").query.arms[0].items[0].value.name.text` is "a".

It reads what SQLite reads: all of its SELECT, and VALUES. Invariant: whatever it does not know raises `Unreadable`,
so a tree says all that its statement does. No dependency, because it is loaded with every answer.
"""

from __future__ import annotations

from sqlagent.sql.cursor import JOIN_WORDS, Unreadable
from sqlagent.sql.expressions import Expressions
from sqlagent.sql.statement import Statement
from sqlagent.sql.tree import (
    Cte,
    Derived,
    Expr,
    Item,
    Joined,
    Name,
    NamedWindow,
    Nested,
    Query,
    Row,
    Select,
    Source,
    Star,
    TableRef,
    Term,
    Values,
)

__all__ = ["Unreadable", "parse", "parse_expression"]


def parse(sql: str) -> Statement:
    """The one SELECT statement of a text, which may end with a semicolon. Raises Unreadable."""
    reader = _Queries(sql)
    query = reader.query()
    while reader.take(";"):
        pass
    reader.expect("end")
    return Statement(sql, query, reader.tokens[:-2])


def parse_expression(text: str) -> Expr:
    """The tree of an expression that stands alone. Raises Unreadable."""
    reader = _Queries(text)
    found = reader.expression()
    reader.expect("end")
    return found


class _Queries(Expressions):
    """Reads queries."""

    def query(self) -> Query:
        self.enter()
        start = self.tokens[self.at].start
        recursive, ctes = False, []
        if self.take("WITH"):
            recursive = self.take("RECURSIVE")
            ctes.append(self.cte())
            while self.take(","):
                ctes.append(self.cte())
        arms = [self.arm()]
        operators: list[str] = []
        while (operator := self.keys[self.at]) in ("UNION", "INTERSECT", "EXCEPT"):
            self.at += 1
            if operator == "UNION" and self.take("ALL"):
                operator = "UNION ALL"
            operators.append(operator)
            arms.append(self.arm())
        ends = isinstance(arms[-1], Select)  # VALUES has neither order nor limit
        order = self.terms() if ends and self.take("ORDER", "BY") else ()
        limit = offset = None
        if ends and self.take("LIMIT"):
            limit = self.expression()
            if self.take("OFFSET"):
                offset = self.expression()
            elif self.take(","):
                limit, offset = self.expression(), limit
        self.depth -= 1
        return Query(
            start, self.end, recursive, tuple(ctes), tuple(arms), tuple(operators), order, limit, offset
        )

    def cte(self) -> Cte:
        name = self.name()
        columns = self.names() if self.keys[self.at] == "(" else ()
        self.expect("AS")
        if not self.take("MATERIALIZED"):
            self.take("NOT", "MATERIALIZED")
        self.expect("(")
        query = self.query()
        self.expect(")")
        return Cte(name.start, self.end, name, columns, query)

    def names(self) -> tuple[Name, ...]:
        """Names between commas in parentheses."""
        self.expect("(")
        found = [self.name()]
        while self.take(","):
            found.append(self.name())
        self.expect(")")
        return tuple(found)

    def arm(self) -> Select | Values:
        if self.keys[self.at] == "VALUES":
            return self.values()
        start = self.tokens[self.at].start
        self.expect("SELECT")
        distinct = self.take("DISTINCT")
        if not distinct:
            self.take("ALL")
        items = [self.item()]
        while self.keys[self.at] == ",":
            self.at += 1
            items.append(self.item())
        sources = self.sources() if self.take("FROM") else ()
        where = self.expression() if self.take("WHERE") else None
        group = self.expressions() if self.take("GROUP", "BY") else ()
        having = self.expression() if self.take("HAVING") else None
        windows: list[NamedWindow] = []
        if self.keys[self.at] == "WINDOW":
            while self.take("," if windows else "WINDOW"):
                name = self.name()
                self.expect("AS")
                window = self.window()
                windows.append(NamedWindow(name.start, window.end, name, window))
        return Select(start, self.end, distinct, tuple(items), sources, where, group, having, tuple(windows))

    def values(self) -> Values:
        start = self.tokens[self.at].start
        self.at += 1
        rows: list[Row] = []
        while not rows or self.take(","):
            at = self.tokens[self.at].start
            self.expect("(")
            found = self.expressions()
            self.expect(")")
            rows.append(Row(at, self.end, found))
        return Values(start, self.end, tuple(rows))

    def item(self) -> Item:
        token = self.tokens[self.at]
        if token.key == "*":
            self.at += 1
            return Item(token.start, token.end, Star(token.start, token.end, None), None)
        if self.keys[self.at + 1] == "." and self.keys[self.at + 2] == "*":
            qualifier = self.name()
            self.at += 2
            return Item(token.start, self.end, Star(token.start, self.end, qualifier), None)
        value = self.expression()
        alias = self.alias()
        return Item(value.start, alias.end if alias else value.end, value, alias)

    def terms(self) -> tuple[Term, ...]:
        found = [self.term()]
        while self.take(","):
            found.append(self.term())
        return tuple(found)

    def term(self) -> Term:
        value = self.expression()
        descending = self.take("DESC")
        if not descending:
            self.take("ASC")
        nulls = ""
        if self.take("NULLS"):
            nulls = self.keys[self.at]
            if nulls not in ("FIRST", "LAST"):
                raise self.fail("FIRST or LAST")
            self.at += 1
        return Term(value.start, self.end, value, descending, nulls)

    # ---- FROM ----

    def sources(self) -> tuple[Joined, ...]:
        start = self.tokens[self.at].start
        source = self.source()
        found = [self.joined(start, "", False, source)]
        while True:
            start = self.tokens[self.at].start
            join = self.join()
            if join is None:
                return tuple(found)
            found.append(self.joined(start, *join, self.source()))

    def join(self) -> tuple[str, bool] | None:
        """The join that begins here, and whether it is NATURAL."""
        key = self.keys[self.at]
        if key == ",":
            self.at += 1
            return ",", False
        if key == "JOIN":
            self.at += 1
            return "JOIN", False
        at = self.at
        while self.keys[at] in JOIN_WORDS and at - self.at < 3:
            at += 1
        words = set(self.keys[self.at : at])
        if not words or self.keys[at] != "JOIN":
            return None
        sides = words & {"LEFT", "RIGHT", "FULL"}
        if (sides and words & {"INNER", "CROSS"}) or ("OUTER" in words and not sides):
            raise self.fail("a join of one kind")
        self.at = at + 1
        side = "FULL" if len(sides) > 1 else next(iter(sides), "CROSS" if "CROSS" in words else "")
        return f"{side} JOIN".strip(), "NATURAL" in words

    def joined(self, start: int, operator: str, natural: bool, source: Source) -> Joined:
        on: Expr | None = None
        using: tuple[Name, ...] = ()
        if self.take("ON"):
            on = self.expression()
        elif self.take("USING"):
            using = self.names()
        return Joined(start, self.end, operator, natural, source, on, using)

    def source(self) -> Source:
        start = self.tokens[self.at].start
        if self.take("("):
            inner: Query | tuple[Joined, ...]
            if self.opens_query():
                inner = self.query()
            else:
                self.enter()
                inner = self.sources()
                self.depth -= 1
            self.expect(")")
            alias = self.alias()
            if isinstance(inner, Query):
                return Derived(start, self.end, inner, alias)
            return Nested(start, self.end, inner, alias)
        table = self.table_name()
        alias = self.alias()
        index: Name | None = None
        if self.take("INDEXED", "BY"):
            index = self.name()
        else:
            self.take("NOT", "INDEXED")
        if alias is None and index is None and self.end == table.end:
            return table
        return TableRef(start, self.end, table.schema, table.name, table.arguments, alias, index)
