"""Numbers that UNION would merge are told apart, and sets of keys are shown by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent import Agent

DDL = """
CREATE TABLE farms (id INTEGER PRIMARY KEY, name TEXT, county TEXT);
CREATE TABLE vets (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE visits (id INTEGER PRIMARY KEY, farm_id INTEGER REFERENCES farms(id), vet_id INTEGER REFERENCES vets(id),
    cost REAL, kind TEXT);
INSERT INTO farms VALUES (1, 'Oak', 'Kent'), (2, 'Elm', 'Kent'), (3, 'Ash', 'Devon');
INSERT INTO vets VALUES (1, 'Ann'), (2, 'Bo');
INSERT INTO visits VALUES (1, 1, 1, 10, 'check'), (2, 1, NULL, 20, 'birth'), (3, 3, 1, 30, 'check');
"""
KENT = "FROM visits JOIN farms ON visits.farm_id = farms.id WHERE farms.county = 'Kent'"
DEVON = KENT.replace("Kent", "Devon")


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (f"SELECT COUNT(*) {KENT} UNION SELECT COUNT(*) {DEVON}", [("Devon", 1), ("Kent", 2)]),
        (
            f"SELECT SUM(cost) {KENT} UNION SELECT SUM(cost) {DEVON}",
            [("Devon", 30.0), ("Kent", 30.0)],
        ),  # one row else
        (f"SELECT COUNT(*) {KENT} INTERSECT SELECT COUNT(*) {DEVON}", [("Devon", 1), ("Kent", 2)]),
        (
            f"SELECT COUNT(*) {KENT} AND visits.cost > 15 UNION SELECT COUNT(*) {DEVON} AND visits.cost > 15",
            [("Devon", 1), ("Kent", 1)],
        ),
    ],
)
def test_numbers_that_differ_in_one_constant_get_a_row_each(
    path: Path, sql: str, rows: list[tuple[object, ...]]
) -> None:
    with Agent(path, FakeModel([sql])) as agent:
        answer = agent.ask("Compare Kent and Devon", anyway=True)
    assert answer.rows == rows and [one.rule for one in answer.amendments] == ["merged_counts"]


@pytest.mark.parametrize(
    ("one", "other", "row"),
    [
        ("SELECT COUNT(*) FROM farms", "SELECT COUNT(*) FROM vets", (3, 2)),
        ("SELECT COUNT(*) FROM vets", "SELECT COUNT(*) FROM vets WHERE name = 'Nobody'", (2, 0)),
        (f"SELECT COUNT(*) {KENT}", f"SELECT COUNT(*) {KENT.replace('Kent', 'Nowhere')}", (2, 0)),
        ("SELECT COUNT(*) FROM farms", "SELECT COUNT(*) FROM visits", (3, 3)),  # UNION has one row
    ],
)
def test_numbers_of_different_things_stand_side_by_side(
    path: Path, one: str, other: str, row: tuple[int, int]
) -> None:
    with Agent(path, FakeModel([f"{one} UNION {other}"])) as agent:
        answer = agent.ask("How many of these and those?", anyway=True)
    assert answer.rows == [row] and answer.sql == f"SELECT ({one}), ({other})"


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT COUNT(*) {KENT} UNION ALL SELECT COUNT(*) {DEVON}",  # in the order of the question, and both
        f"SELECT farms.name {KENT} UNION SELECT farms.name {DEVON}",
        f"SELECT COUNT(*) {KENT} INTERSECT SELECT COUNT(*) {DEVON} AND visits.cost > 15",
        "SELECT county, COUNT(*) FROM farms GROUP BY county UNION SELECT name, COUNT(*) FROM vets GROUP BY name",
        "SELECT COUNT(*), SUM(cost) FROM visits UNION SELECT COUNT(*), 1 FROM vets",
    ],
)
def test_other_sets_stay(path: Path, sql: str) -> None:
    with Agent(path, FakeModel([sql])) as agent:
        assert agent.ask("What are these?", anyway=True).sql == sql


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        ("Farms without visits", "SELECT id FROM farms EXCEPT SELECT farm_id FROM visits", [("Elm",)]),
        (
            "Which farms had both?",
            "SELECT farm_id FROM visits WHERE kind = 'check' INTERSECT SELECT farm_id FROM visits WHERE kind = 'birth'",
            [("Oak",)],
        ),
    ],
)
def test_a_set_of_keys_is_shown_by_name(
    path: Path, question: str, sql: str, rows: list[tuple[object, ...]]
) -> None:
    with Agent(path, FakeModel([sql])) as agent:
        assert agent.ask(question, anyway=True).rows == rows


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("Ids of farms without visits", "SELECT id FROM farms EXCEPT SELECT farm_id FROM visits"),
        (
            "Who came?",
            "SELECT vet_id FROM visits UNION SELECT id FROM vets",
        ),  # one visit has none: a row would go
        ("Which are there?", "SELECT id FROM farms UNION SELECT id FROM vets"),  # of two tables
        (
            "The first farm without",
            "SELECT id FROM farms EXCEPT SELECT farm_id FROM visits ORDER BY id LIMIT 1",
        ),
    ],
)
def test_a_set_of_other_keys_stays(path: Path, question: str, sql: str) -> None:
    with Agent(path, FakeModel([sql])) as agent:
        assert agent.ask(question, anyway=True).sql == sql
