"""Looks during a run: statements written for validation questions and run, and a run that stops when nothing helps."""

from __future__ import annotations

import csv
import json
import sqlite3
from types import SimpleNamespace

import pytest

from tests import train_tiny

NEEDS = "training is not installed: pip install torch==2.13.0 and the train extra"
for _name in ("torch", "transformers", "peft", "accelerate", "matplotlib"):
    pytest.importorskip(_name, reason=NEEDS)

from tests.test_train_loop import config  # noqa: E402
from train import checkpoint, sampling  # noqa: E402
from train.config import Mix, Validation, from_dict  # noqa: E402
from train.loop import Loop, Score  # noqa: E402
from train.plan import deciding  # noqa: E402
from train.sampling import Asked, Questions, Sandboxes  # noqa: E402


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return train_tiny.save("llama", tmp_path_factory.mktemp("base"))


class Words:
    """A tokenizer that shows ids; what stands for a statement is in `says`."""

    name, eos = "words", 2
    says: dict[int, str] = {}

    def text(self, ids):
        return self.says.get(int(ids[0]), " ".join(map(str, ids))) if len(ids) else ""


def read(output):
    with (output / "loss.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as made:
        made.executescript(
            "CREATE TABLE item (name TEXT, price REAL); INSERT INTO item VALUES ('a', 1), ('b', 2)"
        )
    return path


@pytest.mark.parametrize(
    ("sql", "verdict"),
    [
        ("SELECT name FROM item WHERE price > 1", "right"),
        ("SELECT name FROM item WHERE price >= 2.0", "right"),
        ("SELECT name FROM item", "other rows"),
        ("SELECT nothing FROM item", "does not run"),
        ("DELETE FROM item", "does not run"),
        ("", "does not run"),
    ],
)
def test_a_statement_is_judged_by_its_rows_in_the_sandbox(database, sql, verdict):
    asked = Asked("Which are dear?", (5,), "SELECT name FROM item WHERE price > 1", database)
    with Sandboxes() as sandboxes:
        assert sandboxes.verdict(asked, sql) == verdict
    with sqlite3.connect(database) as held:
        assert held.execute("SELECT count(*) FROM item").fetchone() == (2,)


def test_without_a_database_a_statement_is_only_compared():
    asked = Asked("Which?", (5,), "SELECT a FROM t")
    with Sandboxes() as sandboxes:
        assert sandboxes.verdict(asked, "select a from t") == "the same text"
        assert sandboxes.verdict(asked, "SELECT b FROM t") == "other text"


def test_looks_are_in_the_log_the_table_and_a_file_after_the_checkpoint(
    base, tmp_path, monkeypatch, capfd, database
):
    asked = tuple(Asked(f"question {n}", (5, 6, 7 + n), "SELECT name FROM item", database) for n in range(3))
    monkeypatch.setattr(sampling, "chosen", lambda *_: Questions(asked, Words()))
    run = Loop(
        config(base, tmp_path, sample=3, eval_minutes=1e-9, max_steps=2), train_tiny.prepared(), tmp_path
    )
    look, saved = sampling.look, []

    def watched(*given):
        saved.append(checkpoint.every(tmp_path)[-1].name)
        return look(*given)

    monkeypatch.setattr(sampling, "look", watched)
    monkeypatch.setattr(Words, "says", {n: "SELECT name FROM item" for n in range(0, train_tiny.VOCAB, 2)})
    fused = run.engine.way
    summary = run.run()
    assert summary.progress.step == 2 and saved == ["step-000001", "step-000002"]
    rows, said = read(tmp_path), capfd.readouterr().err
    lines = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 1, 1, 2, 2, 2]
    for number, row in enumerate(rows):
        mine = lines[3 * number : 3 * number + 3]
        right = sum(line["verdict"] == "right" for line in mine)
        assert float(row["val_executed"]) == pytest.approx(right / 3, rel=1e-4)
        assert row["loss"] and row["val_loss"] and float(row["tokens_per_second"]) > 0
    assert "step 1: 3 questions asked: " in said and f"[{lines[0]['verdict']}]" in said
    held = json.loads((checkpoint.every(tmp_path)[-1] / "progress.json").read_text())
    assert held["history"]["val_executed"] == pytest.approx(float(rows[-1]["val_executed"]), rel=1e-4)
    assert run.engine.way == fused


def test_a_look_leaves_the_course_of_the_run_as_it_is(base, tmp_path, monkeypatch):
    found = {}
    for name, changes in {"plain": {}, "looking": {"sample": 2}}.items():
        output = tmp_path / name
        output.mkdir()
        asked = Questions((Asked("q", (5, 6), "SELECT 1"), Asked("r", (8,), "SELECT 2")), Words())
        monkeypatch.setattr(sampling, "chosen", lambda *_, asked=asked: asked)
        settings = config(base, output, eval_minutes=1e-9, lora_dropout=0.0, epochs=1, **changes)
        Loop(settings, train_tiny.prepared(), output).run()
        found[name] = (output / "last" / "adapter_model.safetensors").read_bytes()
    assert found["plain"] == found["looking"]


