"""Numbers that a table holds are added up."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.stored_counts import summed
from sqlagent.database import schema as schemas
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE campuses (id INTEGER PRIMARY KEY, name TEXT, num_beds INT);
CREATE TABLE degrees (year INT, campus INT REFERENCES campuses(id), degrees INT, number_of_fails INT,
    episode INT, notes TEXT, visits INT REFERENCES campuses(id));
INSERT INTO campuses VALUES (1, 'North', 10), (2, 'South', 20);
INSERT INTO degrees VALUES (2001, 1, 5, 1, 1, 'x', 1), (2001, 2, 6, 2, 2, 'x', 1), (2002, 1, 50, 9, 3, 'x', 1);
"""
SCHEMA = schemas.from_ddl(DDL[: DDL.index("INSERT")])
JOIN = "FROM degrees JOIN campuses ON degrees.campus = campuses.id"


@pytest.mark.parametrize(
    "question, sql, rows",
    [
        (
            "Which year has the most degrees?",
            "SELECT year FROM degrees GROUP BY year ORDER BY COUNT(*) DESC LIMIT 1",
            [(2002,)],
        ),
        ("How many degrees were there in 2001?", "SELECT COUNT(*) FROM degrees WHERE year = 2001", [(11,)]),
        (
            "The number of degrees of each campus?",
            f"SELECT campuses.name, COUNT(*) {JOIN} GROUP BY campuses.name",
            [("North", 55), ("South", 6)],
        ),
        (
            "How many degrees are noted as x?",
            "SELECT COUNT(*) FROM degrees WHERE notes = 'x' OR notes = 'COUNT(*)'",
            [(61,)],
        ),
        ("How many fails in 2001?", "SELECT COUNT(*) FROM degrees WHERE year = 2001", [(3,)]),
        ("How many beds are there in all?", "SELECT COUNT(*) FROM campuses", [(30,)]),
    ],
)
def test_numbers_are_added_up(question, sql, rows):
    made, note = summed(question, read(sql, SCHEMA))
    assert note.endswith("holds such numbers and is added up.")
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL)
    assert connection.execute(made).fetchall() == rows


@pytest.mark.parametrize(
    "question, sql",
    [
        ("How many campuses are there?", "SELECT COUNT(*) FROM campuses"),
        ("How many episodes are there?", "SELECT COUNT(*) FROM degrees"),  # its name says which, not how many
        ("How many notes are there?", "SELECT COUNT(*) FROM degrees"),  # texts
        ("How many visits are there?", "SELECT COUNT(*) FROM degrees"),  # a key
        ("How many degrees are there?", "SELECT COUNT(DISTINCT year), COUNT(*) FROM degrees"),
        ("How many degrees are over 5?", "SELECT COUNT(*) FROM degrees WHERE degrees > 5"),
        ("How many degrees and how many beds?", f"SELECT COUNT(*) {JOIN}"),
        ("How many beds are there?", f"SELECT COUNT(*) {JOIN}"),  # a campus is there once a year
        ("How many degrees are there?", "SELECT COUNT(*) FROM (SELECT year FROM degrees)"),
        ("Which degrees?", "SELECT year FROM degrees"),
    ],
)
def test_rows_are_counted_where_they_may_be_meant(question, sql):
    assert summed(question, read(sql, SCHEMA)) == (sql, "")


def test_the_agent_says_so(tmp_path: Path):
    place = tmp_path / "college.sqlite"
    with sqlite3.connect(place) as connection:
        connection.executescript(DDL)
    with Agent(place, model=AgreeableModel(["SELECT COUNT(*) FROM degrees WHERE year = 2001"])) as agent:
        answer = agent.ask("How many degrees were there in 2001?")
    assert answer.rows == [(11,)]
    assert answer.note == "degrees.degrees holds such numbers and is added up."
