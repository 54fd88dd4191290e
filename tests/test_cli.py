"""The command line's contract: what goes to stdout, what to stderr, and which exit code."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel, candidate

from sqlagent import __version__
from sqlagent.base.errors import Cancelled, ModelError
from sqlagent.ui import cli, demo_database
from sqlagent.ui.formats import FORMATS

ROOT = Path(__file__).resolve().parent.parent
FAKE = Path(__file__).with_name("fake_model.py")
TOP = "SELECT name, salary FROM employees ORDER BY salary DESC LIMIT 2"
ALL = "SELECT name FROM employees"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"


@dataclass
class Done:
    code: int
    out: str
    err: str
    model: FakeModel


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(demo_database.build(tmp_path_factory.mktemp("demo") / "company.db"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line in this process, in an empty folder, with a scripted model."""
    monkeypatch.chdir(tmp_path)

    def _run(*argv: str, script: list[Any] | None = None, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        model = FakeModel(script or [TOP])
        code = cli.main(argv, model=model)
        out, err = capsys.readouterr()
        return Done(code, out, err, model)

    return _run


# ---- answers ----


def test_rows_go_to_stdout_and_the_statement_to_stderr(run: Run, db: str) -> None:
    done = run("ask", db, "Who earns the most?")
    assert done.code == 0
    assert done.out.splitlines()[3] == "| Ingrid Solberg | 168000 |"
    assert done.err == TOP + "\nName and salary of employees, the 2 with the highest salary.\n(fairly sure)\n"


def test_a_question_about_something_else_is_refused_unless_one_insists(run: Run, db: str) -> None:
    done = run("ask", db, "What is the weather?")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert "nothing about weather" in done.err
    assert run("ask", db, "What is the weather?", "--anyway").code == 0


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "table"])
def test_other_formats_are_data_alone(run: Run, db: str, format: str) -> None:
    done = run("ask", db, "Who?", "--format", format)
    assert done.code == 0
    assert "Ingrid Solberg" in done.out
    if format in ("json", "jsonl"):  # what there is to know beside them is a line of JSON
        about = json.loads(done.err)
        assert (about["sql"], about["sure"]) == (TOP, "fairly sure") and 0.6 < about["confidence"] < 0.85
        done = run("ask", db, "Who?", "--format", format, "--quiet")
    assert done.err == ""


def test_json_can_be_read_back(run: Run, db: str) -> None:
    rows = json.loads(run("ask", db, "Who?", "-f", "json").out)
    assert rows[0] == {"name": "Ingrid Solberg", "salary": 168000}


def test_sql_prints_the_statement_instead_of_its_rows(run: Run, db: str) -> None:
    done = run("ask", db, "Who?", "--sql")
    assert (done.out, done.err) == (TOP + ";\n", "")
    with sqlite3.connect(db) as connection:
        assert len(connection.execute(done.out).fetchall()) == 2


def test_the_question_can_come_from_stdin(run: Run, db: str) -> None:
    done = run("ask", db, "-", stdin="Wer verdient am meisten? Größe\n".encode())
    assert done.code == 0
    assert "Größe" in done.model.prompts[0].request


def test_words_without_quotes_are_one_question(run: Run, db: str) -> None:
    assert "Who earns most" in run("ask", db, "Who", "earns", "most").model.prompts[0].request


def test_options_may_stand_anywhere(run: Run, db: str) -> None:
    lines = (
        ["ask", "--format", "csv", db, "Who?"],
        ["ask", db, "--format=csv", "Who?"],
        ["--quiet", "ask", db, "Who?", "-fcsv"],
        ["-f", "csv", db, "Who?"],
    )
    assert {run(*line).out for line in lines} == {"name,salary\nIngrid Solberg,168000\nAmina Diallo,134000\n"}


def test_a_question_may_begin_with_a_dash(run: Run, db: str) -> None:
    assert "-1 means what?" in run("ask", db, "--", "-1 means what?").model.prompts[0].request


def test_no_rows_is_a_success_that_says_so(run: Run, db: str) -> None:
    done = run("ask", db, "Who?", "-f", "csv", script=["SELECT name FROM employees WHERE id = -1"])
    assert (done.code, done.out, done.err) == (0, "name\n", "(no rows)\nNo row fulfils id = -1.\n")


def test_the_row_limit_is_noticed_on_stderr_with_the_flag_that_lifts_it(run: Run, db: str) -> None:
    done = run("ask", db, "Who?", "--limit", "2", "-f", "csv", script=[ALL])
    assert len(done.out.splitlines()) == 3
    assert "--limit" in done.err
    assert len(run("ask", db, "Who?", "--limit", "0", "-f", "csv", script=[ALL]).out.splitlines()) == 43


