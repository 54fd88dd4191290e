"""The second is one, and not the first two."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.ordinals import nth
from sqlagent.database.schema import Schema
from sqlagent.linking.prompt import Turn
from sqlagent.sql.reading import read

BY_PAY = "SELECT name FROM staff ORDER BY pay DESC"


@pytest.mark.parametrize(
    "question, limit, made",
    [
        ("Who has the second highest pay?", 2, " LIMIT 1 OFFSET 1"),
        ("Who has the second highest pay?", 1, " LIMIT 1 OFFSET 1"),
        ("And the 3rd-best paid?", 3, " LIMIT 1 OFFSET 2"),
        ("the Fifth most?", 1, " LIMIT 1 OFFSET 4"),
    ],
)
def test_the_nth_is_one(question, limit, made):
    found = nth(question, read(f"{BY_PAY} LIMIT {limit}", Schema("", ())))
    assert found.sql == BY_PAY + made
    assert found.note.startswith("Only the ")


@pytest.mark.parametrize(
    "question, sql",
    [
        ("Who has the highest pay?", BY_PAY + " LIMIT 1"),
        ("The second floor's best paid?", BY_PAY + " LIMIT 1"),
        ("Who has the second highest pay?", BY_PAY + " LIMIT 1 OFFSET 1"),
        ("Who has the second highest pay?", BY_PAY + " LIMIT 3"),
        ("Who has the second highest pay?", BY_PAY),
        ("The second and the third highest: second highest first", BY_PAY + " LIMIT 2"),
        (
            "Who has the second highest pay?",
            "SELECT name FROM staff WHERE pay < (SELECT MAX(pay) FROM staff) ORDER BY pay DESC LIMIT 1",
        ),
    ],
)
def test_the_rest_stays(question, sql):
    assert nth(question, read(sql, Schema("", ()))) == (sql, "")


def test_a_follow_up_shows_the_second(tmp_path: Path):
    place = tmp_path / "staff.sqlite"
    with sqlite3.connect(place) as connection:
        connection.executescript(
            "CREATE TABLE staff (name TEXT, pay INT); INSERT INTO staff VALUES ('A', 1), ('B', 3), ('C', 2);"
        )
    with Agent(place, model=AgreeableModel([BY_PAY + " LIMIT 2"])) as agent:
        before = [Turn("Who earns the most?", BY_PAY + " LIMIT 1")]
        answer = agent.ask("And the second most?", history=before)
    assert answer.rows == [("C",)]
    assert answer.note == "Only the second one is shown."
