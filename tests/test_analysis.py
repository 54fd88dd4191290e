"""Patterns of analysis that a question names are proposed; the same words about something else change nothing."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fake_model import ROOT, FakeModel, candidate
from rule_context import about

from sqlagent import Agent
from sqlagent.amend.rules import SUPPLIED

DDL = """
CREATE TABLE players (id INTEGER PRIMARY KEY, name TEXT, team TEXT, goals INTEGER);
INSERT INTO players VALUES (1, 'Abe', 'Reds', 12), (2, 'Bix', 'Reds', 9), (3, 'Cal', 'Reds', 2), (4, 'Dov', 'Blues', 9),
    (5, 'Elo', 'Blues', 12), (6, 'Fay', 'Blues', 1);
CREATE TABLE workers (id INTEGER PRIMARY KEY, name TEXT, pay INTEGER, boss_id INTEGER REFERENCES workers (id));
INSERT INTO workers VALUES (1, 'Meg', 50, NULL), (2, 'Ned', 60, 1), (3, 'Pia', 40, 1), (4, 'Sol', 45, 3);
CREATE TABLE folk (id INTEGER PRIMARY KEY, name TEXT, born DATE);
INSERT INTO folk VALUES (1, 'Old', '1950-01-01'), (2, 'New', '2001-05-05');
CREATE TABLE sales (id INTEGER PRIMARY KEY, at DATETIME, shop TEXT, amount REAL);
INSERT INTO sales VALUES (1, '2023-01-02 10:00:00', 'N', 10), (2, '2023-01-02 11:00:00', 'S', 20),
    (3, '2023-02-03 10:30:00', 'N', 5), (4, '2024-02-04 10:45:00', 'S', 40);
CREATE TABLE couriers (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE trips (id INTEGER PRIMARY KEY, courier_id INTEGER REFERENCES couriers (id), late INTEGER, fee REAL);
INSERT INTO couriers VALUES (1, 'Ann'), (2, 'Vic');
INSERT INTO trips VALUES (1, 1, 1, 3), (2, 1, 1, 3), (3, 1, 0, 3), (4, 1, 0, 3), (5, 2, 1, 9);
CREATE TABLE stops (id INTEGER PRIMARY KEY, trip_id INTEGER REFERENCES trips (id), place TEXT);
CREATE TABLE loans (id INTEGER PRIMARY KEY, lent DATE, back DATE);
INSERT INTO loans VALUES (1, '2023-12-27', '2024-01-06'), (2, '2024-03-01', '2024-03-21');
INSERT INTO stops VALUES (1, 1, 'A'), (2, 1, 'A'), (3, 2, 'A'), (4, 5, 'B');
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("analysis") / "a.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(DDL)
    connection.close()
    return path


def proposed(path: Path, question: str, sql: str) -> dict[str, str]:
    """What each rule makes of a statement, where it changes it."""
    connection = sqlite3.connect(path)
    asked = about(path, connection, question, date(2026, 11, 28))
    assert asked.accepts(sql), sql
    made = {name: rule(asked.statements.read(sql), asked) for name, rule in SUPPLIED.items()}
    connection.close()
    assert all(one.note for one in made.values() if one.sql != sql)
    return {name: one.sql for name, one in made.items() if one.sql != sql}


PAIRS = [
    json.loads(line) for line in (ROOT / "tests" / "data" / "analysis.jsonl").read_text("utf-8").splitlines()
]
"""What a model wrote for a question; the rule that proposes another statement with its rows, or "" where none does."""


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair["rule"]], ids=lambda pair: pair["question"])
def test_a_pattern_is_proposed_and_taken(path: Path, pair: dict[str, Any]) -> None:
    assert pair["rule"] in proposed(path, pair["question"], pair["written"])
    with Agent(path, FakeModel([pair["written"]])) as agent:
        answer = agent.ask(pair["question"], anyway=True)
    assert sorted(map(list, answer.rows), key=repr) == sorted(pair["rows"], key=repr)
    assert pair["rule"] in [one.rule for one in answer.amendments]
    assert answer.written == pair["written"]


@pytest.mark.parametrize(
    "pair", [pair for pair in PAIRS if not pair["rule"]], ids=lambda pair: pair["question"]
)
def test_what_does_not_call_for_one_stays(path: Path, pair: dict[str, Any]) -> None:
    assert proposed(path, pair["question"], pair["written"]) == {}


def test_every_pattern_has_pairs_of_both_kinds() -> None:
    # Their pairs are in test_periods, test_named_rows, test_held_elsewhere, test_messy_readings, test_messy_mends and
    # tests called like them.
    others = {
        "period",
        "elsewhere",
        "of_the_whole",
        "one_of",
        "apart",
        "first_listed",
        "not_itself",
        "next_row",
        "listed_too",
        "sets_by_name",
        "said_column",
        "unused_word",
        "signed_amounts",
        "units",
        "worth",
        "named_kind",
        "level",
        "never_dated",
        "one_extreme",
        "not_one_group",
        "tables_of_years",
        "twin_table",
    }
    assert {pair["rule"] for pair in PAIRS} == {"", *SUPPLIED} - others


def test_what_is_proposed_speaks_for_the_same_statement_of_the_model(path: Path) -> None:
    joined = "FROM trips JOIN stops ON trips.id = stops.trip_id WHERE stops.place = 'A'"
    counted, once = f"SELECT COUNT(*) {joined}", f"SELECT COUNT(DISTINCT trips.id) {joined}"
    model = FakeModel([counted, [candidate(once, logprob=-1.0)]])  # less likely by half, and heard no better
    with Agent(path, model) as agent:
        answer = agent.ask("How many trips stopped at A?", anyway=True)
    assert (answer.sql, answer.rows, answer.amendments) == (once, [(2,)], ())
    with Agent(path, FakeModel([counted, [candidate(once, logprob=-1.0)]])) as agent:
        assert agent.ask("How many stops of trips were at A?", anyway=True).rows == [(3,)]


def test_what_several_statements_suggest_is_as_likely_as_the_likeliest_makes_it(path: Path) -> None:
    question, written = (
        "The two most expensive trips of each courier",
        "SELECT courier_id, MAX(fee) FROM trips",
    )
    named = "SELECT couriers.name, MAX(trips.fee) FROM trips JOIN couriers ON trips.courier_id = couriers.id"
    script = [
        candidate(f"{written} GROUP BY courier_id", logprob=-1.0),
        [candidate(f"{named} GROUP BY trips.courier_id", logprob=-8.0)],
    ]
    with Agent(path, FakeModel(script)) as agent:
        answer = agent.ask(question, anyway=True)
    assert answer.columns == ("name", "id", "fee") and len(answer.rows) == 5
    leads = SUPPLIED["group_names"].lead + SUPPLIED["in_groups"].lead
    assert max(one.logprob for one in answer.tried if one.sql == answer.sql) == pytest.approx(leads - 1.0)
