#!/bin/sh
# peft 0.21.2: save_as_lora() refuses OFT and IA3 by name, and makes another model of DoRA, lora_bias, aLoRA and PiSSA.
#
# Expected: an adapter that plain LoRA cannot hold, or only at full rank, is converted at full rank or refused: the function
#           is for "downstream packages [that] support LoRA adapters, but not other PEFT methods", and raises TypeError for
#           OFT, IA3, AdaLoRA, trained token rows and embeddings, and ValueError for a trained bias.
# Seen:     at full rank, the magnitudes of DoRA are left out, as are lora_bias (the check reads `bias`, which is there in
#           every LoraConfig, and never comes to `lora_bias`) and the invocation tokens of aLoRA, so that the adapter acts on
#           the prompt, too. An adapter that began as PiSSA or OLoRA is written as if it were for the unchanged base. The one
#           warning says that such a conversion is typically not needed; a LoHa adapter comes out exactly, without it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 peft==0.21.2 accelerate==1.15.0 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PY'
import json
import tempfile
import warnings

import torch
from peft import LoHaConfig, LoraConfig, OFTConfig, PeftModel, get_peft_model, save_as_lora
from transformers import Qwen2Config, Qwen2ForCausalLM

SIZE = 32
COMMON = {"task_type": "CAUSAL_LM", "target_modules": ["q_proj", "v_proj"]}


def base():
    torch.manual_seed(0)
    sizes = dict(intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4)
    return Qwen2ForCausalLM(Qwen2Config(vocab_size=300, hidden_size=SIZE, initializer_range=0.2, **sizes)).eval()


def logits(model):
    with torch.no_grad():
        return model(torch.arange(5, 45)[None]).logits


def converted(config):
    """How far the logits move by the adapter, how far the converted one is from it, what was said, what was written."""
    model = get_peft_model(base(), config).eval()
    torch.manual_seed(1)
    for weights in model.parameters():
        if weights.requires_grad:
            weights.data += torch.randn_like(weights) * 0.2
    wanted = logits(model)
    folder = tempfile.mkdtemp(dir=".")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        save_as_lora(folder, model, rank=SIZE)
    again = logits(PeftModel.from_pretrained(base(), folder).eval())
    with open(f"{folder}/adapter_config.json") as file:
        written = json.load(file)
    moved, off = ((one - wanted).abs().max().item() for one in (logits(base()), again))
    print(f"moves {moved:.2f}, converted off by {off:.2f}:", *(str(each.message) for each in said))
    return moved, off, [str(each.message) for each in said], written


for exact in (LoHaConfig(r=4, **COMMON), LoraConfig(r=4, use_rslora=True, **COMMON)):
    moved, off, said, _ = converted(exact)
    assert moved > 1 and off < 0.001, "the usual case has changed"
for setting, value in (
    ("use_dora", True),
    ("lora_bias", True),
    ("alora_invocation_tokens", [20, 21]),
    ("init_lora_weights", "pissa"),
    ("init_lora_weights", "olora"),
):
    print(setting, value, end=": ")
    moved, off, said, written = converted(LoraConfig(r=4, **{setting: value}, **COMMON))
    assert moved > 1 and off > 1, "this has changed"
    assert written[setting] == LoraConfig.__dataclass_fields__[setting].default, "this has changed"
    assert len(said) == 1 and "typically no need" in said[0], "this has changed"
for config, error in ((OFTConfig(oft_block_size=8, **COMMON), TypeError), (LoraConfig(bias="all", **COMMON), ValueError)):
    try:
        converted(config)
    except error as refusal:
        print(refusal)
    else:
        raise AssertionError("this has changed")
PY
echo "as described"
