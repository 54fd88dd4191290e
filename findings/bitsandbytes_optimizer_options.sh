#!/bin/sh
# bitsandbytes 0.50.2: its optimizers take options of torch's by name and leave them out.
#
# Expected: bitsandbytes.optim.SGD, Adam and AdamW are those of torch.optim, which they stand in for, and an option in the
#           signature (nesterov, dampening, amsgrad) does what it says or raises, as amsgrad does in Adam8bit.
# Seen:     SGD(nesterov=True) and SGD(dampening=0.5) step as if neither were given, in 8 bits as well, and so do Adam and
#           AdamW with amsgrad=True in 32 bits (on the CPU, as run here). Momentum, betas, eps, and weight decay in SGD, RMSprop
#           and Adagrad, checked here as well, agree with torch's. Adam with weight_decay is AdamW, not torch's Adam, which
#           adds the decay to the gradient (an answer of 2021 in its tracker says so). No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 bitsandbytes==0.50.2 numpy==2.4.6
cd "$work"
OMP_NUM_THREADS=1 venv/bin/python -W error::UserWarning - <<'PY'
import bitsandbytes.optim as bnb
import torch


def trained(optimizer, **options):
    """5000 weights after twenty steps, the gradients of which are the same for every optimizer and shrink on the way."""
    torch.manual_seed(0)
    weights = torch.nn.Parameter(torch.randn(5000) + 5)
    stepper = optimizer([weights], lr=0.01, **options)
    for step in range(20):
        torch.manual_seed(step + 1)
        weights.grad = (torch.randn(5000) + 0.3) / (step + 1)
        stepper.step()
    return weights.data


def far(left, right):
    return float((left - right).abs().max())


def left_out(optimizer, twin, base, **options):
    """Check that the options change nothing here and much in torch's optimizer, which agrees without them."""
    name = optimizer.__name__
    bare, given = trained(optimizer, **base), trained(optimizer, **base | options)
    print(f"{name} {options}: changes by {far(bare, given):.4f}, torch's by", end=" ")
    print(f"{far(trained(twin, **base), trained(twin, **base | options)):.4f}")
    assert far(bare, given) == 0, "this has changed"
    assert far(trained(twin, **base), trained(twin, **base | options)) > 0.005


def same(optimizer, twin, **options):
    assert far(trained(optimizer, **options), trained(twin, **options)) < 1e-4, f"{optimizer.__name__} {options}"


momentum = {"momentum": 0.9}
same(bnb.SGD, torch.optim.SGD, **momentum)
same(bnb.SGD, torch.optim.SGD, weight_decay=0.1, **momentum)
same(bnb.RMSprop, torch.optim.RMSprop, weight_decay=0.1, alpha=0.5, eps=0.1)
same(bnb.Adagrad, torch.optim.Adagrad, weight_decay=0.1)
same(bnb.Adam, torch.optim.Adam, betas=(0.5, 0.6), eps=0.1)
same(bnb.AdamW, torch.optim.AdamW, weight_decay=0.1)
left_out(bnb.SGD, torch.optim.SGD, momentum, nesterov=True)
left_out(bnb.SGD, torch.optim.SGD, momentum, dampening=0.5)
left_out(bnb.SGD8bit, torch.optim.SGD, momentum, nesterov=True)
left_out(bnb.SGD8bit, torch.optim.SGD, momentum, dampening=0.5)
short = {"betas": (0.9, 0.5)}
left_out(bnb.Adam, torch.optim.Adam, short, amsgrad=True)
left_out(bnb.AdamW, torch.optim.AdamW, short, amsgrad=True)
same(bnb.Adam, torch.optim.AdamW, weight_decay=0.1)
off = far(trained(bnb.Adam, weight_decay=0.1), trained(torch.optim.Adam, weight_decay=0.1))
print(f"Adam with weight_decay: off torch's Adam by {off:.4f}")
assert off > 0.05, "this has changed"
try:
    trained(bnb.Adam8bit, amsgrad=True)
except ValueError as error:
    print("Adam8bit:", error)
else:
    raise AssertionError("Adam8bit takes amsgrad")
PY
echo "as described"
