"""Nothing that a database, a path or a statement holds drives a real terminal: all commands, formats, environments."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from sqlagent.base import terminal
from sqlagent.base.terminal import Painted, harmless, paint
from sqlagent.ui.formats import FORMATS

pty = pytest.importorskip("pty")
FAKE = Path(__file__).with_name("fake_model.py")

TITLE, COLOUR, C1, BIDI = (
    "\x1b]0;owned\x07",
    "\x1b[45;95mX",
    "\x9b31m\x9d0;x\x9c",
    "a\u202eb\u2066c\u200bd\U000e0041",
)
BAD = f"{TITLE} {COLOUR} {C1} {BIDI} \x08\x7f"
QUOTED = '"' + BAD + '"'
STATEMENT = f"SELECT * FROM {QUOTED}"

ENVIRONMENTS: dict[str, dict[str, str]] = {
    "colours": {"TERM": "xterm-256color"},
    "NO_COLOR": {"TERM": "xterm-256color", "NO_COLOR": "1"},
    "dumb": {"TERM": "dumb"},
    "--no-color": {"TERM": "xterm-256color"},
}
OWN = re.compile(r"\r\x1b\[K|\r\n|\x1b\[(?!45;95)[0-9;]*m|\n")
"""What we write ourselves: a line that is drawn anew, a line break, a colour."""


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "hostile.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            f"CREATE TABLE {QUOTED} (id INTEGER PRIMARY KEY, {QUOTED} TEXT, -- {BAD}\n\tlast\tTEXT /* {BAD} */)"
        )
        connection.execute(
            f"INSERT INTO {QUOTED} VALUES (1, ?, NULL), (2, ?, 'x')", (BAD, f"two\nlines {BAD}")
        )
        connection.execute(f'CREATE VIEW "view {BAD}" AS SELECT * FROM {QUOTED}')
    return path


def on_terminal(
    environment: str, *argv: str, stdin: bytes | None = None, script: list[str] | None = None, **environ: str
) -> str:
    """All that a command writes to a terminal, stdout and stderr, given a model that plays back a script."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "FAKE_SCRIPT": json.dumps(script or [STATEMENT]), **environ}
    env.pop("NO_COLOR", None)
    env.update(ENVIRONMENTS[environment])
    words = [*argv, "--no-color"] if environment == "--no-color" else list(argv)
    process = subprocess.Popen(
        [sys.executable, str(FAKE), *words], stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, env=env
    )
    os.close(theirs)
    read: list[bytes] = []

    def collect() -> None:
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # the terminal was closed
                return
            if not data:
                return
            read.append(data)

    collecting = threading.Thread(target=collect)
    collecting.start()
    process.communicate(stdin, timeout=120)
    collecting.join(timeout=20)
    os.close(ours)
    return b"".join(read).decode()


