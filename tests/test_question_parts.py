"""Two questions in one get both answers; one that goes on about the same rows is one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent import Agent
from sqlagent.agent.question_parts import parts
from sqlagent.database import schema as schemas

DDL = """
CREATE TABLE members (id INTEGER PRIMARY KEY, name TEXT, city TEXT, born DATE);
CREATE TABLE loans (id INTEGER PRIMARY KEY, member_id INTEGER REFERENCES members (id), days INTEGER);
INSERT INTO members VALUES (1, 'Ana', 'Porto', '1950-01-01'), (2, 'Rui', 'Porto', '2001-01-01'), 
    (3, 'Eva', 'Faro', '1990-01-01');
INSERT INTO loans VALUES (1, 1, 4), (2, 1, 8), (3, 2, 6), (4, 3, 2), (5, 3, 5);
"""
JOINED = "SELECT COUNT(*), COUNT(*) FROM members JOIN loans ON members.id = loans.member_id"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parts") / "library.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(DDL)
    connection.close()
    return path


@pytest.mark.parametrize(
    ("question", "held"),
    [
        (
            "How many members are there and how many loans are there?",
            ("How many members are there", "how many loans are there?"),
        ),
        (
            "How many members live in Porto? What is the average number of days of a loan?",
            ("How many members live in Porto?", "What is the average number of days of a loan?"),
        ),
        ("How many members and loans are there?", ("How many members are there?", "How many loans are there?")),
        (
            "Show the number of members and the number of loans.",
            ("How many members are there?", "How many loans are there?"),
        ),
        (
            "Who is the oldest member and who is the youngest?",
            ("Who is the oldest member", "who is the youngest?"),
        ),
        (
            "Who are the oldest and the youngest member?",
            ("Who are the oldest member?", "Who are the youngest member?"),
        ),
        (
            "Which was the longest and the shortest loan?",
            ("Which was the longest loan?", "Which was the shortest loan?"),
        ),
        (
            "Who are the oldest and youngest members from Porto?",
            ("Who are the oldest members from Porto?", "Who are the youngest members from Porto?"),
        ),
    ],
)  # fmt: skip
def test_the_parts_of_a_question(library: Path, question: str, held: tuple[str, ...]) -> None:
    assert parts(question, schemas.read(str(library))) == held


@pytest.mark.parametrize(
    "question",
    [
        "How many members are there?",
        "What are the names and cities of the members?",
        "Who is the youngest member and how many loans does he have?",
        "Which members have no loans and where do they live?",
        "How many loans are there in each city and what is the average number of days of the loans?",
        "How many dogs and cats are there?",
        "What is the first and last name of the oldest member?",
        "List members who live in Porto and have loans.",
        "How many members are there and what is the weather?",
        "How many days lie between the earliest and the latest loan?",
        "What is the difference between the longest and the shortest loan?",
        "How many days went from the earliest and latest loan?",
    ],
)
def test_one_question_is_one(library: Path, question: str) -> None:
    assert parts(question, schemas.read(str(library))) == ()


def test_both_counts_come_in_one_row(library: Path) -> None:
    script = [JOINED, "SELECT COUNT(*) FROM members", "SELECT COUNT(*) FROM loans"]
    with Agent(library, FakeModel(script)) as agent:
        answer = agent.ask("How many members are there and how many loans are there?")
    assert answer.rows == [(3, 5)]
    assert answer.sql == "SELECT (SELECT COUNT(*) FROM members), (SELECT COUNT(*) FROM loans)"
    assert "by itself" in answer.note


def test_a_part_that_points_back_is_asked_with_the_part_before(library: Path) -> None:
    oldest = "SELECT name FROM members ORDER BY born LIMIT 1"
    model = FakeModel([oldest, oldest, "SELECT name FROM members ORDER BY born DESC LIMIT 1"])
    with Agent(library, model) as agent:
        answer = agent.ask("Who is the oldest member and who is the youngest?")
    assert answer.rows == [("Ana", "Rui")]
    assert "Earlier question: Who is the oldest member" in model.prompts[-1].request


def test_one_statement_that_answers_both_stays(library: Path) -> None:
    both = "SELECT MAX(days), MIN(days) FROM loans"
    script = [both, "SELECT MAX(days) FROM loans", "SELECT MIN(days) FROM loans"]
    with Agent(library, FakeModel(script)) as agent:
        assert agent.ask("What are the longest and the shortest loan in days?").rows == [(8, 2)]


def test_parts_that_one_statement_answers_are_not_set_side_by_side(library: Path) -> None:
    same = "SELECT COUNT(*) FROM members"
    with Agent(library, FakeModel([same, same, same])) as agent:
        answer = agent.ask("How many members are there and how many members live anywhere?")
    assert answer.columns == ("COUNT(*)",)


def test_half_an_answer_says_so(library: Path) -> None:
    script = ["SELECT name FROM members WHERE city = 'Porto'"]
    with Agent(library, FakeModel(script)) as agent:
        answer = agent.ask("List the members in Porto. How many loans are there?")
    assert "only a part" in answer.note and "How many loans are there?" in answer.note
    assert answer.evidence is not None and answer.evidence.doubted
