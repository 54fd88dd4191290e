"""What the files that people bring call for is proposed: signs, units, dates that are missing; look-alikes stay."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pytest
from fake_model import FakeModel, candidate
from rule_context import about

from sqlagent import Agent
from sqlagent.amend.rules import SUPPLIED
from sqlagent.linking.prompt import Hint

DDL = """
CREATE TABLE sheet (booked DATE, payee TEXT, amount REAL, balance REAL);
INSERT INTO sheet VALUES ('2025-01-03', 'Rewe', -20.5, 100), ('2025-01-09', 'Rewe', 4.5, 104.5),
    ('2025-02-01', 'Rent', -1200, -1095.5), ('2025-02-27', 'Employer', 3000, 1904.5), ('2025-03-02', 'Fee', -3, 1901.5);
CREATE TABLE prices (item TEXT, amount REAL);
INSERT INTO prices VALUES ('a', 3), ('b', 5);
CREATE TABLE activity (id INTEGER PRIMARY KEY, type TEXT, distance_m INTEGER, moving_s INTEGER, created_ms INTEGER);
INSERT INTO activity VALUES (1, 'Run', 10500, 3600, 5), (2, 'Run', 4500, 1800, 6), (3, 'Ride', 41000, 5400, 7);
CREATE TABLE bills (id INTEGER PRIMARY KEY, day DATE, total_cents INTEGER, paid_on DATE);
INSERT INTO bills VALUES (1, '2025-05-01', 1250, '2025-05-04'), (2, '2025-05-02', 999, NULL);
CREATE TABLE stock (item INTEGER, place TEXT, qty INTEGER, lst_cnt_dt DATE, seen DATE, PRIMARY KEY (item, place));
INSERT INTO stock VALUES (1, 'A', 3, '2025-01-01', '2025-01-01'), (2, 'A', 4, NULL, '2025-01-01'),
    (3, 'B', 5, NULL, '2025-01-02');
