"""`bench peers`: what is asked, what counts as a statement and as rows, and how ratios are laid out."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from bench.peers import main
from bench.peers.floor import Floor
from bench.peers.table import Trial, table
from bench.peers.ways import Missing, Reply, run, schema_text, statement, ways
from sqlagent.base.errors import OK, UsageError
from sqlagent.store.adapters import Files


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE item (name TEXT); INSERT INTO item VALUES ('nut'), ('bolt');")
    connection.close()
    questions = [
        {"input": "How many items are there?", "expected": "SELECT COUNT(*) FROM item"},
        {"input": "List the items.", "expected": "SELECT name FROM item"},
    ]
    (tmp_path / "shop_questions.json").write_text(json.dumps(questions))
    return path


@pytest.mark.parametrize(
    ("answer", "sql"),
    [
        ("SELECT 1", "SELECT 1"),
        ("```sql\nSELECT 1;\n```\nThis counts.", "SELECT 1"),
        ("Here you are:\n```\nSELECT 1\n```", "SELECT 1"),
        ("```sql\nSELECT 1", "SELECT 1"),  # cut at the most tokens
        ("", ""),
    ],
)
def test_the_statement_is_cut_out_of_what_a_model_says(answer: str, sql: str) -> None:
    assert statement(answer) == sql


def test_statements_run_on_a_connection_that_cannot_write(shop: Path) -> None:
    assert schema_text(shop) == "CREATE TABLE item (name TEXT)"
    assert run(shop, "SELECT name FROM item") is None
    assert run(shop, "") == "no statement"
    assert "no such column" in (run(shop, "SELECT price FROM item") or "")
    assert "readonly" in (run(shop, "DELETE FROM item") or "")


def test_ratios_are_of_one_question_at_a_time() -> None:
    trials = [
        Trial("a", "ours", Reply("", 1.0, read=100, written=10), True),
        Trial("a", "free", Reply("", 4.0), False),
        Trial("b", "ours", Reply("", 10.0, read=0, written=10), True),
        Trial("b", "free", Reply("", 20.0, "no such column: x"), False),
    ]
    lines = table("m", "d.sqlite", trials, Floor(token=0.05, prompt=0.005))
    row = next(line for line in lines if line.startswith("| free"))
    assert "| 2 | 12.00 |" in row and "| 50% |" in row and row.endswith("| 0.38 |")  # 1/4 and 10/20
    floor = next(line for line in lines if line.startswith("| floor"))
    assert floor.endswith("| 10.50 |")  # 1 / 1.0 and 10 / 0.5


def test_a_way_whose_package_is_not_here_is_left_out_and_named(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "xllamacpp", None)
    (found,) = ways(["xllamacpp"], Files(tmp_path / "model.gguf"), shop, 1)
    assert isinstance(found, Missing) and "xllamacpp" in found.why


def test_a_way_that_nobody_knows_is_refused(shop: Path) -> None:
    with pytest.raises(UsageError, match="ours, free"):
        main(["--data", str(shop.parent), "--split", "shop", "--ways", "ours,magic"])


@pytest.mark.slow
def test_ours_and_free_decoding_answer_the_same_questions(
    shop: Path, tiny_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["--data", str(shop.parent), "--split", "shop", "--ways", "ours,free", "--model", str(tiny_path)]
    assert main([*line, "--limit", "1", "--threads", "1"]) == OK
    out = capsys.readouterr().out
    assert "| ours | 1 |" in out and "| free | 1 |" in out and "| floor of ours | 1 |" in out
    assert (
        "| floor of ours | 1 | 0.00 |" not in out
    )  # what the statement took, not what was asked of the model last
