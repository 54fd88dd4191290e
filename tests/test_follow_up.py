"""A follow-up keeps the conditions and columns that it says nothing of."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.follow_up import carried
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.linking.prompt import Turn
from sqlagent.sql.reading import read
from sqlagent.ui import demo_database

DDL = """
CREATE TABLE Genre (GenreId INTEGER PRIMARY KEY, Name TEXT);
CREATE TABLE Track (TrackId INTEGER PRIMARY KEY, Name TEXT, Milliseconds INTEGER, UnitPrice REAL, Composer TEXT,
                    "Release Date" TEXT, GenreId INTEGER REFERENCES Genre(GenreId));
CREATE TABLE Customer (CustomerId INTEGER PRIMARY KEY, FirstName TEXT, Email TEXT, Country TEXT, City TEXT,
                       Joined TEXT);
"""
SCHEMA = schemas.from_ddl(DDL)
ACCEPTOR = Acceptor(SCHEMA)
ROCK = "SELECT Track.Name FROM Track JOIN Genre ON Track.GenreId = Genre.GenreId WHERE Genre.Name = 'Rock'"
DEAR = "SELECT Name FROM Track WHERE UnitPrice > 1"
CANADA = "SELECT FirstName, Email FROM Customer WHERE Country = 'Canada'"


takes = ACCEPTOR.accepts


def keep(question: str, sql: str, *before: str) -> str:
    assert all(map(takes, (sql, *before)))
    made = carried(question, read(sql, SCHEMA), before, takes).sql
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL)
    connection.execute(made)
    return made


@pytest.mark.parametrize(
    "question, before, sql, made",
    [
        ("Cheapest first", DEAR, "SELECT Name FROM Track ORDER BY UnitPrice", f"{DEAR} ORDER BY UnitPrice"),
        (
            "How many are there?",
            DEAR,
            "SELECT COUNT(*) FROM Track",
            "SELECT COUNT(*) FROM Track WHERE UnitPrice > 1",
        ),
        (
            "Only those by Bach",
            DEAR,
            "SELECT Name FROM Track WHERE Composer = 'Bach'",
            "SELECT Name FROM Track WHERE UnitPrice > 1 AND Composer = 'Bach'",
        ),
        (
            "And per genre?",
            "SELECT COUNT(*) FROM Track WHERE UnitPrice BETWEEN 1 AND 2 AND \"Release Date\" > '2000'",
            "SELECT Genre.Name, COUNT(*) FROM Track JOIN Genre ON Track.GenreId = Genre.GenreId GROUP BY Genre.Name",
            "SELECT Genre.Name, COUNT(*) FROM Track JOIN Genre ON Track.GenreId = Genre.GenreId "
            "WHERE Track.UnitPrice BETWEEN 1 AND 2 AND Track.\"Release Date\" > '2000' GROUP BY Genre.Name",
        ),
        (
            "Only the 10 longest ones",
            ROCK,
            "SELECT Name FROM Track ORDER BY Milliseconds DESC LIMIT 10",
            f"{ROCK} ORDER BY Track.Milliseconds DESC LIMIT 10",
        ),
        (
            "What about France?",
            CANADA,
            "SELECT FirstName FROM Customer WHERE Country = 'France'",
            CANADA.replace("Canada", "France"),
        ),
        (
            "And from France?",
            f"{CANADA} AND Joined > '2020'",
            "SELECT FirstName, Email FROM Customer WHERE Country = 'France'",
            "SELECT FirstName, Email FROM Customer WHERE Country = 'France' AND Joined > '2020'",
        ),
        (
            "And above 2?",
            "SELECT Composer, COUNT(*) FROM Track WHERE UnitPrice > 1 GROUP BY Composer",
            "SELECT COUNT(*) FROM Track WHERE UnitPrice > 2",
            "SELECT Composer, COUNT(*) FROM Track WHERE UnitPrice > 2 GROUP BY Composer",
        ),
        (
            "And for Jazz?",
            ROCK.replace("Track.Name", "COUNT(*)"),
            ROCK.replace("Rock", "Jazz"),
            ROCK.replace("Track.Name", "COUNT(*)").replace("Rock", "Jazz"),
        ),
        (
            "Only those longer than 300 seconds",
            "SELECT COUNT(*) FROM Track WHERE Composer = 'Bach'",
            "SELECT Name FROM Track WHERE Composer = 'Bach' AND Milliseconds > 300000",
            "SELECT COUNT(*) FROM Track WHERE Composer = 'Bach' AND Milliseconds > 300000",
        ),
        ("Sort them by city", CANADA, "SELECT * FROM Customer ORDER BY City", f"{CANADA} ORDER BY City"),
    ],
)
def test_what_is_left_unsaid_is_kept(question: str, before: str, sql: str, made: str) -> None:
    assert keep(question, sql, before) == made


@pytest.mark.parametrize(
    "question, before, sql",
    [
        ("Cheaper than 3?", DEAR, "SELECT Name FROM Track WHERE UnitPrice < 3"),  # the condition is replaced
        (
            "And by price?",
            DEAR,
            "SELECT UnitPrice, COUNT(*) FROM Track GROUP BY UnitPrice",
        ),  # or its column told apart
        ("Show all of them", DEAR, "SELECT Name FROM Track"),  # or lifted
        ("And overall?", DEAR, "SELECT COUNT(*) FROM Track"),
        ("What about those in Paris?", CANADA, "SELECT FirstName, Email FROM Customer WHERE City = 'Paris'"),
        (
            "Their cities",
            CANADA,
            "SELECT City FROM Customer WHERE Country = 'Canada'",
        ),  # other columns are asked for
        ("Just the emails", CANADA, "SELECT Email FROM Customer WHERE Country = 'Canada'"),
        (
            "And the average in France?",
            "SELECT COUNT(*) FROM Customer WHERE Country = 'Canada'",
            "SELECT AVG(CustomerId) FROM Customer WHERE Country = 'France'",
        ),
        ("And the longest?", "SELECT MIN(Milliseconds) FROM Track", "SELECT MAX(Milliseconds) FROM Track"),
        (
            "Which customers are these?",
            DEAR,
            "SELECT FirstName FROM Customer",
        ),  # the tables have nothing in common
        ("Those too", f"{DEAR} OR UnitPrice < 0.5", "SELECT Name FROM Track"),  # an OR is not taken apart
        ("Sort them", f"{DEAR} UNION SELECT Name FROM Genre", "SELECT Name FROM Track ORDER BY Name"),
        (
            "Sort them",
            DEAR,
            "SELECT Name FROM Track WHERE TrackId IN (SELECT GenreId FROM Genre) ORDER BY Name",
        ),
    ],
)
def test_what_is_replaced_or_lifted_is_not(question: str, before: str, sql: str) -> None:
    assert keep(question, sql, before) == sql


def test_the_last_value_counts_and_not_one_that_was_left() -> None:
    mexico = CANADA.replace("Canada", "Mexico")
    counted = "SELECT COUNT(*) FROM Customer WHERE Country = 'Canada'"
    assert keep("How many are there?", counted, CANADA, mexico) == counted.replace("Canada", "Mexico")
    assert keep("How many were there in Canada?", counted, CANADA, mexico) == counted


def test_a_statement_that_the_grammar_does_not_take_is_left_alone() -> None:
    sql = "SELECT Name FROM Track ORDER BY UnitPrice"
    assert carried("Cheapest first", read(sql, SCHEMA), [DEAR], lambda _: False) == (sql, "")
    assert carried("Cheapest first", read(sql, SCHEMA), [], takes) == (sql, "")


def test_right_follow_ups_stay_as_they_are() -> None:
    """The written conversations' statements already hold what they should."""
    from bench.gold.canonical import canonicalise

    shop = schemas.from_ddl(SHOP)
    acceptor = Acceptor(shop)

    def taken(sql: str) -> bool:
        state = acceptor.start().step(sql.encode())
        return state is not None and state.accepting

    cases = json.loads((Path(__file__).parent / "conversations.json").read_text(encoding="utf-8"))
    looked = 0
    for case in (case for case in cases if case["db"] == "northwind"):
        before: list[str] = []
        for turn in case["turns"]:
            sql = canonicalise(turn["query"], shop)
            if before and not turn.get("new"):
                looked += 1
                assert carried(turn["question"], read(sql, shop), before, taken).sql == sql
            before.append(sql)
    assert looked > 15


