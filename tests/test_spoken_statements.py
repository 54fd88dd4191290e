"""A statement in a person's words gives, in the names of the file, the rows that it gives on tables of those names.

The oracle is a database whose tables have the spoken names and hold the rows that the profile says, made without the
translation.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import profile_files
import pytest
from fake_model import FakeModel

from sqlagent.agent.agent import Agent
from sqlagent.database.ddl_comments import quote
from sqlagent.database.folding import fold
from sqlagent.database.schema import Column, Table
from sqlagent.database.spoken_names import SpokenNames
from sqlagent.lowering.stored_names import in_stored_names

STATEMENTS = 60
"""Drawn for each application."""


@contextmanager
def both(name: str, folder: Path) -> Iterator[tuple[SpokenNames, sqlite3.Connection, sqlite3.Connection]]:
    """(names, the application's file, the same rows in tables of the spoken names)."""
    path = profile_files.build(name, folder / f"{name}.sqlite")
    with Agent(path, FakeModel(["SELECT 1"])) as asked:
        meaning = asked.meaning()
        assert meaning is not None and meaning.names is not None
        names = meaning.names
    stored, spoken = sqlite3.connect(path), sqlite3.connect(":memory:")
    declared = {
        (table, row[1]): row[2]
        for (table,) in stored.execute("SELECT name FROM sqlite_master").fetchall()
        for row in stored.execute(f"SELECT * FROM pragma_table_info({quote(table)!r})".replace('"', ""))
    }
    for table in names.schema.tables:
        columns = ", ".join(
            f"{quote(column.name)} {declared.get(names.stored_place(table.name, column.name) or ('', ''), '')}"
            for column in table.columns
        )
        spoken.execute(f"CREATE TABLE {quote(table.name)} ({columns})")
        rows = stored.execute(_rows_of(names, table)).fetchall()
        spoken.executemany(
            f"INSERT INTO {quote(table.name)} VALUES ({', '.join('?' * len(table.columns))})", rows
        )
    try:
        yield names, stored, spoken
    finally:
        stored.close()
        spoken.close()


def _rows_of(names: SpokenNames, table: Table) -> str:
    """The rows that a spoken table stands for, as its profile says."""
    known = names.table(table.name)
    if known is not None and known.query:
        return f"SELECT {', '.join(quote(c.name) for c in table.columns)} FROM ({known.query})"
    columns = [quote(known.stored_column(c.name) if known else c.name) for c in table.columns]
    source = quote(known.stored if known else table.name)
    only = f" WHERE {known.only.replace('{t}', 't')}" if known and known.only else ""
    return f"SELECT {', '.join(columns)} FROM {source} AS t{only}"


class Drawn:
    """Statements about the tables of a schema, of every form in which a name may stand."""

    def __init__(self, names: SpokenNames, spoken: sqlite3.Connection, seed: int) -> None:
        self.names = names
        self.tables = [table for table in names.schema.tables if table.columns]
        self.spoken = spoken
        self.draw = random.Random(seed)

    def statement(self) -> str:
        forms = (
            self.listed,
            self.counted,
            self.joined,
            self.derived,
            self.within,
            self.compound,
            self.starred,
        )
        return self.draw.choice(forms)()

    def column(self, table: Table) -> Column:
        return self.draw.choice(table.columns)

    def value(self, table: Table, column: Column) -> str:
        """A stored value of the column, as SQL."""
        rows = self.spoken.execute(f"SELECT quote({quote(column.name)}) FROM {quote(table.name)} LIMIT 20")
        return str(self.draw.choice(rows.fetchall() or [("0",)])[0])

    def condition(self, table: Table, label: str = "") -> str:
        column = self.column(table)
        place = f"{label}.{quote(column.name)}" if label else quote(column.name)
        value = self.value(table, column)
        return self.draw.choice(
            [f"{place} = {value}", f"{place} > {value}", f"{place} IS NOT NULL", f"{place} IN ({value}, 1)",
             f"NOT {place} < {value}", f"{place} BETWEEN {value} AND {value}", f"{place} LIKE '%a%'"]
        )  # fmt: skip

    def listed(self) -> str:
        table = self.draw.choice(self.tables)
        first, second = quote(self.column(table).name), quote(self.column(table).name)
        alias = self.draw.choice(["", " AS x", f" AS {first}"])
        rows = f"{quote(table.name)} WHERE {self.condition(table)}"
        return f"SELECT {first}{alias}, {second} FROM {rows} ORDER BY {second}"

    def counted(self) -> str:
        table = self.draw.choice(self.tables)
        column, name = quote(self.column(table).name), quote(table.name)
        function = self.draw.choice(["COUNT(*)", f"COUNT(DISTINCT {name}.{column})", f"MAX({column})"])
        alias = quote(self.alias(table))
        return (
            f"SELECT {column}, {function} AS {alias} FROM {name} GROUP BY {name}.{column}"
            f" HAVING {alias} IS NOT NULL ORDER BY {alias} LIMIT 50"
        )

    def alias(self, table: Table) -> str:
        """A name of its own, or one that a column has in the file and not in a person's words."""
        known = self.names.table(table.name)
        spoken = {fold(column.name) for column in table.columns}
        theirs = [real for real in (known.columns.values() if known else ()) if fold(real) not in spoken]
        return self.draw.choice(["n", *theirs])

    def joined(self) -> str:
        one, two = self.draw.choice(self.tables), self.draw.choice(self.tables)
        kind = self.draw.choice(["JOIN", "LEFT JOIN"])
        a, b = quote(self.column(one).name), quote(self.column(two).name)
        return (
            f"SELECT p.{a}, COUNT(q.{b}) FROM {quote(one.name)} AS p {kind} {quote(two.name)} AS q ON p.{a} = q.{b}"
            f" WHERE {self.condition(one, 'p')} GROUP BY p.{a}"
        )

    def derived(self) -> str:
        table = self.draw.choice(self.tables)
        column = quote(self.column(table).name)
        inner = self.draw.choice([column, f"{column} AS y", "*"])
        outer = "y" if inner.endswith(" AS y") else column
        return f"SELECT {outer} FROM (SELECT {inner} FROM {quote(table.name)} WHERE {self.condition(table)}) AS d"

    def within(self) -> str:
        one, two = self.draw.choice(self.tables), self.draw.choice(self.tables)
        a, b = quote(self.column(one).name), quote(self.column(two).name)
        return (
            f"SELECT {a} FROM {quote(one.name)} WHERE {a} {self.draw.choice(['IN', 'NOT IN'])}"
            f" (SELECT {b} FROM {quote(two.name)} WHERE {b} IS NOT NULL)"
            f" OR EXISTS (SELECT 1 FROM {quote(two.name)} AS e WHERE e.{b} = {quote(one.name)}.{a})"
        )

    def compound(self) -> str:
        one, two = self.draw.choice(self.tables), self.draw.choice(self.tables)
        a, b = quote(self.column(one).name), quote(self.column(two).name)
        return f"SELECT {a} FROM {quote(one.name)} UNION SELECT {b} FROM {quote(two.name)}"

    def starred(self) -> str:
        table = self.draw.choice(self.tables)
        return f"SELECT COUNT(*) FROM {quote(table.name)} WHERE {self.condition(table, quote(table.name))}"


@pytest.mark.parametrize("name", profile_files.NAMES)
def test_a_statement_in_spoken_names_gives_the_rows_of_tables_so_called(name: str, tmp_path: Path) -> None:
    with both(name, tmp_path) as (names, stored, spoken):
        drawn = Drawn(names, spoken, seed=1)
        found = 0
        for _ in range(STATEMENTS):
            sql = drawn.statement()
            wanted = spoken.execute(sql).fetchall()
            written = in_stored_names(sql, names)
            assert sorted(stored.execute(written).fetchall(), key=repr) == sorted(wanted, key=repr), (
                sql,
                written,
            )
            found += bool(wanted)
        assert found > STATEMENTS / 4
