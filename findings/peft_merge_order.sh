#!/bin/sh
# peft 0.21.2: two active OFT adapters are merged in the other order than they run in, and DEFT one by one otherwise than at once.
#
# Expected: merge_adapter() of the active adapters changes nothing but the speed: the logits are those of the adapters side by side,
#           as with BOFT and HRA, whose rotations do not commute either; merging x and then y is merging x and y.
# Seen:     with OFT, x and y active, the merged model is the one of y before x, off as far as by switching an adapter off, and
#           merge_and_unload(adapter_names=["x", "y"]) saves that one; ["y", "x"] is what ran. DEFT computes what it takes away from
#           the weight that it finds, so x merged and then y is another model than both at once; unmerging is exact.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 peft==0.21.2 accelerate==1.15.0 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PY'
import torch
from peft import BOFTConfig, DeftConfig, HRAConfig, LoraConfig, OFTConfig, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM

COMMON = {"task_type": "CAUSAL_LM", "target_modules": ["q_proj", "v_proj"]}


def model(config):
    """A model with two adapters of random weights, x and y, both active."""
    torch.manual_seed(0)
    sizes = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4)
    base = Qwen2ForCausalLM(Qwen2Config(vocab_size=300, initializer_range=0.2, **sizes)).eval()
    both = get_peft_model(base, config, adapter_name="x")
    both.add_adapter("y", config)
    torch.manual_seed(1)
    for name, weights in sorted(both.named_parameters()):
        if ".x" in name or ".y" in name:
            weights.data += torch.randn_like(weights) * 0.2
    both.base_model.set_adapter(["x", "y"])
    return both.eval()


def logits(of):
    with torch.no_grad():
        return of(torch.arange(5, 45)[None]).logits


def off(config):
    """How far merged models are from x and y at work: both at once, both in the other order, x and then y; and from x alone."""
    running, at_once, turned, by_turns = (model(config) for _ in range(4))
    wanted = logits(running)
    at_once.merge_adapter(["x", "y"])
    turned.merge_adapter(["y", "x"])
    by_turns.merge_adapter(["x"])
    by_turns.merge_adapter(["y"])
    running.set_adapter("x")
    far = [round((logits(one) - wanted).abs().max().item(), 2) for one in (at_once, turned, by_turns, running)]
    at_once.unmerge_adapter()
    assert (logits(at_once) - wanted).abs().max() < 0.001, "unmerging has changed"
    print(type(config).__name__, "at once {}, other order {}, one by one {}, x alone {}".format(*far))
    return far


for config in (BOFTConfig(boft_block_size=8, boft_n_butterfly_factor=1, **COMMON), HRAConfig(r=4, **COMMON)):
    at_once, turned, by_turns, alone = off(config)
    assert at_once == by_turns == 0 and turned > 1 and alone > 1, "the usual case has changed"
assert off(LoraConfig(r=4, **COMMON))[:3] == [0, 0, 0], "the usual case has changed"
at_once, turned, by_turns, alone = off(OFTConfig(oft_block_size=8, **COMMON))
assert at_once > 1 and by_turns > 1 and turned == 0 and alone > 1, "this has changed"
at_once, turned, by_turns, alone = off(DeftConfig(r=4, **COMMON))
assert at_once == turned == 0 and by_turns > 1, "this has changed"
PY
echo "as described"
