"""A person's notes on columns: kept, found again, and in what the model is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent.agent.agent import Agent
from sqlagent.base.errors import UsageError
from sqlagent.database import schema
from sqlagent.database.notes import BESIDE, Notes
from sqlagent.linking import prompt
from sqlagent.ui import demo_database

SHOP = 'CREATE TABLE t (a TEXT, b INTEGER PRIMARY KEY, "odd . name" TEXT)'


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path / "home"))


def test_a_note_is_there_the_next_time_and_can_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    Notes(path).write("t", "odd . name", 'says "hi" \\ é\x00 there\nand here')
    assert Notes(path).all() == {("t", "odd . name"): 'says "hi" \\ é there and here'}
    Notes(path).write("T", "ODD . NAME", "")
    assert Notes(path).all() == {}
    assert Notes(tmp_path / "other.db").all() == {}
    assert [one.name for one in tmp_path.iterdir()] == ["home"]  # nothing is made beside a database


def test_a_file_beside_the_database_is_read_and_written(tmp_path: Path) -> None:
    beside = tmp_path / f"shop.db{BESIDE}"
    beside.write_text('[t]\na = "the first"\n')
    notes = Notes(tmp_path / "shop.db")
    assert notes.all() == {("t", "a"): "the first"}
    notes.write("t", "b", "the second")
    assert 'b" = "the second"' in beside.read_text()
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [("nonsense", "is no TOML"), ("a = 1", "no table of columns"), ("[t]\na = 1", "t.a is no text")],
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / f"shop.db{BESIDE}").write_text(text)
    with pytest.raises(UsageError, match=words):
        Notes(tmp_path / "shop.db").all()


def test_too_much_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="200 characters"):
        Notes(tmp_path / "shop.db").write("t", "a", "x" * 201)


def test_the_schema_keeps_its_identity_until_a_note_changes(tmp_path: Path) -> None:
    found, notes = schema.from_ddl(SHOP), Notes(tmp_path / "shop.db")
    assert notes.applied(found) is found
    notes.write("T", "A", "who pays */ DROP")
    noted = notes.applied(found)
    assert notes.applied(found) is noted and noted.fingerprint != found.fingerprint
    assert prompt.context(noted).startswith("CREATE TABLE t (a TEXT /* who pays * / DROP */, b INTEGER")
    notes.write("t", "b", "the key")
    assert "b INTEGER PRIMARY KEY /* the key */" in prompt.context(notes.applied(found))


def test_a_schema_without_notes_is_shown_as_before() -> None:
    found = schema.from_ddl(SHOP)
    assert prompt.context(found) == 'CREATE TABLE t (a TEXT, b INTEGER PRIMARY KEY, "odd . name" TEXT);\n\n'


def test_the_model_is_shown_a_note_in_the_cached_part_of_the_prompt(tmp_path: Path) -> None:
    database = demo_database.build(tmp_path / "company.db")
    model = FakeModel(["SELECT name FROM employees"])
    with Agent(database, model) as agent:
        agent.ask("Who is there?")
        agent.notes.write("employees", "salary", "what they cost the firm")
        agent.ask("Who is there?")
    assert "what they cost" not in model.prompts[0].context
    assert "salary INTEGER /* what they cost the firm */" in model.prompts[1].context


def test_a_question_in_the_words_of_a_note_is_not_refused(tmp_path: Path) -> None:
    database = demo_database.build(tmp_path / "company.db")
    with Agent(database, FakeModel(["SELECT name FROM employees"])) as agent:
        agent.notes.write("employees", "title", "their zodiac and horoscope")
        assert agent.ask("Which horoscope?").rows
