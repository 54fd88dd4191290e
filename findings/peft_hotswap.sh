#!/bin/sh
# peft 0.21.2: hotswap_adapter() empties another adapter whose name holds the swapped one's, and passes over rank_pattern.
#
# Expected: the adapter that is named has the weights and the scaling of the new file afterwards, as after load_adapter() ("the
#           weights and other parameters will be swapped out"), and every other adapter is as it was.
# Seen:     with v1 and v10 loaded, swapping v1 sets all weights of v10 to zero: it answers as the base model does. With a
#           rank_pattern, or with the same alpha_pattern in the old file and the new one, each layer gets the scaling
#           lora_alpha / r of the file at large, as the patterns are held against names that end in lora_A.default.weight.
#           An adapter that is saved after a swap has the new weights and the old one's r and lora_alpha, so that it is
#           another model when it is loaded. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 peft==0.21.2 accelerate==1.15.0 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 venv/bin/python - <<'PY'
import tempfile
import warnings
from collections import OrderedDict

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils.hotswap import hotswap_adapter

some = torch.randn(4, 16, generator=torch.Generator().manual_seed(1))


def base():
    torch.manual_seed(0)
    q_proj, down_proj = torch.nn.Linear(16, 16), torch.nn.Linear(16, 16)
    return torch.nn.Sequential(OrderedDict(q_proj=q_proj, tanh=torch.nn.Tanh(), down_proj=down_proj))


def outputs(model):
    with torch.no_grad():
        return model(some)


def trained(seed, **settings):
    """A folder with an adapter whose weights are set, and the outputs of the base with it."""
    model = get_peft_model(base(), LoraConfig(target_modules=["q_proj", "down_proj"], **settings))
    torch.manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.copy_(torch.randn_like(weights) * 0.3)
    folder = tempfile.mkdtemp(dir=".")
    model.save_pretrained(folder)
    return folder, outputs(model)


def swapped(old, new):
    model = PeftModel.from_pretrained(base(), old)
    hotswap_adapter(model, new, adapter_name="default", torch_device="cpu")
    return model


def apart(left, right):
    return (left - right).abs().max().item()


warnings.simplefilter("error")
alone = outputs(base())
first, _ = trained(1)
second, of_second = trained(2)
third, of_third = trained(3)
assert apart(outputs(swapped(first, second)), of_second) < 1e-6, "the usual case has changed"

model = PeftModel.from_pretrained(base(), first, adapter_name="v1")
model.load_adapter(third, "v10")
model.set_adapter("v10")
assert apart(outputs(model), of_third) < 1e-6, "the usual case has changed"
model.set_adapter("v1")
hotswap_adapter(model, second, adapter_name="v1", torch_device="cpu")
assert apart(outputs(model), of_second) < 1e-6, "the usual case has changed"
model.set_adapter("v10")
print(f"v10 after v1 was swapped: {apart(outputs(model), of_third):.3f} off, {apart(outputs(model), alone):.3f} from the base")
assert apart(outputs(model), of_third) > 0.1 and apart(outputs(model), alone) < 1e-6, "this has changed"

for settings in {"rank_pattern": {"q_proj": 2}}, {"alpha_pattern": {"q_proj": 64}}:
    old, _ = trained(4, **settings)
    new, of_new = trained(5, **settings)
    loaded = outputs(PeftModel.from_pretrained(base(), new))
    off = apart(outputs(swapped(old, new)), of_new)
    print(f"{settings}: loaded {apart(loaded, of_new):.3f} off, swapped in {off:.3f} off")
    assert apart(loaded, of_new) < 1e-6 and off > 0.1, "this has changed"

new, of_new = trained(6, r=8, lora_alpha=64)
model = swapped(first, new)
model.save_pretrained("again")
off = apart(outputs(PeftModel.from_pretrained(base(), "again")), of_new)
print(f"swapped in {apart(outputs(model), of_new):.3f} off, saved and loaded again {off:.3f} off")
assert apart(outputs(model), of_new) < 1e-6 and off > 0.1, "this has changed"
PY
echo "as described"
