"""A sum that takes a row several times says so, by what is in the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent import Agent
from sqlagent.amend.fan_out import caution
from sqlagent.database import schema as schemas

DDL = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, city TEXT, credit INT);
CREATE TABLE invoices (id INTEGER PRIMARY KEY, customer_id INT REFERENCES customers(id), total INT);
CREATE TABLE "invoice lines" (id INTEGER PRIMARY KEY, invoice INT REFERENCES invoices(id), track TEXT, price INT);
CREATE TABLE notes (invoice INT REFERENCES invoices(id), amount INT);
INSERT INTO customers VALUES (1, 'Paris', 5), (2, 'Rome', 7);
INSERT INTO invoices VALUES (1, 1, 10), (2, 1, 20), (3, 2, 30);
INSERT INTO "invoice lines" VALUES (1, 1, 'a', 4), (2, 1, 'b', 6), (3, 2, 'a', 20), (4, 3, 'b', 30);
INSERT INTO notes VALUES (1, 1), (1, 1);
"""
SCHEMA = schemas.from_ddl(DDL[: DDL.index("INSERT")])
LINES = 'FROM invoices JOIN "invoice lines" ON invoices.id = "invoice lines".invoice'
CUSTOMERS = "FROM invoices JOIN customers ON invoices.customer_id = customers.id"


@pytest.fixture
def database(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


@pytest.mark.parametrize(
    "sql, said",
    [
        (
            f"SELECT SUM(invoices.total) {LINES}",
            "rows of invoices count several times in SUM(invoices.total)",
        ),
        (f"SELECT AVG(invoices.total * 2) {LINES}", "in AVG(invoices.total * 2)"),
        (f"SELECT TOTAL(invoices.total) {LINES}", "in TOTAL(invoices.total)"),
        (f"SELECT SUM(customers.credit) {CUSTOMERS}", "rows of customers"),
        (
            f"SELECT invoices.customer_id {LINES} GROUP BY invoices.customer_id"
            " ORDER BY SUM(invoices.total) DESC LIMIT 1",
            "rows of invoices",
        ),
        # once in each group, or in what is left of it
        (f'SELECT "invoice lines".track, SUM(invoices.total) {LINES} GROUP BY "invoice lines".track', ""),
        (f"SELECT SUM(invoices.total) {LINES} WHERE \"invoice lines\".track = 'a'", ""),
        (f"SELECT SUM(customers.credit) {CUSTOMERS} WHERE customers.city = 'Rome'", ""),
        # never more than once
        (f'SELECT SUM("invoice lines".price) {LINES}', ""),
        (f"SELECT customers.city, SUM(invoices.total) {CUSTOMERS} GROUP BY customers.city", ""),
        ("SELECT SUM(total) FROM invoices", ""),
        # of two tables, of none, each value once, or by no key
        (f'SELECT SUM(invoices.total * "invoice lines".price) {LINES}', ""),
        (f"SELECT SUM(1) {LINES}", ""),
        (f"SELECT SUM(DISTINCT invoices.total) {LINES}", ""),
        (f"SELECT COUNT(invoices.total), MAX(invoices.total) {LINES}", ""),
        ("SELECT SUM(notes.amount) FROM notes JOIN invoices ON notes.invoice = invoices.id", ""),
        ("SELECT SUM(T1.total) FROM invoices AS T1", ""),
    ],
)
def test_rows_that_count_several_times_are_told_of(database, sql, said):
    with sqlite3.connect(database) as connection:
        connection.execute(sql)
        found = caution(sql, SCHEMA, lambda asked: bool(connection.execute(asked).fetchall()))
    assert said in found
    assert bool(found) == bool(said)


def test_the_answer_says_it_and_the_rows_stay(database):
    sql = f"SELECT SUM(invoices.total) {LINES}"
    with Agent(database, model=FakeModel([sql])) as agent:
        answer = agent.ask("What is the total of the invoices with lines?")
    assert answer.rows == [(70,)]
    assert answer.sql == sql
    assert answer.note == (
        "Some rows of invoices count several times in SUM(invoices.total), once for each row joined."
    )


def test_a_database_that_takes_too_long_is_not_asked_twice(database, monkeypatch):
    sql = f"SELECT SUM(invoices.total) {LINES}"
    monkeypatch.setattr("sqlagent.agent.probes.PATIENCE", 1e-9)
    with Agent(database, model=FakeModel([sql])) as agent:
        assert agent.ask("What is the total of the invoices with lines?").note == ""
