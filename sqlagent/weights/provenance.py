"""What a file says about itself: name, base, licence, data, and the hashes that tie it to its making.

Invariant: no path of the machine that made it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlagent.weights.adapter import Adapter
from sqlagent.weights.gguf_read import Value
from sqlagent.weights.gguf_write import text, texts, uint

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class About:
    """What the user says about a model; empty means unknown, or as the base has it."""

    name: str = ""
    base_model: str = ""
    licence: str = ""
    datasets: tuple[str, ...] = ()


def is_hub_id(name: str) -> bool:
    """Whether a name could be a repository of the hub (and is no path)."""
    return _HUB_ID.fullmatch(name) is not None


def fields(about: About, adapter: Adapter | None, *, base_sha256: str = "") -> dict[str, Value]:
    """The metadata to be laid over a base's own."""
    found: dict[str, Value] = {"general.quantized_by": text("sqlagent convert")}
    if about.name:
        found["general.name"] = text(about.name)
    if about.licence:
        found["general.license"] = text(about.licence)
    if about.base_model:
        organisation, _, name = about.base_model.rpartition("/")
        found["general.base_model.count"] = uint(1)
        found["general.base_model.0.name"] = text(name.replace("-", " "))
        if organisation:
            found["general.base_model.0.organization"] = text(organisation)
            found["general.base_model.0.repo_url"] = text(f"https://huggingface.co/{about.base_model}")
    datasets: Sequence[str] = about.datasets or (adapter.datasets if adapter else ())
    if datasets:
        found["general.datasets"] = texts(list(dict.fromkeys(datasets)))
    if adapter is not None:
        found["general.finetune"] = text("text-to-sql")
        found["general.tags"] = texts(["text-to-sql", "sqlite"])
        found["sqlagent.adapter_sha256"] = text(adapter.sha256)
        hashes = {"recipe_sha256": adapter.recipe_sha256, "base_sha256": base_sha256}
        hashes["data_digest"] = str(adapter.record.get("data", {}).get("digest", ""))
        found |= {f"sqlagent.{key}": text(value) for key, value in hashes.items() if value}
    return found
