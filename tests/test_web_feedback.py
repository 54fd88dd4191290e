"""Promises of feedback: what the page writes down is what training reads, and the last word about an answer counts."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

pytest.importorskip("sqlglot", reason="sqlglot is not installed: it is in the train and test extras")

import hostile

from sqlagent.database import schema
from sqlagent.ui import demo_database
from sqlagent.ui.web import feedback
from train import cli, data, flags, sources
from train.config import Config, Mix


def write(file: Path, database: Path, question: str, sql: str, verdict: str, **more: object) -> None:
    found = schema.read(database)
    feedback.record(file, schema=found, database="x", question=question, sql=sql, verdict=verdict, **more)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    company = demo_database.build(tmp_path / "company.db")
    made = tmp_path / "feedback.jsonl"
    write(made, company, "How many employees are there?", "SELECT COUNT(*) FROM employees", "up")
    write(made, company, "Which cities?", "SELECT name FROM departments", "down")
    write(
        made, company, "Which cities?", "SELECT name FROM departments", "down",
        corrected="SELECT DISTINCT city FROM departments",
    )  # fmt: skip
    write(made, company, "Who?", "SELECT title FROM employees", "down")
    write(made, company, "Names?", "SELECT name FROM projects", "up")
    write(made, company, "Names?", "SELECT name FROM projects", "down")
    write(made, company, "And in London?", "SELECT 1", "up", history=(("Names?", "SELECT 2"),))
    write(made, company, "Typo?", "SELECT 1", "down", corrected="SELECT nothing FROM employees")
    return made


def test_training_takes_what_is_right_and_counts_what_it_leaves(file: Path) -> None:
    config = cli._with_feedback(Config(), str(file))
    pipeline = data.Pipeline(config, None, quiet=True)
    found = {one.question: one.sql for one in pipeline.examples()}
    assert set(found) == {"How many employees are there?", "Which cities?"}
    assert "DISTINCT city" in found["Which cities?"]
    pairs = list(sources.read(Mix(name="feedback", kind="feedback", file=str(file)), Path(".")))
    assert len(pairs) == 6 and sum(not pair.sql for pair in pairs) == 3


def test_the_command_has_the_flag() -> None:
    with pytest.raises(SystemExit):
        cli._data(["--help"])
    assert isinstance(flags.parser("x", "y"), argparse.ArgumentParser)


@pytest.mark.parametrize("label, statements", list(hostile.hostile_schemas(3, large=False)))
def test_any_schema_is_declared_so_that_it_can_be_read_back(
    tmp_path: Path, label: str, statements: list[str]
) -> None:
    hostile.build(statements, tmp_path / "x.db").close()
    found = schema.read(tmp_path / "x.db")
    if not found.tables:
        return
    again = schema.from_ddl(feedback.declared(found))
    assert [t.name for t in again.tables] == [t.name for t in found.tables], label
    for before, after in zip(found.tables, again.tables, strict=True):
        assert [c.name for c in after.columns] == [c.name for c in before.columns], label
