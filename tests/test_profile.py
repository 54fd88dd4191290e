"""A well-known application's file is read under a person's words, with its codes by name, without its dead columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import profile_files
import pytest
from fake_model import FakeModel

from sqlagent.agent.agent import Agent
from sqlagent.agent.column_meaning import ColumnMeaning
from sqlagent.database import profile, schema
from sqlagent.database.folding import fold
from sqlagent.grammar import Acceptor

NAMES = profile_files.NAMES


def opened(name: str, folder: Path, script: list[str] | None = None, without: str = "") -> Agent:
    path = profile_files.build(name, folder / f"{name}.sqlite", without=without)
    return Agent(path, FakeModel(script or ["SELECT 1"]))


def meaning_of(agent: Agent) -> ColumnMeaning:
    found = agent.meaning()
    assert found is not None
    return found


def test_every_profile_has_a_file_to_be_tried_on() -> None:
    made = {path.stem for path in Path(profile.__file__).parent.parent.joinpath("profiles").glob("*.toml")}
    assert made == set(NAMES) and len(made) >= 12


@pytest.mark.parametrize("name", NAMES)
def test_starter_questions_are_written_under_the_grammar_run_and_find_rows(name: str, tmp_path: Path) -> None:
    with opened(name, tmp_path) as asked:
        meaning = meaning_of(asked)
        assert meaning.profile is not None and meaning.names is not None
        questions = meaning.profile.questions
        assert len(questions) == 5 or name in ("core_data", "geopackage")
        assert len({question for question, _ in questions}) == len(questions)
        reading = Acceptor(meaning.meant)
        for question, sql in questions:
            rows = asked.run_sql(meaning.lower(sql, lambda _: True).sql).rows
            assert rows and rows[0][0] is not None, question
            assert reading.accepts(sql) or "||" in sql, sql


def _columns() -> Iterator[tuple[str, str]]:
    for name in NAMES:
        for line in profile_files.tables(name):
            if "UNIQUE (" in line or "PRIMARY KEY (" in line or line.startswith("VIRTUAL"):
                continue
            table, _, body = line.partition(" ")
            for part in body.strip("()").split(", "):
                if "PRIMARY" not in part and "UNIQUE" not in part and "REFERENCES" not in part:
                    yield name, f"{table.strip(chr(34))}.{part.split()[0].strip(chr(34))}"


@pytest.mark.parametrize(("name", "column"), list(_columns())[::7])
def test_a_version_without_a_column_does_no_harm(name: str, column: str, tmp_path: Path) -> None:
    with opened(name, tmp_path, without=column) as asked:
        meaning = meaning_of(asked)
        assert meaning.meant.tables
        for table in meaning.meant.tables:
            sql = f'SELECT COUNT(*) FROM "{table.name}"'
            asked.run_sql(meaning.lower(sql, lambda _: True).sql)


# ---- spoken names ----

_WORDS = (
    "average avg mean median highest lowest total totals sum count counts number numbers maximum max minimum min "
    "most least first last latest earliest newest oldest longest shortest largest smallest biggest best worst top "
    "share percentage percent ratio difference growth rank"
)
ASKED_FOR = frozenset(_WORDS.split())
"""Words by which a question asks for something to be worked out: a column of that name is shown in its place."""


@pytest.mark.parametrize("name", NAMES)
def test_no_spoken_name_is_a_word_that_asks_for_something_to_be_worked_out(name: str, tmp_path: Path) -> None:
    with opened(name, tmp_path) as asked:
        meaning = meaning_of(asked)
        assert meaning.names is not None
        given = [table.name for table in meaning.meant.tables if meaning.names.table(table.name)]
        for table in meaning.meant.tables:
            known = meaning.names.table(table.name)
            if known is not None:
                given += [
                    c.name
                    for c in table.columns
                    if not known.stored or fold(c.name) in map(fold, known.columns)
                ]
        assert given
        assert ASKED_FOR.isdisjoint(map(fold, given)), ASKED_FOR.intersection(map(fold, given))


def answers(name: str, folder: Path, sql: str) -> list[tuple[object, ...]]:
    with opened(name, folder, [sql]) as asked:
        return asked.ask("What is it?", anyway=True).rows


ANSWERS = [json.loads(line) for line in (Path(__file__).parent / "data/profile_answers.jsonl").open()]


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: f"{case['name']}: {case['sql'][:60]}")
def test_what_is_asked_in_a_persons_words_is_answered(case: dict[str, Any], tmp_path: Path) -> None:
    with opened(case["name"], tmp_path, [case["sql"]]) as asked:
        rows = asked.ask("What is it?", anyway=True).rows
    assert [[round(c, 6) if isinstance(c, float) else c for c in row] for row in rows] == case["rows"]


@pytest.mark.parametrize(
    ("spoken", "stored"),
    [
        ("SELECT COUNT(*) FROM layers", "SELECT COUNT(*) FROM gpkg_contents"),
        ("SELECT layer FROM layers", "SELECT table_name AS layer FROM gpkg_contents"),
        ("SELECT layers.layer FROM layers", "SELECT layers.table_name AS layer FROM gpkg_contents AS layers"),
        ("SELECT l.layer AS x FROM layers AS l", "SELECT l.table_name AS x FROM gpkg_contents AS l"),
        (
            "SELECT n FROM (SELECT layer AS n FROM layers)",
            "SELECT n FROM (SELECT table_name AS n FROM gpkg_contents)",
        ),
        (
            "SELECT layer FROM (SELECT layer FROM layers)",
            "SELECT layer FROM (SELECT table_name AS layer FROM gpkg_contents)",
        ),
        ("SELECT layer FROM (SELECT * FROM layers)", "SELECT table_name AS layer FROM (SELECT * FROM gpkg_contents)"),
        ("SELECT COUNT(*) AS table_name FROM layers GROUP BY kind ORDER BY table_name",
         "SELECT COUNT(*) AS table_name_ FROM gpkg_contents GROUP BY data_type ORDER BY table_name_"),
        ("SELECT species FROM trees", "SELECT species FROM trees"),
        ("this is no statement", "this is no statement"),
    ],
)  # fmt: skip
def test_a_statement_is_written_in_the_names_of_the_file(spoken: str, stored: str, tmp_path: Path) -> None:
    from sqlagent.lowering.stored_names import in_stored_names

    with opened("geopackage", tmp_path) as asked:
        names = meaning_of(asked).names
        assert names is not None
        assert in_stored_names(spoken, names) == stored
        if stored.startswith("SELECT"):
            asked.prepare(stored)


def test_dead_columns_and_tables_are_not_shown_but_may_be_typed(tmp_path: Path) -> None:
    with opened("anki", tmp_path) as asked:
        meaning = meaning_of(asked)
        assert meaning.profile is not None and meaning.profile.name == "Anki"
        assert meaning.meant.table("col") is None and meaning.meant.table("revlog") is None
        assert {table.name for table in meaning.meant.tables} == {"decks", "reviews", "cards", "notes"}
        assert asked.run_sql("SELECT MAX(reps) FROM cards").rows == [(23,)]


def test_stored_values_are_found_under_the_spoken_names(tmp_path: Path) -> None:
    model = FakeModel(["SELECT COUNT(*) FROM cards"])
    profile_files.build("anki", tmp_path / "a.sqlite")
    with Agent(tmp_path / "a.sqlite", model) as asked:
        asked.ask("How many cards are there in deck 17?")
    assert "decks.name = 'deck 17'" in model.prompts[0].request


def test_values_behind_a_query_are_found_though_their_table_is_hidden(tmp_path: Path) -> None:
    model = FakeModel(["SELECT COUNT(*) FROM state_changes"])
    profile_files.build("home_assistant", tmp_path / "h.sqlite")
    with Agent(tmp_path / "h.sqlite", model) as asked:
        assert asked.meant_schema().table("states_meta") is None
        entity = asked.run_sql("SELECT entity_id FROM states_meta ORDER BY metadata_id LIMIT 1").rows[0][0]
        said = entity.partition(".")[2].replace("_", " ")
        asked.ask(f"How many times did the {said} change?")
    assert f"= '{entity}'" in model.prompts[0].request


def test_the_statement_that_ran_and_its_scale_are_said(tmp_path: Path) -> None:
    with opened("anki", tmp_path, ["SELECT SUM(seconds) FROM reviews"]) as asked:
        answer = asked.ask("How many seconds did I review?")
        assert "stored as milliseconds" in answer.note and "/ 1000.0" in answer.sql
        assert "revlog" in answer.sql and answer.logical == "SELECT SUM(seconds) FROM reviews"
        assert asked.run_sql(answer.sql).rows == answer.rows


def test_a_file_of_no_known_application_has_no_profile() -> None:
    assert profile.profile_of(schema.from_ddl("CREATE TABLE cards (id); CREATE TABLE notes (id)")) is None
