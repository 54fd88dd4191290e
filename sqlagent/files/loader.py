"""Load files into a private temporary SQLite file, with types that are right, and say what was decided.

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
from sqlagent.files import cells, kinds, readers
from sqlagent.files.readers import Sheet
from sqlagent.sql.names import quote

PREFIX = "sqlagent-files-"
BATCH = 500
"""Rows that are converted at once: few enough to stay in a processor's cache."""
TOGETHER, MOST_MARKS = 50, 999
"""Rows that one statement inserts at most, and values: what every SQLite takes."""
SAMPLE = 20_000
"""Rows from which the kinds of the columns are told; a later cell that does not fit starts the table again."""
MOST_COLUMNS = 1_900
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
        self._connection, self._ready, self._folder, self._as_text = connection, ready, folder, as_text

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

    # ---- one table ----

    def _sheets(self, sheets: Iterator[Sheet], stem: str, again: Callable[[], Iterator[Sheet]]) -> None:
        made = 0
        for number, sheet in enumerate(sheets):
            name = stem if number == 0 and Path(sheet.name).stem == stem else sheet.name
            self._sheet(self._free(table_name(name if name != "Sheet1" else stem)), sheet, again, number)
            made += 1
        if not made:
            raise DatabaseError(f"{stem} holds no rows.")

    def _free(self, name: str) -> str:
        taken = {table.lower() for table in self._ready.tables}
        names = itertools.chain([name], (f"{name}_{i}" for i in itertools.count(2)))
        return next(one for one in names if one.lower() not in taken)

    def _sheet(self, table: str, sheet: Sheet, again: Callable[[], Iterator[Sheet]], number: int) -> None:
        """Load one table. again: the sheets once more, of which this one is the number-th."""
        rows: Iterator[Sequence[Any]] = iter(sheet.rows)
        sample = list(itertools.islice(rows, SAMPLE))
        width = max([len(sheet.heads), *map(len, sample)])
        heads = column_names([*sheet.heads, *[""] * (width - len(sheet.heads))])
        if width > MOST_COLUMNS:
            raise DatabaseError(f"{sheet.name} has {width:,} columns; SQLite takes {MOST_COLUMNS:,} at most.")
        if sheet.lines:
            self._tell_ragged(sheet, sample)
        if sheet.typed or self._as_text:
            self._load_as_it_is(table, heads, sheet, sample, rows)
        else:

            def rest() -> Iterator[Sequence[Any]]:
                sheets = again()
                found = next(itertools.islice(sheets, number, None))
                yield from itertools.islice(
                    iter(found.rows), len(sample), None
                )  # `sheets` is held: it keeps a file open

            chosen = self._load_recognised(table, heads, sample, rows, rest)
            self._tell_kinds(table, heads, chosen, sample)
        self._done(table)

    def _tell_ragged(self, sheet: Sheet, sample: Sequence[Sequence[Any]]) -> None:
        """Say where lines have another number of fields than the head."""
        ragged = [i for i, row in enumerate(sample) if len(row) not in (0, len(sheet.heads))]
        if ragged:
            more = f", and {len(ragged) - 1:,} lines more" if len(ragged) > 1 else ""
            self._ready.notices.append(
                f"{sheet.name}, about line {ragged[0] + 2}: {len(sample[ragged[0]])} fields where the head has "
                f"{len(sheet.heads)}{more}."
            )

    def _load_as_it_is(
        self,
        table: str,
        heads: Sequence[str],
        sheet: Sheet,
        sample: Sequence[Sequence[Any]],
        rows: Iterator[Sequence[Any]],
    ) -> None:
        """Load cells that have types already, or that are to stay texts."""
        width = len(heads)
        if sheet.typed:
            types = [_type_of(row[i] for row in sample if i < len(row)) for i in range(width)]
        else:
            types = ["TEXT"] * width
        self._create(table, heads, types, [""] * width)
        kinds_of_text = None if sheet.typed else [cells.TEXT] * width
        self._fill(table, width, itertools.chain(sample, rows), kinds_of_text)

    def _load_recognised(
        self,
        table: str,
        heads: Sequence[str],
        sample: Sequence[Sequence[Any]],
        rows: Iterator[Sequence[Any]],
        again: Callable[[], Iterator[Sequence[Any]]],
    ) -> list[cells.Kind]:
        """Load texts as what their columns are recognised for; the kinds that all rows bore out.

        again: the rows behind the sample once more, for the next try after one did not fit.
        """
        ruled_out: list[set[str]] = [set() for _ in heads]
        columns = _columns(sample, len(heads))
        while True:
            chosen = [
                cells.kind_of_column(column, tuple(out))
                for column, out in zip(columns, ruled_out, strict=True)
            ]
            self._create(table, heads, [kind.type for kind in chosen], [kind.said for kind in chosen])
            try:
                self._fill(table, len(heads), itertools.chain(sample, rows), chosen)
                unsure = [
                    i
                    for i, kind in enumerate(chosen)
                    if kind is cells.DAY_FIRST and self._both(table, heads[i])
                ]
                if not unsure:
                    return chosen
                for i in unsure:
                    ruled_out[i] |= {cells.DAY_FIRST.name, cells.MONTH_FIRST.name}
            except _Misfit as misfit:
                ruled_out[misfit.column].add(chosen[misfit.column].name)
            self._again(table)
            rows = again()

    def _tell_kinds(
        self, table: str, heads: Sequence[str], chosen: Sequence[cells.Kind], sample: Sequence[Sequence[Any]]
    ) -> None:
        """Say what columns were taken for, and which dates were left because they can be read two ways."""
        said = [f"{head}: {kind.said}" for head, kind in zip(heads, chosen, strict=True) if kind.said]
        said += [
            f"{head}: dates whose day and month cannot be told apart, left as they are"
            for head, kind, column in zip(heads, chosen, _columns(sample, len(heads)), strict=True)
            if kind is cells.TEXT and cells.both_days_and_months(column)
        ]
        if said:
            self._ready.notices.append(f"{table}: {'; '.join(said)}.")

    def _both(self, table: str, column: str) -> bool:
        """Whether no day of a column is over 12, so that each might be a month."""
        over = (
            f"SELECT 1 FROM {quote(table)} WHERE CAST(substr({quote(column)}, 9, 2) AS INTEGER) > 12 LIMIT 1"
        )
        return self._connection.execute(over).fetchone() is None

    def _again(self, table: str) -> None:
        """Take back a table that has to be loaded with other kinds of columns."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")  # without a journal there is nothing to roll back to
        self._connection.execute(f"DROP TABLE {quote(table)}")

    def _create(self, table: str, heads: Sequence[str], types: Sequence[str], said: Sequence[str]) -> None:
        lines = []
        for i, (head, type_, text) in enumerate(zip(heads, types, said, strict=True)):
            comma = "," if i + 1 < len(heads) else ""
            lines.append(f"    {quote(head)} {type_}{comma}" + (f" -- read from {text}" if text else ""))
        self._connection.execute(f"CREATE TABLE {quote(table)} (\n" + "\n".join(lines) + "\n)")

    def _fill(
        self, table: str, width: int, rows: Iterator[Sequence[Any]], chosen: Sequence[cells.Kind] | None
    ) -> None:
        """Insert rows; raises _Misfit when a cell is not what its column was taken for."""
        insert = partial(self._insert, f"INSERT INTO {quote(table)} VALUES ", width)
        known = [cells.Converter(kind) for kind in chosen or ()]
        self._connection.execute("BEGIN")
        while batch := list(filter(None, itertools.islice(rows, BATCH))):
            if set(map(len, batch)) != {width}:
                longest = max(len(row) for row in batch)
                if longest > width:
                    raise DatabaseError(
                        f"{table}: a row has {longest} fields where those before have {width} at most."
                    )
                batch = [[*row, *[None if chosen is None else ""] * (width - len(row))] for row in batch]
            if chosen is None:
                insert(batch)
                continue
            columns = []
            for i, column in enumerate(zip(*batch, strict=True)):
                try:
                    columns.append(cells.converted(chosen[i], known[i], column))
                except cells.NotThisKind:
                    raise _Misfit(i) from None
            insert(list(zip(*columns, strict=True)))
        self._connection.execute("COMMIT")

    def _insert(self, into: str, width: int, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows, many with one statement: seven columns take 0.4 of the time that they take one by one."""
        together = max(1, min(TOGETHER, MOST_MARKS // width))
        marks = f"({', '.join('?' * width)})"
        whole = len(rows) - len(rows) % together
        flat = list(itertools.chain.from_iterable(rows[:whole]))
        step = together * width
        self._connection.executemany(
            into + ", ".join([marks] * together), (flat[i : i + step] for i in range(0, len(flat), step))
        )
        self._connection.executemany(into + marks, rows[whole:])

    def _done(self, table: str) -> None:
        (count,) = self._connection.execute(f"SELECT COUNT(*) FROM {quote(table)}").fetchone()
        self._ready.tables[table] = count


class _Misfit(Exception):
    def __init__(self, column: int) -> None:
        super().__init__(column)
        self.column = column


def _gunzip(path: Path) -> IO[bytes]:
    return gzip.GzipFile(path, "rb")  # type: ignore[return-value]  # a file in all but name


def _columns(sample: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """The cells of each column; of a short row those that there are."""
    return [[row[i] for row in sample if i < len(row)] for i in range(width)]


def _type_of(values: Iterator[Any]) -> str:
    """The declared type of a column whose cells have types."""
    seen = {type(value) for value in values if value is not None}
    if seen and seen <= {int, bool}:
        return "INTEGER"
    if seen and seen <= {int, float, bool}:
        return "REAL"
    return "BLOB" if seen == {bytes} else "TEXT" if seen == {str} else ""


def table_name(name: str) -> str:
    """A name for a table: the file's or sheet's, its odd characters as underscores."""
    return re.sub(r"\W+", "_", name.strip()).strip("_").lower() or "data"


def column_names(heads: Sequence[Any]) -> list[str]:
    """Names for columns: the heads, without blanks around them; `column3` for an empty one; no name twice."""
    names: list[str] = []
    taken: set[str] = set()
    for i, head in enumerate(heads, 1):
        name = " ".join(str(head).split()) or f"column{i}"
        base, n = name, 2
        while name.lower() in taken:
            name, n = f"{base}_{n}", n + 1
        taken.add(name.lower())
        names.append(name)
    return names
