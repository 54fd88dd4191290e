"""Hold the databases that a page may open: those of the command line, those near it, and what was dropped on it.

Dropped files lie in a private folder that is deleted with the session, and by the next server when this one was
killed. A file is looked at before it is kept: its kind by its first bytes, its content by the program's own reader.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from sqlagent.base.errors import DatabaseError, UsageError
from sqlagent.base.visible import visible
from sqlagent.files import kinds

MOST_DROPPED = 20
"""Dropped files that a session keeps."""
MOST_NEAR = 100
SUFFIXES = {".db", ".db3", ".sqlite", ".sqlite3", ".sdb", ".s3db", ".sl3"}


@dataclass(frozen=True, slots=True)
class Item:
    """A database on the shelf. `where` says where it comes from; `path` never leaves the server."""

    id: str
    name: str
    path: Path
    where: str
    dropped: bool = False
    examples: tuple[str, ...] = ()
    """Questions to begin with."""


class Shelf:
    """The databases of one session. `given` are everybody's; `anywhere`: whether a path may be typed."""

    def __init__(self, given: Iterable[Item], folder: Path, *, anywhere: bool) -> None:
        self._items = {item.id: item for item in given}
        self._folder = folder
        self._own: Path | None = None
        self.anywhere = anywhere

    @property
    def items(self) -> list[Item]:
        return list(self._items.values())

    def item(self, id: str) -> Item:
        """The database of that name. Raises UsageError."""
        if id not in self._items:
            raise UsageError("That database is no longer here; drop the file again.")
        return self._items[id]

    def typed(self, text: str) -> Item:
        """The database at a path that a person typed. Raises UsageError, DatabaseError."""
        if not self.anywhere:
            raise UsageError("Here only the listed databases can be opened; drop a file to add one.")
        if not text.strip() or len(text) > 4096 or "\0" in text:
            raise UsageError("Type the path of a SQLite file.")
        path = Path(text.strip()).expanduser().absolute()
        for item in self._items.values():
            if item.path == path:
                return item
        from sqlagent.sandbox.file_state import file_state

        file_state(path)
        return self._add(path.name, path, str(path.parent), dropped=False)

    def begin(self) -> Path:
        """A new path to write a dropped file to. Raises UsageError when there are too many."""
        if sum(item.dropped for item in self._items.values()) >= MOST_DROPPED:
            raise UsageError(f"{MOST_DROPPED} files were dropped here; remove one first.")
        if self._own is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._own = Path(tempfile.mkdtemp(dir=self._folder))
        return self._own / f"{secrets.token_hex(8)}.db"

    def keep(self, name: str, path: Path) -> Item:
        """Put a dropped file on the shelf. Raises DatabaseError, and deletes it then."""
        from sqlagent.database import schema

        plain = dropped_name(name)
        try:
            self._make_database(path, plain)
            found = schema.read(path)
            if not found.tables:
                raise DatabaseError(f"{plain} holds no tables, so there is nothing to ask about.")
        except DatabaseError as error:
            path.unlink(missing_ok=True)
            raise DatabaseError(str(error).replace(str(path), plain)) from None
        return self._add(plain, path, "dropped here; deleted when the page ends", dropped=True)

    def _make_database(self, path: Path, name: str) -> None:
        """Put the database that a CSV file or its like becomes in the place of the file. Raises DatabaseError."""
        from sqlagent.files import loader

        with path.open("rb") as file:
            if kinds.kind_of(name, file.read(kinds.HEAD)) == kinds.SQLITE:
                return
        folder = Path(tempfile.mkdtemp(dir=path.parent))
        try:
            named = folder / re.sub(r"[^\w. -]", "_", name)
            path.replace(named)
            with loader.opened([str(named)]) as ready:
                shutil.move(ready.path, path)
        except (UsageError, OSError) as error:
            raise DatabaseError(str(error)) from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def removable(self, id: str) -> Item:
        """A dropped file. Raises UsageError for one that was not dropped."""
        item = self.item(id)
        if not item.dropped:
            raise UsageError(f"{item.name} was not dropped here, so it stays.")
        return item

    def remove(self, id: str) -> None:
        """Delete a dropped file. Raises UsageError for one that was not dropped."""
        item = self.removable(id)
        del self._items[id]
        self._delete(item.path)

    def close(self) -> None:
        """Delete what was dropped."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            self._own = None

    @staticmethod
    def _delete(path: Path) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)

    def _add(self, name: str, path: Path, where: str, *, dropped: bool) -> Item:
        item = Item(secrets.token_urlsafe(6), name, path, where, dropped)
        self._items[item.id] = item
        return item


def check_kind(head: bytes, name: str) -> None:
    """Raise UsageError for a dropped file that is no database and cannot be made one."""
    if kinds.kind_of(name, head) is None:
        raise UsageError(
            f"{dropped_name(name)} is not a SQLite database, nor a CSV, JSON, Excel, Parquet or SQL file: drop one."
        )


def dropped_name(text: str) -> str:
    """What a dropped file is called: its own name, on one line, with no folders."""
    name = text.replace("\\", "/").rsplit("/", 1)[-1].strip()
    return visible(name)[:120] or "database"


def given(paths: Iterable[Path]) -> list[Item]:
    """The databases of the command line."""
    return [Item(f"given{i}", path.name, path, str(path.absolute().parent)) for i, path in enumerate(paths)]


def near(folder: Path, known: Iterable[Path]) -> list[Item]:
    """The SQLite files of a folder, by name, that are not among those known."""
    seen = {path.absolute() for path in known}
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in SUFFIXES and path.absolute() not in seen and is_database(path):
                found.append(path)
            if len(found) == MOST_NEAR:
                break
    return [Item(f"near{i}", path.name, path, "in this folder") for i, path in enumerate(found)]


def is_database(path: Path) -> bool:
    """Whether a file begins as a SQLite database does."""
    try:
        with path.open("rb") as file:
            return kinds.kind_of(path.name, file.read(kinds.HEAD)) == kinds.SQLITE
    except OSError:
        return False


class Folder:
    """The folder of one server's dropped files, under `root`; those of servers that died are deleted."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = Path(tempfile.mkdtemp(prefix="server-", dir=root))
        self._lock = FileLock(self.path / "lock")
        self._lock.acquire()
        for other in root.glob("server-*"):
            if other != self.path:
                self._sweep(other)

    @staticmethod
    def _sweep(folder: Path) -> None:
        lock = FileLock(folder / "lock")
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            return  # its server lives
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)
