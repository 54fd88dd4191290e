"""Formats of dates that SQLite answers with NULL, or with the format itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.date_formats import NOTE, known_formats
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE paid (id INTEGER PRIMARY KEY, at TEXT, sum REAL);
INSERT INTO paid VALUES (1, '2024-01-05 09:30:00', 10), (2, '2024-05-20 17:00:00', 20), (3, '2023-11-30 00:15:00', 40);
"""


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


@pytest.mark.parametrize(
    "sql, rows",
    [
        ("SELECT STRFTIME('%A', at) FROM paid", [("Friday",), ("Monday",), ("Thursday",)]),
        ("SELECT STRFTIME('%a, %d %b %y', at) FROM paid WHERE id = 1", [("Fri, 05 Jan 24",)]),
        ("SELECT STRFTIME('%B %Y', paid.at) FROM paid WHERE id = 3", [("November 2023",)]),
        ("SELECT STRFTIME('%Y-Q%q', at), SUM(sum) FROM paid GROUP BY STRFTIME('%Y-Q%q', at)",
         [("2023-Q4", 40.0), ("2024-Q1", 10.0), ("2024-Q2", 20.0)]),
        ("SELECT id FROM paid WHERE STRFTIME('%Q', at) = '2'", [(2,)]),
        ("SELECT COUNT(*) FROM paid WHERE STRFTIME('%A', at, '+1 day') = 'Saturday'", [(1,)]),
        ("SELECT STRFTIME('YYYY-MM', at) FROM paid WHERE id = 2", [("2024-05",)]),
        ("SELECT STRFTIME('Month YYYY', at) FROM paid WHERE id = 2", [("May 2024",)]),
        ("SELECT STRFTIME('%H:%i', at) FROM paid", [("09:30",), ("17:00",), ("00:15",)]),
        ("SELECT id FROM paid ORDER BY STRFTIME('%A', at) LIMIT 1", [(1,)]),
    ],
)  # fmt: skip
def test_what_sqlite_does_not_know_is_written_as_it_does(path, sql, rows):
    schema = schemas.read(str(path))
    acceptor = Acceptor(schema)
    assert acceptor.accepts(sql)
    made, note = known_formats(read(sql, schema), acceptor.accepts)
    assert note == NOTE
    with Agent(path, model=AgreeableModel([sql])) as agent:
        assert agent.run_sql(made).rows == rows


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT STRFTIME('%Y-%m', at) FROM paid",
        "SELECT STRFTIME('%d.%m.%Y %H:%M:%S', at) FROM paid",
        "SELECT STRFTIME('%W', at), STRFTIME('%j', at) FROM paid",
        "SELECT STRFTIME('100 %%', at) FROM paid",
        "SELECT STRFTIME('%L', at) FROM paid",  # nobody knows what is meant
        "SELECT STRFTIME('%Y %L', at) FROM paid",
        "SELECT STRFTIME('Summer', at) FROM paid",
        "SELECT id FROM paid WHERE at = '%A'",
    ],
)
def test_other_formats_stay(path, sql):
    assert known_formats(read(sql, schemas.read(str(path))), lambda made: True) == (sql, "")


def test_all_that_is_offered_is_taken_by_this_sqlite(path):
    """For each letter: the call that stands for it gives something, and so does the letter or it is unknown here."""
    from sqlagent.amend.date_formats import _WORDED

    with Agent(path, model=AgreeableModel(["SELECT 1"])) as agent:
        for letter, call in _WORDED.items():
            made = call.format(day="DATE(at)", time="at")
            assert agent.run_sql(f"SELECT {made} FROM paid WHERE id = 1").rows[0][0] is not None, letter


def test_where_the_letter_is_known_both_give_the_same():
    """`%F`, `%T`, `%R` and `%p` are known since 3.44: another spelling must mean the same there."""
    from sqlagent.amend.date_formats import _SAME, _WORDED, _is_known

    connection = sqlite3.connect(":memory:")
    for letter in ("%F", "%T", "%R", "%p", "%e"):
        if not _is_known(letter):
            continue
        known, other = connection.execute(
            f"SELECT TRIM(strftime('{letter}', :at)), "
            + (
                f"strftime('{_SAME[letter]}', :at)" if letter in _SAME else _WORDED[letter].format(time=":at")
            ),
            {"at": "2024-01-05 09:30:00"},
        ).fetchone()
        assert known == other


def test_the_answer_says_so(path):
    with Agent(path, model=AgreeableModel(["SELECT STRFTIME('%A', at) FROM paid WHERE id = 1"])) as agent:
        answer = agent.ask("On which day of the week was 1 paid?")
    assert answer.rows == [("Friday",)]
    assert answer.note == NOTE
    assert answer.amendments[0].rule == "date_formats"
