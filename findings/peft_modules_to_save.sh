#!/bin/sh
# peft 0.21.2: with modules_to_save, merge_and_unload() joins one adapter's LoRA with another's head, and unload() keeps a head.
#
# Expected: merge_and_unload(adapter_names=["b"]) is the base with adapter b, unload() "the base model", and
#           add_weighted_adapter(["b"], [1.0], ...) an adapter equal to b; an lm_head that b brings is b's in each.
# Seen:     merged is b's LoRA with the lm_head of the adapter that happens to be active, which is a, the first one loaded;
#           merge_adapter(["b"]) does the same. unload() returns the model with the trained head in the place of the
#           base's. The weighted adapter has b's LoRA and the base's head. A model of two trained halves answers, and worse.
#           No warning in any case. (trainable_token_indices, checked here, are merged as they should be.)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 peft==0.21.2 accelerate==1.15.0 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 venv/bin/python - <<'PY'
import tempfile
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM

warnings.simplefilter("error")
warnings.simplefilter("ignore", FutureWarning)
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
    return folder, outputs(model)


def both(first, second):
    model = PeftModel.from_pretrained(base(), first, adapter_name="a")
    model.load_adapter(second, "b")
    return model.eval()


alone = outputs(base())
for settings in {}, {"trainable_token_indices": [1, 5]}, {"modules_to_save": ["lm_head"]}:
    first, of_first = trained(1, **settings)
    second, of_second = trained(2, **settings)
    model = both(first, second)
    assert apart(outputs(model), of_first) < 1e-4, "the usual case has changed"
    model.set_adapter("b")
    assert apart(outputs(model), of_second) < 1e-4, "the usual case has changed"
    merged = outputs(both(first, second).merge_and_unload(adapter_names=["b"]))
    off = {"merged off b": apart(merged, of_second), "merged off a": apart(merged, of_first)}
    model = both(first, second)
    model.merge_adapter(["b"])
    assert apart(outputs(model), merged) < 1e-4
    off["unloaded off the base"] = apart(outputs(both(first, second).unload()), alone)
    if "trainable_token_indices" not in settings:
        model = both(first, second)
        model.add_weighted_adapter(["b"], [1.0], "c", combination_type="linear")
        model.set_adapter("c")
        off["weighted off b"] = apart(outputs(model), of_second)
    print(settings, {name: round(value, 2) for name, value in off.items()})
    if "modules_to_save" in settings:
        assert min(off.values()) > 0.5, "this has changed"
    else:
        off.pop("merged off a")
        assert max(off.values()) < 1e-4, "the usual case has changed"
PY
echo "as described"
