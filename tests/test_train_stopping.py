"""A run that is asked to stop writes what it has first; what does not fit together is refused before training."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests import train_tiny

NEEDS = "training is not installed: pip install torch==2.13.0 and the train extra"
for _name in ("torch", "transformers", "peft", "accelerate", "matplotlib"):
    pytest.importorskip(_name, reason=NEEDS)

from sqlagent.base.errors import ModelError  # noqa: E402
from tests.test_train_loop import ROOT, config, flags  # noqa: E402
from train import checkpoint, engine, qlora  # noqa: E402
from train.cli import main  # noqa: E402
from train.flags import configured, dashed, parser, settled  # noqa: E402
from train.loop import Loop, Score  # noqa: E402

NAME = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return train_tiny.save("llama", tmp_path_factory.mktemp("base"))


def written(output):
    return (output / NAME).is_file() and bool(checkpoint.every(output))


def test_a_signal_ends_the_run_with_checkpoint_and_adapter_and_no_validation(base, tmp_path, monkeypatch):
    run = Loop(config(base, tmp_path), train_tiny.prepared(), tmp_path)
    step = run._step

    def signalled(sequences, lr):
        if run.progress.step == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(sequences, lr)

    monkeypatch.setattr(run, "_step", signalled)
    monkeypatch.setattr(run, "judge", lambda: pytest.fail("a validation keeps whoever asked waiting"))
    summary = run.run()
    assert (summary.stopped, summary.progress.step) == ("interrupted", 2)
    assert written(tmp_path)


def test_a_signal_within_a_step_gives_the_step_up_and_a_resumed_run_makes_it_again(
    base, tmp_path, monkeypatch
):
    data = train_tiny.prepared(number=9)

    def run(folder):
        folder.mkdir(exist_ok=True)
        return Loop(config(base, folder, batch_size=20, max_steps=2, lora_dropout=0.1), data, folder)

    run(tmp_path / "whole").run()
    broken = run(tmp_path / "broken")
    assert len(broken.plan.steps[1]) > 1, "the second step has one sequence only"
    forward, calls = engine.forward, []

    def signalled(*given):
        calls.append(broken.progress.step)
        if broken.progress.step == 1 and calls.count(1) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return forward(*given)

    monkeypatch.setattr(engine, "forward", signalled)
    summary = broken.run()
    assert (summary.stopped, summary.progress.step, calls.count(1)) == ("interrupted", 1, 1)
    assert written(tmp_path / "broken")
    assert run(tmp_path / "broken").run().progress.step == 2
    assert (tmp_path / "broken" / NAME).read_bytes() == (tmp_path / "whole" / NAME).read_bytes()


def test_a_signal_during_a_validation_ends_it(base, tmp_path, monkeypatch):
    run = Loop(config(base, tmp_path, eval_minutes=1e-9), train_tiny.prepared(), tmp_path)
    judge = run.judge

    def signalled():
        os.kill(os.getpid(), signal.SIGTERM)
        return judge()

    monkeypatch.setattr(run, "judge", signalled)
    summary = run.run()
    assert (summary.stopped, summary.progress.step, summary.progress.best_step) == ("interrupted", 1, 0)
    assert written(tmp_path)


def test_when_the_minutes_are_over_all_is_written_before_the_validation(base, tmp_path, monkeypatch):
    run = Loop(config(base, tmp_path, max_minutes=1e-6), train_tiny.prepared(), tmp_path)
    seen = []

    def judge():
        seen.append(written(tmp_path))
        return Score(1.0, 0.0)

    monkeypatch.setattr(run, "judge", judge)
    assert run.run().stopped == "time"
    assert seen == [True]


def test_the_minutes_hold_the_validation_that_ends_them(base, tmp_path, monkeypatch):
    run = Loop(config(base, tmp_path, eval_minutes=1e-9, epochs=9999), train_tiny.prepared(), tmp_path)
    minutes = (run.loading + 5) / 60
    run.config = dataclasses.replace(run.config, max_minutes=minutes)

    def judge():
        time.sleep(1.5)
        return Score(1.0, 0.0)

    monkeypatch.setattr(run, "judge", judge)
    summary = run.run()
    assert summary.stopped == "time"
    assert (
        summary.progress.seconds < 60 * minutes
    )  # it did not begin a step that would leave none for the validation


def test_loading_the_model_is_part_of_the_minutes(base, tmp_path):
    run = Loop(config(base, tmp_path, max_minutes=60), train_tiny.prepared(), tmp_path)
    run.began -= 3600  # as though it had taken an hour
    summary = run.run()
    assert (summary.stopped, summary.progress.step) == ("time", 1) and summary.progress.seconds > 3600


def test_tokens_a_second_leave_validations_out(base, tmp_path, monkeypatch):
    import csv

    run = Loop(config(base, tmp_path, eval_minutes=1e-9, max_steps=3), train_tiny.prepared(), tmp_path)

    def judge():
        time.sleep(2)
        return Score(1.0, 0.0)

    monkeypatch.setattr(run, "judge", judge)
    run.run()
    with (tmp_path / "loss.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(float(row["tokens"]) / float(row["tokens_per_second"]) < 2 for row in rows)


# --- what does not fit ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(base, tmp_path_factory):
    """A first stage's adapter."""
    output = tmp_path_factory.mktemp("first")
    Loop(config(base, output, max_steps=1), train_tiny.prepared(), output).run()
    return output


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lora_r": 8}, "--lora-r 4, not 8"),
        ({"lora_alpha": 8}, "--lora-alpha 32, not 8"),
        ({"use_dora": True}, "--use-dora False, not True"),
        ({"use_rslora": True}, "--use-rslora False, not True"),
        ({"lora_targets": "q_proj,v_proj"}, "--lora-targets"),
    ],
)
def test_an_adapter_that_means_its_weights_otherwise_is_refused(base, first, tmp_path, changes, words):
    with pytest.raises(ModelError, match=words):
        Loop(config(base, tmp_path, init_adapter=str(first), **changes), train_tiny.prepared(), tmp_path)


