#!/bin/sh
# mlx-lm 0.32.2 with transformers 5.24.0: a model saved by transformers 5 runs with another RoPE than it was trained with.
#
# Expected: a folder of save_pretrained() gives the same probabilities in mlx-lm, or load() says what it does not know.
# Seen:     transformers 5 writes rope_theta and RoPE scaling into "rope_parameters" alone. mlx-lm's llama, mistral, qwen2,
#           gemma and phi3 look for "rope_theta" and "rope_scaling" beside it, find none and take their own default: 10000
#           where Llama 3 has 500000 and Mistral 1000000, for qwen2 1000000 whatever was set; llama3, linear and yarn
#           are lost. Partly rotated heads of phi3 are rotated whole. Nothing is said; with the keys copied one level
#           up, the same folder is exact. qwen3 reads the new key, checked here as well. The sliding window of Qwen2
#           and Mistral and hidden_act of llama (relu runs as silu) have no effect either way. (The move was asked for
#           in 2026 and is done for some kinds of model.)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 "mlx[cpu]==0.32.4" mlx-lm==0.32.2 tokenizers==0.23.3 \
    numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 venv/bin/python - <<'PY'
import json
import logging
import tempfile
import warnings
from pathlib import Path

import mlx.core as mx
import numpy as np
import torch
import transformers
from mlx_lm.utils import load_model
from transformers import (
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

transformers.logging.disable_progress_bar()
mx.set_default_device(mx.cpu)
SIZES = dict(
    vocab_size=256, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=256, pad_token_id=0, initializer_range=0.3,
)
PROMPT = list(range(20, 80))
said = []


class Keep(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())


logging.getLogger().addHandler(Keep())


def off(kind, up=False, **settings):
    """How far mlx-lm's log-probabilities are from those of transformers; `up`: with the keys of RoPE one level up, too."""
    config, model = kind
    torch.manual_seed(0)
    built = model(config(**SIZES | settings)).eval()
    folder = Path(tempfile.mkdtemp(dir="."))
    built.save_pretrained(folder)
    written = json.loads((folder / "config.json").read_text())
    assert "rope_theta" not in written and "rope_theta" in written["rope_parameters"], "transformers writes otherwise"
    if up:
        rope = written["rope_parameters"]
        written |= {"rope_theta": rope["rope_theta"], "partial_rotary_factor": rope.get("partial_rotary_factor", 1.0)}
        if rope["rope_type"] != "default":
            written["rope_scaling"] = rope
        (folder / "config.json").write_text(json.dumps(written))
    with torch.no_grad():
        wanted = torch.log_softmax(built(torch.tensor([PROMPT])).logits[0], -1).numpy()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        loaded, _ = load_model(folder)
        logits = loaded(mx.array([PROMPT]))[0].astype(mx.float32)
    said.extend(str(each.message) for each in warned)
    return float(np.abs(np.array(logits - mx.logsumexp(logits, axis=-1, keepdims=True)) - wanted).max())


def lost(name, kind, **settings):
    got, by_hand = off(kind, **settings), off(kind, up=True, **settings)
    print(f"{name}: off by {got:.3f}, with the keys one level up by {by_hand:.3f}")
    assert got > 0.5 and by_hand < 0.02, "this has changed"


def rope(kind="default", theta=1000000.0, **more):
    return {"rope_parameters": {"rope_type": kind, "rope_theta": theta, **more}}


llama, mistral = (LlamaConfig, LlamaForCausalLM), (MistralConfig, MistralForCausalLM)
qwen2, qwen3 = (Qwen2Config, Qwen2ForCausalLM), (Qwen3Config, Qwen3ForCausalLM)
assert off(llama, **rope(theta=10000.0)) < 0.02, "the usual case has changed"
assert off(qwen2, **rope()) < 0.02, "the usual case has changed"
assert off(qwen3, head_dim=16, **rope(theta=500000.0)) < 0.02, "qwen3 does not read the new key"
lost("llama, rope_theta of Llama 3", llama, **rope(theta=500000.0))
lost("llama, linear", llama, **rope("linear", 10000.0, factor=4.0))
lost("llama, yarn", llama, **rope("yarn", 10000.0, factor=4.0, original_max_position_embeddings=64))
bounds = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
lost("llama, llama3", llama, **rope("llama3", 10000.0, **bounds))
lost("mistral, rope_theta", mistral, **rope())
lost("qwen2, rope_theta of 10000", qwen2, **rope(theta=10000.0))
lost("gemma, rope_theta", (GemmaConfig, GemmaForCausalLM), head_dim=8, **rope())
phi3 = {"original_max_position_embeddings": 256, **rope(theta=10000.0, partial_rotary_factor=0.5)}
lost("phi3, partial_rotary_factor", (Phi3Config, Phi3ForCausalLM), **phi3)
for name, kind, settings in (
    ("qwen2, sliding window", qwen2, {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 0} | rope()),
    ("mistral, sliding window", mistral, {"sliding_window": 16} | rope(theta=10000.0)),
    ("llama, hidden_act relu", llama, {"hidden_act": "relu"} | rope(theta=10000.0)),
):
    got = off(kind, up=True, **settings)
    print(f"{name}: off by {got:.3f} even with the keys one level up")
    assert got > 0.5, "this has changed"
assert not said, said
PY
echo "as described"
