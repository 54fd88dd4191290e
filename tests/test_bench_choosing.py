"""A run's statements weighed otherwise: the replay says what the product would have answered."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from bench import choosing
from sqlagent.base.errors import UsageError

RIGHT, WRONG, EMPTY = (
    "SELECT COUNT(DISTINCT a) FROM t",
    "SELECT COUNT(*) FROM t",
    "SELECT a FROM t WHERE a > 9",
)


def statement(sql: str, logprob: float, told: float | None = None) -> dict[str, object]:
    figures = {"margin": 0.5, "tokens": 9, "forced": 3, "min_token_logprob": -0.5, "finished": True}
    return {"sql": sql, "logprob": logprob, "question_logprob": told, "correct": sql == RIGHT, **figures}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "database" / "d").mkdir(parents=True)
    connection = sqlite3.connect(folder / "database" / "d" / "d.sqlite")
    connection.executescript("CREATE TABLE t(a INT); INSERT INTO t VALUES (1), (1), (2)")
    connection.close()
    question = {"db_id": "d", "question": "How many different a?", "query": RIGHT}
    (folder / "val.json").write_text(json.dumps([question] * 3))
    (folder / "tables.json").write_text("[]")
    return folder


def run(folder: Path, *candidates: list[dict[str, object]]) -> Path:
    folder.mkdir()
    records = [
        {"id": f"val-{i:05d}", "candidates": some, "correct": some[0]["correct"]}
        for i, some in enumerate(candidates)
    ]
    (folder / "predictions.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def test_the_table_says_how_many_would_be_right(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run(
        tmp_path / "run",
        [statement(WRONG, -1.0, -20.0), statement(RIGHT, -1.4, -18.0)],
        [statement(EMPTY, -1.0, -20.0), statement(RIGHT, -3.5, -20.0)],
        [statement(RIGHT, -1.0)],
    )
    assert choosing.main([str(made), "--data", str(data)]) == 0
    said = capsys.readouterr().out
    assert "3 questions, several statements for 2 of them." in said
    assert "Right as answered 1, first statement 1, any 3." in said
    rows = {
        line.split("|")[1].strip(): line.split("|")[2:-1] for line in said.splitlines() if line[:1] == "|"
    }
    assert [int(cell) for cell in rows["0"]] == [3, 1, 1, 1, 1, 1, 1]
    assert [int(cell) for cell in rows["0.5"]] == [4, 1, 2, 2, 2, 2, 2]


def test_what_is_no_run_or_another_data_set_is_refused(tmp_path: Path, data: Path) -> None:
    with pytest.raises(UsageError, match="no run"):
        choosing.main([str(tmp_path), "--data", str(data)])
    made = run(tmp_path / "run", *[[statement(WRONG, -1.0), statement(RIGHT, -1.4)]] * 4)
    with pytest.raises(UsageError, match="lacks"):
        choosing.main([str(made), "--data", str(data)])
