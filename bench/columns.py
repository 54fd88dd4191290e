"""What is told of columns, and what that costs.

    python -m bench columns --data DIR/appdbs
    python -m bench columns --data DIR/spider --sample 300 --seed 1
    python -m bench columns --cost 20 20      # of made-up tables and columns

One line a column that a statement must treat otherwise than it is meant (`!`), or that has two readings (`?`), to be
read by a person; counts by meaning; CPU seconds of the slowest database, sampling and deciding only.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench import column_cost
from sqlagent.base.errors import OK
from sqlagent.database import schema
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.column_facts.meant_schema import meant_schema
from sqlagent.database.column_facts.sampling import Run, read_facts
from sqlagent.database.column_facts.undeclared_keys import undeclared_keys
from sqlagent.database.schema import Schema
from sqlagent.linking import prompt


def main(argv: Sequence[str]) -> int:
    """Print the facts of all databases under a folder."""
    parser = argparse.ArgumentParser(
        prog="python -m bench columns",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--data", type=Path, help="a folder with SQLite files in it, or one file")
    asked.add_argument(
        "--cost", type=int, nargs=2, metavar=("TABLES", "COLUMNS"), help="CPU time on made-up tables instead"
    )
    parser.add_argument("--sample", type=int, help="so many of the lines, drawn by --seed (all)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (0)")
    parser.add_argument("--keys", action="store_true", help="also the foreign keys that nobody declared")
    options = parser.parse_args(list(argv))
    if options.cost:
        tables, each = options.cost
        print(column_cost.cost(tables, each, _runner))
        return OK
    paths = [options.data] if options.data.is_file() else sorted(options.data.rglob("*.sqlite"))
    lines: list[str] = []
    counts: Counter[str] = Counter()
    slowest: tuple[float, int, str] = (0.0, 0, "")
    columns = 0
    changed: list[str] = []
    for path in paths:
        found = schema.read(path)
        with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as connection:
            run = _runner(connection)
            began = time.process_time()
            facts = read_facts(run, found.tables, seconds=10.0)
            slowest = max(slowest, (time.process_time() - began, len(found.tables), path.stem))
            keys = undeclared_keys(run, found.tables)
        if prompt.context(meant_schema(found, facts, keys)) != prompt.context(found):
            changed.append(path.stem)
        columns += sum(len(table.columns) for table in found.tables)
        lines += [
            _line(path.stem, found, *names, fact)
            for names, fact in facts.items()
            if fact.changes or fact.others
        ]
        lines += [
            f"= {path.stem}: {table}.{key.columns[0]} -> {key.ref_table}.{key.ref_columns[0]}"
            for table, held in keys.items()
            for key in held
            if options.keys
        ]
        counts.update(f"{fact.meaning}{', changes' if fact.changes else ''}" for fact in facts.values())
    if options.sample is not None and options.sample < len(lines):
        lines = random.Random(options.seed).sample(lines, options.sample)
    print("\n".join(lines))
    print(
        f"{len(paths)} databases, {columns} columns: "
        + ", ".join(f"{n} {what}" for what, n in counts.most_common())
    )
    print(f"{len(changed)} databases are shown to the model otherwise than stored: {', '.join(changed)}")
    print(f"slowest: {1000 * slowest[0]:.0f} ms, {slowest[1]} tables ({slowest[2]})", file=sys.stderr)
    return OK


def _runner(connection: sqlite3.Connection) -> Run:
    """Runs a SELECT on the connection, None where SQLite refuses it."""

    def run(sql: str) -> Sequence[Sequence[schema.Value | None]] | None:
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.Error:
            return None

    return run


def _line(database: str, found: Schema, table: str, name: str, fact: ColumnFact) -> str:
    held = found.table(table)
    column = held.column(name) if held else None
    stored = ", ".join(repr(value)[:24] for value in (column.samples if column else ()))
    mark = "!" if fact.changes else "?"
    return f"{mark} {database}: {table}.{name} {fact.meaning}, {fact.words}: {stored} → {fact.sample}"