SHOP = """
CREATE TABLE Categories (CategoryID INTEGER PRIMARY KEY, CategoryName TEXT, Description TEXT);
CREATE TABLE Suppliers (SupplierID INTEGER PRIMARY KEY, CompanyName TEXT, City TEXT, Country TEXT, Phone TEXT);
CREATE TABLE Products (ProductID INTEGER PRIMARY KEY, ProductName TEXT, UnitPrice REAL, UnitsInStock INTEGER,
    Discontinued TEXT, CategoryID INTEGER REFERENCES Categories(CategoryID));
CREATE TABLE Customers (CustomerID TEXT PRIMARY KEY, CompanyName TEXT, City TEXT, Country TEXT, Phone TEXT);
CREATE TABLE Orders (OrderID INTEGER PRIMARY KEY, CustomerID TEXT REFERENCES Customers(CustomerID), Freight REAL,
    ShipCountry TEXT);
CREATE TABLE Employees (EmployeeID INTEGER PRIMARY KEY, FirstName TEXT, LastName TEXT, City TEXT, Title TEXT,
    HireDate TEXT);
CREATE TABLE Shippers (ShipperID INTEGER PRIMARY KEY, CompanyName TEXT);
CREATE TABLE Territories (TerritoryID TEXT PRIMARY KEY);
"""


def test_a_question_that_names_a_value_alone_keeps_the_columns() -> None:
    before = "SELECT FirstName, City FROM Customer WHERE Country = 'Canada'"
    model = "SELECT FirstName FROM Customer WHERE City = 'Halifax'"
    kept = "SELECT FirstName, City FROM Customer WHERE Country = 'Canada' AND City = 'Halifax'"
    assert keep("Only Halifax", model, before) == kept
    emails = "SELECT Email FROM Customer WHERE City = 'Halifax'"
    assert keep("Only the emails of Halifax", emails, before) == kept.replace("FirstName, City", "Email", 1)


def test_an_answer_says_what_it_kept(tmp_path: Path) -> None:
    rich = "SELECT name FROM employees WHERE salary > 100000"
    model = AgreeableModel(["SELECT name FROM employees ORDER BY hire_date"])
    with Agent(demo_database.build(tmp_path / "company.sqlite"), model) as agent:
        answer = agent.ask("Sort them", history=[Turn("Who earns over 100000?", rich)])
    assert answer.sql == f"{rich} ORDER BY hire_date"
    assert "salary > 100000" in answer.note
