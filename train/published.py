"""Lay published text-to-SQL sets out as the recipes read them.

    spider/validation.json  →  spider/val.json, spider/val_databases.txt
    spider/train_spider.json, train_others.json  →  spider/train.json

The makers' archives and the copies on the hub name the same files differently; each is found by any of its names,
however deep it lies. Invariant: no statement and no question is changed, and the validation databases of Spider
are in no training file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from bench.gold.datasets import DATABASE_FOLDERS
from sqlagent.base import private_files
from sqlagent.base.errors import UsageError

Row = Mapping[str, Any]

DATABASE_ENDINGS = (".sqlite", ".db")
HELD_OUT = 16
"""Of the schemas of sql-create-context, which has no validation rows of its own, one in so many is kept for them."""
MOST_HELD_OUT = 4000


@dataclass(frozen=True, slots=True)
class Published:
    """A set: where it is published, under which licence, which of its files are wanted, and how they are laid out."""

    name: str
    repo: str
    licence: str
    about: str
    folder: str
    """Where it lies below --data."""
    makes: tuple[str, ...]
    wanted: tuple[str, ...]
    arrange: Callable[[Path, Path], dict[str, int]]
    """(what was fetched, folder of the set) → rows by file that was made."""

    def wants(self, file: str) -> bool:
        """Whether a file of the repository is needed."""
        return any(fnmatch(file, pattern) for pattern in (*self.wanted, "README.md", "LICENSE*"))


def _spider(raw: Path, out: Path) -> dict[str, int]:
    held = [_spider_row(row) for row in _rows(raw, "val", "validation", "dev")]
    databases = {row["db_id"] for row in held}
    train = [_spider_row(row) for row in _rows(raw, "train", "train_spider")]
    if not _found(raw, "train"):
        train += [_spider_row(row) for row in _rows(raw, "train_others", needed=False)]
    train = [row for row in train if row["db_id"] not in databases]
    _link_databases(raw, out / "database")
    private_files.write(
        out / "val_databases.txt", "".join(f"{name}\n" for name in sorted(databases)).encode(), mode=0o666
    )
    return {"train.json": _json(out / "train.json", train), "val.json": _json(out / "val.json", held)}


def _spider_row(row: Row) -> Row:
    return {key: row[key] for key in ("question", "query", "db_id")}


def _paraphrased(raw: Path, out: Path) -> dict[str, int]:
    val = out / "val_databases.txt"
    databases = set(val.read_text(encoding="utf-8").split()) if val.is_file() else set()
    rows = [
        {"question": row["SpiderSynQuestion"], "query": row["query"], "db_id": row["db_id"]}
        for row in _rows(raw, "train", "train_spider", "train-00000-of-00001")
        if row["db_id"] not in databases
    ]
    return {"train_paraphrased.json": _json(out / "train_paraphrased.json", rows)}


def _bird(raw: Path, out: Path) -> dict[str, int]:
    rows = [
        {"question": row["question"], "evidence": row.get("evidence") or "", "SQL": row["SQL"],
         "db_id": row["db_id"]}
        for row in _rows(raw, "train", "train_bird")
    ]  # fmt: skip
    _link_databases(raw, out / "database")
    return {"train.json": _json(out / "train.json", rows)}


def _create_context(raw: Path, out: Path) -> dict[str, int]:
    rows = [
        {key: row[key] for key in ("question", "context", "answer")}
        for row in _rows(raw, "sql_create_context_v4", "train", "train-00000-of-00001")
    ]
    contexts = {row["context"]: hashlib.sha256(row["context"].encode()).hexdigest() for row in rows}
    kept = set(sorted(contexts, key=contexts.__getitem__)[: len(contexts) // HELD_OUT])
    held = [row for row in rows if row["context"] in kept]
    made = {
        "train.jsonl": [row for row in rows if row["context"] not in kept],
        "val.jsonl": held[:MOST_HELD_OUT],
    }
    return {name: _json_lines(out / name, part) for name, part in made.items()}


_ALL = (
    Published(
        name="spider",
        repo="premai-io/spider",
        licence="CC BY-SA 4.0",
        about="questions over 166 databases, with the databases",
        folder="spider",
        makes=("train.json", "val.json"),
        wanted=("*train*.json", "validation.json", "dev.json", "*.sqlite", "*.zip"),
        arrange=_spider,
    ),
    Published(
        name="spider-syn",
        repo="aherntech/spider-syn",
        licence="MIT",
        about="Spider's questions in words that name no columns",
        folder="spider",
        makes=("train_paraphrased.json",),
        wanted=("*train*",),
        arrange=_paraphrased,
    ),
    Published(
        name="bird",
        repo="premai-io/birdbench",
        licence="CC BY-SA 4.0",
        about="questions over large, messy databases",
        folder="bird",
        makes=("train.json",),
        wanted=("*train*",),
        arrange=_bird,
    ),
    Published(
        name="sql-create-context",
        repo="b-mc2/sql-create-context",
        licence="CC BY 4.0",
        about="questions with CREATE TABLE statements, from WikiSQL and Spider",
        folder="sql_create_context",
        makes=("train.jsonl", "val.jsonl"),
        wanted=("*.json", "*.jsonl", "*.parquet"),
        arrange=_create_context,
    ),
)
SETS = {one.name: one for one in _ALL}


def of(file: str) -> Published | None:
    """The published set that a recipe's file, or `hub:OWNER/NAME`, is of."""
    for one in SETS.values():
        if file == f"hub:{one.repo}" or file in [f"{one.folder}/{name}" for name in one.makes]:
            return one
    return None


