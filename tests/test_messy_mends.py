"""What invented files of strangers showed: nulls first, a table a year, milliseconds, undeclared keys, initials."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from fake_model import FakeModel
from rule_context import about

from sqlagent import Agent
from sqlagent.agent.scope_check import ScopeCheck
from sqlagent.amend.date_difference import TIME_BETWEEN
from sqlagent.amend.key_names import shown_by_name
from sqlagent.amend.period_phrases import periods
from sqlagent.amend.row_names import names_of
from sqlagent.amend.rules import SUPPLIED
from sqlagent.database import schema as schemas
from sqlagent.database.column_facts.decide import column_fact
from sqlagent.database.column_facts.encodings import Duration, Scaled
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.column_facts.undeclared_keys import undeclared_keys
from sqlagent.database.schema import ForeignKey
from sqlagent.linking.focus import Focus
from sqlagent.linking.schema_linker import Linker
from sqlagent.linking.value_index import ValueIndex
from sqlagent.sql.reading import Readings

TODAY = 1_735_689_600
RACES = """
CREATE TABLE races (event TEXT, member TEXT, seconds REAL, place TEXT, starts TEXT);
INSERT INTO races VALUES ('Sprint', 'Ada', NULL, 'DNF', '9:30'), ('Sprint', 'Bo', 61.5, '1', '9:30'),
    ('Sprint', 'Cy', 72.0, '2', '9:30'), ('Relay', 'Bo', 50.0, '1', '11:00'), ('Relay', 'Di', 99.0, 'DSQ', '11:00');