def test_the_questions_come_from_the_validation_files_with_their_databases(tmp_path, database):
    folder = tmp_path / "data" / "database" / "shop"
    folder.mkdir(parents=True)
    database.rename(folder / "shop.sqlite")
    rows = [
        {
            "question": f"Which items cost more than {n}?",
            "query": f"SELECT name FROM item WHERE price > {n}",
            "db_id": "shop",
        }
        for n in range(6)
    ]
    (tmp_path / "data" / "val.json").write_text(
        json.dumps([*rows, {**rows[0], "query": "SELECT nothing FROM item"}])
    )
    plain = SimpleNamespace(
        name="t",
        eos=2,
        prompt=lambda p: ([ord(c) % 90 for c in p.request], 0),
        plain=lambda text: [3] * len(text),
    )
    held = Validation(files=("val.json",), folder="database")
    settings = from_dict({"data": str(tmp_path / "data"), "sample": 4, "max_length": 4000})
    import dataclasses

    settings = dataclasses.replace(settings, validation=held, mix=(Mix("x"),))
    asked = list(sampling._from_files(settings, plain))
    assert len(asked) == 4 and len({one.question for one in asked}) == 4
    assert all(one.database == folder / "shop.sqlite" and one.prompt for one in asked)
    assert asked == list(sampling._from_files(settings, plain))  # the same at every look and in every run
    with Sandboxes() as sandboxes:
        assert {sandboxes.verdict(one, one.gold) for one in asked} == {"right"}


def test_a_prepared_set_without_databases_gives_questions_to_look_at():
    data = train_tiny.prepared(number=6, questions=5, validation=2)
    asked = list(sampling._from_prepared(data, Words(), 4))
    rows = [(g.prefix.tolist(), i) for g in data.validation() for i in g.items]
    assert len(asked) == 4 and all(one.database is None for one in asked)
    assert list(asked[0].prompt) == [*rows[0][0], *rows[0][1].request.tolist()]
    assert asked[0].gold == " ".join(map(str, rows[0][1].target[:-1].tolist()))


def test_a_run_stops_when_so_many_looks_in_a_row_are_no_better(base, tmp_path, monkeypatch, capfd):
    def run(**changes):
        settings = config(base, tmp_path, eval_minutes=1e-9, max_steps=9, **changes)
        made = Loop(settings, train_tiny.prepared(), tmp_path)
        monkeypatch.setattr(made, "judge", lambda: Score(scores[made.progress.step - 1], 0.1))
        return made

    scores = [1.0, 0.8, 0.9, 0.7, 0.8, 0.75, 0.9, 0.6, 0.9]
    summary = run(patience=2).run()
    assert (summary.stopped, summary.progress.step, summary.progress.best_step) == ("patience", 6, 4)
    assert checkpoint.every(tmp_path)[-1].name == "step-000006"
    name = "adapter_model.safetensors"
    assert (tmp_path / name).read_bytes() == (tmp_path / "best" / name).read_bytes()
    again = run(patience=2).run()
    assert (again.stopped, again.progress.step) == (
        "patience",
        6,
    )  # it has ended: the same command ends at once
    more = run(patience=4).run()  # and more patience goes on, from where it was
    assert (more.stopped, more.progress.step, more.progress.best_step) == ("finished", 9, 8)
    assert [row["step"] for row in read(tmp_path)] == [str(n) for n in range(1, 10)]


def test_settings_of_looks_and_speed_are_no_part_of_the_course_of_a_run():
    plain = deciding(from_dict({}))
    names = (
        "sample",
        "patience",
        "log_steps",
        "forward_tokens",
        "attention",
        "compile",
        "liger",
        "batch_tokens",
    )
    assert not plain.keys() & set(names)
    assert "batch_tokens" in deciding(from_dict({"batch_tokens": 9000}))


def test_looks_are_in_weights_and_biases(base, tmp_path, monkeypatch, database):
    pytest.importorskip("wandb", reason=NEEDS)
    monkeypatch.setenv("WANDB_MODE", "offline")
    asked = Questions((Asked("Which items are there?", (5, 6), "SELECT name FROM item", database),), Words())
    monkeypatch.setattr(sampling, "chosen", lambda *_: asked)
    settings = config(base, tmp_path, sample=1, eval_minutes=1e-9, max_steps=2, report_to="wandb")
    Loop(settings, train_tiny.prepared(), tmp_path).run()
    (log,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    held = log.read_bytes()
    assert held.count(b"val_executed") >= 2 and b"table-file" in held
    tables = list(tmp_path.glob("wandb/offline-run-*/files/media/table/*.json"))
    assert len(tables) == 2 and "Which items are there?" in tables[0].read_text()
