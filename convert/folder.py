"""A Hugging Face model folder: its configuration and where its tensors lie."""

from __future__ import annotations

from pathlib import Path

from sqlagent.base.errors import ModelError
from sqlagent.weights.safetensors import Slot, read_header, read_json


class Folder:
    """A Hugging Face model folder: `config` (its config.json) and `tensors`. Raises ModelError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = read_json(path / "config.json")
        self.shards = sorted(path.glob("model*.safetensors"))
        index = path / "model.safetensors.index.json"
        if index.is_file():
            self.shards = [path / name for name in sorted(set(read_json(index)["weight_map"].values()))]
        if not self.shards:
            pickled = any(path.glob("*.bin"))
            hint = (
                "convert its .bin files with `save_pretrained` first"
                if pickled
                else "its weights are missing"
            )
            raise ModelError(f"{path} has no safetensors: {hint}.")
        self.tensors: dict[str, Slot] = {}
        for shard in self.shards:
            self.tensors.update(read_header(shard))

    @property
    def architecture(self) -> str:
        """The class that config.json names."""
        return str((self.config.get("architectures") or ["a model without an architecture"])[0])
