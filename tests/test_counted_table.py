"""The rows of the table asked about are counted, not those of the table that they belong to."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.counted_table import joined
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE departments (id INTEGER PRIMARY KEY, city TEXT, school TEXT);
CREATE TABLE employees (id INTEGER PRIMARY KEY, department_id INT REFERENCES departments(id),
    boss INT REFERENCES employees(id));
CREATE TABLE courses (code TEXT PRIMARY KEY, department_id INT REFERENCES departments(id));
CREATE TABLE classes (id INTEGER PRIMARY KEY, course TEXT REFERENCES courses(code));
CREATE TABLE enrolled (employee INT REFERENCES employees(id), class INT REFERENCES classes(id));
CREATE TABLE "open tasks" (id INTEGER PRIMARY KEY, "from" INT REFERENCES departments(id),
    "to" INT REFERENCES departments(id));
CREATE TABLE budgets (department_id INTEGER PRIMARY KEY REFERENCES departments(id));
CREATE TABLE old_departments (id INTEGER PRIMARY KEY, department_id INT REFERENCES departments(id));
CREATE TABLE rooms (id INTEGER PRIMARY KEY, "dep't" INT REFERENCES departments(id));
INSERT INTO departments VALUES (1, 'Paris', 'Arts'), (2, 'Paris', 'Law'), (3, 'Rome', 'Law');
INSERT INTO employees VALUES (1, 1, NULL), (2, 1, 1), (3, 3, 1), (4, 3, 1), (5, 3, 1);
INSERT INTO courses VALUES ('a', 1), ('b', 3);
INSERT INTO classes VALUES (1, 'a'), (2, 'a'), (3, 'b');
INSERT INTO rooms VALUES (1, 2), (2, 2);
"""
SCHEMA = schemas.from_ddl(DDL[: DDL.index("INSERT")])
ACCEPTOR = Acceptor(SCHEMA)
BY_CITY = "SELECT city, COUNT(*) FROM departments GROUP BY city"


takes = ACCEPTOR.accepts


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


@pytest.mark.parametrize(
    "question, sql, rows",
    [
        ("How many people work in each city?", BY_CITY, [("Paris", 2), ("Rome", 3)]),
        ("What is the number of employees in each city?", BY_CITY, [("Paris", 2), ("Rome", 3)]),
        (
            "And in each city?\nHow many staff does each department have?",
            BY_CITY,
            [("Paris", 2), ("Rome", 3)],
        ),
        (
            "Show each school with the number of different classes.",
            "SELECT school, COUNT(DISTINCT id) FROM departments GROUP BY school",
            [("Arts", 2), ("Law", 1)],
        ),
        (
            "Which city has the most employees?",
            "SELECT city FROM departments GROUP BY city ORDER BY COUNT(*) DESC LIMIT 1",
            [("Rome",)],
        ),
        (
            "Which cities have more than two employees?",
            "SELECT city FROM departments GROUP BY city HAVING COUNT(*) > 2",
            [("Rome",)],
        ),
        (  # nobody spoke of rooms
            "Which city has the most employees?",
            'SELECT departments.city FROM departments JOIN rooms ON departments.id = rooms."dep\'t"'
            " GROUP BY departments.city ORDER BY COUNT(rooms.id) DESC LIMIT 1",
            [("Rome",)],
        ),
        (
            "Which city has the most employees?",
            'SELECT departments.city FROM rooms JOIN departments ON rooms."dep\'t" = departments.id'
            " WHERE departments.id > 0 GROUP BY departments.city ORDER BY COUNT(*) DESC LIMIT 1",
            [("Rome",)],
        ),
        (
            "How many rooms are there in Paris?",
            "SELECT COUNT(*) FROM departments WHERE city = 'Paris'",
            [(2,)],
        ),
        (
            "How many rooms are there in Paris?",
            "SELECT COUNT(DISTINCT id) FROM departments WHERE city = 'Paris' AND school <> 'COUNT(id)'",
            [(2,)],
        ),
        (
            "How many classes does each course's city offer?",
            "SELECT departments.city, COUNT(courses.code) FROM courses"
            " JOIN departments ON courses.department_id = departments.id GROUP BY departments.city",
            [("Paris", 2), ("Rome", 1)],
        ),
    ],
)
def test_rows_of_the_table_asked_about_are_counted(path, question, sql, rows):
    found = joined(question, read(sql, SCHEMA), takes)
    assert re.fullmatch(r"The rows of \w+ are counted\.", found.note)
    with sqlite3.connect(path) as connection:
        assert sorted(connection.execute(found.sql)) == rows


@pytest.mark.parametrize(
    "question, sql",
    [
        ("How many departments are in each city?", BY_CITY),
        ("And departments, how many departments?\nHow many people work in each city?", BY_CITY),
        ("And departments?\nHow many people work in each city?", BY_CITY),
        ("How many budgets has each city?", BY_CITY),  # one each
        ("How many old departments has each city?", BY_CITY),  # may be called so
        ("How many open tasks has each city?", BY_CITY),  # from there or to there?
        ("How many departments and how many rooms has each city?", BY_CITY),
        ("How many class rooms has each city?", BY_CITY),
        ("Which method do most people choose?", BY_CITY),
        ("How many employees are there?", "SELECT COUNT(*) FROM employees"),
        ("How many employees are enrolled?", "SELECT COUNT(*) FROM enrolled"),  # its rows stand for them
        ("How many employees are enrolled?", "SELECT COUNT(DISTINCT employee) FROM enrolled"),
        ("How many people?", "SELECT COUNT(*), COUNT(DISTINCT city) FROM departments"),
        ("How many employees?", "SELECT COUNT(*) FROM departments AS T1"),
        ("How many employees?", "SELECT COUNT(*) FROM (SELECT city FROM departments)"),
        (  # each of its employees would be there once for each of its rooms
            "How many employees has each city with rooms?",
            "SELECT departments.city, COUNT(*) FROM departments JOIN rooms"
            ' ON departments.id = rooms."dep\'t" GROUP BY departments.city',
        ),
        (
            "Which city has the most employees?",
            'SELECT departments.city FROM departments JOIN rooms ON departments.id = rooms."dep\'t"'
            " WHERE rooms.id > 0 GROUP BY departments.city ORDER BY COUNT(*) DESC LIMIT 1",
        ),
        ("Which people?", "SELECT city FROM departments"),
    ],
)
def test_what_may_be_meant_stays(question, sql):
    assert joined(question, read(sql, SCHEMA), takes) == (sql, "")


def test_what_the_grammar_does_not_take_stays():
    assert joined("How many people work in each city?", read(BY_CITY, SCHEMA), lambda sql: False) == (
        BY_CITY,
        "",
    )


def test_the_agent_counts_people_and_says_so(path):
    agent = Agent(path, model=AgreeableModel([BY_CITY]))
    answer = agent.ask("How many people work in each city?")
    assert sorted(map(tuple, answer.rows)) == [("Paris", 2), ("Rome", 3)]
    assert "The rows of employees are counted." in answer.note
