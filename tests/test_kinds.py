"""Texts are compared with texts, numbers with numbers, and times are written as SQLite reads them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent import Agent
from sqlagent.amend.kinds import alike, mismatched
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE t (id INTEGER PRIMARY KEY, day DATE, name TEXT, total REAL, year INTEGER);
INSERT INTO t VALUES (1, '1997-03-05', 'abc', 5.5, 1997), (2, '1998-11-20', 'de', 7, 1998);
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kinds") / "t.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(DDL)
    connection.close()
    return path


def mended(path: Path, condition: str) -> str:
    schema = schemas.read(str(path))
    sql = f"SELECT id FROM t WHERE {condition}"
    assert Acceptor(schema).accepts(sql)
    made = alike(read(sql, schema), Acceptor(schema).accepts)
    assert bool(made.note) is (made.sql != sql)
    return made.sql.removeprefix("SELECT id FROM t WHERE ")


@pytest.mark.parametrize(
    ("condition", "right", "ids"),
    [
        ("STRFTIME('%Y', day) = 1997", "STRFTIME('%Y', day) = '1997'", [1]),
        ("STRFTIME('%m', day) = 3", "STRFTIME('%m', day) = '03'", [1]),
        ("STRFTIME('%m', day) = '3'", "STRFTIME('%m', day) = '03'", [1]),
        ("STRFTIME('%Y', day) > 1997", "STRFTIME('%Y', day) > '1997'", [2]),
        ("STRFTIME('%Y', day) IN (1997, 1999)", "STRFTIME('%Y', day) IN ('1997', '1999')", [1]),
        ("STRFTIME('%Y', day) BETWEEN 1990 AND 1997", "STRFTIME('%Y', day) BETWEEN '1990' AND '1997'", [1]),
        ("SUBSTR(day, 1, 4) = 1998", "SUBSTR(day, 1, 4) = '1998'", [2]),
        ("LENGTH(name) = '3'", "LENGTH(name) = 3", [1]),
        ("day = 1997", "STRFTIME('%Y', day) = '1997'", [1]),
        ("day > 1997", "day >= '1998-01-01'", [2]),
        ("day <= 1997", "day < '1998-01-01'", [1]),
        ("day >= '1998-11-25' - 7", "day >= DATE('1998-11-25', '-7 days')", [2]),
        ("day > (SELECT MAX(day) - 7 FROM t)", "day > (SELECT DATE(MAX(day), '-7 days') FROM t)", [2]),
        (
            "STRFTIME('%Y', day) < STRFTIME('%Y', '2000-01-01') - 2",
            "CAST(STRFTIME('%Y', day) AS INTEGER) < STRFTIME('%Y', '2000-01-01') - 2",
            [1],
        ),
        ("day >= CURRENT_DATE - 30", "day >= DATE('now', '-30 days')", []),
        ("day >= DATE('now') - 7", "day >= DATE('now', '-7 days')", []),
        ("day > DATE('now', '-1 week')", "day > DATE('now', '-7 days')", []),
        ("day > DATE('now -1 month')", "day > DATE('now', '-1 months')", []),
        ("day = DATE('yesterday')", "day = DATE('now', '-1 day')", []),
        ("day >= DATE('now', 'start of week')", "day >= DATE('now', 'weekday 0', '-6 days')", []),
    ],
)
def test_like_is_held_against_like(path: Path, condition: str, right: str, ids: list[int]) -> None:
    assert mended(path, condition) == right
    connection = sqlite3.connect(path)
    assert [row[0] for row in connection.execute(f"SELECT id FROM t WHERE {right} ORDER BY id")] == ids
    connection.close()


@pytest.mark.parametrize(
    "condition",
    [
        "STRFTIME('%Y', day) = '1997'",
        "STRFTIME('%Y', 'now') - STRFTIME('%Y', day) > 20",
        "CAST(STRFTIME('%Y', day) AS INTEGER) = 1997",
        "year = '1997'",
        "name = 1997",
        "total > '5'",
        "day > '1997'",
        "day >= DATE('now', '-30 days')",
        "day >= DATE('now', 'start of month', '-1 month')",
        "JULIANDAY('now') - JULIANDAY(day) > 30",
        "SUBSTR(day, 1, 4) = '1997'",
        "year > 1990 AND total = 7",
        "DATE('now') - DATE(day) > 20",
    ],
)
def test_what_sqlite_compares_as_it_is_meant_stays(path: Path, condition: str) -> None:
    assert mended(path, condition) == condition


def test_a_comparison_of_kinds_is_known(path: Path) -> None:
    schema = schemas.read(str(path))
    sql = "SELECT id FROM t WHERE STRFTIME('%Y', day) = 1997 AND year = '1997'"
    assert mismatched(read(sql, schema)) == ("STRFTIME('%Y', day) = 1997",)


def test_an_agent_mends_it_and_says_so(path: Path) -> None:
    with Agent(path, FakeModel(["SELECT COUNT(*) FROM t WHERE STRFTIME('%Y', day) = 1997"])) as agent:
        answer = agent.ask("How many rows of t are of the year?", anyway=True)
    assert answer.rows == [(1,)] and "Texts were compared with texts" in answer.note