def test_quiet_leaves_only_data(run: Run, db: str) -> None:
    done = run("ask", db, "Who?", "--limit", "2", "--quiet", script=[ALL])
    assert done.err == ""
    assert "Ingrid" in done.out


def test_verbose_shows_steps_and_timings_on_stderr(run: Run, db: str) -> None:
    done = run("ask", db, "Who?", "--verbose", "-f", "csv")
    for word in ("[reason ", "[act ", "[observe ", TOP, "total", "confidence"):
        assert word in done.err
    assert done.out.startswith("name,salary\n")


def test_a_long_cell_is_cut_in_a_table_only(run: Run, db: str) -> None:
    long = "SELECT '" + "x" * 300 + "' AS x"
    assert "…" in run("ask", db, "?", script=[long]).out
    assert "…" not in run("ask", db, "?", "--max-cell", "0", script=[long]).out
    assert "…" not in run("ask", db, "?", "-f", "csv", script=[long]).out


def test_csv_safe_disarms_formulas(run: Run, db: str) -> None:
    assert run("ask", db, "?", "-f", "csv", "--csv-safe", script=["SELECT '=1' AS x"]).out == "x\n'=1\n"


# ---- how sure ----


def _weighed(*others: str) -> list[Any]:
    """A script whose first statement is doubtful, and others that are about as likely."""
    doubtful = dict(logprob=-2.0, tokens=6, margin=0.01, min_token_logprob=-1.5)
    first = candidate("SELECT name FROM employees WHERE id = 1", **doubtful)
    return [first, [candidate(sql, logprob=-1.9) for sql in others]]


def test_a_doubtful_answer_says_why_and_how_another_reading_is_had(run: Run, db: str) -> None:
    script = _weighed("SELECT name FROM employees WHERE id = 2", "SELECT name FROM employees WHERE id = 3")
    done = run("ask", db, "Who?", script=script)
    assert (
        "(doubtful: statements about as likely give other rows; --verbose shows another reading)" in done.err
    )
    assert done.err.count("SELECT") == 1, "one statement on the screen"
    assert "Another reading:\nSELECT" in run("ask", db, "Who?", "--verbose", script=script).err


def test_a_sure_answer_says_so_in_a_word(run: Run, db: str) -> None:
    assert "(sure)" in run("ask", db, "Who?", script=[candidate(TOP, logprob=-0.01, margin=0.99)]).err


# ---- a person's own SQL ----


OWN = "select  round(avg(salary), 1) AS `Mean pay`\nfrom employees -- all of them"


@pytest.mark.parametrize("from_stdin", [False, True])
def test_own_sql_runs_as_it_is_and_needs_no_model(run: Run, db: str, from_stdin: bool) -> None:
    done = (
        run("ask", db, "-", "-f", "csv", stdin=OWN.encode())
        if from_stdin
        else run("ask", db, OWN, "-f", "csv")
    )
    assert (done.code, done.err, done.out.splitlines()[0]) == (0, "", "Mean pay")
    assert done.model.prompts == []
    assert run("ask", db, OWN, "--sql").out == OWN + ";\n"


def test_own_sql_may_be_long(run: Run, db: str) -> None:
    long = f"SELECT LENGTH('{'x' * 50_000}') AS n"
    assert run("ask", db, "-", "-f", "csv", stdin=long.encode()).out == "n\n50000\n"


def test_own_sql_that_fails_says_what_sqlite_says(run: Run, db: str) -> None:
    for argv in (["select nme from employees"], ["DROP TABLE employees"], ["Who?", "--sql-only"]):
        done = run("ask", db, *argv)
        assert (done.code, done.out, done.model.prompts) == (1, "", [])
    assert (done := run("ask", db, "-", stdin=b"select salary +")).code == 1 and done.model.prompts == []


def test_a_question_that_begins_like_sql_is_asked(run: Run, db: str) -> None:
    for question in ("SELECT the names of all employees", "select"):
        assert run("ask", db, question, "--anyway").model.prompts != []


# ---- how much of it ----


MANY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT i FROM n"


def test_a_file_for_a_program_gets_all_rows_and_a_table_a_thousand(run: Run, db: str) -> None:
    assert len(run("ask", db, "Who?", "-f", "csv", script=[MANY]).out.splitlines()) == 5001
    assert len(run("ask", db, MANY, "-f", "jsonl").out.splitlines()) == 5000
    done = run("ask", db, MANY)
    assert len(done.out.splitlines()) == 1004 and "--limit" in done.err


