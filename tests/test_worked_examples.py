"""Worked examples: each runs here, is found by how a question is put, and is shown before the question."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sqlagent.agent.agent import Agent
from sqlagent.database import schema
from sqlagent.grammar import Acceptor
from sqlagent.linking import prompt
from sqlagent.linking.prompt import Turn
from sqlagent.linking.worked_examples import example_for, examples, nearest
from sqlagent.sandbox.sandbox import Sandbox
from tests.fake_model import FakeModel

TABLES = """
CREATE TABLE trees (id INTEGER PRIMARY KEY, park TEXT, height REAL);
INSERT INTO trees VALUES (1, 'East', 3.5), (2, 'East', 8), (3, 'West', 5);
CREATE TABLE parcels (id INTEGER PRIMARY KEY, code TEXT, city TEXT, weight INTEGER, status TEXT);
INSERT INTO parcels VALUES (1, 'A1', 'Oslo', 3, 'sent'), (2, 'B7', 'Oslo', 12, 'lost'),
  (3, 'C2', 'Bergen', 7, 'damaged'), (4, 'B7', 'Bergen', 12, 'sent');
CREATE TABLE shoes (id INTEGER PRIMARY KEY, size INTEGER);
INSERT INTO shoes VALUES (1, 40), (2, 41), (3, 40);
CREATE TABLE readers (id INTEGER PRIMARY KEY, name TEXT, born_on TEXT);
INSERT INTO readers VALUES (1, 'Ola', '1980-02-01'), (2, 'Kim', '1999-07-30'), (3, 'Bo', '2001-01-01'),
  (4, 'Ivo', DATE('now', 'start of month', '-30 years'));
CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT);
INSERT INTO books VALUES (1, 'Sea'), (2, 'Hill');
CREATE TABLE loans (id INTEGER PRIMARY KEY, reader_id INTEGER REFERENCES readers, book_id INTEGER REFERENCES books,
  lent_on TEXT, due_on TEXT, returned_on TEXT);
INSERT INTO loans VALUES (1, 1, 1, '2021-03-01', '2021-03-31', '2021-03-09'),
  (2, 1, 2, '2022-05-01', '2022-05-31', '2022-05-04'), (3, 2, 1, '2021-06-01', '2021-06-30', '2021-06-30'),
  (4, 2, 1, '2021-07-01', '2021-07-30', NULL), (5, 1, 1, DATE('now', '-20 days'), DATE('now', '+10 days'), NULL);
CREATE TABLE scans (id INTEGER PRIMARY KEY, code TEXT, status TEXT, scanned_at TEXT);
INSERT INTO scans VALUES (1, 'A1', 'sent', '2021-03-01'), (2, 'A1', 'lost', '2021-03-04'),
  (3, 'B7', 'sent', '2021-03-02');
