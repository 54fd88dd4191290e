"""Answers that are values: what counts as the same, and what does not."""

from __future__ import annotations

import json
import sqlite3

import pytest

from bench.denotation import matches, normalise, value


@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        (["12,467"], [(12467,)]),
        (["12,467"], [("12467",)]),
        (["$5.50"], [(5.5,)]),
        (["0.1"], [(0.1 + 1e-9,)]),
        (["1990"], [("1990-xx-xx",)]),
        (["March 4, 2005"], [("2005-03-04",)]),
        (["4 March 2005"], [("mar 4, 2005",)]),
        (["March 2005"], [("2005-03-xx",)]),
        (["Bogotá"], [("bogota",)]),
        (["Kim Yu-na"], [("kim yu–na (kor)",)]),
        (["The End"], [('"the end"[3]',)]),
        (["St. Louis"], [("st. louis.",)]),
        (["Siim Ennemuist", "Andri Aganits"], [("andri aganits",), ("siim ennemuist",)]),
        (["1", "2"], [(2,), (1,), (1,)]),
        (["Oslo", "3"], [("oslo", 3)]),
    ],
)
def test_the_same_values_match_however_they_are_written(answer, rows):
    assert matches(answer, rows)


@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        (["12,467"], [(12468,)]),
        (["12"], [("12 points",)]),
        (["March 4, 2005"], [("2005-04-03",)]),
        (["March 4"], [("2005-03-04",)]),
        (["Oslo"], [("oslo",), ("bergen",)]),
        (["Oslo", "Bergen"], [("oslo",)]),
        (["Oslo"], []),
        (["Oslo"], [(None,)]),
        (["0"], [(None,)]),
        (["Marching 4"], [(4,)]),
        (["1"], [("oslo", 1)]),
    ],
)
def test_other_values_do_not(answer, rows):
    assert not matches(answer, rows)


def test_a_negative_zero_and_a_bare_sign_are_what_they_are():
    assert value(-0.0) == value("0")
    assert value("-") == ("text", "-")
    assert normalise("(unknown)") == "(unknown)"


def test_accuracy_judges_a_set_of_answers_by_its_values(tmp_path, capsys):
    from bench.accuracy import main
    from tests.fake_model import FakeModel

    folder = tmp_path / "database" / "t_1"
    folder.mkdir(parents=True)
    with sqlite3.connect(folder / "t_1.sqlite") as connection:
        connection.execute("CREATE TABLE data (row_id INTEGER, team TEXT, fans TEXT)")
        connection.executemany(
            "INSERT INTO data VALUES (?, ?, ?)",
            [(1, "reds", "12,467"), (2, "blués", "9"), (3, "greens", "9")],
        )
    rows = [
        {"id": "nt-1", "question": "how many fans had the reds?", "db_id": "t_1", "answer": ["12467"]},
        {"id": "nt-2", "question": "which teams had 9 fans?", "db_id": "t_1", "answer": ["Greens", "Blues"]},
        {"id": "nt-3", "question": "how many teams are there?", "db_id": "t_1", "answer": ["4"]},
    ]
    (tmp_path / "dev.json").write_text(json.dumps(rows), encoding="utf-8")
    said = [
        "SELECT fans FROM data WHERE team = 'reds'",
        "SELECT team FROM data WHERE fans = '9'",
        "SELECT COUNT(*) FROM data",
    ]
    out = tmp_path / "out"
    words = ["--data", str(tmp_path), "--split", "dev", "--limit", "3", "--seed", "1", "--out", str(out)]
    assert main(words, FakeModel(said)) == 0
    found = [
        json.loads(line) for line in (out / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert {one["question"]: one["correct"] for one in found} == {
        rows[0]["question"]: True,
        rows[1]["question"]: True,
        rows[2]["question"]: False,
    }
    assert all(one["labels"] == [] for one in found)
    assert main([*words, "--rescore"]) == 0
    assert "2/3" in capsys.readouterr().err
