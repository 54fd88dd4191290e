#!/bin/sh
# peft 0.21.2: an untrained HRA adapter with apply_GS=True is another model, or NaN, by the rounding of zeros.
#
# Expected: a new adapter leaves the model as it is (init_weights=True, "don't change this setting, except if you know exactly
#           what you're doing"), also with Gram-Schmidt orthogonalisation switched on, as the paper of HRA does.
# Seen:     the default start is made of equal pairs of vectors, whose two reflections cancel. Gram-Schmidt takes from the second
#           of each pair what it has in common with the first, which is everything, and divides the rest by its own length:
#           by 0 where it is exactly zero (NaN in every output), and else the rounding errors become a direction. So training
#           starts from a model that is as far from the base as a trained one, and the same adapter file is another model
#           in float64 than in float32. No warning; without apply_GS the start is the base.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 peft==0.21.2 accelerate==1.15.0 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PY'
import warnings

import torch
from peft import HRAConfig, get_peft_model

said = []


def moved(seed, rank, orthogonal):
    """How far an untrained adapter moves the outputs of a layer, in float32 and then in float64."""
    torch.manual_seed(seed)
    layer, some = torch.nn.Sequential(torch.nn.Linear(16, 16)), torch.randn(4, 16)
    with torch.no_grad(), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        before = layer(some)
        model = get_peft_model(layer, HRAConfig(target_modules=["0"], r=rank, apply_GS=orthogonal))
        first = model(some)
        second = model.double()(some.double())
    said.extend(str(each.message) for each in warned)
    return (first - before).abs().max().item(), (second - before).abs().max().item(), (second - first).abs().max().item()


plain = [moved(seed, 8, False) for seed in range(40)]
assert max(max(each) for each in plain) < 1e-5, "the usual case has changed"
for rank in (2, 8):
    tried = [moved(seed, rank, True) for seed in range(40)]
    broken = sum(first != first for first, _, _ in tried)
    whole = [each for each in tried if each[0] == each[0]]
    least = min(first for first, _, _ in whole)
    otherwise = sum(apart > 0.1 for _, _, apart in whole)
    print(f"rank {rank}: NaN in {broken} of 40 starts, the others move outputs by {least:.2f} at least,")
    print(f"         and {otherwise} of {len(whole)} give other outputs in float64 than in float32")
    assert 0 < broken < 40 and least > 0.1 and otherwise > 5, "this has changed"
assert not said, said
PY
echo "as described"
