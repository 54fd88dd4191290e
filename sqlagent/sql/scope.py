"""Say what each name in a statement means: which source, which table's column, which result column.

    scopes = resolve(parse("SELECT name AS n FROM employees AS e WHERE salary > 3 ORDER BY n"), schema)
    scopes.of(column)  # for `salary`: the column salary of the table employees, which goes by e

The rules are SQLite's (`resolve.c`): a SELECT's own sources before those around it, columns before the aliases of
results but in ORDER BY, which asks for an alias first; rowid where no column is so called; a name in double quotes
that nothing else explains is a text. Invariant: each Column of the tree has exactly one Reference, whose `kind` says
so where its meaning is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlagent.database import schema as db
from sqlagent.database.schema import fold
from sqlagent.sql.frozen import frozen
from sqlagent.sql.statement import Statement
from sqlagent.sql.tree import (
    Collate,
    Column,
    Derived,
    Expr,
    Item,
    Literal,
    Node,
    Query,
    Select,
    Subquery,
    TableRef,
)
from sqlagent.sql.walk import bare

ROWIDS = frozenset(["rowid", "oid", "_rowid_"])


@frozen
class Bound:
    """A source of FROM and what it gives: a table of the schema, or the results of a query."""

    node: TableRef | Derived
    label: str
    """What columns are qualified with: its alias, or its name; "" where it has none."""
    key: str
    """The label, folded."""
    table: db.Table | None
    query: Query | None
    """Of a subquery or a CTE."""
    outputs: tuple[Output, ...] | None
    """The columns of `query`; None where they are not known, and for a table."""

    @property
    def known(self) -> bool:
        """Whether all columns that may be asked of it are known."""
        if self.table is not None:
            return self.table.kind != "virtual"
        return self.outputs is not None

    def has(self, name: str) -> bool:
        """Whether it has a column that is called so, whatever the case."""
        if self.table is not None:
            return self.table.column(name) is not None
        return self.output(name) is not None

    def output(self, name: str) -> Output | None:
        key = fold(name)
        return next((one for one in self.outputs or () if fold(one.name) == key), None)


@frozen
class Output:
    """A column of a query's result, with what it is made of: an expression an arm, or a column that `*` stands for."""

    name: str
    made_of: tuple[Expr | tuple[Bound, str], ...]


@frozen
class Scope:
    """The sources of one SELECT, and the scope around it."""

    select: Select
    bounds: tuple[Bound, ...]
    outer: Scope | None
    merged: frozenset[str]
    """Folded names of the columns that USING or NATURAL make one of."""

    def bound(self, label: str) -> Bound | None:
        """The source of that label, here or around."""
        key = fold(label)
        found = next((one for one in self.bounds if one.key == key), None)
        return found or (self.outer.bound(label) if self.outer else None)


@frozen
class Reference:
    """What a Column means."""

    kind: str
    """column, rowid, alias (of a result), text (in double quotes), ambiguous, unknown."""
    bound: Bound | None = None
    table: db.Table | None = None
    column: db.Column | None = None
    """The column of `table`; a rowid's is the INTEGER PRIMARY KEY, where there is one."""
    output: Output | None = None
    """The column of a subquery or a CTE."""
    item: Item | None = None
    """The result whose alias it is."""
    depth: int = 0
    """How many SELECTs further out its source stands: 0 for its own, more where it is correlated."""

    @property
    def key(self) -> tuple[str, str] | None:
        """Folded names of the table and the column; None where it is no column of a table."""
        return (fold(self.table.name), fold(self.column.name)) if self.table and self.column else None


@dataclass(frozen=True, eq=False)
class Scopes:
    """What the names of one statement mean."""

    statement: Statement
    schema: db.Schema
    scopes: dict[Select, Scope]
    references: dict[Column, Reference]
    tables: dict[TableRef, db.Table | None]
    """For each place where a source is named its table; None for a CTE and for what is not in the schema."""

    def of(self, column: Column) -> Reference:
        """What a column means."""
        return self.references[column]

    def scope(self, select: Select) -> Scope:
        return self.scopes[select]

    def within(self, node: Node) -> list[tuple[Column, Reference]]:
        """The columns in a part of the statement, subqueries' too, in the order of the text."""
        return [(column, self.references[column]) for column in self.statement.find(Column, node)]

    def stands_for(self, value: Expr) -> Expr:
        """The result that `2` or an alias in ORDER BY or GROUP BY stands for; anything else stands for itself."""
        inner = bare(value)
        if isinstance(inner, Literal) and inner.kind == "number" and inner.value.isdigit():
            select = self.statement.enclosing_select(value)
            if self.statement.clause_of(value) == "group" or self.statement.clause_of(value) == "order":
                place = int(inner.value)
                if select is not None and 0 < place <= len(select.items):
                    return select.items[place - 1].value
        if isinstance(inner, Column):
            item = self.references[inner].item
            if item is not None:
                return item.value
        return value

    def bases(self, value: Expr) -> frozenset[tuple[str, str]]:
        """The columns of tables whose values an expression hands on unchanged, table and column folded.

        Through parentheses, COLLATE, aliases of results, CTEs and subqueries; the empty set for what is computed.
        """
        return frozenset(reference.key for reference in self._bases(value, 0) if reference.key)

    def base(self, value: Expr) -> tuple[db.Table, db.Column] | None:
        """The one column of a table whose values an expression hands on unchanged; None where it is none or several."""
        found = {one.key: one for one in self._bases(value, 0)}
        if len(found) != 1:
            return None
        one = next(iter(found.values()))
        return (one.table, one.column) if one.table and one.column else None

    def _bases(self, value: Expr, depth: int) -> Iterator[Reference]:
        value = bare(value)
        while isinstance(value, Collate):
            value = bare(value.value)
        if depth > 50:
            return
        if isinstance(value, Column):
            found = self.references[value]
            if found.item is not None:
                yield from self._bases(found.item.value, depth + 1)
            elif found.output is not None:
                yield from self._made_of(found.output, depth + 1)
            elif found.column is not None:
                yield found
        elif isinstance(value, Subquery):
            for arm in value.query.arms:
                if isinstance(arm, Select) and len(arm.items) == 1:
                    yield from self._bases(arm.items[0].value, depth + 1)

    def _made_of(self, output: Output, depth: int) -> Iterator[Reference]:
        if depth > 50:
            return
        for part in output.made_of:
            if isinstance(part, tuple):
                bound, name = part
                inner = bound.output(name)
                if inner is not None:
                    yield from self._made_of(inner, depth + 1)
                elif bound.table is not None:
                    yield Reference("column", bound, bound.table, bound.table.column(name))
            else:
                yield from self._bases(part, depth)
