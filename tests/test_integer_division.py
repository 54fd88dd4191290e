"""Three of four is 0.75, and a decade is a whole number of years."""

from __future__ import annotations

import sqlite3

import pytest

from sqlagent.amend.integer_division import exact
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE track (id INTEGER PRIMARY KEY, ms INTEGER, price REAL, genre TEXT, album INTEGER, year INT);
CREATE TABLE vote (id INTEGER PRIMARY KEY, ms REAL, yes BIGINT, "all votes" INTEGER);
INSERT INTO track VALUES (1, 90000, 0.99, 'a/b', 1, 1999), (2, 30000, 1.5, 'x', 1, 2003), (3, 45000, 2, 'x', 2, 2003);
INSERT INTO vote VALUES (1, 5.0, 3, 4);
"""
SCHEMA = schemas.from_ddl(DDL.split("INSERT")[0])
ACCEPTOR = Acceptor(SCHEMA)


def rows(sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL)
    return connection.execute(sql).fetchall()


@pytest.mark.parametrize(
    ("sql", "made", "value"),
    [
        ('SELECT yes / "all votes" FROM vote', 'SELECT yes * 1.0 / "all votes" FROM vote', 0.75),
        (
            "SELECT COUNT(*) / COUNT(DISTINCT album) FROM track",
            "SELECT COUNT(*) * 1.0 / COUNT(DISTINCT album) FROM track",
            1.5,
        ),
        (
            "SELECT SUM(CASE WHEN genre = 'a/b' THEN 1 ELSE 0 END) * 100 / COUNT(*) FROM track",
            "SELECT SUM(CASE WHEN genre = 'a/b' THEN 1 ELSE 0 END) * 100 * 1.0 / COUNT(*) FROM track",
            100 / 3,
        ),
        ("SELECT (yes + 2) / 2 FROM vote", "SELECT (yes + 2) * 1.0 / 2 FROM vote", 2.5),
        (
            'SELECT COUNT(*) FROM vote WHERE yes / "all votes" > 0.5',
            'SELECT COUNT(*) FROM vote WHERE yes * 1.0 / "all votes" > 0.5',
            1,
        ),
        (
            "SELECT (SELECT COUNT(*) FROM vote) / (SELECT COUNT(*) FROM track)",
            "SELECT (SELECT COUNT(*) FROM vote) * 1.0 / (SELECT COUNT(*) FROM track)",
            1 / 3,
        ),
    ],
)
def test_whole_numbers_divide_exactly(sql: str, made: str, value: float) -> None:
    found = exact("What share?", read(sql, SCHEMA))
    assert found.sql == made
    assert "exact" in found.note
    assert rows(made) == [(pytest.approx(value),)]
    assert exact("What share?", read(made, SCHEMA)) == (made, "")


def test_the_statement_stays_one_that_the_grammar_writes() -> None:
    made = exact("Average length in minutes?", read("SELECT AVG(year / 60000) FROM track", SCHEMA)).sql
    assert made == "SELECT AVG(year * 1.0 / 60000) FROM track"
    state = ACCEPTOR.start().step(made.encode())
    assert state is not None
    assert state.accepting


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("Price each?", "SELECT price / 2 FROM track"),  # real already
        ("Share?", 'SELECT CAST(yes AS REAL) / "all votes" FROM vote'),
        ("Share?", 'SELECT yes * 100.0 / "all votes" FROM vote'),
        ("Minutes?", "SELECT ms / 60 FROM vote"),  # of two columns called so one is real
        ("Per decade?", "SELECT year / 10 * 10, COUNT(*) FROM track GROUP BY year / 10 * 10"),
        ("Per decade?", "SELECT (year / 10) * 10 FROM track"),
        ("In whole minutes?", "SELECT year / 60 FROM track"),
        ("Which?", "SELECT id FROM track WHERE genre = 'a/b'"),
        ("Which?", "SELECT id FROM track WHERE genre = '1 / 2'"),
    ],
)
def test_what_is_real_or_meant_whole_is_left_alone(question: str, sql: str) -> None:
    assert exact(question, read(sql, SCHEMA)) == (sql, "")


def test_what_is_divided_row_by_row_and_added_up_is_exact() -> None:
    from sqlagent.amend.pitfalls import shares
    from sqlagent.database import schema
    from sqlagent.sql.reading import read

    sittings = schema.from_ddl(
        "CREATE TABLE sittings (id INTEGER PRIMARY KEY, seconds INTEGER, boxes INTEGER)"
    )
    made = shares("How many hours?", read("SELECT SUM(seconds / 3600) FROM sittings", sittings))
    assert made.sql == "SELECT SUM(seconds * 1.0 / 3600) FROM sittings"
    for question, sql in (
        ("How many complete dozens?", "SELECT SUM(boxes / 12) FROM sittings"),
        ("How many hours?", "SELECT SUM(seconds) / 3600 FROM sittings"),
    ):
        assert shares(question, read(sql, sittings)).sql == sql
