"""All of them in an order, and not the first alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.list_not_first import unlimited
from sqlagent.database.schema import Schema
from sqlagent.sql.reading import read

ONE = "SELECT name FROM club ORDER BY founded LIMIT 1"


@pytest.mark.parametrize(
    "question",
    [
        "What are the names of all the clubs starting with the oldest?",
        "List the clubs, beginning with those most recent",
        "Clubs from oldest to newest",
        "Show the clubs, oldest first",
        "clubs with the largest ones first",
        "Clubs in descending order of age",
        "Clubs in order of age, in reverse alphabetical order",
    ],
)
def test_all_are_shown(question):
    assert unlimited(question, read(ONE, Schema("", ()))) == (
        ONE.removesuffix(" LIMIT 1"),
        "All are shown, in that order.",
    )


@pytest.mark.parametrize(
    "question, sql",
    [
        ("Which is the oldest club?", ONE),
        ("Which club won most from 1990 to 2000?", ONE),
        ("Which club was first?", ONE),
        ("What is the most popular first name of clubs?", ONE),
        ("Clubs starting with A", ONE),
        ("The ten oldest clubs, oldest first", ONE.replace("LIMIT 1", "LIMIT 10")),
        ("Clubs, oldest first", "SELECT name FROM club LIMIT 1"),
        (
            "Clubs, oldest first",
            "SELECT name FROM club WHERE id IN (SELECT id FROM club ORDER BY id LIMIT 1)",
        ),
    ],
)
def test_one_stays_one(question, sql):
    assert unlimited(question, read(sql, Schema("", ()))) == (sql, "")


def test_the_answer_says_so(tmp_path: Path):
    place = tmp_path / "clubs.sqlite"
    with sqlite3.connect(place) as connection:
        connection.executescript(
            "CREATE TABLE club (name TEXT, founded INT); INSERT INTO club VALUES ('A', 1950), ('B', 1900);"
        )
    with Agent(place, model=AgreeableModel([ONE])) as agent:
        answer = agent.ask("Show all clubs starting with the oldest")
    assert answer.rows == [("B",), ("A",)]
    assert answer.note == "All are shown, in that order."
