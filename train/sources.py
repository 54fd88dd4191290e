"""Question/SQL pairs from files, as they stand: no row is judged here.

Reads Spider-format lists, BIRD's, b-mc2/sql-create-context (`question, context, answer`) and the page's feedback from
.json, .jsonl or the Hugging Face Hub."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.gold.context import mended, with_quotes
from bench.gold.datasets import DATABASE_FOLDERS
from sqlagent.base.errors import UsageError
from train.config import Mix

WIKISQL = re.compile(r"CREATE TABLE table_\w+ \([^;]*$")
"""The one table of a row that came from WikiSQL: table_name_77, table_11677691_1."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and the SQL that answers it, on a database file or on CREATE TABLE text.

    sql is "" where no statement was found (`python -m train sample`), where feedback names no statement that is right,
    or where the question goes on from another one.
    """

    question: str
    sql: str
    db_id: str
    source: str
    database: Path | None = None
    ddl: str = ""
    meant: bool = False
    """The statement takes columns as they are meant, not as they are stored."""


def read(mix: Mix, root: Path, *, limit: int = 0) -> Iterator[Pair]:
    """The pairs of one source. Raises UsageError when a file or a field is missing."""
    number = 0
    rows = _rows(mix.file, root)
    for row in _last_words(rows) if mix.kind == "feedback" else rows:
        if any(_value(row, key) != value for key, value in mix.where.items()):
            continue
        if mix.least and row.get("logprob", 0.0) < mix.least:
            continue
        if limit and number >= limit:
            return
        try:
            yield _pair(mix, row, root, number)
        except KeyError as error:
            raise UsageError(
                f"{mix.file}: row {number + 1} has no field {error}; is kind = {mix.kind!r} right?"
            ) from error
        number += 1


def _value(row: dict[str, Any], key: str) -> Any:
    """A field of a row. b-mc2/sql-create-context has no `source`: WikiSQL's tables are known by their names."""
    if key == "source" and key not in row and "context" in row:
        return "wikisql_train" if WIKISQL.match(row["context"]) else "spider"
    return row.get(key)


def questions(path: Path) -> Iterator[tuple[str, str]]:
    """(question, db_id) of a validation file of any kind."""
    for row in _rows(path.name, path.parent):
        yield row["question"], row.get("db_id", "")


def kind_of(file: str, root: Path) -> str:
    """How the rows of a file are written, by its first: "context", "bird" or "spider", which a `Mix` calls its kind."""
    first = next(iter(_rows(file, root)), {})
    return "context" if "context" in first else "bird" if "SQL" in first else "spider"


def _pair(mix: Mix, row: dict[str, Any], root: Path, number: int) -> Pair:
    question = " ".join(row["question"].split())
    if mix.kind == "context":
        ddl, names = mended(row["context"])
        return Pair(question, with_quotes(row["answer"], names), row.get("db_id", ""), mix.name, ddl=ddl)
    if mix.kind == "feedback":
        right = row["corrected"] or (row["sql"] if row["verdict"] == "up" else "")
        return Pair(question, "" if row["history"] else right, "", mix.name, ddl=row["ddl"])
    db_id = row["db_id"]
    folder = _databases(root / mix.databases) / db_id
    database = next((p for p in (folder / f"{db_id}.sqlite", folder / f"{db_id}.db") if p.is_file()), None)
    if database is None:
        found = sorted(folder.glob("*.sqlite")) if folder.is_dir() else []
        database = found[0] if found else folder / f"{db_id}.sqlite"
    if mix.kind in ("spider", "meant"):
        return Pair(question, row["query"], db_id, mix.name, database=database, meant=mix.kind == "meant")
    if mix.kind == "bird":
        evidence = " ".join(str(row.get("evidence") or "").split())
        if evidence and (mix.evidence == "append" or (mix.evidence == "half" and number % 2)):
            question = f"{question} ({evidence.rstrip(';')})"
        return Pair(question, row["SQL"], db_id, mix.name, database=database)
    raise UsageError(f"kind must be spider, meant, bird, context or feedback, not {mix.kind!r}.")


def _databases(folder: Path) -> Path:
    """A folder of databases, or the one beside it under another of the names that published sets give it."""
    beside = [folder.parent / name for name in DATABASE_FOLDERS]
    return next((place for place in (folder, *beside) if place.is_dir()), folder)


def _last_words(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Feedback without what a later line about the same answer takes back."""
    last = {(row["question"], row["ddl"], row["sql"]): row for row in rows}
    yield from last.values()


def _rows(file: str, root: Path) -> Iterator[dict[str, Any]]:
    if file.startswith("hub:"):
        yield from _hub(file.removeprefix("hub:"))
        return
    path = root / file
    if not path.is_file():
        raise UsageError(f"No data file {path}: is --data right?")
    with path.open(encoding="utf-8") as handle:
        if path.suffix == ".jsonl":
            for line in handle:
                if line.strip():
                    yield json.loads(line)
        else:
            yield from json.load(handle)


def _hub(name: str) -> Iterable[dict[str, Any]]:
    """The training rows of a data set on the hub. Raises UsageError."""
    try:
        import datasets
    except ImportError as error:
        raise UsageError("Data sets of the hub need the train extra: pip install -e .[train].") from error
    try:
        found: Iterable[dict[str, Any]] = datasets.load_dataset(name, split="train")
    except (OSError, ValueError) as error:  # no connection, no such data set, no split of that name
        why = str(error).splitlines()[0].rstrip(".")
        raise UsageError(
            f"Cannot load the data set {name} from the Hugging Face Hub: {why}. Give --dataset a file of rows with "
            "question, context and answer, or a recipe and --data."
        ) from error
    return found
