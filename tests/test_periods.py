"""What a question's time means for a statement's conditions: the right rows whatever the dates look like."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent import Agent
from sqlagent.amend.periods import in_period
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

TODAY = date(2026, 11, 28)
DDL = """
CREATE TABLE clients (id INTEGER PRIMARY KEY, name TEXT, born DATE);
CREATE TABLE orders (id INTEGER PRIMARY KEY, client_id INTEGER REFERENCES clients (id), ordered DATE, sent_at TEXT,
    epoch INTEGER, total REAL, quarter TEXT);
INSERT INTO clients VALUES (1, 'May', '1990-10-05'), (2, 'Bob', '1985-02-03');
INSERT INTO orders VALUES
    (1, 1, '2026-11-27', '2026-11-27T10:00:00Z', 1795774800, 10, 'Q4'),
    (2, 1, '2026-10-31', '2026-10-31T23:59:59Z', 1793491199, 20, 'Q4'),
    (3, 2, '2026-10-01', '2026-10-01T00:00:00Z', 1790812800, 30, 'Q4'),
    (4, 2, '2025-02-10', '2025-02-10T22:00:00Z', 1739224800, 5, 'Q1'),
    (5, 2, '2025-02-11', '2025-02-11T08:00:00Z', 1739260800, 7, 'Q1');
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(DDL)
    connection.close()
    return path


def made(path: Path, question: str, sql: str) -> str:
    schema, connection = schemas.read(str(path)), sqlite3.connect(path)
    try:
        return in_period(
            question,
            read(sql, schema),
            TODAY,
            Acceptor(schema).accepts,
            lambda one: bool(connection.execute(one).fetchall()),
        ).sql
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("question", "condition", "ids"),
    [
        ("orders of last month", "STRFTIME('%Y-%m', ordered) = STRFTIME('%Y-%m', 'now -1 month')", [2, 3]),
        ("orders sent last month", "sent_at >= DATE('now', '-1 month')", [2, 3]),
        ("orders placed yesterday", "ordered = DATE('now') - 1", [1]),
        ("orders sent until 31 October 2026", "sent_at <= '2026-10-31'", [2, 3, 4, 5]),
        ("orders sent from 1 to 10 February", "sent_at BETWEEN '2025-02-01' AND '2025-02-10'", [4]),
        ("orders of Q4 2026 over 15", "ordered LIKE '2026-04%' AND total > 15", [2, 3]),
        ("orders sent in the 5 days before 1 November 2026", "sent_at < '2026-11-01'", [2]),
        ("orders for the last 30 days", "ordered >= CURRENT_DATE - 30", [1, 2]),
    ],
)
def test_conditions_on_a_date_become_the_days_meant(
    shop: Path, question: str, condition: str, ids: list[int]
) -> None:
    sql = made(shop, question, f"SELECT id FROM orders WHERE {condition}")
    connection = sqlite3.connect(shop)
    assert [row[0] for row in connection.execute(sql + " ORDER BY id")] == ids
    connection.close()


def test_a_statement_without_a_date_gets_one_and_keeps_its_other_conditions(shop: Path) -> None:
    sql = made(
        shop,
        "total of orders sent last month by client",
        "SELECT T1.name, SUM(T2.total) FROM clients AS T1 JOIN orders AS T2 ON T1.id = T2.client_id"
        " WHERE T2.total > 25 OR T2.total < 21 GROUP BY T1.name",
    )
    assert "WHERE (T2.total > 25 OR T2.total < 21) AND T2.sent_at >= '2026-10-01'" in sql


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("orders of Q4", "SELECT id FROM orders WHERE quarter = 'Q4'"),
        ("clients born in October", "SELECT name FROM clients WHERE STRFTIME('%m', born) = '10'"),
        ("clients of today", "SELECT name FROM clients"),
        ("orders that were sent last", "SELECT id FROM orders ORDER BY sent_at DESC LIMIT 1"),
        ("orders not sent last month", "SELECT id FROM orders WHERE sent_at NOT LIKE '2026-10%'"),
        ("all but the orders sent last month", "SELECT id FROM orders WHERE NOT sent_at LIKE '2026-10%'"),
        ("orders except those of last month", "SELECT id FROM orders WHERE sent_at != '2026-10'"),
        ("is this total higher than last month", "SELECT SUM(total) FROM orders"),
        ("orders of May", "SELECT id FROM orders WHERE client_id = (SELECT id FROM clients WHERE name = 'May')"),
        ("is this month better than last month?", "SELECT SUM(total) FROM orders WHERE ordered > '2026-11-01'"),
    ],
)  # fmt: skip
def test_what_may_be_meant_as_it_is_stays(shop: Path, question: str, sql: str) -> None:
    assert made(shop, question, sql) == sql


def test_counting_back_from_today_by_itself_is_left_alone_on_its_day(shop: Path) -> None:
    now = date.today()
    schema, connection = schemas.read(str(shop)), sqlite3.connect(shop)
    for sign in (">", ">="):
        sql = f"SELECT id FROM orders WHERE ordered {sign} DATE('now', '-7 days')"
        has_rows = lambda one: bool(connection.execute(one).fetchall())  # noqa: E731
        assert (
            in_period("the last 7 days", read(sql, schema), now, Acceptor(schema).accepts, has_rows).sql
            == sql
        )
    connection.close()


@pytest.mark.parametrize("column", ["ordered", "sent_at", "epoch"])
def test_an_agent_answers_last_month_by_its_clock_and_says_the_days(shop: Path, column: str) -> None:
    wrong = f"SELECT COUNT(*) FROM orders WHERE {column} >= CURRENT_DATE - 30"
    with Agent(shop, FakeModel([wrong]), clock=lambda: datetime(2026, 11, 28, 12)) as agent:
        answer = agent.ask("How many orders were there last month?")
    assert answer.rows == [(2,)]
    assert "1 to 31 October 2026" in answer.note
    assert [one.rule for one in answer.amendments][-1] == "period"


def test_a_period_and_another_pattern_come_together(shop: Path) -> None:
    with Agent(
        shop, FakeModel(["SELECT AVG(total) FROM orders"]), clock=lambda: datetime(2026, 11, 28)
    ) as agent:
        answer = agent.ask("What was the median total of the orders sent last month?")
    assert answer.rows == [(25.0,)]
    assert {one.rule for one in answer.amendments} == {"period", "statistic"}


def test_what_is_counted_back_from_today_is_said(shop: Path) -> None:
    sql = "SELECT COUNT(*) FROM orders WHERE ordered >= DATE('now', '-7 days')"
    with Agent(shop, FakeModel([sql])) as agent:
        answer = agent.ask("How many orders were there in the last 7 days?")
    assert answer.sql == sql
    assert f"'the last 7 days' is counted back from today, {date.today()}." in answer.note
