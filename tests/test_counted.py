"""How many customers have an account is not how many accounts there are."""

from __future__ import annotations

import sqlite3

import pytest

from sqlagent.amend.counted import counted
from sqlagent.database import schema as schemas
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE Customers (customer_id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE Accounts (account_id INTEGER PRIMARY KEY, kind TEXT,
                       customer_id INTEGER REFERENCES Customers(customer_id));
CREATE TABLE "trip legs" (id INTEGER PRIMARY KEY, driver INTEGER REFERENCES Drivers(id),
                          "from" INTEGER REFERENCES City(id), "to" INTEGER REFERENCES City(id));
CREATE TABLE Drivers (id INTEGER PRIMARY KEY, boss INTEGER REFERENCES Drivers(id));
CREATE TABLE City (id INTEGER PRIMARY KEY);
CREATE TABLE visits (visit_id INTEGER PRIMARY KEY, customer_id INT, id INT);
CREATE TABLE Customer_Orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES Customers(customer_id));
"""
SCHEMA = schemas.from_ddl(DDL)


@pytest.mark.parametrize(
    "question, sql, made",
    [
        (
            "How many customers have opened an account?",
            "SELECT COUNT(*) FROM Accounts",
            "SELECT COUNT(DISTINCT customer_id) FROM Accounts",
        ),
        (
            "Count the number of different customers with a savings account.",
            "SELECT COUNT(*) FROM Accounts WHERE kind = 'savings'",
            "SELECT COUNT(DISTINCT customer_id) FROM Accounts WHERE kind = 'savings'",
        ),
        (  # no key is declared
            "How many customers visited us?",
            "SELECT COUNT(*) FROM visits",
            "SELECT COUNT(DISTINCT customer_id) FROM visits",
        ),
        (
            "how many drivers drove?",
            'SELECT COUNT(*) FROM "trip legs"',
            'SELECT COUNT(DISTINCT driver) FROM "trip legs"',
        ),
    ],
)
def test_things_that_rows_only_reference_are_counted_once(question, sql, made):
    found = counted(question, read(sql, SCHEMA))
    assert found.sql == made
    assert "counted once" in found.note
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL)
    connection.execute(found.sql)


@pytest.mark.parametrize(
    "question, sql",
    [
        ("How many accounts are there?", "SELECT COUNT(*) FROM Accounts"),
        ("How many customers are there?", "SELECT COUNT(*) FROM Customers"),
        ("How many drivers visited us?", "SELECT COUNT(*) FROM visits"),  # visits.id is no driver's
        ("How many customer accounts are there?", "SELECT COUNT(*) FROM Accounts"),
        ("How many customers ordered?", "SELECT COUNT(*) FROM Customer_Orders"),  # its rows may be called so
        ("How many customers?", "SELECT COUNT(*) FROM Customers JOIN Accounts ON Customers.customer_id = 1"),
        ("How many customers?", "SELECT COUNT(account_id) FROM Accounts"),
        ("How many customers?", "SELECT kind, COUNT(*) FROM Accounts GROUP BY kind"),
        ("How many customers?", "SELECT COUNT(*) FROM Accounts GROUP BY kind"),
        ("How many cities?", 'SELECT COUNT(*) FROM "trip legs"'),  # by which of two columns?
        ("How many bosses?", "SELECT COUNT(*) FROM Drivers"),
        ("Which customers?", "SELECT COUNT(*) FROM Accounts"),
        ("How many", "SELECT COUNT(*) FROM Accounts"),
        ("How many of the", "SELECT COUNT(*) FROM Accounts"),
    ],
)
def test_everything_else_is_left_alone(question, sql):
    assert counted(question, read(sql, SCHEMA)) == (sql, "")
