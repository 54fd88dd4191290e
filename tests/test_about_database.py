"""Questions about the database itself are answered from its schema, and questions about its rows are not."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent.agent.about_database import statement_about
from sqlagent.agent.agent import Agent
from sqlagent.database import schema
from sqlagent.ui import demo_database

COMPANY = schema.from_ddl(demo_database.SCHEMA)
INN = schema.from_ddl(
    "CREATE TABLE tables (id INTEGER PRIMARY KEY, seats INTEGER);"
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, table_id INTEGER REFERENCES tables, placed TEXT)"
)
TABLES = [[(name,) for name in ("departments", "employees", "projects", "assignments")]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return demo_database.build(tmp_path / "demo.db")


def rows(path: Path, question: str) -> list[tuple[object, ...]]:
    with Agent(path, FakeModel([])) as agent:
        return list(agent.ask(question).rows)


@pytest.mark.parametrize(
    "question",
    """What tables are there?|show tables|list all the tables|tables|which tables exist?|names of the tables
What tables does this database have?|what are the tables""".replace("\n", "|").split("|"),
)
def test_tables_are_listed(path: Path, question: str) -> None:
    assert rows(path, question) == TABLES[0]


def test_tables_are_counted(path: Path) -> None:
    assert (
        rows(path, "How many tables are there in this database?") == [(4,)] == rows(path, "how many tables?")
    )


@pytest.mark.parametrize(
    "question", ["how many rows does each table have?", "row counts", "number of rows per table"]
)
def test_rows_are_counted_table_by_table(path: Path, question: str) -> None:
    with sqlite3.connect(path) as connection:
        counted = [(t, connection.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0]) for (t,) in TABLES[0]]
    assert rows(path, question) == counted


@pytest.mark.parametrize(
    "question",
    """describe employees|Describe the employees table.|what columns does employees have?|columns of employee
what fields are in employees?|what does the employees table contain?|schema of employees""".replace(
        "\n", "|"
    ).split("|"),
)
def test_a_table_is_described_by_its_columns(path: Path, question: str) -> None:
    names = [row[0] for row in rows(path, question)]
    assert names == [column.name for column in COMPANY.tables[1].columns]


@pytest.mark.parametrize(
    "question", ["what is this database about?", "What's in this database?", "what can I ask?", "schema"]
)
def test_the_whole_is_summed_up(path: Path, question: str) -> None:
    found = rows(path, question)
    assert [row[0] for row in found] == [name for (name,) in TABLES[0]]
    assert found[1][1] == 42 and "salary" in str(found[1][2])


@pytest.mark.parametrize(
    "question",
    """describe the employees of Paris|how many rows are in employees?|which employees are there?|describe Ann
how many employees does each department have?|list the names|show departments
what is the budget of each table tennis club?
what is in the Paris office?|columns by city|how many projects exist?|what tables did Ann book?""".replace(
        "\n", "|"
    ).split("|"),
)
def test_questions_about_rows_are_left_to_the_model(question: str) -> None:
    assert statement_about(question, COMPANY) is None


@pytest.mark.parametrize("question", ["What tables are there?", "how many tables?", "list all tables"])
def test_tables_that_a_database_holds_are_its_rows(question: str) -> None:
    assert statement_about(question, INN) is None
    assert statement_about(question.rstrip("?") + " in this database?", INN) is not None


def test_the_answer_has_its_statement_and_says_where_it_comes_from(path: Path) -> None:
    model = FakeModel([])
    with Agent(path, model) as agent:
        answer = agent.ask("what tables are there?")
        assert agent.run_sql(answer.sql).rows == answer.rows
    assert answer.confidence == 1.0 and "schema" in answer.note and model.prompts == []


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    with sqlite3.connect(path) as connection:
        connection.execute("""CREATE TABLE "it's; DROP x" ("a""b" TEXT, "c'd" TEXT)""")
    assert rows(path, "what tables are there?") == [("it's; DROP x",)]
    assert rows(path, "what is in this database?") == [("it's; DROP x", 0, "a\"b, c'd")]