def test_rows_that_do_not_fit_are_an_error_for_a_program(run: Run, db: str, monkeypatch: Any) -> None:
    from sqlagent.ui import opening

    monkeypatch.setattr(opening, "ALL_BYTES", 10_000)
    done = run("ask", db, MANY, "-f", "csv")
    assert done.code == 1 and "--max-bytes" in done.err and "Not all" in done.err
    assert run("ask", db, MANY, "-f", "csv", "--limit", "10").code == 0


def test_tables_are_for_people_unless_raw(run: Run, db: str) -> None:
    average = "SELECT department_id, AVG(salary) FROM employees GROUP BY department_id"
    shown = run("ask", db, "What is the mean pay?", script=[average]).out
    assert "average salary" in shown and not re.search(r"\.\d{3}", shown)
    exact = run("ask", db, "What is the mean pay?", "--raw", script=[average]).out
    assert "AVG(" in exact and re.search(r"\.\d{3}", exact)
    assert "AVG(" in run("ask", db, "What is the mean pay?", "-f", "csv", script=[average]).out
    assert "AVG(salary)" in run("ask", db, average).out


# ---- what people type by mistake ----


def test_a_forgotten_ask_is_understood(run: Run, db: str) -> None:
    assert "Ingrid" in run(db, "Who earns the most?").out


def test_a_database_and_a_question_the_wrong_way_round_are_understood(run: Run, db: str) -> None:
    assert "Ingrid" in run("Who earns the most?", db).out
    assert "Ingrid" in run("ask", "Who earns the most?", db).out


def test_a_database_alone_opens_the_prompt(run: Run, db: str) -> None:
    assert run(db, stdin=b".tables\n").out.split() == ["departments", "employees", "projects", "assignments"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["aks", "DB", "Who?"], ["'aks'", "sqlagent ask"]),
        (["docter"], ["sqlagent doctor"]),
        (["ask", "DB", "Who?", "--fromat", "csv"], ["--fromat", "--format"]),
        (["--zap", "DB"], ["--zap", "--help"]),
        (["ask", "DB", "Who?", "--format", "xml"], ["'xml'", "table", "markdown"]),
        (["ask", "DB", "Who?", "--limit", "many"], ["--limit", "'many'"]),
        (["ask", "DB", "Who?", "--limit", "-1"], ["--limit", "'-1'"]),
        (["ask", "DB", "Who?", "--timeout", "0"], ["--timeout", "'0'"]),
        (["ask", "DB", "Who?", "--timeout"], ["--timeout"]),
        (["doctor", "--sql"], ["--sql", "doctor"]),
        (["doctor", "DB"], ["too much", "doctor"]),
        (["DB", "DB"], ["One database at a time"]),
        (["models", "zap"], ["'zap'", "pull"]),
        (["models", "pull"], ["models pull NAME"]),
        (["Who earns the most?"], ["database", "sqlagent ask DB"]),
        (["Who", "earns", "most"], ["database", "sqlagent ask DB"]),
        (["nonsense"], ["'nonsense'", "--help"]),
        (["ask"], ["DB"]),
        (["ask", "DB"], ["question"]),
        (["ask", "DB", ""], ["question", "empty"]),
        (["ask", "DB", "  \n "], ["question", "empty"]),
        (["ask", "DB", "x" * 10_000], ["10,000", "2,000"]),
        ([], ["sqlagent demo"]),
        (["--quiet"], ["sqlagent demo"]),
    ],
)
def test_wrong_usage_is_one_helpful_sentence_and_an_empty_stdout(
    run: Run, db: str, argv: list[str], words: list[str]
) -> None:
    done = run(*(db if text == "DB" else text for text in argv))
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    for word in words:
        assert word in done.err
    assert done.model.prompts == []


@pytest.mark.parametrize(
    "argv", [["DB", "gone.xlsx"], ["DB", "gone.csv", "Who?"], ["gone.csv"], ["gone.csv", "Who?"]]
)
def test_a_file_that_is_not_there_is_no_question(run: Run, db: str, argv: list[str]) -> None:
    done = run(*(db if text == "DB" else text for text in argv))
    assert (done.code, done.out) == (3, "")
    assert "gone." in done.err and "does not exist" in done.err
    assert done.model.prompts == []


