"""Who reports to somebody is under him, not beside him."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.hierarchy import reporting
from sqlagent.database import schema as schemas
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE staff ("staff id" INTEGER PRIMARY KEY, name TEXT, "reports to" INT REFERENCES staff("staff id"),
    team INT REFERENCES teams(id));
CREATE TABLE teams (id INTEGER PRIMARY KEY);
INSERT INTO staff VALUES (1, 'Ann', NULL, 1), (2, 'Bo', 1, 1), (3, 'Cy', 1, 1), (4, 'Di', 2, 1);
"""
SCHEMA = schemas.from_ddl(DDL[: DDL.index("INSERT")])
BESIDE = 'SELECT name FROM staff WHERE "reports to" = (SELECT "reports to" FROM staff WHERE name = \'Bo\')'


@pytest.mark.parametrize(
    "sql, rows",
    [
        (BESIDE, [("Di",)]),
        (BESIDE.replace("= (", "IN ("), [("Di",)]),
        (BESIDE.replace("SELECT name", "SELECT COUNT(*)"), [(1,)]),
        (BESIDE.replace('"reports to"', 'staff."reports to"'), [("Di",)]),
    ],
)
def test_those_under_somebody_are_found(sql, rows):
    made, note = reporting("Who reports to Bo?", read(sql, SCHEMA))
    assert note == "Those are found whose reports to is the staff id asked for."
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL)
    assert connection.execute(made).fetchall() == rows


@pytest.mark.parametrize(
    "question, sql",
    [
        ("Who has the same boss as Bo?", BESIDE),
        ("Who reports to Bo's boss?", BESIDE),
        ("Who reports to Bo?", BESIDE.replace('SELECT "reports to"', 'SELECT "staff id"')),
        ("Who is in the team of Bo?", BESIDE.replace('"reports to"', "team")),
        ("Who reports to Bo?", "SELECT name FROM staff WHERE name = '\"reports to\" = (SELECT'"),
    ],
)
def test_those_beside_somebody_stay_where_they_may_be_meant(question, sql):
    assert reporting(question, read(sql, SCHEMA)) == (sql, "")


def test_the_answer_says_so(tmp_path: Path):
    place = tmp_path / "firm.sqlite"
    with sqlite3.connect(place) as connection:
        connection.executescript(DDL)
    with Agent(place, model=AgreeableModel([BESIDE])) as agent:
        answer = agent.ask("Who reports to Bo?")
    assert answer.rows == [("Di",)]
    assert "whose reports to is the staff id" in answer.note
