"""Keep the worker's one database open as the state of its file asks for, and know when that has changed.

Invariant: a connection that `connect` leaves behind has every layer of `guard.py` on it and sees the file as it is now.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sqlite3
import time

from sqlagent.sandbox import file_access, functions, guard, sqlite_codes, unreadable
from sqlagent.sandbox.job import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from sqlagent.sandbox.authorizer import Authorizer
    from sqlagent.sandbox.layers import Layers

STEPS = 2000
"""Virtual machine steps between two looks at the clock."""
_FORBIDDEN = r"unsafe use of [^\s(]+\(\)"
"""What SQLite says of a function that a schema calls and may not call."""


class OpenedDatabase:
    """One connection, opened when first needed and again when the state of the file asks for it.

    tick: SQLite's progress handler; true stops the statement.
    """

    def __init__(self, path: str, layers: Layers, *, memory: int, tick: Callable[[], bool]) -> None:
        self.path = path
        self._layers = layers
        self._memory = memory
        self._tick = tick
        self._connection: sqlite3.Connection | None = None
        self.hardened: guard.Hardened | None = None
        self._leniency = guard.Leniency()
        self._cookie: int | None = None
        self._lens: file_access.Lens | None = None
        self.access: file_access.Access | None = None
        self._copied: object = None
        self._text_factory: Any = str

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection. Raises Refusal when there is none."""
        if self._connection is None or self.hardened is None:
            raise Refusal("database", "the connection is not ready")
        return self._connection

    @property
    def authorizer(self) -> Authorizer | None:
        """What decides over statements; None without a connection, or where a test switched it off."""
        return self.hardened.authorizer if self.hardened is not None else None

    @property
    def trusting(self) -> bool:
        """Whether the schema may call functions that SQLite does not mark as innocuous."""
        return self._leniency.trusting

    @property
    def copied(self) -> bool:
        """Whether a private copy is read, and not the file itself."""
        return self._copied is not None

    @property
    def shared(self) -> bool:
        """Whether another program may be writing the file through the index that it shares."""
        return self.access is not None and self.access.mode == file_access.SHARED

    def connect(self) -> None:
        """Have a connection that fits the file as it is now. Raises Refusal, AccessError and sqlite3.Error."""
        if self._copied is not None:
            if self._copied != file_access.state_of_files(self.path):
                raise Refusal("restart", "the database changed after it was copied")
            return
        if (
            self.hardened is not None
            and self._lens is not None
            and self._lens.look() == self.access
            and not self._outdated()
        ):
            return
        self.disconnect()
        self._lens = file_access.Lens(self.path)
        now = self._lens.look()
        if now.stamp[:2] != self._lens.identity:
            raise Refusal("busy", "database is locked")
        if now.mode == file_access.COPY:
            raise Refusal("copy", "only a copy can be read")
        if now.mode == file_access.STILL:
            file_access.settle(self.path)
        uri = file_access.uri(self.path, now.mode, read_only=self._layers.read_only)
        self.access = now
        self._adopt(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, cached_statements=0))
        if now.mode == file_access.SHARED:
            self._lens.connected()

    def disconnect(self) -> None:
        """Close the connection, then the descriptor (the other way round would drop its locks)."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        if self._lens is not None:
            self._lens.close()
        self._connection = self._lens = self.access = self.hardened = None

    def open_copy(self, folder: str, seconds: float) -> None:
        """Open a private copy, in `folder`, of a database that another program holds or left half-written.

        Raises CopyError, sqlite3.Error and OSError.
        """
        import shutil

        from sqlagent.sandbox import private_copy

        private_copy.hold(folder)
        self._leniency = guard.Leniency(trusting=self._layers.trusted_schema_off)
        self._copied = file_access.state_of_files(self.path)
        copy = private_copy.copied(self.path, folder, time.monotonic() + seconds)
        self._open_until_lenient(file_access.uri(copy, file_access.STILL))
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
                if not self.more_lenient(error):
                    raise

    def _adopt(self, connection: sqlite3.Connection) -> None:
        """Put the layers on a connection and keep it."""
        self._connection = connection
        if self._layers.progress:
            connection.set_progress_handler(self._tick, STEPS)
        connection.text_factory = self._text_factory
        functions.register(connection)
        self.hardened = guard.harden(connection, self._layers, memory=self._memory, leniency=self._leniency)
        if self.hardened.standins.collations or self._leniency.tolerant:
            self._cookie = self._schema_cookie()

    def more_lenient(self, error: sqlite3.Error) -> bool:
        """Whether the file is sound but asks for leniency that it has not had yet; from now on it has."""
        if self._copied is not None and self.hardened is not None:
            return False  # the copy's name is gone: it cannot be opened again
        text = str(error)
        if re.search(_FORBIDDEN, text) and not self._leniency.trusting:
            # SQLite 3.40 does not mark its JSON functions as harmless, and nothing marks our stand-ins.
            self._leniency = guard.Leniency(trusting=True, tolerant=self._leniency.tolerant)
        elif unreadable.object_at_fault(text) is not None and not self._leniency.tolerant:
            self._leniency = guard.Leniency(trusting=self._leniency.trusting, tolerant=True)
        else:
            return False
        return self._layers.trusted_schema_off

    def more_lenient_text(self, error: sqlite3.Error) -> bool:
        """Whether a text was no UTF-8; from now on its wrong bytes are replaced."""
        if not str(error).startswith("Could not decode to UTF-8") or self._text_factory is not str:
            return False
        self._text_factory = functools.partial(str, encoding="utf-8", errors="replace")
        if self._connection is not None:
            self._connection.text_factory = self._text_factory
        return True

    def undisturbed(self, before: file_access.Access | None) -> bool:
        """Whether other programs left the file alone, as far as reading it in place depends on that."""
        if self._copied is not None:
            return self._copied == file_access.state_of_files(self.path)
        if before is None or self._lens is None or before.mode != file_access.STILL:
            return True
        return self._lens.look() == before

    def writer_left(self, error: sqlite3.Error) -> bool:
        """Whether a live WAL database lost its -wal and -shm between the look at them and their opening."""
        return self.shared and sqlite_codes.unfinished(error)

    def versions(self) -> list[int]:
        """The header's change counter, and SQLite's number of the schema."""
        changes = self._lens.changes() if self._lens is not None else 0
        return [changes, self._schema_cookie()]

    def _outdated(self) -> bool:
        """Whether what stands in for collations, or was passed over, was made for an earlier schema."""
        assert self.hardened is not None
        if not self.hardened.standins.collations and not self._leniency.tolerant:
            return False
        return self._schema_cookie() != self._cookie

    def _schema_cookie(self) -> int:
        """SQLite's number of the schema, which every change of it raises. Raises sqlite3.Error."""
        assert self._connection is not None
        # A statement of our own, which the authorizer would refuse.
        self._connection.set_authorizer(None)
        try:
            return int(self._connection.execute("PRAGMA main.schema_version").fetchone()[0])
        finally:
            self._connection.set_authorizer(self.authorizer)

    @contextlib.contextmanager
    def lent(self) -> Iterator[sqlite3.Connection]:
        """The connection for a task of ours: without an authorizer, every text readable.

        The task may set an authorizer, a progress handler and limits; afterwards they are as they were.
        """
        connection = self.connection
        limits = guard.limits(connection)
        connection.set_authorizer(None)
        connection.text_factory = functools.partial(str, encoding="utf-8", errors="replace")
        try:
            yield connection
        finally:
            connection.text_factory = self._text_factory
            guard.set_limits(connection, limits)
            connection.set_progress_handler(self._tick if self._layers.progress else None, STEPS)
            connection.set_authorizer(self.authorizer)
