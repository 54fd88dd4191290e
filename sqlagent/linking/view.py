"""Hold what a model is shown of a schema: lines of text, in the order in which they were read.

    view = View.of(schema)                                       # every table, in the schema's order
    view = View.of(schema, {"album": None}).grown({"artist": None})

A view that is not of all tables begins with their names, where these are few: the model may write one that it was not
shown, and is shown it then.

Invariant: the lines of a view begin every view that grew from it, so what a model has read of them stays read. A line
never changes because of another one: a key is shown whether the table that it leads to is shown or not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from sqlagent.database.schema import Schema, Table, fold, keep_sound_keys
from sqlagent.linking import prompt

NAMED = 60
"""Tables whose names are told: some 200 tokens."""
Wanted = Mapping[str, Collection[str] | None]
"""Name of a table → names of its columns; None for all of them."""


@dataclass(frozen=True)
class View:
    """Tables and columns as they were shown, and the lines that show them.

    `whole` is the schema that they are part of; `steps` are names of tables, each with the columns that were shown of
    it, in the order of reading.
    """

    whole: Schema
    steps: tuple[tuple[str, tuple[str, ...]], ...] = ()
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, schema: Schema, wanted: Wanted | None = None) -> View:
        """The wanted tables of a schema, in its order; all of them if None."""
        return cls(schema).grown({table.name: None for table in schema.tables} if wanted is None else wanted)

    @classmethod
    def begun(cls, schema: Schema, most: int = NAMED) -> View:
        """A view of no table, which is to grow; the names of all tables come first where they are at most so many."""
        names = [prompt.name(table.name) for table in schema.tables if table.kind != "view"]
        return cls(schema, lines=(f"-- Tables: {', '.join(names)}",) if len(names) <= most else ())

    @property
    def named(self) -> bool:
        """Whether the names of all tables come first."""
        return self.lines[:1] != () and self.lines[0].startswith("--")

    @cached_property
    def shown(self) -> dict[str, frozenset[str]]:
        """Folded name of a table → folded names of the columns that are shown of it, in the order of reading."""
        found: dict[str, frozenset[str]] = {}
        for name, columns in self.steps:
            found[fold(name)] = found.get(fold(name), frozenset()).union(map(fold, columns))
        return found

    def missing(self, wanted: Wanted) -> dict[str, list[str]]:
        """What of the wanted is not shown yet: name of a table → names of its columns."""
        found: dict[str, list[str]] = {}
        for table in self.whole.tables:
            if table.name not in wanted:
                continue
            columns, shown = wanted[table.name], self.shown.get(fold(table.name), frozenset())
            names = {fold(name) for name in columns} if columns is not None else None
            new = [
                column.name
                for column in table.columns
                if fold(column.name) not in shown and (names is None or fold(column.name) in names)
            ]
            if new:
                found[table.name] = new
        return found

    def grown(self, wanted: Wanted) -> View:
        """This view with lines for what is missing behind it, in the schema's order; itself where nothing is."""
        missing = self.missing(wanted)
        lines = list(self.lines)
        for name, columns in missing.items():
            table = self.whole.table(name)
            assert table is not None
            part = _part(table, frozenset(map(fold, columns)))
            lines += _added(part) if fold(name) in self.shown else [prompt.table_line(part)]
        steps = tuple((name, tuple(columns)) for name, columns in missing.items())
        return View(self.whole, self.steps + steps, tuple(lines)) if missing else self

    @cached_property
    def schema(self) -> Schema:
        """The tables with the columns that are shown, in the order of reading."""
        if [fold(table.name) for table in self.whole.tables] == list(self.shown) and self.complete:
            return self.whole
        return replace(self.whole, tables=keep_sound_keys(list(self._tables())))

    @cached_property
    def reach(self) -> Schema:
        """The same, and behind it the tables whose names the lines tell: where not all, those that keys lead to."""
        if self.named:
            return self.whole
        tables = list(self._tables())
        known = set(self.shown)
        for key in [key for table in tables for key in table.foreign_keys]:
            other = self.whole.table(key.ref_table)
            if other is not None and fold(other.name) not in known:
                known.add(fold(other.name))
                tables.append(other)
        return self.schema if len(tables) == len(self.shown) else replace(self.whole, tables=tuple(tables))

    @property
    def complete(self) -> bool:
        """Whether every table is shown with all of its columns."""
        return not self.missing({table.name: None for table in self.whole.tables})

    def _tables(self) -> list[Table]:
        found = []
        for name, columns in self.shown.items():
            table = self.whole.table(name)
            assert table is not None
            found.append(_part(table, columns))
        return found


def _part(table: Table, columns: frozenset[str]) -> Table:
    """A table with some of its columns, and the keys that consist of them."""
    return replace(
        table,
        columns=tuple(column for column in table.columns if fold(column.name) in columns),
        foreign_keys=tuple(
            key for key in table.foreign_keys if columns.issuperset(fold(name) for name in key.columns)
        ),
    )


def _added(part: Table) -> list[str]:
    """Further columns of a table that a line above has shown."""
    links = {key.columns[0]: key for key in part.foreign_keys if len(key.columns) == 1}
    return [
        f"ALTER TABLE {prompt.name(part.name)} ADD {prompt.column_text(column, links.get(column.name), 0)};"
        for column in part.columns
    ]
