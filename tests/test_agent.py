"""The loop over a scripted model and a real database."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fake_model import HANG, FakeModel, candidate

from sqlagent import Agent
from sqlagent.agent.agent import MAX_QUESTION
from sqlagent.agent.answer import Step
from sqlagent.agent.confidence import FITTED_TO
from sqlagent.base.errors import (
    Cancelled,
    DatabaseError,
    ModelError,
    NoAnswer,
    QueryError,
    QueryTimeout,
    UsageError,
)
from sqlagent.linking.view import View
from sqlagent.sandbox.sandbox import Limits, Sandbox
from sqlagent.ui import demo_database

TOP = "SELECT name FROM employees ORDER BY salary DESC LIMIT 1"
BROKEN = "SELECT nobody FROM employees"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_database.build(tmp_path_factory.mktemp("demo") / "company.sqlite")


def agent(database: Path, *script: Any, **settings: Any) -> Agent:
    return Agent(database, FakeModel(script), **settings)


def test_a_question_becomes_rows_with_the_statement_that_made_them(company: Path) -> None:
    with agent(company, TOP) as asked:
        answer = asked.ask("  Who earns the most?  ")
    assert (answer.question, answer.sql) == ("Who earns the most?", TOP)
    assert (answer.columns, answer.rows, answer.truncated) == (("name",), [("Ingrid Solberg",)], None)
    assert 0 < answer.confidence <= 1 and not answer.calibrated, "nobody fitted it to this model"


def test_the_steps_are_reason_act_observe(company: Path) -> None:
    with agent(company, TOP) as asked:
        steps = asked.ask("Who?").steps
    assert [step.kind for step in steps] == ["reason", "act", "observe"]
    assert (steps[0].sql, steps[1].sql, steps[2].text) == (TOP, TOP, "1 row of 1 column")
    assert all(step.seconds >= 0 for step in steps)


def test_the_observer_hears_each_step_when_it_ends(company: Path) -> None:
    heard: list[str] = []

    class Ear:
        def status(self, text: str) -> None:
            heard.append(text)

        def step(self, step: Step) -> None:
            heard.append(step.kind)

    with agent(company, TOP) as asked:
        asked.ask("Who?", observer=Ear())
    assert [word for word in heard if word in ("reason", "act", "observe")] == ["reason", "act", "observe"]
    assert heard.index("thinking") < heard.index("reason") < heard.index("running the statement")


def test_an_error_goes_back_once_with_what_sqlite_said(company: Path) -> None:
    model = FakeModel([BROKEN, TOP])
    with Agent(company, model) as asked:
        answer = asked.ask("Who?")
    assert answer.rows == [("Ingrid Solberg",)]
    assert [step.kind for step in answer.steps] == ["reason", "act", "observe"] * 2
    assert "no such column: nobody" in answer.steps[2].text
    assert BROKEN in model.prompts[1].request
    assert "no such column: nobody" in model.prompts[1].request
    assert "no such column" not in model.prompts[0].request


def test_a_second_error_is_no_answer(company: Path) -> None:
    model = FakeModel([BROKEN, "SELECT nowhere FROM employees", TOP])
    with Agent(company, model) as asked, pytest.raises(NoAnswer, match="no such column: nowhere"):
        asked.ask("Who?")
    assert len(model.prompts) == 2


def test_a_model_that_repeats_itself_is_not_run_again(company: Path) -> None:
    heard: list[Step] = []

    class Ear:
        def status(self, text: str) -> None: ...

        def step(self, step: Step) -> None:
            heard.append(step)

    with agent(company, BROKEN) as asked, pytest.raises(NoAnswer):
        asked.ask("Who?", observer=Ear())
    assert [step.kind for step in heard].count("act") == 1


def test_fast_effort_tries_once(company: Path) -> None:
    model = FakeModel([BROKEN, TOP])
    with Agent(company, model, effort="fast") as asked, pytest.raises(NoAnswer):
        asked.ask("Who?")
    assert len(model.prompts) == 1


def test_an_effort_nobody_knows_is_a_usage_error(company: Path) -> None:
    with pytest.raises(UsageError, match="fast, normal, high"):
        agent(company, TOP, effort="heroic")


@pytest.mark.parametrize("question", ["", "  \n", "x" * (MAX_QUESTION + 1)])
def test_a_question_that_cannot_be_one_reaches_no_model(company: Path, question: str) -> None:
    model = FakeModel([TOP])
    with Agent(company, model) as asked, pytest.raises(UsageError, match="question"):
        asked.ask(question)
    assert model.prompts == []


def test_an_empty_statement_is_no_answer(company: Path) -> None:
    with agent(company, " ") as asked, pytest.raises(NoAnswer):
        asked.ask("Who?")


def test_a_statement_that_was_cut_short_says_so(company: Path) -> None:
    with agent(company, candidate(TOP, finished=False)) as asked:
        assert "cut" in asked.ask("Who?").note


def test_confidence_follows_the_models_own_probability(company: Path) -> None:
    sure = candidate(TOP, logprob=-0.01, tokens=12, forced=2)
    unsure = candidate(TOP, logprob=-20.0, tokens=12, forced=2)
    with agent(company, sure, unsure) as asked:
        first, second = asked.ask("Who?"), asked.ask("Who?")
    assert 0 < second.confidence < first.confidence < 1
    assert second.evidence is not None
    assert second.evidence.sureness == pytest.approx(0.1353, abs=1e-3)


def test_the_model_is_constrained_to_the_database(company: Path) -> None:
    model = FakeModel([TOP])
    with Agent(company, model) as asked:
        asked.ask("Who?")
        asked.ask("Who?")
    assert model.acceptors[0] is not None
    assert model.acceptors[0] is model.acceptors[1]


def test_warming_up_shows_the_model_the_schema_that_the_first_question_will(company: Path) -> None:
    model = FakeModel([TOP])
    with Agent(company, model) as asked:
        asked.warm_up()
        (ahead,) = model.read_ahead
        assert not model.prompts
        assert asked.ask("Who?").rows == [("Ingrid Solberg",)]
        assert (ahead.system, ahead.context) == (model.prompts[0].system, model.prompts[0].context)


class Reader(FakeModel):
    """A model that can say what of a prompt it has read: nothing, until it has read or answered it."""

    def __init__(self, script: Any) -> None:
        super().__init__(script)
        self.known: list[str] = []

    def unread(self, prompt: Any) -> int:
        lines = prompt.context.splitlines()
        return len(lines) - max(
            (len(os.path.commonprefix([lines, known.splitlines()])) for known in self.known), default=0
        )

    def read(self, prompt: Any, cancelled: Any = None, *, store: bool = True) -> None:
        super().read(prompt, cancelled)
        self.known.append(prompt.context)

    def generate(self, prompt: Any, acceptor: Any, **settings: Any) -> Any:
        self.known.append(prompt.context)
        return super().generate(prompt, acceptor, **settings)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Books, readers and loans among twelve tables about nothing."""
    path = tmp_path / "library.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for number in range(12):
            connection.execute(f"CREATE TABLE t{number} ({', '.join(f'column_{i} TEXT' for i in range(9))})")
        connection.executescript(
            "CREATE TABLE book (book_id INTEGER PRIMARY KEY, title TEXT);"
            "CREATE TABLE reader (reader_id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE loan (book_id INTEGER REFERENCES book, reader_id INTEGER REFERENCES reader, since TEXT);"
            "INSERT INTO book VALUES (1, 'Emma'); INSERT INTO reader VALUES (1, 'Ada');"
            "INSERT INTO loan VALUES (1, 1, '2024-05-03');"
        )
    return path


