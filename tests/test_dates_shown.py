"""A person reads local dates however a file stores them; formats for programs and `--raw` hold what is stored."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent import Agent
from sqlagent.base.errors import UsageError
from sqlagent.ui import cli

NOON = 1_714_737_600_000  # 2024-05-03 12:00:00 UTC
BOTH = "SELECT seen_at, booked, name FROM visits WHERE id = 1"
Run = Callable[..., str]


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TZ", "UTC")
    path = tmp_path / "visits.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE visits (id INTEGER PRIMARY KEY, seen_at INTEGER, booked TEXT, name TEXT)"
    )
    connection.executemany(
        "INSERT INTO visits VALUES (?, ?, ?, ?)",
        [
            (i + 1, NOON + 86_400_000 * 9 * i, f"{25 - i % 20:02d}/{1 + i % 12:02d}/2023", f"N{i}")
            for i in range(30)
        ],
    )
    connection.commit()
    connection.close()
    return str(path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def _run(*argv: str, script: str = BOTH, stdin: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        assert cli.main(argv, model=FakeModel([script])) == 0
        return capsys.readouterr().out

    return _run


def test_a_table_shows_dates_as_one_reads_them(run: Run, db: str) -> None:
    shown = run("ask", db, "which visits?", "--anyway")
    assert "| 2024-05-03 12:00:00 | 2023-01-25 | N0   |" in shown


def test_raw_and_formats_for_programs_hold_what_is_stored(run: Run, db: str) -> None:
    stored = [NOON, "25/01/2023", "N0"]
    assert f"| {NOON} | 25/01/2023 | N0   |" in run("ask", db, "which visits?", "--anyway", "--raw")
    assert run("ask", db, "which visits?", "--anyway", "-f", "csv").splitlines()[1] == ",".join(
        map(str, stored)
    )
    [row] = json.loads(run("ask", db, "which visits?", "--anyway", "-f", "json"))
    assert list(row.values()) == stored
    assert json.loads(run("ask", db, "which visits?", "--anyway", "--json"))["rows"] == [stored]


def test_programs_get_local_dates_where_they_ask_for_them(run: Run, db: str) -> None:
    local = ["2024-05-03 12:00:00", "2023-01-25", "N0"]
    asked = ("ask", db, "which visits?", "--anyway", "--dates", "local")
    assert run(*asked, "-f", "csv").splitlines()[1] == ",".join(local)
    assert json.loads(run(*asked, "--json"))["rows"] == [local]
    stored = ("ask", db, "which visits?", "--anyway", "--dates", "stored")
    assert f"| {NOON} | 25/01/2023 | N0   |" in run(*stored)


def test_all_columns_are_shown_so_too(run: Run, db: str) -> None:
    everything = "SELECT * FROM visits WHERE id = 1"
    shown = run("ask", db, "which visits?", "--anyway", script=everything)
    assert "| 2024-05-03 12:00:00 | 2023-01-25 | N0   |" in shown
    assert f"{NOON},25/01/2023,N0" in run(
        "ask", db, "which visits?", "--anyway", "-f", "csv", script=everything
    )


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT MAX(seen_at) FROM visits WHERE id < 3", NOON + 86_400_000 * 9),
        ("SELECT COUNT(*) FROM visits WHERE seen_at >= '2024-05-12'", 29),
        ("SELECT strftime('%Y', seen_at) FROM visits WHERE id = 1", "2024"),
        ("SELECT name FROM visits ORDER BY booked LIMIT 1", "N12"),
    ],
)
def test_what_is_computed_is_the_same_either_way(db: str, sql: str, value: object) -> None:
    with Agent(db, FakeModel([sql]), dates="stored") as agent:
        assert agent.ask("which visits?", anyway=True).rows == [(value,)]


def test_the_prompt_follows_its_format(run: Run, db: str) -> None:
    said = run(db, stdin="which visits?\n\\format csv\nwhich visits?\n\\dates local\nwhich visits?\n")
    assert "| 2024-05-03 12:00:00 | 2023-01-25 | N0   |" in said
    assert f"{NOON},25/01/2023,N0" in said
    assert "2024-05-03 12:00:00,2023-01-25,N0" in said


def test_no_other_way_to_show_dates_is_taken(db: str) -> None:
    with pytest.raises(UsageError, match="local, stored"):
        Agent(db, FakeModel([BOTH]), dates="iso")
