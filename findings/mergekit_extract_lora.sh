#!/bin/sh
# mergekit 0.1.5 with transformers 5.24.0 and peft 0.21.2: mergekit-extract-lora leaves the biases of a fine-tuned model out.
#
# Expected: the adapter extracted at full rank gives the fine-tuned model back: "undecomposable modules" are saved unless one says
#           --skip-undecomposable, and norms are (modules_to_save).
# Seen:     of a module that has a bias, the low-rank part of the weight is written and the bias is not: Qwen2 has them at q, k and
#           v. A model of which nothing but biases was trained comes out as its base, with exit code 0 and no word of them.
#           --save-module norm ("save the specified module(s) at full rank") ends in AttributeError on every model.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile mergekit==0.1.5 torch==2.13.0 transformers==5.24.0 peft==0.21.2 accelerate==1.15.0 \
    numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 HF_HOME=$work/home OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PY'
import os
import subprocess

import torch
from peft import PeftModel
from transformers import Qwen2Config, Qwen2ForCausalLM, logging

logging.disable_progress_bar()
base, tuned, adapter = map(os.path.abspath, ("base", "tuned", "adapter"))


def model():
    torch.manual_seed(0)
    sizes = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    return Qwen2ForCausalLM(Qwen2Config(vocab_size=300, initializer_range=0.2, **sizes)).eval()


def logits(of):
    with torch.no_grad():
        return of(torch.arange(5, 45)[None]).logits


def extract(*options):
    command = ["venv/bin/mergekit-extract-lora", "--model", tuned, "--base-model", base, "--out-path", adapter]
    return subprocess.run([*command, "--max-rank", "32", *options], capture_output=True, text=True, check=False)


def extracted(what):
    """How far the tuned model is from its base, and the extracted adapter from the tuned model."""
    other = model()
    torch.manual_seed(1)
    for name, weights in other.named_parameters():
        if what in name:
            weights.data += torch.randn_like(weights) * 0.2
    other.save_pretrained(tuned)
    done = extract()
    assert done.returncode == 0 and "bias" not in done.stderr + done.stdout, done.stderr
    wanted = logits(other)
    found = logits(PeftModel.from_pretrained(model(), adapter).eval())
    moved, off = ((one - wanted).abs().max().item() for one in (logits(model()), found))
    print(f"{what}: tuned is {moved:.2f} from the base, the adapter {off:.2f} from tuned")
    return moved, off


model().save_pretrained(base)
for what in ("proj.weight", "norm"):
    moved, off = extracted(what)
    assert moved > 1 and off < 0.01, "the usual case has changed"
moved, off = extracted("proj.bias")
assert moved > 1 and abs(moved - off) < 0.01, "this has changed"
failed = extract("--save-module", "norm")
print(failed.stderr.splitlines()[-1])
assert failed.returncode == 1 and "AttributeError" in failed.stderr, "this has changed"
PY
echo "as described"