def test_a_first_question_is_shown_what_it_needs_and_the_next_one_that_and_more(library: Path) -> None:
    model = Reader(["SELECT title FROM book", "SELECT name FROM reader"])
    with Agent(library, model) as asked:
        assert asked.ask("List the titles of the books").rows == [("Emma",)]
        assert asked.ask("List the name of each reader").rows == [("Ada",)]
    first, second = (prompt.context.strip() for prompt in model.prompts)
    assert "CREATE TABLE book" in first and first.count("CREATE TABLE") < 10
    assert second.startswith(first) and "CREATE TABLE reader" in second


def test_a_statement_with_a_table_that_was_not_shown_is_written_again_with_it(library: Path) -> None:
    far = "SELECT reader.name FROM loan JOIN reader ON loan.reader_id = reader.reader_id"
    model = Reader([far])
    with Agent(library, model) as asked:
        asked._opened.focus().view = lambda whole, *_: View.of(whole, {"loan": None})  # type: ignore[method-assign]
        answer = asked.ask("Since when are the books out?")
    assert answer.rows == [("Ada",)]
    assert [("CREATE TABLE reader" in prompt.context) for prompt in model.prompts] == [False, True]
    assert "more tables are wanted" in [step.text for step in answer.steps]


def test_a_statement_that_the_model_would_not_have_written_is_written_again_with_all_tables(
    library: Path,
) -> None:
    model = Reader([candidate("SELECT title FROM book", min_token_logprob=-9.0), "SELECT name FROM reader"])
    with Agent(library, model) as asked:
        assert asked.ask("List the titles of the books").rows == [("Ada",)]
    assert "CREATE TABLE t11" in model.prompts[-1].context


