"""Keep the KV state of a schema's prompt on disk, so that a new process need not compute it again.

Invariant: bytes reach llama.cpp only when the whole file's hash and its key are right; anything else
(missing, cut short, changed, written by another build) is a miss and the file is removed. Files are private
(see private_files.py), and the least recently used go when there are too many.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sqlagent.base import private_files

MAGIC = b"sqlagent-kv-1\n"
LIMIT_BYTES = 512 * 1024 * 1024
"""Most that the folder may hold: about 25 schemas of 700 tokens with the 1.5 B model."""
_FILES = 1024
_DIGEST = 32
_WINDOWS, _WINDOW_BYTES = 16, 65536


def model_identity(path: Path) -> str:
    """What tells model files apart without reading all of one: its verified sha256, where there is one.

    Else a hash of its size, of its times (the system's own among them) and of 16 windows of 64 kB. Raises OSError.
    """
    from sqlagent.weights.gguf_header import stamped_sha256

    if known := stamped_sha256(path):
        return known
    info = path.stat()
    state = f"{info.st_size} {info.st_mtime_ns} {info.st_ctime_ns}"
    digest = hashlib.blake2b(state.encode(), digest_size=_DIGEST)
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
        private_files.used(path)
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
        path = self.folder / f"{key}.kv"
        head = MAGIC + key.encode() + b"\n"
        digest = hashlib.blake2b(head, digest_size=_DIGEST)
        digest.update(state.data)
        try:
            with private_files.draft(path, durable=False) as draft, draft.open("wb") as file:
                file.write(head)
                file.write(state.data)
                file.write(digest.digest())
        except OSError:
            return False
        private_files.evict(self.folder, ".kv", files=_FILES, size=self._limit, keep=path)
        return True
