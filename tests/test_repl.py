"""The prompt: piped, and through a real terminal."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel, candidate
from tiny_gguf import make_gguf

from sqlagent.agent.agent import Agent
from sqlagent.base.errors import NoAnswer, OutOfScope, QueryTimeout, UsageError
from sqlagent.database import schema
from sqlagent.ui import completion, demo_database, repl_commands
from sqlagent.ui.console import Console
from sqlagent.ui.repl import Repl
from sqlagent.ui.result_output import Output
from sqlagent.ui.session import here

pexpect = pytest.importorskip("pexpect") if sys.platform != "win32" else None

PROMPT = "sqlagent>"
FAKE = Path(__file__).with_name("fake_model.py")
TOP = "SELECT name FROM employees ORDER BY salary DESC LIMIT 1"
SHOWN = TOP + "\nName of employees, the one with the highest salary.\n"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(demo_database.build(tmp_path_factory.mktemp("demo") / "company.db"))


# ---- piped -------------------------------------------------------------------------------------------------


def piped(
    db: str, lines: str, *argv: str, script: list[str] | None = None
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "FAKE_SCRIPT": json.dumps(script or [TOP])}
    return subprocess.run(
        [sys.executable, str(FAKE), db, *argv],
        input=lines,
        capture_output=True,
        text=True,
        env=env,
        timeout=60,
    )


def test_from_a_pipe_each_line_is_a_question_and_stdout_is_data_alone(db: str) -> None:
    done = piped(db, "Who earns the most?\n\nAnd now?\n", "--format", "jsonl")
    assert done.returncode == 0
    assert done.stdout == '{"name": "Ingrid Solberg"}\n' * 2
    assert PROMPT not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_an_error_does_not_end_the_session_and_decides_the_exit_code(db: str) -> None:
    done = piped(db, "SELECT nope FROM employees;\nSELECT 1 AS one;\n", "-f", "csv")
    assert (done.returncode, done.stdout) == (1, "one\n1\n")
    assert done.stderr == "sqlagent: no such column: nope\n"


def test_everything_in_one_process_with_one_schema_and_one_sandbox(db: str) -> None:
    lines = "\\d departments\nSELECT 2 AS two;\n.quit\nSELECT 3 AS three;\n"
    done = piped(db, lines, "-f", "csv")
    assert "two\n2\n" in done.stdout
    assert "three" not in done.stdout


def test_the_last_line_needs_no_newline(db: str) -> None:
    assert piped(db, "SELECT 1 AS one", "-f", "csv").stdout == "one\n1\n"


def test_a_wrong_path_ends_at_once(tmp_path: Path) -> None:
    done = piped(str(tmp_path / "missing.db"), "Who?\n")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)


# ---- lines, in this process --------------------------------------------------------------------------------


class Session:
    """A Repl whose lines are typed by a test."""

    def __init__(self, db: str, script: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
        self.model = FakeModel(script)
        self.agent = Agent(db, self.model)
        self.repl = Repl(self.agent, Output(Console(), format="csv"))
        self._capsys = capsys

    def type(self, line: str) -> str:
        """stdout after one line."""
        self._capsys.readouterr()
        self.repl.line(line)
        captured = self._capsys.readouterr()
        self.err = captured.err
        return captured.out


@pytest.fixture
def session(db: str, capsys: pytest.CaptureFixture[str]) -> Iterator[Session]:
    made = Session(db, [TOP], capsys)
    yield made
    made.agent.close()


@pytest.mark.parametrize(
    "line",
    [
        "SELECT 1",
        "select name from employees",
        "  with x as (select 1) select * from x;",
        "-- a comment\nSELECT 1",
        "VALUES (1, 2)",
        "select nme from employees",
        "SELECT (1",
        "DROP TABLE employees",
        "drop table employees;",
        "DELETE FROM employees",
        "UPDATE employees SET salary = 0",
        "INSERT INTO employees VALUES (1)",
        "PRAGMA user_version",
        "explain query plan select 1",
        "EXPLAIN SELECT name FROM employees",
        "with recursive n(i) as (select 1) select nope from n",
        "select count(salry) where x",
        "values (1",
    ],
)
def test_a_statement_is_taken_for_one(session: Session, line: str) -> None:
    assert session.repl.is_sql(line)


@pytest.mark.parametrize(
    "line",
    [
        "Who earns the most?",
        "Select the names of all employees",
        "select the departments in Berlin",
        "With which department does Ada work?",
        "with how many projects is Atlas competing",
        "Update me on the salaries",
        "Delete nothing, just count the projects",
        "Drop the lowest salary and average the rest",
        "Values of all budgets",
        "explain who works where",
        "begin with the oldest employee",
        "create a list of departments",
        "Explain the hires of 2019 (by month)",
        "With what note (if any) was Ann hired?",
        "With note (if any) was Ann hired?",
    ],
)
def test_a_question_that_begins_like_a_statement_is_a_question(session: Session, line: str) -> None:
    assert not session.repl.is_sql(line)


def test_a_question_shows_its_statement_on_stderr_and_its_rows_on_stdout(session: Session) -> None:
    assert session.type("Who earns the most?") == "name\nIngrid Solberg\n"
    assert session.err == SHOWN


def test_words_off_hides_the_sentence(session: Session) -> None:
    session.type("\\words off")
    session.type("Who earns the most?")
    assert session.err == TOP + "\n"
    session.type("\\words")
    session.type("Who earns the most?")
    assert session.err == SHOWN


def test_sql_off_hides_the_statement(session: Session) -> None:
    session.type("\\sql off")
    session.type("Who earns the most?")
    assert session.err == ""
    session.type("\\sql")
    session.type("Who earns the most?")
    assert session.err == SHOWN


def test_a_follow_up_is_asked_with_what_was_asked_before(session: Session) -> None:
    session.type("Who earns the most?")
    session.type("and in Sales?")
    assert "going on" in session.err
    session.type("How many projects are there?")
    assert "going on" not in session.err
    session.type("and in Sales?")
    session.type("\\new")
    session.type("and in Sales?")
    assert "going on" not in session.err
    earlier = [prompt.request.count("Who earns the most?") for prompt in session.model.prompts]
    assert earlier == [1, 1, 0, 0, 0]
    assert "How many projects" in session.model.prompts[3].request
    assert "How many projects" not in session.model.prompts[4].request


def test_a_question_without_an_answer_is_no_turn(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = Session(db, ["SELECT nope FROM employees", "SELECT nope FROM employees", TOP], capsys)
    with pytest.raises(NoAnswer):
        made.type("Who?")
    made.type("and in Sales?")
    assert "Who?" not in made.model.prompts[-1].request
    made.agent.close()


def test_a_refused_question_can_be_insisted_on(session: Session) -> None:
    with pytest.raises(UsageError, match="No question was refused"):
        session.type("\\anyway")
    with pytest.raises(OutOfScope, match="anyway"):
        session.type("What is the weather?")
    assert session.type("\\anyway") == "name\nIngrid Solberg\n"
    with pytest.raises(UsageError):
        session.type("\\anyway")


def test_the_prompt_tells_how_many_questions_hang_together(session: Session) -> None:
    assert session.repl._prompt() == PROMPT + " "
    session.type("Who earns the most?")
    assert session.repl._prompt() == PROMPT + " "
    session.type("and in Sales?")
    assert session.repl._prompt() == "sqlagent (2)> "
    session.type("\\new")
    assert session.repl._prompt() == PROMPT + " "


def test_d_lists_tables_and_columns(session: Session) -> None:
    tables = session.type("\\d").splitlines()
    assert tables[1].startswith("departments,table,6,")
    columns = session.type("\\d EMPLOYEES")
    assert "department_id" in columns
    assert "refers to departments(id)" in columns
    assert "euros a year" in columns


def test_schema_prints_the_create_statements(session: Session) -> None:
    assert session.type(".schema").count("CREATE TABLE") == 4
    one = session.type(".schema projects")
    assert one.startswith("CREATE TABLE projects")
    assert one.endswith(";\n")


def test_help_lists_every_command(session: Session) -> None:
    text = session.type("\\h")
    for name, command in repl_commands.COMMANDS.items():
        assert name in text
        assert command.summary in text


def test_sqlite3_spellings_mean_the_same(session: Session) -> None:
    assert session.type(".help") == session.type("\\h")
    for line in (".quit", "\\q", ".exit"):
        with pytest.raises(EOFError):
            session.type(line)


def test_format_changes_how_rows_are_written(session: Session) -> None:
    session.type("\\format json")
    assert session.type("SELECT 1 AS one") == '[\n  {"one": 1}\n]\n'


def test_limit_changes_how_many_rows_are_shown(session: Session) -> None:
    session.type("\\limit 2")
    assert len(session.type("SELECT name FROM employees").splitlines()) == 3
    assert "limit" in session.err
    session.type("\\limit 0")
    assert len(session.type("SELECT name FROM employees").splitlines()) == 43


def test_next_shows_the_other_readings_one_by_one(session: Session) -> None:
    session.model.enqueue(
        [candidate("SELECT name FROM employees WHERE id = 2"), candidate("SELECT 3 AS three", logprob=-0.7)]
    )
    with pytest.raises(UsageError, match="no other reading"):
        session.type("\\next")
    session.type("Who earns the most?")
    session.type("\\next")
    assert "id = 2" in session.err
    assert session.type("\\next") == "three\n3\n"
    with pytest.raises(UsageError, match="no other reading"):
        session.type("\\next")


def test_advice_names_commands_that_there_are_here(session: Session) -> None:
    session.type("\\limit 2")
    session.type("SELECT name FROM employees")
    assert "\\limit 0" in session.err and "--" not in session.err
    session.type("\\timeout 0.2")
    with pytest.raises(QueryTimeout) as caught:
        session.type(ENDLESS)
    session.repl.failed(caught.value)
    assert "\\timeout SECONDS" in session._capsys.readouterr().err
    for text in ("--limit", "--timeout", "--max-cell", "--max-bytes"):
        assert here(text) in repl_commands.COMMANDS


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (".import data.csv t", "only reads"),
        ("\\f", "\\run lists"),
        ("\\dt", "\\d lists"),
        (".headers on", "\\format"),
        ("\\c other", "\\open FILE"),
        (".read x.sql", "sqlagent DB <"),
        ("\\zzz", "\\h lists"),
        ("\\timout", "\\timeout"),
    ],
)
def test_a_command_known_from_elsewhere_says_what_there_is_for_that(
    session: Session, line: str, words: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        session.type(line)


def test_all_advice_names_commands_that_there_are() -> None:
    for names, advice in repl_commands.ELSEWHERE.items():
        assert not set(names) & set(repl_commands.COMMANDS)
        ours = re.sub(r"`sqlite3 .*?`", "", advice)
        for word in re.findall(r"(?<![\w.])[\\.][a-z]+\b", ours):
            assert word in repl_commands.COMMANDS, (names, word)


def test_sql_from_a_pipe_may_take_several_lines_and_is_never_asked(db: str) -> None:
    lines = "select name\nfrom employees\norder by salary desc\nlimit 1;\nselect salary +\n"
    done = piped(db, lines, "-f", "csv", script=["SELECT 'asked' AS asked"])
    assert (done.returncode, done.stdout) == (1, "name\nIngrid Solberg\n")
    done = piped(db, "Who?\n", "--sql-only", script=["SELECT 'asked' AS asked"])
    assert (done.returncode, done.stdout) == (1, "")


def test_a_session_into_a_file_for_a_program_leaves_no_rows_out(db: str) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT i FROM n;\n"
    done = piped(db, "\\format csv\n" + many + "\\limit 10\n" + many)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 5001 + 11)
    done = piped(db, "\\max-bytes 10000\n" + many, "-f", "csv")
    assert done.returncode == 1 and "\\max-bytes 0" in done.stderr and "Not all" in done.stderr


def test_help_breaks_at_blanks_where_the_terminal_is_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (30, 50, 80, 120):
        monkeypatch.setattr(repl_commands.terminal, "width", lambda stream=None, width=width: width)
        listed = repl_commands.help_text().split("\n\n")[1]
        assert max(map(len, listed.splitlines())) <= width


def test_model_completes_names(db: str) -> None:
    assert "tiny" in repl_commands.choices(repl_commands.COMMANDS["\\model"])
    with Agent(db, FakeModel([TOP])) as agent:
        prompt = Repl(agent, Output(Console()))
        assert prompt.complete("\\model ti") == ("ti", ["tiny"])
        assert " jsonl" in prompt.complete("\\format")[1]
        assert " departments" in prompt.complete("\\d")[1]


def test_timing_says_how_long_an_answer_took(session: Session) -> None:
    session.type("\\timing on")
    session.type("Who earns the most?")
    assert "total" in session.err


def test_model_names_the_model(session: Session) -> None:
    session.type("\\model")
    assert "fake" in session.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("\\frmat csv", "\\format"),
        (".tabels", ".tables"),
        ("\\zzz", "\\h"),
        ("\\format xml", "table, json"),
        ("\\limit many", "whole number"),
        ("\\timing maybe", "neither on nor off"),
        ("\\d employes", "employees"),
        ("\\model gpt-17", "gpt-17"),
    ],
)
def test_a_wrong_command_is_a_helpful_sentence(session: Session, line: str, words: str) -> None:
    with pytest.raises(Exception, match=re.escape(words)) as caught:
        session.type(line)
    assert type(caught.value).__name__ == "UsageError"


def test_every_command_has_help() -> None:
    for command in repl_commands.COMMANDS.values():
        assert command.summary
        assert command.names[0].startswith("\\") or command.names[0].startswith(".")


# ---- completion --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def offer(db: str) -> Callable[[str], list[str]]:
    found = schema.read(db)
    arguments = {name: command.choices for name, command in repl_commands.COMMANDS.items()}
    names = [name for name in repl_commands.COMMANDS if not name[0].isalpha()]
    return lambda before: completion.candidates(before, found, names, arguments)[1]


def test_tab_completes_commands_and_their_arguments(offer: Callable[[str], list[str]]) -> None:
    assert offer("\\for") == ["\\format", "\\forget"]
    assert offer("\\format js") == ["json", "jsonl"]
    assert offer("\\d dep") == ["departments"]
    assert offer(".sch") == [".schema"]


def test_tab_completes_names_in_questions_and_statements(offer: Callable[[str], list[str]]) -> None:
    assert "employees" in offer("how many emp")
    assert "department_id" in offer("SELECT dep")
    assert "hours_per_week" in offer("average wee")
    assert "FROM" in offer("SELECT name fr")
    assert "FROM" not in offer("who is fr")


def test_tab_quotes_names_in_statements_only() -> None:
    odd = schema.from_ddl('CREATE TABLE "order details" ("unit price" REAL)')
    assert completion.candidates("SELECT uni", odd, [], {})[1] == ['"unit price"']
    assert completion.candidates("the uni", odd, [], {})[1] == ["unit price"]
    words = schema.from_ddl('CREATE TABLE "group" ("order" INT, "größe" INT, "select" INT)')
    assert completion.candidates("SELECT or", words, [], {})[1] == ['"order"', "ORDER BY", "OR"]
    assert completion.candidates("SELECT 1 FROM gr", words, [], {})[1][0] == '"group"'
    assert completion.candidates("the or", words, [], {})[1] == ["order"]


def test_tab_after_nothing_offers_nothing(offer: Callable[[str], list[str]]) -> None:
    assert offer("") == []
    assert offer("how many ") == []


# ---- a real terminal ---------------------------------------------------------------------------------------


Spawn = Callable[..., Any]


@pytest.fixture
def spawn(db: str, tmp_path: Path) -> Iterator[Spawn]:
    children: list[Any] = []

    def _spawn(*argv: str, script: list[str] | None = None, **environ: str) -> Any:
        assert pexpect is not None
        env = {
            **os.environ,
            "FAKE_SCRIPT": json.dumps(script or [TOP]),
            "SQLAGENT_HOME": str(tmp_path / "home"),
            "TERM": "xterm-256color",
            "PROMPT_TOOLKIT_NO_CPR": "1",
            **environ,
        }
        env.pop("NO_COLOR", None) if "NO_COLOR" not in environ else None
        child = pexpect.spawn(
            sys.executable,
            [str(FAKE), db, *argv],
            env=env,
            encoding="utf-8",
            timeout=20,
            dimensions=(40, 100),
        )
        children.append(child)
        return child

    yield _spawn
    for child in children:
        child.close(force=True)


needs_terminal = pytest.mark.skipif(pexpect is None, reason="needs a terminal to drive")


@needs_terminal
def test_a_session_on_a_terminal(spawn: Spawn) -> None:
    child = spawn()
    child.expect("4 tables")
    child.expect(PROMPT)
    child.send("Who earns the most?\r")
    child.expect("SELECT.*FROM")
    child.expect("Ingrid Solberg")
    child.expect(PROMPT)
    child.send("select count(*) as n from departments\r")
    child.expect(r"\| +6 \|")
    child.expect(PROMPT)
    child.send("\x04")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0


@needs_terminal
@pytest.mark.parametrize("wait", [True, False])
def test_the_model_reads_the_schema_before_anything_is_asked(db: str, tmp_path: Path, wait: bool) -> None:
    weights = make_gguf(tmp_path / "random.gguf")
    child = pexpect.spawn(
        sys.executable,
        ["-m", "sqlagent", db, "--model", str(weights)],
        env={**os.environ, "SQLAGENT_HOME": str(tmp_path / "home"), "PROMPT_TOOLKIT_NO_CPR": "1"},
        encoding="utf-8",
        timeout=20,
        dimensions=(40, 100),
    )
    try:
        child.expect(PROMPT)
        deadline = time.monotonic() + 20
        while wait and not list(tmp_path.glob("home/**/prefix/*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not wait or list(tmp_path.glob("home/**/prefix/*"))
        child.send("\x04")  # in the other case it leaves while that goes on
        child.expect(pexpect.EOF)
        child.wait()
        assert (child.exitstatus, child.signalstatus) == (0, None)
    finally:
        child.close(force=True)


@needs_terminal
@pytest.mark.parametrize("script", [["hang", TOP], [ENDLESS, TOP]])
def test_ctrl_c_stops_the_running_step_and_keeps_the_session(spawn: Spawn, script: list[str]) -> None:
    child = spawn("--timeout", "30", script=script)
    child.expect(PROMPT)
    child.send("Who?\r")
    child.expect("hanging|RECURSIVE")
    child.expect("thinking|running")
    child.send("\x03")
    child.expect("sqlagent: ")
    child.expect(PROMPT)
    child.send("Who?\r")
    child.expect("Ingrid Solberg")
    child.expect(PROMPT)
    child.send("\\q\r")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0


@needs_terminal
def test_the_statement_is_seen_while_it_is_written(spawn: Spawn) -> None:
    child = spawn("--timeout", "30", script=["hang", TOP])
    child.expect(PROMPT)
    child.send("Who?\r")
    child.expect("hanging")
    child.expect(r"SELECT[^\n]*name[^\n]*\n[^\n]*thinking")
    child.send("\x03")
    child.expect("sqlagent: Interrupted")
    child.expect(PROMPT)


@needs_terminal
def test_ctrl_c_brings_the_prompt_back_at_once_from_a_step_that_does_not_listen(spawn: Spawn) -> None:
    child = spawn("--timeout", "30", script=["deaf", TOP])
    child.expect(PROMPT)
    child.send("Who?\r")
    child.expect("deaf")
    began = time.monotonic()
    child.send("\x03")
    child.expect("sqlagent: Interrupted")
    child.expect(PROMPT)
    assert time.monotonic() - began < 2.5, (
        "the step goes on for three seconds; alone on a machine this takes 0.2"
    )
    child.send("Who?\r")  # waits for it, and is not interrupted in its place
    child.expect("Ingrid Solberg")
    assert "too_late" not in child.before and "Interrupted" not in child.before
    child.expect(PROMPT)


@needs_terminal
def test_ctrl_c_at_the_prompt_gives_up_the_line(spawn: Spawn) -> None:
    child = spawn()
    child.expect(PROMPT)
    child.send("never mind\x03")
    child.expect(PROMPT)
    child.send("SELECT 41 + 1 AS answer\r")
    child.expect("42")
    child.expect(PROMPT)  # Ctrl-D between two prompts is the terminal's own
    child.send("\x04")
    child.expect(pexpect.EOF)


@needs_terminal
def test_an_error_on_a_terminal_keeps_the_session_and_exits_0(spawn: Spawn) -> None:
    child = spawn()
    child.expect(PROMPT)
    child.send("SELECT nope FROM employees;\r")
    child.expect("no such column: nope")
    child.expect(PROMPT)
    child.send("\x04")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0


@needs_terminal
def test_tab_completes_on_a_terminal(spawn: Spawn) -> None:
    child = spawn()
    child.expect(PROMPT)
    child.send("SELECT COUNT(*) AS n FROM assi\t")
    child.expect("gnments")
    child.send("\r")
    child.expect(r"\| +34 \|")
    child.expect(PROMPT)
    child.send("\x04")
    child.expect(pexpect.EOF)


@needs_terminal
def test_history_is_kept_for_its_owner_only(spawn: Spawn, tmp_path: Path) -> None:
    for _ in range(2):
        child = spawn()
        child.expect(PROMPT)
        child.send("SELECT 40 + 2 AS answer\r" if _ == 0 else "\x1b[A\r")
        child.expect("42")
        child.expect(PROMPT)
        child.send("\x04")
        child.expect(pexpect.EOF)
    history = tmp_path / "home" / "history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert "SELECT 40 + 2 AS answer" in history.read_text()


@needs_terminal
def test_no_color_means_no_colour(spawn: Spawn) -> None:
    child = spawn(NO_COLOR="1")
    child.expect(PROMPT)
    child.send("Who earns the most?\r")
    child.expect("Ingrid Solberg")
    child.expect(PROMPT)
    seen = child.before
    child.send("\x04")
    child.expect(pexpect.EOF)
    assert not re.search(r"\x1b\[[0-9;]*[1-9][0-9;]*m", seen)
