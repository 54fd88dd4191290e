"""Build questions over columns that are stored otherwise than they are meant; statements are logical.

    python -m train build encoded --save OUT --count 60

The analysts' patterns over invented databases again, with days stored as epochs, serials, digits or words and amounts
as text. A statement says what it means ('2024-05-03', 12.5); the recipe's source wants `kind = "meant"`, and shows the
model what the runtime would. Invariant: a pair is written only where the statement, lowered as the runtime lowers it,
gives on the stored form the rows that Python computed from the values.
"""

from __future__ import annotations

import dataclasses
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from bench.gold.canonical import CanonicalError, canonicalise
from sqlagent.base.errors import DatabaseError
from sqlagent.grammar import Acceptor
from train.builders.analysed import HELD, WORDINGS, same
from train.builders.analysis import patterns
from train.builders.folder import Folder
from train.builders.invented import TODAY, World, invent
from train.meant import Meant, Refused

Store = Callable[[Any], Any]
UTC = timezone.utc


def _unix(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


DAYS: dict[str, tuple[str, Store]] = {
    "digits": ("INTEGER", lambda m: int(f"{m:%Y%m%d}")),
    "digits in text": ("TEXT", lambda m: f"{m:%Y%m%d}"),
    "day first": ("TEXT", lambda m: f"{m:%d/%m/%Y}"),
    "month first": ("TEXT", lambda m: f"{m:%m/%d/%Y}"),
    "dotted": ("TEXT", lambda m: f"{m:%d.%m.%Y}"),
    "words": ("TEXT", lambda m: f"{m.day} {m:%B} {m.year}"),
    "short words": ("TEXT", lambda m: f"{m:%b} {m.day}, {m.year}"),
    "seconds": ("INTEGER", _unix),
    "milliseconds": ("INTEGER", lambda m: 1000 * _unix(m)),
    "spreadsheet": ("INTEGER", lambda m: 25_569 + _unix(m) // 86_400),
}
MOMENTS: dict[str, tuple[str, Store]] = {
    "seconds": ("INTEGER", _unix),
    "milliseconds": ("INTEGER", lambda m: 1000 * _unix(m)),
    "microseconds": ("INTEGER", lambda m: 1_000_000 * _unix(m)),
    "seconds since 2001": ("TIMESTAMP", lambda m: _unix(m) - 978_307_200),
    "dotted": ("TEXT", lambda m: f"{m:%d.%m.%Y %H:%M:%S}"),
    "month first": ("TEXT", lambda m: f"{m.month}/{m.day}/{m.year} {m:%H:%M:%S}"),
}
AMOUNTS: dict[str, tuple[str, Store]] = {
    "text": ("TEXT", str),
    "thousands": ("TEXT", lambda n: f"{n:,.2f}"),
    "dollars": ("TEXT", lambda n: f"$ {n:,.2f}"),
    "euros": ("TEXT", lambda n: f"{n:.2f} EUR"),
}
"""How each is stored: the declared type, and the stored form of a value."""


def build(out: Folder, *, count: int, seed: int, counts: Counter[str]) -> int:
    """Write the set over `count` databases; every third one is held out whole."""
    train: list[dict[str, str]] = []
    held: list[dict[str, str]] = []
    meant = Meant(keep=1)
    for number in range(count):
        rng = random.Random(f"encoded:{seed}:{number}")
        world = dataclasses.replace(invent(rng, number), id=f"encoded_{number}")
        path = out.database(world.id)
        with sqlite3.connect(path) as connection:
            connection.executescript(world.script)
            how = store(world, connection, rng)
        connection.close()
        try:
            schema = meant.schema(path)
        except DatabaseError:
            counts["cannot be read"] += 1
            continue
        takes = Acceptor(schema).accepts
        for pattern in patterns(world, rng):
            counts["patterns"] += 1
            try:
                sql = canonicalise(pattern.sql, schema)
                found = meant.rows(path, sql.replace("'now'", f"'{TODAY.isoformat()}'"))
            except (CanonicalError, Refused):
                counts["does not run"] += 1
                continue
            given = None if found is None else [row for row, n in found.items() for _ in range(n)]
            if not pattern.rows or given is None or not same(given, pattern.rows, False) or not takes(sql):
                counts["gives other rows than the values do, or shows stored ones"] += 1
                continue
            aside = number % HELD == HELD - 1
            for text in rng.sample(pattern.questions, min(WORDINGS, len(pattern.questions))):
                (held if aside else train).append(
                    {"question": text, "query": sql, "db_id": world.id, "kind": pattern.kind, "stored": how}
                )
    meant.close()
    out.write("held_out", held)
    return out.write("train", train)


def store(world: World, connection: sqlite3.Connection, rng: random.Random) -> str:
    """Store the days otherwise, and in half of the databases the amounts; says how."""
    name, (kind, stored) = rng.choice(
        sorted((MOMENTS if world.clock else DAYS).items(), key=lambda pair: pair[0])
    )
    changed: dict[str, tuple[str, Store, str]] = {
        world.day: (kind, lambda text: stored(datetime.fromisoformat(text)), f"days as {name}")
    }
    if rng.random() < 0.5:
        name, (kind, put) = rng.choice(sorted(AMOUNTS.items(), key=lambda pair: pair[0]))
        changed[world.m] = kind, put, f"amounts as {name}"
    columns = [world.id_, world.owner_id, world.day, world.m, world.k, world.c]
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM {world.t}").fetchall()
    declared = dict(zip(columns, ("INTEGER PRIMARY KEY", f"INTEGER REFERENCES {world.o}({world.id_})", "", "REAL",
                                  "INTEGER", "TEXT"), strict=True))  # fmt: skip
    declared.update({column: kind for column, (kind, _, _) in changed.items()})
    connection.execute(f"DROP TABLE {world.t}")
    connection.execute(f"CREATE TABLE {world.t} ({', '.join(f'{c} {declared[c]}' for c in columns)})")
    put_all = [changed[c][1] if c in changed else (lambda value: value) for c in columns]
    connection.executemany(
        f"INSERT INTO {world.t} VALUES (?, ?, ?, ?, ?, ?)",
        [[put(value) for put, value in zip(put_all, row, strict=True)] for row in rows],
    )
    return ", ".join(words for _, _, words in changed.values())
