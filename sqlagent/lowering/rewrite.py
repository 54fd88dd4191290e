"""Walk a statement and collect the edits that make it right for how columns are stored.

Invariant: an edit replaces a part of a statement by one that gives, over the stored values, what the part gives over
the meant ones; where no rule knows how, `Unlowerable` is raised and the statement stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlagent.database.column_facts.encodings import (
    Duration,
    Flag,
    Listed,
    Named,
    Padded,
    TextNumber,
    ZeroFilled,
)
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.schema import fold
from sqlagent.lowering import lists
from sqlagent.lowering.conditions import Conditions
from sqlagent.lowering.stored_form import Stored
from sqlagent.sql import tree
from sqlagent.sql.names import quote
from sqlagent.sql.scope import Bound
from sqlagent.sql.tree import (
    Between,
    Binary,
    Call,
    Cast,
    Column,
    Expr,
    In,
    Item,
    Like,
    Literal,
    NullTest,
    Query,
    Select,
    Star,
    Subquery,
)
from sqlagent.sql.walk import bare, children


class Rewriter(Conditions):
    """Collects edits for one statement; `run` once, then `edits.sql()`."""

    def run(self) -> None:
        """Collect all edits. Raises Unlowerable."""
        for node in self.statement.find(Binary):
            right = bare(node.right)
            if (
                node.operator == "="
                and isinstance(right, Literal)
                and right.kind == "text"
                and not right.value
            ):
                self.asked_empty |= self.reading.scopes.bases(node.left)
        self.query(self.reading.query, outermost=True, meant=self.options.shown)

    def results(self) -> tuple[ColumnFact | None, ...]:
        """The fact behind each result column of one SELECT; empty for anything else."""
        select = self.statement.select
        if select is None:
            return ()
        found: list[ColumnFact | None] = []
        for item in select.items:
            value = bare(item.value)
            if isinstance(value, Star):
                bounds = self.starred(value, select)
                if bounds is None:
                    return ()
                found += [
                    self.facts.get((fold(bound.table.name), fold(column.name)))
                    for bound in bounds
                    if bound.table is not None
                    for column in bound.table.columns
                    if column.computed is None
                ]
            else:
                column = self.physical(value)
                found.append(column.fact if column is not None else None)
        return tuple(found)

    def starred(self, star: Star, select: Select) -> list[Bound] | None:
        """The tables whose columns `*` stands for; None where a query is among them, or columns are merged."""
        scope = self.reading.scopes.scope(select)
        label = fold(star.qualifier.text) if star.qualifier else None
        bounds = [bound for bound in scope.bounds if label is None or fold(bound.label) == label]
        return None if scope.merged or any(bound.table is None for bound in bounds) else bounds

    # ---- queries ----

    def query(
        self, query: Query, *, outermost: bool = False, meant: bool = False, stored: bool = False
    ) -> None:
        """`meant`: bare columns among the results are wanted as they are meant.

        Else they are handed on as stored, and whoever uses them writes what they mean; `stored`: so is MAX(column).
        """
        before, self.strict = self.strict, True
        for cte in query.ctes:
            self.query(cte.query)
        for arm in query.arms:
            if isinstance(arm, Select):
                self.select(arm, outermost=outermost, meant=meant, stored=stored)
        for term in query.order:
            self.ordered(term.value, meant)
        self.strict = before

    def select(self, select: Select, *, outermost: bool, meant: bool, stored: bool) -> None:
        self.members(select)
        for item in select.items:
            if stored:
                self.as_stored(item.value)
            else:
                self.item(item, select, outermost=outermost, meant=meant)
        for joined in select.sources:
            self.source(joined)
        for condition in (select.where, select.having):
            if condition is not None:
                self.chosen_by(condition)
        for term in select.group:
            self.grouped(term)
        for named in select.windows:
            self.window(named.window)

    def members(self, select: Select) -> None:
        """A SELECT that groups by a list, or asks for the different ones, is about its members."""
        terms = list(select.group)
        if len(select.items) == 1 and not select.group:
            value = bare(select.items[0].value)
            if isinstance(value, Call) and value.function == "COUNT" and value.distinct:
                value = bare(value.arguments[0])
            elif not select.distinct:
                return
            terms = [value]
        for term in terms:
            value = bare(self.reading.scopes.stands_for(term))
            column = self.stored(value) if isinstance(value, Column) else None
            base = self.reading.scopes.base(value) if column is not None else None
            if column is None or base is None or not isinstance(column.encoding, Listed):
                continue
            name = quote(f"{base[1].name}_each")
            above = self.statement.parent(select)
            order = above.order if isinstance(above, Query) and len(above.arms) == 1 else ()
            parts: list[tree.Node] = [*select.items, *select.group, *order]
            if select.having is not None:
                parts.append(select.having)
            places = [place for part in parts for place in self.statement.find(Column, part)]
            for place in places:
                reference = self.reading.scopes.of(place)
                if reference.item is not None or self.reading.scopes.base(place) != base:
                    continue
                item = self.statement.parent(place)
                bare_item = isinstance(item, Item) and item.alias is None
                label = f" AS {quote(place.name.text)}" if bare_item else ""
                self.put(place, place, f"{name}.value{label}")
                self.exploded.add(place)
            self.edits.add_join(select, f"JOIN json_each({lists.each(column)}) AS {name}")

    def source(self, joined: tree.Joined) -> None:
        source = joined.source
        if isinstance(source, tree.Derived):
            self.query(source.query)
        elif isinstance(source, tree.Nested):
            for inner in source.sources:
                self.source(inner)
        if joined.on is not None:
            self.chosen_by(joined.on)

    def item(self, item: Item, select: Select, *, outermost: bool, meant: bool) -> None:
        value = bare(item.value)
        if isinstance(value, Star):
            if meant:
                self.star(item, value, select)
            return
        column = self.stored(value)
        if column is not None:
            if meant and self.unreadable(column):
                assert isinstance(value, Column)
                name = "" if item.alias else f" AS {quote(value.name.text)}"
                self.put(item.value, value, column.meaning() + name)
            return
        if not outermost and isinstance(value, Subquery) and self.physical(value) is not None:
            self.query(value.query, stored=True)  # what is around it asks for the column that it gives
            return
        before = self.changes
        if not (outermost and meant and self.extreme_duration(value)):
            self.value(item.value, meant=meant or not outermost)
        if self.changes > before and outermost and item.alias is None:
            self.edits.after(item.value, " AS " + quote(self.statement.text(item.value)))

    def extreme_duration(self, node: Expr) -> bool:
        """The longest or the shortest duration as a result, shown as the column writes it."""
        if not isinstance(node, Call) or node.function not in ("MIN", "MAX") or len(node.arguments) != 1:
            return False
        column = self.stored(node.arguments[0])
        if column is None or not isinstance(column.encoding, Duration) or node.filter or node.window:
            return False
        name = self.statement.text(node.name)
        self.put(node, node.arguments[0], column.written_extreme(name))
        return True

    def star(self, item: Item, star: Star, select: Select) -> None:
        """`*` written out, where a column of it is a time that is not stored as one."""
        bounds = self.starred(star, select)
        if bounds is None:
            return
        names: list[str] = []
        found = []
        for bound in bounds:
            assert bound.table is not None
            for column in bound.table.columns:
                if column.computed is not None:
                    continue
                key = (fold(bound.table.name), fold(column.name))
                fact = self.facts.get(key)
                sql = f"{quote(bound.label)}.{quote(column.name)}"
                stored = Stored(sql, fact, self.options.local) if fact is not None else None
                if stored is not None and self.unreadable(stored):
                    names.append(f"{stored.meaning()} AS {quote(column.name)}")
                    found.append((key, stored.fact))
                else:
                    names.append(sql)
        if found:
            self.edits.replace(item, ", ".join(names))
            self.used.update(found)

    def ordered(self, value: Expr, meant: bool) -> None:
        inner = bare(value)
        column = self.stored(inner)
        if column is None:
            self.value(value, meant=True)
            return
        if column.fact.key:
            return
        assert isinstance(inner, Column)
        reference = self.reading.scopes.of(inner)
        if reference.item is not None and reference.item.alias is not None:
            item = bare(reference.item.value)
            if meant and self.unreadable(column):
                return  # the alias stands for what is shown, which sorts as it is meant
            column = column.of(self.statement.text(item))
        if column.encoding is None or column.monotone:
            if column.fact.nothing and column.fact.meaning != "text":
                self.put(value, inner, column.clean)
        elif isinstance(column.encoding, TextNumber) and column.encoding.mixed:
            number = column.meaning()
            self.put(value, inner, f"{number} IS NULL, {number}")  # words behind the numbers, either way
        elif not isinstance(column.encoding, (Flag, Padded, Named, ZeroFilled)):
            self.put(value, inner, column.meaning())

    def grouped(self, value: Expr) -> None:
        column = self.stored(value)
        if column is None:
            self.value(value, meant=True)
            return
        if not column.fact.key and not column.injective and not isinstance(column.encoding, TextNumber):
            inner = bare(value)
            assert isinstance(inner, Column)
            reference = self.reading.scopes.of(inner)
            if reference.item is None:
                self.put(value, value, column.meaning())

    def window(self, window: tree.Window) -> None:
        for part in window.partition:
            self.grouped(part)
        for term in window.order:
            self.ordered(term.value, False)

    # ---- expressions ----

    def value(self, node: Expr, *, meant: bool) -> None:
        """Any expression. `meant`: a column in it is wanted as it is meant."""
        inner = bare(node)
        rule = _RULES.get(type(inner))
        if rule is not None and rule(self, inner, meant):
            return
        if isinstance(inner, Column):
            self.leaf(inner, meant)
            return
        if isinstance(inner, Subquery):
            self.query(inner.query, meant=meant)
            return
        if isinstance(inner, (tree.Exists, Query)):
            self.query(inner.query if isinstance(inner, tree.Exists) else inner)
            return
        self.strict = True
        for part in children(inner):
            if isinstance(part, Query):
                self.query(part, meant=True)
            elif isinstance(part, tree.When):
                self.condition(part.condition)
                self.value(part.result, meant=meant)
            elif isinstance(part, tree.Window):
                self.window(part)
            elif isinstance(part, tree.Term):
                self.ordered(part.value, False)
            elif not isinstance(part, (tree.Name, tree.TableRef, Star)):
                self.value(part, meant=meant)  # type: ignore[arg-type]

    def leaf(self, node: Column, meant: bool) -> None:
        """A column that no rule knows more about."""
        column = self.stored(node)
        if column is None or not meant or column.fact.key:
            return
        if isinstance(column.encoding, TextNumber) and column.encoding.mixed:
            return
        if isinstance(column.encoding, (Flag, Listed, Padded, ZeroFilled)) or column.fact.meaning == "text":
            return
        if self.reading.scopes.of(node).item is not None:
            return
        self.put(node, node, column.meaning())


_RULES: Mapping[type, Callable[..., bool]] = {
    Binary: Rewriter.binary,
    Between: Rewriter.between,
    In: Rewriter.member,
    Like: Rewriter.like,
    NullTest: Rewriter.null_test,
    Cast: Rewriter.cast,
    Call: Rewriter.call,
}
