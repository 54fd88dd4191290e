"""The models that can be used by name: which there are, which are here, and how one becomes a path.

Invariant: a name leads only to a file with the hash that the registry gives, or to one that the user added
by hand and that has not changed since. A file that merely lies in the cache folder is never opened.

A model may be a base and an adapter. `ensure` gives the base's file, which training and conversion start
from; `ready` gives what is to be run (see adapters.py).
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlagent.base.errors import ModelError, UsageError
from sqlagent.base.paths import adapters_dir, expanded, models_dir
from sqlagent.base.progress import Progress
from sqlagent.store import adapters, fastest
from sqlagent.store.adapters import Files, Plan
from sqlagent.store.registry import Entry, added, forget, registry, remember, shipped
from sqlagent.store.sources import PathSource, Source
from sqlagent.weights import gguf_header

__all__ = [
    "Entry",
    "Files",
    "Status",
    "add",
    "at_hand",
    "default",
    "ensure",
    "find",
    "installed",
    "is_offline",
    "located",
    "pull",
    "ready",
    "registry",
    "remove",
    "statuses",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Status:
    """What `models` lists about one entry: where its file is (or would be), bytes, and in which state."""

    entry: Entry
    path: Path
    size: int
    state: str
    """"installed", "added", "partial" (a pull was interrupted), "missing", "damaged", or "not merged"."""


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
    path = expanded(wanted)
    if path.name != wanted or path.suffix.lower() == ".gguf" or path.is_file():
        gguf_header.check_header(path)
        return path.absolute()
    names = [name for entry in known.values() for name in (entry.name, *entry.aliases)]
    close = difflib.get_close_matches(wanted.lower(), names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}, or give a .gguf file."
    raise UsageError(f"No model is called {wanted!r}: {hint}")


def installed(entry: Entry) -> Path | None:
    """The path of a model's file that is here and is what it should be, else None. Cheap once verified.

    Of a tuned model it is the base's file.
    """
    if entry.path is None:
        path, stamp = models_dir() / entry.file, None
    else:  # nothing is written beside a file of the user's own
        path, stamp = entry.path, models_dir() / f"{entry.name}.added.ok"
    return path if gguf_header.has_sha256(path, entry.sha256, entry.size, stamp=stamp) else None


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
    """The path of a model's file, without an adapter; fetches it when it is missing.

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


def ready(
    name_or_path: str | Path | None = None,
    *,
    adapter: str | Path | None = None,
    offline: bool = False,
    quiet: bool = False,
    settle: bool = False,
    progress: Progress | None = None,
) -> Files:
    """What is to be loaded for a model; fetches and makes what is missing.

    :param adapter: a peft folder or a GGUF LoRA to apply, in place of the model's own.
    :param settle: find out how it runs fastest here (fastest.py) unless that is known, which takes a minute or two.
    Raises ModelError (as `ensure`; an adapter that is not for this base) and UsageError.
    """
    found = find(name_or_path)
    progress = progress or Progress(quiet=quiet)
    if adapter is not None:
        given = expanded(adapter)
        adapters.check(given)  # before a base is fetched for it
        plan: Plan | None = Plan(given, adapters_dir())
    else:
        plan = None if isinstance(found, Path) else fastest.plan_of(found, adapters_dir())
    if isinstance(found, Path):
        return Files(found, name=found.stem) if plan is None else _prepare(plan, found, "", progress)
    if plan is None:
        file = ensure(found.name, offline=offline, progress=progress)
        return Files(file, name=file.stem)
    if adapter is not None:
        base = ensure(found.name, offline=offline, progress=progress)
        return _prepare(plan, base, found.sha256, progress)
    is_open = settle and fastest.is_open(found, adapters_dir())
    if not is_open and (here := prepared(found)):
        return here
    _fetch_adapter(found, offline=offline, progress=progress)
    base = ensure(found.name, offline=offline, progress=progress)
    if is_open and fastest.try_both(found, base, adapters_dir(), progress):
        plan = fastest.plan_of(found, adapters_dir()) or plan
    return _prepare(plan, base, found.sha256, progress)


