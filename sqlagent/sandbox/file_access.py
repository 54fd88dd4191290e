"""Choose how a database file can be read without leaving a trace beside it.

Invariant: the URI chosen here never makes SQLite create, change or delete a file. Looking costs three `stat`
calls and a read or two. It runs inside the worker, because closing a database file drops every POSIX lock
that the same process holds on it, and the parent may hold some.

A database in WAL mode is the hard case: `mode=ro` alone creates `-wal` and `-shm` files.

    -wal and -shm there   another program may be writing: share its index, mapped read-only (`readonly_shm`)
    no -wal, or empty     everything is in the database file: `immutable`, checked again after every statement
    -wal, no sound -shm   another program died, or keeps the index to itself: read a private, recovered copy
                          (`private_copy.py`)
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import time

ROLLBACK, SHARED, STILL, COPY = "rollback", "shared", "still", "copy"
Stamp = tuple[int, ...]

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/")
"""Bytes that stand for themselves in the path of a URI (RFC 3986); importing urllib would cost more than this."""
_WAL_HEADER_BYTES = 32
_SHM_BYTES = 32768
_SHM_VERSION = 3007000


class AccessError(Exception):
    """The file cannot be read as a database; the text is a sentence for the user."""


class Access:
    """How to open a database now; two equal values mean that nothing that matters has changed."""

    def __init__(self, mode: str, stamp: Stamp) -> None:
        self.mode = mode
        self.stamp = stamp

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Access) and (self.mode, self.stamp) == (other.mode, other.stamp)

    def __hash__(self) -> int:
        return hash((self.mode, self.stamp))


class Lens:
    """Keeps the database file open for reading its header, for as long as a connection to it is open."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connected = False
        """Whether SQLite has taken locks on the -shm file, which opening and closing it here would drop."""
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
        if not header:
            raise AccessError(f"{self._path} is empty; not a database.")
        wal = _size(self._path + "-wal")
        if len(header) < 20 or (header[18] != 2 and not wal):
            return Access(ROLLBACK, stamp)
        if wal and (wal < _WAL_HEADER_BYTES or not _is_wal(self._path + "-wal")):
            wal = None  # not a log: SQLite would start it anew, so all there is is in the database file
        if wal is not None and self._shared(empty=not wal):
            return Access(SHARED, stamp)
        stamp = (*stamp, now.st_size, now.st_mtime_ns, wal or 0)
        return Access(COPY if wal else STILL, stamp)

    def connected(self) -> None:
        """Say that SQLite has the files open from now on."""
        self._connected = True

    def _shared(self, *, empty: bool) -> bool:
        """Whether a living program shares its index of the -wal, which is `empty` or not."""
        shm = self._path + "-shm"
        if self._connected:
            return _size(shm) is not None
        frames = _indexed_frames(shm)
        return frames is not None and (frames == 0 or not empty)

    def changes(self) -> int:
        """The header's change counter, which every commit in rollback mode moves.

        It also tells of a file that was changed in place and given its old time back.
        """
        self._file.seek(24)
        return int.from_bytes(self._file.read(4), "big")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def uri(path: str, mode: str, *, read_only: bool = True) -> str:
    """The percent-encoded SQLite URI of a file for one of the modes above."""
    name = path.replace("\\", "/") if os.name == "nt" else path
    if os.name == "nt" and not name.startswith("/"):
        name = "/" + name
    plain = _PLAIN | frozenset(b":") if os.name == "nt" else _PLAIN
    quoted = "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in os.fsencode(name))
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


def _indexed_frames(shm: str) -> int | None:
    """The number of frames that a -shm file knows of, or None when no living program can be using it.

    It begins with two equal copies of a header of 48 bytes: version, ..., frames at byte 16, ... SQLite would
    try for ten seconds to make sense of a broken one.
    """
    for attempt in range(3):
        if attempt:
            time.sleep(0.005)  # a writer was between the two copies
        head = b""
        with contextlib.suppress(OSError), open(shm, "rb", buffering=0) as file:
            head = file.read(96)
        size = _size(shm)
        if size is None:
            return None
        version, frames = struct.unpack_from("=I12xI", head.ljust(96, b"\0"))
        if size >= _SHM_BYTES and head[:48] == head[48:] and version == _SHM_VERSION:
            return int(frames)
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
