"""Questions with their gold SQL, from the formats that text-to-SQL sets come in.

Invariant: a question's id depends on its place in its file only, so two runs over the same file, sampled or
not, can be paired.

* a Spider-format folder: `DIR/<split>.json` with `{question, query, db_id}` and files
  `DIR/database/<db>/<db>.sqlite` (BIRD's `SQL` and `evidence` are understood too)
* the same with `answer`, a list of values, in place of a statement (WikiTableQuestions)
* sql-create-context: `DIR/<split>.jsonl` or `.json` with `{question, context, answer}`: no database, only DDL
* `DIR/<split>_questions.json` with `{input, expected}` beside `DIR/<split>.sqlite`
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.gold.context import mended
from sqlagent.base.errors import DatabaseError, UsageError
from sqlagent.sql.names import quote

DATABASE_FOLDERS = ("database", "databases", "database_synthetic", "dev_databases", "train_databases")
"""Where the published sets keep `<db>/<db>.sqlite`, tried in this order."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `database` is a file, or None where only `ddl` (CREATE TABLE statements) is known."""

    id: str
    db: str
    question: str
    gold: str
    database: Path | None = None
    ddl: str = ""
    bare: tuple[str, ...] = ()
    """Column names that SQLite wants in quotes and sql-create-context has without, such as 1976 and from."""
    alts: tuple[str, ...] = ()
    """Other gold statements; an answer is right by any of them."""
    answer: tuple[str, ...] = ()
    """The values that the rows must hold, where a set has answers instead of statements (see `bench.denotation`)."""


def load(data: Path, split: str, *, hints: bool = True) -> list[Question]:
    """Every question of `split` in file order; `data` is a folder, or the file itself. Raises UsageError.

    hints: BIRD's evidence stands behind its questions.
    """
    path = split_file(data, split)
    folder = path.parent
    rows = _rows(path)
    if not rows:
        raise UsageError(f"{path} holds no questions: give a file with at least one.")
    first = rows[0]
    name = path.stem
    if {"question", "context", "answer"} <= first.keys():
        return [
            Question(
                id=f"{name}-{index:05d}",
                db=str(row.get("db_id") or f"row-{index:05d}"),
                question=row["question"],
                gold=row["answer"],
                ddl=ddl,
                bare=bare,
            )
            for index, row in enumerate(rows)
            for ddl, bare in [mended(row["context"])]
        ]
    if {"input", "expected"} <= first.keys():
        database = folder / f"{name.removesuffix('_questions')}.sqlite"
        return [
            Question(f"{name}-{index:05d}", database.stem, row["input"], row["expected"], database)
            for index, row in enumerate(rows)
        ]
    if "question" in first and "db_id" in first and any(map(_gold, rows)):
        files = {db: database_file(folder, db) for db in {row["db_id"] for row in rows}}
        return [
            Question(
                id=f"{name}-{index:05d}",
                db=row["db_id"],
                question=_with_evidence(row) if hints else row["question"],
                gold=_gold(row),
                database=files[row["db_id"]],
                alts=tuple(row.get("alts") or ()),
                answer=_answer(row),
            )
            for index, row in enumerate(rows)
            if _gold(row)
        ]
    raise UsageError(
        f"{path} is in no known format: its rows need question and query and db_id, "
        "or question and db_id and answer, or question, context and answer, or input and expected."
    )


def _gold(row: Mapping[str, Any]) -> str:
    """The gold statement of a row, its `rows` or its answer written as one; "" where it has none of them."""
    statement = row.get("query") or row.get("SQL")
    rows = row.get("rows") or [[text] for text in _answer(row)]
    if statement or not rows:
        return statement or ""
    values = (", ".join(map(_literal, each)) for each in rows)
    return "SELECT * FROM (VALUES " + ", ".join(f"({each})" for each in values) + ")"


def _answer(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of a row that has an answer and no statement."""
    if row.get("query") or row.get("SQL") or row.get("rows"):
        return ()
    found = row.get("answer") or ()
    return (found,) if isinstance(found, str) else tuple(map(str, found))


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def split_file(data: Path, split: str) -> Path:
    """The file that holds `split`: `data` itself, or one in that folder. Raises UsageError."""
    if data.is_file():
        return data
    if not data.is_dir():
        raise UsageError(f"there is no folder {data}: --data wants a folder of questions or a file.")
    for name in (f"{split}.json", f"{split}.jsonl", f"{split}_questions.json"):
        if (data / name).is_file():
            return data / name
    there = sorted(path.stem for path in data.glob("*.json*"))
    raise UsageError(f"{data} has no split {split!r}: there is {', '.join(there) or 'no JSON file at all'}.")


def sample(questions: Iterable[Question], limit: int | None, seed: int) -> list[Question]:
    """`limit` questions drawn by `seed`, in file order but with each database's questions together.

    A smaller limit with the same seed draws a subset of a larger one. Grouping by database lets the cached
    schema prefix serve every question after a database's first.
    """
    everything = list(questions)
    places = list(range(len(everything)))
    if limit is not None and limit < len(places):
        random.Random(seed).shuffle(places)
        places = sorted(places[:limit])
    first_seen: dict[str, int] = {}
    for place in places:
        first_seen.setdefault(everything[place].db, place)
    places.sort(key=lambda place: (first_seen[everything[place].db], place))
    return [everything[place] for place in places]


def table_columns(question: Question) -> dict[str, frozenset[str]]:
    """Table or view name → column names, all in lower case; empty when the DDL does not run.

    Raises DatabaseError when the file cannot be read.
    """
    if question.database is not None:
        try:
            connection = sqlite3.connect(f"{question.database.resolve().as_uri()}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise DatabaseError(f"cannot open {question.database}: {error}.") from error
    else:
        connection = sqlite3.connect(":memory:")
    try:
        if question.database is None:
            connection.executescript(question.ddl)
        names = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        return {name.lower(): _columns(connection, name) for (name,) in names.fetchall()}
    except sqlite3.Error as error:
        if question.database is None:
            return {}
        raise DatabaseError(f"cannot read {question.database}: {error}.") from error
    finally:
        connection.close()


def _columns(connection: sqlite3.Connection, name: str) -> frozenset[str]:
    """Columns of a table or view in lower case; none of a view that calls what only its application has."""
    try:
        return frozenset(row[1].lower() for row in connection.execute(f"PRAGMA table_xinfo({quote(name)})"))
    except sqlite3.OperationalError as error:
        if "no such" not in str(error):
            raise
        return frozenset()


def _with_evidence(row: Mapping[str, Any]) -> str:
    evidence = row.get("evidence")
    return f"{row['question']} ({evidence})" if evidence else row["question"]


def _rows(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    try:
        rows = (
            [json.loads(line) for line in text.splitlines() if line.strip()]
            if path.suffix == ".jsonl"
            else None
        )
        return rows if rows is not None else json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{path} is not JSON: {error}.") from error


def database_file(folder: Path, db: str) -> Path:
    for parent in DATABASE_FOLDERS:
        for suffix in (".sqlite", ".db"):
            path = folder / parent / db / f"{db}{suffix}"
            if path.is_file():
                return path
    raise UsageError(f"{folder} has no database {db!r}: it should be database/{db}/{db}.sqlite there.")
