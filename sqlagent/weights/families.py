"""What is particular about each model family: tensor names, row order, and the numbers of its config.

Invariant: a model outside the families listed here, or with a feature that llama.cpp would silently ignore,
is refused in one sentence.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

from sqlagent.base.errors import ModelError
from sqlagent.weights.gguf_read import GgufFile, Value
from sqlagent.weights.gguf_write import real, text, uint

ARCHES = {"LlamaForCausalLM": "llama", "Qwen2ForCausalLM": "qwen2"}
_ENUM = {"llama": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2}
SUPPORTED = "only the Llama and Qwen2 families can be converted"


def arch_of(architecture: str) -> str:
    """llama.cpp's name for a Hugging Face class. Raises ModelError for another family."""
    if architecture not in ARCHES:
        raise ModelError(f"The model is a {architecture}: {SUPPORTED} ({', '.join(ARCHES)}).")
    return ARCHES[architecture]


def check_arch(arch: str, where: object) -> None:
    """Raise ModelError unless a GGUF's architecture is one of ours."""
    if arch not in _ENUM:
        raise ModelError(f"{where} is a {arch or 'nameless'} model: {SUPPORTED}.")


@functools.lru_cache(maxsize=4)
def _names(arch: str, layers: int) -> Any:
    return gguf.get_tensor_name_map(_ENUM[arch], layers)


def gguf_name(arch: str, layers: int, name: str) -> str | None:
    """The GGUF name of a Hugging Face tensor (`….weight`, `….bias`) or module; None when it has none."""
    found = _names(arch, layers).get_name(name, try_suffixes=(".weight", ".bias"))
    return str(found) if found else None


def row_order(arch: str, name: str, heads: int, kv_heads: int, rows: int) -> NDArray[np.intp] | None:
    """For a GGUF tensor, which row of the Hugging Face one each of its rows is; None when they agree.

    llama.cpp rotates neighbouring pairs in the Llama family, Hugging Face halves of a head.
    """
    if arch != "llama" or not name.startswith("blk.") or ".attn_q." not in name and ".attn_k." not in name:
        return None
    count = heads if ".attn_q." in name else kv_heads
    if rows % (2 * count):
        raise ModelError(
            f"{name} has {rows} rows, which {count} heads cannot share: the model's config is wrong."
        )
    pairs: NDArray[np.intp] = np.arange(rows).reshape(count, 2, rows // count // 2).swapaxes(1, 2)
    return pairs.reshape(-1)


def order_for(base: GgufFile) -> Callable[[str], NDArray[np.intp] | None]:
    """`row_order` for the tensors of a GGUF base."""
    heads = int(base.of_arch("attention.head_count", 0))
    kv_heads = int(base.of_arch("attention.head_count_kv", heads))
    return lambda name: row_order(base.arch, name, heads, kv_heads, base.tensors[name].shape[0])


def config_fields(arch: str, config: Mapping[str, Any]) -> dict[str, Value]:
    """A config.json as GGUF metadata. Raises ModelError for what llama.cpp would not do."""
    if config.get("hidden_act", "silu") != "silu":
        raise ModelError(
            f"The model uses {config['hidden_act']} where {arch} has silu: it cannot be converted."
        )
    if config.get("use_sliding_window"):
        raise ModelError(
            "The model uses a sliding attention window, which llama.cpp does not have for Qwen2."
        )
    try:
        heads, width = int(config["num_attention_heads"]), int(config["hidden_size"])
        head = int(config.get("head_dim") or width // heads)
        fields = {
            "context_length": uint(config["max_position_embeddings"]),
            "embedding_length": uint(width),
            "block_count": uint(config["num_hidden_layers"]),
            "feed_forward_length": uint(config["intermediate_size"]),
            "attention.head_count": uint(heads),
            "attention.head_count_kv": uint(config.get("num_key_value_heads") or heads),
            "attention.layer_norm_rms_epsilon": real(config["rms_norm_eps"]),
            "rope.dimension_count": uint(head),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The model's config.json lacks or garbles {error}.") from None
    if head * heads != width:
        fields |= {"attention.key_length": uint(head), "attention.value_length": uint(head)}
    rope = _rope(config)
    fields["rope.freq_base"] = real(float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0))
    kind = str(rope.get("rope_type") or rope.get("type") or "default")
    if kind in ("linear", "yarn"):
        fields["rope.scaling.type"] = text(kind)
        fields["rope.scaling.factor"] = real(float(rope["factor"]))
        if kind == "yarn":
            _check_yarn(rope)
            original = rope.get("original_max_position_embeddings") or config["max_position_embeddings"]
            fields["rope.scaling.original_context_length"] = uint(original)
    elif kind not in ("default", "llama3"):
        raise ModelError(
            f"The model scales its rope by {kind!r}: only linear, yarn and llama3 are supported."
        )
    return {f"{arch}.{key}": value for key, value in fields.items()}


def _rope(config: Mapping[str, Any]) -> Mapping[str, Any]:
    return config.get("rope_parameters") or config.get("rope_scaling") or {}


def _check_yarn(rope: Mapping[str, Any]) -> None:
    """Raise ModelError for a setting of YaRN that transformers obeys and llama.cpp takes to be the paper's.

    The attention factor is 0.1 ln(factor) + 1 (arXiv 2309.00071, section 3.4), or follows from two mscales.
    """

    def scale(weight: float) -> float:
        return 0.1 * weight * math.log(max(float(rope["factor"]), 1.0)) + 1

    above, below = rope.get("mscale"), rope.get("mscale_all_dim")
    implied = scale(above) / scale(below) if above and below else scale(1)
    given = rope.get("attention_factor")
    odd = [key for key, usual in (("beta_fast", 32), ("beta_slow", 1)) if (rope.get(key) or usual) != usual]
    odd += ["truncate"] if rope.get("truncate", True) is False else []
    if not math.isclose(implied if given is None else given, scale(1), rel_tol=1e-6):
        odd.append("mscale" if given is None else "attention_factor")
    if odd:
        raise ModelError(f"The model's YaRN sets {' and '.join(odd)}, which llama.cpp would leave out.")


def rope_factors(config: Mapping[str, Any]) -> NDArray[np.float32] | None:
    """Llama 3's divisors of the rotation frequencies, (head / 2,); None for other models."""
    rope = _rope(config)
    if (rope.get("rope_type") or rope.get("type")) != "llama3":
        return None
    head = int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])
    base = float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0)
    factor, old = float(rope["factor"]), float(rope["original_max_position_embeddings"])
    low, high = float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
    waves = 2 * math.pi * base ** (np.arange(0, head, 2, dtype=np.float64) / head)
    smooth = (old / waves - low) / (high - low)
    middle = 1 / ((1 - smooth) / factor + smooth)
    return np.where(waves < old / high, 1.0, np.where(waves > old / low, factor, middle)).astype(np.float32)
