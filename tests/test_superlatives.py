"""Which end of a date, or of an age, the question's word means."""

from __future__ import annotations

import sqlite3

import pytest

from sqlagent.amend.superlatives import turned
from sqlagent.database import schema as schemas
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, age INTEGER, date_of_birth TEXT, joined DATETIME,
                     height REAL, "birth day" TEXT, "end" TIMESTAMP);
CREATE TABLE album (id INTEGER PRIMARY KEY, title TEXT, releaseYear INTEGER, singer INTEGER REFERENCES person(id));
"""
SCHEMA = schemas.from_ddl(DDL)


@pytest.mark.parametrize(
    "question, sql, end",
    [
        (
            "Who is the oldest?",
            "SELECT name FROM person ORDER BY date_of_birth DESC LIMIT 1",
            "date_of_birth LIMIT 1",
        ),
        ("Who is youngest?", "SELECT name FROM person ORDER BY date_of_birth LIMIT 1", "birth DESC LIMIT 1"),
        (
            "Who is the youngest?",
            "SELECT name FROM person ORDER BY person.date_of_birth LIMIT 3",
            "birth DESC LIMIT 3",
        ),
        ("Who is the youngest?", "SELECT name FROM person ORDER BY age DESC LIMIT 1", "ORDER BY age LIMIT 1"),
        ("Who is the oldest?", "SELECT name FROM person ORDER BY age LIMIT 1", "ORDER BY age DESC LIMIT 1"),
        (
            "the latest to join",
            "SELECT name FROM person ORDER BY joined LIMIT 1",
            "ORDER BY joined DESC LIMIT 1",
        ),
        ("the Newest album", "SELECT MIN(releaseYear) FROM album", "SELECT MAX(releaseYear) FROM album"),
        (
            "Whose album is most recent?",
            "SELECT singer FROM album WHERE releaseYear = (SELECT MIN(releaseYear) FROM album)",
            "(SELECT MAX(releaseYear) FROM album)",
        ),
        (
            "Who is youngest?",
            'SELECT name FROM person ORDER BY person."birth day" LIMIT 1',
            '"birth day" DESC LIMIT 1',
        ),
        ("Oldest first", "SELECT name FROM person ORDER BY date_of_birth DESC", "ORDER BY date_of_birth"),
        ("newest album first", "SELECT singer FROM album ORDER BY releaseYear", "BY releaseYear DESC"),
        ("the earliest end", 'SELECT name FROM person ORDER BY "end" DESC LIMIT 1', 'ORDER BY "end" LIMIT 1'),
    ],
)
def test_the_other_end_is_taken_where_the_word_means_it(question, sql, end):
    made = turned(question, read(sql, SCHEMA))
    assert made.sql != sql
    assert made.sql.endswith(end)
    assert made.note
    assert turned(question, read(made.sql, SCHEMA)) == (made.sql, "")
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL)
    connection.execute(made.sql)


def test_the_note_says_what_was_done():
    made = turned(
        "Who is the youngest?", read("SELECT name FROM person ORDER BY date_of_birth LIMIT 1", SCHEMA)
    )
    assert made.note == (
        "'youngest' means the latest date_of_birth: the statement, which took the other end, was turned round."
    )


@pytest.mark.parametrize(
    "question, sql",
    [
        # all of them, in an order that another word gives
        ("Name the oldest people's houses", "SELECT name FROM person ORDER BY date_of_birth DESC"),
        # right as it is
        ("Who is the oldest?", "SELECT name FROM person ORDER BY date_of_birth LIMIT 1"),
        ("Who is the youngest?", "SELECT MIN(age) FROM person"),
        # no such word, or both
        ("Who is the tallest?", "SELECT name FROM person ORDER BY date_of_birth DESC LIMIT 1"),
        ("From the oldest to the youngest", "SELECT name FROM person ORDER BY date_of_birth DESC LIMIT 9"),
        # the question says it in SQL
        (
            "the youngest refers to MIN(date_of_birth)",
            "SELECT name FROM person ORDER BY date_of_birth LIMIT 1",
        ),
        ("the latest, descending", "SELECT name FROM person ORDER BY joined LIMIT 1"),
        # another column, no end, or two of them
        ("How tall is the oldest?", "SELECT height FROM person ORDER BY height LIMIT 1"),
        ("Who is the oldest?", "SELECT name FROM person ORDER BY date_of_birth DESC"),
        ("the oldest", "SELECT MAX(joined), MIN(joined) FROM person"),
        ("the oldest", "SELECT name FROM person ORDER BY date_of_birth DESC, name LIMIT 1"),
        # inside a text, and inside a longer word
        ("the oldest", "SELECT name FROM person WHERE name = 'ORDER BY date_of_birth DESC LIMIT 1'"),
        ("the oldest", "SELECT name FROM person WHERE name = 'it''s MAX(joined)'"),
        ("the village's oldest", "SELECT name FROM person ORDER BY height DESC LIMIT 1"),
    ],
)
def test_everything_else_is_left_alone(question, sql):
    assert turned(question, read(sql, SCHEMA)) == (sql, "")