CREATE TABLE drivers (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO drivers VALUES (1, 'Ada'), (2, 'Ben');
CREATE TABLE refills (id INTEGER PRIMARY KEY, driver_id INTEGER REFERENCES drivers, driver TEXT, town TEXT,
  station TEXT, filled_at TEXT, litres REAL);
INSERT INTO refills VALUES (1, 1, 'Ada', 'Oslo', 'North', '2021-05-03 08:10:00', 30),
  (2, 1, 'Ada', 'Oslo', 'South', '2021-06-11 17:30:00', 25), (3, 2, 'Ben', 'Moss', 'North', '2022-05-14 08:55:00', 41),
  (4, 2, 'Ben', 'Moss', 'North', DATETIME('now', '-1 day'), 18),
  (5, 2, 'Ben', 'Moss', 'North', DATETIME('now', 'start of month', '-3 days'), 18),
  (6, 2, 'Ben', 'Moss', 'North', DATETIME('now', '-1 year'), 18),
  (7, 2, 'Ben', 'Moss', 'North', DATETIME('now'), 18),
  (8, 2, 'Ben', 'Moss', 'North', '2020-01-04 12:00:00', 1);
CREATE TABLE towns (id INTEGER PRIMARY KEY, name TEXT, county TEXT, region TEXT, population INTEGER);
INSERT INTO towns VALUES (1, 'Oslo', 'Oslo', 'east', 700), (2, 'Bergen', 'Vestland', 'west', 290),
  (3, 'Voss', 'Vestland', 'west', 16);
CREATE TABLE visits (id INTEGER PRIMARY KEY, came_at TEXT, left_at TEXT);
INSERT INTO visits VALUES (1, '2021-05-03 08:00:00', '2021-05-03 09:30:00');
CREATE TABLE departures (id INTEGER PRIMARY KEY, train TEXT, leaves_at TEXT);
INSERT INTO departures VALUES (1, 'R10', '09:40'), (2, 'L2', '10:05');
CREATE TABLE notes (id INTEGER PRIMARY KEY, tags TEXT);
INSERT INTO notes VALUES (1, 'roof, garden'), (2, 'roof');
"""

GIVES = {
    "range": [(9,)],
    "second value": [(3,)],
    "mean count": [(2.5,)],
    "place of one": [(2,)],
    "difference of two": [(410,)],
    "all of them": [("Ola",)],
    "latest of each": [("A1", "lost"), ("B7", "sent")],
    "earliest of each": [(1, 1), (2, 1)],
    "overdue": [(4,)],
    "still open": [(4,), (5,)],
    "next days": [(5,)],
    "not since": [("Kim",), ("Bo",), ("Ivo",)],
    "birthdays": [("Ivo",)],
    "doubles": [("B7",)],
    "hours between": [(1, pytest.approx(1.5))],
    "next one": [("L2",)],
    "since when": [("2021-03-01",)],
    "how much of one": [(55.0,)],
    "above own average": [("B7",), ("B7",)],
    "others": [("Voss",)],
    "two groups": [("Bergen", 2)],
}
"""What some of them give over the tables above, told by hand; those with ties by either row."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("examples") / "shown.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    connection.close()
    return path


def test_every_example_is_a_statement_of_the_grammar_and_has_rows(database: Path) -> None:
    acceptor = Acceptor(schema.read(database))
    with Sandbox(database) as sandbox:
        for one in examples():
            assert acceptor.accepts(one.shown.sql), one
            assert sandbox.execute(one.shown.sql).rows, one


@pytest.mark.parametrize("name", sorted(set(GIVES) - {"two groups"}))
def test_examples_give_what_they_are_asked_for(database: Path, name: str) -> None:
    (one,) = [each for each in examples() if each.name == name]
    with Sandbox(database) as sandbox:
        assert [tuple(row) for row in sandbox.execute(one.shown.sql).rows] == GIVES[name]


def test_an_examples_own_question_finds_it_or_one_that_is_answered_alike() -> None:
    missed = [
        one.name for one in examples() if (found := nearest(one.shown.question)[0]) and found.name != one.name
    ]
    assert len(missed) <= len(examples()) // 10, missed


@pytest.mark.parametrize(
    ("question", "name"),
    [
        # Words that no wording of the bank has, in another order than there.
        ("What's the 75th percentile of the rents?", "percentile"),
        ("give me the median rent per district", "median"),
        ("rents: standard deviation", "deviation"),
        ("third-cheapest flat", "second value"),
        ("running total of rent payments", "running total"),
        ("by how many percent did rent income grow from 2020 to 2021?", "growth"),
        ("rent income per quarter of 2023", "by quarter"),
        ("On which weekday do we get the most calls?", "best weekday"),
        ("the dearest flat in each district", "best of each"),
        ("what percentage of tenants are students?", "rate"),
        ("rank the flats by rent", "place"),
        ("payments in the last 14 days", "last days"),
        ("leases that end in the next 30 days", "next days"),
        ("tenants whose rent is overdue", "overdue"),
        ("latest meter reading of each flat", "latest of each"),
        ("how many viewings on Saturdays?", "weekends"),
    ],
)
def test_questions_find_the_example_of_their_kind(question: str, name: str) -> None:
    found, _ = nearest(question)
    assert found is not None and found.name == name
    assert example_for(question) is not None


@pytest.mark.parametrize(
    ("question", "written"),
    [
        ("payments in the last 60 days", "DATE('now', '-60 days')"),
        ("payments in the last 6 months", "DATE('now', '-30 days')"),  # a month is not so many days
        ("the 80th percentile of rents", "PERCENTILE(weight, 80)"),
        ("the three cheapest flats of each district", "WHERE place <= 3"),
        ("rent per quarter of 2024", "= '2024'"),
        ("compare 2024 and 2025", "IN ('2024', '2025')"),
        ("compare the rent of 2024 and 2025 of flat 7", "IN ('2024', '2025')"),
        ("rent per quarter", "= '2021'"),
        ("viewings between 14 and 16 o'clock", ">= 14"),
        ("How many viewings from 1 February to 10 March 2024?", "BETWEEN '2024-05-03' AND '2024-06-09'"),
    ],
)
def test_an_example_takes_the_numbers_of_the_question(question: str, written: str) -> None:
    """Its own would be copied: '-30 days' was written for "the last 60 days"."""
    found = example_for(question)
    assert found is not None and written in found.sql


@pytest.mark.parametrize(
    "question",
    [
        "How many flats are there?",
        "List all tenants.",
        "What is the average rent of the flats in Oslo?",
        "names of tenants older than 40",
        "Show the names and rents of all flats sorted by rent",
        "What is the last name of the tenant of flat 7?",
        "What is the average age of tenants?",
        "Which district has the most flats?",
        "hi",
        "",
        "¿?",
    ],
)
def test_plain_questions_get_none(question: str) -> None:
    assert example_for(question) is None


def test_an_example_stands_before_the_question_which_stays_last() -> None:
    asked = prompt.request(
        "the median rent", example=Turn("median height", "SELECT MEDIAN(height) FROM trees")
    )
    assert asked.splitlines() == [
        "Example question: median height",
        "Its query: SELECT MEDIAN(height) FROM trees",
        "Question: the median rent",
    ]


def _flats(folder: Path) -> Path:
    path = folder / "flats.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE flat (id INTEGER PRIMARY KEY, rent REAL); INSERT INTO flat VALUES (1, 7), (2, 9);"
    )
    connection.close()
    return path


@pytest.mark.parametrize(("examples", "history"), [(True, False), (False, False), (True, True)])
def test_the_agent_shows_it_beside_a_question_of_its_own(
    tmp_path: Path, examples: bool, history: bool
) -> None:
    """Not where it was turned off, and not where a question goes on from another, which shows how it is answered."""
    model = FakeModel(["SELECT MEDIAN(rent) FROM flat"])
    with Agent(_flats(tmp_path), model, examples=examples) as agent:
        before = [Turn("the mean rent", "SELECT AVG(rent) FROM flat")] if history else []
        answer = agent.ask("the median rent", history=before)
    assert [tuple(row) for row in answer.rows] == [(8.0,)]
    assert ("Example question:" in model.prompts[0].request) is (examples and not history)
