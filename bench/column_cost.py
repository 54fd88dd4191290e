"""Measure what it costs to tell what columns mean, on a made-up database of any size.

    python -m bench columns --cost 20 20      # tables, columns of each

Columns are of twelve kinds in turn (times, dates in two spellings, numbers in text, lists, JSON, words …), 2,000 rows
to a table, 60 where there are more than a hundred tables. CPU time of reading and deciding, the best of three
(of one, where there are more than a hundred).
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable

from sqlagent.database import schema
from sqlagent.database.column_facts.sampling import Run, read_facts
from sqlagent.database.column_facts.undeclared_keys import undeclared_keys

KINDS: dict[str, Callable[[int], str | int | float]] = {
    "at_us": lambda n: 1_714_694_400_000_000 + n * 10**8,
    "iso": lambda n: f"202{n % 5}-0{n % 9 + 1}-1{n % 10} 10:00:00",
    "text": lambda n: f"word {n} of {n % 7} things",
    "amount": lambda n: n,
    "price_text": lambda n: str(n / 100),
    "day": lambda n: f"{n % 28 + 1:02}/{n % 12 + 1:02}/20{n % 25:02}",
    "flag": lambda n: "YN"[n % 2],
    "state": lambda n: ("new", "open", "done")[n % 3],
    "tags": lambda n: ", ".join(("nut", "milk", "egg", "soy", "fish", "oat")[n % 4 : n % 4 + n % 3 + 1]),
    "ratio": lambda n: n / 7,
    "data": lambda n: f'{{"a": {n}, "b": "x"}}',
    "url": lambda n: f"https://a.example/{n}/page?x={n}",
}
_MANY, _ROWS, _FEW_ROWS, _TIMES = 100, 2_000, 60, 3


def cost(tables: int, columns: int, runner: Callable[[sqlite3.Connection], Run]) -> str:
    """A line with the CPU milliseconds."""
    connection = sqlite3.connect(":memory:")
    draw = random.Random(1)
    rows = _FEW_ROWS if tables > _MANY else _ROWS
    for table in range(tables):
        kinds = [list(KINDS)[(table + place) % len(KINDS)] for place in range(columns - 1)]
        names = "".join(f", {kind}_{place}" for place, kind in enumerate(kinds))
        connection.execute(f"CREATE TABLE t{table} (id INTEGER PRIMARY KEY{names})")
        connection.executemany(
            f"INSERT INTO t{table} VALUES (?{', ?' * len(kinds)})",
            ([row, *(KINDS[kind](draw.randrange(10**6)) for kind in kinds)] for row in range(rows)),
        )
    made = ";".join(text for (text,) in connection.execute("SELECT sql FROM sqlite_master"))
    found, run = schema.from_ddl(made), runner(connection)
    taken = []
    for _ in range(1 if tables > _MANY else _TIMES):
        began = time.process_time()
        facts = read_facts(run, found.tables, seconds=60.0)
        undeclared_keys(run, found.tables)
        taken.append(time.process_time() - began)
    return f"{tables} tables x {columns} columns: {1000 * min(taken):.0f} ms of CPU, {len(facts)} facts"
