"""The models that can be used by name: which there are, which are here, and how one becomes a path.

Invariant: a name leads only to a file with the hash that the registry gives, or to one that the user added
by hand and that has not changed since. A file that merely lies in the cache folder is never opened.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlagent import gguf_file
from sqlagent.errors import ModelError, UsageError
from sqlagent.progress import Progress
from sqlagent.registry import Entry, cache_dir, forget, models_dir, registry, remember, shipped
from sqlagent.sources import PathSource

__all__ = [
    "Entry",
    "Status",
    "add",
    "cache_dir",
    "default",
    "ensure",
    "find",
    "installed",
    "is_offline",
    "models_dir",
    "path",
    "pull",
    "registry",
    "remove",
    "statuses",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Status:
    """What `models` lists about one entry: where its file is (or would be), and in which state."""

    entry: Entry
    path: Path
    state: str
    """"installed", "added", "partial" (a pull was interrupted), "missing" or "damaged"."""


def is_offline() -> bool:
    """Whether the environment forbids the network: SQLAGENT_OFFLINE or HF_HUB_OFFLINE."""
    values = (os.environ.get(name, "") for name in ("SQLAGENT_OFFLINE", "HF_HUB_OFFLINE"))
    return any(value.strip().lower() not in ("", "0", "false", "no", "off") for value in values)


def default() -> Entry:
    """The model used when none is named and SQLAGENT_MODEL is not set."""
    entries = list(shipped().values())
    return next((entry for entry in entries if entry.default), entries[0])


def find(name_or_path: str | Path | None = None) -> Entry | Path:
    """The model that a name, alias or path means; None means SQLAGENT_MODEL, else the default.

    Raises UsageError for a name nobody knows, ModelError for a path that is no GGUF file.
    """
    wanted = str(name_or_path or os.environ.get("SQLAGENT_MODEL") or default().name)
    known = registry()
    for entry in known.values():
        if wanted.lower() in (entry.name.lower(), *entry.aliases):
            return entry
    path = Path(wanted).expanduser()
    if path.name != wanted or path.suffix.lower() == ".gguf" or path.is_file():
        gguf_file.check_header(path)
        return path.absolute()
    names = [name for entry in known.values() for name in (entry.name, *entry.aliases)]
    close = difflib.get_close_matches(wanted.lower(), names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}, or give a .gguf file."
    raise UsageError(f"No model is called {wanted!r}: {hint}")


def installed(entry: Entry) -> Path | None:
    """The path of a model that is here and is what it should be, else None. Cheap once verified."""
    if entry.path is None:
        path, stamp = models_dir() / entry.file, None
    else:  # nothing is written beside a file of the user's own
        path, stamp = entry.path, models_dir() / f"{entry.name}.added.ok"
    return path if gguf_file.has_sha256(path, entry.sha256, entry.size, stamp=stamp) else None


def statuses() -> list[Status]:
    """Every known model with its state on this machine. Looks at sizes and stamps, hashes nothing large
    that was verified before."""
    return [_status(entry) for entry in registry().values()]


def ensure(
    name_or_path: str | Path | None = None,
    *,
    offline: bool = False,
    quiet: bool = False,
    progress: Progress | None = None,
) -> Path:
    """The path of a model that is ready to be opened; fetches it when it is missing.

    Raises ModelError (missing while offline, cannot be fetched, changed since it was added) and UsageError.
    """
    found = find(name_or_path)
    if isinstance(found, Path):
        return found
    if here := installed(found):
        return here
    progress = progress or Progress(quiet=quiet)
    if found.path is None and not (offline or is_offline()):
        progress.note(
            f"The model {found.name} is not here yet: {found.size / 1e6:,.0f} MB, licence {found.licence}."
        )
    return pull(found.name, offline=offline, progress=progress)


def pull(
    name: str,
    *,
    offline: bool = False,
    quiet: bool = False,
    progress: Progress | None = None,
    source: Path | None = None,
) -> Path:
    """Fetch a model by name unless it is here, and return its path.

    :param source: a file, or a folder that holds it, to copy instead of fetching (a USB stick).
    Raises ModelError and UsageError.
    """
    entry = find(name)
    if isinstance(entry, Path):
        raise UsageError(f"{name} is a file, and only a model known by name can be pulled.")
    if entry.path is not None:
        if here := installed(entry):
            return here
        gguf_file.check_header(entry.path)
        raise ModelError(
            f"{entry.path} has changed since it was added: run `sqlagent models add {entry.path} "
            f"--name {entry.name}` to accept it as it is now."
        )
    from sqlagent import pull as puller

    progress = progress or Progress(quiet=quiet)
    online = not (offline or is_offline())
    sources = list(entry.sources)
    if source is not None:
        sources = [PathSource(str(source / entry.file if source.is_dir() else source))]
    elif not online and not any(isinstance(s, PathSource) and s.available for s in sources):
        if here := installed(entry):
            return here
        where = "is damaged" if (models_dir() / entry.file).exists() else "is not on this machine"
        raise ModelError(
            f"The model {entry.name} {where} and going online is forbidden: allow it once and "
            f"run `sqlagent models pull {entry.name}` ({entry.size / 1e6:,.0f} MB)."
        )
    return puller.pull(entry, models_dir(), sources, progress, online=online)


def path(name: str) -> Path:
    """Where a model's file is. Raises ModelError when it is not here, naming the command that fetches it."""
    found = find(name)
    if isinstance(found, Path):
        return found
    if here := installed(found):
        return here
    raise ModelError(f"The model {found.name} is not here: run `sqlagent models pull {found.name}`.")


