"""Write files that appear whole or not at all, and keep a folder of them within bounds.

    with draft(folder / "index.db") as path:     # an empty file beside it, 0600
        fill(path)                               # whatever goes wrong here leaves an older index.db as it was
    evict(folder, ".db", files=32, size=512 << 20)

Invariant: nothing is ever written through a symbolic link. A draft is created anew (never opened if it is there),
a rename replaces a link and not what it points at, and `own_file` refuses what is no plain file of ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

PRIVATE, SHARED = 0o600, 0o666
"""Modes of a new file: its owner's alone, or what the umask allows."""
_SUFFIX = ".part"
_DIGEST = 32
_ABANDONED_SECONDS = 3600.0
"""A draft that has not been touched for this long was left by a killed process."""


@contextlib.contextmanager
def draft(path: Path, *, mode: int = PRIVATE, durable: bool = True) -> Iterator[Path]:
    """A new, empty file beside `path` that takes its name when the block ends well.

    durable: wait until the bytes are on the disk; a cache that can tell a damaged file need not.
    Raises OSError; whatever is raised removes the draft and leaves an older file as it was.
    """
    make_folder(path.parent, private=mode == PRIVATE)
    temporary = draft_name(path)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), mode))
    try:
        yield temporary
        if durable:
            flush(temporary)
        os.replace(temporary, path)
        if durable:
            flush(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write(path: Path, data: bytes, *, mode: int = PRIVATE, durable: bool = True) -> None:
    """Put `data` in place of whatever `path` holds, whole or not at all. Raises OSError."""
    with draft(path, mode=mode, durable=durable) as temporary:
        temporary.write_bytes(data)


def draft_name(path: Path) -> Path:
    """A name beside `path`, not in use, for what will become it."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{_SUFFIX}")


def flush(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk. Raises OSError."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open a folder, and writes its names itself
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path, *, private: bool = True) -> None:
    """Make a folder (0700 if private) unless it is there; the ones above it as the umask allows. Raises OSError."""
    path.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)


def make_own_folder(path: Path) -> None:
    """Make a folder in a place that everybody can write to. Raises OSError unless it is this user's alone."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    info = path.lstat()
    if not stat.S_ISDIR(info.st_mode):
        raise NotADirectoryError(f"{path} is not a folder")
    if hasattr(os, "getuid") and (info.st_uid != os.getuid() or info.st_mode & 0o077):
        raise PermissionError(f"{path} can be used by others")


def own_file(path: Path) -> bool:
    """Whether `path` may be appended to: a plain file with no second name. A link or the like is taken away.

    Raises OSError when it cannot be, or when it is a folder.
    """
    try:
        info = path.lstat()
    except FileNotFoundError:
        return False
    if stat.S_ISREG(info.st_mode) and info.st_nlink == 1:
        return True
    path.unlink()  # the link, not what it points at
    return False


@contextlib.contextmanager
def locked(path: Path, *, waiting: Callable[[], None] | None = None, wait: bool = True) -> Iterator[None]:
    """Hold the lock that belongs to `path`; the system frees it when its holder dies.

    waiting: called once when another process has it. Raises BlockingIOError when it is taken and `wait` is
    False, OSError when the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    make_folder(path.parent, private=False)
    place = path.with_name(f".{path.name}.lock")
    if place.is_symlink():  # opening it would empty what it points at
        place.unlink()
    lock = FileLock(place)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait:
            raise BlockingIOError(f"another process holds {place}") from None
        if waiting is not None:
            waiting()
        lock.acquire(poll_interval=0.05)
    try:
        yield
    finally:
        lock.release()


def seal(path: Path) -> None:
    """Append a hash of all that a file holds, so that `is_sealed` sees a change of any byte. Raises OSError."""
    with path.open("rb+") as file:
        digest = _digest(file, path.stat().st_size)
        file.write(digest)


def is_sealed(path: Path) -> bool:
    """Whether a file holds what it held when it was sealed; about a second for a gigabyte. Raises OSError."""
    with path.open("rb") as file:
        content = path.stat().st_size - _DIGEST
        return content >= 0 and _digest(file, content) == file.read(_DIGEST)


def _digest(file: BinaryIO, count: int) -> bytes:
    """The hash of the next `count` bytes of an open file, which is left standing after them."""
    digest = hashlib.blake2b(digest_size=_DIGEST)
    while count and (block := file.read(min(count, 1 << 20))):
        digest.update(block)
        count -= len(block)
    return digest.digest()


def used(path: Path) -> None:
    """Mark a cached file as used just now: the least recently used goes first."""
    with contextlib.suppress(OSError):
        os.utime(path)


def evict(folder: Path, suffix: str, *, files: int, size: int, keep: Path | None = None) -> None:
    """Delete the least recently used of a folder's files until there are at most `files`, of `size` bytes together.

    keep: one that stays whatever it takes. Drafts that a killed process left go too. Never raises OSError: what
    cannot be deleted stays.
    """
    found: list[tuple[int, int, Path]] = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                info = path.lstat()
                if path.suffix == suffix:
                    found.append((info.st_mtime_ns, info.st_size, path))
                elif path.suffix == _SUFFIX and info.st_mtime < time.time() - _ABANDONED_SECONDS:
                    path.unlink()
    left, total = len(found), sum(one for _, one, _ in found)
    for _, one, path in sorted(found):
        if left <= files and total <= size:
            return
        if path != keep:
            with contextlib.suppress(OSError):
                path.unlink()
                left, total = left - 1, total - one
