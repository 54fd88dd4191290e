"""A statement that most rules understand: one SELECT over tables that keep their own names, with nothing inside it.

Each rule that takes a statement apart asks for this view of it, changes it by spans, and gets a view of the new text.
Invariant: a view has no set operation, no subquery, no alias and no CAST (rules were tried on none), each of its
sources is another table of the schema, and each of its columns belongs to one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlagent.database.schema import Table, fold
from sqlagent.sql.edit import Edits, spliced
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Cast, Column, Expr, Item, Node, Query, Select, TableRef
from sqlagent.sql.walk import walk

_ORDER = ("items", "sources", "where", "group", "having", "order")
Key = tuple[str, str]
"""Folded names of a table and of its column."""


@dataclass(frozen=True, eq=False)
class PlainSelect:
    """A statement of one SELECT over tables with their own names."""

    reading: Reading
    select: Select
    tables: tuple[Table, ...]

    @property
    def sql(self) -> str:
        return self.reading.sql

    @property
    def several(self) -> bool:
        """Whether its columns are named with their tables."""
        return len(self.tables) > 1

    def text(self, node: Node) -> str:
        return self.reading.statement.text(node)

    def has(self, part: str) -> bool:
        """Whether it has a clause: where, group, having, order or limit."""
        if part in ("order", "limit"):
            return bool(getattr(self.reading.query, part))
        return bool(getattr(self.select, part))

    def clause(self, part: str) -> str:
        """The text of a clause, keyword included; "" where it has none."""
        if not self.has(part):
            return ""
        start, end = self.reading.statement.clause(self.select, part)
        return self.sql[start:end]

    # ---- what is in it ----

    @property
    def results(self) -> list[str]:
        """Its result columns, a text each."""
        return [self.text(item) for item in self.select.items]

    @property
    def all_columns(self) -> bool:
        """Whether it selects `*` alone."""
        return self.results == ["*"]

    @property
    def plain(self) -> bool:
        """Whether each result is made of one column, without a call."""
        items = self.select.items
        return len(self.columns(*items)) == len(items) and not _calls(self, items)

    @property
    def conditions(self) -> list[Condition]:
        """The conditions that its WHERE joins by AND; none where an OR is among them."""
        where = self.select.where
        if where is None or any(isinstance(node, Binary) and node.operator == "OR" for node in walk(where)):
            return []
        return [Condition(node, self) for node in _conjuncts(where)]

    def columns(self, *nodes: Node) -> list[Column]:
        """The columns in parts of it, in the order of the text."""
        return [column for node in nodes for column in self.reading.statement.find(Column, node)]

    def owner(self, column: Column) -> Table | None:
        """The table that a column belongs to."""
        return self.reading.scopes.of(column).table

    def key(self, column: Column) -> Key:
        """The table and the name of a column, folded; what is no column of a table belongs to ""."""
        found = self.owner(column)
        return (fold(found.name) if found else "", fold(column.name.text))

    def column(self, node: Node) -> tuple[Table, str] | None:
        """The table and the name, as it is written, of the column that a node is; None where it is anything else."""
        owner = self.owner(node) if isinstance(node, Column) else None
        return (owner, node.name.text) if owner is not None and isinstance(node, Column) else None

    def keys(self, *nodes: Node) -> frozenset[Key]:
        """The tables' columns in parts of it."""
        return frozenset(key for key in map(self.key, self.columns(*nodes)) if key[0])

    def keys_of(self, *parts: str) -> frozenset[Key]:
        """The same of clauses, by name; "items" for the results."""
        return self.keys(*(node for part in parts for node in self.nodes(part)))

    def nodes(self, part: str) -> Sequence[Node]:
        """The nodes that a clause consists of."""
        query = self.reading.query
        if part == "limit":
            return [node for node in (query.limit, query.offset) if node is not None]
        value = query.order if part == "order" else getattr(self.select, part)
        return value if isinstance(value, tuple) else [] if value is None else [value]

    # ---- the same otherwise ----

    def named(self, node: Node, several: bool) -> str:
        """A part of it with its columns as they are named where there are several tables, or one."""
        edits = [
            (column.start - node.start, column.end - node.start, self.name_of(column, several))
            for column in self.columns(node)
            if self.owner(column) is not None
        ]
        return spliced(self.text(node), edits)

    def name_of(self, column: Column, several: bool) -> str:
        owner, name = self.owner(column), quote(column.name.text)
        return f"{quote(owner.name)}.{name}" if several and owner is not None else name

    def edits(self) -> Edits:
        return Edits(self.reading.statement)

    def made(self, edits: Edits) -> PlainSelect:
        """The view of the statement that edits make. Raises Unreadable, and ValueError where it is none of these."""
        found = plain(self.reading.another(edits.sql()))
        if found is None:
            raise ValueError(f"no plain SELECT: {edits.sql()}")
        return found

    def over(self, source: str, tables: Sequence[Table]) -> PlainSelect:
        """The same over another FROM clause, which has all tables that it names columns of."""
        several, edits = len(tables) > 1, self.edits()
        edits.put(*self.reading.statement.clause(self.select, "sources"), source)
        for column in self.columns(self.reading.query):
            if self.reading.statement.clause_of(column) != "sources" and self.owner(column) is not None:
                edits.replace(column, self.name_of(column, several))
        return self.made(edits)

    def where(self, conditions: Sequence[str]) -> PlainSelect:
        """The same under other conditions, of which there is one at least."""
        edits = self.edits()
        if self.select.where is None:
            edits.add_condition(self.select, " AND ".join(conditions))
        else:
            edits.replace(self.select.where, " AND ".join(conditions))
        return self.made(edits)

    def selecting(self, other: PlainSelect) -> PlainSelect:
        """The same with the results of another statement, DISTINCT or not."""
        edits = self.edits()
        items = ", ".join(other.named(item, self.several) for item in other.select.items)
        distinct = "DISTINCT " if other.select.distinct else ""
        edits.put(self.select.start, self.select.items[-1].end, f"SELECT {distinct}{items}")
        return self.made(edits)

    def with_clause(self, part: str, text: str) -> PlainSelect:
        """The same with another HAVING or ORDER BY; LIMIT, which stands behind them, may not be there."""
        edits = self.edits()
        if self.has(part):
            edits.put(*self.reading.statement.clause(self.select, part), text)
        else:
            before = [node for name in _ORDER[: _ORDER.index(part)] for node in self.nodes(name)]
            edits.after(before[-1], f" {text}")
        return self.made(edits)