def unpack(raw: Path) -> None:
    """Unpack every archive below a folder, beside it and once. Raises UsageError for one that reaches outside."""
    todo = sorted(raw.rglob("*.zip"))
    while todo:
        archive = todo.pop()
        target = archive.with_suffix("")
        done = target.with_name(f".{target.name}.unpacked")
        if not done.is_file():
            try:
                with zipfile.ZipFile(archive) as packed:
                    for name in packed.namelist():
                        if not (target / name).resolve().is_relative_to(target.resolve()):
                            raise UsageError(
                                f"{archive} holds {name}, which lies outside of it: it is not unpacked."
                            )
                    packed.extractall(target)
            except zipfile.BadZipFile:
                raise UsageError(f"{archive} is no archive, or damaged: fetch it again.") from None
            done.touch()
            todo += sorted(target.rglob("*.zip"))


def _found(raw: Path, *stems: str) -> Path | None:
    """The first file with one of these names, nearest to the top; earlier names win."""
    for stem in stems:
        files = [path for ending in (".json", ".jsonl", ".parquet") for path in raw.rglob(f"{stem}{ending}")]
        files = [path for path in files if not path.name.startswith(".") and "__MACOSX" not in path.parts]
        if files:
            return min(files, key=lambda path: (len(path.parts), str(path)))
    return None


def _rows(raw: Path, *stems: str, needed: bool = True) -> Iterator[Row]:
    """The rows of the file with one of these names. Raises UsageError where there is none, or a row lacks a field."""
    path = _found(raw, *stems)
    if path is None:
        if needed:
            raise UsageError(
                f"{raw} holds no {' or '.join(f'{stem}.json' for stem in stems)}: is it this set?"
            )
        return
    if path.suffix == ".parquet":
        try:
            from pyarrow import parquet
        except ImportError as error:
            raise UsageError("Parquet files need the train extra: pip install -e .[train].") from error
        yield from parquet.read_table(path).to_pylist()
        return
    with path.open(encoding="utf-8") as handle:
        if path.suffix == ".jsonl":
            yield from (json.loads(line) for line in handle if line.strip())
        else:
            yield from json.load(handle)


def _link_databases(raw: Path, target: Path) -> None:
    """Put every `<folder of databases>/<db>/<db>.sqlite` below `target`, without a copy where the disk can."""
    for path in sorted(raw.rglob("*")):
        if path.suffix not in DATABASE_ENDINGS or path.parent.parent.name not in DATABASE_FOLDERS:
            continue
        place = target / path.parent.name / f"{path.stem}.sqlite"
        if place.exists() and place.stat().st_size == path.stat().st_size:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        try:
            os.link(path, place)
        except OSError:  # another disk, or one without links
            shutil.copyfile(path, place)


def _json(path: Path, rows: Iterable[Row]) -> int:
    found = list(rows)
    private_files.write(path, (json.dumps(found, indent=0, ensure_ascii=False) + "\n").encode(), mode=0o666)
    return len(found)


def _json_lines(path: Path, rows: Iterable[Row]) -> int:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    private_files.write(path, "".join(f"{line}\n" for line in lines).encode(), mode=0o666)
    return len(lines)
