"""The list of models: the ones that sqlagent ships knowledge of, and the ones a user added.

Invariant: an entry says exactly which bytes it means (size and sha256); an adapter that came with the package
is as good as the package. The shipped list is models/registry.toml; the user's own is `added.json` in the
cache folder, and names files by absolute path.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlagent.base import paths, private_files
from sqlagent.base.errors import ModelError
from sqlagent.store.sources import HubSource, PathSource, Source, WheelSource

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_Records = dict[str, dict[str, Any]]
_KINDS: dict[str, type[Source]] = {"path": PathSource, "hub": HubSource, "pypi": WheelSource}


@dataclass(frozen=True, slots=True)
class Entry:
    """One model. `size` in bytes; `path` is set for a file of the user's own, outside the cache.

    A tuned one has an adapter, which is applied as `apply` and `quantize` say; its file is its base's, which is
    the entry `base` unless the base is the user's own file. `lora` is an adapter that has to be fetched.
    """

    name: str
    file: str
    size: int
    sha256: str
    licence: str
    upstream: str = ""
    """The repository on the hub that the file was made from, for the cards of what is trained on it."""
    chat_format: str = ""
    about: str = ""
    accuracy: str = ""
    aliases: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    default: bool = False
    path: Path | None = None
    base: str = ""
    adapter: Path | None = None
    adapter_sha256: str = ""
    lora: Entry | None = None
    apply: str = "load"
    quantize: str = ""

    @property
    def adapter_path(self) -> Path | None:
        """The adapter's folder or GGUF, wherever it is or will be; None for a model without one."""
        return paths.models_dir() / self.lora.file if self.lora else self.adapter


def registry() -> dict[str, Entry]:
    """Every known model by name, shipped ones first, then the user's own."""
    return {**shipped(), **added()}


def places_of(file: str) -> list[Path]:
    """Where a file of models/ may lie: beside the code when installed, or where people edit it in a checkout."""
    here = Path(__file__).parents[1]
    return [here / "_models" / file, here.parent / "models" / file]


def shipped() -> dict[str, Entry]:
    """The models of models/registry.toml, or of the file that SQLAGENT_REGISTRY names, by name.

    Raises ModelError when that file cannot be used.
    """
    places = places_of("registry.toml")
    if other := os.environ.get("SQLAGENT_REGISTRY"):
        places = [Path(other)]
    place = next((place for place in places if place.is_file()), places[0])
    try:
        return _read(place)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The model registry {place} cannot be used ({error}): repair it or install again."
        ) from None


@functools.cache
def _read(place: Path) -> dict[str, Entry]:
    content = tomllib.loads(place.read_text(encoding="utf-8"))
    aliases: dict[str, list[str]] = {}
    for alias, name in content.get("aliases", {}).items():
        aliases.setdefault(name, []).append(alias)
    found: dict[str, Entry] = {}
    for fields in content["model"]:
        name = fields["name"]
        fields = {"default": content.get("default") == name, **fields}
        fields["aliases"] = (*fields.get("aliases", ()), *aliases.pop(name, ()))
        entry = _tuned_entry(fields, found, place.parent) if "base" in fields else _entry(fields)
        if entry is not None:
            found[name] = entry
    if aliases:
        raise ValueError(f"an alias for {next(iter(aliases))}, which is not in the list")
    return found


def _entry(fields: dict[str, Any]) -> Entry:
    sources = tuple(
        _KINDS[s["kind"]](**{key: value for key, value in s.items() if key != "kind"})
        for s in fields["sources"]
    )
    return Entry(**{**fields, "sources": sources})


def _tuned_entry(fields: dict[str, Any], known: dict[str, Entry], folder: Path) -> Entry | None:
    """A base and an adapter; None when the adapter has not been made yet."""
    base = known[fields["base"]]
    if fields.get("apply", "load") not in ("load", "merge", "fastest"):
        raise ValueError(f"{fields['name']} is applied by {fields['apply']!r}, not load, merge or fastest")
    if "lora" in fields:
        lora = _entry({"name": f"{fields['name']} (adapter)", "licence": base.licence, **fields["lora"]})
        adapter = Path(lora.file)
        fields = {**fields, "lora": lora}
    else:
        adapter = folder / fields["adapter"]
        if not (adapter / "adapter_config.json").is_file():
            return None
    return _over(base, {**fields, "adapter": adapter})


def _over(base: Entry, fields: dict[str, Any]) -> Entry:
    """An entry that has its base's file, and of the rest what it does not say itself."""
    own = {"aliases": (), "default": False, "about": "", "accuracy": "", "lora": None}
    return replace(base, **{**own, **fields})


def added() -> dict[str, Entry]:
    """The user's own models, by name. Raises ModelError when their list cannot be read."""
    try:
        return {name: _added_entry(name, record) for name, record in _records().items()}
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ModelError(
            f"The list of added models {_added_file()} cannot be read: repair or delete it."
        ) from None


def remember(name: str, record: dict[str, Any]) -> Entry:
    """Record a model of the user's own under `name`, in place of an earlier one. Raises ModelError.

    record: `path`, `size` and `sha256` of a file, or `base`, the name of an entry; and where there is an
    adapter, `adapter` (its path), `adapter_sha256`, `apply` and `quantize`.
    """
    entry = _added_entry(name, record)
    _change(lambda records: {**records, name: record})
    return entry


def forget(name: str) -> None:
    """Drop a recorded file; the file itself stays. Raises ModelError."""
    _change(lambda records: {key: record for key, record in records.items() if key != name})


def _added_entry(name: str, record: dict[str, Any]) -> Entry:
    if "base" in record:
        found = replace(shipped()[record["base"]], base=record["base"])
    else:
        path = Path(record["path"])
        found = Entry(name, path.name, record["size"], record["sha256"], "your own file", path=path)
    fields: dict[str, Any] = {"name": name}
    if "adapter" in record:
        fields |= {key: record[key] for key in ("adapter_sha256", "apply", "quantize")}
        fields |= {"adapter": Path(record["adapter"])}
    return _over(found, fields)


def _added_file() -> Path:
    return paths.models_dir() / "added.json"


def _records() -> _Records:
    if not paths.has_home():  # then nothing can have been added
        return {}
    try:
        text = _added_file().read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ModelError(f"{_added_file()} cannot be read ({error.strerror}): set SQLAGENT_HOME.") from None
    records: _Records = json.loads(text)
    return records


def _change(change: Callable[[_Records], _Records]) -> None:
    """Read the list, change it and write it while no other process does."""
    file = _added_file()
    try:
        with private_files.locked(file):
            text = json.dumps(change(_records()), indent=1)
            private_files.write(file, text.encode(), mode=private_files.SHARED)
    except OSError as error:
        raise ModelError(
            f"The list of added models cannot be written to {file.parent} ({error.strerror or error}): make room "
            "there, or set SQLAGENT_HOME to a folder of yours."
        ) from None
