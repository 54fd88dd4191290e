"""Files appear whole or not at all.

Invariant: a file is written beside its final name and renamed when complete; whatever goes wrong (Ctrl-C too)
removes the draft and leaves an older file as it was.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from sqlagent.base.errors import ModelError, UsageError


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A draft path that becomes `path` when the block ends well. Raises ModelError."""
    draft = draft_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror or error}).") from error
    finally:
        draft.unlink(missing_ok=True)


def draft_of(path: Path) -> Path:
    """Where a file or folder is written before it gets its name."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def refuse_same(source: Path, target: Path) -> None:
    """Raise UsageError when a command would overwrite its own input."""
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target} is the input itself: name another file with --out.")
