"""What a statement computes, in one English sentence, from its parse tree.

Invariant: the sentence says nothing that the statement does not do; where words are lacking (CASE, windows, rare
functions) the SQL itself stands in it, and where the statement cannot be read there is no sentence. It names
every table and every value that the statement compares with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.explain_values import AGGREGATES, Bound, Scope, Values, flat, listed
from sqlagent.sql.old_parser import Unreadable, parse
from sqlagent.sql.old_tree import (
    Binary,
    Call,
    Col,
    Expr,
    Item,
    Literal,
    Query,
    Select,
    Source,
    Term,
    children,
)

LONGEST = 700
"""Characters of the longest sentence; a longer one would explain less than the SQL does."""

_SETS = {
    "UNION": "together with",
    "UNION ALL": "followed by",
    "INTERSECT": "but only what is also in",
    "EXCEPT": "but without what is in",
}
_NUMERIC = ("int", "real", "floa", "doub", "dec", "num")


def in_words(sql: str, schema: Schema) -> str:
    """What a statement computes, as a noun phrase without a full stop; "" when it cannot be said."""
    try:
        said = _Speaker(schema).query(parse(sql), None)
    except (Unreadable, RecursionError):
        return ""
    return said if len(said) <= LONGEST else ""


def sentence(words: str) -> str:
    """The words as a line of their own: with a capital and a full stop."""
    return words[:1].upper() + words[1:] + "." if words else ""


class _Speaker(Values):
    """Puts trees into words over one schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    # ---- queries ----

    def query(self, query: Query, outer: Scope | None) -> str:
        first = self.scope(query.arms[0][1], outer)
        compound = len(query.arms) > 1
        said, scope = self.select(query.arms[0][1], first), first
        for operator, arm in query.arms[1:]:
            more = self.select(arm, self.scope(arm, outer))
            repeats = " (each row once)" if operator == "UNION" else ""
            said = f"({said}) {_SETS[operator]} ({more}){repeats}"
        said += self.ending(query, scope, compound)
        for name, named in query.named:
            said += f"; {name} stands for ({self.query(named, None)})"
        return said

    def scope(self, select: Select, outer: Scope | None) -> Scope:
        bound: list[Bound] = []
        tables = [fold(s.table) for s in select.sources if isinstance(s.table, str)]
        around = outer
        while around is not None:
            tables += [fold(source.table.name) for source in around.sources if source.table]
            around = around.outer
        for source in select.sources:
            if isinstance(source.table, Query):
                bound.append(Bound(fold(source.alias or ""), source.alias or "it", None))
                continue
            table = self.schema.table(source.table)
            name = table.name if table else source.table
            # A table's own name is clearer than T1, unless it is there twice.
            twice = tables.count(fold(source.table)) > 1
            label = source.alias if twice and source.alias else name
            bound.append(Bound(fold(source.alias or source.table), label, table))
        return Scope(tuple(bound), select.items, outer)

    def select(self, select: Select, scope: Scope) -> str:
        keys = {self.value(self.position(term, scope), scope) for term in select.group}
        counted = any(_aggregates(item.value) for item in select.items)
        # "For each city" says that the city is shown.
        shown = [i for i in select.items if self.value(i.value, scope) not in keys] if counted else []
        items = self.items(shown or select.items, scope)
        own = {self.value(item.value, scope) for item in select.items}
        if select.distinct:
            items = f"distinct {items}"
        elif keys and own == keys:
            items = f"each {items}"
        said = items
        if select.sources:
            alone = len(select.sources) == 1
            joiner = " over " if counted else " of " if alone else ", from "
            if items in ("number of rows", "distinct number of rows"):
                joiner = " in "
            said += joiner + self.sources(select, scope)
        if select.where is not None:
            said += f" where {self.condition(select.where, scope)}"
        if select.group:
            each = [
                key + ("" if key in own else " (not shown)")
                for key in dict.fromkeys(self.value(self.position(t, scope), scope) for t in select.group)
            ]
            if select.distinct or own != keys:
                said += f", for each {listed(each)}"
        if select.having is not None:
            said += f", only where {self.condition(select.having, scope)}"
        return said

    def items(self, items: Sequence[Item], scope: Scope) -> str:
        """The result columns; neighbours of one table share its name."""
        phrases: list[str] = []
        run: list[str] = []
        owner: str | None = None

        def close() -> None:
            if run:
                phrases.append(listed(run) + (f" of {owner}" if owner else ""))
                run.clear()

        several = len(scope.sources) > 1
        for item in items:
            named = f" (as {item.alias})" if item.alias and scope.outer is not None else ""
            source = self.owner(item.value, scope) if several and isinstance(item.value, Col) else None
            if isinstance(item.value, Col) and source is not None and not named:
                if run and owner != source.label:
                    close()
                owner = source.label
                run.append(item.value.name)
            else:
                close()
                phrases.append(self.value(item.value, scope) + named)
        close()
        return listed(phrases)

    def sources(self, select: Select, scope: Scope) -> str:
        said = ""
        for number, (source, bound) in enumerate(zip(select.sources, scope.sources, strict=True)):
            name = self.source(source, bound, scope)
            on = self.links(source.on, scope) if source.on is not None else ""
            matched = f" ({on})" if on else ""
            if number == 0:
                said = name
            elif source.join == "LEFT JOIN":
                said += f", with matching {name}{matched} or nothing"
            elif source.join == "CROSS JOIN":
                said += f" in every combination with {name}{matched}"
            else:
                said += f" joined with {name}{matched}"
        return said

    def source(self, source: Source, bound: Bound, scope: Scope) -> str:
        if isinstance(source.table, Query):
            called = f" called {source.alias}" if source.alias and len(scope.sources) > 1 else ""
            return f"({self.query(source.table, Scope((), (), scope.outer))}){called}"
        name = bound.table.name if bound.table else source.table
        return f"{name} (as {bound.label})" if fold(bound.label) != fold(name) else name

    def links(self, on: Expr, scope: Scope) -> str:
        """A join's condition, without what a foreign key says anyway; "" when nothing is left."""
        rest = [part for part in _conjuncts(on) if not self.is_key(part, scope)]
        return " and ".join(self.condition(part, scope, inside=True) for part in rest)

    def is_key(self, part: Expr, scope: Scope) -> bool:
        if not isinstance(part, Binary) or part.operator != "=":
            return False
        left, right = part.left, part.right
        if not isinstance(left, Col) or not isinstance(right, Col):
            return False
        one, two = self.owner(left, scope), self.owner(right, scope)
        if one is None or two is None or one.table is None or two.table is None or one is two:
            return False
        return _refers(one.table, left.name, two.table, right.name) or _refers(
            two.table, right.name, one.table, left.name
        )

    def ending(self, query: Query, scope: Scope, compound: bool) -> str:
        """ORDER BY and LIMIT in words."""
        terms = query.order
        limit = None if query.limit is None else _count(query.limit)
        said = ""
        if limit is not None and len(terms) == 1 and not query.offset and not compound:
            best = self.best(terms[0], scope, limit)
            if best:
                return f", {best}"
        if terms:
            by = listed([self.term(term, scope, compound) for term in terms])
            said = f", sorted by {by}"
        if limit is not None:
            which = "first" if terms else "any"
            if query.offset and _count(query.offset) != "0":
                said += f", {limit} rows after the first {_count(query.offset)}"
            elif which == "first":
                said += ", only the first" + ("" if limit == "1" else f" {limit}")
            else:
                said += f", at most {limit} row{'' if limit == '1' else 's'}"
        return said

    def best(self, term: Term, scope: Scope, limit: str) -> str:
        """ "the 5 with the highest salary", where highest is what anybody would call it."""
        value = self.position(term.value, scope)
        many = f"the {limit}" if limit != "1" else "the one"
        if isinstance(value, Call) and value.name == "COUNT" and value.filter is None:
            what = self.value(value, scope)
            what = "most rows" if what == "number of rows" else f"highest {what}"
            if not term.descending:
                what = what.replace("most rows", "fewest rows").replace("highest", "lowest", 1)
            return f"{many} with the {what}"
        column = self.column(value, scope)
        if column is None or term.nulls or not any(kind in column.type.lower() for kind in _NUMERIC):
            return ""
        if not term.descending and not (column.not_null or column.pk):
            return ""  # NULL comes before the lowest value
        return f"{many} with the {'highest' if term.descending else 'lowest'} {self.value(value, scope)}"

    def term(self, term: Term, scope: Scope, compound: bool) -> str:
        value = self.position(term.value, scope)
        # Behind a set operation a name is that of a result column.
        said = value.name if compound and isinstance(value, Col) else self.value(value, scope)
        nulls = f" with missing values {term.nulls.lower()}" if term.nulls else ""
        return said + (" (descending)" if term.descending else "") + nulls

    def position(self, value: Expr, scope: Scope) -> Expr:
        """What `ORDER BY 2` or the alias of a result column stands for."""
        if isinstance(value, Literal) and value.kind == "number" and value.text.isdigit():
            place = int(value.text) - 1
            if 0 <= place < len(scope.items):
                return scope.items[place].value
        if isinstance(value, Col) and value.qualifier is None:
            for item in scope.items:
                if item.alias is not None and fold(item.alias) == fold(value.name):
                    return item.value
        return value


# ---- small things --------------------------------------------------------------------------------------------


def _count(number: str) -> str:
    return number.lstrip("0") or "0"


def _conjuncts(value: Expr) -> list[Expr]:
    return flat(value, "AND")


def _refers(table: Table, column: str, other: Table, column_there: str) -> bool:
    return any(
        fold(key.ref_table) == fold(other.name)
        and (fold(column), fold(column_there))
        in [(fold(a), fold(b)) for a, b in zip(key.columns, key.ref_columns, strict=False)]
        for key in table.foreign_keys
    )


def _aggregates(value: Any) -> bool:
    """Whether an aggregate stands in a value, outside subqueries."""
    if isinstance(value, Call) and value.name in AGGREGATES and len(value.arguments) == 1:
        return True
    return any(_aggregates(part) for part in children(value) if not isinstance(part, Query))
