"""Saying no: to what a database holds nothing about, and to nothing else."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_model import FakeModel

from bench import refusal
from bench.refusal_examples import Source, asked
from sqlagent.agent.agent import Agent
from sqlagent.agent.scope_check import ScopeCheck
from sqlagent.base.errors import NO_ANSWER, OutOfScope
from sqlagent.database import schema
from sqlagent.linking.focus import Focus
from sqlagent.linking.prompt import Turn
from sqlagent.ui import demo_database

COMPANY = schema.from_ddl(demo_database.SCHEMA)
TOP = "SELECT name FROM employees ORDER BY salary DESC LIMIT 1"


class Meanings:
    """Words mean what their group says; every other word means something of its own."""

    groups = ({"wage", "salary", "remuneration"}, {"folk", "employees", "employee"})

    def __init__(self) -> None:
        self.asked = 0

    def likeness(self, words: list[str], others: list[str]) -> Any:
        self.asked += 1
        return np.array(
            [[0.5 if any({a, b} <= g for g in self.groups) else 0.05 for b in others] for a in words], float
        )

    def knows(self, word: str) -> bool:
        return True


def gate(meanings: Meanings | None = None) -> ScopeCheck:
    return ScopeCheck(COMPANY, lambda: meanings)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_database.build(tmp_path_factory.mktemp("demo") / "company.db")


ASKED = [
    *demo_database.EXAMPLES,
    "Which employees work on Atlas?",
    "How many are there?",
    "List everything",
    "Who is the boss of Tom?",
]


@pytest.mark.parametrize("question", ASKED)
@pytest.mark.parametrize("meanings", [None, Meanings()])
def test_what_the_database_holds_is_answered(company: Path, question: str, meanings: Meanings | None) -> None:
    found = schema.read(company)
    focus = Focus(company)
    assert not ScopeCheck(found, lambda: meanings).look(question, focus.explained(found, question)).refused
    focus.close()


def test_a_name_that_is_not_stored_is_no_reason_to_refuse() -> None:
    assert not gate(Meanings()).look("Which projects does Hildegard Zwiebel have?").refused
    assert not gate(Meanings()).look("What is the salary of Hildegard Zwiebel?").refused


def test_what_the_file_is_called_explains_a_word() -> None:
    question = "Which insurance is the last one?"
    made = schema.from_ddl("CREATE TABLE items (id INTEGER PRIMARY KEY, started TEXT)")
    assert ScopeCheck(made, lambda: Meanings()).look(question).refused
    named = dataclasses.replace(made, path="/home/me/my_insurance.sqlite")
    assert not ScopeCheck(named, lambda: Meanings()).look(question).refused


def test_whoever_spells_a_column_as_it_is_declared_asks_about_this_database() -> None:
    hint = "What is the churn of zebras? (churn refers to {} / 2)"
    assert gate(Meanings()).look(hint.format("turbulence")).refused
    assert not gate(Meanings()).look(hint.format("hire_date")).refused
    assert not gate(Meanings()).look(hint.format("HIRE_DATE")).refused
    told = gate(Meanings()).look(hint.format("salary"))
    assert not told.refused and "zebras" in told.doubt, "a plain word may come up anywhere"


def test_how_to_compute_it_is_not_what_it_is_about() -> None:
    question = "What is the average salary of the employees? ({})"
    plain = gate(Meanings()).look(question.format(""))
    said = gate(Meanings()).look(question.format("DIVIDE(SUM(salary), COUNT(id)), refers to AVG, in March"))
    assert said.score == plain.score


def test_the_row_of_an_only_table_may_have_any_name() -> None:
    data = ScopeCheck(
        schema.from_ddl("CREATE TABLE data (day TEXT, score TEXT, attendance INTEGER)"), lambda: Meanings()
    )
    assert not data.look("What was the score of the hockey match with the highest attendance?").refused
    odd = data.look("What is the capital of Mongolia?")
    assert not odd.refused and "capital" in odd.doubt, "nothing speaks for it, but `data` may hold anything"
    people = ScopeCheck(schema.from_ddl("CREATE TABLE people (name TEXT, age INTEGER)"), lambda: Meanings())
    assert people.look("What is the capital of Mongolia?").refused, "here the rows have a name"
    assert "salary" in people.look("What is the salary of these people?").doubt


def test_while_stored_values_are_unknown_one_word_that_is_there_is_enough() -> None:
    assert not gate(Meanings()).look("What is the shoe size of each employee?", None).refused
    assert gate(Meanings()).look("What is the weather?", None).refused


@pytest.mark.parametrize(
    "question",
    ["What is the weather in Paris tomorrow?", "Tell me a joke about penguins", "Who painted the Mona Lisa?"],
)
@pytest.mark.parametrize("meanings", [None, Meanings()])
def test_what_has_nothing_to_do_with_it_is_refused(question: str, meanings: Meanings | None) -> None:
    assert gate(meanings).look(question).refused


def test_a_column_that_is_not_there_is_a_doubt_that_names_it() -> None:
    question = "What is the shoe size and blood group of each employee?"
    seen = gate(Meanings()).look(question)
    assert not seen.refused and "shoe" in seen.doubt and "blood" in seen.doubt
    assert gate(None).look(question).doubt == "", "blind, nothing is known to be missing"


class Letters(Meanings):
    """Knows English words, and none of the abbreviations below."""

    def knows(self, word: str) -> bool:
        return word in {"orders", "matches", "item"}


@pytest.mark.parametrize(
    ("ddl", "question"),
    [
        ("CREATE TABLE e0 (FTHG INTEGER, FTAG INTEGER)", "How many games had more than five goals in total?"),
        ("CREATE TABLE smpl (id TEXT, conunit TEXT); CREATE TABLE stn (id TEXT)", "What is the unit of sample 41?"),
        ("CREATE TABLE data (season TEXT, coach TEXT)", "Who won the first championship of the club?"),
        ("CREATE TABLE tbl_ztrk (col1 TEXT); CREATE TABLE tbl_zknd (col2 TEXT)", "Which whales were seen in May?"),
    ],
)  # fmt: skip
def test_where_names_tell_nothing_nothing_is_refused(ddl: str, question: str) -> None:
    assert not ScopeCheck(schema.from_ddl(ddl), lambda: Letters()).look(question).refused
    assert (
        ScopeCheck(schema.from_ddl("CREATE TABLE orders (item TEXT)"), lambda: Letters())
        .look(question)
        .refused
    )


@pytest.mark.parametrize(
    "question",
    [
        "How many employees were hired in the seven days before 15 June 2023?",
        "How many days lie between the first and the last hire?",
        "The eighth highest salary, and a dozen names",
    ],
)
def test_numbers_in_words_and_what_is_said_of_them_need_not_be_in_the_database(question: str) -> None:
    found = gate(Meanings()).look(question)
    assert not found.refused and not found.doubt


def test_what_somebody_did_themselves_is_asked_of_their_own_file() -> None:
    reviews = ScopeCheck(
        schema.from_ddl("CREATE TABLE orders (item TEXT); CREATE TABLE matches (item TEXT)"), Letters
    )
    assert not reviews.look("How many kilometres did I run in May?").refused
    assert reviews.look("How do I run a marathon?").refused


def test_a_word_near_in_meaning_explains() -> None:
    meanings = Meanings()
    near, far = (
        gate(meanings).look("what is the remuneration of the folk"),
        gate(meanings).look("what is the turbulence of the lava"),
    )
    assert not near.refused
    assert far.refused
    assert near.score < far.score


def test_meanings_are_not_fetched_where_letters_are_enough() -> None:
    meanings = Meanings()
    gate(meanings).look("What is the average salary of employees?")
    assert meanings.asked == 0


def test_a_stored_value_explains_its_words() -> None:
    question = "Who leads zanzibar?"
    assert gate(Meanings()).look(question).score > gate(Meanings()).look(question, {2}).score


def test_the_refusal_names_the_words_the_nearest_tables_and_the_way_round_it() -> None:
    found = gate(Meanings()).look("What is the weather in the departments?")
    said = found.sentence(["departments", "employees"])
    assert "nothing about weather" in said
    assert "departments and employees" in said
    assert "--anyway" in said
    assert said.count(". ") == 1


def test_an_agent_refuses_before_it_asks_the_model(tmp_path: Path) -> None:
    model = FakeModel([TOP])
    with Agent(demo_database.build(tmp_path / "c.db"), model) as agent:
        with pytest.raises(OutOfScope, match="nothing about weather") as caught:
            agent.ask("What is the weather like?")
        assert caught.value.exit_code == NO_ANSWER
        assert model.prompts == []
        assert agent.ask("What is the weather like?", anyway=True).rows
        assert agent.ask("and the weather?", history=[Turn("Who earns the most?", TOP)]).rows


def test_an_answer_says_which_words_nothing_here_is_about(tmp_path: Path) -> None:
    model = FakeModel([TOP])
    model.vectors = Meanings()
    with Agent(demo_database.build(tmp_path / "c.db"), model) as agent:
        note = agent.ask("What is the textbook of the employee with the highest salary?").note
        assert "nothing" in note.lower() and "textbook" in note and "employee" not in note
        assert agent.ask("What is the name of the employee with the highest salary?").note == ""
        assert agent.ask("What is the salary of Hildegard Zwiebel?").note == "", "a name may not be stored"


def test_the_meaning_of_words_comes_from_the_model(tmp_path: Path) -> None:
    model = FakeModel([TOP])
    model.vectors = Meanings()
    with Agent(demo_database.build(tmp_path / "c.db"), model) as agent:
        assert agent.ask("what is the remuneration of the folk").rows
        with pytest.raises(OutOfScope):
            agent.ask("what is the turbulence of the lava")


@pytest.mark.parametrize(
    "question",
    [
        "Wer verdient am meisten?",
        "¿Cuántos empleados hay?",
        "誰が一番稼いでいますか",
        "Combien gagne Marta Vidal",
    ],
)
def test_a_question_in_another_language_is_left_to_the_model(question: str) -> None:
    assert not gate().look(question).refused
    assert not gate(Meanings()).look(question).refused


def test_the_written_questions_are_sound() -> None:
    path = Path(__file__).resolve().parent.parent / "bench" / "unanswerable.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert len(rows) == len({(row["db_id"], row["question"]) for row in rows}) == 100
    assert {row["kind"] for row in rows} == {"off topic", "near miss"}
    assert len({row["db_id"] for row in rows}) == 20


def test_words_of_gold_literals_count_as_stored_where_a_database_is_emptied(
    company: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "database" / "company"
    folder.mkdir(parents=True)
    (folder / "company.sqlite").write_bytes(company.read_bytes())
    row = {
        "db_id": "company",
        "question": "What is the salary of employees in the role of Zeppelin named Graf?",
        "evidence": "Zeppelin refers to role",
        "SQL": "SELECT name FROM employees WHERE role = 'Zeppelin' AND name = \"Graf\"",
    }
    (tmp_path / "train.json").write_text(json.dumps([row]))
    found = {}
    for emptied in (False, True):
        source = Source(tmp_path, "train", emptied=emptied)
        (example,) = asked("BIRD", source, 10, 1)
        assert "refers" not in example.question
        ((_, _, evidence),) = refusal.looked(source, [example], Meanings())
        found[emptied] = evidence
    assert found[True].score < found[False].score
    assert {"zeppelin", "graf"} <= {w.token.stem for w in found[True].words if w.support == 1.0}
    judged = list(refusal.judge_bird(tmp_path, 10, 1, Meanings()))
    assert [one.kind for one in judged] == ["BIRD", "BIRD, with its hints"]
    assert "Zeppelin refers to role" in judged[1].question
    assert "BIRD (lost): 0 of 1 refused" in "\n".join(refusal.lines(judged))


def test_names_without_vowels_are_the_words_that_they_are_short_for() -> None:
    ddl = (
        "CREATE TABLE frm (frm_id INTEGER PRIMARY KEY, frm_nm TEXT, cnty TEXT, hrd_sz INTEGER);"
        "CREATE TABLE drv (drv_id INTEGER PRIMARY KEY, l_nm TEXT);"
        "CREATE TABLE coll (coll_id INTEGER PRIMARY KEY, frm_id INTEGER, drv_id INTEGER, ltr REAL);"
    )
    looked = ScopeCheck(schema.from_ddl(ddl), lambda: Meanings()).look
    for question in ("Which farm has the biggest herd?", "Which drivers?", "How many litres by county?"):
        assert not looked(question).refused and looked(question).unexplained == []
    assert looked("Which planet orbits the brightest star?").refused
