"""What a statement computes, in one English sentence, from its parse tree.

Invariant: the sentence says nothing that the statement does not do; where words are lacking (CASE, windows, rare
functions) the SQL itself stands in it, and where the statement cannot be read there is no sentence. It names
every table and every value that the statement compares with.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlagent.database.column_kinds import holds_numbers
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql import tree
from sqlagent.sql.explain_values import AGGREGATE_WORDS, Values, constant, listed
from sqlagent.sql.parser import Unreadable
from sqlagent.sql.reading import Reading, read
from sqlagent.sql.scope import Bound, Scope
from sqlagent.sql.tree import Binary, Call, Column, Derived, Expr, Item, Query, Select, Term
from sqlagent.sql.walk import bare, children, flat

LONGEST = 700
"""Characters of the longest sentence; a longer one would explain less than the SQL does."""

_SETS = {
    "UNION": "together with",
    "UNION ALL": "followed by",
    "INTERSECT": "but only what is also in",
    "EXCEPT": "but without what is in",
}


def in_words(sql: str, schema: Schema) -> str:
    """What a statement computes, as a noun phrase without a full stop; "" when it cannot be said."""
    try:
        return said(read(sql, schema))
    except Unreadable:
        return ""


def said(reading: Reading) -> str:
    """The same of a statement that has been read."""
    try:
        words = _Speaker(reading).query(reading.query, nested=False)
    except (Unsaid, RecursionError):
        return ""
    return words if len(words) <= LONGEST else ""


class Unsaid(ValueError):
    """A statement does what there are no words for."""


def sentence(words: str) -> str:
    """The words as a line of their own: with a capital and a full stop."""
    return words[:1].upper() + words[1:] + "." if words else ""


class _Speaker(Values):
    """Puts a statement into words."""

    # ---- queries ----

    def query(self, query: Query, nested: bool = True) -> str:
        """A query; `nested` in another one, where what its columns are called matters."""
        if query.recursive or any(cte.columns for cte in query.ctes):
            raise Unsaid
        first, *more = (self.arm(arm) for arm in query.arms)
        compound = bool(more)
        words = self.select(first, nested)
        for operator, arm in zip(query.operators, more, strict=True):
            repeats = " (each row once)" if operator == "UNION" else ""
            words = f"({words}) {_SETS[operator]} ({self.select(arm, nested)}){repeats}"
        words += self.ending(query, first, compound)
        for cte in query.ctes:
            words += f"; {cte.name.text} stands for ({self.query(cte.query, nested=False)})"
        return words

    def arm(self, arm: Select | tree.Values) -> Select:
        if not isinstance(arm, Select) or arm.windows:
            raise Unsaid
        return arm

    def select(self, select: Select, nested: bool) -> str:
        scope = self.scopes.scope(select)
        keys = {self.value(self.scopes.stands_for(term), scope) for term in select.group}
        counted = any(_aggregates(item.value) for item in select.items)
        # "For each city" says that the city is shown.
        own = {self.value(item.value, scope) for item in select.items} if keys else set()
        shown = (
            [i for i in select.items if self.value(i.value, scope) not in keys] if counted and keys else []
        )
        items = self.items(shown or select.items, scope, nested)
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
                for key in dict.fromkeys(self.value(self.scopes.stands_for(t), scope) for t in select.group)
            ]
            if select.distinct or own != keys:
                said += f", for each {listed(each)}"
        if select.having is not None:
            said += f", only where {self.condition(select.having, scope)}"
        return said

    def items(self, items: Sequence[Item], scope: Scope, nested: bool) -> str:
        """The result columns; neighbours of one table share its name."""
        phrases: list[str] = []
        run: list[str] = []
        owner: str | None = None

        def close() -> None:
            if run:
                phrases.append(listed(run) + (f" of {owner}" if owner else ""))
                run.clear()

        several = len(scope.bounds) > 1
        for item in items:
            value = bare(item.value)
            named = f" (as {item.alias.text})" if item.alias and nested else ""
            source = self.owner(value, scope) if several and isinstance(value, Column) else None
            if isinstance(value, Column) and source is not None and not named:
                label = self.label(source, scope)
                if run and owner != label:
                    close()
                owner = label
                run.append(value.name.text)
            else:
                close()
                phrases.append(self.value(value, scope) + named)
        close()
        return listed(phrases)

    def sources(self, select: Select, scope: Scope) -> str:
        words = ""
        if any(joined.natural or joined.using for joined in select.sources):
            raise Unsaid
        if len(scope.bounds) != len(select.sources):  # parentheses
            raise Unsaid
        for number, (joined, bound) in enumerate(zip(select.sources, scope.bounds, strict=True)):
            name = self.source(bound, scope)
            on = self.links(joined.on, scope) if joined.on is not None else ""
            matched = f" ({on})" if on else ""
            if number == 0:
                words = name
            elif joined.operator == "LEFT JOIN":
                words += f", with matching {name}{matched} or nothing"
            elif joined.operator in ("CROSS JOIN", ","):
                words += f" in every combination with {name}{matched}"
            elif joined.operator == "JOIN":
                words += f" joined with {name}{matched}"
            else:
                raise Unsaid
        return words

    def source(self, bound: Bound, scope: Scope) -> str:
        node = bound.node
        if isinstance(node, Derived):
            called = f" called {node.alias.text}" if node.alias and len(scope.bounds) > 1 else ""
            return f"({self.query(node.query)}){called}"
        if node.arguments is not None:
            raise Unsaid
        name, label = bound.table.name if bound.table else node.name.text, self.label(bound, scope)
        return f"{name} (as {label})" if fold(label) != fold(name) else name

    def links(self, on: Expr, scope: Scope) -> str:
        """A join's condition, without what a foreign key says anyway; "" when nothing is left."""
        rest = [part for part in flat(on, "AND") if not self.is_key(part, scope)]
        return " and ".join(self.condition(part, scope, inside=True) for part in rest)

    def is_key(self, part: Expr, scope: Scope) -> bool:
        if not isinstance(part, Binary) or part.operator != "=":
            return False
        left, right = bare(part.left), bare(part.right)
        if not isinstance(left, Column) or not isinstance(right, Column):
            return False
        one, two = self.owner(left, scope), self.owner(right, scope)
        if one is None or two is None or one.table is None or two.table is None or one is two:
            return False
        first, second = left.name.text, right.name.text
        return _refers(one.table, first, two.table, second) or _refers(two.table, second, one.table, first)

    def ending(self, query: Query, first: Select, compound: bool) -> str:
        """ORDER BY and LIMIT in words."""
        terms, scope = query.order, self.scopes.scope(first)
        limit, offset = _count(query.limit), _count(query.offset)
        if limit is not None and len(terms) == 1 and offset is None and not compound:
            best = self.best(terms[0], scope, limit)
            if best:
                return f", {best}"
        words = ""
        if terms:
            by = listed([self.term(term, scope, compound) for term in terms])
            words = f", sorted by {by}"
        if limit is not None:
            which = "first" if terms else "any"
            if offset is not None and offset != "0":
                words += f", {limit} rows after the first {offset}"
            elif which == "first":
                words += ", only the first" + ("" if limit == "1" else f" {limit}")
            else:
                words += f", at most {limit} row{'' if limit == '1' else 's'}"
        return words

    def best(self, term: Term, scope: Scope, limit: str) -> str:
        """ "the 5 with the highest salary", where highest is what anybody would call it."""
        value = bare(self.scopes.stands_for(term.value))
        many = f"the {limit}" if limit != "1" else "the one"
        if isinstance(value, Call) and value.function == "COUNT" and not (value.filter or value.window):
            what = self.value(value, scope)
            what = "most rows" if what == "number of rows" else f"highest {what}"
            if not term.descending:
                what = what.replace("most rows", "fewest rows").replace("highest", "lowest", 1)
            return f"{many} with the {what}"
        column = self.column(value, scope)
        if column is None or term.nulls or not holds_numbers(column):
            return ""
        if not term.descending and not (column.not_null or column.pk):
            return ""  # NULL comes before the lowest value
        return f"{many} with the {'highest' if term.descending else 'lowest'} {self.value(value, scope)}"

    def term(self, term: Term, scope: Scope, compound: bool) -> str:
        value = bare(self.scopes.stands_for(term.value))
        # Behind a set operation a name is that of a result column.
        words = value.name.text if compound and isinstance(value, Column) else self.value(value, scope)
        nulls = f" with missing values {term.nulls.lower()}" if term.nulls else ""
        return words + (" (descending)" if term.descending else "") + nulls


# ---- small things --------------------------------------------------------------------------------------------


def _count(value: Expr | None) -> str | None:
    """The number of a LIMIT. Raises Unsaid for anything else."""
    if value is None:
        return None
    literal = constant(value)
    if literal is None or not literal.value.isdigit():
        raise Unsaid
    return literal.value.lstrip("0") or "0"


def _refers(table: Table, column: str, other: Table, column_there: str) -> bool:
    return any(
        fold(key.ref_table) == fold(other.name)
        and (fold(column), fold(column_there))
        in [(fold(a), fold(b)) for a, b in zip(key.columns, key.ref_columns, strict=False)]
        for key in table.foreign_keys
    )


def _aggregates(value: tree.Node) -> bool:
    """Whether an aggregate stands in a value, outside subqueries and what is kept as SQL."""
    if isinstance(value, Call):
        if value.window is not None:
            return False
        if value.function in AGGREGATE_WORDS and len(value.arguments) == 1:
            return True
    if isinstance(value, tree.Case):
        return False
    return any(_aggregates(part) for part in children(value) if not isinstance(part, Query))
