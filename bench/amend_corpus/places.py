"""Read the corpora and lay out the databases that they ask about.

Invariant: rows are compared as the corpora's promise is meant: the same rows count as the same, in another order only
where the right statement fixes none.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.amend_corpus.pairs import Pair
from sqlagent.amend.context import Context
from sqlagent.base.errors import UsageError
from sqlagent.database import schema as schemas
from sqlagent.database.schema import Schema
from sqlagent.grammar import Acceptor
from sqlagent.linking.focus import Focus
from sqlagent.linking.prompt import Turn
from sqlagent.sql.reading import Readings

FOLDER = Path(__file__).parents[2] / "tests" / "data"
CORPORA = ("leave_alone", "fire", "fire_aside")
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """One database of the corpora, and what the amendments need of it."""

    path: Path
    schema: Schema
    acceptor: Acceptor
    focus: Focus
    connection: sqlite3.Connection

    def rows(self, sql: str) -> Rows | None:
        """What a statement gives, its numbers rounded; None where it does not run."""
        try:
            rows = self.connection.execute(sql).fetchall()
        except sqlite3.Error:
            return None
        return [tuple(round(v, 6) if isinstance(v, float) else v for v in row) for row in rows]

    def context(self, pair: Pair) -> Context:
        """What the rules look at beside a pair's statement."""
        return Context(
            pair.question,
            Readings(self.schema),
            [Turn(question, sql) for question, sql in pair.history],
            nearest=partial(self.focus.nearest, self.schema),
            accepts=self.acceptor.accepts,
            has_rows=lambda sql: bool(self.rows(sql)),
            differ=lambda one, other: self.rows(one) != self.rows(other),
            values=lambda sql: [row[0] for row in self.rows(sql) or ()],
        )


def places(folder: Path) -> dict[str, Place]:
    """Every database of the corpora, its file and the index of its values in a folder."""
    scripts = json.loads((FOLDER / "amend_databases.json").read_text(encoding="utf-8"))
    return {name: _place(folder, name, script) for name, script in scripts.items()}


def _place(folder: Path, name: str, script: str) -> Place:
    path = folder / f"{name}.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(script)
    schema = schemas.read(str(path))
    focus = Focus(path, cache_dir=folder / "values")
    return Place(path, schema, Acceptor(schema), focus, connection)


def load(corpus: str) -> list[Pair]:
    """The pairs of one corpus. Raises UsageError."""
    path = FOLDER / f"{corpus}.jsonl"
    if not path.is_file():
        raise UsageError(f"{path} is missing: `python -m bench.amend_corpus` writes it.")
    records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [Pair(**{**one, "history": tuple(map(tuple, one.get("history", ())))}) for one in records]


def same(rows: Rows | None, right: Rows | None, sql: str) -> bool:
    """Whether rows are those of a right statement, in its order where it gives one."""
    if rows is None or right is None:
        return rows is right
    return rows == right if "ORDER BY" in sql else sorted(rows, key=repr) == sorted(right, key=repr)
