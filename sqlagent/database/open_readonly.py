"""Opening somebody else's database so that nothing about it changes.

Invariant: after `connect_readonly` and everything done on its connection, the database file has the same
bytes, size and modification time as before, and no file has appeared or gone beside it.

`mode=ro` alone does not keep that promise for a database in WAL mode: SQLite then creates `-wal` and `-shm`
files. So the way in depends on what lies beside the file:

- Rollback journal mode: `mode=ro`. SQLite takes its usual shared lock while a statement runs.
- Both -wal and -shm are there: `mode=ro&readonly_shm=1` reads what was committed and writes to neither.
- WAL mode without a -wal file, or with an empty one that nobody uses: `mode=ro&immutable=1`. Everything is
  in the main file and nobody has it open (whoever has, keeps both files there). Such a connection takes no
  lock and sees no later change: compare `file_state` before and after when that matters.
- A -wal file without a sound -shm, or a hot journal: a program died in the middle of a write, and only a
  writer could finish its work. A private temporary copy is recovered, opened and deleted.

Python never closes a descriptor of the database file that it opened while this process had the file open
elsewhere: on POSIX that would drop every lock the process holds on it, SQLite's included.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import shutil
import sqlite3
import stat
import struct
import sys
import tempfile
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from sqlagent.base.errors import DatabaseError

MAGIC = b"SQLite format 3\x00"
COPY_BYTES = 2 << 30
"""A database left in the middle of a write is copied up to this size, else refused."""

_PRAGMAS = (
    "trusted_schema=OFF",
    "query_only=ON",
    "cell_size_check=ON",
    "mmap_size=0",
    "temp_store=MEMORY",
    "foreign_keys=OFF",
    "recursive_triggers=OFF",
)
_WAL_HEADER_BYTES = 32
_SHM_BYTES = 32768
_SHM_VERSION = 3007000
_UNFINISHED = ("readonly database", "unable to open database file", "locking protocol")
_ERROR_CHARACTERS = 300
_DEFENSIVE = 1010  # sqlite3.SQLITE_DBCONFIG_DEFENSIVE
_SUPER_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


@dataclass(frozen=True)
class FileState:
    """What changes when a database is written, seen from outside: compare two to see whether it was."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    wal_size: int
    wal_mtime_ns: int


def file_state(path: str | os.PathLike[str]) -> FileState:
    """The state of the database file at `path` and of its -wal file. Raises DatabaseError."""
    real = _regular_file(path)
    main = os.stat(real)
    wal = _stat(real + "-wal")
    return FileState(
        main.st_dev,
        main.st_ino,
        main.st_size,
        main.st_mtime_ns,
        wal.st_size if wal else 0,
        wal.st_mtime_ns if wal and wal.st_size else 0,
    )


def connect_readonly(path: str | os.PathLike[str], *, timeout: float) -> sqlite3.Connection:
    """A connection to the database at `path` that can change nothing, with the file's schema already loaded.

    `timeout`: seconds to wait for another program's lock. Transactions are off (`isolation_level=None`),
    text that is not UTF-8 comes with replacement characters, extensions cannot be loaded, unsafe functions
    are refused in views and generated columns. No authorizer is set: the caller sets the one it needs, after
    its own pragmas. Raises DatabaseError: one sentence that says what is wrong with the file.
    """
    real = _regular_file(path)
    header = _header(real)
    if not header:
        raise DatabaseError(f"{path} is empty; not a database.")
    if not header.startswith(MAGIC):
        raise DatabaseError(
            f"{path} is not a SQLite database (an encrypted one looks the same); check the path."
        )
    failure: sqlite3.Error | None = None
    for query in _ways_in(real, header):
        try:
            return _open(_uri(real, query), timeout)
        except sqlite3.Error as error:
            failure = error
            if not _unfinished(error):
                break
    if failure is None or _unfinished(failure):
        return _open_copy(path, real, timeout)
    raise explained(path, failure) from failure


def _ways_in(real: str, header: bytes) -> list[str]:
    """URI parameters to try in order; none: only a copy will do."""
    wal = _stat(real + "-wal")
    frames = _indexed_frames(real + "-shm") if wal else None
    if wal and wal.st_size >= _WAL_HEADER_BYTES:
        return [] if frames is None else ["mode=ro&readonly_shm=1"]
    if wal and frames == 0:
        return ["mode=ro&readonly_shm=1"]
    in_wal_mode = header[19:20] == b"\x02" or (wal is not None and wal.st_size > 0)
    return ["mode=ro&immutable=1"] if in_wal_mode else ["mode=ro"]


def _indexed_frames(shm: str) -> int | None:
    """The number of frames that a -shm file knows of, or None when no living program can be using it.

    It begins with two equal copies of a header of 48 bytes: version, ..., frames at byte 16, ... SQLite would
    try for ten seconds to make sense of a broken one.
    """
    for attempt in range(3):
        if attempt:
            time.sleep(0.005)  # a writer was between the two copies
        try:
            status = os.stat(shm)
            head = _head(shm, status, 96)
        except OSError:
            return None
        version, frames = struct.unpack_from("=I12xI", head.ljust(96, b"\0"))
        if status.st_size >= _SHM_BYTES and head[:48] == head[48:] and version == _SHM_VERSION:
            return int(frames)
    return None


