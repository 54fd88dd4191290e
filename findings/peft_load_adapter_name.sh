#!/bin/sh
# peft 0.21.2: load_adapter() under a name that is taken loads the weights and leaves the old adapter's settings.
#
# Expected: model.load_adapter(folder, "default") makes "default" the adapter of that folder, or raises, whatever was loaded
#           under the name before; saved again, it is the same adapter.
# Seen:     the folder's adapter_config.json is not read at all. lora_alpha, alpha_pattern and use_rslora stay those of the first
#           adapter, so the second runs at another strength (an eighth, for alpha 8 before 64); the tensors of use_dora, of
#           lora_bias, of a further target module and of trained token rows are left out. No warning: the names of the
#           tensors are in a return value, and for the strength there is none. Saved again, the new weights stand beside the
#           old settings for good, and a norm of modules_to_save, which this model still computes with, is not in the file.
#           Under a new name each of them is loaded exactly.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 peft==0.21.2 accelerate==1.15.0 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 venv/bin/python - <<'PY'
import logging
import tempfile
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM

said = []


class Keep(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())


def base():
    torch.manual_seed(0)
    sizes = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    return Qwen2ForCausalLM(Qwen2Config(vocab_size=300, initializer_range=0.2, **sizes)).eval()


def logits(model):
    with torch.no_grad():
        return model(torch.arange(5, 45)[None]).logits


def trained(seed, settings):
    """A folder with an adapter of random weights, and the logits that it gives."""
    config = LoraConfig(task_type="CAUSAL_LM", **{"target_modules": ["q_proj", "v_proj"], **settings})
    model = get_peft_model(base(), config).eval()
    torch.manual_seed(seed)
    for weights in model.parameters():
        if weights.requires_grad:
            weights.data += torch.randn_like(weights) * 0.2
    folder = tempfile.mkdtemp(dir=".")
    model.save_pretrained(folder)
    return folder, logits(model)


def far(left, right):
    return round((left - right).abs().max().item(), 3)


def second(before, after):
    """How far the second adapter is from its own logits: under the first one's name, saved again from it, under a new name."""
    (first, _), (folder, wanted) = trained(1, before), trained(2, after)
    model = PeftModel.from_pretrained(base(), first).eval()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        model.load_adapter(folder, "default")
    assert not warned, [str(each.message) for each in warned]
    again = tempfile.mkdtemp(dir=".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(again)
    other = PeftModel.from_pretrained(base(), first).eval()
    other.load_adapter(folder, "other")
    other.set_adapter("other")
    off = (
        far(logits(model), wanted),
        far(logits(PeftModel.from_pretrained(base(), again).eval()), wanted),
        far(logits(other), wanted),
    )
    print(before, "then", after, "->", *off)
    return off


logging.getLogger("peft").addHandler(Keep())
assert second({}, {}) == (0, 0, 0), "the usual case has changed"
for before, after in (
    ({"lora_alpha": 8}, {"lora_alpha": 64}),
    ({}, {"alpha_pattern": {"q_proj": 64}}),
    ({}, {"use_rslora": True}),
    ({"use_rslora": True}, {}),
    ({}, {"use_dora": True}),
    ({"use_dora": True}, {}),
    ({}, {"target_modules": ["q_proj", "v_proj", "o_proj"]}),
    ({}, {"trainable_token_indices": [5, 6]}),
):
    loaded, saved, named = second(before, after)
    assert loaded > 0.5 and saved > 0.5 and named == 0, "this has changed"
loaded, saved, named = second({}, {"modules_to_save": ["norm"]})
assert loaded == 0 and saved > 0.5 and named == 0, "this has changed"
assert not said, said
PY
echo "as described"