def test_what_is_left_is_read_ahead_until_a_question_comes(library: Path) -> None:
    model = Reader(["SELECT title FROM book"])
    with Agent(library, model) as asked:
        asked.ask("List the titles of the books")
        asked.warm_up()
        assert len(model.read_ahead) > 1
        assert model.read_ahead[-1].context.count("CREATE TABLE") == 15
        assert asked.ask("List the titles of the books").rows == [("Emma",)]
        assert model.prompts[-1].context == model.read_ahead[-1].context
        model.read_ahead.clear()
        asked.warm_up()
        assert not model.read_ahead, "all of it has been read"


def test_warming_up_reads_nothing_that_a_question_would_narrow(tmp_path: Path) -> None:
    path = tmp_path / "wide.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for number in range(80):
            connection.execute(f"CREATE TABLE t{number} ({', '.join(f'column_{i} TEXT' for i in range(20))})")
    model = FakeModel(["SELECT 1"])
    with Agent(path, model) as asked:
        asked.warm_up()
    assert not model.read_ahead


def test_warming_up_leaves_trouble_to_the_question(tmp_path: Path, company: Path) -> None:
    path = tmp_path / "empty.sqlite"
    path.touch()
    with agent(path, TOP) as asked:
        asked.warm_up()
        with pytest.raises(DatabaseError, match="is empty"):
            asked.ask("Who?")
    with Agent(company, "tiny", offline=True) as asked:
        asked.warm_up()  # the model is not on the disk, and is not fetched
        with pytest.raises(ModelError, match="models pull"):
            asked.ask("Who?")


def test_closing_ends_a_warm_up(company: Path) -> None:
    started = threading.Event()

    class Slow(FakeModel):
        def read(self, prompt: Any, cancelled: Any = None) -> None:
            started.set()
            while not cancelled():
                time.sleep(0.01)
            self.closed = True

    model = Slow([TOP])
    asked = Agent(company, model)
    thread = threading.Thread(target=asked.warm_up)
    thread.start()
    assert started.wait(10)
    assert asked.run_sql(TOP).rows == [("Ingrid Solberg",)]  # it keeps nobody waiting
    asked.close()
    thread.join(10)
    assert model.closed


