"""Tiny Hugging Face folders and peft adapters with random weights, written with numpy alone."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tiny_gguf import CHATML, SPECIAL, vocabulary

WIDTH, LAYERS, HEADS, KV_HEADS, HIDDEN = 64, 2, 4, 2, 128
CLASSES = {
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
}
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}


def _split(regex: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


PRE_TOKENIZERS: dict[str, dict[str, Any]] = {
    "qwen2": {
        "type": "Sequence",
        "pretokenizers": [_split(WORDS % r"\p{N}"), {**_BYTES, "use_regex": False}],
    },
    "llama-bpe": {
        "type": "Sequence",
        "pretokenizers": [_split(WORDS % r"\p{N}{1,3}"), {**_BYTES, "use_regex": False}],
    },
    "smollm": {
        "type": "Sequence",
        "pretokenizers": [{"type": "Digits", "individual_digits": True}, {**_BYTES, "use_regex": True}],
    },
    "gpt-2": {**_BYTES, "use_regex": True},
}

HARD = [
    "SELECT T1.name, COUNT(*) FROM Track AS T1 JOIN Album ON Track.AlbumId = Album.AlbumId;",
    "SELECT * FROM Person WHERE Name != 'O''Brien'",
    'SELECT "Weird ""name""" FROM [t] -- comment\n/* block */ LIMIT 10;',
    "   leading and    many     spaces   ",
    "\n\n\ttabs\tand\r\nline\n\n\nbreaks \n",
    " ",
    "\n",
    "1 12 123 1234 12345 3.14159 1e-10 0x1F 2024-02-29 １２３ ٣٤٥ ½",
    "don't I'LL we've they'RE it's O'Neil 'quoted' ''",
    "naïve café Ångström straße ĲSSEL ﬁne ǅ",
    "日本語のテキスト 中文字符 한국어 ไทย हिन्दी العربية עברית",
    "😀👩‍👩‍👧‍👦🇩🇪 emoji ☃️ ♥",
    "zero\u200bwidth nbsp\u00a0thin\u2009line\u2028sep ideographic\u3000space",
    'def f(x: int) -> str:\n    return f"{x!r:>10}"  # code\n\treturn None\n',
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    "text<|endoftext|>more <|im_end|>\n\n<|im_end|>",
    '<tool_call> {"a": [1, 2]} </tool_call>',
    "<|not_special|> <| im_start |> <|im_start",
    "snake_case CamelCase SCREAMING_CASE kebab-case a.b.c a->b a::b x+=1 a&&b||c",
    "~!@#$%^&*()_+{}|:\"<>?`-=[]\\;',./",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "\x00\x01\x7f control",
    "SELECT name FROM city WHERE country = 'Curaçao' AND price >= 9.99 ORDER BY date DESC LIMIT 5",
    "",
]
"""Texts that tokenizers disagree about; all are in NFC."""


def write_safetensors(path: Path, tensors: Mapping[str, NDArray[Any]], dtype: str = "F32") -> None:
    """Write float32 arrays as `dtype` (F32, F16 or BF16)."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, values in tensors.items():
        raw = stored(values, dtype).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(values.shape),
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def stored(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Values as `dtype` stores them; bfloat16 by cutting (so that tests do not share the code's rounding)."""
    if dtype == "BF16":
        return (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return values.astype({"F32": np.float32, "F16": np.float16}[dtype])


def tokenizer_json(
    pre: str = "qwen2",
    *,
    tokens: Sequence[str] | None = None,
    merges: Sequence[str] | None = None,
    bos: bool = False,
) -> dict[str, Any]:
    """A byte-level BPE tokenizer.json with the tiny vocabulary, or another one."""
    if tokens is None or merges is None:
        tokens, merges = vocabulary()
    names = [*SPECIAL, "</tool_call>"]
    processor: dict[str, Any] = {**_BYTES, "use_regex": False}
    if bos:
        first = {"SpecialToken": {"id": SPECIAL[0], "type_id": 0}}
        text = [{"Sequence": {"id": name, "type_id": 0}} for name in "AB"]
        ids = {SPECIAL[0]: {"id": SPECIAL[0], "ids": [len(tokens)], "tokens": [SPECIAL[0]]}}
        processor = {
            "type": "TemplateProcessing",
            "single": [first, text[0]],
            "pair": [first, *text],
            "special_tokens": ids,
        }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": len(tokens) + i,
                "content": name,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": "tool_call" not in name,
            }
            for i, name in enumerate(names)
        ],
        "normalizer": {"type": "NFC"} if pre == "qwen2" else None,
        "pre_tokenizer": PRE_TOKENIZERS[pre],
        "post_processor": processor,
        "decoder": {**_BYTES, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": pre == "llama-bpe",
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [pair.split(" ") for pair in merges],
        },
    }


