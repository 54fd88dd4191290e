"""Texts that a column holds in several spellings or inside longer texts are found, and nothing else changes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sqlagent import Agent
from sqlagent.agent.probes import Probes
from sqlagent.amend.amendment import Amended
from sqlagent.amend.held_texts import held, one_group_each, otherwise_held
from sqlagent.base.errors import QueryTimeout
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sandbox.sandbox import Result
from sqlagent.sql.reading import read
from tests.fake_model import FakeModel, candidate

DDL = """
CREATE TABLE firms (id INTEGER PRIMARY KEY, name TEXT, borough TEXT, state TEXT);
INSERT INTO firms VALUES (1, 'Acme Corporation', 'Manhattan', 'still operational since 1965'),
    (2, 'Bolt', 'MANHATTAN', 'closed'), (3, 'Coconut Traders', 'manhattan ', 'operational'),
    (4, 'Acme Foods', 'Bronx', 'closed in 1990'), (5, 'US Steel', 'us', 'x'), (6, 'Iran Air', 'US', 'x');
"""


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


@pytest.fixture
def amended(path: Path) -> Callable[[str, bool], Amended]:
    schema = schemas.read(path)
    connection = sqlite3.connect(path)
    acceptor = Acceptor(schema)

    def play(sql: str, groups: bool = False) -> Amended:
        def values(probe: str) -> list[object]:
            return [row[0] for row in connection.execute(probe)]

        return (one_group_each if groups else otherwise_held)(read(sql, schema), values, acceptor.accepts)

    return play


def test_all_spellings_of_a_value_are_taken_for_one(amended: Callable[..., Amended]) -> None:
    made = amended("SELECT COUNT(*) FROM firms WHERE borough = 'Manhattan'")
    assert made.sql == "SELECT COUNT(*) FROM firms WHERE borough IN ('MANHATTAN', 'Manhattan', 'manhattan ')"
    assert "3 ways" in made.note
    made = amended("SELECT COUNT(*) FROM firms WHERE borough != 'Manhattan'")
    assert (
        made.sql == "SELECT COUNT(*) FROM firms WHERE borough NOT IN ('MANHATTAN', 'Manhattan', 'manhattan ')"
    )


def test_a_text_that_is_stored_in_longer_ones_alone_is_looked_for_in_them(
    amended: Callable[..., Amended],
) -> None:
    made = amended("SELECT COUNT(*) FROM firms WHERE name = 'acme'")
    assert made.sql == "SELECT COUNT(*) FROM firms WHERE name LIKE '%acme%'"
    assert "'Acme Foods'" in made.note


@pytest.mark.parametrize(
    "condition",
    [
        "state = 'operational'",  # stored as it is: 'still operational since 1965' is another state
        "name = 'nut'",  # only inside a word
        "borough = 'us'",  # two letters may be two codes
        "name = 'Iraq'",  # nowhere
        "name LIKE '%Acme%'",
        "id = '1'",
        "name = 'Bolt'",
        "name = '%acme%'",
        "LOWER(borough) = 'manhattan'",
    ],
)
def test_other_comparisons_stay(amended: Callable[..., Amended], condition: str) -> None:
    sql = f"SELECT COUNT(*) FROM firms WHERE {condition}"
    assert amended(sql) == Amended(sql)


def test_groups_are_made_of_values_and_not_of_spellings(amended: Callable[..., Amended]) -> None:
    made = amended("SELECT borough, COUNT(*) FROM firms GROUP BY borough", True)
    assert made.sql == "SELECT borough, COUNT(*) FROM firms GROUP BY LOWER(TRIM(borough))"
    made = amended("SELECT COUNT(DISTINCT borough) FROM firms", True)
    assert made.sql == "SELECT COUNT(DISTINCT LOWER(TRIM(borough))) FROM firms"
    plain = "SELECT state, COUNT(*) FROM firms GROUP BY state"
    assert amended(plain, True) == Amended(plain)


def test_words_are_told_from_letters() -> None:
    found = held(["Nut", " nut ", "egg, nut", "nut-free", "coconut", None, 3], "nut")
    assert found.spellings == ("Nut", " nut ") and found.longer == ("egg, nut", "nut-free")


def test_the_answer_says_what_was_widened(path: Path) -> None:
    with Agent(
        path, FakeModel([candidate("SELECT name FROM firms WHERE name = 'acme' ORDER BY id")])
    ) as agent:
        answer = agent.ask("Which firms are called acme?")
    assert [row[0] for row in answer.rows] == ["Acme Corporation", "Acme Foods"]
    assert "those that hold it" in answer.note and [one.rule for one in answer.amendments] == ["held_texts"]


def test_many_comparisons_with_a_large_table_wait_no_longer_than_one(path: Path) -> None:
    asked: list[float] = []

    def execute(sql: str, seconds: float) -> Result:
        asked.append(seconds)
        time.sleep(seconds)
        raise QueryTimeout("The statement was stopped.")

    schema = schemas.read(path)
    words = [f"borough = 'Part {chr(65 + i)}'" for i in range(8)]
    reading = read(f"SELECT COUNT(*) FROM firms WHERE {' OR '.join(words)}", schema)
    probes = Probes(execute, lambda: None, scanning=0.3)
    assert otherwise_held(reading, probes.values, lambda sql: True) == Amended(reading.sql)
    assert len(asked) == 1
    assert asked[0] <= 0.3


def test_what_is_quick_to_find_leaves_time_for_the_rest(path: Path) -> None:
    asked: list[float] = []

    def execute(sql: str, seconds: float) -> Result:
        asked.append(seconds)
        return Result(("borough",), [("Bronx",)], None, 0.0)

    probes = Probes(execute, lambda: None)
    assert all(probes.values(f"SELECT {i}") == ["Bronx"] for i in range(50))
    assert len(asked) == 50
