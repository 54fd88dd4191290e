"""Turn files into a private temporary SQLite file: databases, scripts, archives, and sheets of rows.

    with opened(["sales.csv", "customers.xlsx"]) as ready:
        Agent(ready.path)

Invariant: nothing is written beside a file, nothing of a file is lost, and what a column was taken for stands in a
comment of its CREATE TABLE. The temporary folder is the user's alone and goes with the program; one that a killed
program left is swept up by the next.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import re
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from sqlagent.base.errors import DatabaseError, UsageError
from sqlagent.files import kinds, readers
from sqlagent.files.readers import Sheet
from sqlagent.files.table_loader import TableLoader
from sqlagent.sql.names import quote

PREFIX = "sqlagent-files-"
LARGEST = 16 << 30
"""Bytes that a compressed file may come to."""


@dataclass
class Ready:
    """A database to open. `notices`: what a person should know of how it came about; `tables`: what was loaded."""

    path: str
    temporary: bool = False
    notices: list[str] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)


@contextlib.contextmanager
def opened(paths: Sequence[str], *, as_text: bool = False) -> Iterator[Ready]:
    """A database that holds what the files hold; one SQLite file is given back as it is.

    as_text: leave every cell of a text file the text that it is. Raises DatabaseError and UsageError, each a
    sentence that names the file and, where there is one, the line.
    """
    found = [(path, kinds.kind_at(path)) for path in paths]
    if len(found) == 1 and found[0][1] in (kinds.SQLITE, None):
        yield Ready(paths[0])
        return
    for path, kind in found:
        if kind is None and not Path(path).exists():
            raise DatabaseError(f"{path} does not exist.")
        if kind is None:
            raise DatabaseError(f"{path} is no database, and no CSV, JSON, Excel, Parquet or SQL file.")
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    try:
        ready = Ready(str(folder / "data.sqlite"), temporary=True)
        with contextlib.closing(sqlite3.connect(ready.path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=OFF")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA cache_size=-65536")
            _Loader(connection, ready, folder, as_text).load(found)
        yield ready
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the folders of programs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder.name[len(PREFIX) :].split("-")[0]
        with contextlib.suppress(OSError, ValueError):
            if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
                continue
            if not _alive(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _Loader:
    def __init__(self, connection: sqlite3.Connection, ready: Ready, folder: Path, as_text: bool) -> None:
        self._connection, self._ready, self._folder = connection, ready, folder
        self._tables = TableLoader(connection, ready.notices, as_text=as_text)

    def load(self, found: Sequence[tuple[str, str | None]]) -> None:
        """Load every file, databases first: what is copied whole must not meet names that are taken."""
        for path, kind in sorted(found, key=lambda one: one[1] != kinds.SQLITE):
            self._file(Path(path), kind, Path(path).name)
        if not self._ready.tables:
            raise DatabaseError(f"{', '.join(path for path, _ in found)}: no table could be read.")

    def _file(self, path: Path, kind: str | None, name: str) -> None:
        try:
            if kind == kinds.SQLITE:
                self._copy(path)
            elif kind == "gzip":
                self._unpacked(path, Path(name).stem, partial(_gunzip, path))
            elif kind == "zip":
                self._zip(path)
            elif kind == "sql":
                self._script(path, name)
            elif kind in ("sheet", "parquet"):
                read = readers.workbook_sheets if kind == "sheet" else readers.parquet_sheets
                self._sheets(read(path, name), Path(name).stem, lambda: read(path, name))
            else:
                self._text(path, kind or "csv", name)
        except OSError as error:
            raise DatabaseError(f"{name} cannot be read: {error.strerror or error}.") from None

    def _text(self, path: Path, kind: str, name: str) -> None:
        def read() -> Iterator[Sheet]:
            with open(path, "rb") as file:
                if kind == "csv":
                    yield from readers.csv_sheets(name, file, suffix=Path(name).suffix.lower())
                else:
                    yield from (readers.json_sheets if kind == "json" else readers.jsonl_sheets)(name, file)

        self._sheets(read(), Path(name).stem, read)

    def _unpacked(self, path: Path, name: str, source: Callable[[], IO[bytes]]) -> None:
        """Load a compressed file from a copy without compression."""
        target = self._folder / f"unpacked-{len(self._ready.tables)}{Path(name).suffix}"
        written = 0
        try:
            with source() as packed, open(target, "xb") as plain:
                while piece := packed.read(1 << 20):
                    written += len(piece)
                    if written > LARGEST:
                        raise DatabaseError(
                            f"{path.name} unpacks to more than {LARGEST >> 30} GiB; unpack it yourself."
                        )
                    plain.write(piece)
        except (EOFError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
            raise DatabaseError(f"{path.name} is damaged: {error}.") from None
        with open(target, "rb") as file:
            kind = kinds.kind_of(name, file.read(kinds.HEAD))
        if kind in (None, "gzip", "zip"):
            raise DatabaseError(f"{path.name} holds {name}, which is no table.")
        self._file(target, kind, name)
        target.unlink()

    def _zip(self, path: Path) -> None:
        try:
            with zipfile.ZipFile(path) as archive:
                inside = [
                    one for one in archive.infolist()
                    if not one.is_dir() and not Path(one.filename).name.startswith((".", "__"))
                    and "__MACOSX" not in one.filename
                ]  # fmt: skip
                loaded = 0
                for one in inside:
                    with archive.open(one) as file:
                        if kinds.kind_of(one.filename, file.read(kinds.HEAD)) in (None, "gzip", "zip"):
                            continue
                    self._unpacked(path, Path(one.filename).name, lambda one=one: archive.open(one))  # type: ignore[misc]
                    loaded += 1
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise DatabaseError(f"{path.name} cannot be unpacked: {error}.") from None
        if not loaded:
            raise DatabaseError(
                f"{path.name} holds no table: {', '.join(one.filename for one in inside[:3])}."
            )

    def _copy(self, path: Path) -> None:
        """Copy a whole database, so that other tables can join it."""
        source = f"{path.resolve().as_uri()}?mode=ro"
        try:
            with contextlib.closing(sqlite3.connect(source, uri=True)) as other:
                if self._ready.tables:
                    raise UsageError("Only one database can be opened together with other files.")
                other.backup(self._connection)
        except sqlite3.Error as error:
            raise DatabaseError(f"{path} cannot be copied: {error}.") from None
        self._count()

    def _script(self, path: Path, name: str) -> None:
        """Run a dump's statements, which may make and fill tables here and touch no other file."""
        with open(path, "rb") as file:
            head = file.read(readers.SNIFFED)
            file.seek(0)
            text = file.read().decode(readers.text_encoding(head), "replace")
        denied = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}
        functions = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}

        def allow(action: int, first: str | None, second: str | None, *_: object) -> int:
            if action in denied or (
                action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in functions
            ):
                return sqlite3.SQLITE_DENY
            if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() not in (
                "foreign_keys",
                "encoding",
                "user_version",
            ):
                return sqlite3.SQLITE_IGNORE
            return sqlite3.SQLITE_OK

        self._connection.set_authorizer(allow)
        try:
            self._connection.executescript(text)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise DatabaseError(f"{name} is no SQL that SQLite runs: {error}.") from None
        finally:
            self._connection.set_authorizer(None)
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        self._count()

    def _count(self) -> None:
        names = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )
        for (table,) in self._connection.execute(names).fetchall():
            with contextlib.suppress(sqlite3.Error):  # a virtual table of a module that is not here
                (count,) = self._connection.execute(f"SELECT COUNT(*) FROM {quote(table)}").fetchone()
                self._ready.tables.setdefault(table, count)

    # ---- its tables ----

    def _sheets(self, sheets: Iterator[Sheet], stem: str, again: Callable[[], Iterator[Sheet]]) -> None:
        made = 0

        def rows_of(number: int) -> Iterator[Sequence[Any]]:
            sheets = again()  # held while its rows are read: it keeps a file open
            yield from next(itertools.islice(sheets, number, None)).rows

        for number, sheet in enumerate(sheets):
            name = stem if number == 0 and Path(sheet.name).stem == stem else sheet.name
            table = self._free(table_name(name if name != "Sheet1" else stem))
            self._ready.tables[table] = self._tables.load(table, sheet, partial(rows_of, number))
            made += 1
        if not made:
            raise DatabaseError(f"{stem} holds no rows.")

    def _free(self, name: str) -> str:
        taken = {table.lower() for table in self._ready.tables}
        names = itertools.chain([name], (f"{name}_{i}" for i in itertools.count(2)))
        return next(one for one in names if one.lower() not in taken)


def _gunzip(path: Path) -> IO[bytes]:
    return gzip.GzipFile(path, "rb")  # type: ignore[return-value]  # a file in all but name


def table_name(name: str) -> str:
    """A name for a table: the file's or sheet's, its odd characters as underscores."""
    return re.sub(r"\W+", "_", name.strip()).strip("_").lower() or "data"