def _open(uri: str, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    try:
        connection.text_factory = _text
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        # DEFENSIVE: no writes to shadow tables or sqlite_schema even if everything else failed.
        if hasattr(connection, "setconfig"):  # Python 3.12
            connection.setconfig(_DEFENSIVE, True)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except UnicodeError as error:  # SQLite's message quotes a name that is no text
        connection.close()
        raise sqlite3.DatabaseError("malformed database schema") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _open_copy(path: str | os.PathLike[str], real: str, timeout: float) -> sqlite3.Connection:
    """Open a recovered private copy of a database that another program left unfinished."""
    size = os.stat(real).st_size
    sides = [suffix for suffix in ("-wal", "-journal") if _stat(real + suffix)]
    advice = f"{path} was left unfinished by another program; open it once with that program, then try again"
    needed = size + sum(os.stat(real + suffix).st_size for suffix in sides)
    if needed > COPY_BYTES or needed * 2 > shutil.disk_usage(tempfile.gettempdir()).free:
        raise DatabaseError(f"{advice} (it is too large to be recovered in a temporary copy).")
    folder = tempfile.mkdtemp(prefix="sqlagent-")  # only this user can look into it
    try:
        copy = str(Path(folder) / "copy.db")
        before = file_state(real)
        for suffix in ["", *sides]:
            shutil.copyfile(real + suffix, copy + suffix)
        if file_state(real) != before:
            raise DatabaseError(f"{path} is being written by another program; try again in a moment.")
        if "-journal" in sides and _names_super_journal(copy + "-journal"):
            # Recovery deletes the file that such a journal names: not on the word of a stranger's file.
            raise DatabaseError(f"{advice}.")
        _recover(copy)
        connection = _open(_uri(copy, "mode=ro&immutable=1"), timeout)
    except sqlite3.Error as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise explained(path, error) from error
    except PermissionError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DatabaseError(f"{path} cannot be read: permission denied.") from error
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DatabaseError(f"{advice} ({error.strerror or error}).") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if sys.platform == "win32":
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)  # the open descriptor keeps the content
    return connection


def _recover(copy: str) -> None:
    connection = sqlite3.connect(_uri(copy, "mode=rw"), uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except UnicodeError as error:
        raise sqlite3.DatabaseError("malformed database schema") from error
    finally:
        connection.close()


def _names_super_journal(journal: str) -> bool:
    with open(journal, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 8))
        return file.read() == _SUPER_JOURNAL_MAGIC


def _regular_file(path: str | os.PathLike[str]) -> str:
    """The absolute path of the file behind `path`, symlinks resolved as SQLite resolves them."""
    try:
        real = os.path.realpath(os.path.abspath(path))
        mode = os.stat(real).st_mode
    except FileNotFoundError:
        raise DatabaseError(f"{path} does not exist; check the path.") from None
    except NotADirectoryError:
        raise DatabaseError(f"{path} does not exist: a part of it is not a directory.") from None
    except PermissionError:
        raise DatabaseError(f"{path} cannot be reached: permission denied.") from None
    except (OSError, ValueError) as error:
        raise DatabaseError(f"{path!r} cannot be opened: {_reason(error)}.") from None
    if stat.S_ISDIR(mode):
        raise DatabaseError(f"{path} is a directory; name the database file in it.")
    if not stat.S_ISREG(mode):
        raise DatabaseError(f"{path} is not a regular file; name a SQLite database file.")
    return real


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return (
            "too many symbolic links"
            if error.errno == errno.ELOOP
            else (error.strerror or str(error)).lower()
        )
    return str(error)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _header(real: str) -> bytes:
    """The first 100 bytes of the database file. Raises DatabaseError."""
    try:
        return _head(real, os.stat(real), 100)
    except PermissionError:
        raise DatabaseError(f"{real} cannot be read: permission denied.") from None
    except OSError as error:
        raise DatabaseError(f"{real} cannot be read: {_reason(error)}.") from None


def _head(path: str, status: os.stat_result, size: int) -> bytes:
    """The first bytes of a file, through a descriptor that this process already has on it, if it has one."""
    own = _open_descriptor(status)
    if own is not None:
        return os.pread(own, size, 0)
    with open(path, "rb") as file:
        return file.read(size)


def _open_descriptor(wanted: os.stat_result) -> int | None:
    """A descriptor of this process that is open for reading on the file `wanted`, or None."""
    if not hasattr(os, "pread"):
        return None
    with contextlib.suppress(OSError):
        for name in os.listdir("/dev/fd"):
            with contextlib.suppress(OSError, ValueError):
                found = os.fstat(int(name))
                if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                    os.pread(int(name), 1, 0)
                    return int(name)
    return None


def _uri(real: str, query: str) -> str:
    # Three slashes and percent-encoding keep `?`, `#`, `%`, a drive letter or a server's name in the path.
    name = real.replace(os.sep, "/") if os.sep != "/" else real
    return (
        "file://"
        + ("" if name.startswith("/") else "/")
        + urllib.parse.quote(os.fsencode(name))
        + "?"
        + query
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _unfinished(error: sqlite3.Error) -> bool:
    """Whether SQLite refused because only a writer could finish what another program began."""
    text = str(error)
    return any(words in text for words in _UNFINISHED)


def explained(path: str | os.PathLike[str], error: Exception) -> DatabaseError:
    """SQLite's error as one sentence that says what to do."""
    # It may quote names from the file: one line, no control characters, not too long.
    text = " ".join(str(error).split())[:_ERROR_CHARACTERS]
    text = "".join(character if character.isprintable() else "\ufffd" for character in text)
    if text.startswith("database is locked") or text.startswith("database table is locked"):
        return DatabaseError(f"{path} is locked by another program; try again when it has finished.")
    if "not a database" in text:
        return DatabaseError(
            f"{path} is not a SQLite database (an encrypted one looks the same); check the path."
        )
    if "malformed" in text or "corrupt" in text:
        return DatabaseError(
            f"{path} is damaged (SQLite says: {text}); restore it or try `sqlite3 … .recover`."
        )
    return DatabaseError(f"{path} cannot be opened (SQLite says: {text}).")
