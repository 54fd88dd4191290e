"""Look at a database file from outside: is there one, has it changed, and what to say when it cannot be read.

Invariant: nothing here opens the file. The process that a user talks to knows a database by `stat` alone;
its bytes are read in the worker (see `sandbox.py`).
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

from sqlagent.base.errors import DatabaseError

_ERROR_CHARACTERS = 300


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
    real = regular_file(path)
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


def regular_file(path: str | os.PathLike[str]) -> str:
    """The absolute path of the file behind `path`, symlinks resolved as SQLite resolves them.

    Raises DatabaseError: one sentence that says why there is none.
    """
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


def explained(path: str | os.PathLike[str], error: Exception) -> DatabaseError:
    """SQLite's error as one sentence that says what to do."""
    # It may quote names from the file: one line, no control characters, not too long.
    text = printable(str(error))
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


def printable(text: str) -> str:
    """A text that may quote names from a file, as one line without control characters and not too long."""
    line = " ".join(text.split())[:_ERROR_CHARACTERS]
    return "".join(character if character.isprintable() else "\ufffd" for character in line)


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
