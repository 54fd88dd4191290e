"""Databases made for measuring: one out of many, one table of many rows, a schema of many tables.

Invariant: the same arguments make the same database.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlagent.database import schema as schemas
from sqlagent.database.ddl_comments import quote
from sqlagent.database.schema import Column, ForeignKey, Schema, Table, fold


def unite(files: Sequence[Path], target: Path) -> dict[str, dict[str, str]]:
    """Copy every table of `files` into one database; stem of a file → folded old name → new name."""
    names: dict[str, dict[str, str]] = {}
    used: set[str] = set()
    connection = sqlite3.connect(target)
    connection.execute("PRAGMA synchronous=OFF")
    for file in files:
        schema = schemas.read(file)
        renamed: dict[str, str] = {}
        for table in schema.tables:
            name, number = table.name, 1
            while fold(name) in used:
                number += 1
                name = f"{table.name}_{number}"
            used.add(fold(name))
            renamed[fold(table.name)] = name
        names[file.stem] = renamed
        connection.execute("ATTACH ? AS source", (str(file),))
        for table in schema.tables:
            connection.execute(_ddl(table, renamed))
            columns = ", ".join(quote(column.name) for column in table.columns)
            connection.execute(
                f"INSERT OR IGNORE INTO main.{quote(renamed[fold(table.name)])} "
                f"SELECT {columns} FROM source.{quote(table.name)} LIMIT 20000"
            )
        connection.commit()
        connection.execute("DETACH source")
    connection.close()
    return names


def _ddl(table: Table, renamed: dict[str, str]) -> str:
    parts = [f"{quote(column.name)} {column.type}" for column in table.columns]
    if table.primary_key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quote, table.primary_key))})")
    for key in table.foreign_keys:
        parts.append(
            f"FOREIGN KEY ({', '.join(map(quote, key.columns))}) REFERENCES "
            f"{quote(renamed[fold(key.ref_table)])} ({', '.join(map(quote, key.ref_columns))})"
        )
    return f"CREATE TABLE {quote(renamed[fold(table.name)])} ({', '.join(parts)})"


def fill(files: list[Path], tables: int, seed: int) -> list[Path]:
    """Databases with about `tables` tables in all: those in `files`, drawn when too many, then others."""
    rng = random.Random(seed)
    others = sorted(file for file in files[0].parent.parent.glob("*/*.sqlite") if file not in set(files))
    rng.shuffle(files := list(files))
    rng.shuffle(others)
    chosen: list[Path] = []
    total = 0
    for file in [*files, *others]:
        size = len(schemas.read(file).tables)
        if total + size <= tables:
            chosen.append(file)
            total += size
    rng.shuffle(chosen)
    return chosen


def wide(tables: int, columns: int, seed: int, vocabulary: Sequence[str] = ()) -> Schema:
    """Made-up tables with two words a name (invented ones without a `vocabulary`) and a foreign key each."""
    rng = random.Random(seed)
    if not vocabulary:
        syllables = [a + b for a in "bcdfghklmnprst" for b in "aeiou"]
        vocabulary = ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(3000)]
    made: list[Table] = []
    for number in range(tables):
        name = "_".join(rng.sample(vocabulary, 2)) + f"_{number}"
        parts = [Column(name="id", type="INTEGER", pk=1)]
        parts += [
            Column(
                name="_".join(rng.sample(vocabulary, 2)) + f"_{i}",
                type="TEXT",
                samples=(rng.choice(vocabulary),),
            )
            for i in range(columns - 1)
        ]
        keys: tuple[ForeignKey, ...] = ()
        if made:
            keys = (ForeignKey((parts[1].name,), rng.choice(made).name, ("id",)),)
        made.append(Table(name, "table", tuple(parts), keys))
    return Schema("", tuple(made))


def million(path: Path, rows: int, seed: int) -> None:
    """One table of `rows` rows: a name (nearly distinct), a city of 500, a status of 4, a note."""
    rng = random.Random(seed)
    cities = [f"City {i:03d}" for i in range(500)]
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, city TEXT, status TEXT, note TEXT)"
    )
    connection.executemany(
        "INSERT INTO person (name, city, status, note) VALUES (?, ?, ?, ?)",
        (
            (
                f"Name{rng.randrange(10**7)} Surname{i % 9973}",
                rng.choice(cities),
                rng.choice(("new", "open", "held", "closed")),
                "x" * 90,
            )
            for i in range(rows)
        ),
    )
    connection.commit()
    connection.close()
