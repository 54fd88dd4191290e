"""Dates in words, of several formats and precisions in one column, are compared as the dates that they are."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlagent.database import schema
from sqlagent.database.column_facts.decide import column_fact
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.column_facts.meant_schema import meant_schema
from sqlagent.database.column_facts.mixed_dates import worded_date
from sqlagent.database.column_facts.sampling import read_facts
from sqlagent.database.column_facts.written_dates import MixedDate
from sqlagent.lowering.lower import lower

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip


def fact(*values: str) -> ColumnFact | None:
    return column_fact(Evidence("t", "released", "TEXT", dict.fromkeys(values, 1)))


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("july 6, 2004", "2004-07-06"),
        ("JULY 6 2004", "2004-07-06"),
        ("Jul. 6, 2004", "2004-07-06"),
        ("6 Jul 2004", "2004-07-06"),
        ("6 july, 2004", "2004-07-06"),
        ("july 6 , 2004", "2004-07-06"),
        ("06-JUL-2004", "2004-07-06"),
        ("July 2004", "2004-07"),
        ("sept 1999", "1999-09"),
        ("Sept. 3, 1999", "1999-09-03"),
        ("2004", None),
        ("february 30, 2004", None),
        ("july", None),
        ("Mary 6, 2004", None),
        ("may be 2004", None),
    ],
)
def test_a_date_in_words_is_read_in_any_case_with_or_without_a_day_or_a_comma(
    text: str, date: str | None
) -> None:
    assert worded_date(text) == date


@pytest.mark.parametrize(
    ("values", "decoded"),
    [
        (("27 july 1955", "1956", "3 may 1957", "1958"), ["1955-07-27", "1956", "1957-05-03", "1958"]),
        (("July 6, 2004", "6 July 2004", "July 2004"), ["2004-07-06", "2004-07-06", "2004-07"]),
        (("january 1999", "MAY 2000", "Dec. 2001"), ["1999-01", "2000-05", "2001-12"]),
        (("25/12/2023", "03/04/2024", "2022"), ["2023-12-25", "2024-04-03", "2022"]),
        (("2004-05-03", "3 May 2005", "May 2006"), ["2004-05-03", "2005-05-03", "2006-05"]),
        (("5 March 2004", "Mar 6, 2004", "7 march 2004"), ["2004-03-05", "2004-03-06", "2004-03-07"]),
    ],
)
def test_the_whole_column_decides(values: tuple[str, ...], decoded: list[str]) -> None:
    found = fact(*values)
    assert found is not None and found.changes and isinstance(found.encoding, MixedDate)
    assert [found.encoding.decode(value) for value in values] == decoded


@pytest.mark.parametrize(
    "values",
    [
        ("1955", "1956", "1957"),
        ("2004-05-03", "2005", "2006-07"),
        ("May", "June", "July"),
        ("Mary 1955", "June 1956", "Carter 1957"),
        ("03/04/2024", "05/06/2024", "2023"),
        ("may 5", "june 6", "july 7"),
        ("Windows 2000", "Office 2003", "march 2004"),
        ("a march to 1955", "the may of 1960", "1970"),
        ("July 6, 2004", "hello", "world", "again"),
        ("12 may 1999", "1955?", "80s", "1990s", "3 june 2001"),
    ],
)
def test_years_alone_names_and_what_may_be_read_in_two_ways_are_none(values: tuple[str, ...]) -> None:
    found = fact(*values)
    assert found is None or not isinstance(found.encoding, MixedDate)


# ---- lowering ----


def _written(date: str, draw: random.Random) -> str:
    """An ISO date, month or year in words."""
    year, *rest = date.split("-")
    if not rest:
        return year
    name = draw.choice(
        [MONTHS[int(rest[0]) - 1], MONTHS[int(rest[0]) - 1].lower(), MONTHS[int(rest[0]) - 1][:3]]
    )
    if len(rest) == 1:
        return f"{name} {year}"
    day = str(int(rest[1]))
    return draw.choice([f"{day} {name} {year}", f"{name} {day}, {year}", f"{name} {day} {year}"])


@pytest.fixture(scope="module")
def pair() -> tuple[sqlite3.Connection, sqlite3.Connection, schema.Schema, dict[tuple[str, str], ColumnFact]]:
    """Films with dates in words, the same with ISO text, and what was told of the first."""
    draw = random.Random(7)
    stored, plain = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    made = "CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT, released TEXT, shot TEXT)"
    for connection in (stored, plain):
        connection.execute(made)
    for i in range(120):
        dates = []
        for _ in range(2):
            date = f"{draw.randint(1950, 1960)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
            dates.append(date[: draw.choice((10, 10, 7, 4))])
        plain.execute("INSERT INTO films VALUES (?, ?, ?, ?)", (i, f"film {i % 30}", *dates))
        row = (i, f"film {i % 30}", *(_written(date, draw) for date in dates))
        stored.execute("INSERT INTO films VALUES (?, ?, ?, ?)", row)
    found = schema.from_ddl(made)
    return stored, plain, found, read_facts(lambda sql: stored.execute(sql).fetchall(), found.tables)


_DATE = st.sampled_from(["1955-07-27", "1955-07", "1955", "1950-01-01", "1960-12", "1958-02-28"])
_COLUMN = st.sampled_from(["released", "shot"])


@st.composite
def statements(draw: st.DrawFn) -> str:
    one, two = draw(_COLUMN), draw(_COLUMN)
    date = draw(_DATE)
    grain = draw(st.sampled_from(["1, 4", "1, 7"]))
    condition = draw(
        st.sampled_from(
            [
                f"{one} >= '{date}'",
                f"{one} < '{date}'",
                f"{one} BETWEEN '{date}' AND '1958-06-30'",
                f"{one} LIKE '{date}%'",
                f"SUBSTR({one}, 1, 4) = '{date[:4]}'",
                f"{one} < {two}",
                f"{one} IS NOT NULL AND NOT {two} >= '{date}'",
            ]
        )
    )
    return draw(
        st.sampled_from(
            [
                f"SELECT COUNT(*) FROM films WHERE {condition}",
                f"SELECT id FROM films WHERE {condition} ORDER BY {one}, id LIMIT 5",
                f"SELECT MAX({one}), MIN({two}) FROM films WHERE {condition}",
                f"SELECT SUBSTR({one}, {grain}), COUNT(*) FROM films GROUP BY SUBSTR({one}, {grain})",
                f"SELECT title FROM films WHERE {one} = (SELECT MAX({one}) FROM films) AND {condition}",
            ]
        )
    )


@settings(max_examples=200, deadline=None)
@given(sql=statements())
def test_lowered_and_run_equals_the_statement_over_iso_text(pair: Any, sql: str) -> None:
    stored, plain, found, facts = pair
    written = lower(sql, found, facts).sql
    assert sorted(stored.execute(written).fetchall()) == sorted(plain.execute(sql).fetchall()), written


@pytest.mark.parametrize(
    ("in_words", "in_iso"),
    [
        ("released < 'july 6, 1955'", "released < '1955-07-06'"),
        ("released >= '6 JULY 1955'", "released >= '1955-07-06'"),
        ("released = 'March 1955'", "substr(released, 1, 7) = '1955-03'"),
        ("released > 'July 1955'", "substr(released, 1, 7) > '1955-07'"),
        (
            "released BETWEEN 'jan 5, 1952' AND 'Dec. 31, 1954'",
            "released BETWEEN '1952-01-05' AND '1954-12-31'",
        ),
        ("released = 1955", "substr(released, 1, 4) = '1955'"),
        ("released > 1955", "substr(released, 1, 4) > '1955'"),
        (
            "released IN ('1955', 'may 1956')",
            "substr(released, 1, 4) = '1955' OR substr(released, 1, 7) = '1956-05'",
        ),
        ("strftime('%Y', released) = '1955'", "substr(released, 1, 4) = '1955'"),
        ("strftime('%m', released) = '07'", "substr(released, 6, 2) = '07'"),
        ("strftime('%d', released) = '13'", "substr(released, 9, 2) = '13'"),
    ],
)
def test_a_constant_in_words_is_the_date_that_it_names(pair: Any, in_words: str, in_iso: str) -> None:
    stored, plain, found, facts = pair
    written = lower(f"SELECT id FROM films WHERE {in_words}", found, facts).sql
    wanted = plain.execute(f"SELECT id FROM films WHERE {in_iso}").fetchall()
    assert stored.execute(written).fetchall() == wanted and wanted, written


def test_a_constant_in_words_is_a_date_beside_times_as_numbers_and_a_bound_beside_one_format() -> None:
    connection = sqlite3.connect(":memory:")
    made = "CREATE TABLE v (id INTEGER PRIMARY KEY, visit_date INTEGER, day TEXT)"
    connection.execute(made)
    for i in range(60):
        connection.execute(
            "INSERT INTO v VALUES (?, ?, ?)", (i, 1_714_694_400 + i * 86_400, f"{i % 28 + 1}/5/2024")
        )
    found = schema.from_ddl(made)
    facts = read_facts(lambda sql: connection.execute(sql).fetchall(), found.tables)

    def count(condition: str) -> Any:
        return connection.execute(
            lower(f"SELECT COUNT(*) FROM v WHERE {condition}", found, facts).sql
        ).fetchone()[0]

    assert count("visit_date < 'may 6, 2024'") == 3
    assert count("day < '10/5/2024'") == sum(i % 28 + 1 < 10 for i in range(60))
    assert count("day > 'may 20, 2024'") == sum(i % 28 + 1 > 20 for i in range(60))


def test_the_schema_shows_a_day(pair: Any) -> None:
    stored, _, found, facts = pair
    samples = tuple(value for (value,) in stored.execute("SELECT released FROM films LIMIT 9"))
    from dataclasses import replace

    table = found.tables[0]
    columns = tuple(replace(c, samples=samples) if c.name == "released" else c for c in table.columns)
    shown = (
        meant_schema(replace(found, tables=(replace(table, columns=columns),)), facts)
        .tables[0]
        .column("released")
    )
    assert shown is not None and shown.type == "DATE" and len(str(shown.samples[0])) == 10
