"""How long something took, in days."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.date_difference import in_days
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE jobs (id INTEGER PRIMARY KEY, "begun on" TEXT, ended TEXT, born TEXT, note TEXT, parts INT, bad INT);
INSERT INTO jobs VALUES (1, '2021-10-04', '2022-11-30', '1990-05-05', 'x - y', 9, 2);
INSERT INTO jobs VALUES (2, '2021-12-31 12:00:00', '2022-01-01', '1991-05-05', '7', 5, 1);
"""


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


@pytest.mark.parametrize(
    "sql, rows",
    [
        ('SELECT ended - "begun on" FROM jobs', [(422.0,), (0.5,)]),
        ('SELECT AVG(ended - "begun on") FROM jobs', [(211.25,)]),
        ("SELECT '2022-12-01' - ended FROM jobs", [(1.0,), (334.0,)]),
        ('SELECT id FROM jobs ORDER BY jobs.ended - jobs."begun on" LIMIT 1', [(2,)]),
        ("SELECT id FROM jobs WHERE ended - \"begun on\" > 300 AND note <> 'ended - born'", [(1,)]),
    ],
)
def test_dates_are_subtracted_as_dates(path, sql, rows):
    schema = schemas.read(str(path))
    acceptor = Acceptor(schema)

    takes = acceptor.accepts

    made, note = in_days("How long did each job take?", read(sql, schema), takes)
    assert note == "The time between two dates is counted in days."
    with sqlite3.connect(path) as connection:
        assert connection.execute(made).fetchall() == rows


@pytest.mark.parametrize(
    "question, sql",
    [
        ("How old was each one when the job began?", 'SELECT "begun on" - born FROM jobs'),
        ("How many years did it take?", 'SELECT ended - "begun on" FROM jobs'),
        ("How many good parts?", "SELECT parts - bad FROM jobs"),
        ("How long?", "SELECT ended - note FROM jobs"),
        ("How long?", "SELECT ended - 1 FROM jobs"),
        ("How long?", "SELECT id FROM jobs WHERE note = 'ended - born'"),
    ],
)
def test_other_differences_stay(path, question, sql):
    schema = schemas.read(str(path))
    assert in_days(question, read(sql, schema), lambda made: True) == (sql, "")


@pytest.mark.parametrize(
    "question, sql, rows",
    [
        ("How many days lie between?", 'SELECT DATE(ended) - DATE("begun on") FROM jobs', [(422.0,), (1.0,)]),
        ("How many days?", 'SELECT MAX(DATE(ended)) - MIN(DATE("begun on")) FROM jobs', [(422.0,)]),
        ("How many hours?", 'SELECT DATE(ended) - "begun on" FROM jobs WHERE id = 2', [(12.0,)]),
        ("How long ago?", "SELECT CURRENT_DATE - CURRENT_DATE FROM jobs WHERE id = 1", [(0.0,)]),
    ],
)
def test_what_is_written_as_a_difference_of_dates_is_one(path, question, sql, rows):
    schema = schemas.read(str(path))
    made, note = in_days(question, read(sql, schema), Acceptor(schema).accepts, written=True)
    assert note
    with sqlite3.connect(path) as connection:
        assert connection.execute(made).fetchall() == rows


@pytest.mark.parametrize(
    "question, sql",
    [
        ("How many years?", "SELECT DATE(ended) - DATE(born) FROM jobs"),
        ("What is the age of each?", "SELECT CURRENT_DATE - born FROM jobs"),
        ("How long?", 'SELECT ended - "begun on" FROM jobs'),  # a reading, which only proposes
        ("How long?", "SELECT MAX(ended) - MIN(born) FROM jobs"),
        ("How long?", "SELECT DATE(ended) - parts FROM jobs"),
        ("How long?", "SELECT TIME(ended) - TIME(born) FROM jobs"),
    ],
)
def test_what_is_not_written_as_one_stays(path, question, sql):
    schema = schemas.read(str(path))
    assert in_days(question, read(sql, schema), lambda made: True, written=True) == (sql, "")


def test_what_the_grammar_does_not_take_stays(path):
    sql = "SELECT ended - born FROM jobs"
    assert in_days("How long?", read(sql, schemas.read(str(path))), lambda made: False) == (sql, "")


def test_the_answer_says_so(path):
    with Agent(path, model=AgreeableModel(['SELECT ended - "begun on" FROM jobs WHERE id = 1'])) as agent:
        answer = agent.ask("How long did job 1 take?")
    assert answer.rows == [(422.0,)]
    assert answer.note == "The time between two dates is counted in days."
