"""A well-known application's file is read with its codes by name, in its scales, without its dead columns."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent.agent.agent import Agent
from sqlagent.database import profile, schema

ANKI = """
CREATE TABLE col (id INTEGER PRIMARY KEY, crt INTEGER, usn INTEGER);
CREATE TABLE decks (id INTEGER PRIMARY KEY, name TEXT, usn INTEGER);
CREATE TABLE notes (id INTEGER PRIMARY KEY, flds TEXT, usn INTEGER, mid INTEGER);
CREATE TABLE cards (id INTEGER PRIMARY KEY, nid INTEGER, did INTEGER, usn INTEGER, queue INTEGER, type INTEGER);
CREATE TABLE revlog (id INTEGER PRIMARY KEY, cid INTEGER, usn INTEGER, ease INTEGER, time INTEGER, type INTEGER);
CREATE TABLE graves (oid INTEGER, usn INTEGER);
"""


@pytest.fixture
def anki(tmp_path: Path) -> Path:
    path = tmp_path / "collection.anki2"
    connection = sqlite3.connect(path)
    connection.executescript(ANKI)
    first = 1_714_694_400_000  # 2024-05-03
    for i in range(24):
        connection.execute("INSERT INTO decks VALUES (?, ?, 0)", (first + i, f"deck {i}"))
        connection.execute("INSERT INTO notes VALUES (?, 'x', 0, 1)", (first + 60_000 * i,))
        row = (first + 70_000 * i, first + 60_000 * i, first + i % 3, i, -1 if i % 6 == 0 else 2, 2)
        connection.execute("INSERT INTO cards VALUES (?, ?, ?, ?, ?, ?)", row)
        row = (first + 86_400_000 * i, first + 70_000 * i, 0, 1 + i % 4, 1000 * i, 1)
        connection.execute("INSERT INTO revlog VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.commit()
    connection.close()
    return path


def test_codes_are_shown_asked_for_and_answered_by_name(anki: Path) -> None:
    script = [
        "SELECT COUNT(*) FROM cards WHERE queue = 'suspended'",
        "SELECT COUNT(*) FROM cards WHERE queue IN ('suspended', 'review')",
        "SELECT queue, COUNT(*) FROM cards GROUP BY queue ORDER BY COUNT(*)",
        "SELECT COUNT(*) FROM cards WHERE queue = -1",
    ]
    model = FakeModel(script)
    with Agent(anki, model) as asked:
        assert asked.ask("How many cards are suspended?").rows == [(4,)]
        assert "queue TEXT /* 'buried by hand', 'buried', 'suspended'" in model.prompts[0].context
        assert asked.ask("How many cards are suspended or in review?").rows == [(24,)]
        assert asked.ask("How many cards are in each queue?").rows == [("suspended", 4), ("review", 20)]
        assert asked.ask("How many cards have queue -1?").rows == [(4,)], "the code itself is understood, too"


def test_a_scale_is_taken_out(anki: Path) -> None:
    model = FakeModel(["SELECT SUM(time) FROM revlog", "SELECT COUNT(*) FROM revlog WHERE time > 20"])
    with Agent(anki, model) as asked:
        answer = asked.ask("How many seconds did I review?")
        assert answer.rows == [(sum(range(24)),)]
        assert "1000 times the seconds" in answer.note
        assert asked.ask("How many reviews took more than 20 seconds?").rows == [(3,)]


def test_a_key_that_is_a_time_is_compared_with_dates_and_joins_as_it_is(anki: Path) -> None:
    script = [
        "SELECT COUNT(*) FROM revlog WHERE id LIKE '2024-05-0%' AND DATE(id) >= '2024-05-05'",
        "SELECT COUNT(*) FROM revlog WHERE id >= '2024-05-05'",
        "SELECT COUNT(*) FROM revlog JOIN cards ON revlog.cid = cards.id",
        "SELECT MAX(id) FROM revlog",
    ]
    with Agent(anki, FakeModel(script)) as asked:
        asked.ask("one")
        assert asked.ask("How many reviews have there been since 5 May 2024?").rows == [(22,)]
        assert asked.ask("How many reviews have a card?").rows == [(24,)]
        assert isinstance(asked.ask("Which review is the last?").rows[0][0], int)


def test_dead_columns_and_tables_are_not_shown_but_may_be_typed(anki: Path) -> None:
    with Agent(anki, FakeModel(["SELECT 1"])) as asked:
        meaning = asked.meaning()
        assert meaning is not None and meaning.profile is not None and meaning.profile.name == "Anki"
        assert meaning.meant.table("graves") is None
        cards = meaning.meant.table("cards")
        assert cards is not None and cards.column("usn") is None
        assert {key.ref_table for key in cards.foreign_keys} == {"notes", "decks"}
        assert asked.run_sql("SELECT MAX(usn) FROM cards").rows == [(23,)]


def test_another_version_of_the_application_does_no_harm() -> None:
    older = schema.from_ddl("".join(ANKI.splitlines(keepends=True)).replace(", queue INTEGER", ""))
    found = profile.profile_of(older)
    assert found is not None and ("cards", "queue") not in found.facts and ("cards", "type") in found.facts


def test_a_file_of_no_known_application_has_no_profile() -> None:
    assert profile.profile_of(schema.from_ddl("CREATE TABLE cards (id); CREATE TABLE notes (id)")) is None