def test_an_adapter_of_another_model_is_refused_by_the_layer_that_is_missing(first, tmp_path):
    deeper = train_tiny.save("llama", tmp_path / "deeper", num_hidden_layers=3)
    with pytest.raises(ModelError, match="only one of the two has .*layers.2"):
        Loop(config(deeper, tmp_path, init_adapter=str(first)), train_tiny.prepared(), tmp_path)


def test_an_adapter_that_fits_starts_the_next_stage(base, first, tmp_path):
    run = Loop(config(base, tmp_path, init_adapter=str(first)), train_tiny.prepared(), tmp_path)
    from safetensors.torch import load_file

    for name, tensor in qlora.adapter_state(run.tuned).items():
        assert tensor.bfloat16().equal(load_file(first / NAME)[name])


def test_data_prepared_with_another_tokenizer_is_refused(base, tmp_path, monkeypatch, capsys):
    from train import tokens

    made = train_tiny.prepared()
    data = tmp_path / "data.npz"
    dataclasses.replace(made, about={**made.about, "tokenizer": "other", "tokenizer_digest": "1234"}).save(
        data
    )
    monkeypatch.setattr(tokens, "load", lambda source: object())
    monkeypatch.setattr(tokens, "digest", lambda found: "5678")
    assert main(flags(base, data, tmp_path / "out")) == 2
    said = capsys.readouterr().err
    assert "was prepared for other" in said and "prepare it again" in said
    assert not (tmp_path / "out" / NAME).exists()
    monkeypatch.setattr(tokens, "digest", lambda found: "1234")
    assert main(flags(base, data, tmp_path / "out", max_steps=1)) == 0


def test_a_tokenizers_digest_tells_tokenizers_apart(tiny_path, tmp_path):
    from train import tokens

    class Other(tokens.GgufTokens):
        def plain(self, text):
            return [*super().plain(text), 5]

    same, again, other = tokens.GgufTokens(tiny_path), tokens.GgufTokens(tiny_path), Other(tiny_path)
    assert tokens.digest(same) == tokens.digest(again) != tokens.digest(other)


