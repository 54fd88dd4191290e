"""Which one has the greatest value in each group."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.extreme_rows import shown
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE categories (id INTEGER PRIMARY KEY, label TEXT);
CREATE TABLE products (id INTEGER PRIMARY KEY, ProductName TEXT, kind INT REFERENCES categories(id), price INT);
CREATE TABLE employees (first_name TEXT, last_name TEXT, team TEXT, salary INT);
CREATE TABLE logs (at TEXT, team TEXT, size INT);
INSERT INTO categories VALUES (1, 'Tea'), (2, 'Nuts');
INSERT INTO products VALUES (1, 'Oolong', 1, 5), (2, 'Assam', 1, 7), (3, 'Hazel', 2, 3);
INSERT INTO employees VALUES ('Ann', 'Lee', 'red', 5), ('Bo', 'Ray', 'red', 9), ('Cy', 'Fox', 'blue', 4);
"""
SCHEMA = schemas.from_ddl(DDL[: DDL.index("INSERT")])
ACCEPTOR = Acceptor(SCHEMA)
JOIN = "FROM products JOIN categories ON products.kind = categories.id GROUP BY categories.label"
TEAMS = "SELECT team, MAX(salary) FROM employees GROUP BY team"


takes = ACCEPTOR.accepts


@pytest.mark.parametrize(
    "question, sql, rows",
    [
        (
            "What is the most expensive product in each category?",
            f"SELECT MAX(products.price), categories.label {JOIN}",
            [("Assam", 7, "Tea"), ("Hazel", 3, "Nuts")],
        ),
        (
            "For each category, show the cheapest product",
            f"SELECT categories.label, MIN(products.price) {JOIN}",
            [("Hazel", "Nuts", 3), ("Oolong", "Tea", 5)],
        ),
        ("Highest paid employee per team?", TEAMS, [("Bo", "Ray", "red", 9), ("Cy", "Fox", "blue", 4)]),
    ],
)
def test_the_one_that_has_it_is_named(question, sql, rows):
    made, note = shown(question, read(sql, SCHEMA), takes)
    assert "of the row that has the M" in note
    assert takes(made)
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL)
    assert sorted(connection.execute(made)) == sorted(rows)


@pytest.mark.parametrize(
    "question, sql",
    [
        ("What is the highest salary of each team?", TEAMS),  # the value is asked for
        ("The highest paid employee?", TEAMS),
        ("How much does the highest paid employee per team earn?", TEAMS),
        ("Highest paid employee per team?", TEAMS.replace("team,", "first_name,")),
        ("Highest paid employee per team?", TEAMS.replace("MAX", "AVG")),
        ("Highest paid employee per team?", TEAMS.replace("MAX(salary)", "MAX(salary), MIN(salary)")),
        ("Highest paid employee per team?", TEAMS.replace("SELECT", "SELECT DISTINCT")),
        ("Highest paid employee per team?", "SELECT MAX(salary) FROM employees"),
        ("Largest log per team?", "SELECT team, MAX(size) FROM logs GROUP BY team"),  # has no name
        ("Most expensive category of each product?", f"SELECT MAX(products.price), categories.label {JOIN}"),
    ],
)
def test_values_that_are_asked_for_stay(question, sql):
    assert shown(question, read(sql, SCHEMA), takes) == (sql, "")


def test_what_the_grammar_does_not_take_stays():
    assert shown("Highest paid employee per team?", read(TEAMS, SCHEMA), lambda made: False) == (TEAMS, "")


def test_the_answer_says_so(tmp_path: Path):
    place = tmp_path / "firm.sqlite"
    with sqlite3.connect(place) as connection:
        connection.executescript(DDL)
    with Agent(place, model=AgreeableModel([TEAMS])) as agent:
        answer = agent.ask("Who is the highest paid employee in each team?")
    # Another reading gives the same people without the salary: either may be weighed as the likelier.
    assert all({"Bo", "Ray", "red"} <= set(row) or {"Cy", "Fox", "blue"} <= set(row) for row in answer.rows)
    assert len(answer.rows) == 2 and [one.why for one in answer.amendments] == [answer.note]
