"""Write a weights file whole or not at all, and never over its own source; what goes wrong is one sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sqlagent.base import private_files
from sqlagent.base.errors import ModelError, UsageError


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A draft path that becomes `path` when the block ends well. Raises ModelError."""
    try:
        with private_files.draft(path, mode=private_files.SHARED) as draft:
            yield draft
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror or error}).") from error


def refuse_same(source: Path, target: Path) -> None:
    """Raise UsageError when a command would overwrite its own input."""
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target} is the input itself: name another file with --out.")