def prepared(entry: Entry) -> Files | None:
    """What is to be loaded for a model when nothing has to be fetched or made first, else None.

    Raises ModelError when an adapter of the user's own has changed since it was added.
    """
    plan = fastest.plan_of(entry, adapters_dir())
    here = installed(entry)
    if plan is None or not plan.adapter.exists():
        return Files(here, name=here.stem) if here and plan is None else None
    adapters.check_unchanged(entry, plan)
    if here is None and plan.apply != "merge":
        return None
    return adapters.made(plan, here or _file_of(entry), entry.sha256)


def at_hand(name_or_path: str | Path | None) -> Files | None:
    """What is to be loaded for a model, if that takes no fetching and no merging; an adapter is made ready in a second.

    Raises ModelError and UsageError as `ready` does.
    """
    found = find(name_or_path)
    if isinstance(found, Path):
        return ready(name_or_path, quiet=True)
    here = prepared(found)
    plan = fastest.plan_of(found, adapters_dir())
    if here is None and plan is not None and plan.apply == "load" and installed(found):
        return ready(name_or_path, offline=True, quiet=True) if plan.adapter.exists() else None
    return here


def _file_of(entry: Entry) -> Path:
    return entry.path or models_dir() / entry.file


def _prepare(plan: Plan, base: Path, sha256: str, progress: Progress) -> Files:
    sha256 = sha256 or adapters.base_sha256(base, adapters_dir())
    return adapters.prepare(plan, base, sha256, progress)


def _fetch_adapter(entry: Entry, *, offline: bool, progress: Progress) -> None:
    if entry.lora is not None and not installed(entry.lora):
        _fetch(entry.lora, list(entry.lora.sources), offline=offline, progress=progress, owner=entry.name)


def pull(
    name: str,
    *,
    offline: bool = False,
    quiet: bool = False,
    progress: Progress | None = None,
    source: Path | None = None,
) -> Path:
    """Fetch a model by name unless it is here, and return its path (that of its base if it is tuned).

    :param source: a file, or a folder that holds it, to copy instead of fetching (a USB stick).
    Raises ModelError and UsageError.
    """
    entry = find(name)
    if isinstance(entry, Path):
        raise UsageError(f"{name} is a file, and only a model known by name can be pulled.")
    if entry.path is not None:
        if here := installed(entry):
            return here
        gguf_header.check_header(entry.path)
        raise ModelError(
            f"{entry.path} has changed since it was added: run `sqlagent models add {entry.path} "
            f"--name {entry.name}` to accept it as it is now."
        )
    sources = list(entry.sources)
    if source is not None:
        sources = [PathSource(str(source / entry.file if source.is_dir() else source))]
    return _fetch(entry, sources, offline=offline, progress=progress or Progress(quiet=quiet))


def _fetch(
    entry: Entry, sources: list[Source], *, offline: bool, progress: Progress, owner: str = ""
) -> Path:
    """Bring a file into the cache; `owner` is the model that it belongs to, if it is not one itself."""
    from sqlagent.store import pull as puller

    online = not (offline or is_offline())
    if not online and not any(isinstance(s, PathSource) and s.available for s in sources):
        if here := installed(entry):
            return here
        where = "is damaged" if (models_dir() / entry.file).exists() else "is not on this machine"
        raise ModelError(
            f"The model {entry.name} {where} and going online is forbidden: allow it once and "
            f"run `sqlagent models pull {owner or entry.name}` ({entry.size / 1e6:,.0f} MB)."
        )
    return puller.pull(entry, models_dir(), sources, progress, online=online)


def located(name: str | None = None) -> Files:
    """Where a model's files are. Raises ModelError when one is not here, naming the command that brings it."""
    if here := at_hand(name):
        return here
    missing = find(name).name
    raise ModelError(f"The model {missing} is not here: run `sqlagent models pull {missing}`.")


