"""Brings a model's file into the cache.

A file has its final name only after its size and sha256 were checked. Until then its first bytes lie in
`<file>.partial`, which survives a kill and is continued by the next pull, from whichever source. One process
pulls a file at a time; another waits and finds the work done.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base import private_files
from sqlagent.base.errors import ModelError
from sqlagent.base.progress import Progress
from sqlagent.store.sources import HubSource, PathSource, Source, SourceFailed, Tick, partial_is_at_fault
from sqlagent.weights import gguf_header

if TYPE_CHECKING:
    from sqlagent.store.registry import Entry

_SPARE_BYTES = 64 << 20
"""What a pull leaves free on the disk."""


def pull(
    entry: Entry, folder: Path, sources: list[Source], progress: Progress, *, online: bool = True
) -> Path:
    """Fetch `entry` into `folder` from the first of `sources` that can deliver it, and return its path.

    :param online: False leaves out every source but files on this machine.
    Raises ModelError: no source left, no space, or the folder cannot be written.
    """
    final = folder / entry.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(final, progress):
            if not gguf_header.has_sha256(final, entry.sha256, entry.size):
                if final.exists():
                    progress.note(f"{final} is not the file it should be; fetching it again.")
                usable = [source for source in sources if online or isinstance(source, PathSource)]
                _from_first(entry, final, [source for source in usable if source.available], progress)
            return final
    except OSError as error:
        if partial_is_at_fault(error) and error.errno is not None:
            reason = os.strerror(error.errno)
        else:
            reason = error.strerror or str(error)
        raise ModelError(
            f"The model cannot be written to {folder} ({reason}): make room there or set SQLAGENT_HOME to "
            "another folder; what has arrived is kept."
        ) from None
    finally:
        progress.stop()


@contextlib.contextmanager
def locked(final: Path, progress: Progress, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of one model's file. Raises ModelError when it is taken and `wait` is False, OSError."""

    def waiting() -> None:
        progress.note(f"Another process is fetching {final.name}; waiting for it.")

    with contextlib.ExitStack() as held:
        try:
            held.enter_context(private_files.locked(final, waiting=waiting, wait=wait))
        except BlockingIOError:
            raise ModelError(f"Another process is fetching {final.name}: wait until it is done.") from None
        yield


def _from_first(entry: Entry, final: Path, sources: list[Source], progress: Progress) -> None:
    failures = []
    partial = partial_path(final)
    if private_files.own_file(partial) and (have := partial.stat().st_size):
        progress.note(f"{have / 1e6:,.0f} MB of {entry.name} arrived earlier; going on from there.")
    for source in sources:
        progress.note(f"Fetching {entry.name} from {source.label}.")
        try:
            _from_source(entry, final, source, progress)
        except SourceFailed as why:
            progress.stop()
            failures.append(f"{source.label}: {why}")
            if source is not sources[-1]:
                progress.note(f"{source.label}: {why}; trying the next source.")
        else:
            return
    tried = "; ".join(failures) or "it has no source that can be used now"
    raise ModelError(
        f"The model {entry.name} could not be fetched ({tried}): check the network, then run "
        f"`sqlagent models pull {entry.name}`, which goes on where this stopped."
    )


def _from_source(entry: Entry, final: Path, source: Source, progress: Progress) -> None:
    """Complete the temporary file from `source`, check it, give it its final name."""
    partial = partial_path(final)
    partial.touch()
    with partial.open("rb") as file:
        sane = file.read(4) in (b"GGUF", b"") and partial.stat().st_size <= entry.size
    if not sane:  # a portal's sign-in page, say
        os.truncate(partial, 0)
    while True:
        began_at = partial.stat().st_size
        _check_space(entry, partial, source)
        progress.start(entry.name, total=entry.size, done=began_at)
        _append(source, partial, entry.size, progress.update)
        progress.stop()
        have = partial.stat().st_size
        if have != entry.size:
            raise SourceFailed(f"it ended after {have:,} of {entry.size:,} bytes")
        if gguf_header.sha256_of(partial) == entry.sha256:
            break
        os.truncate(partial, 0)
        if not began_at:
            raise SourceFailed("its bytes do not have the sha256 that the registry demands")
        progress.note("The bytes left by an earlier pull were wrong; starting over.")
    private_files.flush(partial)
    partial.replace(final)
    private_files.flush(final.parent)
    gguf_header.write_stamp(final, entry.sha256)


def _append(source: Source, partial: Path, size: int, tick: Tick) -> None:
    """Append what is missing of the `size` bytes to `partial`. Raises SourceFailed."""
    if isinstance(source, PathSource):
        source.fetch(partial, size, tick)
    elif isinstance(source, HubSource):
        from sqlagent.store import hub

        hub.fetch(source, partial, size, tick)
    else:
        from sqlagent.store import wheels

        wheels.fetch(source, partial, size, tick)


def partial_path(final: Path) -> Path:
    """Where the first bytes of a model lie while it is being fetched."""
    return final.with_name(final.name + ".partial")


def _check_space(entry: Entry, partial: Path, source: Source) -> None:
    need = entry.size - partial.stat().st_size + source.scratch_bytes() + _SPARE_BYTES
    free = shutil.disk_usage(partial.parent).free
    if free < need:
        raise ModelError(
            f"Fetching {entry.name} needs {need / 1e6:,.0f} MB free in {partial.parent}, which has "
            f"{free / 1e6:,.0f} MB: make room or set SQLAGENT_HOME to a folder on a larger disk."
        )
