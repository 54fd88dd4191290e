"""run, batch, schema, explain, config, completion and --json, in the real program."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sqlagent.ui import demo_database, json_answer
from sqlagent.ui.arguments import COMMANDS

FAKE = Path(__file__).with_name("fake_model.py")
TOP = "SELECT name FROM employees ORDER BY salary DESC LIMIT 1"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(demo_database.build(tmp_path_factory.mktemp("demo") / "company.db"))


def program(
    *argv: str, script: list[str] | None = None, typed: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "FAKE_SCRIPT": json.dumps(script or [TOP]), **environ}
    return subprocess.run(
        [sys.executable, str(FAKE), *argv], input=typed, env=env, capture_output=True, text=True, timeout=60
    )


# ---- run and --json ----------------------------------------------------------------------------------------


def test_run_takes_what_it_gets_for_sql_in_the_same_sandbox(db: str) -> None:
    assert program("run", db, "SELECT COUNT(*) AS n FROM employees", "-f", "csv").stdout == "n\n42\n"
    assert program("run", db, "-", "-f", "csv", typed="SELECT 1 AS a\n").stdout == "a\n1\n"
    done = program("run", db, "DELETE FROM employees")
    assert (done.returncode, done.stdout) == (1, "") and "only SELECT" in done.stderr
    done = program("run", db, "How many employees are there?")
    assert (done.returncode, done.stdout) == (1, "") and "syntax error" in done.stderr
    assert program("run", db, "SELECT nope FROM employees", "--sql").returncode == 1
    assert "Which statement?" in program("run", db).stderr
    assert program("run", db, "SELECT 1", "--sql").stdout == "SELECT 1;\n"


def test_json_is_one_object_with_every_documented_field(db: str) -> None:
    found = json.loads(program("ask", db, "Who earns the most?", "--json").stdout)
    assert list(found) == list(json_answer.FIELDS)
    assert (found["version"], found["rows"], found["sql"]) == (1, [["Ingrid Solberg"]], TOP)
    assert found["model"] == "fake" and 0 < found["confidence"] <= 1 and found["other_readings"] == []
    own = json.loads(
        program("run", db, "SELECT x'00ff' AS b, 9e999 AS i, NULL AS n, 1 AS b", "--json").stdout
    )
    assert list(own) == list(json_answer.FIELDS)
    assert own["rows"] == [[{"$blob": "00ff"}, "Infinity", None, 1]] and own["columns"] == [
        "b",
        "i",
        "n",
        "b",
    ]
    assert own["question"] is None and own["model"] is None
    cut = json.loads(program("run", db, "SELECT name FROM employees", "--json", "--limit", "2").stdout)
    assert len(cut["rows"]) == 2 and "limit" in cut["truncated"]
    done = program("ask", db, "What is the weather?", "--json")
    assert (done.returncode, done.stdout) == (1, "")


# ---- batch -------------------------------------------------------------------------------------------------


def test_a_batch_answers_each_line_and_goes_on_where_it_stopped(db: str, tmp_path: Path) -> None:
    asked, out = tmp_path / "q.jsonl", tmp_path / "q.answers.jsonl"
    asked.write_text('"Who earns the most?"\n\n{"question": "What is the weather?", "id": "w"}\n')
    done = program("batch", db, str(asked))
    assert (done.returncode, done.stdout) == (1, "") and "1 answered, 1 failed" in done.stderr
    first, second = map(json.loads, out.read_text().splitlines())
    assert list(first) == ["line", "id", *json_answer.FIELDS] and first["rows"] == [["Ingrid Solberg"]]
    assert (second["line"], second["id"], second["error"]["exit_code"]) == (3, "w", 1)

    asked.write_text(asked.read_text() + '{"question": "How many employees are there?"}\n')
    with out.open("a") as file:
        file.write('{"line": 4, "question": "How many emp')  # the line that a kill left
    done = program("batch", db, str(asked), script=["SELECT 42 AS n"])
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["line"] for line in lines] == [1, 3, 3, 4] and lines[-1]["rows"] == [[42]]
    assert "1 of 3 have their answers" in done.stderr


def test_a_changed_question_is_asked_again(db: str, tmp_path: Path) -> None:
    asked, out = tmp_path / "q.jsonl", tmp_path / "out.jsonl"
    for question in ("Who earns the most?", "Which employee earns the most?"):
        asked.write_text(json.dumps(question) + "\n")
        assert program("batch", db, str(asked), "--out", str(out)).returncode == 0
    assert [json.loads(line)["question"] for line in out.read_text().splitlines()][-1].startswith("Which")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json\n", "line 1: no JSON"),
        ('{"ask": "x"}\n', "line 1: there is no question"),
        ("\n[1]\n", "line 2"),
    ],
)
def test_a_wrong_line_is_named_before_anything_is_asked(
    db: str, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "q.jsonl").write_text(text)
    done = program("batch", db, str(tmp_path / "q.jsonl"))
    assert done.returncode == 2 and words in done.stderr
    assert not (tmp_path / "q.answers.jsonl").exists()
    (tmp_path / "q.jsonl").write_text('"Who?"\n')
    done = program("batch", db, str(tmp_path / "q.jsonl"), "--out", str(tmp_path / "q.jsonl"))
    assert done.returncode == 2 and "--out" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C as a signal")
def test_ctrl_c_keeps_the_answers_that_are_there(db: str, tmp_path: Path) -> None:
    asked, out = tmp_path / "q.jsonl", tmp_path / "q.answers.jsonl"
    asked.write_text('"Who earns the most?"\n"Who else?"\n')
    env = {**os.environ, "FAKE_SCRIPT": json.dumps([TOP, "hang"])}
    process = subprocess.Popen(
        [sys.executable, str(FAKE), "batch", db, str(asked)], env=env, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 40
    assert process.stderr is not None
    while "hanging" not in process.stderr.readline() and time.monotonic() < deadline:
        pass
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert len(out.read_text().splitlines()) == 1 and out.read_text().endswith("\n")


# ---- schema, explain, config -------------------------------------------------------------------------------


def test_schema_is_written_as_text_json_and_mermaid(db: str) -> None:
    text = program("schema", db).stdout
    assert "employees (42 rows)\n  id " in text and "→ departments.id" in text and "-- euros a year" in text
    found = json.loads(program("schema", db, "--as", "json").stdout)
    assert [table["name"] for table in found["tables"]][:2] == ["departments", "employees"]
    assert found["tables"][1]["foreign_keys"][0] == {
        "columns": ["department_id"],
        "table": "departments",
        "to": ["id"],
    }
    diagram = program("schema", db, "--as", "mermaid").stdout
    assert (
        diagram.startswith("erDiagram\n") and "    employees }o--|| departments : department_id\n" in diagram
    )
    assert "        INTEGER id PK\n" in diagram


def test_explain_says_in_words_and_with_sqlites_plan_what_a_statement_does(db: str) -> None:
    done = program("explain", db, "SELECT COUNT(*) FROM employees WHERE salary > 5")
    assert "Number of rows in employees where salary is more than 5." in done.stdout
    assert "- SCAN employees" in done.stdout
    assert program("explain", db, "SELECT nope FROM employees").returncode == 1
    assert program("explain", db).returncode == 2


def test_config_shows_where_each_value_comes_from_and_writes_a_file_once(tmp_path: Path) -> None:
    home = {"SQLAGENT_HOME": str(tmp_path), "SQLAGENT_EFFORT": "fast"}
    assert program("config", "path", **home).stdout == f"{tmp_path}/config.toml\n"
    assert program("config", "init", **home).returncode == 0
    assert (tmp_path / "config.toml").read_text() == program("config", "default", **home).stdout
    assert program("config", "init", **home).returncode == 2
    (tmp_path / "config.toml").write_text('amend = "off"\n')
    rows = [line.split(",")[:3] for line in program("config", "-f", "csv", **home).stdout.splitlines()]
    assert ["effort", "fast", "SQLAGENT_EFFORT"] in rows and ["amend", "off", "config.toml"] in rows
    assert ["keys", "emacs", "default"] in rows


# ---- completion --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_reads_its_completion(shell: str, tmp_path: Path) -> None:
    done = program("completion", shell)
    assert done.returncode == 0 and all(command in done.stdout for command in COMMANDS)
    assert "--effort" in done.stdout or "-l effort" in done.stdout
    if shutil.which(shell) is not None:
        (tmp_path / "script").write_text(done.stdout)
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["to"], "tour"),
        (["ask", "--eff"], "--effort"),
        (["models", "pu"], "pull"),
        (["schema", "--as", "mer"], "mermaid"),
    ],
)
def test_bash_completes_commands_options_and_choices(words: list[str], offered: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(program("completion", "bash").stdout)
    line = " ".join(["sqlagent", *words])
    asked = f"""
        source {script}
        COMP_WORDS=(sqlagent {" ".join(words)}) COMP_CWORD={len(words)} COMP_LINE="{line}" COMP_POINT={len(line)}
        $(complete -p sqlagent | sed 's/.*-F \\([^ ]*\\).*/\\1/') sqlagent {words[-1]} sqlagent
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert offered in done.stdout.split()
