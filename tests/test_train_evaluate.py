"""`python -m train evaluate`: an adapter under transformers, a GGUF under the runtime, one scorer."""

from __future__ import annotations

import json
import sqlite3

import pytest

import tests.train_tiny  # noqa: F401  (before torch: it sets the number of threads)

NEEDS = "training is not installed: pip install torch==2.13.0 and the train extra"
for _name in ("torch", "transformers", "peft", "accelerate", "gguf", "sqlglot"):
    pytest.importorskip(_name, reason=NEEDS)

import convert_tiny  # noqa: E402

from sqlagent.base.errors import UsageError  # noqa: E402
from sqlagent.database import schema  # noqa: E402
from sqlagent.linking import prompt  # noqa: E402
from tests.tiny_gguf import make_gguf  # noqa: E402
from train import evaluate, qlora, tokens  # noqa: E402
from train.cli import main  # noqa: E402
from train.config import from_dict  # noqa: E402


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "database" / "music").mkdir(parents=True)
    connection = sqlite3.connect(tmp_path / "database" / "music" / "music.sqlite")
    connection.executescript("CREATE TABLE singer (name TEXT); INSERT INTO singer VALUES ('Ann');")
    connection.close()
    rows = [
        {"question": q, "query": "SELECT name FROM singer", "db_id": "music"}
        for q in ("Who?", "Which names?")
    ]
    (tmp_path / "val.json").write_text(json.dumps(rows))
    return tmp_path


def test_an_adapter_is_scored_under_transformers(folder, tmp_path, capsys):
    base = make_gguf(tmp_path / "tiny.gguf")
    numbers = qlora.numbers("fp32", "cpu")
    model = qlora.load_base(str(base), numbers=numbers, quantization="none", device="cpu")
    tuned = qlora.add_adapter(model, from_dict({"lora_r": 2}))
    qlora.save_adapter(tuned, qlora.adapter_state(tuned), tmp_path / "adapter", base_name=str(base))
    words = ["--adapter-path", str(tmp_path / "adapter"), "--precision=fp32", "--data", str(folder)]
    assert main(["evaluate", *words, "--out", str(tmp_path / "out")]) == 0
    lines = (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert all(json.loads(line)["seconds"] > 0.001 for line in lines)  # generated ahead, and timed there
    assert json.loads((tmp_path / "out" / "run.json").read_text())["decode"] == "free"


def test_a_gguf_is_scored_under_the_runtime_with_the_grammar(folder, tmp_path):
    base = make_gguf(tmp_path / "tiny.gguf")
    words = ["--gguf", str(base), "--data", str(folder), "--max-tokens", "40", "--threads", "1"]
    assert main(["evaluate", *words, "--out", str(tmp_path / "out")]) == 0
    connection = sqlite3.connect(folder / "database" / "music" / "music.sqlite")
    for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines():
        connection.execute(json.loads(line)["pred"])  # random weights, but under the grammar: it runs


def test_batched_answers_are_those_of_single_questions(tmp_path):
    base = make_gguf(tmp_path / "tiny.gguf")
    numbers = qlora.numbers("fp32", "cpu")
    model = qlora.load_base(str(base), numbers=numbers, quantization="none", device="cpu")
    built = schema.from_ddl("CREATE TABLE t (a INT, b TEXT); CREATE TABLE long_name (c INT)")
    prompts = [prompt.build(built, "x" * n) for n in (1, 9, 30)]
    together = evaluate.Tuned(model, tokens.load(str(base)), "x", batch=3, longest=12)
    alone = evaluate.Tuned(model, tokens.load(str(base)), "x", batch=1, longest=12)
    together.look_ahead(prompts)
    assert [together.generate(p)[0].sql for p in prompts] == [alone.generate(p)[0].sql for p in prompts]
    assert len({together.generate(p)[0].sql for p in prompts}) > 1


def test_every_prompt_of_a_run_is_answered_in_a_batch(folder, tmp_path, monkeypatch):
    """The prompts that are prepared are the very ones that the scorer asks for, value hints and all."""
    base = make_gguf(tmp_path / "tiny.gguf")
    batches = []
    answer = evaluate.Tuned._answer
    monkeypatch.setattr(
        evaluate.Tuned, "_answer", lambda self, rows: batches.append(len(rows)) or answer(self, rows)
    )
    rows = [
        {"question": q, "query": "SELECT name FROM singer", "db_id": "music"} for q in ("Is Ann one?", "Who?")
    ]
    (folder / "val.json").write_text(json.dumps(rows))
    words = ["--model-name", str(base), "--precision=fp32", "--data", str(folder)]
    assert main(["evaluate", *words, "--out", str(tmp_path / "out")]) == 0
    assert batches == [2]


def test_a_base_with_its_adapter_is_scored_under_the_runtime(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path / "home"))
    base = make_gguf(tmp_path / "tiny.gguf", "llama", scale=0.1)
    adapter = convert_tiny.adapter(tmp_path / "tuned", scale=0.1)
    words = ["--gguf", str(base), "--adapter-path", str(adapter), "--data", str(folder), "--threads", "1"]
    assert main(["evaluate", *words, "--max-tokens", "40", "--out", str(tmp_path / "out")]) == 0
    settings = json.loads((tmp_path / "out" / "run.json").read_text())
    assert settings["model"] == "tiny+tuned" and settings["adapter_sha256"]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    for measure in ("correct", "exact", "tree"):
        low, high = report["measures"][measure]["by_question"]
        assert 0 <= low < high <= 1, measure


