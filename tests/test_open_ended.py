"""What is still going on has no end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.open_ended import no_end
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE projects (name TEXT, team INT, start_date TEXT, end_date TEXT, "closed on" TEXT, due TEXT, rating INT);
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO projects VALUES ('Atlas', 1, '2021-01-11', NULL, '2021-05-05', '2022-01-01', 3);
INSERT INTO projects VALUES ('Cobalt', 1, '2019-09-02', '2021-12-17', '2022-06-06', NULL, 4);
INSERT INTO projects VALUES ('Dawn', 1, '2019-09-02', '2999-12-17', '2022-06-06', NULL, 4);
INSERT INTO teams VALUES (1, 'red');
"""
SELECT = "SELECT name FROM projects WHERE "


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


def amended(path: Path, question: str, sql: str) -> tuple[str, str]:
    schema = schemas.read(str(path))
    acceptor = Acceptor(schema)

    takes = acceptor.accepts

    assert takes(sql)
    with sqlite3.connect(path) as connection:
        return no_end(
            question, read(sql, schema), takes, lambda asked: bool(connection.execute(asked).fetchall())
        )


@pytest.mark.parametrize(
    "question, sql, names",
    [
        ("Which projects are ongoing?", SELECT + "end_date > '2021-12-17'", {"Atlas"}),
        (
            "Which projects are not finished?",
            SELECT + "start_date < '2022' AND end_date >= '2022'",
            {"Atlas"},
        ),
        ("Which projects haven't yet ended?", SELECT + "end_date > CURRENT_DATE", {"Atlas", "Dawn"}),
        ("What is still running?", SELECT + "rating > 1 AND end_date > DATE('now')", {"Atlas", "Dawn"}),
        (
            "Which projects of team red are still open?",
            "SELECT projects.name FROM projects JOIN teams ON projects.team = teams.id"
            " WHERE teams.name = 'red' AND projects.end_date > '2021-12-17'",
            {"Atlas"},
        ),
    ],
)
def test_what_has_no_end_is_found(path, question, sql, names):
    made, note = amended(path, question, sql)
    assert note == "What has no end_date is taken to be going on."
    with sqlite3.connect(path) as connection:
        assert {name for (name,) in connection.execute(made)} == names


@pytest.mark.parametrize(
    "question, sql",
    [
        ("Which projects ended late?", SELECT + "end_date > '2021-12-17'"),
        ("Which are still open after 2021?", SELECT + "end_date > '2021-12-31'"),  # a day that was said
        ("What is still to be closed?", SELECT + "\"closed on\" > '2021-12-17'"),  # all of them are
        ("What is still due?", SELECT + "due > '2021-12-17'"),  # says nothing of an end
        ("What is still open?", SELECT + "end_date IS NULL"),
        ("What is still open?", SELECT + "end_date < '2021-12-17'"),
        ("What is still open?", SELECT + "name <> 'x.end_date > ''2021-12-17'"),
        ("What is still open?", SELECT + "end_date > '2021' AND \"closed on\" > '2021'"),
    ],
)
def test_other_days_stay(path, question, sql):
    assert amended(path, question, sql) == (sql, "")


def test_only_the_tables_of_from_are_asked_for_what_has_no_end(small_database: Callable[[str], Path]) -> None:
    """Other tables have a column of that name and NULLs in it; here IS NULL would find nothing."""
    path = small_database(
        """
        CREATE TABLE projects (name TEXT, end_date TEXT);
        CREATE TABLE jobs (title TEXT, end_date TEXT);
        INSERT INTO projects VALUES ('Atlas', '2021-12-17'), ('Cobalt', '2999-12-17');
        INSERT INTO jobs VALUES ('cook', NULL);
        """
    )
    sql = "SELECT name FROM projects WHERE end_date > CURRENT_DATE"
    assert amended(path, "Which projects are ongoing?", sql) == (sql, "")
    jobs = "SELECT title FROM jobs WHERE end_date > CURRENT_DATE"
    assert amended(path, "Which jobs are ongoing?", jobs)[0] != jobs


def test_the_answer_says_so(path):
    with Agent(path, model=AgreeableModel([SELECT + "end_date > '2021-12-17'"])) as agent:
        answer = agent.ask("Which projects are ongoing?")
    assert answer.rows == [("Atlas",)]
    assert answer.note == "What has no end_date is taken to be going on."
