"""The agent shows the model columns as they are meant, runs what is right for how they are stored, and says so."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent.agent.agent import Agent

DAY = 86_400_000_000
MAY = 1_714_694_400_000_000
"""2024-05-03 in microseconds since 1970."""


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    path = tmp_path / "places.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url TEXT, title TEXT);"
        "CREATE TABLE moz_visits (id INTEGER PRIMARY KEY, place_id INTEGER, visit_date INTEGER, rating TEXT);"
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, written DATE);"
    )
    for i in range(40):
        connection.execute(
            "INSERT INTO moz_places VALUES (?, ?, ?)", (i, f"http://a.example/{i}", f"page {i}")
        )
        rating = "N/A" if i % 4 == 0 else str(i * 3)
        connection.execute(
            "INSERT INTO moz_visits VALUES (?, ?, ?, ?)", (i, i % 9, MAY + (i - 20) * DAY, rating)
        )
        connection.execute("INSERT INTO notes VALUES (?, ?)", (i, f"2024-05-{i % 28 + 1:02}"))
    connection.commit()
    connection.close()
    return path


def test_the_model_sees_dates_and_numbers_and_keys_nobody_declared(browser: Path) -> None:
    model = FakeModel(["SELECT COUNT(*) FROM moz_visits"])
    with Agent(browser, model) as asked:
        asked.ask("How many visits were there?")
    shown = model.prompts[0].context
    assert "visit_date date /* '2024-04-13' */" in shown
    assert "rating INTEGER" in shown and "place_id INTEGER REFERENCES moz_places(id)" in shown
    assert "written date /* '2024-05-01' */" in shown


def test_the_statement_that_runs_is_shown_and_the_note_says_why(browser: Path) -> None:
    logical = "SELECT COUNT(*) FROM moz_visits WHERE visit_date LIKE '2024-05%'"
    with Agent(browser, FakeModel([logical]), amend="pitfalls") as asked:
        answer = asked.ask("How many visits were there in May 2024?")
        assert answer.rows == [(22,)]
        assert answer.logical == answer.meant_sql == logical and "strftime('%s'" in answer.sql
        assert "visit_date is stored as microseconds since 1970" in answer.note
        assert asked.run_sql(answer.sql).rows == answer.rows
        assert asked.run_sql(logical).rows == [(0,)], "what a person types is run as it is typed"


def test_a_result_says_how_its_column_is_stored(browser: Path) -> None:
    with Agent(browser, FakeModel(["SELECT place_id, MAX(visit_date) FROM moz_visits"])) as asked:
        answer = asked.ask("Which was the last visit?")
    assert answer.rows[0][1] in ("2024-05-22", "2024-05-22 00:00:00")
    assert answer.columns == ("place_id", "MAX(visit_date)")
    assert answer.stored_as[0] is None and answer.stored_as[1] is not None


def test_numbers_in_text_are_compared_as_numbers(browser: Path) -> None:
    with Agent(browser, FakeModel(["SELECT MAX(rating), AVG(rating) FROM moz_visits"])) as asked:
        (row,) = asked.ask("What is the highest rating?").rows
    numbers = [i * 3 for i in range(40) if i % 4]
    assert row == (max(numbers), sum(numbers) / len(numbers))


def test_a_date_or_a_word_for_nothing_is_not_taken_for_a_misspelt_stored_text(tmp_path: Path) -> None:
    path = tmp_path / "visits.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE visits (id INTEGER PRIMARY KEY, day TEXT, phone TEXT)")
    for i in range(40):
        row = (i, f"{i % 28 + 1:02}/{i % 12 + 1:02}/2024", "N/A" if i % 4 == 0 else f"0{i}")
        connection.execute("INSERT INTO visits VALUES (?, ?, ?)", row)
    connection.commit()
    connection.close()
    script = [
        "SELECT COUNT(*) FROM visits WHERE day > '2024-05-04'",
        "SELECT COUNT(*) FROM visits WHERE phone != ''",
    ]
    with Agent(path, FakeModel(script)) as asked:
        later = sum((i % 12 + 1, i % 28 + 1) > (5, 4) for i in range(40))
        assert asked.ask("How many visits were there after 4 May 2024?").rows == [(later,)]
        assert asked.ask("How many visits have a phone number?").rows == [(30,)]


def test_lowering_can_be_switched_off(browser: Path) -> None:
    model = FakeModel(["SELECT COUNT(*) FROM moz_visits WHERE visit_date LIKE '2024-05%'"])
    with Agent(browser, model, lowering=False) as asked:
        answer = asked.ask("How many visits were there in May 2024?")
        assert answer.rows == [(0,)] and answer.logical == ""
        assert "visit_date INTEGER" in model.prompts[0].context


def test_a_plain_database_is_shown_byte_for_byte_as_before(tmp_path: Path) -> None:
    path = tmp_path / "plain.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT, year INTEGER, shown DATE, price REAL)"
    )
    rows = [(i, f"film {i}", 1990 + i, f"2020-01-{i + 1:02}", i / 3) for i in range(25)]
    connection.executemany("INSERT INTO films VALUES (?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    with Agent(path, FakeModel(["SELECT 1"])) as asked:
        meaning = asked.meaning()
        assert meaning is not None and meaning.meant is meaning.schema
