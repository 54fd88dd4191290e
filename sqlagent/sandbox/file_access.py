"""How a database file can be read without leaving a trace beside it.

Invariant: the URI chosen here never makes SQLite create, change or delete a file. Looking costs three `stat`
calls and a read or two. It runs inside the worker, because closing a database file drops every POSIX lock
that the same process holds on it, and the parent may hold some.

A database in WAL mode is the hard case: `mode=ro` alone creates `-wal` and `-shm` files.

    -wal and -shm there   another program may be writing: share its index, mapped read-only (`readonly_shm`)
    no -wal, or empty     everything is in the database file: `immutable`, checked again after every statement
    -wal but no -shm      another program died: read a private, recovered copy (`opening.py` makes it)
"""

from __future__ import annotations

import os
import stat
import time
import urllib.parse
from dataclasses import dataclass

ROLLBACK, SHARED, STILL, COPY = "rollback", "shared", "still", "copy"
Stamp = tuple[int, ...]


class AccessError(Exception):
    """The file cannot be read as a database; the text is a sentence for the user."""


@dataclass(frozen=True)
class Access:
    """How to open a database now; two equal values mean that nothing that matters has changed."""

    mode: str
    stamp: Stamp


class Lens:
    """Keeps the database file open for reading its header, for as long as a connection to it is open."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise AccessError(_cannot_open(path, error)) from None
        opened = os.fstat(self._file.fileno())
        if not stat.S_ISREG(opened.st_mode):
            self._file.close()
            raise AccessError(f"{path} is not a regular file.")
        self.identity = (opened.st_dev, opened.st_ino)

    def look(self) -> Access:
        """How the database can be read now; raises AccessError when the file is gone or another one."""
        try:
            now = os.stat(self._path)
            self._file.seek(0)
            header = self._file.read(20)
        except OSError as error:
            raise AccessError(_cannot_open(self._path, error)) from None
        stamp: Stamp = (now.st_dev, now.st_ino)
        if len(header) < 20 or header[18] != 2:
            return Access(ROLLBACK, stamp)
        wal = _size(self._path + "-wal")
        shm = _size(self._path + "-shm")
        if wal and not _is_wal(self._path + "-wal"):
            wal = shm = None  # not a log: SQLite would start it anew, so all there is is in the database file
        if wal is not None and shm is not None:
            return Access(SHARED, stamp)
        stamp = (*stamp, now.st_size, now.st_mtime_ns, wal or 0)
        return Access(COPY if wal else STILL, stamp)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def uri(path: str, mode: str, *, read_only: bool = True) -> str:
    """The percent-encoded SQLite URI of a file for one of the modes above."""
    name = path.replace("\\", "/") if os.name == "nt" else path
    if os.name == "nt" and not name.startswith("/"):
        name = "/" + name
    quoted = urllib.parse.quote_from_bytes(os.fsencode(name), safe="/:" if os.name == "nt" else "/")
    options = ["mode=ro" if read_only else "mode=rwc"]
    if mode == STILL and read_only:
        options.append("immutable=1")
    elif mode == SHARED and read_only and os.name == "posix":
        options.append("readonly_shm=1")
    # An empty authority keeps a path that starts with two slashes from being read as a host name.
    return f"file://{quoted}?{'&'.join(options)}"


def settle(path: str) -> None:
    """Wait until a change to the file would show in its modification time (the clock's ticks are coarse)."""
    age = time.time() - os.stat(path).st_mtime
    if 0 <= age < 0.02:
        time.sleep(0.02 - age)


def state_of_files(path: str) -> tuple[object, ...]:
    """What changes when a database, its -wal or its -journal is written."""
    found: list[object] = []
    for suffix in ("", "-wal", "-journal"):
        try:
            now = os.stat(path + suffix)
            found.append((now.st_ino, now.st_size, now.st_mtime_ns))
        except OSError:
            found.append(None)
    return tuple(found)


def _size(path: str) -> int | None:
    """A file's size in bytes, or None when there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def _is_wal(path: str) -> bool:
    """Whether a file that is not empty starts as a write-ahead log does (sqlite.org/fileformat2.html)."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(4) in (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
    except OSError:
        return True  # SQLite will say what is wrong


def _cannot_open(path: str, error: OSError) -> str:
    """One sentence for a file that cannot be opened or read."""
    return f"{path} cannot be opened: {(error.strerror or str(error)).lower()}."
