#!/bin/sh
# peft 0.21.2: add_weighted_adapter() of a PiSSA or OLoRA adapter changes the base model, and with it the adapter it was given.
#
# Expected: a new adapter is added beside the others, which stay as they are; one adapter with the weight 1 and the type "cat",
#           which "is precise", is that adapter under another name.
# Seen:     the new adapter's settings are copied from the first one, init_lora_weights among them, so PiSSA and OLoRA take their
#           principal part out of the base weights a second time, and what they put in its place is overwritten. The old adapter,
#           the base under disable_adapter(), and what merge_and_unload() makes are other models from then on. Of a plain
#           adapter the trained token rows (trainable_token_indices) and the norm in modules_to_save are left out of the new one
#           and it computes with the base's. No warning in any case (of two adapters with modules_to_save it raises).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 peft==0.21.2 accelerate==1.15.0 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PY'
import warnings

import torch
from peft import LoraConfig, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM


def logits(model):
    with torch.no_grad():
        return model(torch.arange(5, 45)[None]).logits


def combined(**settings):
    """How far the adapter moves the logits, and then, from before, how far off are: the new adapter, the old one, the base."""
    torch.manual_seed(0)
    sizes = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    base = Qwen2ForCausalLM(Qwen2Config(vocab_size=300, initializer_range=0.2, **sizes)).eval()
    config = LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj", "v_proj"], r=4, **settings)
    model = get_peft_model(base, config, adapter_name="old").eval()
    torch.manual_seed(1)
    for weights in model.parameters():
        if weights.requires_grad:
            weights.data += torch.randn_like(weights) * 0.2
    before = logits(model)
    with model.disable_adapter():
        without = logits(model)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model.add_weighted_adapter(["old"], [1.0], "new", combination_type="cat")
    assert not said, [str(each.message) for each in said]
    model.set_adapter("new")
    new = logits(model)
    model.set_adapter("old")
    old = logits(model)
    with model.disable_adapter():
        bare = logits(model)
    pairs = (before, without), (new, before), (old, before), (bare, without)
    far = [round((one - other).abs().max().item(), 2) for one, other in pairs]
    print(settings, "moves {}, then off: new {}, old {}, base {}".format(*far))
    return far


assert combined()[0] > 1 and combined()[1:] == [0, 0, 0], "the usual case has changed"
for init in ("pissa", "olora"):
    assert min(combined(init_lora_weights=init)) > 1, "this has changed"
for trained in ({"trainable_token_indices": [5, 6]}, {"modules_to_save": ["norm"]}):
    moved, new, old, base = combined(**trained)
    assert moved > 1 and new > 1 and old == base == 0, "this has changed"
PY
echo "as described"