CREATE TABLE moves (id INTEGER PRIMARY KEY, item INTEGER);
INSERT INTO moves VALUES (1, 1), (2, 2);
CREATE TABLE goods (gid INTEGER PRIMARY KEY, label TEXT, std_cst REAL);
INSERT INTO goods VALUES (1, 'bolt', 0.5), (2, 'nut', 2);
CREATE TABLE inv (goods_no INTEGER REFERENCES goods(gid), whs TEXT, qty_oh INTEGER);
INSERT INTO inv VALUES (1, 'N', 10), (2, 'N', 3), (2, 'S', 1);
CREATE TABLE lines (id INTEGER PRIMARY KEY, product TEXT, quantity INTEGER, unit_price REAL);
INSERT INTO lines VALUES (1, 'a', 2, 3.5), (2, 'b', 1, 10);
CREATE TABLE shelf (id INTEGER PRIMARY KEY, qty INTEGER, price REAL, total_value REAL);
INSERT INTO shelf VALUES (1, 2, 3.5, 7);
CREATE TABLE lots (id INTEGER PRIMARY KEY, qty INTEGER, list_price REAL, net_price REAL);
INSERT INTO lots VALUES (1, 2, 3.5, 3);
"""  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("messy") / "m.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(DDL)
    connection.close()
    return path


def proposed(
    path: Path, rule: str, question: str, sql: str, hints: tuple[Hint, ...] = ()
) -> list[tuple[object, ...]] | None:
    """The rows of what a rule makes of a statement; None where it leaves it alone."""
    connection = sqlite3.connect(path)
    asked = about(path, connection, question, date(2025, 6, 1), hints)
    assert asked.accepts(sql), sql
    reading = asked.statements.find(sql)
    assert reading is not None
    made = SUPPLIED[rule](reading, asked)
    if made.sql == sql:
        return None
    assert made.note
    return connection.execute(made.sql).fetchall()


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        ("how much did I spend at Rewe?", "SELECT SUM(amount) FROM sheet WHERE payee = 'Rewe'", [(-20.5,)]),
        ("total income in 2025", "SELECT SUM(amount) FROM sheet", [(3004.5,)]),
        ("what was my biggest expense?", "SELECT MAX(amount) FROM sheet", [(-1200.0,)]),
        ("biggest expense", "SELECT payee FROM sheet ORDER BY amount DESC LIMIT 1", [("Rent",)]),
        ("smallest expense", "SELECT payee FROM sheet ORDER BY amount LIMIT 1", [("Fee",)]),
        ("payments over 100 euros", "SELECT payee FROM sheet WHERE amount > 100", [("Rent",)]),
        (
            "spending per payee",
            "SELECT payee, SUM(amount) FROM sheet GROUP BY payee",
            [("Fee", -3.0), ("Rent", -1200.0), ("Rewe", -20.5)],
        ),
        ("where is most spent?", "SELECT payee FROM sheet GROUP BY payee ORDER BY SUM(amount) LIMIT 1", [("Rent",)]),
        (
            "on whom did I spend the most?",
            "SELECT payee FROM sheet GROUP BY payee ORDER BY SUM(amount) DESC LIMIT 1",
            [("Rent",)],
        ),
    ],
)  # fmt: skip
def test_what_was_spent_or_received_is_on_one_side_of_zero(
    path: Path, question: str, sql: str, rows: list[tuple[object, ...]]
) -> None:
    assert proposed(path, "signed_amounts", question, sql) == rows


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("what is the net amount?", "SELECT SUM(amount) FROM sheet"),
        ("compare income and spending", "SELECT SUM(amount) FROM sheet"),
        ("how much did I spend?", "SELECT SUM(amount) FROM prices"),  # nothing is below zero
        ("how much did I spend?", "SELECT SUM(amount) FROM sheet WHERE amount < 0"),
        ("how many payments are there?", "SELECT COUNT(*) FROM sheet WHERE payee = 'Rewe'"),
        ("payments received from Rewe", "SELECT SUM(amount) FROM sheet WHERE amount > 0"),
        ("the total amount", "SELECT SUM(amount) FROM sheet"),
        ("what was the balance after I paid?", "SELECT balance FROM sheet ORDER BY booked DESC LIMIT 1"),
    ],
)
def test_other_sums_of_amounts_stay(path: Path, question: str, sql: str) -> None:
    assert proposed(path, "signed_amounts", question, sql) is None


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        ("how many km did I run?", "SELECT SUM(distance_m) FROM activity WHERE type = 'Run'", [(15.0,)]),
        ("rides longer than 40 km", "SELECT id FROM activity WHERE distance_m > 40", [(3,)]),
        ("total hours of moving", "SELECT SUM(moving_s) FROM activity", [(3.0,)]),
        (
            "types with more than 20 kilometres in all",
            "SELECT type FROM activity GROUP BY type HAVING SUM(distance_m) > 20",
            [("Ride",)],
        ),
        (
            "distance of each run in km",
            "SELECT distance_m FROM activity WHERE type = 'Run'",
            [(10.5,), (4.5,)],
        ),
        ("what was the revenue in May?", "SELECT SUM(total_cents) FROM bills", [(22.49,)]),
        ("bills of more than 10 euros", "SELECT id FROM bills WHERE total_cents > 10", [(1,)]),
    ],
)
def test_a_measure_is_given_in_the_unit_that_is_asked_for(
    path: Path, question: str, sql: str, rows: list[tuple[object, ...]]
) -> None:
    found = proposed(path, "units", question, sql)
    assert found == [tuple(pytest.approx(v) if isinstance(v, float) else v for v in row) for row in rows]


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("how many metres did I run?", "SELECT SUM(distance_m) FROM activity"),
        ("how many km did I run?", "SELECT SUM(distance_m) / 1000.0 FROM activity"),
        ("Abel's second run", "SELECT moving_s FROM activity WHERE type = 'Run'"),
        ("average distance per hour", "SELECT AVG(distance_m) FROM activity"),
        ("moving time by hour of day", "SELECT SUM(moving_s) FROM activity"),
        ("in which hours was something created?", "SELECT created_ms FROM activity"),
        ("the total in cents", "SELECT SUM(total_cents) FROM bills"),
        ("how many bills are there?", "SELECT COUNT(total_cents) FROM bills"),
        ("km or metres of each run", "SELECT distance_m FROM activity"),
    ],
)
def test_measures_in_their_own_unit_stay(path: Path, question: str, sql: str) -> None:
    assert proposed(path, "units", question, sql) is None


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        (
            "how many lines have never been counted?",
            "SELECT COUNT(*) FROM stock WHERE item NOT IN (SELECT item FROM moves)",
            [(2,)],
        ),
        ("stock in A that was not yet counted", "SELECT item FROM stock WHERE place = 'A'", [(2,)]),
        ("uncounted stock", "SELECT item FROM stock", [(2,), (3,)]),
        ("items never counted", "SELECT item FROM stock WHERE lst_cnt_dt = '0000-00-00'", [(2,), (3,)]),
        ("unpaid bills", "SELECT id FROM bills", [(2,)]),
        ("bills without a paid date", "SELECT id FROM bills", [(2,)]),
    ],
)
def test_what_never_happened_has_no_date(
    path: Path, question: str, sql: str, rows: list[tuple[object, ...]]
) -> None:
    assert proposed(path, "never_dated", question, sql) == rows


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("items that were never moved", "SELECT item FROM stock WHERE item NOT IN (SELECT item FROM moves)"),
        ("items never seen", "SELECT item FROM stock"),  # all were seen
        ("lines that were counted", "SELECT item FROM stock"),
        ("lines never counted", "SELECT item FROM stock WHERE lst_cnt_dt IS NULL"),
        ("not counted on 1 January 2025", "SELECT item FROM stock WHERE lst_cnt_dt = '2025-01-01'"),
        ("which items are unlike others?", "SELECT item FROM stock"),
    ],
)
def test_other_things_that_never_happened_stay(path: Path, question: str, sql: str) -> None:
    assert proposed(path, "never_dated", question, sql) is None


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        (
            "balance at the end of January 2025",
            "SELECT SUM(balance) FROM sheet WHERE booked LIKE '2025-01-%'",
            [(104.5,)],
        ),
        ("what was the balance as of 15 February 2025?", "SELECT balance FROM sheet", [(-1095.5,)]),
        ("the balance at the start of March 2025", "SELECT MAX(balance) FROM sheet", [(1904.5,)]),
    ],
)
def test_a_level_is_the_last_that_was_written(
    path: Path, question: str, sql: str, rows: list[tuple[object, ...]]
) -> None:
    assert proposed(path, "level", question, sql) == rows


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("average balance at the end of January 2025", "SELECT AVG(balance) FROM sheet"),
        ("amount paid in January 2025", "SELECT SUM(amount) FROM sheet"),
        ("payee at the end of January 2025", "SELECT SUM(balance) FROM sheet"),
        ("balance at the end", "SELECT SUM(balance) FROM sheet"),
    ],
)
def test_other_values_of_a_time_stay(path: Path, question: str, sql: str) -> None:
    assert proposed(path, "level", question, sql) is None


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        (
            "stock value by warehouse",
            "SELECT whs, SUM(qty_oh) FROM inv GROUP BY whs",
            [("N", 11.0), ("S", 2.0)],
        ),
        ("what is the stock in N worth?", "SELECT SUM(qty_oh) FROM inv WHERE whs = 'N'", [(11.0,)]),
        ("total revenue", "SELECT SUM(quantity) FROM lines", [(17.0,)]),
        (
            "value of the nuts",
            "SELECT SUM(inv.qty_oh) FROM inv JOIN goods ON inv.goods_no = goods.gid WHERE goods.label = 'nut'",
            [(8.0,)],
        ),
    ],
)
def test_what_things_are_worth_is_their_number_times_their_price(
    path: Path, question: str, sql: str, rows: list[tuple[object, ...]]
) -> None:
    assert proposed(path, "worth", question, sql) == rows


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("stock by warehouse", "SELECT whs, SUM(qty_oh) FROM inv GROUP BY whs"),
        ("how many units of value are there?", "SELECT SUM(qty_oh) FROM inv"),
        ("total value", "SELECT SUM(qty) FROM shelf"),  # a column holds it
        ("total value", "SELECT SUM(qty) FROM lots"),  # of two prices
        ("total revenue", "SELECT SUM(quantity * unit_price) FROM lines"),
        ("total value", "SELECT SUM(unit_price) FROM lines"),
    ],
)
def test_other_sums_of_quantities_stay(path: Path, question: str, sql: str) -> None:
    assert proposed(path, "worth", question, sql) is None


RUN, RIDE = Hint("activity", "type", "Run"), Hint("activity", "type", "Ride")


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        (
            "how many runs took more than half an hour?",
            "SELECT COUNT(*) FROM activity WHERE moving_s > 1800",
            [(1,)],
        ),
        ("when was my longest run?", "SELECT id FROM activity ORDER BY distance_m DESC LIMIT 1", [(1,)]),
    ],
)
def test_the_kind_that_a_question_names_is_taken(
    path: Path, question: str, sql: str, rows: list[tuple[object, ...]]
) -> None:
    assert proposed(path, "named_kind", question, sql, (RUN,)) == rows


@pytest.mark.parametrize(
    ("question", "sql", "hints"),
    [
        ("how many runs were there?", "SELECT COUNT(*) FROM activity WHERE type = 'Run'", (RUN,)),
        ("runs and rides", "SELECT COUNT(*) FROM activity", (RUN, RIDE)),
        ("runs by type", "SELECT type, COUNT(*) FROM activity GROUP BY type", (RUN,)),
        ("runs", "SELECT COUNT(*) FROM bills", (RUN,)),
        ("payments to Rewe", "SELECT COUNT(*) FROM sheet", (Hint("activity", "type", "Rewe"),)),
        ("the item a", "SELECT COUNT(*) FROM prices", (Hint("prices", "item", "item"),)),
        ("all", "SELECT COUNT(*) FROM activity", ()),
    ],
)
def test_other_values_stay_where_they_are(
    path: Path, question: str, sql: str, hints: tuple[Hint, ...]
) -> None:
    assert proposed(path, "named_kind", question, sql, hints) is None


def test_a_reading_is_weighed_and_said(path: Path) -> None:
    with Agent(path, FakeModel([candidate("SELECT MAX(amount) FROM sheet")])) as agent:
        answer = agent.ask("what was my biggest expense?", anyway=True)
    assert answer.rows == [(-1200.0,)]
    assert "below zero" in answer.note and answer.written == "SELECT MAX(amount) FROM sheet"
