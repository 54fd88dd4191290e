#!/bin/sh
# transformers 5.23.0 with peft 0.21.2: a second adapter runs with the base's lm_head, and so does one that was switched off and on.
#
# Expected: after load_adapter(second) one adapter or the other is in force as a whole; disable_adapters() and then
#           enable_adapters() leave the model as it was; load_adapter(..., hotswap=True) gives what the new file alone gives,
#           also for another lora_alpha once enable_peft_hotswap() was called, which is there for that.
# Seen:     with modules_to_save (a trained lm_head, what one needs for new tokens) or trainable_token_indices, a second
#           adapter runs with its own LoRA weights and the base's head or tokens, until set_adapter() is called; disable_adapters()
#           switches a trained head off, and enable_adapters() does not switch it on again. A swapped-in adapter has the
#           old one's lora_alpha / r, with and without enable_peft_hotswap(), whose target_rank nothing reads. No word of it.
#           (The same in 5.24.0, which refuses set_adapter and disable_adapters, as it asks for a peft that is not published.)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.23.0 peft==0.21.2 accelerate==1.15.0 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PY'
import logging
import tempfile

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM

transformers.logging.disable_progress_bar()
logged = []


class Keep(logging.Handler):
    def emit(self, record):
        logged.append(record.getMessage())


transformers.logging.get_logger("transformers").handlers = [Keep()]
config = Qwen2Config(
    vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    tie_word_embeddings=False, initializer_range=0.2,
)


def base():
    torch.manual_seed(0)
    return Qwen2ForCausalLM(config).eval()


def outputs(model):
    with torch.no_grad():
        return model(torch.arange(24)[None]).logits


def apart(left, right):
    return (left - right).abs().max().item()


def trained(seed, **settings):
    """A folder with an adapter whose weights are set, and the outputs of the base with it."""
    model = get_peft_model(base(), LoraConfig(target_modules=["q_proj", "down_proj"], **settings)).eval()
    torch.manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.add_(torch.randn_like(weights) * 0.3)
    folder = tempfile.mkdtemp(dir=".")
    model.save_pretrained(folder)
    assert apart(outputs(PeftModel.from_pretrained(base(), folder)), outputs(model)) < 1e-5
    return folder, outputs(model)


alone = outputs(base())
for settings in {}, {"modules_to_save": ["lm_head"]}, {"trainable_token_indices": [1, 5]}:
    first, of_first = trained(1, **settings)
    second, of_second = trained(2, **settings)
    model = base()
    model.load_adapter(first, "first")
    assert apart(outputs(model), of_first) < 1e-5, "the usual case has changed"
    model.load_adapter(second, "second")
    got = outputs(model)
    off = [apart(got, each) for each in (of_first, of_second, alone)]
    print(settings, "after the second was loaded: %.2f off the first, %.2f off the second, %.2f off the base" % tuple(off))
    assert off[1] < 1e-5 if not settings else min(off) > 0.1, "this has changed"
    model.set_adapter("second")
    assert apart(outputs(model), of_second) < 1e-5, "the usual case has changed"
    model.disable_adapters()
    assert apart(outputs(model), alone) < 1e-5, "the usual case has changed"
    model.enable_adapters()
    again = apart(outputs(model), of_second)
    print("    switched off and on again:", f"{again:.2f} off the second")
    assert again > 0.1 if "modules_to_save" in settings else again < 1e-5, "this has changed"

first, _ = trained(3, lora_alpha=8)
second, of_second = trained(4, lora_alpha=64)
for prepared in False, True:
    model = base()
    if prepared:
        model.enable_peft_hotswap(target_rank=16)
    model.load_adapter(first, adapter_name="default")
    model.load_adapter(second, adapter_name="default", hotswap="auto" if prepared else True)
    off = apart(outputs(model), of_second)
    ranks = {weights.shape[0] for name, weights in model.named_parameters() if ".lora_A." in name}
    print(f"enable_peft_hotswap(16): {prepared}; swapped in {off:.2f} off, ranks {ranks}")
    assert off > 0.1 and ranks == {8}, "this has changed"
assert not any("off" in line or "scal" in line or "alpha" in line for line in logged), logged
PY
echo "as described"
