#!/bin/sh
# torchao 0.18.0: IntxWeightOnlyConfig with torch.int1, which its check accepts, makes every weight 0, or NaN with another mapping.
#
# Expected: weight_dtype=torch.int1 with the default mapping (symmetric) leaves the sign or two values in each group, with an error
#           above that of torch.int2, or is refused; "no clipping error" is no further from the weights than plain symmetric.
#           A layer that cannot be quantised is named or raises.
# Seen:     of one bit the values are -1 and 0, and the scale is such that all weights round to 0: linear layers and embeddings
#           answer 0 whatever they are asked, the error is 100 %. With SYMMETRIC_NO_CLIPPING_ERR all weights are NaN; at two
#           bits its error is 59 % where plain symmetric has 47 %. ASYMMETRIC keeps two values a group. Int4WeightOnlyConfig
#           passes over a layer whose width is no multiple of its group of 128 and leaves it in float. No warning, no error.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 torchao==0.18.0 numpy==2.4.6
cd "$work"
OMP_NUM_THREADS=1 venv/bin/python - 2>said <<'PY'
import warnings

import torch
from torchao.quantization import Int4WeightOnlyConfig, IntxWeightOnlyConfig, PerGroup, quantize_
from torchao.quantization.quant_primitives import MappingType

warnings.simplefilter("error", UserWarning)
torch.manual_seed(0)
weights = torch.randn(64, 256) * 0.02


def quantised(bits, mapping=None, layer=torch.nn.Linear):
    """The weights of a layer after quantize_(), as its own dequantize() gives them."""
    made = layer(256, 64, bias=False) if layer is torch.nn.Linear else layer(64, 256)
    made.weight.data = weights.clone()
    model = torch.nn.Sequential(made)
    settings = {} if mapping is None else {"mapping_type": mapping}
    config = IntxWeightOnlyConfig(weight_dtype=getattr(torch, f"int{bits}"), granularity=PerGroup(32), **settings)
    quantize_(model, config, lambda module, name: isinstance(module, layer))
    return model


def error(model):
    return round(((model[0].weight.dequantize() - weights).norm() / weights.norm()).item(), 3)


found = {bits: error(quantised(bits)) for bits in (8, 4, 3, 2, 1)}
print("symmetric, the default, error by bits:", found)
assert found[8] < 0.01 and found[4] < 0.12 and found[2] < 0.6, "the usual case has changed"
assert found[1] == 1.0, "this has changed"
some = torch.randn(4, 256)
linear, table = quantised(1), quantised(1, layer=torch.nn.Embedding)
print("one bit answers", set(linear(some).flatten().tolist()), "and", set(table(torch.arange(64)).flatten().tolist()))
assert not linear(some).any() and not table(torch.arange(64)).any(), "this has changed"

other = {bits: error(quantised(bits, MappingType.SYMMETRIC_NO_CLIPPING_ERR)) for bits in (4, 2, 1)}
print("SYMMETRIC_NO_CLIPPING_ERR:", other)
assert quantised(1, MappingType.SYMMETRIC_NO_CLIPPING_ERR)[0].weight.dequantize().isnan().all(), "this has changed"
assert other[2] > found[2] + 0.05, "this has changed"
two = quantised(1, MappingType.ASYMMETRIC)[0].weight.dequantize()
assert two[0, :32].unique().numel() == 2 and error(quantised(1, MappingType.ASYMMETRIC)) < 1, "ASYMMETRIC has changed"

narrow = torch.nn.Sequential(torch.nn.Linear(250, 64))
before = narrow[0].weight.detach().clone()
quantize_(narrow, Int4WeightOnlyConfig())
print("a layer 250 wide:", type(narrow[0].weight).__name__, narrow[0].weight.dtype)
assert type(narrow[0].weight) is torch.nn.Parameter and torch.equal(narrow[0].weight, before), "this has changed"
PY
! grep -iE "nan|zero|skip|divis" said
echo "as described"
