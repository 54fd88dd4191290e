"""Promises of `python -m convert`: the chain works by command, stdout is data, errors are one sentence."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("gguf", reason="the convert extra is not installed")

import convert_tiny as tiny
from tiny_gguf import make_gguf

from convert.cli import main
from sqlagent.weights.gguf_read import GgufFile

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A base, an adapter and a small data set."""
    make_gguf(tmp_path / "base.gguf", "llama", scale=0.1)
    tiny.adapter(tmp_path / "adapter", scale=0.05)
    (tmp_path / "data" / "database" / "shop").mkdir(parents=True)
    with sqlite3.connect(tmp_path / "data" / "database" / "shop" / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT)")
    rows = [
        {"question": f"How many {i}?", "query": "SELECT COUNT(*) FROM city", "db_id": "shop"}
        for i in range(3)
    ]
    for split in ("train", "val"):
        (tmp_path / "data" / f"{split}.json").write_text(json.dumps(rows))
    return tmp_path


def run(*words: str | int | Path) -> int:
    return main([str(word) for word in words])


def test_one_command_does_the_whole_chain(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(
        *("all", "--base", place / "base.gguf", "--adapter", place / "adapter", "--out-dir", place / "out"),
        *("--name", "sql", "--types", "Q8_0,q4_0", "--data", place / "data", "--limit", 2, "--threads", 1),
    )
    out, err = capsys.readouterr()
    assert code == 0, err
    assert out.splitlines() == [str(place / "out" / "sql-q8_0.gguf"), str(place / "out" / "sql-q4_0.gguf")]
    assert sorted(p.name for p in (place / "out").iterdir()) == [
        "sql-imatrix.gguf",
        "sql-q4_0.gguf",
        "sql-q8_0.gguf",
    ]
    file = GgufFile(place / "out" / "sql-q8_0.gguf")
    assert file.get("general.name") == "sql" and file.get("sqlagent.adapter_sha256")
    assert "%" in err  # progress went to stderr


def test_the_steps_work_one_by_one(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ("--base", place / "base.gguf", "--adapter", place / "adapter", "--quiet")
    assert run("merge", *common, "--out", place / "merged-f32.gguf", "--type", "f32") == 0
    assert run("lora", *common, "--out", place / "lora.gguf") == 0
    assert GgufFile(place / "lora.gguf").get("adapter.type") == "lora"
    data = ("--data", place / "data", "--limit", "2", "--threads", "1", "--quiet")
    assert run("imatrix", "--model", place / "merged-f32.gguf", *data, "--out", place / "i.gguf") == 0
    capsys.readouterr()
    quantize = ("quantize", place / "merged-f32.gguf", "--threads", "1", "--quiet")
    assert run(*quantize, "--type", "Q8_0", "--imatrix", place / "i.gguf") == 0
    assert capsys.readouterr().out == f"{place / 'merged-q8_0.gguf'}\n"
    compare = ("compare", "--reference", place / "merged-f32.gguf", place / "merged-q8_0.gguf", *data)
    assert run(*compare) == 0
    table = capsys.readouterr()
    assert "| merged-q8_0 |" in table.out and table.err == ""
    assert run(*compare, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["kl_mean"] < 1e-9 < rows[1]["kl_mean"] < 0.1


def test_merged_and_at_load_stand_in_one_table_with_what_was_evaluated(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="the convert extra is not installed")
    from bench import accuracy

    monkeypatch.setenv("SQLAGENT_HOME", str(place / "home"))
    pair = (place / "base.gguf", place / "adapter")
    common = ("--base", pair[0], "--adapter", pair[1], "--quiet", "--type", "f32")
    assert run("merge", *common, "--out", place / "merged.gguf") == 0
    runs = {"merged": ["--model", place / "merged.gguf"], "load": ["--model", pair[0], "--adapter", pair[1]]}
    for name, words in runs.items():
        settings = ["--data", place / "data", "--max-tokens", 30, "--threads", 1, "--out", place / name]
        assert accuracy.main([str(word) for word in (*words, *settings)]) == 0
    capsys.readouterr()
    compare = [
        *("compare", "--reference", place / "merged.gguf", pair[0], "--at-load", *pair),
        *("--data", place / "data", "--limit", 2, "--threads", 1, "--quiet", "--picture", place / "p.png"),
    ]
    evaluated = ["--evaluation", place / "merged", "--evaluation", place / "load"]
    assert run(*compare, *evaluated, "--json") == 0
    merged, plain, loaded = json.loads(capsys.readouterr().out)
    assert loaded["name"] == "base+adapter, LoRA at load"
    assert loaded["kl_mean"] < 0.01 * plain["kl_mean"], "the adapter was not applied"
    assert loaded["mb"] > plain["mb"]
    assert plain["kept"] == 0.0 and loaded["kept"] is None, "of the adapter, in the base and beside it"
    assert plain["accuracy"] is None and merged["questions"] == loaded["questions"] == 3
    assert (place / "p.png").read_bytes().startswith(b"\x89PNG")
    assert run(*compare, *evaluated) == 0
    table = capsys.readouterr().out
    assert (
        "execution accuracy (95 %)" in table or "exact match (95 %)" in table and "| adapter kept |" in table
    )
    assert len({line.count("|") for line in table.splitlines() if line.startswith("|")}) == 1
    other = [
        "compare",
        "--reference",
        pair[0],
        pair[0],
        "--data",
        place / "data",
        "--evaluation",
        place / "load",
    ]
    assert run(*other, "--quiet", "--limit", 1) == 2
    assert "none of these files" in capsys.readouterr().err


def test_a_folder_becomes_a_gguf_or_a_merged_folder(place: Path) -> None:
    folder = tiny.hf_folder(place / "hf", "llama")
    assert run("gguf", "--model", folder, "--out", place / "out.gguf", "--quiet") == 0
    common = ("--base", folder, "--adapter", place / "adapter", "--quiet")
    assert run("merge", *common, "--out", place / "merged") == 0
    assert (place / "merged" / "model.safetensors").is_file()
    assert run("merge", *common, "--out", place / "merged.gguf", "--type", "bf16") == 0
    assert GgufFile(place / "merged.gguf").tensors["output.weight"].type.name == "BF16"


def test_no_command_writes_over_a_file_unless_told_to(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = place / "there.gguf"
    there.write_bytes(b"mine")
    common = ("--base", place / "base.gguf", "--adapter", place / "adapter", "--quiet")
    folder = tiny.hf_folder(place / "hf", "llama")
    merged = place / "adapter-f16.gguf"
    commands: list[tuple[object, ...]] = [
        ("merge", *common, "--out", there),
        ("lora", *common, "--out", there),
        ("gguf", "--model", folder, "--out", there, "--quiet"),
        ("quantize", place / "base.gguf", "--type", "Q8_0", "--out", there, "--quiet"),
        ("imatrix", "--model", place / "base.gguf", "--data", place / "data", "--out", there, "--quiet"),
    ]
    for words in commands:
        assert run(*words) == 2, words
        assert f"{there} is there already" in capsys.readouterr().err
        assert there.read_bytes() == b"mine"
    merged.write_bytes(b"mine")
    assert run("all", *common, "--out-dir", place) == 2 and merged.read_bytes() == b"mine"
    for words in commands[:2]:
        assert run(*words, "--force") == 0
        assert there.read_bytes()[:4] == b"GGUF"


def test_a_picture_shows_every_model_and_names_what_was_measured(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the convert extra is not installed")
    from convert import compare

    common = {
        "positions": 9,
        "kl_mean": 0.1,
        "kl_p99": 0.2,
        "top1": 0.9,
        "perplexity": 1.5,
        "prompt_speed": 90.0,
    }
    judged = compare.Row("judged", 10.0, generation_speed=5.0, accuracy=0.5, low=0.4, high=0.6, questions=9,
                         measure="exact", **common)  # fmt: skip
    unjudged = compare.Row("unjudged", 12.0, generation_speed=6.0, **common)
    torch = compare.Row("torch", None, **common)
    figure = compare.figure_of([judged, unjudged, torch])
    drawn = [[line.get_label() for line in axes.lines] for axes in figure.axes]
    assert drawn == [["judged"], ["judged"], ["judged", "unjudged"], ["judged", "unjudged"]]
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == [
        "normalised exact match, %",
        "KL from the reference, nats",
    ]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == [
        "judged",
        "unjudged",
        "torch (no size, no generation speed)",
    ]
    assert "| normalised exact match (95 %) |" in compare.markdown([judged, unjudged])
    correct = compare.figure_of([dataclasses.replace(judged, measure="correct")])
    assert [axes.get_ylabel() for axes in correct.axes] == ["execution accuracy, %"] * 2


def test_evaluations_that_judge_otherwise_are_not_put_in_one_column(place: Path) -> None:
    from convert import compare
    from convert.card import Evaluation
    from sqlagent.base.errors import UsageError
    from sqlagent.store.adapters import Files
    from sqlagent.weights.gguf_header import sha256_of

    base = place / "base.gguf"
    row = compare.Row("base", 1.0, 9, 0.1, 0.2, 0.9, 1.5, 90.0)
    share = {"share": 0.5, "by_question": [0.4, 0.6], "of": 9}
    settings = {"model": "base", "model_sha256": sha256_of(base), "adapter_sha256": None}
    runs = [
        Evaluation(settings, {"judged_by": name, "measures": {name: share}}) for name in ("correct", "exact")
    ]
    with pytest.raises(UsageError, match="judged by normalised exact match, another by execution accuracy"):
        compare.with_accuracy([row], [Files(base)], runs)


def test_compare_runs_a_model_under_transformers_too(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("torch", "transformers", "peft"):
        pytest.importorskip(package, reason="the train extra is not installed")
    monkeypatch.setenv("SQLAGENT_HOME", str(place / "home"))
    pair = (place / "base.gguf", place / "adapter")
    assert (
        run(
            "merge",
            "--base",
            pair[0],
            "--adapter",
            pair[1],
            "--quiet",
            "--type",
            "f32",
            "--out",
            place / "m.gguf",
        )
        == 0
    )
    capsys.readouterr()
    data = ("--data", place / "data", "--limit", 3, "--threads", 1, "--quiet")
    compare = ("compare", "--reference", place / "m.gguf", "--transformers", *pair, *data)
    assert run(*compare, "--json") == 0
    merged, same = json.loads(capsys.readouterr().out)
    assert merged["positions"] == same["positions"] > 10
    assert same["kl_mean"] < 1e-4 and same["top1"] == 1.0
    assert same["mb"] is None and same["generation_speed"] is None
    assert run(*compare, "--transformers", pair[0]) == 0
    assert "transformers in float32" in capsys.readouterr().out
    assert run(*compare, "--transformers", *pair, "more") == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("merge --base base.gguf --adapter none --out o.gguf", 3, "none is not an adapter"),
        ("merge --base none.gguf --adapter adapter --out o.gguf", 3, "There is no model file none.gguf"),
        ("merge --base base.gguf --adapter adapter --out folder", 2, "end --out with .gguf"),
        ("merge --base nonsense --adapter adapter --out o.gguf", 2, "No model is called 'nonsense'"),
        ("gguf --model base.gguf --out o.gguf", 2, "is a GGUF already"),
        ("gguf --model data --out o.gguf", 3, "has no config.json"),
        (
            "gguf --model Org/Name --out o.gguf",
            3,
            "Org/Name is not on this machine and going online is forbidden",
        ),
        ("lora --base hf --adapter adapter --out o.gguf", 2, "for a GGUF base"),
        ("quantize base.gguf --type Q9", 2, "There is no type 'Q9'"),
        ("quantize none.gguf", 3, "There is no model file none.gguf"),
        ("all --base base.gguf --adapter adapter --out-dir out --types ,", 2, "--types names no type"),
        ("imatrix --model base.gguf --data nowhere --out i.gguf", 2, "there is no folder nowhere"),
        ("compare --reference base.gguf --data data", 2, "Say what to compare"),
        ("compare --reference base.gguf --data data none.gguf", 3, "There is no model file"),
        ("publish --repo x --gguf base.gguf", 2, "give --repo OWNER/NAME"),
        ("publish --repo me/x --gguf base.gguf", 2, "Going online is forbidden"),
    ],
)
def test_an_error_is_one_sentence_and_a_code(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    code: int,
    said: str,
) -> None:
    tiny.hf_folder(place / "hf", "llama")
    monkeypatch.chdir(place)
    before = sorted(path.name for path in place.iterdir())
    assert main([*words.split(), "--quiet"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ") and said in err and err.count("\n") == 1, err
    assert sorted(path.name for path in place.iterdir()) == before


def test_underscores_are_dashes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    command = "merge --base base.gguf --adapter adapter --out o.gguf --any_base --quiet"
    assert main(command.split()) == 0


def test_help_and_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "python -m convert publish" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "quantise a GGUF" in capsys.readouterr().out


def test_help_needs_no_heavy_package() -> None:
    code = (
        "import sys\n"
        "from convert.cli import main\n"
        "try: main(['merge', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'gguf', 'numpy', 'huggingface_hub'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_merge_from_a_gguf_needs_no_torch(place: Path) -> None:
    code = (
        "import sys\n"
        "from convert.cli import main\n"
        "done = main('merge --base base.gguf --adapter adapter --out o.gguf --quiet'.split())\n"
        "heavy = {'torch', 'transformers', 'peft', 'huggingface_hub', 'safetensors'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else done)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
