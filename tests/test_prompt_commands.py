"""The prompt's commands about results, favourites, notes and other files: in this process, and on a real terminal."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
from fake_model import FakeModel, candidate

from sqlagent.agent.agent import Agent
from sqlagent.base.errors import SqlagentError, UsageError
from sqlagent.ui import demo_database
from sqlagent.ui.console import Console
from sqlagent.ui.repl import Repl
from sqlagent.ui.result_output import Output

pexpect = pytest.importorskip("pexpect") if sys.platform != "win32" else None
PROMPT = "sqlagent>"
FAKE = Path(__file__).with_name("fake_model.py")
TOP = "SELECT name, salary FROM employees ORDER BY salary DESC LIMIT 3"
MANY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2500) SELECT i FROM n"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(demo_database.build(tmp_path_factory.mktemp("demo") / "company.db"))


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path / "home"))


class Session:
    """A Repl whose lines are typed by a test."""

    def __init__(self, db: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.model = FakeModel([TOP])
        self._stack = contextlib.ExitStack()
        agent = self._stack.enter_context(Agent(db, self.model))
        self.repl = Repl(agent, Output(Console(), format="csv"), reopen=self._other)
        self._capsys = capsys

    def _other(self, files: Any) -> Agent:
        agent = self._stack.enter_context(Agent(files[0]))
        agent.schema()
        agent.take_model(self.repl.agent)
        return agent

    def close(self) -> None:
        self._stack.close()

    def type(self, line: str) -> str:
        """stdout after one line."""
        self._capsys.readouterr()
        self.repl.line(line)
        captured = self._capsys.readouterr()
        self.err = captured.err
        return captured.out


@pytest.fixture
def session(db: str, capsys: pytest.CaptureFixture[str]) -> Iterator[Session]:
    made = Session(db, capsys)
    yield made
    made.close()


@pytest.mark.parametrize("line", ["\\e", "\\why", "\\g x.csv", "\\plot", "\\save name"])
def test_before_anything_was_asked_a_command_about_it_says_so(session: Session, line: str) -> None:
    with pytest.raises(UsageError, match="Nothing was asked or run yet|needs a terminal"):
        session.type(line)


def test_why_shows_the_steps_what_was_weighed_and_how_sure_it_is(session: Session) -> None:
    session.model.enqueue([candidate("SELECT 3 AS three", logprob=-0.7)])
    session.type("Who earns the most?")
    text = session.type("\\why")
    assert text.startswith("Question: Who earns the most?\n1. reason, ")
    assert TOP in text and "SELECT 3 AS three" in text and "Confidence 0." in text and "act, " in text
    session.type("SELECT 1")
    with pytest.raises(UsageError, match="your own"):
        session.type("\\why")


def test_g_writes_the_last_result_whole(session: Session, tmp_path: Path) -> None:
    session.type("\\limit 10")
    session.type(MANY)
    session.type(f"\\g {tmp_path}/many.csv")
    assert "many.csv: 2,500 rows." in session.err
    assert len((tmp_path / "many.csv").read_text().splitlines()) == 2501
    session.type("Who earns the most?")
    session.type(f".once {tmp_path}/top.html")
    assert "<caption>Who earns the most?</caption>" in (tmp_path / "top.html").read_text()
    with pytest.raises(UsageError, match="Say which file"):
        session.type("\\g")


def test_o_sends_each_result_to_a_file_of_its_own_until_it_is_ended(session: Session, tmp_path: Path) -> None:
    session.type(f'\\o "{tmp_path}/my rows.jsonl"')
    assert session.type("SELECT 1 AS a") == ""
    assert session.type("Who earns the most?") == ""
    assert TOP in session.err
    session.type("\\o")
    assert session.type("SELECT 3 AS a") == "a\n3\n"
    assert (tmp_path / "my rows.jsonl").read_text() == '{"a": 1}\n'
    assert "Ingrid" in (tmp_path / "my rows-2.jsonl").read_text()
    assert not (tmp_path / "my rows-3.jsonl").exists()


def test_x_turns_tables(session: Session) -> None:
    session.type("\\format table")
    session.type("\\x")
    assert session.type("SELECT 1 AS a, 'b' AS long") == "-[ row 1 ]-\na    | 1\nlong | b\n"
    session.type("\\x off")
    assert "| a |" in session.type("SELECT 1 AS a").replace("  ", " ")


def test_plot_draws_and_writes(session: Session, tmp_path: Path) -> None:
    pytest.importorskip("plotext")
    session.type("Who earns the most?")
    drawn = session.type("\\plot")
    assert drawn.startswith("salary by name\n") and drawn.count("▇") > 60
    assert "┤" in session.type("\\plot lines")
    with pytest.raises(UsageError, match="neither a kind"):
        session.type("\\plot pie")
    pytest.importorskip("vl_convert")
    session.type(f"\\plot bars {tmp_path}/a.svg")
    assert (tmp_path / "a.svg").read_text().startswith("<svg")


def test_a_favourite_is_saved_run_listed_and_forgotten(session: Session) -> None:
    session.type("Who earns the most?")
    session.type("\\save top")
    session.type("\\save of SELECT COUNT(*) AS n FROM employees WHERE department_id = :dep AND name <> ?")
    assert "\\run of :dep ?1" in session.err
    assert session.type("\\run top").startswith("name,salary\nIngrid")
    assert session.type("\\run of 1 'nobody else'") == session.type("\\run of dep=1 nobody") != ""
    assert "department_id = 1 AND name <> 'nobody'" in session.err
    assert [line.split(",")[0] for line in session.type("\\run").splitlines()] == ["name", "of", "top"]
    assert session.repl.complete("\\run to") == ("to", ["top"])
    session.type("\\forget top")
    with pytest.raises(UsageError, match="no favourite 'top'"):
        session.type("\\run top")
    with pytest.raises(UsageError, match="Say a value for :dep, [?]1"):
        session.type("\\run of")
    with pytest.raises(UsageError, match="is no statement"):
        session.type("\\save x how many are there")


def test_a_note_is_kept_shown_and_taken_back(session: Session) -> None:
    session.type("\\note employees.salary what they cost")
    assert "what they cost" in session.type("\\d employees")
    session.type("Who earns the most?")
    assert "what they cost" in session.model.prompts[-1].context
    assert session.type("\\note") == "column,note\nemployees.salary,what they cost\n"
    session.type("\\note EMPLOYEES.SALARY")
    assert "what they cost" in session.err
    session.type("\\note employees.salary -")
    assert "what they cost" not in session.type("\\d employees")
    for line, words in (
        ("employees.salry x", "employees.salary"),
        ("employes.salary x", "employees"),
        ("salary", "TABLE.COLUMN"),
    ):
        with pytest.raises(UsageError, match=re.escape(words)):
            session.type(f"\\note {line}")
    assert "employees.salary" in session.repl.complete("\\note employees.sal")[1]


def test_names_in_quotes_can_be_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sqlite3.connect(tmp_path / "odd.db") as connection:
        connection.execute('CREATE TABLE "order details" ("unit price" REAL)')
    made = Session(str(tmp_path / "odd.db"), capsys)
    made.type('\\note "order details"."unit price" in euros')
    assert made.repl.agent.notes.all() == {("order details", "unit price"): "in euros"}
    made.close()


def test_open_goes_on_with_another_file_and_the_same_model(session: Session, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE only_here (a)")
    session.type("Who earns the most?")
    session.type("\\effort high")
    session.type(f'\\open "{tmp_path}/other.db"')
    assert "other.db: 1 table." in session.err
    assert session.type(".tables") == "only_here\n"
    assert session.repl.agent.effort == "high" and session.repl.agent.model_name == "fake"
    assert not session.model.closed
    before = session.repl.agent
    with pytest.raises(SqlagentError):
        session.type("\\open nowhere.db")
    assert session.repl.agent is before and session.type(".tables") == "only_here\n"


def test_tab_completes_the_files_that_a_command_takes(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("sales.csv", "salaries.db", "two words.db", ".hidden", "folder/inner.db"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert session.repl.complete("\\open sal") == ("sal", ["salaries.db", "sales.csv"])
    assert session.repl.complete("\\open ")[1] == ["folder/", "salaries.db", "sales.csv"]
    assert session.repl.complete("\\g folder/i")[1] == ["folder/inner.db"]
    assert session.repl.complete("\\open nowhere/x")[1] == []
    assert "sales.csv" not in session.repl.complete("how many sal")[1]  # a question names no file


# ---- a real terminal ---------------------------------------------------------------------------------------

Spawn = Callable[..., Any]


@pytest.fixture
def spawn(db: str, tmp_path: Path) -> Iterator[Spawn]:
    children: list[Any] = []

    def _spawn(*argv: str, **environ: str) -> Any:
        assert pexpect is not None
        env = {
            **os.environ,
            "FAKE_SCRIPT": json.dumps([TOP]),
            "TERM": "xterm-256color",
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "PAGER": "less -RSX",
            **environ,
        }
        child = pexpect.spawn(
            sys.executable,
            [str(FAKE), *(argv or (db,))],
            env=env,
            encoding="utf-8",
            timeout=40,
            dimensions=(20, 100),
        )
        children.append(child)
        child.expect(PROMPT)
        return child

    yield _spawn
    for child in children:
        child.close(force=True)


needs_terminal = pytest.mark.skipif(pexpect is None, reason="needs a terminal to drive")


@needs_terminal
def test_e_puts_the_statement_into_the_line_where_it_is_changed_and_run(spawn: Spawn) -> None:
    child = spawn()
    child.send("Who earns the most?\r")
    child.expect("Ingrid Solberg")
    child.expect(PROMPT)
    child.send("\\e\r")
    child.expect("LIMIT 3")
    child.send("\x7f1\r")  # LIMIT 1
    child.expect("Ingrid Solberg")
    child.expect(PROMPT)
    assert "Amina" not in child.before


@needs_terminal
def test_edit_takes_what_the_editor_leaves(spawn: Spawn, tmp_path: Path) -> None:
    editor = tmp_path / "my editor"
    editor.write_text('#!/bin/sh\nsed -i "s/41/42/" "$1"\n')
    editor.chmod(0o755)
    child = spawn(VISUAL=f"'{editor}'")
    child.send("SELECT 41 AS answer\r")
    child.expect("41 |")
    child.expect(PROMPT)
    child.send("\\edit\r")
    child.expect("SELECT 42 AS answer")
    child.send("\r")
    child.expect("42 +|")
    child.expect(PROMPT)


@needs_terminal
def test_rows_higher_than_the_window_go_through_the_pager(spawn: Spawn) -> None:
    child = spawn()
    child.send("SELECT id, name FROM employees\r")
    child.expect("Ingrid Solberg")
    child.expect(":")  # less waits
    child.send("G")
    child.expect("END")
    child.send("\x03")  # is less's
    child.send("q")
    child.expect(PROMPT)
    child.send("\\pager off\r")
    child.expect("pager is off")
    child.send("SELECT id, name FROM employees\r")
    child.expect(PROMPT)
    child.send("SELECT 40 + 2 AS answer\r")
    child.expect("42")


@needs_terminal
def test_a_pager_that_is_left_early_ends_nothing(spawn: Spawn) -> None:
    child = spawn(PAGER="head -n 2")
    child.send("\\limit 0\r")
    child.expect(PROMPT)
    child.send(f"{MANY}\r")
    child.expect("\\| +i \\|")
    child.expect(PROMPT)
    child.send("SELECT 40 + 2 AS answer\r")
    child.expect("42")


@pytest.mark.skipif(
    shutil.which("tmux") is None, reason="needs tmux, a terminal that says where its cursor is"
)
def test_the_toolbar_says_what_is_open_and_how_long_it_took(db: str, tmp_path: Path) -> None:
    server = ["tmux", "-S", str(tmp_path / "tmux"), "-f", "/dev/null"]
    home = f"SQLAGENT_HOME={tmp_path}/home"
    command = [
        "env",
        home,
        "SQLAGENT_OFFLINE=1",
        f"FAKE_SCRIPT={json.dumps([TOP])}",
        sys.executable,
        str(FAKE),
        db,
    ]
    run([*server, "new-session", "-d", "-x", "100", "-y", "30", shlex.join(command)], check=True)

    def until(pattern: str) -> str:
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            shown = run([*server, "capture-pane", "-p"], check=True, capture_output=True, text=True).stdout
            if re.search(pattern, shown):
                return shown
            time.sleep(0.1)
        raise AssertionError(shown)

    def type_line(text: str) -> None:
        run([*server, "send-keys", "-l", text], check=True)
        run([*server, "send-keys", "Enter"], check=True)

    try:
        until(r"company\.db \| fake \| effort normal *\n")
        type_line("Who earns the most?")
        until(r"Ingrid Solberg[^$]*effort normal \| \d+\.\d\d s")
        type_line("\\effort fast")
        until(r"fake \| effort fast \| \d")
        type_line(f"\\o {tmp_path}/rows.csv")
        until(r"effort fast \| results to rows.csv \|")
        type_line("\\toolbar off")
        assert "| effort" not in until(r"toolbar is off\.\s+sqlagent>\s*$")
    finally:
        run([*server, "kill-server"], check=False)


@needs_terminal
def test_an_old_line_is_found_with_ctrl_r(spawn: Spawn) -> None:
    child = spawn()
    child.send("SELECT 40 + 2 AS answer\r")
    child.expect("42")
    child.expect(PROMPT)
    child.send("SELECT 1\r")
    child.expect(PROMPT)
    child.send("\x12")
    child.expect("reverse-i-search")
    child.send("ANSW")
    child.expect("SELECT 40 . 2 AS")
    child.send("\r\r")
    child.expect("42")


@needs_terminal
def test_vi_keys_edit_the_line(spawn: Spawn) -> None:
    child = spawn()
    child.send("\\keys vi\r")
    child.expect("keys are vi's")
    child.expect(PROMPT)
    child.send("SELECT 4 AS answer\x1b")
    child.expect("answer")
    child.send("0")  # to the line's beginning
    child.send("f4")  # to the 4
    child.send("a2\r")  # behind it
    child.expect(r"\| +42 \|")


@needs_terminal
def test_open_on_a_terminal_takes_a_csv_file(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("city,total\nParis,3\nOslo,4\n")
    child = spawn()
    child.send(f"\\open {tmp_path}/sales.csv\r")
    child.expect("1 table")
    child.send("SELECT sum(total) AS sum FROM sales\r")
    child.expect(r"\| +7 \|")
