"""A text that its column does not hold is looked for where it is, and left out only where it can be nowhere."""

from __future__ import annotations

import sqlite3

import pytest

from sqlagent.amend.held_elsewhere import elsewhere, of_the_whole
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.sql.reading import read

COLUMNS = "(id INTEGER PRIMARY KEY, street TEXT, status TEXT, note TEXT, lamps INTEGER)"
ROWS = """(1, 'High Street', 'open since 1965', NULL, 4), (2, 'Mill Lane', 'closed', 'by the mill', 7),
    (3, 'Low Road', 'open', NULL, 2)"""


def opened(table: str):
    ddl = f"CREATE TABLE {table} {COLUMNS};"
    connection = sqlite3.connect(":memory:")
    connection.executescript(f"{ddl} INSERT INTO {table} VALUES {ROWS};")
    schema = schemas.from_ddl(ddl)
    return schema, Acceptor(schema).accepts, lambda sql: [row[0] for row in connection.execute(sql)]


@pytest.mark.parametrize(
    "where, made",
    [
        ("street = 'closed'", "status = 'closed'"),
        ("street = 'since 1965'", "status LIKE '%since 1965%'"),
        ("street LIKE '%closed%' AND lamps > 1", "status = 'closed' AND lamps > 1"),
    ],
)
def test_a_comparison_moves_to_the_column_that_holds_its_text(where, made):
    schema, accepts, values = opened("lights")
    found, why = elsewhere(read(f"SELECT lamps FROM lights WHERE {where}", schema), accepts, values)
    assert found == f"SELECT lamps FROM lights WHERE {made}"
    assert "and not in street" in why


@pytest.mark.parametrize(
    "where",
    [
        "street = 'Mill Lane'",
        "street = 'Mill'",  # part of what it holds: `held_texts` sees to that
        "status = 'mill'",  # in two other columns
        "street = 'demolished'",  # nowhere
        "street != 'closed'",
        "street = 'a'",
        "street = 'closed' OR lamps = 4",
    ],
)
def test_a_comparison_stays_where_its_column_holds_the_text_or_several_do(where):
    schema, accepts, values = opened("lights")
    sql = f"SELECT lamps FROM lights WHERE {where}"
    assert elsewhere(read(sql, schema), accepts, values) == (sql, "")


@pytest.mark.parametrize(
    "where, made",
    [
        ("street = 'Oxford'", ""),
        ("street LIKE '%Oxford%' AND lamps > 3", " WHERE lamps > 3"),
        ("lamps > 3 AND street = 'Oxford' AND status = 'closed'", " WHERE lamps > 3 AND status = 'closed'"),
        ("street = 'Oxford' AND (lamps = 4 OR lamps = 7)", " WHERE (lamps = 4 OR lamps = 7)"),
        (
            "street = 'Oxford' AND id < (SELECT MAX(id) FROM data WHERE street = 'Oxford' AND lamps = 4)",
            " WHERE id < (SELECT MAX(id) FROM data WHERE street = 'Oxford' AND lamps = 4)",
        ),
    ],
)
def test_what_a_table_without_a_telling_name_is_about_is_no_condition(where, made):
    schema, accepts, values = opened("data")
    found, why = of_the_whole(read(f"SELECT COUNT(*) FROM data WHERE {where}", schema), accepts, values)
    assert found == f"SELECT COUNT(*) FROM data{made}"
    assert "'Oxford'" in why


@pytest.mark.parametrize(
    "where", ["street = 'closed'", "street = 'Mill Lane'", "street != 'Oxford'", "id = 99"]
)
def test_what_the_table_holds_anywhere_stays_a_condition(where):
    schema, accepts, values = opened("data")
    sql = f"SELECT COUNT(*) FROM data WHERE {where}"
    assert of_the_whole(read(sql, schema), accepts, values) == (sql, "")


@pytest.mark.parametrize("table", ["lights", "orders_2024", "customers"])
def test_nobody_of_that_name_is_an_answer_where_the_table_says_what_it_holds(table):
    schema, accepts, values = opened(table)
    sql = f"SELECT COUNT(*) FROM {table} WHERE street = 'Oxford'"
    assert of_the_whole(read(sql, schema), accepts, values) == (sql, "")
