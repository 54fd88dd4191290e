"""A year that bounds dates: what is after it is not in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.years import bounded
from sqlagent.database import schema as schemas
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT, "hired on" TEXT, born DATETIME, joined INTEGER, note TEXT);
INSERT INTO staff VALUES (1, 'Ann', '2017-12-31', '1990-03-01 00:00:00', 2018, 'x'),
    (2, 'Bob', '2018-05-01', '1991-01-01 00:00:00', 2019, '2018'), 
    (3, 'Cem', '2019-01-01', '1992-07-09 00:00:00', 2020, '-');
"""
SELECT = "SELECT name FROM staff WHERE "


@pytest.fixture
def shop(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


def test_another_table_with_a_column_called_so_does_not_matter(small_database: Callable[[str], Path]) -> None:
    path = small_database(DDL + "CREATE TABLE sizes (born TEXT); INSERT INTO sizes VALUES ('small');")
    made = bounded("born before 1991", read(f"{SELECT}born <= '1991-01-01'", schemas.read(str(path))))
    assert made.sql == f"{SELECT}born < '1991-01-01'"


@pytest.mark.parametrize(
    ("question", "condition", "meant", "names"),
    [
        ("Who was hired after 2018?", "\"hired on\" > '2018-01-01'", "\"hired on\" >= '2019-01-01'", ["Cem"]),
        (
            "Who was hired after the year 2018?",
            "\"hired on\" > '2018'",
            "\"hired on\" >= '2019-01-01'",
            ["Cem"],
        ),
        (
            "hired later than 2017",
            'staff."hired on" >= 2017',
            "staff.\"hired on\" >= '2018-01-01'",
            ["Bob", "Cem"],
        ),
        ("hired since 2018", "\"hired on\" > '2018-05-01'", "\"hired on\" >= '2018-01-01'", ["Bob", "Cem"]),
        (
            "hired in or after 2018",
            "\"hired on\" > '2018-01-01'",
            "\"hired on\" >= '2018-01-01'",
            ["Bob", "Cem"],
        ),
        ("hired before 2019", "\"hired on\" < '2019-06-30'", "\"hired on\" < '2019-01-01'", ["Ann", "Bob"]),
        ("born before 1991", "born <= '1991-01-01 00:00:00'", "born < '1991-01-01'", ["Ann"]),
        (
            "born after 1991",
            "name != 'born > ''1991' AND born > '1991'",
            "name != 'born > ''1991' AND born >= '1992-01-01'",
            ["Cem"],
        ),
    ],
)
def test_the_bound_is_an_end_of_the_year(
    shop: Path, question: str, condition: str, meant: str, names: list[str]
) -> None:
    schema = schemas.read(str(shop))
    made, note = bounded(question, read(SELECT + condition, schema))
    assert made == SELECT + meant
    assert note.split("'")[1] in question
    with sqlite3.connect(shop) as connection:
        assert [name for (name,) in connection.execute(made)] == names


@pytest.mark.parametrize(
    ("question", "condition"),
    [
        ("hired after 2018", "\"hired on\" > '2018-12-31'"),
        ("hired after 2018", "\"hired on\" >= '2019-01-01'"),
        ("hired after 2018", "STRFTIME('%Y', \"hired on\") > '2018'"),
        ("joined after 2018", "joined > 2018"),
        ("a note after 2018", "note > '2018'"),
        ("hired after 2018-03-01", "\"hired on\" > '2018-03-01'"),
        ("hired after May 2018", "\"hired on\" > '2018-05-31'"),
        ("hired not after 2018", "\"hired on\" > '2018-01-01'"),
        ("hired after 2018 and before 2020", "\"hired on\" > '2018-01-01'"),
        ("hired after 2018", "\"hired on\" < '2018-01-01'"),
        ("hired after 2018", "\"hired on\" > '2018-01-01' OR born > '2018-01-01'"),
        ("hired since 2018", "\"hired on\" >= '2018-01-01'"),
        ("hired since 2018 to 2020", "\"hired on\" > '2018-02-01'"),
    ],
)
def test_what_is_right_or_not_clear_is_left_alone(shop: Path, question: str, condition: str) -> None:
    assert bounded(question, read(SELECT + condition, schemas.read(str(shop)))) == (SELECT + condition, "")


def test_the_answer_says_so(shop: Path) -> None:
    model = AgreeableModel([SELECT + "\"hired on\" > '2018-01-01'"])
    with Agent(shop, model=model) as agent:
        answer = agent.ask("Who on the staff was hired after 2018?")
    assert answer.rows == [("Cem",)]
    assert answer.note == "'after 2018' means from the first day of 2019."