CREATE TABLE "Members 2023" (Name TEXT, Kind TEXT); CREATE TABLE "Members 2024" (Name TEXT, Kind TEXT);
CREATE TABLE "Members 2025" (Name TEXT, Kind TEXT, Fee REAL);
INSERT INTO "Members 2023" VALUES ('Ada', 'Junior'), ('Bo', 'Adult');
INSERT INTO "Members 2024" VALUES ('Ada', 'Junior'), ('Bo', 'Adult'), ('Cy', 'Junior');
INSERT INTO "Members 2025" VALUES ('Bo', 'Adult', 80);
CREATE TABLE orders (id INTEGER PRIMARY KEY, opened DATE, closed DATE);
INSERT INTO orders VALUES (1, '2024-01-01', '2024-01-11'), (2, '2024-02-01', '2024-02-21');
"""


@pytest.fixture
def races(small_database: Callable[[str], Path]) -> Path:
    return small_database(RACES)


def rules_of(path: Path, question: str, sql: str) -> tuple[list[tuple[object, ...]], list[str]]:
    with Agent(path, FakeModel([sql])) as agent:
        answer = agent.ask(question, anyway=True)
    return list(answer.rows), [one.rule for one in answer.amendments]


def supplied(path: Path, rule: str, question: str, sql: str) -> list[tuple[object, ...]] | None:
    """The rows of what a rule proposes; None where it leaves a statement alone."""
    connection = sqlite3.connect(path)
    asked = about(path, connection, question, date(2025, 6, 1))
    reading = asked.statements.find(sql)
    assert reading is not None and asked.accepts(sql), sql
    made = SUPPLIED[rule](reading, asked)
    return None if made.sql == sql else connection.execute(made.sql).fetchall()


# ---- NULL comes before every value ----


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        ("fastest sprint", "SELECT member FROM races WHERE event = 'Sprint' ORDER BY seconds LIMIT 1", [("Bo",)]),
        (
            "the two fastest of Sprint or Relay",
            "SELECT seconds FROM races WHERE event = 'Sprint' OR event = 'Relay' ORDER BY seconds LIMIT 2",
            [(50.0,), (61.5,)],
        ),
    ],
)  # fmt: skip
def test_what_has_no_value_is_not_the_first(
    races: Path, question: str, sql: str, rows: list[tuple[object, ...]]
) -> None:
    assert rules_of(races, question, sql) == (rows, ["nulls_first"])


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("slowest", "SELECT member FROM races ORDER BY seconds DESC LIMIT 1"),
        ("all by time", "SELECT member FROM races ORDER BY seconds"),
        ("who has no time", "SELECT member FROM races ORDER BY seconds LIMIT 1"),
        ("fastest relay", "SELECT member FROM races WHERE event = 'Relay' ORDER BY seconds LIMIT 1"),
        ("fewest", "SELECT member FROM races GROUP BY member ORDER BY COUNT(*) LIMIT 1"),
        ("first by name", "SELECT member FROM races ORDER BY member LIMIT 1"),
    ],
)
def test_other_orders_stay(races: Path, question: str, sql: str) -> None:
    assert rules_of(races, question, sql)[1] == []


# ---- a table for each year ----


def test_each_year_is_asked_of_its_own_table(races: Path) -> None:
    sql = "SELECT COUNT(*) FROM \"Members 2024\" WHERE Kind = 'Junior'"
    found = supplied(races, "tables_of_years", "how many juniors in each year", sql)
    assert found == [(2023, 1), (2024, 2), (2025, 0)]


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("how many juniors in 2024", "SELECT COUNT(*) FROM \"Members 2024\" WHERE Kind = 'Junior'"),
        ("how many juniors", "SELECT COUNT(*) FROM \"Members 2024\" WHERE Kind = 'Junior'"),
        ("the fee in each year", 'SELECT SUM(Fee) FROM "Members 2025"'),
        ("events in each year", "SELECT COUNT(*) FROM races"),
    ],
)
def test_one_year_and_what_only_one_table_has_stay(races: Path, question: str, sql: str) -> None:
    assert supplied(races, "tables_of_years", question, sql) is None


# ---- one row at an end ----


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        (
            "fastest time at Sprint and by whom",
            "SELECT MIN(seconds), member FROM races WHERE event = 'Sprint' GROUP BY member",
            [(61.5, "Bo")],
        ),
        (
            "highest time, and in which event?",
            "SELECT event, MAX(seconds) FROM races GROUP BY event",
            [("Relay", 99.0)],
        ),
        (
            "fastest time in each event, and by whom",
            "SELECT event, MIN(seconds) FROM races GROUP BY event",
            None,
        ),
        ("highest time by event and which one", "SELECT event, MAX(seconds) FROM races GROUP BY event", None),
        ("how long did the best take", "SELECT event, MAX(seconds) FROM races GROUP BY event", None),
    ],
)
def test_a_value_and_whose_it_is_are_of_one_row(
    races: Path, question: str, sql: str, rows: list[tuple[object, ...]] | None
) -> None:
    assert supplied(races, "one_extreme", question, sql) == rows


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        (
            "average seconds by event",
            "SELECT AVG(seconds) FROM races WHERE event = 'Sprint'",
            [("Relay", 74.5), ("Sprint", 66.75)],
        ),
        (
            "average seconds per event of those who started at 9:30",
            "SELECT AVG(seconds), place FROM races WHERE event = 'Relay' AND starts = '9:30' GROUP BY place",
            None,  # what is between is not understood
        ),
        (
            "average seconds by event",
            "SELECT place, AVG(seconds) FROM races WHERE event = 'Relay' AND starts = '11:00' GROUP BY place",
            [("Relay", 74.5)],
        ),
        ("average seconds of the Sprint by event", "SELECT AVG(seconds) FROM races WHERE event = 'Sprint'", None),
        ("average seconds by member", "SELECT AVG(seconds) FROM races WHERE event = 'Sprint'", None),
        ("average seconds by event", "SELECT seconds FROM races WHERE event = 'Sprint'", None),
    ],
)  # fmt: skip
def test_each_group_is_meant_and_not_one_that_nobody_named(
    races: Path, question: str, sql: str, rows: list[tuple[object, ...]] | None
) -> None:
    assert supplied(races, "not_one_group", question, sql) == rows


# ---- words ----


@pytest.mark.parametrize(
    "question", ["avg days to close an order", "mean days", "days from opening to closing"]
)
def test_days_between_dates_are_asked_for_in_few_words(races: Path, question: str) -> None:
    connection = sqlite3.connect(races)
    asked = about(races, connection, question, date(2025, 6, 1))
    reading = asked.statements.read("SELECT AVG(closed - opened) FROM orders")
    assert connection.execute(TIME_BETWEEN(reading, asked).sql).fetchall() == [(15.0,)]


def test_as_of_a_day_is_not_since_that_day() -> None:
    today = date(2025, 6, 1)
    assert periods("licences that are expired as of 1 jan 2026", today) == []
    found = periods("licences starting as of 1 jan 2026", today)
    assert [(one.begin, one.end) for one in found] == [(date(2026, 1, 1), None)]


def test_values_are_found_by_what_they_are_short_for(races: Path) -> None:
    index = ValueIndex(str(races), schemas.read(str(races)))
    try:
        index.build()
        found = [hint.value for hint in index.find("who did not finish in 2024", 8)]
        assert found == ["DNF"]
        assert index.find("drivers of fast cars", 8) == []
    finally:
        index.close()


# ---- columns ----


def fact(table: str, name: str, values: list[object], neighbours: tuple[str, ...] = ()) -> ColumnFact | None:
    return column_fact(Evidence(table, name, "", dict.fromkeys(values, 1), neighbours=neighbours), TODAY)  # type: ignore[arg-type]


LENGTHS = [733_000, 1_204_000, 2_961_000, 3_333_000, 4_127_000, 5_209_000, 851_000, 1_999_000, 962_000]


@pytest.mark.parametrize(
    ("table", "name", "values", "neighbours"),
    [
        ("FeedMedia", "duration", LENGTHS, ()),
        ("visits", "duration", LENGTHS, ()),
        ("tracks", "duration", [215_313 + 7_919 * i for i in range(12)], ()),
        ("episodes", "position", [0, *LENGTHS], ("duration", "position")),
    ],
)
def test_durations_of_thousands_are_milliseconds(
    table: str, name: str, values: list[object], neighbours: tuple[str, ...]
) -> None:
    found = fact(table, name, values, neighbours)
    assert found is not None and found.encoding == Scaled(1000, "seconds") and found.changes


@pytest.mark.parametrize(
    ("table", "name", "values"),
    [
        ("tracks", "duration_ms", LENGTHS),
        ("tracks", "duration", [215 + 7 * i for i in range(12)]),
        ("voyages", "duration", [215_313 + 7_919 * i for i in range(12)]),
        ("projects", "duration", [1000 * 10 * i for i in range(1, 12)]),
        ("players", "position", LENGTHS),
        ("tracks", "size", LENGTHS),
    ],
)
def test_other_numbers_stay_as_they_are(table: str, name: str, values: list[object]) -> None:
    found = fact(table, name, values)
    assert found is None or not isinstance(found.encoding, Scaled)


def test_times_of_races_are_durations_and_appointments_are_not() -> None:
    timed = ["7:13", "7:41", "8:02", "9:58", "10:11", "11:04", "8:33", "9:29", "10:47"]
    found = fact("Races", "Time", [*timed, ""])
    assert found is not None and found.encoding == Duration(2) and found.changes
    appointments = ["9:30", "10:00", "10:15", "11:00", "9:15", "9:45", "8:30", "8:45"]
    for other in (fact("Races", "Time", [*appointments]), fact("Trains", "Time", [*timed])):
        assert other is None or not other.changes


ERP = """
CREATE TABLE pm_lease (lease_id INTEGER, tnt_id INTEGER, rent REAL);
CREATE TABLE pm_deposit (dep_id INTEGER, lease_id INTEGER, amt REAL);
CREATE TABLE pm_tnt (tnt_id INTEGER, tnt_nm TEXT, left_on TEXT);
CREATE TABLE ar_inv (inv_id INTEGER, lease_id INTEGER, amt REAL);
CREATE TABLE FeedItems (id INTEGER PRIMARY KEY, title TEXT);
CREATE TABLE PlayLog (_id INTEGER PRIMARY KEY, item INTEGER);
INSERT INTO pm_lease VALUES (31, 1, 10), (32, 2, 20), (33, 3, 30), (34, 1, 40), (35, 4, 50);
INSERT INTO pm_deposit VALUES (91, 31, 5), (92, 32, 5), (93, 33, 5), (94, 34, 5), (95, 35, 5);
INSERT INTO pm_tnt VALUES (1, 'TA', NULL), (2, 'TB', NULL), (3, 'TC', '2024-01-01'), (4, 'TD', NULL), (5, 'TE', NULL);
INSERT INTO ar_inv VALUES (1, 31, 1), (2, 31, 2), (3, 32, 3), (4, 33, 4), (5, 34, 5), (6, 35, 6);
INSERT INTO FeedItems VALUES (501, 'a'), (502, 'b'), (503, 'c'), (504, 'd');
INSERT INTO PlayLog VALUES (1, 502), (2, 503), (3, 504), (4, 502);
"""


def test_a_table_does_not_refer_to_what_refers_to_it(small_database: Callable[[str], Path]) -> None:
    path = small_database(ERP)
    connection = sqlite3.connect(path)
    found = undeclared_keys(lambda sql: connection.execute(sql).fetchall(), schemas.read(str(path)).tables)
    keys = {(table, key.columns[0], key.ref_table) for table, held in found.items() for key in held}
    assert keys == {
        ("pm_lease", "tnt_id", "pm_tnt"),
        ("pm_deposit", "lease_id", "pm_lease"),
        ("ar_inv", "lease_id", "pm_lease"),
        ("PlayLog", "item", "FeedItems"),
    }


def test_a_key_that_other_tables_refer_to_is_shown_by_its_name(small_database: Callable[[str], Path]) -> None:
    schema = schemas.read(str(small_database(ERP)))
    reference = ForeignKey(("tnt_id",), "pm_tnt", ("tnt_id",))
    sql = "SELECT tnt_id FROM pm_tnt WHERE left_on IS NOT NULL"
    assert shown_by_name("Which tenant has left?", Readings(schema).read(sql), lambda _: True).sql == sql
    tables = [
        replace(table, foreign_keys=(reference,)) if table.name == "pm_lease" else table
        for table in schema.tables
    ]
    known = Readings(replace(schema, tables=tuple(tables))).read(sql)
    made = shown_by_name("Which tenant has left?", known, lambda _: True).sql
    assert made == "SELECT tnt_nm FROM pm_tnt WHERE left_on IS NOT NULL"


def test_rows_are_named_by_a_short_description(small_database: Callable[[str], Path]) -> None:
    ddl = "CREATE TABLE {0} (id INTEGER PRIMARY KEY, {1} TEXT, price INTEGER)"
    short = schemas.read(str(small_database(ddl.format("prod", "descr")))).tables[0]
    assert names_of(short) == ("descr",)
    whole = schemas.from_ddl(ddl.format("visits", "description")).tables[0]
    assert names_of(whole) == ()


def test_empty_tables_are_not_needed_unless_they_are_named(small_database: Callable[[str], Path]) -> None:
    full = "".join(
        f"CREATE TABLE work_{i} (work_{i}_id INTEGER, cost_{i} REAL, vendor_id INTEGER, remark_{i} TEXT);"
        f"INSERT INTO work_{i} VALUES (1, 2, 3, 'x');"
        for i in range(30)
    )
    empty = "CREATE TABLE vendor_invoices (vendor_id INTEGER, cost REAL, repair TEXT);"
    linker = Linker(schemas.read(str(small_database(full + empty))))
    assert "vendor_invoices" not in linker.needed("repair cost of each vendor")
    assert "vendor_invoices" in linker.needed("how many invoices are there")


# ---- two tables of the same columns ----

LOANS = """
CREATE TABLE loan (loan_id INTEGER, item TEXT, out_on TEXT);
CREATE TABLE loan_hist (loan_id INTEGER, item TEXT, out_on TEXT);
CREATE TABLE mixed (sensor TEXT, val TEXT, started INTEGER, ended INTEGER);
CREATE TABLE bk (bk_id INTEGER PRIMARY KEY, ttl TEXT, pub_yr INTEGER);
INSERT INTO loan VALUES (3, 'saw', '2025-01-03'), (4, 'axe', '2025-02-03');
INSERT INTO loan_hist VALUES (1, 'saw', '2023-05-03'), (2, 'saw', '2024-05-03');
INSERT INTO bk VALUES (1, 'Atlas', 0), (2, 'Stoner', 1965), (3, 'Circe', 2018), (4, 'Mort', 1987);
"""


@pytest.fixture
def loans(small_database: Callable[[str], Path]) -> Path:
    readings = ", ".join(
        f"('t', '{value}', {1_740_000_000 + 900 * i}, {1_740_000_120 + 900 * i})"
        for i, value in enumerate([*(f"{9 + n / 2}" for n in range(40)), "absent", "on"])
    )
    return small_database(f"{LOANS} INSERT INTO mixed VALUES {readings};")


def test_rows_are_taken_from_the_twin_that_has_them(loans: Path) -> None:
    sql = "SELECT COUNT(*) FROM loan WHERE loan.out_on LIKE '2023%'"
    assert supplied(loans, "twin_table", "how many loans in 2023", sql) == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) FROM loan WHERE out_on LIKE '2025%'",
        "SELECT COUNT(*) FROM loan WHERE out_on LIKE '2019%'",
        "SELECT COUNT(*) FROM loan JOIN loan_hist ON loan.item = loan_hist.item WHERE loan.out_on LIKE '2023%'",
        "SELECT ttl FROM bk WHERE pub_yr = 2001",
    ],
)
def test_a_table_that_has_them_or_has_no_twin_stays(loans: Path, sql: str) -> None:
    assert supplied(loans, "twin_table", "those", sql) is None


# ---- numbers among words, years, differences ----


def test_words_come_behind_numbers_and_are_counted(loans: Path) -> None:
    for sql, rows in {
        "SELECT val FROM mixed ORDER BY val LIMIT 1": [("9.0",)],
        "SELECT val FROM mixed ORDER BY val DESC LIMIT 1": [("28.5",)],
        "SELECT COUNT(DISTINCT val) FROM mixed": [(42,)],
        "SELECT COUNT(val) FROM mixed": [(42,)],
    }.items():
        with Agent(loans, FakeModel([sql])) as agent:
            assert agent.ask("the val", anyway=True).rows == rows, sql


def test_nothing_is_of_the_year_0(loans: Path) -> None:
    with Agent(loans, FakeModel(["SELECT ttl FROM bk ORDER BY pub_yr LIMIT 1"])) as agent:
        answer = agent.ask("the oldest", anyway=True)
    assert answer.rows == [("Stoner",)] and "0 for none" in answer.note
    worked = fact("jobs", "years", [0, 3, 7, 12, 20])
    assert worked is None or not worked.nothing


def test_what_is_divided_by_60_is_in_seconds(loans: Path) -> None:
    for sql in (
        "SELECT MAX(ended - started) / 60.0 FROM mixed",
        "SELECT MAX((ended - started) / 60) FROM mixed",
    ):
        with Agent(loans, FakeModel([sql])) as agent:
            answer = agent.ask("longest in minutes", anyway=True)
        assert answer.rows[0][0] == pytest.approx(2.0, abs=1e-4), answer.sql
    with Agent(loans, FakeModel(["SELECT AVG(ended - started) FROM mixed"])) as agent:
        assert agent.ask("average minutes", anyway=True).rows[0][0] == pytest.approx(2.0, abs=1e-4)


def test_a_year_that_is_named_is_that_year() -> None:
    for question in ("loans this year, 2025", "loans this year (2025)"):
        assert [(one.begin, one.end) for one in periods(question, date(2026, 6, 1))] == [
            (date(2025, 1, 1), date(2026, 1, 1))
        ]
    assert [one.begin for one in periods("loans this year", date(2026, 6, 1))] == [date(2026, 1, 1)]


# ---- refusals ----


def test_a_word_within_a_category_is_about_the_database(small_database: Callable[[str], Path]) -> None:
    path = small_database(
        "CREATE TABLE entity (id INTEGER PRIMARY KEY, friendly TEXT);"
        "CREATE TABLE readings (entity_id INTEGER REFERENCES entity(id), val REAL);"
        "INSERT INTO entity VALUES (1, 'Power meter'), (2, 'Front door'); INSERT INTO readings VALUES (1, 3.5);"
    )
    focus = Focus(str(path))
    try:
        schema = schemas.read(str(path))
        focus.build(schema)
        assert focus.holds_word(schema, "power") and not focus.holds_word(schema, "salary")
    finally:
        focus.close()


def test_no_question_is_refused_for_a_verb_alone(small_database: Callable[[str], Path]) -> None:
    path = small_database("CREATE TABLE plays (item TEXT, secs INTEGER, hours_total REAL);")
    check = ScopeCheck(schemas.read(str(path)), lambda: Strangers())
    assert not check.look("how much was listened in March").refused
    assert not check.look("volunteer hours of the orchestra").refused
    assert check.look("salary of the orchestra conductor").refused


class Strangers:
    """No word is like another."""

    def likeness(self, words: list[str], others: list[str]) -> object:
        return np.zeros((len(words), len(others)))

    def knows(self, word: str) -> bool:
        return True


# ---- names ----


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        ("best known book", "SELECT bk_id FROM bk ORDER BY pub_yr DESC LIMIT 1", [("Circe",)]),
        ("books before 1970", "SELECT bk_id FROM bk WHERE pub_yr = 1965", [("Stoner",)]),
        ("show all the books of 1965", "SELECT bk_id FROM bk WHERE pub_yr = 1965", [("Stoner",)]),
        ("how many books", "SELECT bk_id FROM bk WHERE pub_yr = 1965", None),
        ("book ids of 1965", "SELECT bk_id FROM bk WHERE pub_yr = 1965", None),
        ("loans of 1965", "SELECT bk_id FROM bk WHERE pub_yr = 1965", None),
    ],
)
def test_what_is_asked_for_by_its_noun_is_shown_by_name(
    small_database: Callable[[str], Path], question: str, sql: str, rows: list[tuple[object, ...]] | None
) -> None:
    path = small_database(LOANS.replace("TABLE bk (", "TABLE book (").replace("INTO bk ", "INTO book "))
    assert supplied(path, "asked_by_noun", question, sql.replace("FROM bk ", "FROM book ")) == rows


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        ("total fines in pounds", "SELECT SUM(fine_p) FROM fines", [(3.5,)]),
        ("fines above £2", "SELECT id FROM fines WHERE fine_p > 2", [(2,)]),
        ("total fines", "SELECT SUM(fine_p) FROM fines", None),
        ("the cell in pounds", "SELECT SUM(weight_p) FROM fines", None),
    ],
)
def test_hundredths_are_told_by_the_currency_that_is_named(
    small_database: Callable[[str], Path], question: str, sql: str, rows: list[tuple[object, ...]] | None
) -> None:
    path = small_database(
        "CREATE TABLE fines (id INTEGER PRIMARY KEY, fine_p INTEGER, weight_p REAL);"
        "INSERT INTO fines VALUES (1, 100, 0.5), (2, 250, 1.5);"
    )
    assert supplied(path, "units", question, sql) == rows


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        ("hours listened to Bells", "SELECT SUM(secs) FROM plays WHERE item = 'Bells'", [(1.5,)]),
        (
            "hours listened to Bells",
            "SELECT SUM(CASE WHEN item = 'Bells' THEN secs ELSE 0 END) FROM plays",
            [(1.5,)],
        ),
        ("hours listened", "SELECT SUM(CASE WHEN item = 'Bells' THEN secs ELSE 5 END) FROM plays", None),
        ("hours listened", "SELECT COUNT(CASE WHEN secs > 0 THEN item END) FROM plays", None),
        ("seconds listened to Bells", "SELECT SUM(secs) FROM plays WHERE item = 'Bells'", None),
    ],
)
def test_a_column_may_be_called_after_its_unit_alone(
    small_database: Callable[[str], Path], question: str, sql: str, rows: list[tuple[object, ...]] | None
) -> None:
    path = small_database(
        "CREATE TABLE plays (item TEXT, secs INTEGER);"
        "INSERT INTO plays VALUES ('Bells', 3600), ('Bells', 1800), ('Rain', 600);"
    )
    assert supplied(path, "units", question, sql) == rows