def raw(text: str) -> list[str]:
    """The characters in a terminal's input that are neither text nor ours."""
    rest = OWN.sub("", text)
    return [hex(ord(c)) for c in rest if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_line_of_a_session_drives_the_terminal(db: Path, environment: str) -> None:
    typed = [
        ".tables",
        ".schema",
        f".schema {QUOTED}",
        "\\d",
        f"\\d {QUOTED}",
        "\\d nothing" + BAD,
        "\\zap" + BAD,
    ]
    typed += ["\\timing on", "\\model", f"\\model {BAD}", f"\\limit {BAD}", "\\h"]
    typed += [f"SELECT {QUOTED}.nope FROM {QUOTED}", f"SELECT '{BAD}' AS {QUOTED};"]
    for format in FORMATS:
        typed += [f"\\format {format}", f"SELECT * FROM {QUOTED};", "How many rows are there?", "\\anyway"]
    written = on_terminal(environment, str(db), stdin="\n".join(typed).encode())
    assert raw(written) == []
    assert written.count("owned") > 20 and "Traceback" not in written


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("argv", [["--sql"], ["-v"], ["--limit", "1", "-f", "json"]])
def test_no_answer_drives_the_terminal(db: Path, environment: str, argv: list[str]) -> None:
    written = on_terminal(environment, "ask", str(db), f"How many rows {BAD}?", "--anyway", *argv)
    assert raw(written) == []
    assert "owned" in written and "Traceback" not in written


@pytest.mark.parametrize("environment", ["colours", "dumb"])
def test_no_path_drives_the_terminal(tmp_path: Path, environment: str) -> None:
    home = tmp_path / TITLE.replace("/", "")
    for argv in (
        ["doctor"],
        ["models"],
        ["models", "path", BAD],
        ["models", "add", f"{home}/{TITLE}.gguf"],
        ["ask", f"{home}{TITLE}.db", "Who?"],
        ["ask", f"--{TITLE}"],
        [BAD],
        ["demo", "Who?"],
    ):
        written = on_terminal(environment, *argv, script=[f"SELECT '{BAD}'"], SQLAGENT_HOME=str(home))
        assert raw(written) == [], argv
        assert "Traceback" not in written, argv


def test_a_file_gets_the_bytes_that_the_database_holds(db: Path) -> None:
    env = {**os.environ, "FAKE_SCRIPT": json.dumps([STATEMENT])}
    command = [sys.executable, str(FAKE), "ask", str(db), "How many rows?", "--anyway", "-f", "csv"]
    done = subprocess.run(command, env=env, capture_output=True, check=True)
    assert BAD.encode() in done.stdout


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_json_on_a_terminal_escapes_what_nobody_sees_and_means_the_same(db: Path, format: str) -> None:
    written = on_terminal("colours", str(db), "-f", format, stdin=f"SELECT '{BAD}' AS a;".encode())
    (line,) = (line for line in written.splitlines() if "owned" in line)
    assert json.loads(line.strip())["a"] == BAD


def test_schema_keeps_its_lines_on_a_terminal(db: Path) -> None:
    written = on_terminal("NO_COLOR", str(db), stdin=b".schema\n")
    assert "\\n" not in written
    assert re.search(r"\r\n +last +TEXT", written)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_the_prompt_shows_what_is_typed_and_completed_without_obeying_it(db: Path, no_color: str) -> None:
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(
        sys.executable,
        [str(FAKE), str(db)],
        env={**os.environ, "FAKE_SCRIPT": json.dumps([STATEMENT]), "TERM": "xterm", "NO_COLOR": no_color,
             "PROMPT_TOOLKIT_NO_CPR": "1"},
        encoding="utf-8",
        timeout=30,
        dimensions=(40, 200),
    )  # fmt: skip
    seen = io.StringIO()
    child.logfile_read = seen
    child.expect("sqlagent>")
    child.send(f"SELECT '{BIDI}' AS typed;\r")
    child.expect("typed")
    child.expect(r"\| +typed|typed +\|")
    child.send("\\d \t")
    child.expect("owned")
    child.send("\r")
    child.expect("sqlagent>")
    child.send("\x04")
    child.expect(pexpect.EOF)
    child.close()
    assert not set(seen.getvalue()) & set("\x07\x9b\x9d\u202e\u2066\u200b\U000e0041")
    assert "\x1b]" not in seen.getvalue() and "\x1b[45;95m" not in seen.getvalue()


# ---- the writer --------------------------------------------------------------------------------------------


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_writer_lets_only_our_colours_through() -> None:
    tty = Tty()
    terminal.out([BAD + "\n", Painted(f"\x1b[31mred\x1b[0m{TITLE}\n")], tty)
    assert raw(tty.getvalue()) == []
    assert "\x1b[31mred\x1b[0m" in tty.getvalue()
    plain = io.StringIO()
    terminal.out([BAD], plain)
    assert plain.getvalue() == BAD


def test_what_is_painted_is_made_visible_first() -> None:
    assert harmless(paint(BAD, 31)).count("\x1b") == 2


@pytest.mark.parametrize("closed", [[1], [2], [0, 2], [0, 1, 2]])
def test_without_stderr_nothing_else_gets_into_the_data(db: Path, tmp_path: Path, closed: list[int]) -> None:
    out = tmp_path / "out.csv"
    shell = " ".join(f"{number}>&-" if number else "<&-" for number in closed)
    env = {**os.environ, "FAKE_SCRIPT": json.dumps(["SELECT 1 AS id"])}
    for argv, data in (
        (f"ask '{db}' 'How many rows?' --anyway --limit 1 -v -f csv", "id\n1\n"),
        (f"ask '{db}.missing' 'How many rows?'", ""),
        ("models pull tiny --offline", ""),
    ):
        to = "" if 1 in closed else f"> '{out}'"
        command = f"'{sys.executable}' '{FAKE}' {argv} {to} {shell}"
        done: Any = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, timeout=60)
        assert done.stdout == ""
        assert 1 in closed or out.read_text() == data
