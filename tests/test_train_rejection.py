"""Pairs by rejection: right for the right reason, resumable, and shown as the runtime shows them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

pytest.importorskip("sqlglot", reason="sqlglot is not installed: it is in the train and test extras")

from sqlagent.database import schema as schemas
from tests.fake_model import FakeModel, candidate
from train import rejection
from train.config import from_dict
from train.data import Pipeline
from train.worlds import Worlds

TEAMS = [
    (1, "reds", "north", 30, "12/05/2001"),
    (2, "blues", "south", 10, "13/05/2001"),
    (3, "greens", "north", 20, "30/06/2002"),
    (4, "golds", "south", 10, "01/07/2003"),
    (5, "whites", "east", 5, "14/02/2003"),
]


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE data (row_id INTEGER, team TEXT, part TEXT, points INTEGER, founded TEXT)"
        )
        connection.executemany("INSERT INTO data VALUES (?, ?, ?, ?, ?)", TEAMS)
    connection.close()
    return path


@pytest.fixture
def database(tmp_path):
    return made(tmp_path / "database" / "t_1" / "t_1.sqlite")


@pytest.fixture
def worlds(database):
    found = Worlds(database, schemas.read(database))
    yield found
    found.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT team FROM data ORDER BY points DESC LIMIT 1",
        "SELECT COUNT(*) FROM data WHERE part = 'north'",
        "SELECT team FROM data WHERE part = 'south'",
        "SELECT SUM(points) FROM data",
        "SELECT COUNT(*) FROM data",
        "SELECT team FROM data WHERE row_id = (SELECT row_id FROM data WHERE team = 'blues') + 1",
    ],
)
def test_a_statement_that_says_what_it_gives_passes(worlds, sql):
    assert worlds.judge(sql).why == ""


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT team FROM data LIMIT 1", "depends on the order in which rows are stored"),
        ("SELECT team FROM data WHERE points = 10 LIMIT 1", "depends on the order in which rows are stored"),
        ("SELECT 5 FROM data WHERE team = team LIMIT 1", "gives the same whatever is stored"),
        ("SELECT FROM data", "cannot be read"),
        ("SELECT absent FROM data", "does not run outside of the sandbox"),
    ],
)
def test_one_that_gives_it_by_chance_is_found(worlds, sql, why):
    assert worlds.judge(sql).why == why


def test_the_file_is_only_read(database, worlds):
    before = database.read_bytes()
    worlds.judge("SELECT COUNT(*) FROM data")
    assert database.read_bytes() == before


ROWS = [
    {"id": "nt-1", "question": "who has most points?", "db_id": "t_1", "answer": ["Reds"]},
    {"id": "nt-2", "question": "how many are from the north?", "db_id": "t_1", "answer": ["2"]},
    {"id": "nt-3", "question": "what is never answered?", "db_id": "t_1", "answer": ["nothing"]},
    {"id": "nt-4", "question": "which were founded in 2003?", "db_id": "t_1", "answer": ["golds", "whites"]},
]
WRITTEN = [
    # the greedy statement is wrong, one that turns off it is right
    candidate("SELECT team FROM data ORDER BY points LIMIT 1", logprob=-0.1),
    [candidate("SELECT team FROM data ORDER BY points DESC LIMIT 1", logprob=-1.5)],
    # right by chance, and right: the likelier one is not kept
    candidate("SELECT row_id FROM data LIMIT 1 OFFSET 1", logprob=-0.2),
    [candidate("SELECT COUNT(*) FROM data WHERE part = 'north'", logprob=-0.9)],
    candidate("SELECT team FROM data", logprob=-0.1),
    [],
    candidate("SELECT team FROM data WHERE STRFTIME('%Y', founded) = '2003'", logprob=-0.3),
    [],
]


@pytest.fixture
def data(database, tmp_path):
    (tmp_path / "train.json").write_text(json.dumps(ROWS), encoding="utf-8")
    return tmp_path


def sampled(data, *more, script=None):
    words = ["--data", str(data), "--save", str(data / "pairs.jsonl"), *more]
    assert rejection.main(words, FakeModel(WRITTEN if script is None else script)) == 0
    return [json.loads(line) for line in (data / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_likeliest_statement_that_is_right_for_the_right_reason_is_kept(data):
    found = sampled(data)
    assert [line["query"] for line in found] == [
        "SELECT team FROM data ORDER BY points DESC LIMIT 1",
        "SELECT COUNT(*) FROM data WHERE part = 'north'",
        "",
        "SELECT team FROM data WHERE STRFTIME('%Y', founded) = '2003'",
    ]
    assert (found[0]["rank"], found[0]["logprob"]) == (1, -1.5)
    assert found[1]["dropped"] == {"depends on the order in which rows are stored": 1}
    assert found[2]["dropped"] == {"other values": 1}
    assert "strftime" not in found[3]["lowered"][:10].lower() and found[3]["lowered"]


def test_a_stopped_run_goes_on_where_it_was(data):
    first = sampled(data, "--limit", "2", "--seed", "3")
    assert len(first) == 2
    with (data / "pairs.jsonl").open("a") as torn:
        torn.write('{"id": "train-0000')
    asked = [row for row in ROWS if row["question"] not in {line["question"] for line in first}]
    again = sampled(
        data,
        script=[entry for row in asked for entry in WRITTEN[2 * ROWS.index(row) : 2 * ROWS.index(row) + 2]],
    )
    assert [line["id"] for line in again[:2]] == [line["id"] for line in first]
    assert {line["question"] for line in again} == {row["question"] for row in ROWS}


def test_training_shows_such_a_pair_as_the_runtime_does(data):
    sampled(data)
    config = from_dict(
        {
            "data": str(data),
            "built": str(data),
            "model_name": "x",
            "mix": [
                {
                    "name": "w",
                    "kind": "meant",
                    "file": "built/pairs.jsonl",
                    "databases": "database",
                    "least": -1.0,
                }
            ],
        }
    )
    pipeline = Pipeline(config, None, quiet=True)
    found = {example.question: example for example in pipeline.examples()}
    assert set(found) == {
        "how many are from the north?",
        "which were founded in 2003?",
    }  # -1.5 is below `least`
    dated = found["which were founded in 2003?"]
    (column,) = [c for c in dated.schema.tables[0].columns if c.name == "founded"]
    assert column.samples[0] == "2001-05-12"  # as it is meant, not as it is stored
    assert "12/05/2001" not in str(dated.schema)