@pytest.mark.parametrize("kind", ["gguf", "folder"])
def test_an_adapter_that_a_run_made_is_scored_by_its_folder_alone(tmp_path, monkeypatch, capsys, kind):
    """Base and questions are those of the run, wherever the command is given."""
    if kind == "gguf":
        base = make_gguf(tmp_path / "base.gguf")
    else:
        base = convert_tiny.hf_folder(tmp_path / "base", "qwen2", dtype="F32")
    rows = [
        {"question": f"How many heads are over {n}?", "context": "CREATE TABLE head (age INTEGER)",
         "answer": f"SELECT COUNT(*) FROM head WHERE age > {n}"}
        for n in range(40)
    ]  # fmt: skip
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    words = [f"--model-name=../{base.name}", "--dataset=../rows.json", "--output-dir=../out", "--max-steps=1"]
    assert main([*words, "--precision=fp32", "--batch-size=2", "--lora-r=2", "--threads=1"]) == 0
    held = (tmp_path / "out" / "validation.jsonl").read_text().splitlines()
    assert 0 < len(held) < 10
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    assert main(["evaluate", "--adapter-path", str(tmp_path / "out"), "--precision=fp32", "--out=o"]) == 0
    found = [json.loads(line) for line in (tmp_path / "there/o/predictions.jsonl").read_text().splitlines()]
    assert sorted(one["question"] for one in found) == sorted(json.loads(line)["question"] for line in held)
    assert str(tmp_path) not in (tmp_path / "out/training.json").read_text()
    capsys.readouterr()


def test_an_adapter_without_questions_asks_for_them(tmp_path, capsys):
    (tmp_path / "training.json").write_text(json.dumps({"config": {"validation": {"files": []}}}))
    assert main(["evaluate", "--adapter-path", str(tmp_path)]) == 2
    assert "Say which questions: --data DIR" in capsys.readouterr().err


def test_nothing_to_score_is_a_usage_error(capsys):
    assert main(["evaluate", "--data", "x"]) == 2
    assert "--adapter-path" in capsys.readouterr().err


def test_the_base_that_a_record_names_by_its_file_is_found_in_the_registry(tmp_path):
    record = {"config": {"model_name": "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"}}
    (tmp_path / "training.json").write_text(json.dumps(record))
    assert evaluate.base_of(tmp_path) == "qwen2.5-coder-1.5b"
    record["config"]["model_name"] = "mine.gguf"
    (tmp_path / "training.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match="--model-name"):
        evaluate.base_of(tmp_path)
