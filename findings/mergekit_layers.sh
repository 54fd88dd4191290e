#!/bin/sh
# mergekit 0.1.5 with transformers 5.24.0: a stack of layers gets the attention of other layers, or has no config.json.
#
# Expected: a passthrough merge of slices is the model of those layers, in their order (mergekit asks for transformers 5); what
#           says something of each layer in config.json follows the layers, as num_hidden_layers does.
# Seen:     transformers 5 writes a list "layer_types" into config.json of Qwen2, Qwen3, Gemma and others, and mergekit copies it from
#           the base model. Layers 0-1 twice, both with full attention, get the sliding windows of the layers 2-3 whose
#           places they take: every weight is right, the logits are not, and nothing is said. With more or fewer layers than the
#           base, what such merges are mostly made for, mergekit writes all the weights and then fails on its own config.json,
#           for plain Qwen2 without any windows, too.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile mergekit==0.1.5 torch==2.13.0 transformers==5.24.0 peft==0.21.2 accelerate==1.15.0 \
    numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 HF_HOME=$work/home OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PY'
import os
import shutil
import subprocess

import torch
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM, logging

folder = os.path.abspath("base")
logging.disable_progress_bar()
torch.manual_seed(0)
sizes = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2)
windows = dict(use_sliding_window=True, sliding_window=4, max_window_layers=2)
config = Qwen2Config(vocab_size=300, initializer_range=0.2, **sizes, **windows)
base = Qwen2ForCausalLM(config).eval()
base.save_pretrained(folder)
print("base:", config.layer_types)
assert config.layer_types == ["full_attention"] * 2 + ["sliding_attention"] * 2, "the usual case has changed"


def logits(model):
    with torch.no_grad():
        return model(torch.arange(5, 45)[None]).logits


def stacked(*slices):
    """The model that mergekit makes of the slices."""
    text = "".join(f" - sources:\n    - model: {folder}\n      layer_range: [{start}, {end}]\n" for start, end in slices)
    with open("merge.yml", "w") as file:
        file.write(f"slices:\n{text}merge_method: passthrough\ndtype: float32\n")
    command = ["venv/bin/mergekit-yaml", "merge.yml", "merged", "--quiet", "--no-copy-tokenizer", "--clone-tensors"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    odd = [line for line in done.stderr.splitlines() if "layer_types" in line or "attention" in line]
    assert not odd, odd
    return AutoModelForCausalLM.from_pretrained("merged").eval()


def off(model, wanted):
    return (logits(model) - wanted).abs().max().item()


assert off(stacked((0, 2), (2, 4)), logits(base)) == 0, "the usual case has changed"

twice = stacked((0, 2), (0, 2))
right = Qwen2ForCausalLM(Qwen2Config(**config.to_dict() | {"layer_types": ["full_attention"] * 4})).eval()
right.load_state_dict(twice.state_dict())
print("layers 0-1 twice:", twice.config.layer_types, f"off by {off(twice, logits(right)):.2f}")
assert twice.config.layer_types == config.layer_types and off(twice, logits(right)) > 0.5, "this has changed"
for place in (0, 1):
    one, other = (twice.model.layers[place + add].state_dict() for add in (0, 2))
    assert all(torch.equal(one[name], other[name]) for name in one), "the usual case has changed"

for slices in (((0, 3), (1, 4)), ((0, 2),)):
    shutil.rmtree("merged")
    try:
        stacked(*slices)
    except subprocess.CalledProcessError as error:
        print(slices, "->", error.stderr.splitlines()[-1].strip(), os.listdir("merged"))
        assert "must be equal to the number of `layer_types`" in error.stderr, error.stderr
        assert os.listdir("merged") == ["model.safetensors"], "this has changed"
    else:
        raise AssertionError("this has changed")
PY
echo "as described"