def test_a_link_narrows_what_the_model_sees(company: Path) -> None:
    model = FakeModel([TOP])
    with Agent(company, model, link=lambda schema, question: schema.subset({"employees": None})) as asked:
        asked.ask("Who?")
    assert "employees" in model.prompts[0].context
    assert "assignments" not in model.prompts[0].context


def test_the_row_limit_names_the_flag_that_lifts_it(company: Path) -> None:
    with agent(company, "SELECT name FROM employees", limits=Limits(max_rows=3)) as asked:
        answer = asked.ask("Who?")
    assert len(answer.rows) == 3
    assert answer.truncated is not None
    assert "--limit" in answer.truncated


def test_a_statement_that_takes_too_long_is_a_timeout_and_is_not_tried_again(company: Path) -> None:
    model = FakeModel([ENDLESS, TOP])
    with Agent(company, model, limits=Limits(timeout=0.3)) as asked, pytest.raises(QueryTimeout):
        asked.ask("Who?")
    assert len(model.prompts) == 1


def test_cancel_ends_a_running_generation_and_the_agent_lives_on(company: Path) -> None:
    with agent(company, HANG, TOP) as asked:
        asked.meaning()  # what the columns mean is read before, so that it is the model that is cancelled
        timer = threading.Timer(0.2, asked.cancel)
        timer.start()
        with pytest.raises(Cancelled):
            asked.ask("Who?")
        assert asked.ask("Who?").rows == [("Ingrid Solberg",)]


def test_cancel_ends_a_running_statement_and_the_agent_lives_on(company: Path) -> None:
    with agent(company, ENDLESS, TOP) as asked:
        asked.meaning()
        started = time.monotonic()
        timer = threading.Timer(0.5, asked.cancel)
        timer.start()
        with pytest.raises(Cancelled):
            asked.ask("Who?")
        assert time.monotonic() - started < 5
        assert asked.ask("Who?").rows == [("Ingrid Solberg",)]


def test_a_cancel_that_came_too_late_does_not_end_the_next_step(company: Path) -> None:
    with agent(company, TOP) as asked:
        for step in (
            lambda: asked.prepare("SELECT 1"),
            lambda: asked.run_sql("SELECT 1"),
            lambda: asked.ask("Who?"),
        ):
            asked.cancel()
            step()
        asked.cancel()
        asked.limits = Limits(max_rows=3)
        asked.prepare("SELECT 1")


def test_a_person_can_run_a_statement_of_their_own(company: Path) -> None:
    with agent(company, TOP) as asked:
        assert asked.run_sql("SELECT COUNT(*) FROM departments").rows == [(6,)]


def test_a_person_cannot_change_the_database_either(company: Path) -> None:
    before = company.read_bytes()
    with agent(company, TOP) as asked, pytest.raises(QueryError):
        asked.run_sql("DELETE FROM employees")
    assert company.read_bytes() == before
    assert os.listdir(company.parent) == [company.name]


def test_a_changed_database_is_read_again(tmp_path: Path) -> None:
    database = tmp_path / "growing.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE a(x)")
    model = FakeModel(["SELECT x FROM a", "SELECT y FROM b"])
    with Agent(database, model) as asked:
        asked.ask("What?")
        with sqlite3.connect(database) as connection:
            connection.execute("CREATE TABLE b(y)")
            connection.execute("INSERT INTO b VALUES (7)")
        assert asked.ask("What now?").rows == [(7,)]
    assert "TABLE b (y" in model.prompts[1].context
    assert model.acceptors[0] is not model.acceptors[1]


def test_a_replaced_database_is_opened_again(tmp_path: Path) -> None:
    database = tmp_path / "one.db"
    for value in (1, 2):
        fresh = tmp_path / f"{value}.new"
        with sqlite3.connect(fresh) as connection:
            connection.execute("CREATE TABLE a(x)")
            connection.execute("INSERT INTO a VALUES (?)", (value,))
        connection.close()
    (tmp_path / "1.new").replace(database)
    with agent(database, "SELECT x FROM a") as asked:
        assert asked.ask("What?").rows == [(1,)]
        (tmp_path / "2.new").replace(database)
        assert asked.ask("What?").rows == [(2,)]
        assert asked.run_sql("SELECT x FROM a").rows == [(2,)]


