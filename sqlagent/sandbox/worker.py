"""The process that touches the database, started and watched by `sandbox.py`.

Invariant: it opens one database, for reading, answers one request at a time, and ends when its parent does.
It imports nothing but the standard library and the small modules beside it.

Two threads: the main one runs statements, the other reads requests, so that a request to stop, or the end of
the parent, is seen while a statement runs.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import queue
import re
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from sqlagent.sandbox import (
    file_access,
    guard,
    os_limits,
    requests,
    sqlite_codes,
    unreadable,
    wire,
)

IDLE_SECONDS = 1.0
"""How long a connection to a live WAL database stays open unused: while it is, its writer cannot tidy up."""
BUSY_SECONDS = 1.0
"""How long to wait for another program's lock before the file counts as held for good."""
COPY_SHARE = 0.5
"""The part of a request's time that may be spent on waiting for a lock: the rest is for the copy."""
FRAME_BYTES = 1 << 18
"""The size that a batch of rows should have."""
STEPS = 2000
"""Virtual machine steps between two looks at the clock."""


_FORBIDDEN = re.compile(r"unsafe use of [^\s(]+\(\)")
"""What SQLite says of a function that a schema calls and may not call."""


class Refusal(Exception):
    """A request ends with this kind of error and text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Job:
    """One request, and what its end depends on."""

    def __init__(self, kind: int, ident: int, arguments: dict[str, Any]) -> None:
        self.kind = kind
        self.ident = ident
        self.timeout: float = arguments["timeout"]
        self.sql: str = arguments.get("sql", "")
        self.max_rows: int = arguments.get("max_rows", 0)
        self.max_cell: int = arguments.get("max_cell", 0)
        self.max_frame: int = arguments.get("max_frame", 0)
        self.task: str = arguments.get("task", "")
        self.memory: int = arguments.get("memory", 0)
        self.arguments: dict[str, Any] = arguments.get("arguments", {})
        self.deadline = time.monotonic() + self.timeout
        self.stopped = False
        self.enough = False
        self.sent_columns = False
        self.reconnected = False

    @property
    def over(self) -> bool:
        """Whether to stop: asked to, or out of time."""
        return self.stopped or self.enough or time.monotonic() > self.deadline


class Worker:
    """One connection, opened when first needed and again when the state of the file asks for it."""

    def __init__(self, config: dict[str, Any], replies: int) -> None:
        self._path = os.fsdecode(bytes.fromhex(config["path"]))
        self._folder: str | None = config["folder"]
        """Where a private copy goes; None: the file is read in place."""
        self._copy_seconds: float = config["copy_seconds"]
        self._memory: int = config["memory"]
        self._layers = guard.Layers(**config["layers"])
        self._replies = replies
        self._connection: sqlite3.Connection | None = None
        self._hardened: guard.Hardened | None = None
        self._leniency = guard.Leniency()
        self._cookie: int | None = None
        self._lens: file_access.Lens | None = None
        self._access: file_access.Access | None = None
        self._copied: object = None
        self._job: Job | None = None
        self._text_factory: Any = str
        self.jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()

    def start(self, listener: threading.Thread) -> None:
        """Give up rights, start listening and say hello. A private copy has to be written before that."""
        began = time.monotonic()
        if self._folder is not None:
            self._open_copy(self._folder)
        took = time.monotonic() - began
        # Landlock binds the calling thread and those it starts later; the limit on processes counts threads.
        done = guard.forbid_writing(self._layers)
        listener.start()
        done += guard.limit_resources(self._layers, memory=self._memory)
        hello = {"confined": done, "sqlite": sqlite3.sqlite_version, "copied": took}
        self.send(wire.HELLO, 0, wire.pack_json(hello))

    @property
    def _authorizer(self) -> guard.Authorizer | None:
        return self._hardened.authorizer if self._hardened is not None else None

    def serve(self) -> NoReturn:
        """Answer requests until the parent is gone."""
        while True:
            try:
                shared = self._access is not None and self._access.mode == file_access.SHARED
                job = self.jobs.get(timeout=IDLE_SECONDS if shared else None)
            except queue.Empty:
                self._disconnect()
                continue
            self._answer(job)

    def _answer(self, job: Job) -> None:
        """Run one request and send how it ended; only a broken pipe ends the process."""
        self._job = job
        if self._layers.rlimits:
            os_limits.limit_processor(job.timeout)
        try:
            try:
                self._attempts(job)
            finally:
                self._job = None
        except BrokenPipeError:
            os._exit(0)
        except BaseException as error:  # whatever it was, the parent is waiting for a reply
            refusal = self._explain(error, job)
            self.send(wire.ERROR, job.ident, wire.pack_json({"kind": refusal.kind, "text": str(refusal)}))

    def _attempts(self, job: Job) -> None:
        """Run a statement; again if the database was busy, has changed, or holds text that is no UTF-8."""
        patience = min(job.deadline - 0.05, time.monotonic() + min(BUSY_SECONDS, COPY_SHARE * job.timeout))
        while True:
            try:
                self._connect()
                before = self._access
                summary = self._do(job)
                if self._undisturbed(before):
                    self.send(wire.DONE, job.ident, wire.pack_json(summary))
                    return
                if time.monotonic() > patience:
                    raise Refusal("busy", "database is locked")
            except sqlite3.Error as error:
                again = time.monotonic() < patience and not job.over
                if str(error).startswith("Could not decode to UTF-8") and self._text_factory is str:
                    self._text_factory = functools.partial(str, encoding="utf-8", errors="replace")
                    if self._connection is not None:
                        self._connection.text_factory = self._text_factory
                elif again and (sqlite_codes.busy(error) or self._writer_left(error)):
                    time.sleep(0.02)
                elif self._more_lenient(error) or self._may_reconnect(job):
                    self._disconnect()
                elif not job.over and not self._undisturbed(self._access):
                    # The file changed underneath: what SQLite says of it means nothing.
                    if not again:
                        raise Refusal("busy", "database is locked") from None
                    self._disconnect()
                else:
                    raise
            if job.sent_columns:
                job.sent_columns = job.enough = False
                self.send(wire.RESTART, job.ident)

    def _may_reconnect(self, job: Job) -> bool:
        """Whether a virtual table was refused that a new connection would have let declare itself."""
        first = not job.reconnected and self._copied is None
        job.reconnected = True
        return first and self._authorizer is not None and self._authorizer.connecting

    def _more_lenient(self, error: sqlite3.Error) -> bool:
        """Whether the file is sound but asks for leniency that it has not had yet; from now on it has."""
        if self._copied is not None and self._hardened is not None:
            return False  # the copy's name is gone: it cannot be opened again
        text = str(error)
        if _FORBIDDEN.search(text) and not self._leniency.trusting:
            # Some versions of SQLite (3.40) do not mark their JSON functions as harmless; nothing marks stand-ins.
            self._leniency = guard.Leniency(trusting=True, tolerant=self._leniency.tolerant)
        elif unreadable.object_at_fault(text) is not None and not self._leniency.tolerant:
            self._leniency = guard.Leniency(trusting=self._leniency.trusting, tolerant=True)
        else:
            return False
        return self._layers.trusted_schema_off

    def _undisturbed(self, before: file_access.Access | None) -> bool:
        """Whether other programs left the file alone, as far as reading it in place depends on that."""
        if self._copied is not None:
            return self._copied == file_access.state_of_files(self._path)
        if before is None or self._lens is None or before.mode != file_access.STILL:
            return True
        return self._lens.look() == before

    def _writer_left(self, error: sqlite3.Error) -> bool:
        """Whether a live WAL database lost its -wal and -shm between the look at them and their opening."""
        return (
            self._access is not None
            and self._access.mode == file_access.SHARED
            and sqlite_codes.unfinished(error)
        )

    def _connect(self) -> None:
        """Have a connection that fits the file as it is now."""
        if self._copied is not None:
            if self._copied != file_access.state_of_files(self._path):
                raise Refusal("restart", "the database changed after it was copied")
            return
        if (
            self._hardened is not None
            and self._lens is not None
            and self._lens.look() == self._access
            and not self._outdated()
        ):
            return
        self._disconnect()
        self._lens = file_access.Lens(self._path)
        now = self._lens.look()
        if now.stamp[:2] != self._lens.identity:
            raise Refusal("busy", "database is locked")
        if now.mode == file_access.COPY:
            raise Refusal("copy", "only a copy can be read")
        if now.mode == file_access.STILL:
            file_access.settle(self._path)
        uri = file_access.uri(self._path, now.mode, read_only=self._layers.read_only)
        self._access = now
        self._adopt(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, cached_statements=0))
        if now.mode == file_access.SHARED:
            self._lens.connected()

    def _outdated(self) -> bool:
        """Whether what stands in for collations, or was passed over, was made for an earlier schema."""
        assert self._hardened is not None and self._connection is not None
        if not self._hardened.standins.collations and not self._leniency.tolerant:
            return False
        return self._schema_cookie() != self._cookie

    def _schema_cookie(self) -> int:
        """SQLite's number of the schema, which every change of it raises. Raises sqlite3.Error."""
        assert self._connection is not None
        with self._unguarded():
            return int(self._connection.execute("PRAGMA main.schema_version").fetchone()[0])

    @contextlib.contextmanager
    def _unguarded(self) -> Iterator[None]:
        """For statements of our own, which an authorizer would refuse."""
        assert self._connection is not None
        self._connection.set_authorizer(None)
        try:
            yield
        finally:
            self._connection.set_authorizer(self._authorizer)

    def _adopt(self, connection: sqlite3.Connection) -> None:
        """Put the layers on a connection and keep it."""
        self._connection = connection
        if self._layers.progress:
            connection.set_progress_handler(self._tick, STEPS)
        connection.text_factory = self._text_factory
        self._hardened = guard.harden(connection, self._layers, memory=self._memory, leniency=self._leniency)
        if self._hardened.standins.collations or self._leniency.tolerant:
            self._cookie = self._schema_cookie()

    def _open_copy(self, folder: str) -> None:
        """Open a private copy of a database that is held, or was left in the middle of a write, by a program."""
        import shutil

        from sqlagent.sandbox import private_copy

        private_copy.hold(folder)
        self._leniency = guard.Leniency(trusting=self._layers.trusted_schema_off)
        self._copied = file_access.state_of_files(self._path)
        try:
            copy = private_copy.copied(self._path, folder, time.monotonic() + self._copy_seconds)
            uri = file_access.uri(copy, file_access.STILL)
            self._open_until_lenient(uri)
        except private_copy.CopyError as error:
            self._give_up("held", str(error))
        except sqlite3.Error as error:
            self._give_up("database", str(error))
        except OSError as error:
            self._give_up("held", (error.strerror or str(error)).lower())
        if os.name == "posix":
            shutil.rmtree(folder, ignore_errors=True)  # the open descriptor keeps the content

    def _open_until_lenient(self, uri: str) -> None:
        """Open a copy with as much leniency as its schema needs. Raises sqlite3.Error."""
        while True:
            try:
                self._adopt(sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=0))
                # SQLite opens the file when it is first read, which it has been now.
                return
            except sqlite3.Error as error:
                if not self._more_lenient(error):
                    raise

    def _give_up(self, kind: str, text: str) -> NoReturn:
        """End the process, saying why it did not start."""
        self.send(wire.ERROR, 0, wire.pack_json({"kind": kind, "text": text}))
        os._exit(0)

    def _disconnect(self) -> None:
        """Close the connection, then the descriptor (the other way round would drop its locks)."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        if self._lens is not None:
            self._lens.close()
        self._connection = self._lens = self._access = self._hardened = None

    def _tick(self) -> bool:
        """SQLite's progress handler: true stops the statement."""
        job = self._job
        return job is not None and job.over

    def _do(self, job: Job) -> dict[str, Any]:
        """Do what a request asks for; returns the summary to end it with."""
        if self._connection is None or self._hardened is None:
            raise Refusal("database", "the connection is not ready")
        if job.kind == wire.STATE:
            return {"versions": self._versions()}
        if job.kind == wire.TASK:
            return self._run_task(job)
        return self._run(job)

    def _versions(self) -> list[int]:
        """The header's change counter, and SQLite's number of the schema."""
        changes = self._lens.changes() if self._lens is not None else 0
        return [changes, self._schema_cookie()]

    def _run_task(self, job: Job) -> dict[str, Any]:
        """Run a function of ours beside the database, with less memory than a statement may take.

        The task may set an authorizer, a progress handler and limits; afterwards they are as they were.
        """
        module, _, name = job.task.partition(":")
        if not module.startswith("sqlagent."):
            raise Refusal("query", "there is no such task")
        task: Callable[..., dict[str, Any]] = getattr(importlib.import_module(module), name)
        connection = self._connection
        assert connection is not None
        limits = guard.limits(connection)

        def tell(news: Any) -> None:
            job.sent_columns = True
            self.send(wire.NEWS, job.ident, wire.pack_json(news))

        connection.set_authorizer(None)
        connection.text_factory = functools.partial(str, encoding="utf-8", errors="replace")
        try:
            with os_limits.less_memory(job.memory if self._layers.rlimits else 0):
                refused = self._authorizer.unreadable if self._authorizer is not None else {}
                summary = task(connection, {**job.arguments, "refused": refused}, tell)
            if summary.get("forbidden") and not self._leniency.trusting:
                raise sqlite3.OperationalError("unsafe use of function()")  # see _more_lenient
            return summary
        finally:
            connection.text_factory = self._text_factory
            guard.set_limits(connection, limits)
            connection.set_progress_handler(self._tick if self._layers.progress else None, STEPS)
            connection.set_authorizer(self._authorizer)

    def _run(self, job: Job) -> dict[str, Any]:
        """Compile a statement and, unless only that was asked, send its rows; returns what was left out."""
        assert self._connection is not None and self._hardened is not None
        if self._authorizer is not None:
            self._authorizer.begin()
        self._hardened.standins.begin()
        word = guard.refused_word(job.sql) if self._layers.select_only else None
        if word is not None:
            raise Refusal("query", f"only SELECT can run here: {word} was refused")
        if guard.empty(job.sql):
            raise Refusal("query", "there is no SELECT statement to run")
        sql = job.sql
        if job.kind == wire.PREPARE and not guard.explains(sql):
            sql = "EXPLAIN " + sql
        cursor = self._connection.execute(sql)
        try:
            if cursor.description is None:
                raise Refusal("query", "there is no SELECT statement to run")
            if job.kind == wire.PREPARE:
                return {}
            names = [str(column[0]) for column in cursor.description]
            job.sent_columns = True
            self.send(wire.COLUMNS, job.ident, wire.pack_json(names))
            summary = self._send_rows(job, cursor, len(names))
            collation = self._hardened.standins.tripped
            if collation is not None:
                raise Refusal(
                    "query",
                    f"this compares by the collation {collation}, which only the program that made the file"
                    " knows: name the table without `main.`",
                )
            return summary
        finally:
            cursor.close()  # gives back the lock on the file

    def _send_rows(self, job: Job, cursor: sqlite3.Cursor, width: int) -> dict[str, Any]:
        """Send rows in batches that start small, since nobody knows yet how large a row is."""
        packer = wire.Packer(job.max_cell)
        sent = 0
        size = 1
        while True:
            wanted = min(size, job.max_rows + 1 - sent) if job.max_rows else size
            try:
                rows = cursor.fetchmany(wanted)
            except sqlite3.OperationalError:
                if job.enough:
                    return {"enough": True, "cut": packer.cut}
                raise
            more = bool(job.max_rows) and sent + len(rows) > job.max_rows
            if more:
                rows = rows[: job.max_rows - sent]
            if rows:
                before = packer.dropped
                taken = self._send_batch(job, packer, list(zip(*rows, strict=True)))
                taken += packer.dropped - before
                sent += len(rows)
                size = min(wire.BATCH_ROWS, 2 * size) if taken < FRAME_BYTES else max(1, size // 4)
            if more or len(rows) < wanted:
                return {"more": more, "cut": packer.cut}
            if job.enough:
                return {"enough": True, "cut": packer.cut}
            if job.over:
                raise sqlite3.OperationalError("interrupted")

    def _send_batch(self, job: Job, packer: wire.Packer, columns: list[tuple[wire.Value, ...]]) -> int:
        """Send rows as one frame, or as two halves when that is too large; returns the bytes sent."""
        before = packer.cut, packer.dropped
        payload = packer.pack(columns)
        if len(payload) <= job.max_frame:
            self.send(wire.ROWS, job.ident, payload)
            return len(payload)
        packer.cut, packer.dropped = before
        count = len(columns[0])
        if count == 1:
            raise Refusal("query", "a row of the result is too large: select fewer or shorter columns")
        half = count // 2
        first = self._send_batch(job, packer, [column[:half] for column in columns])
        return first + self._send_batch(job, packer, [column[half:] for column in columns])

    def send(self, kind: int, ident: int, payload: bytes = b"") -> None:
        """Write one frame; raises BrokenPipeError when the parent is gone."""
        data = memoryview(wire.frame(kind, ident, payload))
        while data:
            data = data[os.write(self._replies, data) :]

    def _explain(self, error: BaseException, job: Job) -> Refusal:
        """The kind of an error, which decides what the parent raises, and its text."""
        if isinstance(error, Refusal):
            return error
        if isinstance(error, file_access.AccessError):
            return Refusal("sentence", str(error))
        if isinstance(error, MemoryError):
            return Refusal("memory", "out of memory")
        if isinstance(error, UnicodeDecodeError):
            return Refusal("query", "a name in this statement or in the database is not valid UTF-8")
        if not isinstance(error, (sqlite3.Error, sqlite3.Warning)):
            return Refusal("query", f"{type(error).__name__}: {error}")
        text = str(error)
        if job.stopped:
            return Refusal("cancelled", "stopped")
        if sqlite_codes.interrupted(error):
            return Refusal("timeout", "timeout")
        if sqlite_codes.busy(error):
            held = self._access is not None and self._access.mode == file_access.ROLLBACK
            return Refusal("copy" if held else "busy", text)
        if "one statement at a time" in text:
            return Refusal("query", "only one statement can run: leave out what follows the first `;`")
        if sqlite_codes.unfinished(error) and os.path.exists(self._path + "-journal"):
            return Refusal("copy", text)
        if sqlite_codes.about_the_file(error) or self._hardened is None:
            return Refusal("database", text)
        if self._authorizer is not None and self._authorizer.refused is not None:
            return Refusal("query", self._authorizer.refused)
        return Refusal("query", text)


def _listen(source: int, worker: Worker) -> None:
    """Hand requests to the main thread; a request to stop goes to the job it names."""
    latest: Job | None = None
    try:
        while True:
            kind, ident, payload = requests.read_frame(source)
            if kind in (wire.INTERRUPT, wire.ENOUGH):
                if latest is not None and latest.ident == ident:
                    latest.stopped |= kind == wire.INTERRUPT
                    latest.enough |= kind == wire.ENOUGH
                continue
            latest = Job(kind, ident, wire.unpack_json(payload, dict))
            worker.jobs.put(latest)
    finally:
        os._exit(0)


def main() -> None:
    """Run as the worker: requests on descriptor 0, replies on descriptor 1."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, replies = os.dup(0), os.dup(1)
    # Nothing that a library prints may end up among the replies.
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(source, os.O_BINARY)
        msvcrt.setmode(replies, os.O_BINARY)
    _, _, payload = requests.read_frame(source)
    config = wire.unpack_json(payload, dict)
    gc.disable()  # rows come and go by the thousand and form no cycles
    threading.stack_size(256 * 1024)
    worker = Worker(config, replies)
    listener = threading.Thread(target=_listen, args=(source, worker), daemon=True)
    worker.start(listener)
    worker.serve()
