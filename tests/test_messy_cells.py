"""What the cells of a table hold beside what they are asked for is found: a word in brackets, a second name."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent import Agent
from sqlagent.amend.held_lists import listed_too
from sqlagent.amend.unused_words import unused_word
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """CREATE TABLE data (row_id INTEGER PRIMARY KEY, season TEXT, league TEXT, pos TEXT, scorer TEXT, manager TEXT);
INSERT INTO data VALUES
    (1, '1999-00', 'Two', '9th', 'J. Novak (17)', 'Alan Pike'),
    (2, '2000-01', 'Two', '3rd (promoted)', 'M. Diaz (22)', 'Alan Pike / Ed Rowe'),
    (3, '2001-02', 'One', '21st (relegated)', 'M. Diaz (12)', 'Ed Rowe'),
    (4, '2002-03', 'Two', '1st (promoted)', 'P. Kerr (26)', 'Hugo Lam'),
    (5, '2003-04', 'One', '4th', 'P. Kerr (9)', 'Serbia and Montenegro'),
    (6, '2004-05', 'One', '5th', 'P. Kerr (8)', 'Serbia'),
    (7, '2005-06', 'One', '6th', 'P. Kerr (7)', 'Montenegro'),
    (8, '2006-07', 'One', '7th', 'P. Kerr (6)', 'Korea, South'),
    (9, '2007-08', 'One', '8th', 'P. Kerr (5)', 'Korea');
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cells") / "a.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(DDL)
    connection.close()
    return path


@pytest.fixture(scope="module")
def database(path: Path):
    schema, connection = schemas.read(str(path)), sqlite3.connect(path)
    yield schema, Acceptor(schema).accepts, lambda sql: [row[0] for row in connection.execute(sql)]
    connection.close()


@pytest.mark.parametrize(
    "question, written, rows",
    [
        (
            "how many seasons were they promoted?",
            "SELECT COUNT(*) FROM data WHERE scorer = 'J. Novak (17)'",
            [(2,)],
        ),
        ("how many times relegated", "SELECT COUNT(season) FROM data WHERE league = 'relegation'", [(1,)]),
        ("how many times relegated", "SELECT COUNT(season) FROM data", [(1,)]),
    ],
)
def test_a_word_of_the_question_is_looked_for_where_it_stands(path, question, written, rows):
    with Agent(path, FakeModel([written])) as agent:
        answer = agent.ask(question, anyway=True)
    assert answer.rows == rows
    assert [one.rule for one in answer.amendments] == ["unused_word"] and answer.evidence.doubted


@pytest.mark.parametrize(
    "question, written",
    [
        ("how many seasons in league One?", "SELECT COUNT(*) FROM data WHERE league = 'One'"),
        ("was any season promoted?", "SELECT season FROM data"),  # nothing is computed
        ("how many were promoted or relegated?", "SELECT COUNT(*) FROM data"),  # two words
        ("how often were they promoted?", "SELECT COUNT(*) FROM data WHERE pos LIKE '%promoted%'"),
        ("how many by promoted or not?", "SELECT pos, COUNT(*) FROM data GROUP BY pos"),
        ("how many seasons?", "SELECT COUNT(*) FROM data WHERE scorer = 'J. Novak (17)'"),
        ("how many seasons did they fold?", "SELECT COUNT(*) FROM data"),
    ],
)
def test_a_word_that_is_used_or_held_nowhere_changes_nothing(database, question, written):
    schema, accepts, values = database
    assert unused_word(question, read(written, schema), accepts, values) == (written, "")


@pytest.mark.parametrize(
    "manager, found",
    [("Ed Rowe", ["2000-01", "2001-02"]), ("Alan Pike", ["1999-00", "2000-01"])],
)
def test_a_cell_that_lists_a_text_counts_in(path, manager, found):
    with Agent(path, FakeModel([f"SELECT season FROM data WHERE manager = '{manager}'"])) as agent:
        answer = agent.ask(f"Seasons under {manager}", anyway=True)
    assert [season for (season,) in answer.rows] == found
    assert "'Alan Pike / Ed Rowe'" in answer.note


@pytest.mark.parametrize("manager", ["Hugo Lam", "Serbia", "Montenegro", "Korea", "Nobody"])
def test_a_name_with_other_words_in_it_is_no_list(database, manager):
    schema, accepts, values = database
    written = f"SELECT season FROM data WHERE manager = '{manager}'"
    assert listed_too(read(written, schema), values, accepts) == (written, "")


@pytest.mark.parametrize(
    "question, written, rows",
    [
        (
            "what season came before 2002-03?",
            "SELECT season FROM data WHERE season < '2002-03'",
            [("2001-02",)],
        ),
        (
            "Which season was next after 2002-03?",
            "SELECT season FROM data WHERE season > '2002-03'",
            [("2003-04",)],
        ),
    ],
)
def test_the_value_next_to_a_stored_one_is_one_value(path, question, written, rows):
    with Agent(path, FakeModel([written])) as agent:
        assert agent.ask(question, anyway=True).rows == rows


@pytest.mark.parametrize(
    "question, written",
    [
        ("which seasons came before 2002-03?", "SELECT season FROM data WHERE season < '2002-03'"),
        (
            "what season came before 2002?",
            "SELECT season FROM data WHERE season < '2002'",
        ),  # no row is so called
        ("what league was before 2002-03?", "SELECT league FROM data WHERE season < '2002-03'"),
    ],
)
def test_all_values_on_one_side_stay_where_they_are_asked_for(path, question, written):
    with Agent(path, FakeModel([written])) as agent:
        assert agent.ask(question, anyway=True).sql == written
