"""A list with a NULL in it rules nothing out that is not in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent import Agent
from sqlagent.amend.not_in_null import without_nulls
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT NOT NULL, "boss id" INT REFERENCES staff(id), team TEXT);
CREATE TABLE teams (team TEXT NOT NULL, lead INT, deputy INT);
INSERT INTO staff VALUES (1, 'Ann', NULL, 'red'), (2, 'Bo', 1, 'red'), (3, 'Cy', 1, NULL), (4, 'Di', 2, 'blue');
INSERT INTO teams VALUES ('red', 1, NULL), ('blue', 4, 2);
"""
SCHEMA = schemas.from_ddl(DDL[: DDL.index("INSERT")])
ACCEPTOR = Acceptor(SCHEMA)
BOSSES = 'SELECT name FROM staff WHERE id NOT IN (SELECT "boss id" FROM staff'


takes = ACCEPTOR.accepts


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


@pytest.mark.parametrize(
    "sql, names, said",
    [
        (BOSSES + ")", ["Cy", "Di"], '"boss id"'),
        (BOSSES + ") AND team = 'blue' ORDER BY name", ["Di"], '"boss id"'),
        (BOSSES + " WHERE team = 'red')", ["Bo", "Cy", "Di"], '"boss id"'),
        (
            "SELECT name FROM staff WHERE id NOT IN (SELECT teams.deputy FROM teams"
            " JOIN staff ON teams.lead = staff.id)",
            ["Ann", "Cy", "Di"],
            "teams.deputy",
        ),
        (
            BOSSES + ") AND id NOT IN (SELECT DISTINCT deputy FROM teams)",
            ["Cy", "Di"],
            '"boss id" or a deputy',
        ),
    ],
)
def test_what_is_in_no_list_is_found(path, sql, names, said):
    with sqlite3.connect(path) as connection:
        made, note = without_nulls(read(sql, SCHEMA), takes, lambda q: bool(connection.execute(q).fetchall()))
        assert list(connection.execute(sql)) == []
        assert [name for (name,) in connection.execute(made)] == names
    assert note == f"Rows without a {said} rule nothing out."


@pytest.mark.parametrize(
    "sql",
    [
        BOSSES + ' WHERE "boss id" = 1)',  # no NULL among them
        "SELECT name FROM staff WHERE id NOT IN (SELECT lead FROM teams)",
        "SELECT name FROM staff WHERE team NOT IN (SELECT team FROM teams)",
        "SELECT name FROM staff WHERE id NOT IN (SELECT id FROM staff)",
        BOSSES.replace("NOT IN", "IN") + ")",
        BOSSES + " WHERE team = 'red' OR id = 3)",  # no plain list of a column
        BOSSES + ' GROUP BY "boss id")',
        "SELECT name FROM staff WHERE id NOT IN (SELECT MAX(lead) FROM teams)",
        "SELECT name FROM staff WHERE id NOT IN (1, 2)",
        "SELECT name FROM staff WHERE name <> 'NOT IN (SELECT \"boss id\" FROM staff)'",
    ],
)
def test_other_lists_stay(path, sql):
    with sqlite3.connect(path) as connection:
        connection.execute(sql)
        found = without_nulls(read(sql, SCHEMA), takes, lambda q: bool(connection.execute(q).fetchall()))
    assert found == (sql, "")


def test_what_the_grammar_does_not_take_stays():
    sql = BOSSES + ")"
    assert without_nulls(read(sql, SCHEMA), lambda made: False, lambda asked: True) == (sql, "")


def test_the_agent_finds_those_who_manage_nobody(path):
    with Agent(path, model=FakeModel([BOSSES + ")"])) as agent:
        answer = agent.ask("Which staff are nobody's boss?")
    assert answer.rows == [("Cy",), ("Di",)]
    assert 'Rows without a "boss id" rule nothing out.' in answer.note
