"""Build a set of analysts' questions over invented databases, each statement run and its rows computed twice.

    python -m train build analysis --save OUT --count 60

`train.jsonl` has two thirds of the wordings and of the pairs of a kind and a field of business, `held_out.jsonl` what
has a held-out wording or such a pair, on databases of its own. Invariant: no pair is written whose statement gives
other rows than the second computation, or whose canonical form the grammar does not take.
"""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bench.gold.canonical import CanonicalError, canonicalise
from bench.gold.datasets import Question
from sqlagent.database import schema as schemas
from sqlagent.database.schema import Schema
from sqlagent.grammar import Acceptor
from sqlagent.sandbox.functions import register
from train.builders.analysis import Pattern, Rows, patterns
from train.builders.folder import Folder, read_only
from train.builders.invented import TODAY, World, invent
from train.builders.observed import worlds

HELD = 3
"""Of so many wordings, and of so many pairs of a kind and a field, one is held out."""
WORDINGS = 2
"""Of one pattern that go into the set for each database."""


class Disagreement(ValueError):
    """A statement gives other rows than the second computation: a fault of the pattern."""


def build(out: Folder, *, count: int, seed: int, counts: Counter[str]) -> int:
    """Write the set over `count` databases."""
    train: list[dict[str, str]] = []
    held: list[dict[str, str]] = []
    for number in range(count):
        rng = random.Random(f"analysis:{seed}:{number}")
        world = invent(rng, number)
        aside = number % HELD == HELD - 1
        connection = sqlite3.connect(out.database(world.id))
        connection.executescript(world.script)
        for row in pairs(world, connection, rng, aside, counts):
            (held if aside else train).append(row)
        connection.close()
    out.write("held_out", held)
    return out.write("train", train)


def observe(out: Folder, questions: Sequence[Question], *, seed: int, counts: Counter[str]) -> int:
    """Write the set over the databases of published questions; every third one is held out whole."""
    train: list[dict[str, str]] = []
    held: list[dict[str, str]] = []
    files = {question.db: question.database for question in questions if question.database is not None}
    for number, (db_id, path) in enumerate(sorted(files.items())):
        rng = random.Random(f"observed:{seed}:{db_id}")
        schema = schemas.read(path)
        aside = number % HELD == HELD - 1
        for world in worlds(path, schema):
            target = out.database(db_id)
            if not target.exists():
                shutil.copyfile(path, target)
            connection = read_only(target)
            for row in pairs(world, connection, rng, aside, counts, schema=schema, strict=False):
                (held if aside else train).append(row)
            connection.close()
            counts["tables"] += 1
    out.write("held_out", held)
    return out.write("train", train)


def pairs(
    world: World,
    connection: sqlite3.Connection,
    rng: random.Random,
    aside: bool,
    counts: Counter[str],
    *,
    schema: Schema | None = None,
    strict: bool = True,
) -> Iterator[dict[str, str]]:
    """The pairs of one database: those to train on, or (`aside`) those held out.

    Raises Disagreement; where not `strict`, what people stored may be the reason, and such a pattern is left out.
    """
    register(connection)
    schema = schema or schemas.from_ddl(
        ";".join(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master"))
    )
    takes = Acceptor(schema).accepts
    for pattern in patterns(world, rng):
        if not pattern.rows:  # nothing that could be asked of these rows has one answer
            counts["has no answer here"] += 1
            continue
        try:
            sql = _proved(pattern, connection, schema, takes)
        except Disagreement:
            if strict:
                raise
            counts["disagrees"] += 1
            continue
        whole = held_out(pattern.kind, world.many)
        numbered = [
            (n, text) for n, text in enumerate(pattern.questions) if aside == (whole or n % HELD == HELD - 1)
        ]
        for _, text in rng.sample(numbered, min(WORDINGS, len(numbered))):
            counts[pattern.kind] += 1
            yield {
                "question": text[0].upper() + text[1:] if rng.random() < 0.4 else text,
                "query": sql,
                "db_id": world.id,
                "kind": pattern.kind,
            }


def _proved(
    pattern: Pattern, connection: sqlite3.Connection, schema: Schema, takes: Callable[[str], bool]
) -> str:
    """A pattern's statement in canonical form. Raises Disagreement."""
    try:
        sql = canonicalise(pattern.sql, schema)
    except CanonicalError as error:
        raise Disagreement(f"{pattern.kind}: {error}: {pattern.sql}") from error
    if not takes(sql):
        raise Disagreement(f"{pattern.kind}: the grammar does not take {sql}")
    check(pattern, connection, sql)
    return sql


def held_out(kind: str, field: str) -> bool:
    """Whether a kind over a field of business is held out, in every run."""
    return zlib.crc32(f"{kind}:{field}".encode()) % HELD == 0


def check(pattern: Pattern, connection: sqlite3.Connection, sql: str) -> None:
    """Raise Disagreement where a statement does not give the pattern's rows; 'now' is the day of the computation."""
    found = connection.execute(sql.replace("'now'", f"'{TODAY.isoformat()}'")).fetchall()
    if not same(found, pattern.rows, pattern.ordered):
        raise Disagreement(f"{pattern.kind}: {sql}\n  gives {found[:4]}\n  not   {pattern.rows[:4]}")


def same(found: Sequence[Sequence[Any]], wanted: Rows, ordered: bool) -> bool:
    """Whether rows are the same; numbers within a billionth, in any order unless it was asked for."""
    if len(found) != len(wanted):
        return False
    if not ordered:
        found, wanted = sorted(found, key=_place), sorted(wanted, key=_place)
    return all(
        len(one) == len(other) and all(map(_equal, one, other))
        for one, other in zip(found, wanted, strict=True)
    )


def _place(row: Sequence[Any]) -> str:
    return repr([round(cell, 4) + 0.0 if isinstance(cell, (int, float)) else cell for cell in row])


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)
