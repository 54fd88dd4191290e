"""Follow-ups: which question is one, and what the model is then given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent.agent.agent import Agent
from sqlagent.agent.conversation import Conversation, follows_up
from sqlagent.base.errors import UsageError
from sqlagent.database import schema
from sqlagent.linking.prompt import HISTORY_TURNS, Turn, spoken, subject
from sqlagent.ui import demo_database

COMPANY = schema.from_ddl(demo_database.SCHEMA)
LAST = Turn("How many employees are there?", "SELECT COUNT(*) FROM employees")

GOES_ON = [
    "only those hired after 2015",
    "and by department?",
    "What about Germany?",
    "sort them by name",
    "how many are there?",
    "And the longest?",
    "Show their emails too",
    "By city?",
    "just the top 5",
    "fewer than 10",
    "What is their average salary?",
    "the same for Marketing",
    "sort by salary",
    "Cheapest first",
    "with the title",
    "order it the other way round",
    "list the names instead",
    "only employees in Sales",
    "which of them earns the most?",
    "How many is that?",
    "And which of these lead a project?",
    "ok, and in Paris?",
    "How many employees have each?",
    "How many employees work in each?",
    "alphabetically",
    "only those that are not in Sales",
    "just the first 5 by name",
    "Add the title",
    "Who is their manager?",
    "Who earns more than her?",
    "Whose boss is he?",
    "What do they earn?",
    "What is its budget?",
    "order them by name",
    "list them",
]
STANDS_ALONE = [
    "Who earns the most in Sales?",
    "How many employees does each department have?",
    "Which projects belong to departments in London?",
    "What is the average salary of engineers?",
    "List all projects and their budgets",
    "For each department, list its employees",
    "Which employees earn more than those in Sales who were hired before 2015?",
    "Show the name of each employee and the name of his manager",
    "How many projects are there?",
    "And how many projects are there?",
    "Sort the projects by budget",
    "In which city is the department with the most employees, and how many of them live there?",
    "Show departments that have more than one project",
    "What is the highest salary?",
    "What are the departments, and how many employees work in each?",
    "Add up the salaries of all employees",
    "Whose bonus exceeds their salary?",
    "Who is older than their manager?",
    "Which people earn as much as their boss?",
    "Does anyone have a higher salary than his boss?",
    "What costs more than its budget?",
]


@pytest.mark.parametrize("question", GOES_ON)
def test_a_question_that_points_back_goes_on(question: str) -> None:
    assert follows_up(question, COMPANY, LAST)


@pytest.mark.parametrize("question", STANDS_ALONE)
def test_a_whole_question_stands_alone(question: str) -> None:
    assert not follows_up(question, COMPANY, LAST)


COMMON_WORDS = schema.from_ddl(
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT);"
    "CREATE TABLE returns (id INTEGER PRIMARY KEY, reason TEXT);"
    "CREATE TABLE shows (id INTEGER PRIMARY KEY, title TEXT);"
    "CREATE TABLE lists (id INTEGER PRIMARY KEY, owner TEXT);"
    "CREATE TABLE numbers (id INTEGER PRIMARY KEY, digits TEXT);"
)
OPEN = Turn("Which orders are open?", "SELECT * FROM orders WHERE status = 'open'")


@pytest.mark.parametrize("table", [table.name for table in COMMON_WORDS.tables])
def test_a_table_named_like_a_common_word_makes_a_question_whole(table: str) -> None:
    assert not follows_up(f"How many {table} are there?", COMMON_WORDS, OPEN)
    assert not follows_up(f"And how many {table} are there?", COMMON_WORDS, LAST)
    assert not follows_up(f"What was the first {table[:-1]}?", COMMON_WORDS, OPEN)


@pytest.mark.parametrize(
    "question",
    [
        "order them by status",
        "show them",
        "list those",
        "how many are there?",
        "in the order of their status",
    ],
)
def test_a_command_names_no_table_that_is_called_like_it(question: str) -> None:
    assert follows_up(question, COMMON_WORDS, OPEN)


def test_the_first_question_has_nothing_to_go_on_from() -> None:
    assert Conversation().history("only those hired after 2015", COMPANY) == ()


def test_a_chain_grows_by_follow_ups_and_a_new_subject_begins_another() -> None:
    talk = Conversation()
    for question in ("List the employees", "only those in Sales", "sort them by name"):
        talk.add(question, "SELECT name FROM employees", talk.history(question, COMPANY))
    assert [turn.question for turn in talk.turns] == [
        "List the employees",
        "only those in Sales",
        "sort them by name",
    ]
    talk.add(
        "How many projects are there?", "SELECT 1", talk.history("How many projects are there?", COMPANY)
    )
    assert [turn.question for turn in talk.turns] == ["How many projects are there?"]
    talk.forget()
    assert talk.history("sort them by name", COMPANY) == ()


def test_only_the_last_turns_are_handed_on() -> None:
    talk = Conversation()
    for number in range(9):
        talk.add(f"and {number}?", f"SELECT {number}", (LAST,))
    assert [turn.sql for turn in talk.history("and then?", COMPANY)] == [
        f"SELECT {number}" for number in range(9 - HISTORY_TURNS, 9)
    ]


def test_what_was_said_before_is_looked_for_too() -> None:
    before = [Turn("Tracks by AC/DC", "SELECT Track.Name FROM Track JOIN Artist")]
    assert spoken("only short ones", before) == "only short ones\nTracks by AC/DC"
    assert "Artist" in subject("only short ones", before).split()
    assert subject("whole", ()) == spoken("whole", ()) == "whole"


def test_a_follow_up_shows_the_model_the_turns_the_tables_and_the_values_before(tmp_path: Path) -> None:
    model = AgreeableModel(["SELECT name FROM employees"])
    seen: list[str] = []

    def link(found: schema.Schema, question: str) -> schema.Schema:
        seen.append(question)
        return found

    before = (Turn("Who works in Marketing?", "SELECT e.name FROM employees AS e JOIN departments"),)
    with Agent(demo_database.build(tmp_path / "c.db"), model, link=link) as agent:
        agent.ask("only those hired after 2015", history=before)
        agent.ask("only those hired after 2015")
    first, second = model.prompts
    assert "Who works in Marketing?" in first.request
    assert before[0].sql in first.request
    assert "departments.name = 'Marketing'" in first.request, (
        "a stored value that only the question before names"
    )
    assert {"departments", "employees"} <= set(seen[0].split())
    assert "Marketing" not in second.request
    assert seen[1] == "only those hired after 2015"
    assert (first.system, first.context) == (second.system, second.context), "the cached part is the same"


def test_the_measurement_plays_turns_on_the_agents_own_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sqlglot")
    from bench import conversation

    demo_database.build(tmp_path / "company.sqlite")
    turns = [
        {"question": "How many employees are there?", "query": "SELECT COUNT(*) FROM employees"},
        {"question": "and departments?", "query": "SELECT COUNT(*) FROM departments"},
        {"question": "List the cities of departments", "query": "SELECT city FROM departments", "new": True},
    ]
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps([{"db": "company", "turns": turns}]))
    wrong = "SELECT COUNT(*) FROM projects"
    model = AgreeableModel([wrong, "SELECT COUNT(*) FROM departments", "SELECT city FROM departments"])
    options = ["--data", str(tmp_path), "--cases", str(cases), "--effort", "fast"]
    assert conversation.main(options, model=model) == 0
    out = capsys.readouterr().out
    assert "first: 0 of 1 right" in out
    assert "follow-up: 1 of 1 right" in out
    assert "new subject: 1 of 1 right" in out
    assert wrong in model.prompts[1].request
    assert "Earlier question" not in model.prompts[2].request
    with pytest.raises(UsageError, match="--data"):
        conversation.main(["--data", str(tmp_path / "nowhere"), "--cases", str(cases)], model=model)


CASES = Path(__file__).with_name("conversations.json")


def test_the_written_conversations_are_sound() -> None:
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    assert len(cases) >= 30
    assert {case["db"] for case in cases} == {"chinook", "northwind"}
    for case in cases:
        assert 2 <= len(case["turns"]) <= 3
        assert "new" not in case["turns"][0]
        for turn in case["turns"]:
            assert turn["question"]
            assert turn["query"].startswith("SELECT ")
