"""A LoRA adapter, as peft saves it or as a GGUF: which matrices it changes, and by what.

Invariant: an adapter that was read can be applied exactly; one with parts that this code does not know is
refused, never half applied.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sqlagent.base.errors import ModelError
from sqlagent.weights.gguf_read import GgufFile, Rows
from sqlagent.weights.safetensors import Slot, read_header, read_json

CONFIG, WEIGHTS, RECORD = "adapter_config.json", "adapter_model.safetensors", "training.json"
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
_NAME = re.compile(
    r"(?:base_model\.model\.)?(.+?)\.(lora_A|lora_B|lora_magnitude_vector)(?:\.\w+)?(?:\.weight)?"
)
_WHOLE = re.compile(
    r"(?:base_model\.model\.)?((?!.*lora_).+?)(?:\.base_layer|\.modules_to_save(?:\.\w+)?)?\.(weight|bias)"
)
"""A tensor that was trained itself: of modules_to_save, a resized embedding, or a bias."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One matrix's change: W + scale · b @ a, then rows rescaled to `magnitude` (DoRA) when there is one.

    a is (r, in), b is (out, r), magnitude is (out,), all float32, rows in the Hugging Face order.
    """

    a: Rows
    b: Rows
    scale: float
    magnitude: Rows | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(out, in)."""
        return self.b.shape[0], self.a.shape[1]

    def apply(self, rows: Rows, start: int, stop: int) -> Rows:
        """Rows start:stop of the matrix, changed. `rows` may be overwritten."""
        changed = rows + np.float32(self.scale) * (self.b[start:stop] @ self.a)
        if self.magnitude is not None:
            norm = np.linalg.norm(changed, axis=1, keepdims=True)
            changed *= self.magnitude[start:stop, None] / norm
        return changed  # type: ignore[no-any-return]

    def reordered(self, order: NDArray[np.intp] | None) -> Delta:
        """The same change for a matrix whose row i is the original's row order[i]."""
        if order is None:
            return self
        magnitude = None if self.magnitude is None else self.magnitude[order]
        return replace(self, b=np.ascontiguousarray(self.b[order]), magnitude=magnitude)


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter. `deltas` by module (model.layers.0.self_attn.q_proj); `record` is training.json.

    `whole` has the tensors that take the place of the base's, by Hugging Face name (lm_head.weight). Of a GGUF LoRA
    `arch` is set, and `deltas` are by GGUF tensor and in its row order.
    """

    path: Path
    deltas: Mapping[str, Delta]
    config: Mapping[str, Any]
    record: Mapping[str, Any]
    sha256: str
    arch: str = ""
    whole: Mapping[str, Slot] = field(default_factory=dict)

    @property
    def base_sha256(self) -> str:
        """The hash of the GGUF it was trained on, or "" when that is not known."""
        return str(self.record.get("base_sha256", ""))

    @property
    def recipe_sha256(self) -> str:
        """A hash of the training configuration, or ""."""
        config = self.record.get("config")
        return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest() if config else ""

    @property
    def datasets(self) -> tuple[str, ...]:
        """The names of what it was trained on."""
        return tuple(
            str(mix["name"]) for mix in self.record.get("config", {}).get("mix", ()) if "name" in mix
        )


def read(path: Path) -> Adapter:
    """Read and check an adapter: a peft folder, or a GGUF LoRA. Raises ModelError with one sentence."""
    return _read_gguf(path) if path.is_file() else _read_folder(path)


def read_head(path: Path) -> Adapter:
    """A GGUF LoRA without its matrices. Raises ModelError when it is none."""
    return _head(GgufFile(path), {})


def _head(file: GgufFile, deltas: Mapping[str, Delta]) -> Adapter:
    path = file.path
    if file.get("general.type") != "adapter" or file.get("adapter.type") != "lora":
        raise ModelError(f"{path} is no LoRA adapter: name a peft folder or a GGUF LoRA.")
    _check_everywhere(path, file.get("adapter.alora.invocation_tokens"))
    record = {"base_sha256": file.get("sqlagent.base_sha256", "")}
    sha256 = str(file.get("sqlagent.adapter_sha256") or _sha256(path))
    config = {"lora_alpha": float(file.get("adapter.lora.alpha") or 0.0)}
    return Adapter(path, deltas, config, record, sha256, file.arch or "nameless")


def _read_gguf(path: Path) -> Adapter:
    file = GgufFile(path)
    alpha = float(_head(file, {}).config["lora_alpha"])
    deltas: dict[str, Delta] = {}
    for name in file.tensors:
        if name.endswith(".lora_a"):
            module = name.removesuffix(".lora_a")
            if f"{module}.lora_b" not in file.tensors or module.startswith("token_embd"):
                raise ModelError(f"The adapter {path} changes {module} in a way that is not known here.")
            a, b = (
                file.rows(f"{module}.{part}", 0, file.tensors[f"{module}.{part}"].shape[0])
                for part in ("lora_a", "lora_b")
            )
            _check_pair(module, a, b)
            deltas[module] = Delta(a, b, alpha / a.shape[0] if alpha else 1.0)
    if not deltas:
        raise ModelError(f"The adapter {path} holds no matrices.")
    return _head(file, deltas)


def _read_folder(folder: Path) -> Adapter:
    if not (folder / CONFIG).is_file():
        raise ModelError(f"{folder} is not an adapter: it has no {CONFIG}.")
    config = read_json(folder / CONFIG)
    _check(config, folder)
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{folder} has no {WEIGHTS}: save the adapter with peft's save_pretrained.")
    pieces: dict[str, dict[str, Rows]] = {}
    whole: dict[str, Slot] = {}
    for name, slot in read_header(folder / WEIGHTS).items():
        if found := _NAME.fullmatch(name):
            pieces.setdefault(found[1], {})[found[2]] = slot.all()
        elif found := _WHOLE.fullmatch(name):
            whole[f"{found[1]}.{found[2]}"] = slot
        else:
            raise ModelError(
                f"The adapter holds {name}, which is no LoRA matrix of a linear layer: "
                "train without embedding targets, or merge it with peft first."
            )
    deltas = {module: _delta(module, parts, config) for module, parts in pieces.items()}
    if not deltas:
        raise ModelError(f"The adapter {folder} holds no matrices.")
    record = read_json(folder / RECORD) if (folder / RECORD).is_file() else {}
    return Adapter(folder, deltas, config, record, _sha256(folder / WEIGHTS), whole=whole)


def _check(config: Mapping[str, Any], folder: Path) -> None:
    kind = str(config.get("peft_type", "LORA")).upper()
    if kind != "LORA":
        raise ModelError(f"{folder} is a {kind} adapter: only LoRA adapters can be merged or converted.")
    if config.get("fan_in_fan_out"):
        raise ModelError(
            "The adapter is for transposed layers (fan_in_fan_out), which Llama and Qwen2 do not have."
        )
    if config.get("lora_bias"):
        raise ModelError("The adapter has biases within its LoRA (lora_bias): merge it with peft first.")
    _check_everywhere(folder, config.get("alora_invocation_tokens"))
    start = config.get("init_lora_weights", True)
    if isinstance(start, str) and start.lower().startswith(_CHANGES_BASE):
        raise ModelError(
            f"The adapter was started with {start}, which changes the base: convert it with "
            "peft's `path_initial_model_for_weight_conversion` first."
        )


def _check_everywhere(path: Path, invocation: object) -> None:
    """Refuse an activated LoRA: applied to every token, as here, it is another one."""
    if invocation:
        raise ModelError(
            f"{path} is an activated LoRA (aLoRA), which works only behind its invocation tokens: "
            "train a LoRA without alora_invocation_tokens."
        )


def _delta(module: str, parts: Mapping[str, Rows], config: Mapping[str, Any]) -> Delta:
    a, b = parts.get("lora_A"), parts.get("lora_B")
    _check_pair(module, a, b)
    assert a is not None and b is not None
    magnitude = parts.get("lora_magnitude_vector")
    if config.get("use_dora") and (magnitude is None or magnitude.size != b.shape[0]):
        raise ModelError(f"The adapter says it is DoRA but has no fitting magnitudes for {module}.")
    rank = a.shape[0]
    alpha = float(_pattern(config.get("alpha_pattern") or {}, module, config.get("lora_alpha", rank)))
    scale = alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank
    return Delta(a, b, scale, None if magnitude is None else magnitude.reshape(-1))


def _check_pair(module: str, a: Rows | None, b: Rows | None) -> None:
    if a is None or b is None or a.ndim != 2 or b.ndim != 2 or a.shape[0] != b.shape[1]:
        raise ModelError(f"The adapter's matrices for {module} do not fit each other: the file is damaged.")


def _pattern(patterns: Mapping[str, Any], module: str, default: Any) -> Any:
    """peft's rule: the first pattern that is the module's name or the end of it."""
    for pattern, value in patterns.items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return value
    return default


def _sha256(path: Path) -> str:
    from sqlagent.weights.gguf_header import sha256_of

    return sha256_of(path)
