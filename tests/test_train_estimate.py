"""What a dry run says of memory is what training keeps, without a weight being read."""

from __future__ import annotations

import dataclasses

import pytest

from tests import train_tiny

NEEDS = "training is not installed: pip install torch==2.13.0 and the train extra"
for _name in ("torch", "transformers", "peft", "accelerate"):
    pytest.importorskip(_name, reason=NEEDS)

from train import estimate, qlora  # noqa: E402
from train.cli import main  # noqa: E402
from train.config import from_dict  # noqa: E402
from train.objective import forward  # noqa: E402
from train.packing import pack  # noqa: E402
from train.plan import make_plan  # noqa: E402

SETTINGS = {"lora_r": 4, "precision": "fp32", "questions_per_schema": 3, "max_length": 80, "batch_size": 4}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return train_tiny.save("qwen2", tmp_path_factory.mktemp("base"), num_hidden_layers=5)


def test_the_estimate_counts_what_autograd_keeps_of_the_real_model(base):
    import torch

    config = from_dict({**SETTINGS, "model_name": base})
    data = train_tiny.prepared()
    packed = pack(estimate.worst(make_plan(config, data)))
    assert len(packed) == max(
        sum(map(len, groups)) for step in make_plan(config, data).steps for groups in step
    )
    sizes = estimate.measure(base, config, packed, torch.float32)
    numbers = qlora.numbers("fp32", "cpu")
    tuned = qlora.add_adapter(
        qlora.load_base(base, numbers=numbers, quantization="none", device="cpu"), config
    ).train()
    frozen = sum(p.numel() for p in tuned.parameters() if not p.requires_grad)
    assert sizes.linear + sizes.other == frozen and sizes.layers == 5
    assert sizes.trained == sum(p.numel() for p in tuned.parameters() if p.requires_grad)
    own = {p.untyped_storage().data_ptr() for p in tuned.parameters()}
    seen = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        forward(tuned, packed, torch.device("cpu"))
    real = sum(storage.nbytes() for storage in seen.values())
    step = estimate.training(config, sizes, packed, width=4, gpu=False)
    assert step.weights == 4 * frozen
    assert 0.9 * real < step.activations + step.logits < 1.3 * real


def test_checkpointing_and_nf4_need_less_and_a_longer_sequence_more(base):
    import torch

    config = from_dict({**SETTINGS, "model_name": base})
    packed = pack(estimate.worst(make_plan(config, train_tiny.prepared())))
    sizes = estimate.measure(base, config, packed, torch.float32)

    def needed(**changes):
        return estimate.training(dataclasses.replace(config, **changes), sizes, packed, width=4, gpu=False)

    plain = needed()
    assert needed(gradient_checkpointing=True).activations < 0.6 * plain.activations
    assert needed(quantization="nf4").weights < plain.weights
    assert needed(quantization="nf4").total != plain.total


def test_a_dry_run_prints_a_table_and_writes_nothing(base, tmp_path, capsys):
    data = tmp_path / "data.npz"
    train_tiny.prepared().save(data)
    words = [f"--{name}={value}" for name, value in SETTINGS.items()]
    before = sorted(tmp_path.rglob("*"))
    assert main([f"--model_name={base}", f"--prepared={data}", *words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "training step | train evaluate" in said and "| together" in said and "steps" in said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_on_a_card_says_how_its_steps_are_made(base):
    import torch

    from tests.test_train_card import A100, H200

    config = from_dict({**SETTINGS, "model_name": base, "lora_dropout": 0.0, "precision": "bf16"})
    packed = pack(estimate.worst(make_plan(config, train_tiny.prepared())))
    sizes = estimate.measure(base, config, packed, torch.bfloat16)
    said = estimate.in_way(H200, config, sizes, packed, 2)
    assert "flash attention, up to 65,536 tokens a forward, fused LoRA and loss" in said
    small = dataclasses.replace(A100, memory=int(step_bytes(config, sizes, packed) + 1e6))
    assert "flex attention" not in estimate.in_way(
        small, config, sizes, packed, 2
    )  # heads of 8 have no kernel
    assert "sdpa attention, one sequence a forward" in estimate.in_way(small, config, sizes, packed, 2)


def step_bytes(config, sizes, packed):
    return estimate.training(config, sizes, packed, width=2, gpu=True).total
