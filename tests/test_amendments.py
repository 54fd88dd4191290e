"""What was changed in a statement is said; what a question may mean is the model's to decide."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sqlagent.agent.agent import Agent
from sqlagent.base.errors import NoAnswer, UsageError
from sqlagent.grammar import Acceptor
from sqlagent.sandbox import functions
from sqlagent.ui.cli import main
from sqlagent.ui.console import Console
from sqlagent.ui.repl import Repl
from sqlagent.ui.result_output import Output
from tests.fake_model import FakeModel, candidate

bench_walk = pytest.importorskip("bench.walk")

SCRIPT = """
CREATE TABLE department (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT, salary INTEGER, hired DATE, left_on DATE,
    boss_id INTEGER REFERENCES staff(id), department_id INTEGER REFERENCES department(id));
INSERT INTO department VALUES (1, 'Design'), (2, 'Law'), (3, 'Sales');
INSERT INTO staff VALUES (1, 'Ann', 50, '2015-03-01', NULL, NULL, 1), (2, 'Bob', 40, '2018-05-01', NULL, 1, 1),
    (3, 'Cy', 45, '2019-06-01', '2021-02-01', 1, 2), (4, 'Di', 41, '2020-07-01', NULL, 2, 2);
"""
AFTER = "Who was hired after 2018?"
WROTE = "SELECT name FROM staff WHERE hired > '2018-04-01'"
MEANT = "SELECT name FROM staff WHERE hired >= '2019-01-01'"
NOBODY = "SELECT name FROM staff WHERE id NOT IN (SELECT boss_id FROM staff)"


class Fickle(FakeModel):
    """Finds anything more or less likely."""

    def __init__(self, script: list[str], rng: random.Random) -> None:
        super().__init__(script)
        self._rng = rng

    def statement_logprobs(
        self, prompt: Any, acceptor: Any, statements: Sequence[str], **_: Any
    ) -> list[float]:
        return [self._rng.uniform(-9, 0) for _ in statements]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "staff.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(SCRIPT)
    connection.close()
    return path


def test_what_the_question_may_mean_is_taken_where_the_model_finds_it_likelier(database: Path) -> None:
    model = FakeModel([WROTE])
    model.likes = {WROTE: -4.0, MEANT: -1.0}
    with Agent(database, model) as agent:
        answer = agent.ask(AFTER)
    assert (answer.sql, answer.written, answer.rows) == (MEANT, WROTE, [("Cy",), ("Di",)])
    (change,) = answer.amendments
    assert (change.rule, change.before, change.after) == ("years", WROTE, MEANT)
    assert "from the first day of 2019" in change.why and change.why in answer.note
    assert [one.sql for one in answer.tried] == [WROTE, MEANT]


def test_the_model_can_refuse_it(database: Path) -> None:
    model = FakeModel([WROTE])
    model.likes = {WROTE: -1.0, MEANT: -14.0}
    with Agent(database, model) as agent:
        answer = agent.ask(AFTER)
    assert (answer.sql, answer.written, answer.amendments) == (WROTE, WROTE, ())
    assert answer.note == ""
    assert model.weighed == [[WROTE, MEANT]]


def test_reading_back_has_its_say_about_a_proposal(database: Path) -> None:
    model = FakeModel([WROTE])
    model.likes = {WROTE: -1.0, MEANT: -3.0}
    model.question_logprob = {WROTE: -30.0, MEANT: -10.0}
    with Agent(database, model) as agent:
        assert agent.ask(AFTER).sql == MEANT


def test_what_others_may_mean_is_proposed_too_and_what_the_model_wrote_is_no_amendment(
    database: Path,
) -> None:
    model = FakeModel([WROTE, [candidate(MEANT, logprob=-0.4)]])
    with Agent(database, model) as agent:
        answer = agent.ask(AFTER)
    assert (answer.sql, answer.written, answer.amendments) == (MEANT, MEANT, ())
    assert model.weighed == []


def test_a_pitfall_is_mended_where_the_database_proves_it(database: Path) -> None:
    with Agent(database, FakeModel([NOBODY])) as agent:
        answer = agent.ask("Who is nobody's boss?")
    assert answer.rows == [("Cy",), ("Di",)]
    (change,) = answer.amendments
    assert (change.rule, change.before, change.after) == ("not_in_null", NOBODY, answer.sql)
    assert answer.written == NOBODY
    connection = sqlite3.connect(database)
    functions.register(connection)
    connection.execute("UPDATE staff SET boss_id = 1 WHERE boss_id IS NULL")
    connection.commit()
    connection.close()
    with Agent(database, FakeModel([NOBODY])) as agent:
        assert agent.ask("Who is nobody's boss?").amendments == ()


@pytest.mark.parametrize(
    "amend, statement, rows, changes",
    [
        ("off", NOBODY, [], 0),
        ("pitfalls", NOBODY, [("Cy",), ("Di",)], 1),
        ("off", WROTE, [("Bob",), ("Cy",), ("Di",)], 0),
        ("pitfalls", WROTE, [("Bob",), ("Cy",), ("Di",)], 0),
        ("all", WROTE, [("Cy",), ("Di",)], 1),
    ],
)
def test_it_can_be_turned_off(
    database: Path, amend: str, statement: str, rows: list[tuple[str]], changes: int
) -> None:
    model = FakeModel([statement])
    model.likes = {MEANT: 0.0}
    with Agent(database, model, amend=amend) as agent:
        answer = agent.ask(AFTER if statement == WROTE else "Who is nobody's boss?")
    assert (answer.rows, len(answer.amendments), answer.written) == (rows, changes, statement)
    assert bool(model.weighed) is (amend == "all" and statement == WROTE)


def test_there_are_three_ways(database: Path) -> None:
    with Agent(database, FakeModel([WROTE])) as agent:
        assert agent.amend == "all"
        agent.amend = "pitfalls"
        with pytest.raises(
            UsageError, match="no way to amend called 'some'; choose one of off, pitfalls, all"
        ):
            agent.amend = "some"
        assert agent.amend == "pitfalls"


@pytest.mark.parametrize("seed", range(6))
def test_no_statement_is_changed_without_the_answer_saying_so(database: Path, seed: int) -> None:
    rng = random.Random(seed)
    connection = sqlite3.connect(database)
    functions.register(connection)
    with Agent(database, FakeModel([""])) as looking:
        acceptor = Acceptor(looking.schema())
    questions = (
        AFTER,
        "How many staff have a department?",
        "Who is the oldest, and who the second highest paid?",
        "Which department pays most? Starting with the oldest",
        "How many hours did each stay, and who is still there?",
        "Who never was with Ann?",
    )
    written = [WROTE, NOBODY, "SELECT department_id, MAX(salary) FROM staff GROUP BY department_id"]
    written += [
        "SELECT left_on - hired FROM staff",
        "SELECT COUNT(*) FROM staff",
        "SELECT id FROM staff WHERE name = 'ann'",
    ]
    written += ["SELECT name FROM staff WHERE left_on = 'null'", "SELECT SUM(salary) / COUNT(*) FROM staff"]
    written += [bench_walk.walk(acceptor, rng, budget=90, stop=0.2, temper="clauses") for _ in range(8)]
    for statement in written:
        model = Fickle([statement], rng)
        with Agent(database, model) as agent:
            try:
                answer = agent.ask(rng.choice(questions), anyway=True)
            except NoAnswer:  # it prepares, and fails over these rows: NTILE(0)
                continue
        ends = [answer.written]
        for change in answer.amendments:
            assert (change.before, bool(change.why)) == (ends[-1], True)
            assert change.why in answer.note
            ends.append(change.after)
        assert (ends[0], ends[-1]) == (statement, answer.meant_sql)
        assert sorted(map(repr, answer.rows)) == sorted(
            map(repr, connection.execute(answer.sql).fetchmany(1000))
        )
    connection.close()


def test_the_command_line_says_what_was_changed_and_what_the_model_wrote(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = [str(database), "Who is nobody's boss?", "-f", "jsonl"]
    assert main(["ask", *question], model=FakeModel([NOBODY])) == 0
    out, err = capsys.readouterr()
    assert [*map(json.loads, out.splitlines())] == [{"name": "Cy"}, {"name": "Di"}]
    assert "Rows without a boss_id rule nothing out." in err and f"The model wrote: {NOBODY};" in err
    assert main(["ask", *question, "--amend", "off"], model=FakeModel([NOBODY])) == 0
    out, err = capsys.readouterr()
    assert out == "" and "The model wrote" not in err
    assert main(["ask", *question, "--amend", "some"], model=FakeModel([NOBODY])) == 2
    assert "choose one of off, pitfalls, all" in capsys.readouterr().err


def test_the_prompt_says_and_changes_how_statements_are_amended(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Agent(database, FakeModel([NOBODY])) as agent:
        repl = Repl(agent, Output(Console(), format="csv"))
        repl.line("\\amend pitfalls")
        repl.line("\\amend")
        assert agent.amend == "pitfalls"
        assert (
            capsys.readouterr().err.count("Amending is pitfalls: what SQL does and nobody means is mended")
            == 2
        )
        with pytest.raises(UsageError, match="choose one of off, pitfalls, all"):
            repl.line("\\amend some")
        assert agent.amend == "pitfalls"
