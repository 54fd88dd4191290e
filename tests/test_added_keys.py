"""Nobody means the sum or the mean of a key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.added_keys import averaged_key, counted_keys
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE donor (id INTEGER PRIMARY KEY, name TEXT, age INT);
CREATE TABLE donations (id INTEGER PRIMARY KEY, donor_id INT REFERENCES donor(id), euros REAL, shops INT);
CREATE TABLE level (points INT, id INT, PRIMARY KEY (points, id));
INSERT INTO donor VALUES (1, 'Ann', 30), (2, 'Bo', 40), (7, 'Cy', 50);
INSERT INTO donations VALUES (10, 1, 5, 3), (11, 1, 6, 4), (12, 2, 7, 5), (13, 1, 9, 1);
INSERT INTO level VALUES (1, 2);
"""
JOIN = "FROM donor JOIN donations ON donor.id = donations.donor_id"


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


@pytest.mark.parametrize(
    "sql, rows",
    [
        ("SELECT SUM(id) FROM donations", [(4,)]),
        ("SELECT TOTAL(donations.donor_id) FROM donations WHERE euros > 5", [(3,)]),
        (f"SELECT donor.name, SUM(donations.id) {JOIN} GROUP BY donor.name", [("Ann", 3), ("Bo", 1)]),
        (f"SELECT donor.name, AVG(donations.id) {JOIN} GROUP BY donor.id", [(2.0,)]),
        (f"SELECT AVG(donations.id) {JOIN} WHERE donor.age < 35", [(3.0,)]),
        ("SELECT AVG(id) FROM donations", [(2.0,)]),
    ],
)
def test_a_key_is_counted(path, sql, rows):
    with Agent(path, model=AgreeableModel([sql])) as agent:
        answer = agent.ask("What is the average number of donations per donor?", anyway=True)
    assert answer.rows == rows
    assert [one.rule for one in answer.amendments] == ["added_keys"]
    assert "tells rows apart" in answer.note


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT SUM(euros), AVG(shops) FROM donations",
        "SELECT MAX(id), MIN(id), COUNT(id) FROM donations",
        "SELECT AVG(age) FROM donor",
        "SELECT SUM(points) FROM level",  # one column of a key of two
        "SELECT SUM(id * shops) FROM donations",
        "SELECT SUM(n) FROM (SELECT COUNT(id) AS n FROM donations GROUP BY donor_id)",
    ],
)
def test_other_sums_stay(path, sql):
    reading = read(sql, schemas.read(str(path)))
    assert counted_keys(reading, lambda made: True) == (sql, "")
    assert averaged_key(reading) == ""


def test_what_cannot_be_mended_is_doubted(path):
    sql = "SELECT AVG(id) FROM donor"  # it refers to nothing: a mean of what?
    schema = schemas.read(str(path))
    assert counted_keys(read(sql, schema), Acceptor(schema).accepts) == (sql, "")
    with Agent(path, model=AgreeableModel([sql])) as agent:
        answer = agent.ask("What is the average donor?", anyway=True)
    assert "AVG(id) says nothing: the column tells rows apart." in answer.note
    assert answer.evidence.doubted
