"""Hash every model file on this machine anew, whatever its stamp says.

    qwen2.5-coder-1.5b    ~/.cache/sqlagent/models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf    intact

Invariant: what is found damaged loses its stamp, so that nothing opens it before it was looked at again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlagent.base.errors import ModelError, UsageError
from sqlagent.base.paths import adapters_dir, models_dir
from sqlagent.store import adapters, fastest, models
from sqlagent.store.registry import Entry, registry
from sqlagent.weights import gguf_header


@dataclass(frozen=True, slots=True)
class Checked:
    """One file of a model. `advice` says what to do about one that is not intact."""

    name: str
    path: Path
    intact: bool
    advice: str = ""


def verify(name: str | None = None) -> list[Checked]:
    """Every file of one model, or of all that are here, read whole: about a second for a gigabyte.

    Raises UsageError for a name nobody knows or a mere path, ModelError for a model that is not here.
    """
    if name is None:
        entries = list(registry().values())
    else:
        found = models.find(name)
        if isinstance(found, Path):
            raise UsageError(f"{name} is a file: only a model known by name has a hash to be held against.")
        entries = [found]
    seen: dict[Path, bool] = {}
    checked = [one for entry in entries for one in _of_entry(entry, seen)]
    if name is not None and not checked:
        raise ModelError(f"The model {entries[0].name} is not here: run `sqlagent models pull {name}`.")
    return checked


def _of_entry(entry: Entry, seen: dict[Path, bool]) -> Iterator[Checked]:
    if entry.path is not None:
        stamp = models_dir() / f"{entry.name}.added.ok"
        advice = f"run `sqlagent models add {entry.path} --name {entry.name}` to accept it as it is now"
        yield from _file(entry.name, entry.path, entry.sha256, stamp, advice, seen)
    else:
        path, advice = models_dir() / entry.file, f"run `sqlagent models pull {entry.name}`"
        yield from _file(entry.name, path, entry.sha256, gguf_header.stamp_path(path), advice, seen)
    if entry.lora is not None:
        path, advice = models_dir() / entry.lora.file, f"run `sqlagent models pull {entry.name}`"
        yield from _file(entry.name, path, entry.lora.sha256, gguf_header.stamp_path(path), advice, seen)
    elif entry.adapter is not None and entry.adapter_sha256 and entry.adapter.exists():
        intact = adapters.identity(entry.adapter, None) == entry.adapter_sha256
        yield Checked(entry.name, entry.adapter, intact, "" if intact else "add the model again to accept it")
    stems = fastest.stems(entry, adapters_dir())
    for path in (path for stem in stems for path in adapters.made_for(stem, adapters_dir())):
        stamp = gguf_header.stamp_path(path)
        if (sha256 := _recorded(stamp)) is not None:
            yield from _file(entry.name, path, sha256, stamp, "it is made again when it is needed", seen)


def _file(
    name: str, path: Path, sha256: str, stamp: Path, advice: str, seen: dict[Path, bool]
) -> Iterator[Checked]:
    """Look at one file, once; nothing for one that is not here. Raises ModelError when it cannot be read."""
    if not path.exists():
        return
    if path not in seen:
        try:
            status = path.stat()
            seen[path] = gguf_header.sha256_of(path) == sha256
            if seen[path]:
                gguf_header.write_stamp(path, sha256, stamp, status)
            else:
                stamp.unlink(missing_ok=True)
        except OSError as error:
            raise ModelError(f"{path} cannot be read ({error.strerror}).") from None
    yield Checked(name, path, seen[path], "" if seen[path] else advice)


def _recorded(stamp: Path) -> str | None:
    """The hash that a made file had when it was made; None for one that was never finished."""
    try:
        return str(json.loads(stamp.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
