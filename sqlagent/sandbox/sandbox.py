"""Run statements that nobody has checked, and the readers of schema and values, in a process that only reads.

Invariant: a statement can read the one database it was given and nothing else, it ends at its deadline, and
it takes at most one worker process with it. The parent never opens the database, not even to read its header:
it looks at it by `stat`, and all that it knows of its content came from the worker. The layers: SECURITY.md.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from sqlagent.base.errors import Cancelled, DatabaseError, QueryError, QueryTimeout, SqlagentError, UsageError
from sqlagent.sandbox import file_state, private_copy, wire
from sqlagent.sandbox.layers import SQL_LENGTH, Layers
from sqlagent.sandbox.query import GRACE, Answer, Arrived, Limits, Query, Result
from sqlagent.sandbox.worker_process import Gone, Process

__all__ = ["GRACE", "Limits", "Result", "Sandbox"]

START_SECONDS = 20.0
"""How long a worker may take to start; this is the machine's time, not the query's."""
SLICE = 0.02
"""Seconds between two looks at whether somebody asked to stop."""
POLLED = os.name == "posix"
"""Whether pipes can be polled."""
_TASK_BYTES = 32 << 20
"""The largest piece of news of a task."""


class Sandbox:
    """Runs statements on one database in a worker process, started at once and replaced when it dies.

    `path`: a SQLite file. Raises DatabaseError when there is none. Threads may share it: they wait.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        limits: Limits | None = None,
        *,
        layers: Layers | None = None,
    ) -> None:
        self._real = file_state.regular_file(path)
        self.path = os.fspath(path)
        self.limits = limits if limits is not None else Limits()
        self._layers = layers if layers is not None else Layers()
        self._running = threading.Lock()
        self._process: Process | None = None
        self._ready = False
        self._copy = False
        self._folder: str | None = None
        self._closed = False
        self.confined: tuple[str, ...] = ()
        self._ident = 0
        self._current: int | None = None
        self._cancelled: int | None = None
        private_copy.sweep()
        self._start()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm_up(self) -> None:
        """Wait until the worker has started, which the first statement would do otherwise."""
        with self._running:
            self._warm(Query(wire.PREPARE, {}, dataclasses.replace(self.limits, timeout=START_SECONDS)))

    def execute(
        self,
        sql: str,
        *,
        timeout: float | None = None,
        max_rows: int | None = None,
        limits: Limits | None = None,
        arrived: Arrived | None = None,
    ) -> Result:
        """Run one SELECT; `timeout` in seconds, `max_rows` (0: all) and `limits` stand in for the sandbox's own.

        arrived: is shown rows while others are still being found, in this thread; it may change nothing.
        Raises QueryError (SQLite's words, or why the statement is refused), QueryTimeout, DatabaseError (the
        file is damaged, busy or gone) and Cancelled (after `interrupt`).
        """
        limits = limits or self.limits
        limits = dataclasses.replace(
            limits,
            timeout=limits.timeout if timeout is None else timeout,
            max_rows=limits.max_rows if max_rows is None else max_rows,
        )
        query = Query(wire.RUN, {"sql": _checked(sql)}, limits)
        query.arrived = arrived
        answer = self._request(query)
        return Result(answer.columns, answer.rows, answer.truncated(limits), query.spent)

    def prepare(self, sql: str) -> None:
        """Compile one SELECT without running it; raises what `execute` raises."""
        self._request(Query(wire.PREPARE, {"sql": _checked(sql)}, self.limits))

    def task(
        self,
        function: str,
        arguments: dict[str, Any],
        tell: Callable[[Any], float | None],
        *,
        timeout: float,
        memory: int,
    ) -> dict[str, Any]:
        """Run a function of this package beside the database; returns what it returns, as JSON.

        function: "module:name", called with a connection, `arguments` and a function that sends news. tell: gets
        each piece of news, and None when all of it is void because the task starts over; it returns how many
        seconds the next piece may take, or None. timeout: seconds for all. memory: bytes that the task may take.
        Raises what `execute` raises; QueryTimeout also when a piece of news did not come in time.
        """
        body = {"task": function, "arguments": arguments, "memory": memory}
        query = Query(
            wire.TASK, body, dataclasses.replace(self.limits, timeout=timeout, max_bytes=_TASK_BYTES)
        )
        query.tell = tell
        return self._request(query).summary

    def versions(self) -> tuple[int, ...]:
        """(change counter, number of the schema) of the database now.

        Every commit in rollback mode moves the first, every change of the schema the second. Raises what
        `execute` raises.
        """
        summary = self._request(Query(wire.STATE, {}, self.limits)).summary
        found = summary.get("versions")
        return tuple(map(int, found)) if isinstance(found, list) else ()

    @property
    def notice(self) -> str:
        """What a user should know about how the file is read; "" when it is read in place."""
        if not self._copy or not self._ready:
            return ""
        return f"{self.path} is in use by another program: this is a private copy of what it last saved."

    def interrupt(self) -> None:
        """Stop the running statement, which raises Cancelled; without one, do nothing.

        For other threads and for signal handlers, hence without a lock: it names the statement, and the
        thread that waits for that statement does the rest.
        """
        self._cancelled = self._current

    def close(self) -> None:
        """End the worker. Closing twice is fine."""
        self._closed = True
        self.interrupt()
        with self._running:
            self._stop()

    @property
    def ready(self) -> bool:
        """Whether a worker has started, so that a request is not waited for longer than it takes."""
        return self._ready

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id, None while there is none."""
        process = self._process
        return process.pid if process is not None and process.alive else None

    def _request(self, query: Query) -> Answer:
        """Do what a request asks for; whatever goes wrong on the way costs at most the worker."""
        with self._running:
            if self._closed:
                raise UsageError("This sandbox is closed.")
            query.restart_clock()
            self._number(query)
            try:
                return self._converse(query)
            except SqlagentError:
                raise
            except wire.WireError as error:
                self._stop()
                raise DatabaseError(f"The sandbox's process sent nonsense ({error}) and was ended.") from None
            except BaseException:
                self._stop()  # Ctrl-C may have come anywhere: nobody knows what is still in the pipe
                raise
            finally:
                self._current = None

    def _converse(self, query: Query) -> Answer:
        """Send a request and collect what comes, again when the file asks for another way in."""
        began = time.monotonic()
        for _ in range(4):
            process = self._warm(query)
            self._number(query)
            answer = Answer(query)
            try:
                process.send(query.frame(), query.hard_deadline)
                if self._collect(process, query, answer):
                    query.spent = time.monotonic() - began
                    return answer
            except Gone as error:
                self._stop()
                raise self._died(str(error), query) from None
            except TimeoutError:
                self._stop()
                raise self._late(query) from None
        raise DatabaseError(f"{self.path} is being written by another program; try again in a moment.")

    def _collect(self, process: Process, query: Query, answer: Answer) -> bool:
        """Take replies until the statement ends; False: start over in a new worker. Raises its error."""
        asked = False
        until = query.hard_deadline
        if query.tell is not None:
            query.tell(None)
        while True:
            if not asked and self._cancelled == query.ident:
                asked = True
                until = min(until, time.monotonic() + GRACE)
                process.send(wire.frame(wire.INTERRUPT, query.ident), until)
            # Short waits, so that an `interrupt` from elsewhere is seen soon.
            reply = process.receive(min(until, time.monotonic() + SLICE), answer.largest_frame)
            if reply is None:
                if time.monotonic() < until:
                    continue
                self._stop()
                raise self._late(query)
            kind, ident, payload = reply
            if ident != query.ident:
                continue
            if kind == wire.DONE:
                answer.summary = wire.unpack_json(payload, dict)
                # The worker was told to stop early for rows that it has since sent anew: ask again.
                return answer.full or not answer.summary.get("enough")
            if kind == wire.ERROR:
                return self._react(wire.unpack_json(payload, dict), query)
            if kind in (wire.NEWS, wire.RESTART) and query.tell is not None:
                seconds = query.tell(wire.unpack_json(payload, object) if kind == wire.NEWS else None)
                if not asked:
                    silence = query.hard_deadline if seconds is None else time.monotonic() + seconds
                    until = min(query.hard_deadline, silence)
                continue
            if answer.take(kind, payload):
                process.send(wire.frame(wire.ENOUGH, query.ident), until)
            if query.arrived is not None:
                query.arrived(answer.columns, answer.rows)

    def _react(self, report: dict[str, object], query: Query) -> bool:
        """Raise the error the worker reports, or return False when a new worker can do better."""
        kind, text = str(report.get("kind")), str(report.get("text"))
        if kind in ("copy", "restart") and not (kind == "copy" and self._copy):
            self._stop()
            self._copy = kind == "copy"
            return False
        if kind == "held":
            self._copy = False
            raise DatabaseError(
                f"{self.path} is locked by another program, or was left unfinished by another program, and cannot"
                f" be copied: {text}. Close that program, or try again when it has finished."
            )
        if kind == "query":
            raise QueryError(text)
        if kind == "memory":
            memory = query.body.get("memory", self.limits.memory)
            raise QueryError(f"The query needs more than the {memory >> 20} MiB of memory it may use.")
        if kind in ("cancelled", "timeout"):
            raise self._late(query)
        if kind == "sentence":
            raise DatabaseError(text)
        raise file_state.explained(self.path, Exception(text))

    def _late(self, query: Query) -> SqlagentError:
        """The error for a statement that was stopped."""
        if self._cancelled == query.ident:
            return Cancelled("Stopped.")
        return QueryTimeout(f"The query took longer than {query.seconds:g} s; --timeout SECONDS allows more.")

    def _died(self, how: str, query: Query) -> SqlagentError:
        """The error for a statement whose worker ended by itself."""
        if self._cancelled == query.ident:
            return Cancelled("Stopped.")
        if how == "SIGXCPU":
            return self._late(query)
        return QueryError(f"The sandbox's process ended while it ran this statement ({how}).")

    def _warm(self, query: Query) -> Process:
        """A worker that is ready; starting it is the machine's time and not the query's."""
        if self._process is None or not self._process.alive:
            self._start(query)
        elif self._real != (real := os.path.realpath(self.path)):  # a link that leads elsewhere now
            self._real = real
            self._start(query)
        process = self._process
        assert process is not None
        if self._ready:
            return process
        remaining = query.hard_deadline - time.monotonic()
        until = time.monotonic() + START_SECONDS + (remaining if self._copy else 0.0)
        reply = None
        while reply is None:
            if time.monotonic() > until or self._cancelled == query.ident:
                self._stop()
                raise self._late(query)
            try:
                reply = process.receive(min(until, time.monotonic() + SLICE), 1 << 16)
            except Gone as error:
                self._stop()
                raise DatabaseError(f"The sandbox's process does not start ({error}).") from None
        if reply[0] == wire.ERROR:
            self._stop()
            self._copy = False  # the next request looks anew
            self._react(wire.unpack_json(reply[2], dict), query)
        hello = wire.unpack_json(reply[2], dict)
        self.confined = tuple(hello.get("confined", ()))
        self._ready = True
        if self._copy:  # copying is the query's time, starting is not
            query.hard_deadline = time.monotonic() + max(GRACE, remaining - float(hello.get("copied", 0.0)))
        else:
            query.restart_clock()
        return process

    def _start(self, query: Query | None = None) -> None:
        """Start a worker without waiting for it."""
        self._stop()
        if self._copy:
            try:
                self._folder = private_copy.new_folder()
            except OSError as error:
                raise DatabaseError(
                    f"{self.path} is locked by another program, and there is no room for a private copy:"
                    f" {(error.strerror or str(error)).lower()}."
                ) from None
        config = {
            "path": os.fsencode(self._real).hex(),
            "memory": self.limits.memory,
            "layers": vars(self._layers),
            "folder": self._folder,
            "copy_seconds": max(0.0, query.hard_deadline - time.monotonic() - GRACE) if query else 0.0,
        }
        try:
            self._process = Process(config, polled=POLLED)
        except Gone as error:
            raise DatabaseError(f"The sandbox's process does not start ({error}).") from None

    def _stop(self) -> None:
        """Kill the worker, if there is one."""
        process, self._process, self._ready = self._process, None, False
        if process is not None:
            process.kill()
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _number(self, query: Query) -> None:
        """Give a request a new number, by which late replies to the one before are told apart."""
        cancelled = query.ident != 0 and self._cancelled == query.ident
        self._ident = self._ident % 0xFFFFFFFF + 1
        self._current = query.ident = self._ident
        if cancelled:
            self._cancelled = query.ident


def _checked(sql: str) -> str:
    """The text, unless it cannot be sent to SQLite at all. Raises QueryError."""
    try:
        size = len(sql.encode("utf-8"))
    except UnicodeEncodeError:
        raise QueryError("The statement holds characters that are not valid Unicode.") from None
    if size > SQL_LENGTH:
        raise QueryError(f"The statement is longer than {SQL_LENGTH:,} bytes.")
    if "\0" in sql:
        raise QueryError("The statement holds a NUL character.")
    return sql
