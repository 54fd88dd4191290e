"""The process that touches the database, started and watched by `sandbox.py`.

Invariant: it opens one database, for reading, answers one request at a time, and ends when its parent does.
It imports nothing but the small modules beside it and the light ones of the standard library: starting it is a
part of every opening, hence no dataclasses, no typing and no pattern compiled before it is needed.

Two threads: the main one runs statements, the other reads requests, so that a request to stop, or the end of
the parent, is seen while a statement runs.
"""

from __future__ import annotations

import gc
import importlib
import os
import queue
import signal
import sqlite3
import sys
import threading
import time

from sqlagent.sandbox import (
    file_access,
    first_word,
    functions,
    guard,
    opened_database,
    os_limits,
    requests,
    row_frames,
    sqlite_codes,
    wire,
)
from sqlagent.sandbox.job import Job, Refusal
from sqlagent.sandbox.layers import Layers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

IDLE_SECONDS = 1.0
"""How long a connection to a live WAL database stays open unused: while it is, its writer cannot tidy up."""
BUSY_SECONDS = 1.0
"""How long to wait for another program's lock before the file counts as held for good."""
COPY_SHARE = 0.5
"""The part of a request's time that may be spent on waiting for a lock: the rest is for the copy."""


class Worker:
    """Answers requests about one database."""

    def __init__(self, config: dict[str, Any], replies: int) -> None:
        self._folder: str | None = config["folder"]
        """Where a private copy goes; None: the file is read in place."""
        self._copy_seconds: float = config["copy_seconds"]
        self._memory: int = config["memory"]
        self._layers = Layers(**config["layers"])
        self._replies = replies
        self._job: Job | None = None
        path = os.fsdecode(bytes.fromhex(config["path"]))
        self._database = opened_database.OpenedDatabase(
            path, self._layers, memory=self._memory, tick=self._tick
        )
        self.jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()

    def start(self, listener: threading.Thread) -> None:
        """Give up rights, start listening and say hello. A private copy has to be written before that."""
        began = time.monotonic()
        if self._folder is not None:
            self._open_copy(self._folder)
        took = time.monotonic() - began
        sys.dont_write_bytecode = True
        # Landlock binds the calling thread and those it starts later; the limit on processes counts threads.
        done = guard.forbid_writing(self._layers)
        listener.start()
        done += guard.limit_resources(self._layers, memory=self._memory)
        hello = {"confined": done, "sqlite": sqlite3.sqlite_version, "copied": took}
        self.send(wire.HELLO, 0, wire.pack_json(hello))

    def serve(self) -> NoReturn:
        """Answer requests until the parent is gone."""
        while True:
            try:
                job = self.jobs.get(timeout=IDLE_SECONDS if self._database.shared else None)
            except queue.Empty:
                self._database.disconnect()
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
        database = self._database
        while True:
            try:
                database.connect()
                before = database.access
                summary = self._do(job)
                if database.undisturbed(before):
                    self.send(wire.DONE, job.ident, wire.pack_json(summary))
                    return
                if time.monotonic() > patience:
                    raise Refusal("busy", "database is locked")
            except sqlite3.Error as error:
                again = time.monotonic() < patience and not job.over
                if database.more_lenient_text(error):
                    pass
                elif again and (sqlite_codes.busy(error) or database.writer_left(error)):
                    time.sleep(0.02)
                elif database.more_lenient(error) or self._may_reconnect(job):
                    database.disconnect()
                elif not job.over and not database.undisturbed(database.access):
                    # The file changed underneath: what SQLite says of it means nothing.
                    if not again:
                        raise Refusal("busy", "database is locked") from None
                    database.disconnect()
                else:
                    raise
            if job.sent_columns:
                job.sent_columns = job.enough = False
                self.send(wire.RESTART, job.ident)

    def _may_reconnect(self, job: Job) -> bool:
        """Whether a virtual table was refused that a new connection would have let declare itself."""
        first = not job.reconnected and not self._database.copied
        job.reconnected = True
        authorizer = self._database.authorizer
        return first and authorizer is not None and authorizer.connecting

    def _open_copy(self, folder: str) -> None:
        """Open a private copy of the database, or end the process saying why there is none."""
        from sqlagent.sandbox.private_copy import CopyError

        try:
            self._database.open_copy(folder, self._copy_seconds)
        except CopyError as error:
            self._give_up("held", str(error))
        except sqlite3.Error as error:
            self._give_up("database", str(error))
        except OSError as error:
            self._give_up("held", (error.strerror or str(error)).lower())

    def _give_up(self, kind: str, text: str) -> NoReturn:
        """End the process, saying why it did not start."""
        self.send(wire.ERROR, 0, wire.pack_json({"kind": kind, "text": text}))
        os._exit(0)

    def _tick(self) -> bool:
        """SQLite's progress handler: true stops the statement."""
        job = self._job
        return job is not None and job.over

    def _do(self, job: Job) -> dict[str, Any]:
        """Do what a request asks for; returns the summary to end it with."""
        if job.kind == wire.STATE:
            return {"versions": self._database.versions()}
        if job.kind == wire.TASK:
            return self._run_task(job)
        return self._run(job)

    def _run_task(self, job: Job) -> dict[str, Any]:
        """Run a function of ours beside the database, with less memory than a statement may take."""
        module, _, name = job.task.partition(":")
        if not module.startswith("sqlagent."):
            raise Refusal("query", "there is no such task")
        task: Callable[..., dict[str, Any]] = getattr(importlib.import_module(module), name)
        database = self._database

        def tell(news: Any) -> None:
            job.sent_columns = True
            self.send(wire.NEWS, job.ident, wire.pack_json(news))

        memory = job.memory if self._layers.rlimits else 0
        with database.lent() as connection, os_limits.less_memory(memory):
            refused = database.authorizer.unreadable if database.authorizer is not None else {}
            summary = task(connection, {**job.arguments, "refused": refused}, tell)
            if summary.get("forbidden") and not database.trusting:
                raise sqlite3.OperationalError("unsafe use of function()")  # see more_lenient
            return summary

    def _run(self, job: Job) -> dict[str, Any]:
        """Compile a statement and, unless only that was asked, send its rows; returns what was left out."""
        connection, hardened = self._database.connection, self._database.hardened
        assert hardened is not None
        if hardened.authorizer is not None:
            hardened.authorizer.begin()
        hardened.standins.begin()
        word = first_word.refused_word(job.sql) if self._layers.select_only else None
        if word is not None:
            raise Refusal("query", f"only SELECT can run here: {word} was refused")
        if first_word.empty(job.sql):
            raise Refusal("query", "there is no SELECT statement to run")
        sql = job.sql
        if job.kind == wire.PREPARE and not first_word.explains(sql):
            sql = "EXPLAIN " + sql
        cursor = connection.execute(sql)
        try:
            if cursor.description is None:
                raise Refusal("query", "there is no SELECT statement to run")
            if job.kind == wire.PREPARE:
                return {}
            names = [str(column[0]) for column in cursor.description]
            job.sent_columns = True
            self.send(wire.COLUMNS, job.ident, wire.pack_json(names))
            summary = row_frames.send_rows(self.send, job, cursor, len(names))
            collation = hardened.standins.tripped
            if collation is not None:
                raise Refusal(
                    "query",
                    f"this compares by the collation {collation}, which only the program that made the file"
                    " knows: name the table without `main.`",
                )
            return summary
        finally:
            cursor.close()  # gives back the lock on the file

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
        text, database = str(error), self._database
        if job.stopped:
            return Refusal("cancelled", "stopped")
        if sqlite_codes.interrupted(error):
            return Refusal("timeout", "timeout")
        if sqlite_codes.busy(error):
            held = database.access is not None and database.access.mode == file_access.ROLLBACK
            return Refusal("copy" if held else "busy", text)
        if "one statement at a time" in text:
            return Refusal("query", "only one statement can run: leave out what follows the first `;`")
        if sqlite_codes.unfinished(error) and os.path.exists(database.path + "-journal"):
            return Refusal("copy", text)
        if sqlite_codes.about_the_file(error) or database.hardened is None:
            return Refusal("database", text)
        if database.authorizer is not None and database.authorizer.refused is not None:
            return Refusal("query", database.authorizer.refused)
        return Refusal("query", functions.complaint(text))


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
