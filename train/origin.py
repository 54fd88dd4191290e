"""Say where a base model comes from: its repository on the hub and its licence, from what is known without it.

A hub id is itself; a GGUF of the registry has its original's in the list; a folder or another GGUF says it in its own
metadata. Invariant: nothing is guessed: what is not known is "".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlagent.base.errors import ModelError, UsageError
from sqlagent.weights.provenance import is_hub_id

HUB = "https://huggingface.co/"


@dataclass(frozen=True, slots=True)
class Origin:
    """A base's hub id and its licence, as the hub writes licences (apache-2.0)."""

    hub: str = ""
    licence: str = ""

    def called(self, source: str) -> str:
        """What others should call the base: its hub id, or its name without a path of this machine."""
        return self.hub or (Path(source).name if Path(source).exists() else source)


@cache
def of(source: str) -> Origin:
    """Where a model comes from; `source` is a folder, a GGUF file or a hub id."""
    path = Path(source)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_gguf(path)
    return Origin(source, _licence_on_the_hub(source)) if is_hub_id(source) else Origin()


def _of_folder(folder: Path) -> Origin:
    told = (
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if (folder / "config.json").is_file()
        else {}
    )
    name = str(told.get("_name_or_path") or "")
    card = front_matter(folder / "README.md")
    return Origin(name if is_hub_id(name) and not Path(name).exists() else "", str(card.get("license") or ""))


def _of_gguf(path: Path) -> Origin:
    from sqlagent.store.registry import registry
    from sqlagent.weights.gguf_read import GgufFile

    for entry in registry().values():
        if entry.file == path.name and entry.size == path.stat().st_size and entry.upstream:
            return Origin(entry.upstream, entry.licence.lower())
    try:
        file = GgufFile(path)
    except ModelError:
        return Origin()
    url = str(file.get("general.base_model.0.repo_url") or "")
    return Origin(
        url.removeprefix(HUB) if url.startswith(HUB) else "", str(file.get("general.license") or "")
    )


def _licence_on_the_hub(repo: str) -> str:
    """The licence that a model's card names; "" where nobody can be asked."""
    from train import hub

    try:
        return hub.licence(repo)
    except (UsageError, ModelError):
        return ""


def front_matter(card: Path) -> dict[str, Any]:
    """The metadata at the head of a card; empty where there is none."""
    if not card.is_file():
        return {}
    text = card.read_text(encoding="utf-8", errors="replace")
    head, fence, _ = text.removeprefix("---\n").partition("\n---")
    if not text.startswith("---\n") or not fence:
        return {}
    import yaml

    try:
        found = yaml.safe_load(head)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}
