"""Who never did a thing is not who did another one."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from fake_model import AgreeableModel

from sqlagent import Agent
from sqlagent.amend.never import none_of
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
CREATE TABLE cards (id INTEGER PRIMARY KEY, "of" INT REFERENCES customers(id), kind TEXT, banks INT);
CREATE TABLE profiles (customer INTEGER PRIMARY KEY REFERENCES customers(id), kind TEXT);
CREATE TABLE banks (id INTEGER PRIMARY KEY, kind TEXT);
CREATE TABLE matches (country TEXT, kind TEXT, year INT);
INSERT INTO customers VALUES (1, 'Ann', 'Paris'), (2, 'Bo', 'Rome'), (3, 'Cy', 'Paris'), (4, 'Di', 'Paris');
INSERT INTO cards VALUES (1, 1, 'credit', 1), (2, 1, 'debit', 1), (3, 2, 'credit', 1), (4, 3, 'debit', 1);
INSERT INTO matches VALUES ('A', 'friendly', 1), ('A', 'cup', 2), ('B', 'cup', 1), ('B', 'cup', 3);
"""
SCHEMA = schemas.from_ddl(DDL[: DDL.index("INSERT")])
ACCEPTOR = Acceptor(SCHEMA)
JOIN = 'SELECT customers.name FROM customers JOIN cards ON customers.id = cards."of"'
WITHOUT = "Which customers have no credit card?"


takes = ACCEPTOR.accepts


@pytest.mark.parametrize(
    "question, sql, rows",
    [
        (WITHOUT, JOIN + " WHERE cards.kind != 'credit'", ["Cy", "Di"]),
        ("Who doesn't hold a credit card?", JOIN + " WHERE cards.kind NOT LIKE '%cred%'", ["Cy", "Di"]),
        (
            "Customers in Paris without a credit card, from last to first",
            JOIN + " WHERE customers.city = 'Paris' AND cards.kind != 'credit' ORDER BY customers.name DESC",
            ["Di", "Cy"],
        ),
        (
            WITHOUT,
            'SELECT DISTINCT customers.name FROM cards JOIN customers ON cards."of" = customers.id'
            " WHERE cards.kind != 'credit' AND customers.id > 3",
            ["Di"],
        ),
        (
            "Which countries never played a friendly match?",
            "SELECT country FROM matches WHERE kind != 'friendly'",
            ["B"],
        ),
    ],
)
def test_whoever_did_it_is_left_out(question, sql, rows):
    made, note = none_of(question, read(sql, SCHEMA), takes)
    assert re.fullmatch(r"Whoever has '(credit|friendly|%cred%)' at all is left out\.", note)
    assert takes(made)
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL)
    assert [name for (name,) in connection.execute(made)] == rows


@pytest.mark.parametrize(
    "question, sql",
    [
        ("Which customers have another card than credit?", JOIN + " WHERE cards.kind != 'credit'"),
        (WITHOUT, JOIN + " WHERE cards.kind = 'credit'"),
        (WITHOUT, JOIN + " WHERE cards.kind != 'credit' OR cards.kind != 'debit'"),
        (WITHOUT, JOIN + " WHERE cards.kind != 'credit' AND cards.kind != 'debit'"),
        (WITHOUT, JOIN + " WHERE cards.kind != 'credit' AND cards.id > 2"),  # of the same card
        (WITHOUT, JOIN + " WHERE cards.kind != 'credit' LIMIT 3"),
        (WITHOUT, JOIN + " WHERE customers.city != 'credit'"),  # each has one city
        (WITHOUT, JOIN.replace("customers.name", "cards.id") + " WHERE cards.kind != 'credit'"),
        (WITHOUT, JOIN.replace("customers.name", "COUNT(*)") + " WHERE cards.kind != 'credit'"),
        (
            WITHOUT,  # each has one profile
            "SELECT customers.name FROM customers JOIN profiles ON customers.id = profiles.customer"
            " WHERE profiles.kind != 'credit'",
        ),
        (
            WITHOUT,  # each card has one bank
            "SELECT cards.id FROM cards JOIN banks ON cards.banks = banks.id WHERE banks.kind != 'credit'",
        ),
        (
            WITHOUT,
            'SELECT customers.name FROM customers JOIN cards ON customers.id = cards."of"'
            " JOIN banks ON cards.banks = banks.id WHERE banks.kind != 'credit'",
        ),
        ("Which matches have no friendly kind?", "SELECT country FROM matches WHERE kind != 'friendly'"),
        ("Who never played?", "SELECT country FROM matches WHERE kind != 'friendly' AND year > 1"),
        ("Which never?", "SELECT id FROM banks WHERE kind != 'friendly'"),
        (WITHOUT, "SELECT name FROM customers"),
    ],
)
def test_what_may_be_meant_stays(question, sql):
    assert none_of(question, read(sql, SCHEMA), takes) == (sql, "")


def test_what_the_grammar_does_not_take_stays():
    sql = JOIN + " WHERE cards.kind != 'credit'"
    assert none_of(WITHOUT, read(sql, SCHEMA), lambda made: False) == (sql, "")


def test_the_agent_says_so(tmp_path: Path):
    place = tmp_path / "bank.sqlite"
    with sqlite3.connect(place) as connection:
        connection.executescript(DDL)
    with Agent(place, model=AgreeableModel([JOIN + " WHERE cards.kind != 'credit'"])) as agent:
        answer = agent.ask(WITHOUT)
    assert answer.rows == [("Cy",), ("Di",)]
    assert answer.note == "Whoever has 'credit' at all is left out."