def add(file: str | Path, *, name: str | None = None) -> Entry:
    """Make a GGUF file of the user's own known by `name` (its stem by default); it stays where it is.

    Raises ModelError when it is no GGUF file, UsageError for a name that is taken or not usable.
    """
    path = Path(file).expanduser().absolute()
    gguf_file.check_header(path)
    name = name or re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.").lower()
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a model: use letters, digits, '.', '_' and '-'.")
    if any(name.lower() in (entry.name.lower(), *entry.aliases) for entry in shipped().values()):
        raise UsageError(f"The name {name} belongs to a model of sqlagent's own: choose another with --name.")
    try:
        size, sha256 = path.stat().st_size, gguf_file.sha256_of(path)
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}).") from None
    return remember(name, path, size, sha256)


def remove(name: str) -> int:
    """Delete a fetched model and what an interrupted pull left, or forget an added one (its file stays).

    Returns the bytes freed. Raises UsageError when there is nothing to remove, ModelError when it is in use.
    """
    entry = find(name)
    if isinstance(entry, Path):
        raise UsageError(f"{name} is a file of yours; delete it yourself if you mean to.")
    if entry.path is not None:
        forget(entry.name)
        return 0
    from sqlagent import pull as puller

    final = models_dir() / entry.file
    partial = puller.partial_path(final)
    leftovers = [final, gguf_file.stamp_path(final), partial, partial.with_name(partial.name + ".wheels")]
    present = [item for item in leftovers if item.exists()]
    if not present:
        raise UsageError(f"The model {entry.name} is not on this machine, so there is nothing to remove.")
    freed = 0
    try:
        with puller.locked(final, Progress(quiet=True), wait=False):
            for item in present:
                files = [f for f in item.rglob("*") if f.is_file()] if item.is_dir() else [item]
                freed += sum(f.stat().st_size for f in files)
                shutil.rmtree(item) if item.is_dir() else item.unlink()
    except OSError as error:
        raise ModelError(f"{final} cannot be removed ({error.strerror}): close what has it open.") from None
    return freed


def _status(entry: Entry) -> Status:
    from sqlagent.pull import partial_path

    path = entry.path or models_dir() / entry.file
    if installed(entry):
        state = "added" if entry.path else "installed"
    elif path.exists():
        state = "damaged"
    else:
        state = "partial" if partial_path(path).exists() else "missing"
    return Status(entry, path, state)
