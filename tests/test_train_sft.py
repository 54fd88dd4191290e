"""`--engine trl`: the same rows and the same loss through trl's SFTTrainer."""

from __future__ import annotations

import csv
import json

import pytest

from tests import train_tiny

NEEDS = "training is not installed: pip install torch==2.13.0 and the train extra"
for _name in ("torch", "transformers", "peft", "accelerate", "trl", "datasets", "matplotlib"):
    pytest.importorskip(_name, reason=NEEDS)

from train.cli import main  # noqa: E402


def run(base, data, output, *more):
    words = [
        "--model-name",
        base,
        "--prepared",
        str(data),
        "--output-dir",
        str(output),
        "--precision",
        "fp32",
    ]
    words += ["--batch-size=25", "--questions-per-schema=5", "--lora-dropout=0", "--max-steps=2", "--lr=1e-3"]
    return main([*words, "--save-minutes=0", "--eval-minutes=0", "--threads=1", "--warmup-ratio=0", *more])


def first_loss(output):
    with (output / "loss.csv").open() as file:
        return float(next(csv.DictReader(file))["loss"])


def test_sft_trainer_sees_the_loss_of_the_packed_loop_and_saves_the_same_files(tmp_path):
    base = train_tiny.save("qwen2", tmp_path / "base")
    data = tmp_path / "tiny.npz"
    train_tiny.prepared(number=6, questions=5).save(data)  # 25 rows to train on: one step of 25
    packed, trl = tmp_path / "packed", tmp_path / "trl"
    assert run(base, data, packed) == 0
    assert run(base, data, trl, "--engine", "trl", "--batch-size=24") == 0
    assert {p.name for p in packed.iterdir()} - {p.name for p in trl.iterdir()} <= {
        "best",
        "last",
        "checkpoints",
    }
    result = json.loads((trl / "training.json").read_text())["result"]
    assert result["steps"] == 2 and result["tokens"] > 48 * 10
    # One row of 25 is in the second step: the means are near, not equal.
    assert first_loss(trl) == pytest.approx(first_loss(packed), rel=0.03)


def test_sft_trainer_keeps_to_the_minutes(tmp_path):
    base = train_tiny.save("qwen2", tmp_path / "base")
    data = tmp_path / "tiny.npz"
    train_tiny.prepared(number=6, questions=5).save(data)
    words = ["--engine=trl", "--batch-size=4", "--max-steps=500", "--max-minutes=1e-6"]
    assert run(base, data, tmp_path / "out", *words) == 0
    result = json.loads((tmp_path / "out" / "training.json").read_text())["result"]
    assert (result["stopped"], result["steps"]) == ("time", 1)
