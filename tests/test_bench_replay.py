"""A run's statements asked again through the whole agent: the rules of today choose among the model's words of then."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from bench import replay
from sqlagent.base.errors import UsageError

LISTED = "SELECT team, MAX(wins) FROM t WHERE team = 'Oslo' OR team = 'Bergen'"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "database" / "d").mkdir(parents=True)
    connection = sqlite3.connect(folder / "database" / "d" / "d.sqlite")
    connection.executescript(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, team TEXT, wins INTEGER);"
        "INSERT INTO t VALUES (1, 'Oslo', 3), (2, 'Bergen', 5)"
    )
    connection.close()
    questions = [
        {"db_id": "d", "question": "How many teams are there?", "query": "SELECT COUNT(*) FROM t"},
        {
            "db_id": "d",
            "question": "Which has more wins, Oslo or Bergen?",
            "query": "SELECT team FROM t ORDER BY wins DESC LIMIT 1",
        },
    ]
    (folder / "val.json").write_text(json.dumps(questions))
    (folder / "tables.json").write_text("[]")
    return folder


def run(folder: Path, *rows: tuple[str, str, bool]) -> Path:
    folder.mkdir()
    figures = {
        "logprob": -1.0,
        "margin": 0.5,
        "tokens": 9,
        "forced": 3,
        "min_token_logprob": -0.5,
        "finished": True,
    }
    records = [
        {
            "id": f"val-{i:05d}",
            "question": question,
            "pred": sql,
            "correct": right,
            "candidates": [{"sql": sql, "question_logprob": None, "correct": right, **figures}],
        }
        for i, (question, sql, right) in enumerate(rows)
    ]
    (folder / "predictions.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def test_what_changed_is_counted_and_shown(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run(
        tmp_path / "run",
        ("How many teams are there?", "SELECT COUNT(*) FROM t", True),
        ("Which has more wins, Oslo or Bergen?", LISTED, False),
    )
    assert replay.main([str(made), "--data", str(data)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "2 answers, 1 the same, 1 gained, 0 lost"
    assert said[1:3] == ["gained: Which has more wins, Oslo or Bergen?", f"  {LISTED}"]


def test_what_is_no_run_is_refused(tmp_path: Path, data: Path) -> None:
    with pytest.raises(UsageError, match="no run"):
        replay.main([str(tmp_path), "--data", str(data)])
