"""A joined table of which nothing is used does not show the others' rows several times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent import Agent

DDL = """
CREATE TABLE gst (gst_id INTEGER PRIMARY KEY, nm TEXT, age INTEGER, ctry TEXT REFERENCES ctry(iso));
CREATE TABLE ctry (iso TEXT PRIMARY KEY, country TEXT);
CREATE TABLE rooms (no INTEGER PRIMARY KEY, floor INTEGER);
CREATE TABLE bkg (id INTEGER PRIMARY KEY, guest INTEGER REFERENCES gst(gst_id), room INTEGER REFERENCES rooms(no),
    nights INTEGER);
INSERT INTO ctry VALUES ('NL', 'Netherlands'), ('FR', 'France');
INSERT INTO gst VALUES (1, 'Bram', 31, 'NL'), (2, 'Femke', 25, 'NL'), (3, 'Luc', 44, 'FR'), (4, 'Zoe', 52, 'FR');
INSERT INTO rooms VALUES (1, 1), (2, 1), (3, 2);
INSERT INTO bkg VALUES (1, 1, 1, 2), (2, 1, 2, 1), (3, 2, 2, 5), (4, 2, 1, 5), (5, 3, 3, 1), (6, 3, 1, 2);
"""
BKG = "JOIN bkg ON gst.gst_id = bkg.guest"


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


@pytest.mark.parametrize(
    ("question", "sql", "rows", "made"),
    [
        (
            "guests from the Netherlands",
            f"SELECT gst.nm FROM gst {BKG} JOIN ctry ON gst.ctry = ctry.iso WHERE ctry.country = 'Netherlands'",
            [("Bram",), ("Femke",)],
            "SELECT gst.nm FROM gst JOIN ctry ON gst.ctry = ctry.iso WHERE ctry.country = 'Netherlands'",
        ),
        (
            "the guests, oldest first",
            f"SELECT gst.nm, gst.age FROM gst {BKG} ORDER BY gst.age DESC",
            [("Luc", 44), ("Bram", 31), ("Femke", 25)],  # Zoe has no booking
            "SELECT nm, age FROM gst WHERE gst_id IN (SELECT guest FROM bkg) ORDER BY age DESC",
        ),
        (
            "the two youngest guests over 20 or named Luc",
            "SELECT gst.nm FROM bkg JOIN gst ON bkg.guest = gst.gst_id WHERE gst.age > 20 OR gst.nm = 'Luc'"
            " ORDER BY gst.age LIMIT 2",
            [("Femke",), ("Bram",)],
            "SELECT nm FROM gst WHERE (age > 20 OR nm = 'Luc') AND gst_id IN (SELECT guest FROM bkg)"
            " ORDER BY age LIMIT 2",
        ),
        (
            "names of all guests",
            "SELECT gst.nm FROM gst LEFT JOIN bkg ON gst.gst_id = bkg.guest",
            [("Bram",), ("Femke",), ("Luc",), ("Zoe",)],
            "SELECT nm FROM gst",
        ),
        (
            "Dutch guests",  # rooms are reached through bookings, and nothing is said of them either
            f"SELECT gst.nm FROM gst {BKG} JOIN rooms ON bkg.room = rooms.no WHERE gst.ctry = 'NL'",
            [("Bram",), ("Femke",)],
            None,
        ),
    ],
)
def test_a_table_that_nothing_is_shown_of_repeats_no_row(
    path: Path, question: str, sql: str, rows: list[tuple[object, ...]], made: str | None
) -> None:
    with Agent(path, FakeModel([sql])) as agent:
        answer = agent.ask(question, anyway=True)
    assert sorted(answer.rows) == sorted(rows) and [one.rule for one in answer.amendments] == ["unused_join"]
    assert made is None or answer.sql == made


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("how many of them", f"SELECT COUNT(*) FROM gst {BKG} WHERE gst.ctry = 'NL'"),
        ("how many", f"SELECT gst.nm, COUNT(*) FROM gst {BKG} GROUP BY gst.gst_id"),
        ("how many", f"SELECT COUNT(gst.nm) FROM gst {BKG}"),
        ("those with more than one", f"SELECT gst.nm FROM gst {BKG} GROUP BY gst.gst_id HAVING COUNT(*) > 1"),
        ("total age", f"SELECT SUM(gst.age) FROM gst {BKG}"),
        ("different guests", f"SELECT DISTINCT gst.nm FROM gst {BKG}"),
        ("who stayed longest", f"SELECT gst.nm FROM gst {BKG} ORDER BY bkg.nights DESC LIMIT 2"),
        ("guests of three nights or more", f"SELECT gst.nm FROM gst {BKG} WHERE bkg.nights > 2"),
        ("guest and nights", f"SELECT gst.nm, bkg.nights FROM gst {BKG}"),
        ("country of guests", "SELECT gst.nm FROM gst JOIN ctry ON gst.ctry = ctry.iso"),
        ("the floor of guests", f"SELECT gst.nm, rooms.floor FROM gst {BKG} JOIN rooms ON bkg.room = rooms.no"),
        ("the guest of each visit", f"SELECT gst.nm FROM gst {BKG}"),
        ("guests of all bkg", f"SELECT gst.nm FROM gst {BKG}"),
        ("everything of guests", f"SELECT * FROM gst {BKG}"),
    ],
)  # fmt: skip
def test_what_may_be_asked_of_the_joined_rows_stays(path: Path, question: str, sql: str) -> None:
    with Agent(path, FakeModel([sql])) as agent:
        answer = agent.ask(question, anyway=True)
    assert "unused_join" not in [one.rule for one in answer.amendments]


def test_a_join_that_repeats_nothing_here_stays(small_database: Callable[[str], Path]) -> None:
    once = DDL[: DDL.index("INSERT INTO bkg")] + "INSERT INTO bkg VALUES (1, 1, 1, 2), (2, 2, 2, 1);"
    with Agent(small_database(once), FakeModel([f"SELECT gst.nm FROM gst {BKG}"])) as agent:
        answer = agent.ask("names of guests", anyway=True)
    assert answer.amendments == () and answer.rows == [("Bram",), ("Femke",)]
