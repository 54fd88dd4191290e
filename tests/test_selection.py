"""Choosing among statements: probability by result, doubts, corrected texts, efforts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel, candidate

from sqlagent import Agent
from sqlagent.agent.effort import EFFORTS
from sqlagent.agent.selection import CHANNEL, Tried, choose, doubts, outcome
from sqlagent.amend.stored_values import compared, corrected, nulls_meant
from sqlagent.database import schema
from sqlagent.sandbox.sandbox import Result
from sqlagent.sql import reading
from sqlagent.sql.parser import parse
from sqlagent.ui import demo_database
from sqlagent.ui.console import Console

TOP = "SELECT name FROM employees ORDER BY salary DESC LIMIT 1"
SAME = "SELECT name FROM employees WHERE salary = (SELECT MAX(salary) FROM employees)"
OTHER = "SELECT name FROM employees ORDER BY salary LIMIT 1"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_database.build(tmp_path_factory.mktemp("demo") / "company.sqlite")


def result(*rows: tuple[Any, ...]) -> Result:
    columns = tuple(f"c{i}" for i in range(len(rows[0]) if rows else 1))
    return Result(columns, list(rows), None, 0.0)


def tried(sql: str, found: Result | None, **changes: Any) -> Tried:
    return Tried(candidate(sql, **changes), found, "" if found else "no such column")


def test_results_are_the_same_whatever_the_order_of_rows_and_columns() -> None:
    assert outcome(result((1, "a"), (2, "b"))) == outcome(result(("b", 2), ("a", 1)))
    assert outcome(result((1, "a"), (2, "b"))) != outcome(result((1, "b"), (2, "a")))
    assert outcome(result((1,), (1,))) != outcome(result((1,)))
    assert outcome(result((0.1 + 0.2,))) == outcome(result((0.3,)))
    assert outcome(result((1,))) != outcome(result(("1",)))


def test_the_result_with_most_of_the_probability_wins_over_the_greedy_statement() -> None:
    greedy = tried("greedy", result((1,)), logprob=-1.0)
    others = [tried("a", result((2,)), logprob=-1.6), tried("b", result((2,)), logprob=-1.5)]
    best, share = choose([greedy, *others])
    assert best.sql == "b"
    assert share == pytest.approx((0.2019 + 0.2231) / (0.2019 + 0.2231 + 0.3679), abs=1e-3)
    assert choose([greedy, others[0]])[0].sql == "greedy"


def test_the_greedy_statement_wins_a_tie() -> None:
    assert choose([tried("greedy", result((1,))), tried("a", result((2,)))])[0].sql == "greedy"


def test_a_statement_that_tells_the_question_wins_over_one_that_does_not() -> None:
    votes = [tried("a", result((1,)), logprob=-1.0), tried("b", result((2,)), logprob=-2.0)]
    asked: list[list[str]] = []

    def told(statements: Sequence[str]) -> list[float]:
        asked.append(list(statements))
        return [{"a": -20.0, "b": -17.0}.get(sql, -99.0) for sql in statements]

    best, share = choose(votes, told)
    assert best.sql == "b"
    assert share == pytest.approx(1 / (1 + math.exp(1.0 - 3.0 * CHANNEL)))
    same = [tried("a", result((2,)), logprob=-1.0), tried("c", result((2,)), logprob=-3.0)]
    assert choose(same, told) == (same[0], 1.0)
    assert choose([*same, votes[1], tried("x", None)], told)[0].sql == "a"
    assert asked == [["a", "b"]]  # statements are read back only where their rows differ


def test_statements_that_do_not_run_have_no_vote_and_empty_ones_little() -> None:
    votes = [tried("x", None), tried("y", None), tried("empty", result()), tried("full", result((1,)))]
    assert choose(votes)[0].sql == "full"
    assert choose(votes[:2])[0].sql == "x"
    assert choose(votes[:2])[1] == 0.0
    assert choose([tried("empty", result()), tried("full", result((1,)), logprob=-1.6)])[0].sql == "full"
    assert choose([tried("empty", result()), tried("full", result((1,)), logprob=-1.8)])[0].sql == "empty"
    assert (
        choose([tried("a", result((1,)), logprob=-900.0), tried("b", result((2,)), logprob=-899.0)])[0].sql
        == "b"
    )


@pytest.mark.parametrize(
    ("found", "changes", "word"),
    [
        (None, {}, "run"),
        (result(), {}, "nothing"),
        (result((None,)), {}, "NULL"),
        (result((1,)), {"finished": False}, "cut"),
        (result((1,)), {"min_token_logprob": -9.0}, "something else"),
    ],
)
def test_what_makes_a_statement_doubtful(found: Result | None, changes: dict[str, Any], word: str) -> None:
    assert any(word in doubt for doubt in doubts(tried("x", found, **changes)))
    assert doubts(tried("x", result((1,)))) == []


def test_a_statement_is_weighed_against_others(company: Path) -> None:
    model = FakeModel([OTHER, [TOP, candidate(OTHER, logprob=-2.0), SAME]])
    with Agent(company, model) as agent:
        answer = agent.ask("Who earns the most?")
    assert answer.rows == [("Ingrid Solberg",)]
    assert [one.sql for one in answer.tried] == [OTHER, TOP, OTHER, SAME]
    assert [s.text for s in answer.steps if "weighed" in s.text or "different" in s.text] == [
        "3 other statements weighed",
        "2 different ones run",
        "2 statements with different rows read back as questions",
    ]
    assert model.read_back == [[OTHER, TOP]]
    assert [one.question_logprob for one in answer.tried] == [0.0, 0.0, 0.0, None]


def test_the_question_decides_between_statements_that_are_about_as_likely(company: Path) -> None:
    model = FakeModel([OTHER, [TOP]])
    model.question_logprob = {OTHER: -30.0, TOP: -20.0}
    with Agent(company, model) as agent:
        answer = agent.ask("Who earns the most?")
    assert answer.sql == TOP
    assert [one.question_logprob for one in answer.tried] == [-30.0, -20.0]


def test_the_statement_that_made_the_rows_is_the_only_one_shown(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for first in (OTHER, TOP):
        console = Console()
        model = FakeModel([first, [TOP, SAME]])
        with Agent(company, model) as agent, console.working("thinking"):
            answer = agent.ask("Who earns the most?", observer=console)
        assert (
            answer.sql == TOP
            and [step.sql for step in answer.steps if step.kind == "reason" and step.sql][-1] == TOP
        )
        console.statement()
        assert capsys.readouterr().err.splitlines() == [TOP]


def test_what_speaks_against_a_statement_widens_the_search(company: Path) -> None:
    empty = "SELECT name FROM employees WHERE salary < 0"
    model = FakeModel([empty, [candidate(TOP, logprob=-1.6)]])
    with Agent(company, model) as agent:
        answer = agent.ask("Who earns the most?")
    assert answer.sql == TOP
    assert "1 other statement weighed because it found nothing" in [step.text for step in answer.steps]
    model.enqueue(TOP)
    with Agent(company, model) as agent:
        agent.ask("Who earns the most?")
    doubted, certain = model.asked
    assert doubted[1] > certain[1] == EFFORTS["normal"].within


def test_efforts_differ_in_what_is_tried(company: Path) -> None:
    asked: dict[str, list[tuple[int, float]]] = {}
    for effort in ("fast", "normal", "high"):
        model = FakeModel([TOP])
        with Agent(company, model, effort=effort) as agent:
            assert agent.ask("Who earns the most?").rows == [("Ingrid Solberg",)]
        asked[effort] = model.asked
    assert asked["fast"] == []
    assert [a < b for a, b in zip(asked["normal"][0], asked["high"][0], strict=True)] == [True, True]


def test_texts_are_found_with_their_columns(company: Path) -> None:
    read = schema.read(company)
    sql = (
        "SELECT e.name FROM employees AS e JOIN departments AS d ON e.department_id = d.id "
        "WHERE d.name = 'sales' AND e.name IN ('Ann', 'Bob') AND e.salary > 3"
    )
    assert compared(reading.read(sql, read)) == [
        ("departments", "name", "sales"),
        ("employees", "name", "Ann"),
        ("employees", "name", "Bob"),
    ]


def test_only_texts_that_are_wrong_everywhere_are_changed(company: Path) -> None:
    read = schema.read(company)

    def nearest(table: str, column: str, text: str) -> str | None:
        return {"sales": "Sales", "o'neil": "O'Neil"}.get(text) if table == "departments" else None

    sql = "SELECT \"name\" FROM departments WHERE name = 'sales' OR name = 'o''neil'"
    fixed, changes = corrected(reading.read(sql, read), nearest)
    assert fixed == "SELECT \"name\" FROM departments WHERE name = 'Sales' OR name = 'O''Neil'"
    assert len(changes) == 2
    both = (
        "SELECT departments.name FROM departments JOIN employees ON departments.id = employees.department_id "
        "WHERE departments.name = 'sales' AND employees.name = 'sales'"
    )
    assert corrected(reading.read(both, read), nearest) == (both, [])


def test_a_text_is_changed_only_where_it_is_compared(company: Path) -> None:
    read = schema.read(company)
    sql = "SELECT 'sales' FROM departments WHERE city LIKE 'sales' AND name = 'sales'"
    fixed, _ = corrected(reading.read(sql, read), lambda table, column, text: "Sales")
    assert fixed == "SELECT 'sales' FROM departments WHERE city LIKE 'sales' AND name = 'Sales'"


def test_null_meant_loses_no_other_note(company: Path) -> None:
    wrong = (
        "SELECT e.name FROM employees AS e JOIN departments AS d ON e.department_id = d.id "
        "WHERE d.name = 'sales' AND e.manager_id = 'null'"
    )
    with Agent(company, FakeModel([wrong])) as agent:
        answer = agent.ask("Who in sales has no manager?")
    assert "d.name = 'Sales' AND e.manager_id IS NULL" in answer.sql
    assert "'sales' is not in departments.name" in answer.note
    assert "NULL was taken for the text 'null'" in answer.note


def test_null_is_taken_for_the_text_null_where_that_finds_nothing(company: Path) -> None:
    wrong = "SELECT name FROM employees WHERE manager_id = 'null' AND name <> 'null'"
    with Agent(company, FakeModel([wrong])) as agent:
        answer = agent.ask("Which employees have no manager?")
    assert answer.sql == "SELECT name FROM employees WHERE manager_id IS NULL AND name <> 'null'"
    assert len(answer.rows) == 6
    kept = "SELECT 'a = ''null' FROM t WHERE x != 'null'"
    assert nulls_meant(parse(kept)) == kept


def test_the_answer_says_what_was_corrected(company: Path) -> None:
    model = FakeModel(["SELECT COUNT(*) FROM departments WHERE name = 'sales'"])
    with Agent(company, model) as agent:
        answer = agent.ask("How many sales departments are there?")
    assert answer.rows == [(1,)]
    assert "'Sales'" in answer.sql
    assert "'sales' is not in departments.name" in answer.note
