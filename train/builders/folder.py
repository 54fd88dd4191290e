"""Write a data set as Spider's are laid out: `NAME.jsonl` of {question, query, db_id, …} and `database/ID/ID.sqlite`.

Invariant: a set appears whole or not at all, and one that is there is not overwritten.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlagent.base.errors import UsageError


class Folder:
    """A set in the making."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def database(self, db_id: str) -> Path:
        """Where a database belongs; its folder is there."""
        path = self.root / "database" / db_id / f"{db_id}.sqlite"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Write the rows of one file; how many there are."""
        lines = [json.dumps(dict(row), ensure_ascii=False) for row in rows]
        (self.root / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return len(lines)


@contextmanager
def folder(path: Path) -> Iterator[Folder]:
    """A folder that gets its name when everything is written. Raises UsageError where one is there."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is there already: give --save another folder, or take it away.")
    draft = path.with_name(f".{path.name}.writing")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield Folder(draft)
        if path.is_dir():
            path.rmdir()
        draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def databases(data: Path, wanted: Iterable[str]) -> dict[str, Path]:
    """The SQLite files of a published set, by name. Raises UsageError where one is missing."""
    from bench.gold.datasets import database_file

    return {name: database_file(data, name) for name in sorted(set(wanted))}


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot change the file; text that is no UTF-8 is read all the same."""
    made = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    made.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return made