def tensors(
    family: str, rows: int, seed: int = 0, *, tied: bool = False, scale: float = 0.3
) -> dict[str, NDArray[np.float32]]:
    """Random weights by Hugging Face's names."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int, size: float = scale) -> NDArray[np.float32]:
        return (rng.standard_normal(shape) * size).astype(np.float32)

    def norm() -> NDArray[np.float32]:
        return 1 + draw(WIDTH, size=0.1)

    found = {"model.embed_tokens.weight": draw(rows, WIDTH), "model.norm.weight": norm()}
    if not tied:
        found["lm_head.weight"] = draw(rows, WIDTH)
    kv = WIDTH * KV_HEADS // HEADS
    for i in range(LAYERS):
        at = f"model.layers.{i}"
        found[f"{at}.input_layernorm.weight"] = norm()
        found[f"{at}.post_attention_layernorm.weight"] = norm()
        for part, out in (("q", WIDTH), ("k", kv), ("v", kv)):
            found[f"{at}.self_attn.{part}_proj.weight"] = draw(out, WIDTH)
            if family == "qwen2":
                found[f"{at}.self_attn.{part}_proj.bias"] = draw(out)
            if family == "qwen3" and part != "v":
                found[f"{at}.self_attn.{part}_norm.weight"] = norm()[: WIDTH // HEADS]
        found[f"{at}.self_attn.o_proj.weight"] = draw(WIDTH, WIDTH)
        found[f"{at}.mlp.gate_proj.weight"] = draw(HIDDEN, WIDTH)
        found[f"{at}.mlp.up_proj.weight"] = draw(HIDDEN, WIDTH)
        found[f"{at}.mlp.down_proj.weight"] = draw(WIDTH, HIDDEN)
    return found


def hf_folder(
    path: Path,
    family: str = "qwen2",
    seed: int = 0,
    *,
    dtype: str = "F16",
    tied: bool = False,
    pad_rows: int = 8,
    tokenizer: Mapping[str, Any] | None = None,
    weights: Mapping[str, NDArray[np.float32]] | None = None,
    **config: Any,
) -> Path:
    """Write a model folder that transformers loads; `config` overrides or adds keys of config.json."""
    path.mkdir(parents=True, exist_ok=True)
    tokenizer = tokenizer or tokenizer_json("qwen2" if family.startswith("qwen") else "smollm")
    rows = (
        pad_rows
        + 1
        + max([*tokenizer["model"]["vocab"].values(), *(t["id"] for t in tokenizer["added_tokens"])])
    )
    write_safetensors(path / "model.safetensors", weights or tensors(family, rows, seed, tied=tied), dtype)
    ids = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    settings = {
        "architectures": [CLASSES[family]],
        "model_type": family,
        "vocab_size": rows,
        "hidden_size": WIDTH,
        "intermediate_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "head_dim": WIDTH // HEADS,
        "tie_word_embeddings": tied,
        "bos_token_id": ids.get("<|endoftext|>", 1),
        "eos_token_id": ids.get("<|im_end|>", 2),
        "torch_dtype": {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}[dtype],
    } | config
    (path / "config.json").write_text(json.dumps(settings))
    (path / "tokenizer.json").write_text(json.dumps(tokenizer))
    special = {"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    if "<|im_end|>" not in ids:
        special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    about = {**special, "tokenizer_class": "PreTrainedTokenizerFast", "chat_template": CHATML}
    (path / "tokenizer_config.json").write_text(json.dumps(about))
    return path


ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SHAPES = {
    "self_attn.q_proj": (WIDTH, WIDTH),
    "self_attn.k_proj": (WIDTH * KV_HEADS // HEADS, WIDTH),
    "self_attn.v_proj": (WIDTH * KV_HEADS // HEADS, WIDTH),
    "self_attn.o_proj": (WIDTH, WIDTH),
    "mlp.gate_proj": (HIDDEN, WIDTH),
    "mlp.up_proj": (HIDDEN, WIDTH),
    "mlp.down_proj": (WIDTH, HIDDEN),
}


def adapter(
    path: Path,
    *,
    rank: int = 4,
    alpha: float = 8,
    seed: int = 1,
    dora: bool = False,
    dtype: str = "F32",
    record: Mapping[str, Any] | None = None,
    extra: Mapping[str, NDArray[np.float32]] | None = None,
    shapes: Mapping[str, tuple[int, int]] = SHAPES,
    scale: float = 0.2,
    **config: Any,
) -> Path:
    """Write a peft adapter for every linear layer of a tiny model."""
    path.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    found: dict[str, NDArray[np.float32]] = {}
    for i in range(LAYERS):
        for module, (out, width) in shapes.items():
            at = f"base_model.model.model.layers.{i}.{module}"
            found[f"{at}.lora_A.weight"] = (rng.standard_normal((rank, width)) * scale).astype(np.float32)
            found[f"{at}.lora_B.weight"] = (rng.standard_normal((out, rank)) * scale).astype(np.float32)
            if dora:
                found[f"{at}.lora_magnitude_vector"] = rng.uniform(1, 3, out).astype(np.float32)
    write_safetensors(path / "adapter_model.safetensors", {**found, **(extra or {})}, dtype)
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": alpha,
        "target_modules": sorted(ALL),
        "use_dora": dora,
        "use_rslora": False,
        "lora_dropout": 0.0,
        "bias": "none",
        "inference_mode": True,
        "base_model_name_or_path": "tiny",
    } | config
    (path / "adapter_config.json").write_text(json.dumps(settings))
    if record is not None:
        (path / "training.json").write_text(json.dumps(record))
    return path
