"""A tour shows what is there, and each of its questions was run and gave rows."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sqlagent.agent.agent import Agent
from sqlagent.database import schema
from sqlagent.ui import demo_database, starter_questions, tour

FAKE = Path(__file__).with_name("fake_model.py")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(demo_database.build(tmp_path_factory.mktemp("demo") / "company.db"))


def parts(path: str | Path) -> tuple[dict[str, tour.Part], str]:
    with Agent(path) as agent:  # no model, and none is fetched
        return {part.name: part for part in tour.tour(agent)}, tour.summary(agent)


def test_ten_questions_that_were_run_and_gave_rows(db: str) -> None:
    found, head = parts(db)
    assert head == f"company.db: 4 tables, 92 rows, {Path(db).stat().st_size / 1e3:,.0f} KB."
    assert [part for part in found] == ["tables", "since", "questions"]
    questions = found["questions"].rows
    assert len(questions) == 10 and len({row[1] for row in questions}) == 10
    with sqlite3.connect(db) as connection:
        for _, question, _, sql in questions:
            assert str(question).endswith("?") and connection.execute(str(sql)).fetchall()
    assert ("employees.hire_date", "2012-03-01", "2023-03-27") in found["since"].rows
    assert found["tables"].rows[0][:3] == ("employees", 42, 7)


def test_odd_columns_are_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "odd.db") as connection:
        connection.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b TEXT, c TEXT, d, e TEXT, fine INTEGER)"
        )
        connection.executemany(
            "INSERT INTO t (a, b, c, d, e, fine) VALUES (NULL, '', 'x', ?, ?, ?)",
            [(5 if i % 2 else "five", "rare" if i == 7 else None, i) for i in range(100)],
        )
    odd = dict(parts(tmp_path / "odd.db")[0]["odd"].rows)
    assert odd == {
        "t.a": "NULL in every row",
        "t.b": "empty in every row",
        "t.c": "the same value in every row",
        "t.d": "50 numbers among 50 texts",
        "t.e": "empty in 99% of the rows",
    }


def test_times_that_are_stored_as_numbers_are_shown_as_times(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "times.db") as connection:
        connection.execute("CREATE TABLE visits (id INTEGER PRIMARY KEY, visit_date INTEGER, url TEXT)")
        connection.executemany(
            "INSERT INTO visits (visit_date, url) VALUES (?, ?)",
            [(1_600_000_000_000_000 + i * 86_400_000_000, f"http://{i}") for i in range(400)],
        )
    found, _ = parts(tmp_path / "times.db")
    assert [row[1][:10] for row in found["since"].rows] == ["2020-09-13"]  # type: ignore[index]
    asked = {str(row[1]): str(row[2]) for row in found["questions"].rows}
    assert asked["How many visits were there in each year, by visit date?"].startswith("2020, ")


def test_an_applications_own_questions_come_first(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = (("How many people are there?", "SELECT COUNT(*) FROM employees"), ("Nothing?", "SELECT 1 WHERE 0"))
    with Agent(db) as agent:
        meaning: Any = agent.meaning()
        meaning.profile = SimpleNamespace(name="Company", questions=own)
        found = {part.name: part for part in tour.tour(agent, questions=3)}
        assert "These are the tables of Company." in tour.summary(agent)
    assert found["questions"].rows[0][1:3] == ("How many people are there?", "42")
    assert "Nothing?" not in {row[1] for row in found["questions"].rows}


def test_an_empty_database_has_a_tour(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "empty.db") as connection:
        connection.execute("CREATE TABLE t (a)")
    found, head = parts(tmp_path / "empty.db")
    assert "1 table, 0 rows" in head and "questions" not in found


def test_keys_are_not_summed_and_names_are_quoted() -> None:
    found = schema.from_ddl('CREATE TABLE "order" (id INTEGER PRIMARY KEY, "unit price" REAL, zip INTEGER)')
    asked = [sql for _, sql in starter_questions.proposed(found)]
    assert asked == ['SELECT COUNT(*) FROM "order"']  # without values nobody knows what the columns hold


def test_on_the_command_line_and_at_the_prompt(db: str) -> None:
    def run(*argv: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "FAKE_SCRIPT": json.dumps(["SELECT 1"])}
        return subprocess.run(
            [sys.executable, str(FAKE), *argv],
            input=typed,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )

    done = run("tour", db)
    assert done.returncode == 0 and "Questions that have answers" in done.stdout
    lines = run("tour", db, "-f", "jsonl").stdout.splitlines()
    assert {json.loads(line)["part"] for line in lines} == {"tables", "since", "questions"}
    done = run(db, "-f", "csv", typed="\\tour\n\\tour 1\n\\tour 11\n")
    assert "Which departments have the most employees?" in done.stdout
    assert "name,COUNT(*)\nEngineering,11\n" in done.stdout
    assert "There is no question 11" in done.stderr and done.returncode == 2 or done.returncode == 1


def test_names_of_tables_are_said_of_several_rows() -> None:
    names = ("InvoiceLine", "employees", "Category", "box", "address", "sales_person", "day", "staff", "t2")
    assert [starter_questions.several(name) for name in names] == [
        "invoice lines", "employees", "categories", "boxes", "addresses", "sales people", "days", "staff", "t 2"
    ]  # fmt: skip