class Condition(NamedTuple):
    """One of the conditions of a WHERE, and the statement it is of."""

    node: Expr
    of: PlainSelect

    @property
    def text(self) -> str:
        return self.of.text(self.node)

    @property
    def keys(self) -> frozenset[Key]:
        return self.of.keys(self.node)

    def said_by(self, other: PlainSelect) -> str:
        """The condition with its columns named as another statement would."""
        return self.of.named(self.node, other.several)


def plain(reading: Reading) -> PlainSelect | None:
    """The view of a statement, which all rules share; None where it is no plain SELECT."""
    return reading.once(_view)


def _view(reading: Reading) -> PlainSelect | None:
    select = reading.select
    if select is None or not select.sources:
        return None
    find = reading.statement.find
    if any(find(Cast)) or any(query is not reading.query for query in find(Query)):
        return None
    if any(item.alias for item in select.items) or any(table.alias for table in find(TableRef)):
        return None
    tables: list[Table] = []
    for joined in select.sources:
        if not isinstance(joined.source, TableRef):
            return None
        table = reading.scopes.tables[joined.source]
        if table is None or table in tables:
            return None
        tables.append(table)
    return PlainSelect(reading, select, tuple(tables))


def free_alias(reading: Reading) -> str:
    """The first of T1, T2 … that is no table of the schema and no word of a statement."""
    taken = {fold(table.name) for table in reading.schema.tables}
    taken |= {fold(token.text) for token in reading.statement.tokens}
    return next(f"T{n}" for n in range(1, len(taken) + 2) if f"t{n}" not in taken)


def _conjuncts(node: Expr) -> list[Expr]:
    """The operands of the ANDs that stand outside parentheses."""
    if isinstance(node, Binary) and node.operator == "AND":
        return [*_conjuncts(node.left), *_conjuncts(node.right)]
    return [node]


def _calls(view: PlainSelect, items: Sequence[Item]) -> bool:
    return "(" in view.sql[items[0].start : items[-1].end]
