"""The training loop: exact resume, a usable adapter in every ending, clear words when it cannot go on."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import train_tiny

NEEDS = "training is not installed: pip install torch==2.13.0 and the train extra"
for _name in ("torch", "transformers", "peft", "accelerate", "matplotlib"):
    pytest.importorskip(_name, reason=NEEDS)

from train import checkpoint, prepared  # noqa: E402
from train.cli import main  # noqa: E402
from train.config import from_dict  # noqa: E402
from train.errors import Diverged, OutOfMemory  # noqa: E402
from train.loop import Loop  # noqa: E402
from train.plan import learning_rate, make_plan  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = {
    "batch_size": 4,
    "questions_per_schema": 3,
    "max_length": 80,
    "epochs": 3,
    "lr": 5e-3,
    "lora_r": 4,
    "lora_dropout": 0.1,
    "precision": "fp32",
    "save_minutes": 0,
    "eval_minutes": 0,
    "seed": 7,
    "threads": 1,
}

FINGERPRINT = "7f7d6425921383f2f9c098ee67f46948cce4bdb918bd496b264d6718b24a8611"
"""Of SETTINGS with one source, before there were the settings held_out and without."""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return train_tiny.save("llama", tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    train_tiny.prepared().save(path)
    return path


def flags(base, data, output, **changes):
    settings = {**SETTINGS, "model_name": base, "prepared": str(data), "output_dir": str(output), **changes}
    return [f"--{name}={value}" for name, value in settings.items()]


def config(base, output, **changes):
    return from_dict({**SETTINGS, "model_name": base, "output_dir": str(output), **changes})


def losses(output):
    with (Path(output) / "loss.csv").open() as file:
        return [(row["step"], row["loss"], row["grad_norm"]) for row in csv.DictReader(file)]


def test_a_run_learns_and_leaves_an_adapter_a_curve_and_its_configuration(base, data, tmp_path):
    assert main(flags(base, data, tmp_path, lora_dropout=0.0, epochs=12, lr=2e-2)) == 0
    found = losses(tmp_path)
    assert float(found[-1][1]) < 0.8 * float(found[0][1])
    assert {"loss.png", "loss.csv", "README.md", "training.json", "adapter_config.json"} <= {
        path.name for path in tmp_path.iterdir()
    }
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["config"]["lora_r"] == 4 and record["config"]["lr"] == 2e-2
    assert record["data"]["digest"] == prepared.load(data).digest
    assert record["versions"]["torch"] and record["result"]["steps"] == len(found)
    assert str(tmp_path) not in (tmp_path / "training.json").read_text()


def test_the_adapter_loads_with_plain_peft_and_changes_the_model(base, data, tmp_path):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    assert main(flags(base, data, tmp_path, max_steps=3)) == 0
    model = AutoModelForCausalLM.from_pretrained(base)
    ids = torch.tensor([[5, 6, 7]])
    before = model(ids).logits.detach().clone()
    tuned = PeftModel.from_pretrained(model, str(tmp_path))
    assert not torch.allclose(before, tuned(ids).logits)


def test_a_run_killed_with_sigkill_resumes_to_the_same_losses_and_adapter(base, data, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert main(flags(base, data, whole)) == 0
    # Every step saves; the process kills itself in the middle of step 5, after gradients, before the update.
    script = (
        "import os, signal, sys\n"
        "from train import loop\n"
        "step = loop.Loop._step\n"
        "def dying(self, sequences, lr):\n"
        "    found = step(self, sequences, lr)\n"
        "    if self.progress.step == 4:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return found\n"
        "loop.Loop._step = dying\n"
        "from train.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = flags(base, data, broken, save_minutes=1e-9)
    died = subprocess.run([sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, timeout=120)
    assert died.returncode == -9, died.stderr.decode()[-2000:]
    assert checkpoint.every(broken)[-1].name == "step-000004"
    assert not (broken / "adapter_model.safetensors").exists()
    assert main(flags(base, data, broken, save_minutes=1e-9)) == 0
    assert losses(broken) == losses(whole)
    name = "adapter_model.safetensors"
    assert (broken / name).read_bytes() == (whole / name).read_bytes()


def test_a_half_written_checkpoint_is_not_resumed_from(base, data, tmp_path):
    assert main(flags(base, data, tmp_path, max_steps=2)) == 0
    torn = checkpoint.folder(tmp_path) / ".writing-000099"
    torn.mkdir()
    assert checkpoint.find(tmp_path, "auto").name == "step-000002"


def test_resuming_with_other_settings_is_refused(base, data, tmp_path, capsys):
    assert main(flags(base, data, tmp_path, max_steps=2)) == 0
    assert main(flags(base, data, tmp_path, max_steps=2, lr=1e-3)) == 2
    assert "other data or settings" in capsys.readouterr().err


def test_a_refusal_to_resume_names_what_differs(base, data, tmp_path, capsys):
    assert main(flags(base, data, tmp_path, max_steps=2)) == 0
    assert main(flags(base, data, tmp_path, max_steps=2, lr=1e-3, lora_alpha=16)) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "lr 0.005 → 0.001" in said and "lora_alpha 32 → 16" in said and "batch_size" not in said
    assert main(flags(base, data, tmp_path, max_steps=1)) == 2  # fewer than there were
    assert "max_steps 2 → 1" in capsys.readouterr().err


def test_a_finished_run_takes_more_steps_and_more_epochs(base, data, tmp_path, capsys):
    whole, grown = tmp_path / "whole", tmp_path / "grown"
    assert main(flags(base, data, grown, epochs=1)) == 0
    first = losses(grown)
    assert main(flags(base, data, grown, epochs=2, max_steps=len(first) + 1)) == 0
    said = capsys.readouterr().err
    assert f"goes on after step {len(first)} of now {len(first) + 1} (epochs 1.0 → 2.0, max_steps" in said
    assert main(flags(base, data, grown, epochs=2)) == 0
    found = losses(grown)
    assert found[: len(first)] == first and [int(row[0]) for row in found] == list(range(1, len(found) + 1))
    # The rows of every step are those of a run that was as long from the start.
    assert main(flags(base, data, whole, epochs=2)) == 0
    assert len(losses(whole)) == len(found)
    progress = [
        json.loads((checkpoint.every(one)[-1] / "progress.json").read_text()) for one in (whole, grown)
    ]
    assert progress[0]["course"] == progress[1]["course"] and progress[0]["tokens"] == progress[1]["tokens"]


def test_other_data_is_another_run_even_with_more_steps(base, data, tmp_path, capsys):
    other = tmp_path / "other.npz"
    train_tiny.prepared(seed=5).save(other)
    assert main(flags(base, data, tmp_path / "out", max_steps=2)) == 0
    assert main(flags(base, other, tmp_path / "out", max_steps=3)) == 2
    assert "other data or settings" in capsys.readouterr().err


def test_settings_that_came_later_leave_the_fingerprints_of_earlier_runs(data):
    """A checkpoint of before the settings held_out and without goes on."""
    from train.plan import fingerprint

    found = from_dict({**SETTINGS, "mix": [{"name": "a", "kind": "context", "file": "a.json"}]})
    assert fingerprint(found, prepared.load(data)) == FINGERPRINT


def test_the_time_budget_ends_cleanly_with_a_usable_adapter(base, data, tmp_path):
    assert main(flags(base, data, tmp_path, epochs=1000, max_minutes=0.02)) == 0
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["result"]["stopped"] == "time"
    assert (tmp_path / "adapter_model.safetensors").stat().st_size > 1000


def test_the_learning_rate_reaches_its_floor_by_steps_or_by_the_time_budget(base, tmp_path):
    data = train_tiny.prepared()
    plan = make_plan(config(base, tmp_path), data)
    last = len(plan.steps)
    assert learning_rate(config(base, tmp_path), plan, last, 0) == pytest.approx(5e-3 * 0.05)
    timed = config(base, tmp_path, max_minutes=10)
    assert learning_rate(timed, plan, last // 3, 600) == pytest.approx(5e-3 * 0.05)
    assert learning_rate(timed, plan, last // 3, 10) > 1e-3


def test_a_loss_that_is_not_a_number_stops_the_run_with_a_reason(base, data, tmp_path, capsys):
    assert main(flags(base, data, tmp_path, lr=1e12, warmup_ratio=0)) == Diverged.exit_code
    assert "lower --lr" in capsys.readouterr().err


def test_running_out_of_memory_says_what_to_lower(base, tmp_path, monkeypatch):
    run = Loop(config(base, tmp_path), train_tiny.prepared(), tmp_path)

    def explode(*_):
        raise RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
        )

    monkeypatch.setattr(run, "_step", explode)
    with pytest.raises(OutOfMemory, match="--max-length"):
        run.run()


def test_the_best_adapter_is_kept_and_becomes_the_result(base, tmp_path, monkeypatch):
    from train.loop import Score

    run = Loop(config(base, tmp_path, eval_minutes=1e-9, max_steps=4), train_tiny.prepared(), tmp_path)
    scores = iter([Score(1.0, 0.1), Score(0.5, 0.2), Score(0.8, 0.5), Score(0.6, 0.3)])
    monkeypatch.setattr(run, "judge", lambda: next(scores))
    summary = run.run()
    assert (summary.progress.best_step, summary.progress.best_exact) == (2, 0.2)
    name = "adapter_model.safetensors"
    assert (tmp_path / name).read_bytes() == (tmp_path / "best" / name).read_bytes()
    assert (tmp_path / name).read_bytes() != (tmp_path / "last" / name).read_bytes()


def test_validation_counts_what_greedy_decoding_would_get_exactly(base, tmp_path):
    import torch

    data = train_tiny.prepared(validation=2)
    run = Loop(config(base, tmp_path), data, tmp_path)
    score = run.judge()
    exact = 0
    items = [(group.prefix, item) for group in data.validation() for item in group.items]
    for prefix, item in items:
        ids = torch.tensor([[*prefix.tolist(), *item.request.tolist()]])
        out = run.tuned.generate(
            input_ids=ids, max_new_tokens=len(item.target), do_sample=False, pad_token_id=0
        )
        exact += out[0, ids.shape[1] :].tolist() == item.target.tolist()
    assert score.exact == pytest.approx(exact / len(items))


def test_wandb_works_offline(base, data, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason=NEEDS)
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert main(flags(base, data, tmp_path, max_steps=2, report_to="wandb")) == 0
    assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))


def test_two_processes_get_the_losses_of_one(base, data, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    # Dropout is the one thing that processes do on their own.
    assert main(flags(base, data, one, lora_dropout=0.0)) == 0
    words = flags(base, data, two, lora_dropout=0.0)
    launch = [
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes=2",
        "--num_machines=1",
        "--mixed_precision=no",
    ]
    launch += [
        "--dynamo_backend=no",
        "--num_cpu_threads_per_process=1",
        "--main_process_port=0",
        "--module",
        "train",
    ]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *launch, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    expected, found = losses(one), losses(two)
    assert len(found) == len(expected)
    for left, right in zip(expected, found, strict=True):
        assert float(right[1]) == pytest.approx(float(left[1]), rel=2e-4)
