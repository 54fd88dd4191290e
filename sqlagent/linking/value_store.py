"""Collect the values of a database's text columns in a small database of our own.

Invariant: the file is read in the sandbox, a few thousand rows at a time, and of each text only the beginning
leaves it. Building reads plain stored columns only, costs at most the time given, and never more than a
fixed number of rows a table and values a column, whatever the table's size; the state says what is still to
be read, so a later call goes on where this one stopped. The file is private (0600 in a 0700 folder), is
written beside its name and renamed, and is used only for the database file it was made from, in the state
it was made from; anything else is a miss. A file that cannot be written costs time, nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from sqlagent.base import private_files, word_forms
from sqlagent.base.errors import DatabaseError, QueryError, QueryTimeout
from sqlagent.database.schema import Column, Schema, Table
from sqlagent.sandbox.file_state import file_state
from sqlagent.sandbox.sandbox import Limits, Sandbox
from sqlagent.sql.names import quote

VALUE_CHARACTERS = 80
"""A longer text is prose, not something to compare with."""
COLUMN_VALUES = 20_000
ALL_VALUES = 200_000
FULL_ROWS = 50_000
"""A table with a larger span of row numbers is read in places."""
SPOTS = 50
SPOT_ROWS = 1_000
WORTH_SECONDS = 0.1
"""An index that was built faster than this is not kept on disk."""

_FORMAT = 2  # raise it when what is collected or how it is normalised changes
_MEMBER = re.compile(r'"(?:[^"\\]|\\.)*"')
_FILES, _BYTES = 32, 512 << 20
_STEP_ROWS = 2_000
_STEP_CELLS = 40_000
"""Cells of one step: a table with many columns is read in shorter steps."""
_LEAST_SECONDS = 0.05
"""What one step may take at the least; a table whose shortest step takes longer has no values."""
_LIMITS = Limits(max_rows=0, max_cell=0)
_SETTLED_NS = 2_000_000_000
_ERRORS = (sqlite3.Error, sqlite3.Warning, UnicodeError, ValueError, OverflowError, MemoryError)
_TABLES = """
CREATE TABLE meta (state TEXT);
CREATE TABLE col (id INTEGER PRIMARY KEY, tbl TEXT, name TEXT, size INTEGER, whole INTEGER);
CREATE TABLE val (id INTEGER PRIMARY KEY, col INTEGER, value TEXT, norm TEXT);
CREATE INDEX val_norm ON val (norm);
CREATE INDEX val_col ON val (col);
CREATE TABLE word (word TEXT, val INTEGER, PRIMARY KEY (word, val)) WITHOUT ROWID;
"""


@dataclass
class _Job:
    """What is still to be read of one table."""

    table: str
    columns: list[str]
    rowid: str = ""
    """Empty: a table without row numbers, read once from its start."""
    starts: list[int] = field(default_factory=list)
    full: bool = True
    fresh: bool = True
    share: int = 1
    """What a step is divided by, since longer ones took too long."""


def is_text(column: Column) -> bool:
    """Whether a column may hold texts worth finding."""
    if column.generated:
        return False
    if column.samples:
        return any(isinstance(value, str) for value in column.samples)
    declared = column.type.lower()
    return any(kind in declared for kind in ("char", "clob", "text", "string"))


class ValueStore:
    """The collected values of one database file; see the module's invariant. Not thread-safe."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        schema: Schema,
        folder: Path | None,
        sandbox: Callable[[], Sandbox],
    ) -> None:
        self._path = os.path.abspath(path)
        self._schema = schema
        self._sandbox = sandbox
        self._file = (
            folder / f"{hashlib.sha256(os.fsencode(self._path)).hexdigest()[:32]}.db" if folder else None
        )
        self._jobs: list[_Job] | None = None
        self._spent = 0.0
        self._total = 0
        self.state = file_state(path)
        self.grown = 0
        """Raised with every building, so that what was computed from the values can be computed anew."""
        kept = self._kept()
        self.data = kept if kept is not None else self._new()

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be read."""
        return self._jobs is not None and not self._jobs

    @property
    def started(self) -> bool:
        """Whether anything has been read."""
        return self._jobs is not None

    @property
    def spent(self) -> float:
        """Seconds that building has taken so far."""
        return self._spent

    def close(self) -> None:
        self.data.close()

    # ---- building ----

    def build(self, seconds: float) -> bool:
        """Read on for up to `seconds`; whether everything has been read. Raises DatabaseError."""
        if self.complete:
            return True
        box = self._sandbox()
        box.prepare("SELECT 1")  # starting a process, and opening the file, is not the index's time
        started = time.monotonic()
        deadline = started + seconds
        self.data.execute("BEGIN")
        try:
            if self._jobs is None:
                self._jobs = self._plan(box, deadline)
            while self._jobs and time.monotonic() < deadline and self._total < ALL_VALUES:
                if self._read(box, deadline, self._jobs[0]):
                    self._jobs.pop(0)
        except QueryTimeout:
            pass  # it goes on where it stopped, or plans again
        finally:
            self.data.execute("COMMIT")
        if self._jobs is not None and self._total >= ALL_VALUES:
            self._jobs.clear()
        self.grown += 1
        self._spent += time.monotonic() - started
        self._keep()
        return self.complete

    def _plan(self, box: Sandbox, deadline: float) -> list[_Job]:
        """One job a table, small tables first: they hold the words that others refer to."""
        sized: list[tuple[int, _Job]] = []
        for table in self._schema.tables:
            columns = [column for column in table.columns if is_text(column)]
            if table.kind != "table" or not columns:
                continue
            sized.append(self._job(box, deadline, table, [column.name for column in columns]))
        for _, job in sized:
            for name in job.columns:
                self.data.execute(
                    "INSERT INTO col (tbl, name, size, whole) VALUES (?, ?, 0, 0)", (job.table, name)
                )
        return [job for _, job in sorted(sized, key=lambda pair: pair[0])]

    def _job(self, box: Sandbox, deadline: float, table: Table, columns: list[str]) -> tuple[int, _Job]:
        """The table's rows, about, and the job that reads them."""
        rows = table.row_count or 0
        rowid = next((name for name in ("rowid", "_rowid_", "oid") if table.column(name) is None), None)
        if rowid is None:
            return rows, _Job(table.name, columns)
        source = f"FROM main.{quote(table.name)}"
        try:
            low, high = _rows(
                box, f"SELECT (SELECT min({rowid}) {source}), (SELECT max({rowid}) {source})", deadline
            )[0]
        except QueryError:  # a table without row numbers
            return rows, _Job(table.name, columns)
        if not isinstance(low, int) or not isinstance(high, int):
            return rows, _Job(table.name, columns)
        rows = rows or high - low + 1
        if rows <= FULL_ROWS:
            return rows, _Job(table.name, columns, rowid, [low])
        step = max(1, (high - low) // SPOTS)
        return rows, _Job(table.name, columns, rowid, [low + i * step for i in range(SPOTS)], full=False)

    def _read(self, box: Sandbox, deadline: float, job: _Job) -> bool:
        """Read one step of a job; whether it is done. Raises DatabaseError."""
        if not job.columns:
            return True
        rows = FULL_ROWS if not job.rowid else _STEP_ROWS if job.full else SPOT_ROWS
        if job.rowid:
            rows = max(1, min(rows, _STEP_CELLS // len(job.columns)) // job.share)
        try:
            fetched = _rows(box, self._select(job, job.columns, rows), deadline)
        except QueryTimeout:
            job.share *= 4
            return not job.rowid or rows == 1  # there is no place to go on from, or no shorter step
        except QueryError:
            kept = [name for name in job.columns if self._readable(box, job, name, rows, deadline)]
            if len(kept) == len(job.columns):
                return True  # a damaged or hostile table has no values
            job.columns[:] = kept  # a text too large to be loaded is prose
            return not kept
        self._take(job, fetched)
        if not job.rowid:
            finished = True
        elif job.full:
            finished = len(fetched) < rows
            job.starts[0] = fetched[-1][0] + 1 if fetched else job.starts[0]
        else:
            job.starts.pop(0)
            finished = not job.starts
        if finished:
            whole = job.full and len(fetched) < rows
            for name in job.columns:
                self.data.execute(
                    "UPDATE col SET whole = ? WHERE tbl = ? AND name = ?", (int(whole), job.table, name)
                )
        return finished

    def _take(self, job: _Job, rows: list[tuple[Any, ...]]) -> None:
        """Add the values of some rows; prose and full columns are taken off the job."""
        for place, name in reversed(list(enumerate(job.columns, 1))):
            id_, size = self.data.execute(
                "SELECT id, size FROM col WHERE tbl = ? AND name = ?", (job.table, name)
            ).fetchone()
            found = dict.fromkeys(
                value for row in rows if row[place] is not None for value in _members(row[place])
            )
            # A replacement character stands for bytes that are no text: not the value that is stored.
            short = [v for v in found if 0 < len(v) <= VALUE_CHARACTERS and "\ufffd" not in v]
            if job.fresh and len(short) < len(found) / 2:
                job.columns.pop(place - 1)  # prose
                continue
            if size:
                known = {row[0] for row in self.data.execute("SELECT value FROM val WHERE col = ?", (id_,))}
                short = [value for value in short if value not in known]
            full = size + len(short) > COLUMN_VALUES
            self._add(id_, size, short[: COLUMN_VALUES - size])
            if full:
                job.columns.pop(place - 1)
        job.fresh = False

    def _add(self, column: int, size: int, values: Iterable[str]) -> None:
        values = list(values)
        first = self.data.execute("SELECT ifnull(max(id), 0) + 1 FROM val").fetchone()[0]
        rows, postings = [], []
        for id_, value in enumerate(values, first):
            stems = [word_forms.stem(word) for word in word_forms.words(value)]
            rows.append((id_, column, value, " ".join(stems)))
            if 1 < len(stems) <= 12:
                postings += [
                    (word, id_) for word in set(stems) if len(word) > 1 and word not in word_forms.STOP
                ]
            elif stems:
                postings.append((stems[0], id_))
        self.data.executemany("INSERT INTO val VALUES (?, ?, ?, ?)", rows)
        self.data.executemany("INSERT OR IGNORE INTO word VALUES (?, ?)", postings)
        self.data.execute("UPDATE col SET size = ? WHERE id = ?", (size + len(values), column))
        self._total += len(values)

    def _select(self, job: _Job, columns: list[str], rows: int) -> str:
        """The statement that reads the beginning of the texts of one step; the row's number comes first."""
        names = [self._sql(job.table, column) for column in columns]
        shown = [
            f"CASE WHEN typeof({c}) = 'text' THEN substr({c}, 1, {VALUE_CHARACTERS + 1}) END" for c in names
        ]
        source = f"FROM main.{quote(job.table)}"
        if not job.rowid:
            return f"SELECT 0, {', '.join(shown)} {source} LIMIT {rows}"
        where = f"WHERE {job.rowid} >= {job.starts[0]} ORDER BY {job.rowid} LIMIT {rows}"
        return f"SELECT {job.rowid}, {', '.join(shown)} {source} {where}"

    def _readable(self, box: Sandbox, job: _Job, name: str, rows: int, deadline: float) -> bool:
        """Whether a column of one step can be read when it is read alone."""
        try:
            _rows(box, self._select(job, [name], rows), deadline)
        except (QueryError, QueryTimeout):
            return False
        return True

    def _sql(self, table: str, column: str) -> str:
        """A column, or what is written in place of one that the file does not have."""
        known = self._schema.table(table)
        found = known.column(column) if known is not None else None
        if found is None or found.computed is None:
            return quote(column)
        return found.computed.sql(quote(found.computed.column))

    # ---- keeping ----

    def _new(self) -> sqlite3.Connection:
        data = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        data.executescript(_TABLES)
        self._jobs, self._total, self._spent = None, 0, 0.0
        return data

    def _key(self) -> list[Any]:
        columns = [
            [table.name, [column.name for column in table.columns if is_text(column)]]
            for table in self._schema.tables
            if table.kind == "table"
        ]
        digest = hashlib.sha256(json.dumps(columns).encode("utf-8", "surrogatepass")).hexdigest()
        return [_FORMAT, self._path, digest, *astuple(self.state)]

    def _kept(self) -> sqlite3.Connection | None:
        """The index on disk, if it is whole and belongs to this state of this file."""
        if self._file is None or not self._file.is_file():
            return None
        data: sqlite3.Connection | None = None
        try:
            if not private_files.is_sealed(self._file):
                raise ValueError("it is damaged, or was changed")
            uri = f"{self._file.as_uri()}?mode=ro&immutable=1"
            data = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            state = json.loads(data.execute("SELECT state FROM meta").fetchone()[0])
            if state["key"] != self._key():
                raise ValueError("it was made from something else")
            jobs = [_Job(**job) for job in state["jobs"]]
            if jobs:  # goes on in memory
                memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                data.backup(memory)
                data.close()
                data = memory
            self._jobs, self._total, self._spent = jobs, int(state["total"]), WORTH_SECONDS
            private_files.used(self._file)
            return data
        except (OSError, TypeError, KeyError, IndexError, *_ERRORS):
            if data is not None:
                data.close()
            return None

    def _keep(self) -> None:
        young = time.time_ns() - max(self.state.mtime_ns, self.state.wal_mtime_ns) < _SETTLED_NS
        if self._file is None or self._spent < WORTH_SECONDS or young:
            return
        with contextlib.suppress(DatabaseError):
            if file_state(self._path) != self.state:
                return
        jobs = [vars(job) for job in self._jobs or []]
        state = json.dumps({"key": self._key(), "jobs": jobs, "total": self._total})
        with contextlib.suppress(OSError, *_ERRORS):
            self.data.execute("DELETE FROM meta")
            self.data.execute("INSERT INTO meta VALUES (?)", (state,))
            with private_files.draft(self._file, durable=False) as draft:
                _copy(self.data, draft)
                private_files.seal(draft)  # SQLite does not look behind its last page
            private_files.evict(self._file.parent, ".db", files=_FILES, size=_BYTES, keep=self._file)


def _copy(data: sqlite3.Connection, path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as target:
        target.execute("PRAGMA journal_mode=OFF")
        target.execute("PRAGMA synchronous=OFF")
        data.backup(target)


def _members(text: str) -> Sequence[str]:
    """The texts of a list in JSON, of one that was cut those that are whole; any other text itself."""
    if not text.startswith('["'):
        return (text,)
    found = []
    for member in _MEMBER.findall(text):
        with contextlib.suppress(ValueError):
            found.append(json.loads(member))
    return found


def _rows(box: Sandbox, sql: str, deadline: float) -> list[tuple[Any, ...]]:
    """The rows of a statement. Raises QueryError, QueryTimeout, DatabaseError."""
    return box.execute(sql, timeout=max(_LEAST_SECONDS, deadline - time.monotonic()), limits=_LIMITS).rows
