"""A preference stage: pairs out of the model's own statements, and trl's DPO over them, both the real thing."""

from __future__ import annotations

import json

import pytest

NEEDS = "training is not installed: pip install torch==2.13.0 and the train extra"
for _name in ("torch", "transformers", "peft", "trl", "datasets", "sqlglot", "gguf"):
    pytest.importorskip(_name, reason=NEEDS)

import convert_tiny as tiny  # noqa: E402

from convert import gguf  # noqa: E402
from sqlagent.base.progress import Progress  # noqa: E402
from tests.fake_model import FakeModel, candidate  # noqa: E402
from tests.test_train_rejection import made  # noqa: E402
from train import prefer  # noqa: E402
from train.cli import main  # noqa: E402
from train.pairs import pair_of  # noqa: E402

ROWS = [
    {
        "question": "who has most points?",
        "query": "SELECT team FROM data ORDER BY points DESC LIMIT 1",
        "db_id": "t_1",
    },
    {
        "question": "how many are from the north?",
        "query": "SELECT count(*) FROM data WHERE part = 'north'",
        "db_id": "t_1",
    },
    {"question": "what are the teams?", "query": "SELECT team FROM data", "db_id": "t_1"},
    {
        "question": "which are from the east?",
        "query": "SELECT team FROM data WHERE part = 'east'",
        "db_id": "t_1",
    },
]
WRITTEN = [
    candidate("SELECT team FROM data ORDER BY points LIMIT 1", logprob=-0.1),
    [candidate("SELECT team FROM data WHERE points = (SELECT MAX(points) FROM data)", logprob=-1.5)],
    # right by chance and more likely: in no pair, neither as the better nor as the worse one
    candidate("SELECT row_id FROM data LIMIT 1 OFFSET 1", logprob=-0.2),
    [
        candidate("SELECT COUNT(*) FROM data", logprob=-0.5),
        candidate("SELECT COUNT(*) FROM data WHERE part = 'north'", logprob=-0.9),
    ],
    candidate("SELECT team FROM data", logprob=-0.1),  # nothing is wrong here
    [],
    candidate("SELECT team FROM data WHERE part = 'west'", logprob=-0.3),  # nothing is right here
    [],
]


@pytest.fixture
def data(tmp_path):
    made(tmp_path / "data" / "database" / "t_1" / "t_1.sqlite")
    (tmp_path / "data" / "train.json").write_text(json.dumps(ROWS), encoding="utf-8")
    return tmp_path / "data"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    tiny.hf_folder(folder / "hf", "qwen2", dtype="F32", max_position_embeddings=4096)
    gguf.convert(folder / "hf", folder / "tiny.gguf", kind="f32", progress=Progress(quiet=True))
    return folder / "tiny.gguf"


def words(data, base, adapter, output, *more):
    return [
        f"--adapter-path={adapter}",
        f"--model-name={base}",
        f"--data={data}",
        f"--output-dir={output}",
        "--threads=1",
        *more,
    ]


def test_right_statements_gain_on_wrong_ones_and_the_adapter_goes_on_as_any_other(
    data, base, tmp_path, capsys
):
    from peft import PeftModel

    from train import evaluate, qlora

    adapter, output = tiny.adapter(tmp_path / "adapter", scale=0.05), tmp_path / "better"
    before = (adapter / "adapter_model.safetensors").read_bytes()
    told = words(data, base, adapter, output, "--lr=1e-2", "--epochs=6", "--batch-size=2")
    assert prefer.main(told, FakeModel(WRITTEN)) == 0
    said = capsys.readouterr().err
    assert "4 questions, 2 pairs" in said and "right" in said and "other rows" in said
    held = [json.loads(line) for line in (output / "pairs.jsonl").read_text().splitlines()]
    found = [pair for line in held if (pair := pair_of(line))]
    assert [(one.chosen, one.rejected) for one in found] == [
        (WRITTEN[1][0].sql, WRITTEN[0].sql),
        (WRITTEN[3][1].sql, WRITTEN[3][0].sql),
    ]
    assert {line["question"]: bool(line["chosen"]) for line in held} == {
        row["question"]: row["question"] != "which are from the east?" for row in ROWS
    }
    record = json.loads((output / "training.json").read_text())["preference"]
    curve = record["curve"]
    assert (record["method"], record["pairs"], len(curve)) == ("dpo", 2, 6)
    assert curve[0]["margin"] == pytest.approx(0, abs=1e-4)  # against the adapter as it came
    assert curve[-1]["margin"] > 0.5 and curve[-1]["accuracy"] == 1.0 and curve[-1]["loss"] < curve[0]["loss"]
    assert (adapter / "adapter_model.safetensors").read_bytes() == before
    assert (output / "adapter_model.safetensors").read_bytes() != before
    assert evaluate.base_of(output) == str(base)
    model = qlora.load_base(
        str(base), numbers=qlora.numbers("fp32", "cpu"), quantization="none", device="cpu"
    )
    PeftModel.from_pretrained(model, str(output))
    assert not (output / "trl").exists()


def test_what_is_done_is_not_asked_again_and_too_few_pairs_are_one_sentence(data, base, tmp_path, capsys):
    adapter, output = tiny.adapter(tmp_path / "adapter"), tmp_path / "out"
    first = FakeModel(WRITTEN[4:])
    told = words(data, base, adapter, output, "--pairs-only", "--limit=4")
    (data / "train.json").write_text(json.dumps(ROWS[2:]))
    assert prefer.main(told, first) == 0
    again = FakeModel([])
    assert (
        main(["prefer", *told[:-2], "--pairs-only"]) == 0
    )  # nothing is left to write, so no model is loaded
    with pytest.raises(prefer.UsageError, match="Only 0 questions have a right and a wrong statement"):
        prefer.main(told[:-2], again)
    assert not again.prompts and not (output / "adapter_model.safetensors").exists()


def test_llama_cpp_writes_the_statements_with_the_adapter_under_the_grammar(data, base, tmp_path):
    """Random weights are hardly ever right, but each statement runs, and every question gets its line."""
    adapter, output = tiny.adapter(tmp_path / "adapter"), tmp_path / "out"
    assert main(["prefer", *words(data, base, adapter, output, "--pairs-only", "--more=2", "--limit=2")]) == 0
    held = [json.loads(line) for line in (output / "pairs.jsonl").read_text().splitlines()]
    assert len(held) == 2
    for line in held:
        assert "does not run" not in line["why"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"--model-name": "someone/model"}, "Statements are written under the grammar, by llama.cpp"),
        ({"--output-dir": "{adapter}"}, "--output-dir is the adapter itself"),
    ],
)
def test_what_cannot_be_preferred_is_one_sentence(data, base, tmp_path, capsys, changes, said):
    adapter = tiny.adapter(tmp_path / "adapter")
    told = words(data, base, adapter, tmp_path / "out")
    told += [f"{flag}={value.format(adapter=adapter)}" for flag, value in changes.items()]
    assert main(["prefer", *told]) == 2
    assert said in capsys.readouterr().err
