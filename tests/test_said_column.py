"""What is added up is what the question names, where the statement has an abbreviation of something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent import Agent
from sqlagent.base.word_forms import contracts, likeness

DDL = """
CREATE TABLE lns (id INTEGER PRIMARY KEY, brnch TEXT, dys INT, fn REAL, wt_kg INT, revenue INT, qlty INT);
INSERT INTO lns VALUES (1, 'N', 7, 1.5, 10, 100, 1), (2, 'N', 14, 2.5, 20, 200, 2), (3, 'S', 21, 4.0, 30, 400, 3);
"""


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        (
            "total fines of each branch",
            "SELECT brnch, SUM(dys) FROM lns GROUP BY brnch",
            [("N", 4.0), ("S", 4.0)],
        ),
        ("mean quality", "SELECT AVG(fn) FROM lns", [(2.0,)]),
        ("how much weight in all?", "SELECT SUM(qlty) FROM lns", [(60,)]),
    ],
)
def test_the_column_that_is_named_is_added_up(
    path: Path, question: str, sql: str, rows: list[tuple[object, ...]]
) -> None:
    with Agent(path, FakeModel([sql])) as agent:
        answer = agent.ask(question, anyway=True)
    assert answer.rows == rows and [one.rule for one in answer.amendments] == ["said_column"]


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("how many days in all?", "SELECT SUM(dys) FROM lns"),
        ("days of loans with fines over 2", "SELECT SUM(dys) FROM lns WHERE fn > 2"),
        ("total takings", "SELECT SUM(revenue) FROM lns"),
        ("takings by quality", "SELECT SUM(revenue) FROM lns"),  # a whole word may be another one for it
        ("total of what is kept", "SELECT SUM(dys) FROM lns"),  # nothing is named
        ("fines and quality of it", "SELECT SUM(dys) FROM lns"),  # two are
    ],
)
def test_a_column_that_may_be_meant_stays(path: Path, question: str, sql: str) -> None:
    with Agent(path, FakeModel([sql])) as agent:
        assert not any(one.rule == "said_column" for one in agent.ask(question, anyway=True).amendments)


@pytest.mark.parametrize(
    ("name", "word"),
    [("frm", "farm"), ("hrd", "herd"), ("qlty", "quality"), ("cnty", "county"), ("drv", "driver")],
)
def test_a_word_without_its_vowels_is_like_it(name: str, word: str) -> None:
    assert likeness(name, word) >= 0.6


@pytest.mark.parametrize(("name", "word"), [("gdp", "good"), ("wt", "water"), ("id", "idea"), ("fn", "fish")])
def test_other_letters_are_not(name: str, word: str) -> None:
    assert likeness(name, word) < 0.6 and not contracts(name, word)
