"""A subquery over the table outside compares with the row outside, not with itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.correlated import tied
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT, pay INT, "job title" TEXT,
    boss_id INT REFERENCES staff(id), team INT);
CREATE TABLE T1 (id INTEGER PRIMARY KEY, team INT);
"""
ROWS = """
INSERT INTO staff VALUES (1, 'Ann', 10, 'boss', NULL, 1), (2, 'Bob', 20, 'x', 1, 1), (3, 'Cem', 5, 'x', 1, 2),
    (4, 'Dee', 7, 'y', 2, 2);
"""
SCHEMA = schemas.from_ddl(DDL)
ACCEPTOR = Acceptor(SCHEMA)


takes = ACCEPTOR.accepts


def rows(sql: str) -> list[str]:
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(DDL + ROWS)
        return [name for (name,) in connection.execute(sql)]


@pytest.mark.parametrize(
    ("subquery", "made", "names"),
    [
        (
            "pay > (SELECT AVG(pay) FROM staff WHERE team = staff.team)",
            "pay > (SELECT AVG(T2.pay) FROM staff AS T2 WHERE T2.team = staff.team)",
            ["Bob", "Dee"],
        ),
        (
            "pay > (SELECT AVG(staff.pay) FROM staff WHERE staff.team = team AND \"job title\" != 'boss')",
            "pay > (SELECT AVG(T2.pay) FROM staff AS T2 WHERE staff.team = T2.team AND T2.\"job title\" != 'boss')",
            ["Dee"],
        ),
        (
            "pay > (SELECT pay FROM staff WHERE id = boss_id)",
            "pay > (SELECT T2.pay FROM staff AS T2 WHERE T2.id = staff.boss_id)",
            ["Bob"],
        ),
        (
            "EXISTS (SELECT 1 FROM staff WHERE boss_id = id)",
            "EXISTS (SELECT 1 FROM staff AS T2 WHERE T2.boss_id = staff.id)",
            ["Ann", "Bob"],
        ),
    ],
)
def test_the_row_outside_is_meant(subquery: str, made: str, names: list[str]) -> None:
    sql = f"SELECT name FROM staff WHERE {subquery}"
    assert takes(sql)
    assert tied(read(sql, SCHEMA), takes).sql == f"SELECT name FROM staff WHERE {made}"
    assert takes(f"SELECT name FROM staff WHERE {made}")
    assert rows(f"SELECT name FROM staff WHERE {made}") == names != rows(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM staff WHERE pay > (SELECT AVG(pay) FROM staff WHERE team = 2)",
        "SELECT name FROM staff WHERE pay > (SELECT AVG(pay) FROM staff WHERE team = pay)",
        "SELECT team FROM T1 WHERE team > (SELECT AVG(pay) FROM staff WHERE team = staff.team)",
        "SELECT s.name FROM staff AS s WHERE s.pay > (SELECT AVG(pay) FROM staff WHERE team = s.team)",
        "SELECT name FROM staff WHERE pay > (SELECT AVG(pay) FROM staff WHERE team = staff.team AND id = boss_id)",
        "SELECT name FROM staff WHERE pay > (SELECT AVG(pay) FROM staff WHERE team = staff.team + 1)",
        "SELECT name FROM staff WHERE id = boss_id",
    ],
)
def test_anything_else_is_left_alone(sql: str) -> None:
    assert takes(sql)
    assert tied(read(sql, SCHEMA), takes) == (sql, "")


def test_what_the_grammar_does_not_take_is_not_made() -> None:
    sql = "SELECT name FROM staff WHERE pay > (SELECT AVG(pay) FROM staff WHERE team = staff.team)"
    assert tied(read(sql, SCHEMA), lambda made: made == sql) == (sql, "")


def test_an_answer_says_so(tmp_path: Path) -> None:
    path = tmp_path / "staff.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(DDL + ROWS)
    sql = "SELECT name FROM staff WHERE pay > (SELECT pay FROM staff WHERE id = boss_id)"
    with Agent(path, model=AgreeableModel([sql])) as agent:
        answer = agent.ask("Which staff has more pay than their boss?")
    assert answer.rows == [("Bob",)]
    assert answer.note == "The inner query is asked for each row, with its boss_id."
