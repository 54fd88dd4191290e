"""Reads a SELECT statement in the form that the grammar writes.

Invariant: whatever this small parser does not know raises `Unreadable`. No dependency, because it is loaded with
every answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlagent.sql.old_lexer import Unreadable, Word, words
from sqlagent.sql.old_tree import (
    Between,
    Binary,
    Call,
    Cast,
    Col,
    Exists,
    Expr,
    In,
    Item,
    Literal,
    Query,
    Raw,
    Select,
    Source,
    Star,
    Term,
    Unary,
    Value,
)

__all__ = ["Unreadable", "parse"]
DEPTH = 40
"""Expressions and queries inside one another that are read."""


_RESERVED = frozenset(
    [
        "SELECT",
        "DISTINCT",
        "FROM",
        "WHERE",
        "GROUP",
        "HAVING",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "UNION",
        "INTERSECT",
        "EXCEPT",
        "JOIN",
        "LEFT",
        "CROSS",
        "INNER",
        "ON",
        "AND",
        "OR",
        "NOT",
        "AS",
        "IN",
        "IS",
        "LIKE",
        "GLOB",
        "BETWEEN",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "EXISTS",
        "WITH",
        "USING",
        "NATURAL",
        "ALL",
        "BY",
        "DESC",
        "ASC",
        "ISNULL",
        "NOTNULL",
        "COLLATE",
        "ESCAPE",
        "VALUES",
    ]
)
_CONSTANTS = frozenset({"NULL", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "TRUE", "FALSE"})
_JOINS = (
    (("JOIN",), "JOIN"),
    (("INNER", "JOIN"), "JOIN"),
    (("LEFT", "JOIN"), "LEFT JOIN"),
    (("LEFT", "OUTER", "JOIN"), "LEFT JOIN"),
    (("CROSS", "JOIN"), "CROSS JOIN"),
    ((",",), "CROSS JOIN"),
)
_LEVELS = (("+", "-"), ("*", "/", "%"), ("||",))
_COMPARISONS = frozenset({"=", "==", "!=", "<>", "<", ">", "<=", ">=", "LIKE", "GLOB", "IS"})


def parse(sql: str) -> Query:
    """The tree of one statement. Raises Unreadable."""
    reader = _Reader(sql)
    query = reader.query()
    reader.expect("")
    return query


@dataclass
class _Reader:
    sql: str
    at: int = 0
    depth: int = 0
    words: list[Word] = field(init=False)

    def __post_init__(self) -> None:
        self.words = words(self.sql)

    def peek(self, ahead: int = 0) -> str:
        """The next word in capitals; quoted names and texts as written."""
        word = self.words[min(self.at + ahead, len(self.words) - 1)]
        return word.text.upper() if word.kind == "name" else word.text

    def take(self, *texts: str) -> bool:
        """Whether the next words are these, which are then read over."""
        if all(self.peek(i) == text for i, text in enumerate(texts)):
            self.at += len(texts)
            return True
        return False

    def expect(self, text: str) -> None:
        if self.peek() != text:
            raise Unreadable(f"{self.peek()!r} where {text!r} should be")
        self.at += 1

    def name(self) -> str:
        word = self.words[self.at]
        if word.kind == "quoted":
            self.at += 1
            mark = word.text[-1]
            return word.text[1:-1].replace(mark * 2, mark)
        if word.kind != "name" or word.text.upper() in _RESERVED:
            raise Unreadable(f"{word.text!r} is no name")
        self.at += 1
        return word.text

    def listed(self) -> Iterator[None]:
        """Once, and again behind each comma."""
        yield
        while self.take(","):
            yield

    def query(self) -> Query:
        self.depth += 1
        if self.depth > DEPTH:
            raise Unreadable("too deep")
        named = []
        if self.take("WITH"):
            for _ in self.listed():
                name = self.name()
                self.expect("AS")
                self.expect("(")
                named.append((name, self.query()))
                self.expect(")")
        arms = [("", self.select())]
        while (operator := self.peek()) in ("UNION", "INTERSECT", "EXCEPT"):
            self.at += 1
            if operator == "UNION" and self.take("ALL"):
                operator = "UNION ALL"
            arms.append((operator, self.select()))
        order = []
        if self.take("ORDER", "BY"):
            order = [self.term() for _ in self.listed()]
        limit = offset = None
        if self.take("LIMIT"):
            limit = self.count()
            if self.take("OFFSET"):
                offset = self.count()
        self.depth -= 1
        return Query(tuple(arms), tuple(order), limit, offset, tuple(named))

    def count(self) -> str:
        word = self.words[self.at]
        if word.kind != "number":
            raise Unreadable("a limit that is no number")
        self.at += 1
        return word.text

    def term(self) -> Term:
        value = self.expression()
        descending = self.take("DESC") or (self.take("ASC") and False)
        nulls = ""
        if self.take("NULLS"):
            nulls = self.peek()
            if nulls not in ("FIRST", "LAST"):
                raise Unreadable("NULLS of no kind")
            self.at += 1
        return Term(value, descending, nulls)

    def select(self) -> Select:
        self.expect("SELECT")
        distinct = self.take("DISTINCT")
        items = tuple(self.item() for _ in self.listed())
        sources: list[Source] = []
        if self.take("FROM"):
            sources.append(self.source(""))
            while (join := self.join()) is not None:
                sources.append(self.source(join))
        where = self.expression() if self.take("WHERE") else None
        group = tuple(self.expression() for _ in self.listed()) if self.take("GROUP", "BY") else ()
        having = self.expression() if self.take("HAVING") else None
        return Select(items, distinct, tuple(sources), where, group, having)

    def item(self) -> Item:
        if self.take("*"):
            return Item(Star(None), None)
        if self.peek(1) == "." and self.peek(2) == "*":
            qualifier = self.name()
            self.at += 2
            return Item(Star(qualifier), None)
        value = self.expression()
        return Item(value, self.name() if self.take("AS") else None)

    def join(self) -> str | None:
        for spelt, kind in _JOINS:
            if self.take(*spelt):
                return kind
        return None

    def source(self, join: str) -> Source:
        table: str | Query
        if self.take("("):
            table = self.query()
            self.expect(")")
        else:
            table = self.name()
        alias = None
        word = self.words[self.at]
        if self.take("AS") or word.kind == "quoted" or (
            word.kind == "name" and word.text.upper() not in _RESERVED
        ):  # fmt: skip
            alias = self.name()
        return Source(join, table, alias, self.expression() if self.take("ON") else None)

    def expression(self) -> Expr:
        self.depth += 1
        if self.depth > DEPTH:
            raise Unreadable("too deep")
        left = self.conjunction()
        while self.take("OR"):
            left = Binary("OR", left, self.conjunction())
        self.depth -= 1
        return left

    def conjunction(self) -> Expr:
        left = self.negation()
        while self.take("AND"):
            left = Binary("AND", left, self.negation())
        return left

    def negation(self) -> Expr:
        count = 0
        while self.take("NOT"):
            count += 1
        value = self.comparison()
        for _ in range(count):
            value = Unary("NOT", value)
        return value

    def comparison(self) -> Expr:
        value = self.arithmetic(0)
        while True:
            negated = self.peek() == "NOT" and self.peek(1) in ("LIKE", "GLOB", "BETWEEN", "IN")
            self.at += negated
            operator = self.peek()
            if operator == "BETWEEN":
                self.at += 1
                low = self.arithmetic(0)
                self.expect("AND")
                value = Between(value, low, self.arithmetic(0), negated)
            elif operator == "IN":
                self.at += 1
                value = In(value, self.members(), negated)
            elif operator in _COMPARISONS and self.words[self.at].kind in ("name", "mark"):
                self.at += 1
                operator = {"==": "=", "<>": "!="}.get(operator, operator)
                if operator == "IS" and self.take("NOT"):
                    operator = "IS NOT"
                right = self.arithmetic(0)
                value = Binary(f"NOT {operator}" if negated else operator, value, right)
            else:
                return value

    def members(self) -> tuple[Expr, ...] | Query:
        self.expect("(")
        members: tuple[Expr, ...] | Query
        if self.peek() in ("SELECT", "WITH"):
            members = self.query()
        else:
            members = tuple(self.expression() for _ in self.listed())
        self.expect(")")
        return members

    def arithmetic(self, level: int) -> Expr:
        if level == len(_LEVELS):
            return self.operand()
        left = self.arithmetic(level + 1)
        while self.words[self.at].kind == "mark" and self.peek() in _LEVELS[level]:
            operator = self.peek()
            self.at += 1
            left = Binary(operator, left, self.arithmetic(level + 1))
        return left

    def operand(self) -> Expr:
        word = self.words[self.at]
        text = self.peek()
        if word.kind == "text":
            self.at += 1
            return Literal("text", word.text[1:-1].replace("''", "'"))
        if word.kind == "number":
            self.at += 1
            return Literal("number", word.text)
        if text in ("-", "+") and word.kind == "mark":
            self.at += 1
            value = self.operand()
            return Literal("number", text.strip("+") + value.text) if (
                isinstance(value, Literal) and value.kind == "number" and not value.text.startswith("-")
            ) else Unary(text, value)  # fmt: skip
        if self.take("("):
            if self.peek() in ("SELECT", "WITH"):
                value = Value(self.query())
            else:
                value = self.expression()
            self.expect(")")
            return value
        if word.kind == "name":
            if text == "EXISTS" and self.peek(1) == "(":
                self.at += 2
                query = self.query()
                self.expect(")")
                return Exists(query)
            if text == "CASE":
                return self.case()
            if text in _CONSTANTS:
                self.at += 1
                return Literal("word", text)
            if self.peek(1) == "(" and (text not in _RESERVED or text == "REPLACE"):
                return self.call()
        name = self.name()
        return Col(name, self.name()) if self.take(".") else Col(None, name)

    def case(self) -> Raw:
        """CASE … END as it was written; it is read to find its end."""
        start = self.words[self.at].start
        self.expect("CASE")
        if self.peek() != "WHEN":
            self.expression()
        while self.take("WHEN"):
            self.expression()
            self.expect("THEN")
            self.expression()
        if self.take("ELSE"):
            self.expression()
        self.expect("END")
        return Raw(self.sql[start : self.words[self.at - 1].end])

    def call(self) -> Expr:
        start = self.words[self.at].start
        name = self.words[self.at].text.upper()
        self.at += 2
        arguments: tuple[Expr, ...] = ()
        distinct = False
        if name == "CAST":
            value = self.expression()
            self.expect("AS")
            kind = self.name()
            self.expect(")")
            return Cast(value, kind)
        if self.take("*"):
            arguments = (Star(None),)
        elif self.peek() != ")":
            distinct = self.take("DISTINCT")
            arguments = tuple(self.expression() for _ in self.listed())
        self.expect(")")
        condition = None
        if self.peek() == "FILTER" and self.peek(1) == "(":
            self.at += 2
            self.expect("WHERE")
            condition = self.expression()
            self.expect(")")
        if self.peek() == "OVER" and self.peek(1) == "(":
            open_ = 0
            while True:
                word = self.words[self.at]
                if word.kind == "end":
                    raise Unreadable("a window without an end")
                open_ += (word.text == "(") - (word.text == ")")
                self.at += 1
                if word.text == ")" and not open_:
                    return Raw(self.sql[start : word.end])
        return Call(name, arguments, distinct, condition)