def test_an_unchanged_database_is_read_once(company: Path) -> None:
    with agent(company, TOP) as asked:
        assert asked.schema() is asked.schema()


def test_a_database_without_tables_has_no_answers(tmp_path: Path) -> None:
    database = tmp_path / "bare.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 1")
    with agent(database, TOP) as asked, pytest.raises(DatabaseError, match="no tables"):
        asked.ask("What?")


def test_a_wrong_path_is_found_before_a_model_is_looked_for(tmp_path: Path) -> None:
    with Agent(tmp_path / "missing.db", "no-such-model") as asked, pytest.raises(DatabaseError):
        asked.ask("What?")


def test_a_model_that_is_not_here_is_not_fetched_offline(
    company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path))
    monkeypatch.delenv("SQLAGENT_OFFLINE")
    with Agent(company, "tiny", offline=True) as asked, pytest.raises(ModelError, match="models pull"):
        asked.ask("Who?")


def test_the_model_that_confidence_was_fitted_to_has_calibrated_answers(company: Path) -> None:
    model = FakeModel([TOP])
    model.name = FITTED_TO
    with Agent(company, model) as asked:
        assert asked.ask("Who?").calibrated


def test_what_the_candidates_of_a_question_ask_of_the_database_is_run_once(
    company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    execute = Sandbox.execute

    def counted(self: Sandbox, sql: str, **settings: Any) -> Any:
        ran.append(sql)
        return execute(self, sql, **settings)

    monkeypatch.setattr(Sandbox, "execute", counted)
    ongoing = "SELECT {} FROM projects WHERE projects.end_date > '2021-12-17'"
    others = [
        candidate(ongoing.format(columns), logprob=-0.6) for columns in ("name, budget", "id", "budget")
    ]
    with agent(company, candidate(ongoing.format("name"), margin=0.0), others, effort="high") as asked:
        answer = asked.ask("Which projects are ongoing?")
    assert sum("IS NULL" in one.sql for one in answer.tried) >= 4, "each is proposed without its date"
    looked = [sql for sql in ran if sql.startswith("SELECT 1 ")]
    assert looked and len(looked) == len(set(looked))


def test_an_agent_leaves_a_model_it_was_given_open(company: Path) -> None:
    model = FakeModel([TOP])
    with Agent(company, model) as asked:
        asked.ask("Who?")
    assert not model.closed


def test_questions_from_several_threads_wait_for_each_other(company: Path) -> None:
    rows: list[Any] = []
    with agent(company, TOP) as asked:
        threads = [threading.Thread(target=lambda: rows.append(asked.ask("Who?").rows)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert rows == [[("Ingrid Solberg",)]] * 4


def test_the_demonstration_has_one_best_paid_person_in_sales(company: Path) -> None:
    with agent(company, TOP) as asked:
        rows = asked.run_sql(
            "SELECT employees.name, salary FROM employees JOIN departments ON department_id = departments.id "
            "WHERE departments.name = 'Sales' ORDER BY salary DESC LIMIT 2"
        ).rows
    assert rows[0][0] == "Grace Holloway"
    assert rows[0][1] > rows[1][1]


def test_the_demonstration_is_the_same_everywhere_and_consistent(tmp_path: Path, company: Path) -> None:
    again = demo_database.ensure(tmp_path)
    assert demo_database.ensure(tmp_path) == again
    dumps = []
    for path in (company, again):
        with sqlite3.connect(path) as connection:
            dumps.append(list(connection.iterdump()))
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            assert connection.execute("SELECT COUNT(*) FROM employees").fetchone()[0] >= 36
    assert dumps[0] == dumps[1]