def test_a_question_of_ten_kilobytes_on_stdin_is_refused(run: Run, db: str) -> None:
    done = run("ask", db, "-", stdin=b"why " * 2500)
    assert (done.code, done.out) == (2, "")
    assert "2,000" in done.err


def test_every_option_that_takes_a_value_is_known_to_take_one() -> None:
    parser = cli.build_parser()
    (commands,) = (action for action in parser._actions if action.dest == "command")
    assert isinstance(commands.choices, dict)
    actions = [action for sub in [parser, *commands.choices.values()] for action in sub._actions]
    found = {flag: action.nargs is None for action in actions for flag in action.option_strings}
    assert found == cli.OPTIONS
    assert set(commands.choices) == set(cli.COMMANDS)


# ---- databases that cannot be asked ----


def _directory(path: Path) -> None:
    path.mkdir()


def _empty(path: Path) -> None:
    path.touch()


def _text(path: Path) -> None:
    path.write_text("Dear diary,\n" * 1000)


def _encrypted(path: Path) -> None:
    path.write_bytes(bytes((i * 7919 + 13) % 256 for i in range(8192)))


def _without_tables(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 1")


def _missing(path: Path) -> None:
    pass


@pytest.mark.parametrize("make", [_missing, _directory, _empty, _text, _encrypted, _without_tables])
def test_what_is_no_database_is_one_sentence_and_exit_code_3(
    run: Run, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "some.db"
    make(path)
    done = run("ask", str(path), "Who?")
    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
    assert "some.db" in done.err
    assert done.model.prompts == []


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[str]:
    """A database that another process holds: this one's own locks go when it closes any descriptor of the file."""
    path = tmp_path / "locked.db"
    hold = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('CREATE TABLE employees (name, salary)')\n"
        "connection.execute(\"INSERT INTO employees VALUES ('Ann', 1)\")\n"
        "connection.execute('BEGIN EXCLUSIVE')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", hold, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        yield str(path)


def test_a_locked_database_is_answered_from_a_private_copy_and_says_so(run: Run, locked: str) -> None:
    done = run("ask", locked, "Who?")
    assert done.code == 0
    assert "locked.db is in use by another program" in done.err and "private copy" in done.err


# ---- other errors ----


def test_an_unknown_model_is_a_usage_error(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ask", db, "Who?", "--model", "gpt-17"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "'gpt-17'" in err


def test_a_missing_model_offline_is_exit_code_3_with_the_command_that_fetches_it(
    db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path))
    monkeypatch.delenv("SQLAGENT_OFFLINE")
    assert cli.main(["ask", db, "Who?", "--model", "tiny", "--offline"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "sqlagent models pull smollm2-135m" in err


def test_no_answer_is_exit_code_1_and_shows_what_was_tried(run: Run, db: str) -> None:
    done = run("ask", db, "Who?", script=["SELECT nobody FROM employees"])
    assert (done.code, done.out) == (1, "")
    assert "SELECT nobody FROM employees" in done.err
    assert "no such column: nobody" in done.err


def test_a_timeout_is_exit_code_4_and_names_its_flag(run: Run, db: str) -> None:
    done = run("ask", db, "Who?", "--timeout", "0.3", "-f", "csv", script=[ENDLESS])
    assert (done.code, done.out) == (4, "")
    assert "--timeout" in done.err


@pytest.mark.parametrize(("error", "code"), [(ModelError("Interrupted."), 3), (Cancelled("Stopped."), 130)])
def test_an_expected_error_is_its_sentence(run: Run, db: str, error: Exception, code: int) -> None:
    done = run("ask", db, "Who?", script=[error])
    assert (done.code, done.out, done.err) == (code, "", "sqlagent: Interrupted.\n")


def test_an_unexpected_error_shows_no_traceback_unless_asked(
    run: Run, db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("ask", db, "Who?", script=[ZeroDivisionError("oops")])
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert "SQLAGENT_DEBUG=1" in done.err
    monkeypatch.setenv("SQLAGENT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run("ask", db, "Who?", script=[ZeroDivisionError("oops")])


def test_an_error_that_quotes_the_database_cannot_drive_the_terminal(run: Run, db: str) -> None:
    done = run("ask", db, "Who?", script=['SELECT "\x1b]0;x\x07" FROM employees e, "\x1b[31m"'])
    assert done.code == 1
    assert "\x1b" not in done.err


# ---- demo, models, doctor ----


def test_demo_answers_its_own_question(run: Run) -> None:
    done = run("demo")
    assert done.code == 0
    assert "Ingrid Solberg" in done.out
    assert demo_database.QUESTION in done.err


def test_demo_answers_another_question(run: Run) -> None:
    done = run("demo", "How many are there?", "--format", "csv", script=["SELECT COUNT(*) FROM employees"])
    assert done.out == "COUNT(*)\n42\n"


def test_models_lists_every_model_as_data(run: Run) -> None:
    done = run("models", "--format", "json")
    names = [row["name"] for row in json.loads(done.out)]
    assert {"qwen2.5-coder-1.5b", "smollm2-135m"} <= set(names)
    assert run("models", "list", "--format", "json").out == done.out


def test_models_path_of_a_missing_model_says_how_to_get_it(
    run: Run, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path))
    done = run("models", "path", "tiny")
    assert (done.code, done.out) == (3, "")
    assert "models pull" in done.err


def test_models_add_and_remove_a_file_of_ones_own(run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path / "home"))
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF\x03" + bytes(64))
    assert run("models", "add", str(own), "--name", "mine").code == 0
    assert run("models", "path", "mine").out == f"{own}\n"
    assert run("models", "remove", "mine").code == 0
    assert own.exists()


def test_doctor_reports_without_a_model(run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path))
    done = run("doctor")
    assert done.code == 0
    for word in (__version__, sqlite3.sqlite_version, "llama.cpp", "CPU features", "models pull"):
        assert word in done.out


def test_a_real_model_answers_with_rows_whatever_it_writes(
    db: str, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["ask", db, "How many employees are there?", "--model", str(tiny_path), "-f", "jsonl"])
    out, err = capsys.readouterr()
    assert (code, "Traceback" in err) == (0, False)
    assert all(isinstance(json.loads(line), dict) for line in out.splitlines())


# ---- as a process ----


def _process(*argv: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *argv], capture_output=True, text=True, cwd=ROOT, **settings)


def test_version_and_help_are_data() -> None:
    assert _process("-m", "sqlagent", "--version").stdout == f"sqlagent {__version__}\n"
    done = _process("-m", "sqlagent", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "sqlagent ask shop.db" in done.stdout
    for command in cli.COMMANDS:
        assert _process("-m", "sqlagent", command, "--help").returncode == 0


HEAVY = {"llama_cpp", "numpy", "prompt_toolkit", "pygments", "tabulate", "huggingface_hub", "tqdm", "jinja2"}


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["ask", "--help"], ["ask", "x.db"], ["aks"]])
def test_help_and_wrong_usage_import_nothing_heavy(argv: list[str]) -> None:
    script = (
        "import sys\nfrom sqlagent.ui.cli import main\n"
        f"try: main({argv!r})\nexcept SystemExit: pass\n"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = _process("-c", script)
    assert not HEAVY & set(done.stderr.splitlines()[-1].split())


def test_help_takes_less_than_a_fifth_of_a_second() -> None:
    """Of the processor: other tests may run beside this one."""

    def used() -> float:
        children = os.times()
        return children.children_user + children.children_system

    def seconds(*argv: str) -> float:
        best = 9.0
        for _ in range(5):
            before = used()
            _process(*argv)
            best = min(best, used() - before)
        return best

    assert seconds("-m", "sqlagent", "--help") - seconds("-c", "pass") < 0.2


def _start(db: str, script: list[str], *argv: str, **settings: Any) -> subprocess.Popen[str]:
    env = {**os.environ, "FAKE_SCRIPT": json.dumps(script)}
    return subprocess.Popen(
        [sys.executable, str(FAKE), "ask", db, "Who?", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        start_new_session=True,
        **settings,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("statement", ["hang", ENDLESS])
def test_ctrl_c_is_exit_code_130_without_a_traceback(db: str, statement: str) -> None:
    process = _start(db, [statement], "--timeout", "30")
    assert process.stderr is not None
    assert re.search(
        "hanging|running WITH", process.stderr.readline()
    )  # the latter is the line every few seconds
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    out, err = process.communicate(timeout=15)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_a_reader_that_leaves_early_is_no_error(db: str) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 90000) SELECT 'row ' || i FROM n"
    process = _start(db, [many], "--limit", "0", "-f", "csv")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=15) == 0
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_sentence(db: str) -> None:
    env = {**os.environ, "FAKE_SCRIPT": json.dumps([TOP])}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, str(FAKE), "ask", db, "Who?", "-f", "csv"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        )
    assert done.returncode == 1
    assert done.stderr == "sqlagent: The output cannot be written: no space left on device.\n"
