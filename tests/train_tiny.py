"""A tiny random model and data set for the training tests: milliseconds a step, float32, no files from
outside.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np

# Read when torch is loaded, so this module is imported before it: models this small only lose by sharing the
# work, and on a busy machine two threads that wait for each other take minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

VOCAB = 97


def model(family: str, seed: int = 0, **changes: Any) -> Any:
    """A random Qwen2 or Llama with grouped-query attention."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    sizes: dict[str, Any] = {
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "initializer_range": 0.3,  # logits far enough apart that there is something to learn
    } | changes
    torch.manual_seed(seed)
    if family == "qwen2":
        return LlamaOrQwen(Qwen2ForCausalLM, Qwen2Config(**sizes))
    return LlamaOrQwen(LlamaForCausalLM, LlamaConfig(**sizes))


def LlamaOrQwen(cls: Any, config: Any) -> Any:
    """The model in float32 with SDPA, as training loads it."""
    config._attn_implementation = "sdpa"
    return cls(config).float().eval()


def save(family: str, folder: Path, **changes: Any) -> str:
    """A model folder to train from."""
    model(family, **changes).save_pretrained(folder)
    return str(folder)


def tokens(rng: random.Random, number: int) -> np.ndarray:
    return np.array([rng.randrange(3, VOCAB) for _ in range(number)], np.int32)


def groups(seed: int = 0, number: int = 3, questions: int = 4) -> list[Any]:
    """Schema prefixes of unequal length with questions of unequal length; the SQL repeats part of the
    question.
    """
    from train.packing import Group, Item

    rng = random.Random(seed)
    made = []
    for _ in range(number):
        items = []
        for _ in range(questions):
            request = tokens(rng, rng.randint(2, 7))
            target = np.concatenate([request[: rng.randint(1, len(request))], np.array([2], np.int32)])
            items.append(Item(request, target))
        made.append(Group(tokens(rng, rng.randint(5, 19)), tuple(items)))
    return made


def prepared(seed: int = 0, number: int = 6, questions: int = 5, validation: int = 1) -> Any:
    """A prepared data set of random rows; the last `validation` prefixes are held out."""
    from train.prepared import Row, build
    from train.tokens import Encoded

    rows = []
    for index, group in enumerate(groups(seed, number, questions)):
        for item in group.items:
            held = index >= number - validation
            rows.append(Row(Encoded(group.prefix, item.request, item.target), "random", validation=held))
    return build(rows, {"tokenizer": "random", "counts": {}})
