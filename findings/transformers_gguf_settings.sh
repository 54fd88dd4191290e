#!/bin/sh
# transformers 5.24.0: from_pretrained(gguf_file=...) leaves out a file's RoPE scaling and a llama file's biases.
#
# Expected: a model from a GGUF file computes what the file describes, or the load says what it could not keep: rope.scaling.*
#           (YaRN, linear), the tensor rope_freqs.weight (how Llama 3.1's scaling is stored), and q, k, v biases of
#           architecture llama are all read by llama.cpp.
# Seen:     the logits are, to the last bit, those of the same file without them. No warning, and no line of the report on
#           loading names the tensors that nothing took; a note of them is at the level "info" for the metadata alone.
#           rope.freq_base and qwen2's biases, checked here as well, are kept.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 gguf==0.19.0 numpy==2.4.6 accelerate==1.15.0
cd "$work"
HF_HUB_OFFLINE=1 venv/bin/python - <<'PY'
import logging
import tempfile

import gguf
import numpy as np
import torch
import transformers
from transformers import AutoModelForCausalLM

transformers.logging.disable_progress_bar()
said = []


class Keep(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())


transformers.logging.get_logger("transformers").addHandler(Keep())
WIDTH, HEADS, HIDDEN, TOKENS = 64, 2, 96, 257


def logits(arch, *, base=10000.0, biases=False, settings=None, frequencies=False):
    """The logits that transformers computes from a one-layer file of random weights."""
    folder = tempfile.mkdtemp(dir=".")
    writer = gguf.GGUFWriter(f"{folder}/model.gguf", arch)
    for add, value in (
        (writer.add_context_length, 512), (writer.add_embedding_length, WIDTH), (writer.add_block_count, 1),
        (writer.add_feed_forward_length, HIDDEN), (writer.add_head_count, HEADS), (writer.add_head_count_kv, HEADS),
        (writer.add_layer_norm_rms_eps, 1e-6), (writer.add_rope_freq_base, base),
        (writer.add_rope_dimension_count, WIDTH // HEADS), (writer.add_vocab_size, TOKENS),
    ):
        add(value)
    for add, value in (settings or {}).items():
        getattr(writer, add)(value)
    draws = np.random.default_rng(7)

    def add(name, *shape):
        writer.add_tensor(name, (draws.standard_normal(shape) * 0.25).astype(np.float32))

    add("token_embd.weight", TOKENS, WIDTH)
    add("output_norm.weight", WIDTH)
    for name, shape in {
        "attn_norm": (WIDTH,), "attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH, WIDTH), "attn_v": (WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH), "ffn_norm": (WIDTH,), "ffn_gate": (HIDDEN, WIDTH), "ffn_up": (HIDDEN, WIDTH),
        "ffn_down": (WIDTH, HIDDEN),
    }.items():
        add(f"blk.0.{name}.weight", *shape)
    for part in "qkv":
        values = draws.standard_normal(WIDTH).astype(np.float32)
        if biases or arch == "qwen2":
            writer.add_tensor(f"blk.0.attn_{part}.bias", values * (1 if biases else 0))
    if frequencies:
        writer.add_tensor("rope_freqs.weight", np.linspace(1, 8, WIDTH // HEADS // 2).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file="model.gguf", dtype=torch.float32).eval()
    with torch.no_grad():
        return model(torch.arange(0, 240, 3)[None]).logits


def same(left, right):
    return torch.equal(left, right)


yarn = {
    "add_rope_scaling_type": gguf.RopeScalingType.YARN, "add_rope_scaling_factor": 4.0,
    "add_rope_scaling_orig_ctx_len": 128,
}
linear = {"add_rope_scaling_type": gguf.RopeScalingType.LINEAR, "add_rope_scaling_factor": 4.0}
qwen2, llama = logits("qwen2"), logits("llama")
answers = {
    "qwen2, rope.scaling of YaRN": same(qwen2, logits("qwen2", settings=yarn)),
    "llama, linear rope.scaling": same(llama, logits("llama", settings=linear)),
    "llama, rope_freqs.weight": same(llama, logits("llama", frequencies=True)),
    "llama, biases of q, k and v": same(llama, logits("llama", biases=True)),
}
for name, left_out in answers.items():
    print(f"{name}: {'left out' if left_out else 'kept'}")
assert all(answers.values()), "this has changed"
assert not same(qwen2, logits("qwen2", biases=True)), "qwen2's biases are lost"
assert not same(llama, logits("llama", base=500000.0)), "rope.freq_base is lost"
assert not any("rope" in line or "bias" in line for line in said), said
PY
echo "as described"
