"""Choosing among statements: votes by result, doubts, corrected texts, efforts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel, candidate

from sqlagent import Agent, demo, schema
from sqlagent.choosing import Tried, choose, doubts, outcome, settled
from sqlagent.console import Console
from sqlagent.repair import compared, corrected, nulls_meant
from sqlagent.sandbox import Result

TOP = "SELECT name FROM employees ORDER BY salary DESC LIMIT 1"
SAME = "SELECT name FROM employees WHERE salary = (SELECT MAX(salary) FROM employees)"
OTHER = "SELECT name FROM employees ORDER BY salary LIMIT 1"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("demo") / "company.sqlite")


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


def test_most_votes_win_over_the_greedy_statement() -> None:
    votes = [tried("greedy", result((1,))), tried("a", result((2,))), tried("b", result((2,)))]
    best, share = choose(votes)
    assert best.sql in ("a", "b")
    assert share == pytest.approx(2 / 3, abs=0.01)


def test_the_greedy_statement_wins_a_tie() -> None:
    assert choose([tried("greedy", result((1,))), tried("a", result((2,)))])[0].sql == "greedy"


def test_a_vote_is_settled_when_those_to_come_cannot_change_it() -> None:
    one, two = tried("a", result((1,))), tried("b", result((2,)))
    assert not settled([one], 4)
    assert not settled([one, one], 2)
    assert settled([one, one, one], 2)
    assert not settled([one, one, two], 1)
    assert settled([one, two, one], 0)
    assert not settled([one, two], 0)
    assert not settled([tried("x", None)], 0)


def test_statements_that_do_not_run_have_no_vote_and_empty_ones_little() -> None:
    votes = [tried("x", None), tried("y", None), tried("empty", result()), tried("full", result((1,)))]
    assert choose(votes)[0].sql == "full"
    assert choose(votes[:2])[0].sql == "x"
    assert choose(votes[:2])[1] == 0.0


@pytest.mark.parametrize(
    ("found", "changes", "word"),
    [
        (None, {}, "run"),
        (result(), {}, "nothing"),
        (result((None,)), {}, "NULL"),
        (result((1,)), {"finished": False}, "cut"),
        (result((1,)), {"worst": -9.0}, "something else"),
        (result((1,)), {"margin": 0.01}, "likely"),
    ],
)
def test_what_makes_a_statement_doubtful(found: Result | None, changes: dict[str, Any], word: str) -> None:
    assert any(word in doubt for doubt in doubts(tried("x", found, **changes)))
    assert doubts(tried("x", result((1,)))) == []


def test_a_doubtful_statement_is_weighed_against_others(company: Path) -> None:
    model = FakeModel([candidate(OTHER, margin=0.001), [TOP, OTHER, SAME, TOP]])
    with Agent(company, model) as agent:
        answer = agent.ask("Who earns the most?")
    assert model.draws == 1
    assert answer.rows == [("Ingrid Solberg",)]
    assert "4 more statements" in " ".join(step.text for step in answer.steps)


def test_the_statement_that_made_the_rows_is_the_last_one_told(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for first, told in ((OTHER, [OTHER, "(another statement was taken instead)", TOP]), (TOP, [TOP])):
        console = Console()
        model = FakeModel([candidate(first, margin=0.001), [TOP, OTHER, SAME, TOP]])
        with Agent(company, model) as agent, console.working("thinking"):
            answer = agent.ask("Who earns the most?", observer=console)
        assert (
            answer.sql == TOP
            and [step.sql for step in answer.steps if step.kind == "reason" and step.sql][-1] == TOP
        )
        assert capsys.readouterr().err.splitlines() == told


def test_no_more_is_drawn_than_settles_the_vote(company: Path) -> None:
    with Agent(company, FakeModel([candidate(TOP, margin=0.0), [TOP, SAME, OTHER, OTHER]])) as agent:
        answer = agent.ask("Who earns the most?")
    assert [s.text for s in answer.steps if "drawn" in s.text or "different" in s.text] == [
        "2 more statements drawn because another statement was nearly as likely",
        "2 different ones run",
    ]


def test_a_convincing_statement_is_enough(company: Path) -> None:
    model = FakeModel([TOP])
    with Agent(company, model) as agent:
        agent.ask("Who earns the most?")
    assert model.draws == 0


def test_fast_never_draws_and_high_always_does(company: Path) -> None:
    model = FakeModel([candidate(TOP, margin=0.0)])
    with Agent(company, model, effort="fast") as agent:
        agent.ask("Who earns the most?")
    assert model.draws == 0
    model = FakeModel([TOP, [TOP, TOP]])
    with Agent(company, model, effort="high") as agent:
        assert agent.ask("Who earns the most?").rows == [("Ingrid Solberg",)]
    assert model.draws == 1


def test_texts_are_found_with_their_columns(company: Path) -> None:
    read = schema.read(company)
    sql = (
        "SELECT e.name FROM employees AS e JOIN departments AS d ON e.department_id = d.id "
        "WHERE d.name = 'sales' AND e.name IN ('Ann', 'Bob') AND e.salary > 3"
    )
    assert compared(sql, read) == [
        ("departments", "name", "sales"),
        ("employees", "name", "Ann"),
        ("employees", "name", "Bob"),
    ]
    assert compared("nonsense", read) == []


def test_only_texts_that_are_wrong_everywhere_are_changed(company: Path) -> None:
    read = schema.read(company)

    def nearest(table: str, column: str, text: str) -> str | None:
        return {"sales": "Sales", "o'neil": "O'Neil"}.get(text) if table == "departments" else None

    sql = "SELECT \"name\" FROM departments WHERE name = 'sales' OR name = 'o''neil'"
    fixed, changes = corrected(sql, read, nearest)
    assert fixed == "SELECT \"name\" FROM departments WHERE name = 'Sales' OR name = 'O''Neil'"
    assert len(changes) == 2
    both = (
        "SELECT departments.name FROM departments JOIN employees ON departments.id = employees.department_id "
        "WHERE departments.name = 'sales' AND employees.name = 'sales'"
    )
    assert corrected(both, read, nearest) == (both, [])


def test_null_is_taken_for_the_text_null_where_that_finds_nothing(company: Path) -> None:
    wrong = "SELECT name FROM employees WHERE manager_id = 'null' AND name <> 'null'"
    with Agent(company, FakeModel([wrong])) as agent:
        answer = agent.ask("Which employees have no manager?")
    assert answer.sql == "SELECT name FROM employees WHERE manager_id IS NULL AND name <> 'null'"
    assert len(answer.rows) == 6
    kept = "SELECT 'a = ''null' FROM t WHERE x != 'null'"
    assert nulls_meant(kept) == kept


def test_the_answer_says_what_was_corrected(company: Path) -> None:
    model = FakeModel(["SELECT COUNT(*) FROM departments WHERE name = 'sales'"])
    with Agent(company, model) as agent:
        answer = agent.ask("How many sales departments are there?")
    assert answer.rows == [(1,)]
    assert "'Sales'" in answer.sql
    assert "'sales' is not in departments.name" in answer.note
