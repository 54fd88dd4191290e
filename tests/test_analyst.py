"""The set of analysts' questions is what it says: statements computed twice, over databases that are there."""

from __future__ import annotations

import json
import random
import sqlite3
from datetime import date
from pathlib import Path

import pytest

from bench.analyst import generate
from bench.analyst.question import KINDS, Question, words
from bench.analyst.worlds import domains, save, world
from sqlagent.sandbox.functions import register

TODAY = date(2026, 3, 2)


def test_each_statement_runs_and_each_kind_is_there(tmp_path: Path) -> None:
    counts = generate.generate(tmp_path, worlds=6, limit=100, seed=3, today=TODAY)
    questions = json.loads((tmp_path / "questions.json").read_text(encoding="utf-8"))
    assert len(questions) == 100 and {one["kind"] for one in questions} == set(KINDS)
    assert counts["left out: the second computation gives other rows"] <= 2  # rows that tie
    for one in questions:
        path = tmp_path / "database" / one["db_id"] / f"{one['db_id']}.sqlite"
        connection = sqlite3.connect(path)
        register(connection)
        assert connection.execute(one["query"]).fetchall(), one
        connection.close()
        assert "{" not in one["question"]


def test_the_same_seed_gives_the_same_set(tmp_path: Path) -> None:
    for name in ("one", "other"):
        generate.generate(tmp_path / name, worlds=2, limit=20, seed=5, today=TODAY)
    one, other = ((tmp_path / name / "questions.json").read_bytes() for name in ("one", "other"))
    assert one == other


def test_a_wrong_statement_is_left_out(tmp_path: Path) -> None:
    rng = random.Random(1)
    here = world(domains()[0], rng, TODAY)
    save(here, tmp_path / "here.sqlite")
    connection = sqlite3.connect(tmp_path / "here.sqlite")
    right = f"SELECT COUNT(*) FROM {here.events}"
    assert not generate._unfit(connection, Question(["?"], right, [(len(here.rows),)]))
    assert "other rows" in generate._unfit(connection, Question(["?"], right, [(len(here.rows) + 1,)]))
    assert "zero" in generate._unfit(connection, Question(["?"], f"{right} WHERE id < 0", [(0,)]))
    connection.close()


@pytest.mark.parametrize("domain", domains(), ids=lambda domain: domain["events"][0])
def test_every_wording_of_every_kind_can_be_said(domain: dict[str, object]) -> None:
    for seed in range(3):
        here = world(domain, random.Random(seed), TODAY)
        named = {**words(here), "Total": "Total"}
        for kind in KINDS.values():
            for question in kind(here, random.Random(seed)):
                assert len(question.wordings) >= 2
                for wording in question.wordings:
                    assert wording.format(**{**named, **question.more}).strip()
