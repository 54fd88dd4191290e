"""Patterns of analysis that a question names are proposed; the same words about something else change nothing."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel

from sqlagent import Agent
from sqlagent.amend.pipeline import SUPPLIED, Context
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import Readings

DDL = """
CREATE TABLE players (id INTEGER PRIMARY KEY, name TEXT, team TEXT, goals INTEGER);
INSERT INTO players VALUES (1, 'Abe', 'Reds', 12), (2, 'Bix', 'Reds', 9), (3, 'Cal', 'Reds', 2), (4, 'Dov', 'Blues', 9),
    (5, 'Elo', 'Blues', 12), (6, 'Fay', 'Blues', 1);
CREATE TABLE sales (id INTEGER PRIMARY KEY, at DATETIME, shop TEXT, amount REAL);
INSERT INTO sales VALUES (1, '2023-01-02 10:00:00', 'N', 10), (2, '2023-01-02 11:00:00', 'S', 20),
    (3, '2023-02-03 10:30:00', 'N', 5), (4, '2024-02-04 10:45:00', 'S', 40);
CREATE TABLE couriers (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE trips (id INTEGER PRIMARY KEY, courier_id INTEGER REFERENCES couriers (id), late INTEGER, fee REAL);
INSERT INTO couriers VALUES (1, 'Ann'), (2, 'Vic');
INSERT INTO trips VALUES (1, 1, 1, 3), (2, 1, 1, 3), (3, 1, 0, 3), (4, 1, 0, 3), (5, 2, 1, 9);
CREATE TABLE stops (id INTEGER PRIMARY KEY, trip_id INTEGER REFERENCES trips (id), place TEXT);
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
    schema, connection = schemas.read(str(path)), sqlite3.connect(path)
    acceptor = Acceptor(schema)
    assert acceptor.accepts(sql), sql
    about = Context(
        question,
        Readings(schema),
        (),
        nearest=lambda *_: None,
        accepts=acceptor.accepts,
        has_rows=lambda one: bool(connection.execute(one).fetchall()),
        differ=lambda one, other: True,
        today=date(2026, 11, 28),
    )
    made = {name: rule(about.statements.read(sql), about) for name, rule in SUPPLIED.items()}
    connection.close()
    assert all(one.note for one in made.values() if one.sql != sql)
    return {name: one.sql for name, one in made.items() if one.sql != sql}


TOP = "SELECT team, name FROM players GROUP BY team ORDER BY goals DESC LIMIT 2"
CASES: list[tuple[str, str, str, list[tuple[Any, ...]]]] = [
    ("statistic", "What is the median number of goals?", "SELECT AVG(goals) FROM players", [(9.0,)]),
    ("statistic", "Median goals per team", "SELECT team, AVG(goals) FROM players GROUP BY team", [("Blues", 9.0), ("Reds", 9.0)]),
    ("statistic", "the standard deviation of the fees", "SELECT AVG(fee) FROM trips", [(2.6832815729997477,)]),
    ("statistic", "90th percentile of the amount", "SELECT amount * 0.9 FROM sales", [(34.0,)]),
    ("grain", "Which weekday has the highest sales?", "SELECT at FROM sales GROUP BY at ORDER BY SUM(amount) DESC LIMIT 1", [("Sunday",)]),
    ("grain", "At what hour do most sales happen?", "SELECT at FROM sales GROUP BY at ORDER BY COUNT(*) DESC LIMIT 1", [("10",)]),
    ("grain", "Which day had the most sales?", "SELECT at FROM sales GROUP BY at ORDER BY COUNT(*) DESC LIMIT 1", [("2023-01-02",)]),
    ("one_value", "How much did shop N earn?", "SELECT amount FROM sales WHERE shop = 'N'", [(15.0,)]),
    ("one_value", "When was the last sale in shop N?", "SELECT at FROM sales WHERE shop = 'N'", [("2023-02-03 10:30:00",)]),
    ("in_groups", "Top 2 scorers of each team", TOP, [("Blues", "Dov"), ("Blues", "Elo"), ("Reds", "Abe"), ("Reds", "Bix")]),
    ("in_groups", "Who is the top scorer of each team?", "SELECT team, MAX(goals) FROM players GROUP BY team", [("Blues", "Elo"), ("Reds", "Abe")]),
    ("running_total", "Show the running total of sales by shop", "SELECT SUM(amount), shop FROM sales GROUP BY shop", [("N", 15.0), ("S", 75.0)]),
    ("added_up", "sales by shop", "SELECT shop, COUNT(*) FROM sales GROUP BY shop", [("N", 15.0), ("S", 60.0)]),
    ("added_up", "sales by month", "SELECT shop, SUM(amount), STRFTIME('%Y-%m', at) FROM sales GROUP BY shop, STRFTIME('%Y-%m', at)", [(5.0, "2023-02"), (30.0, "2023-01"), (40.0, "2024-02")]),
    ("rate", "Which courier has the highest rate of late trips?", "SELECT couriers.name FROM couriers JOIN trips ON couriers.id = trips.courier_id WHERE trips.late = 1 ORDER BY trips.fee LIMIT 1", [("Vic",)]),
    ("nth_value", "What is the second highest number of goals?", "SELECT goals FROM players ORDER BY goals DESC LIMIT 1 OFFSET 1", [(9,)]),
    ("nth_value", "Who has the second highest goals?", "SELECT name FROM players ORDER BY goals DESC LIMIT 1 OFFSET 1", [("Bix",), ("Dov",)]),
    ("years_compared", "Compare sales of 2023 and 2024", "SELECT SUM(amount) FROM sales WHERE at LIKE '2023%'", [("2023", 35.0), ("2024", 40.0)]),
    ("once_each", "How many trips stopped at A?", "SELECT COUNT(*) FROM trips JOIN stops ON trips.id = stops.trip_id WHERE stops.place = 'A'", [(2,)]),
    ("once_each", "Total fee of the trips that stopped at A", "SELECT SUM(trips.fee) FROM trips JOIN stops ON trips.id = stops.trip_id WHERE stops.place = 'A'", [(6.0,)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "question", "sql", "rows"), CASES)
def test_a_pattern_is_proposed_and_taken(
    path: Path, rule: str, question: str, sql: str, rows: list[tuple[Any, ...]]
) -> None:
    assert rule in proposed(path, question, sql)
    with Agent(path, FakeModel([sql])) as agent:
        answer = agent.ask(question, anyway=True)
    assert sorted(map(tuple, answer.rows)) == rows
    assert rule in [one.rule for one in answer.amendments]
    assert answer.written == sql


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("What is the average number of goals?", "SELECT AVG(goals) FROM players"),
        ("Which is more, the median or the average of the goals?", "SELECT AVG(goals) FROM players"),
        ("What is the median fee?", "SELECT MEDIAN(fee) FROM trips"),
        ("Which shop sells most per day?", "SELECT shop FROM sales GROUP BY shop ORDER BY SUM(amount) DESC LIMIT 1"),
        ("Sales by month", "SELECT STRFTIME('%Y-%m', at), SUM(amount) FROM sales GROUP BY STRFTIME('%Y-%m', at)"),
        ("How much does each trip cost?", "SELECT fee FROM trips"),
        ("How much is the fee of trip 5?", "SELECT SUM(fee) FROM trips WHERE id = 5"),
        ("When was each sale of the last shop?", "SELECT shop, at FROM sales"),
        ("Who are the top 3 scorers?", "SELECT name FROM players ORDER BY goals DESC LIMIT 3"),
        ("How many players does each team have?", "SELECT team, COUNT(*) FROM players GROUP BY team"),
        ("What is the most goals in each team?", "SELECT team, MAX(goals), COUNT(*) FROM players GROUP BY team"),
        ("How many sales were there by shop?", "SELECT shop, COUNT(*) FROM sales GROUP BY shop"),
        ("Total sales by shop", "SELECT shop, SUM(amount) FROM sales GROUP BY shop"),
        ("Which courier has the highest fee?", "SELECT couriers.name FROM couriers JOIN trips ON couriers.id = trips.courier_id WHERE trips.late = 1 ORDER BY trips.fee LIMIT 1"),
        ("Who has the most goals?", "SELECT name FROM players ORDER BY goals DESC LIMIT 1"),
        ("Sales of 2023 in comparison with nothing", "SELECT SUM(amount) FROM sales WHERE at LIKE '2023%'"),
        ("How many stops are there at A?", "SELECT COUNT(*) FROM trips JOIN stops ON trips.id = stops.trip_id WHERE stops.place = 'A'"),
        ("Total fee of trips with a courier", "SELECT SUM(trips.fee) FROM trips JOIN couriers ON trips.courier_id = couriers.id"),
        ("How many trips stopped at B?", "SELECT COUNT(*) FROM trips JOIN stops ON trips.id = stops.trip_id WHERE stops.place = 'B'"),
    ],
)  # fmt: skip
def test_what_does_not_call_for_one_stays(path: Path, question: str, sql: str) -> None:
    assert proposed(path, question, sql) == {}
