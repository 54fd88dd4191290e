"""What no row fulfils, what ties and what cannot be read is said, and makes an answer less sure."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from fake_model import FakeModel, candidate

from sqlagent import Agent
from sqlagent.agent.unread import unread
from sqlagent.database import schema as schemas
from sqlagent.database.schema import Unreadable

DDL = """
CREATE TABLE players (id INTEGER PRIMARY KEY, name TEXT, team TEXT, goals INTEGER);
INSERT INTO players VALUES (1, 'Abe', 'Reds', 12), (2, 'Bix', 'Reds', 9), (3, 'Elo', 'Blues', 12);
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unmet") / "a.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(DDL)
    connection.close()
    return path


def test_a_condition_that_no_row_fulfils_counts_against_a_statement(path: Path) -> None:
    nobody, some = (
        "SELECT COUNT(*) FROM players WHERE goals = 'x'",
        "SELECT COUNT(*) FROM players WHERE goals = 12",
    )
    script = [candidate(nobody, logprob=-0.4), [candidate(some, logprob=-0.6)]]
    with Agent(path, FakeModel(script)) as agent:
        assert agent.ask("How many players?").rows == [(2,)]


def test_it_is_said_and_makes_the_answer_less_sure(path: Path) -> None:
    ask = "How many players are in the team?"
    with Agent(path, FakeModel(["SELECT COUNT(*) FROM players WHERE team = 'Greens'"])) as agent:
        doubtful = agent.ask(ask)
    with Agent(path, FakeModel(["SELECT COUNT(*) FROM players WHERE team = 'Reds'"])) as agent:
        sure = agent.ask(ask)
    assert "No row fulfils team = 'Greens'." in doubtful.note and "No row" not in sure.note
    assert doubtful.confidence < sure.confidence - 0.2


def test_two_sides_of_a_self_join_are_not_one_row(path: Path) -> None:
    sql = (
        "SELECT T1.name FROM players AS T1 JOIN players AS T2 ON T1.team = T2.team WHERE T1.goals > T2.goals"
    )
    with Agent(path, FakeModel([sql])) as agent:
        answer = agent.ask("Which of the players?")
    assert answer.rows == [("Abe",)] and "No row" not in answer.note


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT name FROM players ORDER BY goals DESC LIMIT 1", True),
        ("SELECT team FROM players GROUP BY team ORDER BY MAX(goals) DESC LIMIT 1", True),
        ("SELECT name FROM players ORDER BY goals LIMIT 1", False),
        ("SELECT goals FROM players ORDER BY goals DESC LIMIT 1", False),
        ("SELECT name FROM players ORDER BY goals DESC LIMIT 2", False),
        ("SELECT name FROM players ORDER BY goals DESC", False),
    ],
)
def test_rows_that_tie_with_the_last_one_are_said(path: Path, sql: str, said: bool) -> None:
    with Agent(path, FakeModel([sql])) as agent:
        answer = agent.ask("Which of the players?")
    assert ("Several rows have the same" in answer.note) is said
    assert answer.evidence is not None and answer.evidence.doubted is said


def test_what_cannot_be_read_is_named_where_the_question_names_it(path: Path) -> None:
    schema = replace(
        schemas.read(str(path)),
        unreadable=(Unreadable("places", "virtual", "module", "it needs the module vec0"),),
    )
    assert "places cannot be read (it needs the module vec0)" in unread(schema, "List the places")
    assert unread(schema, "List the players") == ""


def test_a_value_taken_from_itself_is_said_and_counts_against_a_statement(path: Path) -> None:
    nothing = "SELECT SUM(goals) - SUM(goals) FROM players"
    reds = "SELECT SUM(goals) - 12 FROM players"
    with Agent(path, FakeModel([candidate(nothing, logprob=-0.4), [candidate(reds, logprob=-0.6)]])) as agent:
        assert agent.ask("By how many goals do they differ?").rows == [(21,)]
    with Agent(path, FakeModel([nothing])) as agent:
        assert "SUM(goals) - SUM(goals) is 0 whatever is stored." in agent.ask("How many goals more?").note
