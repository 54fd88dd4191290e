"""Copy a database that cannot be read in place, so that the copy is one state that its writer committed.

Another program may hold the file locked for as long as it runs (browsers, flash cards, photo catalogues), or
a program may have died in the middle of a write. Reading then needs a file of one's own: the database and its
-wal or -journal are copied into a private folder and recovered there, as SQLite recovers after a crash.

Invariant: the copy is what the files held at one moment, or there is none. Every block is read until a whole
pass over all files finds nothing different from the pass before: since no byte changed between its two
readings, all of them stood together at the moment between the passes. A program that is killed at that moment
leaves just these bytes, and SQLite promises that they recover to a committed state. (A byte that changes and
changes back between the readings would escape; a commit moves the change counter in the header, a new journal
has a new nonce, and frames of a -wal are only appended or begun anew with another salt.)
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

PREFIX = "sqlagent-copy-"
"""What the names of the private folders begin with, in the folder for temporary files."""
MOST_BYTES = 2 << 30
"""A database larger than this is not copied."""
_BLOCK = 1 << 20
_PASSES = 200
_SIDES = ("", "-wal", "-journal")
_SUPER_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
_OLD_SECONDS = 60.0
"""A folder younger than this may be about to be locked by the process that it belongs to."""


class CopyError(Exception):
    """There is no copy; the text completes the sentence '…, and it cannot be copied: '."""


def copied(real: str, folder: str, until: float) -> str:
    """Copy the database at `real` into `folder`, recover it there, and return the copy's path.

    until: the moment (time.monotonic) when a writer that never pauses has been waited for long enough. Raises
    CopyError, OSError, and sqlite3.Error for what is no database.
    """
    size = sum(os.stat(real + side).st_size for side in _SIDES if os.path.exists(real + side))
    if size > MOST_BYTES or size * 2 > shutil.disk_usage(folder).free:
        raise CopyError("it is too large for a temporary copy")
    copy = str(Path(folder) / "copy.db")
    for _ in range(_PASSES):
        if not _pass(real, copy):
            break
        if time.monotonic() > until:
            raise CopyError("it is being written all the time")
    else:
        raise CopyError("it is being written all the time")
    if _names_super_journal(copy + "-journal"):
        # Recovery deletes the file that such a journal names: not on the word of a stranger's file.
        raise CopyError("its journal names another file")
    _recover(copy)
    return copy


def _pass(real: str, copy: str) -> bool:
    """Make the copy's files equal to the database's; whether anything was different before."""
    changed = False
    for side in _SIDES:
        try:
            source = os.open(real + side, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            if not side:
                raise
            with contextlib.suppress(FileNotFoundError):
                os.unlink(copy + side)
                changed = True
            continue
        target = os.open(copy + side, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            changed |= _same(source, target)
        finally:
            os.close(source)
            os.close(target)
    return changed


def _same(source: int, target: int) -> bool:
    """Write into `target` what is different in `source`; whether anything was."""
    changed, at = False, 0
    while True:
        block = os.read(source, _BLOCK)
        if not block:
            break
        if os.read(target, len(block)) != block:
            changed = True
            os.lseek(target, at, os.SEEK_SET)
            view = memoryview(block)
            while view:
                view = view[os.write(target, view) :]
        at += len(block)
        os.lseek(target, at, os.SEEK_SET)
    if os.fstat(target).st_size != at:
        os.ftruncate(target, at)
        changed = True
    return changed


def _recover(copy: str) -> None:
    """Finish or roll back what a writer had begun, in the copy; it is left in rollback mode without sides."""
    connection = sqlite3.connect(Path(copy).as_uri() + "?mode=rw", uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA temp_store=MEMORY")
        # A schema that SQLite cannot parse is told apart later, with the layers on: here it is let pass.
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("PRAGMA page_count").fetchone()
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except UnicodeError as error:
        raise sqlite3.DatabaseError("malformed database schema") from error
    finally:
        connection.close()


def _names_super_journal(journal: str) -> bool:
    try:
        with open(journal, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 8))
            return file.read() == _SUPER_JOURNAL_MAGIC
    except FileNotFoundError:
        return False


# ---- the private folders ----


def new_folder() -> str:
    """A folder that only this user can look into. Raises OSError."""
    return tempfile.mkdtemp(prefix=PREFIX)


def hold(folder: str) -> int:
    """Mark a folder as in use for as long as this process lives; returns the descriptor that does it."""
    mark = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return mark


def sweep() -> None:
    """Remove the folders of processes that were killed before they could."""
    with contextlib.suppress(OSError):
        with os.scandir(tempfile.gettempdir()) as entries:
            found = [entry.path for entry in entries if entry.name.startswith(PREFIX)]
        for folder in found:
            if _abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _abandoned(folder: str) -> bool:
    """Whether nobody uses a folder any more."""
    try:
        status = os.lstat(folder)
        if time.time() - status.st_mtime < _OLD_SECONDS:
            return False
        if hasattr(os, "getuid") and status.st_uid != os.getuid():
            return False
        import fcntl

        mark = os.open(os.path.join(folder, "lock"), os.O_RDWR)
    except FileNotFoundError:
        return True
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(mark)