# --- published flags -----------------------------------------------------------------------------------


def test_the_published_flags_alone_take_sql_create_context(tmp_path):

    words = ["--model_name=tiny", f"--output_dir={tmp_path}", "--epochs=1", "--batch_size=4", "--lr=2e-4"]
    options = parser("", "").parse_args([dashed(word) for word in words])
    found = settled(configured(options))
    assert [(mix.kind, mix.file) for mix in found.mix] == [("context", "hub:b-mc2/sql-create-context")]
    assert (found.epochs, found.batch_size, found.lr) == (1.0, 4, 2e-4)


def test_a_dataset_may_be_a_file_and_trains_by_flags_alone(tmp_path, tiny_path, capsys):
    rows = [
        {"question": f"How many heads are over {n}?", "context": "CREATE TABLE head (age INTEGER)",
         "answer": f"SELECT COUNT(*) FROM head WHERE age > {n}"}
        for n in range(8)
    ]  # fmt: skip
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    words = ["data", f"--model_name={tiny_path}", f"--dataset={file}", "--epochs=1", "--stats"]
    assert main(words) == 0
    assert "8 training rows" in capsys.readouterr().out


def test_a_hub_that_is_not_there_is_one_sentence(tmp_path, tiny_path, monkeypatch, capsys):
    pytest.importorskip("datasets", reason=NEEDS)
    import datasets

    def unreachable(*_args, **_more):
        raise ConnectionError(
            "Couldn't reach 'b-mc2/sql-create-context' on the Hub (ConnectTimeout)\n  at ..."
        )

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    assert main(["data", f"--model_name={tiny_path}"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: Cannot load the data set b-mc2/sql-create-context")
    assert "--dataset" in said


# --- before the model is loaded ---------------------------------------------------------------------------


def test_a_missing_key_of_weights_and_biases_is_said_before_anything_is_loaded(tmp_path):
    pytest.importorskip("wandb", reason=NEEDS)
    words = [
        "--model-name=there/is/none",
        "--prepared=none.npz",
        f"--output-dir={tmp_path}",
        "--report-to=wandb",
    ]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NETRC": str(tmp_path / "none")}
    done = subprocess.run(  # wandb remembers in a process whether there was a key
        [sys.executable, "-m", "train", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert "wandb login" in done.stderr.strip().splitlines()[-1]


def test_a_run_that_goes_on_stays_one_run_and_names_no_paths(base, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb", reason=NEEDS)
    monkeypatch.setenv("WANDB_MODE", "offline")
    seen = []
    start = wandb.init

    def init(**settings):
        seen.append(settings)
        return start(**settings)

    monkeypatch.setattr(wandb, "init", init)
    data = tmp_path / "data.npz"
    train_tiny.prepared().save(data)
    output = tmp_path / "out"
    words = flags(base, data, output, report_to="wandb", project="elsewhere", max_minutes=1e-6)
    assert main(words) == main(words) == 0
    assert seen[0]["id"] is None and seen[1]["id"] == (output / "wandb-run.txt").read_text().strip()
    assert [one["project"] for one in seen] == ["elsewhere", "elsewhere"]
    assert str(tmp_path) not in json.dumps(seen[0]["config"])


def test_a_full_disk_is_one_sentence_and_leaves_whole_checkpoints(base, tmp_path, monkeypatch, capsys):
    import errno

    data = tmp_path / "data.npz"
    train_tiny.prepared().save(data)
    save = checkpoint.save

    def full(output, progress, **more):
        if progress.step > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return save(output, progress, **more)

    monkeypatch.setattr(checkpoint, "save", full)
    assert main(flags(base, data, tmp_path / "out", save_minutes=1e-9)) == 2
    assert "The disk is full" in capsys.readouterr().err
    assert [path.name for path in checkpoint.every(tmp_path / "out")] == ["step-000001", "step-000002"]
