#!/bin/sh
# ctranslate2 4.8.5 with transformers 5.24.0: a converted model computes as if settings of its config.json were not there.
#
# Expected: TransformersConverter writes a model with the probabilities of the original, or refuses a setting that it does not
#           know, as it refuses RoPE scaling of type yarn or dynamic.
# Seen:     Llama 3.1's RoPE scaling (rope_type llama3), which the converter names among those supported, has no effect at
#           all. Nor have the sliding window of Qwen2, the sliding window, both soft caps and query_pre_attn_scalar of
#           Gemma 2, the latter in Gemma 3, hidden_act of llama and Qwen2 (gelu and relu run as silu), rope_theta of
#           Falcon and scale_attn_by_inverse_layer_idx of GPT-2: the probabilities are those of the same weights under the
#           default, to the fourth digit. No warning. RoPE scaling of type linear, rope_theta of llama, tied and biased
#           weights, checked here as well, are kept.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 ctranslate2==4.8.5 tokenizers==0.23.3 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 venv/bin/python -W always - <<'PY'
import logging
import tempfile
import warnings

import ctranslate2
import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    FalconConfig,
    FalconForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

transformers.logging.disable_progress_bar()
letters = sorted(pre_tokenizers.ByteLevel.alphabet())
bare = Tokenizer(models.BPE(vocab={letter: place for place, letter in enumerate(letters)}, merges=[]))
bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bare.decoder = decoders.ByteLevel()
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=bare, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"
)
SIZES = dict(
    hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=256,
)
PROMPT = list(range(20, 80))
said = []


class Keep(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())


logging.getLogger("ctranslate2").addHandler(Keep())


def made(kind, settings):
    """A model of the same random weights whatever the settings are."""
    config, model = kind
    torch.manual_seed(0)
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    built = model(config(**SIZES | ids | {"vocab_size": len(tokenizer), "initializer_range": 0.3} | settings)).eval()
    for name, weights in built.named_parameters():
        if "bias" in name or "norm" in name:
            weights.data += 0.3 * torch.randn_like(weights)
    return built


def torch_says(model):
    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([PROMPT])).logits[0], -1).numpy()


def converted_says(model):
    folder = tempfile.mkdtemp(dir=".")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        ctranslate2.converters.TransformersConverter(folder).convert(folder + "/converted")
    said.extend(str(each.message) for each in warned if "ctranslate2" in each.filename)
    generator = ctranslate2.Generator(folder + "/converted", device="cpu", intra_threads=1)
    return np.array(generator.forward_batch([tokenizer.convert_ids_to_tokens(PROMPT)], return_log_probs=True))[0]


def far(left, right):
    return float(np.abs(left - right).max())


def left_out(name, kind, base, **settings):
    """Check that the converted model answers as the one without the settings, which answers otherwise."""
    with_it, without = made(kind, base | settings), torch_says(made(kind, base))
    got = converted_says(with_it)
    own = torch_says(with_it)
    print(f"{name}: off by {far(got, own):.3f}; from the model without it by {far(got, without):.4f}")
    assert far(got, own) > 0.2 and far(got, without) < 0.002, "this has changed"


def kept(name, kind, **settings):
    model = made(kind, settings)
    off = far(converted_says(model), torch_says(model))
    print(f"{name}: off by {off:.4f}")
    assert off < 0.002, f"{name} is not kept"


llama, qwen2 = (LlamaConfig, LlamaForCausalLM), (Qwen2Config, Qwen2ForCausalLM)
gemma2, gemma3 = (Gemma2Config, Gemma2ForCausalLM), (Gemma3TextConfig, Gemma3ForCausalLM)


def rope(kind="default", theta=500000.0, **more):
    return {"rope_type": kind, "rope_theta": theta, **more}


kept("llama", llama)
kept("llama, rope_theta", llama, rope_parameters=rope())
kept("llama, RoPE scaling linear", llama, rope_parameters=rope("linear", factor=4.0))
kept("llama, biases and tied embeddings", llama, attention_bias=True, mlp_bias=True, tie_word_embeddings=True)
kept("qwen2", qwen2)
left_out(
    "llama, RoPE scaling llama3 as in Llama 3.1", llama,
    {"max_position_embeddings": 131072, "hidden_size": 128, "rope_parameters": rope()},
    rope_parameters=rope(
        "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192
    ),
)
left_out("llama, hidden_act relu", llama, {}, hidden_act="relu")
left_out("llama, hidden_act gelu", llama, {}, hidden_act="gelu")
left_out("qwen2, hidden_act relu", qwen2, {}, hidden_act="relu")
left_out("qwen2, sliding window", qwen2, {}, use_sliding_window=True, sliding_window=16, max_window_layers=0)
plain = {
    "head_dim": 8, "sliding_window": 256, "query_pre_attn_scalar": 8, "attn_logit_softcapping": None,
    "final_logit_softcapping": None,
}
kept("gemma2 without its settings", gemma2, **plain)
left_out("gemma2, attn_logit_softcapping", gemma2, plain, attn_logit_softcapping=10.0)
left_out("gemma2, final_logit_softcapping", gemma2, plain, final_logit_softcapping=10.0)
left_out("gemma2, sliding_window", gemma2, plain, sliding_window=16)
left_out("gemma2, query_pre_attn_scalar", gemma2, plain, query_pre_attn_scalar=32)
left_out("gemma3, query_pre_attn_scalar", gemma3, dict(list(plain.items())[:3]), query_pre_attn_scalar=32)
falcon = (FalconConfig, FalconForCausalLM)
left_out("falcon, rope_theta", falcon, {}, rope_parameters=rope(theta=1000000.0))
gpt2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}
left_out("gpt2, scale by layer", (GPT2Config, GPT2LMHeadModel), gpt2, scale_attn_by_inverse_layer_idx=True)
try:
    converted_says(made(llama, {"rope_parameters": rope("dynamic", factor=4.0)}))
except NotImplementedError as error:
    print("RoPE scaling dynamic:", error)
else:
    raise AssertionError("RoPE scaling of type dynamic is no longer refused")
assert not said, said
PY
echo "as described"