def add(
    file: str | Path,
    *,
    name: str | None = None,
    adapter: str | Path | None = None,
    apply: str = "load",
    quantize: str = "",
    quiet: bool = True,
) -> Entry:
    """Make a GGUF file of the user's own known by `name` (its stem by default); it stays where it is.

    :param adapter: a peft folder or a GGUF LoRA to be applied to it; `file` may then be a known name, too.
    Raises ModelError when it is no GGUF file or the adapter is not for it, UsageError for a name that is taken
    or not usable.
    """
    base = find(str(file)) if adapter is not None and "/" not in str(file) else Path(file)
    if isinstance(base, Path):
        path = expanded(base).absolute()
        _check_whole(path)
        stem = path.stem
    else:
        if base.name not in shipped():
            raise UsageError(f"{base.name} is a model of your own: name its file instead.")
        path, stem = _file_of(base), f"{base.name}-{Path(str(adapter)).resolve().name}"
    name = name or re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.").lower()
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a model: use letters, digits, '.', '_' and '-'.")
    if any(name.lower() in (entry.name.lower(), *entry.aliases) for entry in shipped().values()):
        raise UsageError(f"The name {name} belongs to a model of sqlagent's own: choose another with --name.")
    record: dict[str, Any] = {}
    if isinstance(base, Path):
        record |= {
            "path": str(path),
            "size": _size(path),
            "sha256": adapters.base_sha256(path, adapters_dir()),
        }
    else:
        record |= {"base": base.name, "sha256": base.sha256}
    if adapter is not None:
        place = expanded(adapter).absolute()
        plan = Plan(place, adapters_dir(), apply, quantize, name)
        if isinstance(base, Path) or installed(base):  # at once, so that a misfit is known before it is used
            _prepare(plan, path, record["sha256"], Progress(quiet=quiet))
        sha256 = adapters.identity(place, adapters_dir())
        record |= {"adapter": str(place), "adapter_sha256": sha256, "apply": apply, "quantize": quantize}
    return remember(name, record)


def _check_whole(path: Path) -> None:
    """Raise ModelError unless a file is a GGUF model that holds every tensor its header speaks of."""
    gguf_header.check_header(path)
    from sqlagent.weights.gguf_read import GgufFile

    try:
        GgufFile(path)
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}).") from None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}).") from None


def remove(name: str) -> int:
    """Delete a fetched model and what an interrupted pull left, or forget an added one (its file stays).

    Of a tuned model only what was made or fetched for its adapter goes; its base is a model of its own.
    Returns the bytes freed. Raises UsageError when there is nothing to remove, ModelError when it is in use.
    """
    entry = find(name)
    if isinstance(entry, Path):
        raise UsageError(f"{name} is a file of yours; delete it yourself if you mean to.")
    if entry.name in added():
        forget(entry.name)
        return adapters.forget(entry.name, adapters_dir())
    if entry.adapter is None:
        return _remove_files(entry)
    freed = fastest.forget(entry, adapters_dir())
    if entry.lora is not None and entry.adapter_path is not None and entry.adapter_path.exists():
        freed += _remove_files(entry.lora)
    if not freed:
        raise UsageError(
            f"Nothing was made for {entry.name} yet, so there is nothing to remove; its base is {entry.base}."
        )
    return freed


def _remove_files(entry: Entry) -> int:
    from sqlagent.store import pull as puller

    final = models_dir() / entry.file
    partial = puller.partial_path(final)
    leftovers = [final, gguf_header.stamp_path(final), partial, partial.with_name(partial.name + ".wheels")]
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
    from sqlagent.store.pull import partial_path

    path = _file_of(entry)
    if installed(entry):
        state = "added" if entry.path else "installed"
        if entry.apply == "merge" and entry.adapter is not None and prepared(entry) is None:
            state = "not merged"
    elif entry.adapter is not None and prepared(entry):
        state = "installed"  # merged, and its base was removed
    elif path.exists():
        state = "damaged"
    else:
        state = "partial" if partial_path(path).exists() else "missing"
    return Status(entry, path, entry.size + adapters.size_of(entry), state)
