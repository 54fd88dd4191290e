"""Keep the KV state of a schema's prompt on disk, so that a new process need not compute it again.

Invariant: bytes reach llama.cpp only when the whole file's hash and its key are right; anything else
(missing, cut short, changed, written by another build) is a miss and the file is removed. Files are
0600 in a 0700 folder, written beside their name and renamed, and the oldest go when there are too many.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAGIC = b"sqlagent-kv-1\n"
LIMIT_BYTES = 512 * 1024 * 1024
"""Most that the folder may hold: about 25 schemas of 700 tokens with the 1.5 B model."""
_DIGEST = 32
_WINDOWS, _WINDOW_BYTES = 16, 65536


def model_identity(path: Path) -> str:
    """A hash that tells model files apart without reading all of them: size, date, 16 windows of 64 kB."""
    info = path.stat()
    digest = hashlib.blake2b(f"{info.st_size} {info.st_mtime_ns}".encode(), digest_size=_DIGEST)
    with path.open("rb") as file:
        for i in range(_WINDOWS):
            file.seek(max(0, info.st_size - _WINDOW_BYTES) * i // (_WINDOWS - 1))
            digest.update(file.read(_WINDOW_BYTES))
    return digest.hexdigest()


def adapter_identity(path: Path) -> str:
    """The sha256 of a whole adapter, which is small enough to be read at every start."""
    from sqlagent.weights.gguf_header import sha256_of, stamped_sha256

    return stamped_sha256(path) or sha256_of(path)


class PrefixCache:
    """A folder of KV states; `settings` names everything that a state depends on besides its tokens."""

    def __init__(self, folder: Path, settings: str, limit: int = LIMIT_BYTES) -> None:
        self.folder, self._settings, self._limit = folder, settings, limit

    def key(self, tokens: Sequence[int]) -> str:
        """The name of the state of `tokens`: 64 hex digits."""
        digest = hashlib.sha256(self._settings.encode())
        digest.update(b"\0" + np.asarray(tokens, np.int32).tobytes())
        return digest.hexdigest()

    def has(self, tokens: Sequence[int]) -> bool:
        """Whether a file for `tokens` is there (it may turn out to be damaged)."""
        return (self.folder / f"{self.key(tokens)}.kv").is_file()

    def load(self, tokens: Sequence[int]) -> NDArray[np.uint8] | None:
        """The stored state of `tokens`, or None; a damaged file is removed."""
        key = self.key(tokens)
        path = self.folder / f"{key}.kv"
        try:
            data = np.fromfile(path, np.uint8)
        except OSError:
            return None
        head = MAGIC + key.encode() + b"\n"
        body = data[len(head) : -_DIGEST]
        if data.size <= len(head) + _DIGEST or data[: len(head)].tobytes() != head:
            self.drop(tokens)
            return None
        if hashlib.blake2b(data[:-_DIGEST].data, digest_size=_DIGEST).digest() != data[-_DIGEST:].tobytes():
            self.drop(tokens)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the least recently used goes first
        return body

    def drop(self, tokens: Sequence[int]) -> None:
        """Remove the state of `tokens`, if it is there."""
        with contextlib.suppress(OSError):
            (self.folder / f"{self.key(tokens)}.kv").unlink()

    def save(self, tokens: Sequence[int], state: NDArray[np.uint8]) -> bool:
        """Store a state; False when it cannot be (a full or read-only disk is no reason to fail)."""
        if state.size + 4096 > self._limit:
            return False
        key = self.key(tokens)
        temporary: str | None = None
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            head = MAGIC + key.encode() + b"\n"
            digest = hashlib.blake2b(head, digest_size=_DIGEST)
            digest.update(state.data)
            handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".part")  # 0600
            with os.fdopen(handle, "wb") as file:
                file.write(head)
                file.write(state.data)
                file.write(digest.digest())
            os.replace(temporary, self.folder / f"{key}.kv")
        except OSError:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
            return False
        self._evict(f"{key}.kv")
        return True

    def _evict(self, keep: str) -> None:
        """Remove the least recently used states until the folder is within its limit."""
        files: list[tuple[float, int, Path]] = []
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                with contextlib.suppress(OSError):
                    info = path.stat()
                    if path.suffix in (".kv", ".part"):
                        files.append((info.st_mtime, info.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._limit:
                return
            if path.name != keep:
                with contextlib.suppress(OSError):
                    path.unlink()
                    total -= size
