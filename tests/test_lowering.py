"""A statement written as columns are meant gives the right rows of how they are stored, and is left alone elsewhere."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import encoded_databases as encoded
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlagent.database import schema
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.column_facts.meant_schema import meant_schema
from sqlagent.database.column_facts.sampling import read_facts
from sqlagent.lowering.columns import Options
from sqlagent.lowering.constants import number_of
from sqlagent.lowering.lower import Lowered, lower
from sqlagent.lowering.views import view_facts
from sqlagent.sql.parser import parse_expression

TODAY = 1_767_225_600  # 2026-01-01
ALL = Options(shown_texts=True)
AS_NUMBERS = Options(shown=False)
"""For durations, of which the longest is shown as it is stored."""
Opened = tuple[sqlite3.Connection, schema.Schema, dict[tuple[str, str], ColumnFact]]


def opened(connection: sqlite3.Connection) -> Opened:
    made = ";".join(
        text for (text,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'")
    )
    found = schema.from_ddl(made)
    return (
        connection,
        found,
        read_facts(lambda sql: connection.execute(sql).fetchall(), found.tables, today=TODAY),
    )


@cache
def stored(shape: str, encoding: str) -> Opened:
    return opened(encoded.build(encoded.SHAPES[shape], encoding, plain=False))


def options_for(encoding: str) -> Options:
    return AS_NUMBERS if encoding.startswith(("duration", "lap")) else ALL


def rows_of(connection: sqlite3.Connection, sql: str) -> list[tuple[Any, ...]]:
    return comparable(connection.execute(sql).fetchall())


def comparable(rows: list[Any]) -> list[tuple[Any, ...]]:
    """Rows with numbers rounded; a number in text is that number."""
    return [tuple(_cell(cell) for cell in row) for row in rows]


def _cell(cell: Any) -> Any:
    try:
        return round(float(cell), 3)
    except (TypeError, ValueError):
        return cell


def _cases() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    lines = [json.loads(line) for line in encoded.CASES.read_text(encoding="utf-8").splitlines()]
    for name in encoded.ENCODINGS:
        yield name, [line for line in lines if line["encoding"] == name]


def test_the_file_of_encodings_is_what_its_generator_makes() -> None:
    made = [json.loads(json.dumps(case)) for case in encoded.cases()]
    assert made == [json.loads(line) for line in encoded.CASES.read_text(encoding="utf-8").splitlines()]
    assert len(encoded.ENCODINGS) >= 24 and len(encoded.SHAPES) == 3
    assert all(len(cases) >= 3 * 8 for _, cases in _cases())


@pytest.mark.parametrize(
    ("encoding", "cases"), _cases(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_question_of_an_encoding_is_right(encoding: str, cases: list[dict[str, Any]]) -> None:
    for case in cases:
        connection, found, facts = stored(case["shape"], encoding)
        lowered = lower(case["sql"], found, facts, options=options_for(encoding))
        got, wanted = rows_of(connection, lowered.sql), comparable(case["rows"])
        if "ORDER BY" not in case["sql"]:
            got, wanted = sorted(got, key=repr), sorted(wanted, key=repr)
        assert got == wanted, (case["sql"], lowered.sql)


# ---- what is left alone ----

PLAIN = """
CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE events (id INTEGER PRIMARY KEY, owner_id INTEGER REFERENCES owners(id), at DATETIME, day DATE, n REAL);
"""


@pytest.mark.parametrize("sql", sorted({case["sql"] for _, cases in _cases() for case in cases})[::9])
def test_with_plain_facts_the_text_is_the_same(sql: str) -> None:
    facts = {
        (table, column): ColumnFact("date", sample="2024-05-03")
        for table in ("visits", "orders", "plays")
        for column in ("visit_date", "ordered_at", "played_at", "fee")
    }
    shape = next(shape for shape in encoded.SHAPES.values() if f" {shape.table}" in sql)
    found = schema.from_ddl(f"CREATE TABLE {shape.table} (id, {shape.time}, {shape.number}, {shape.owner})")
    unchanged = lower(sql, found, facts)
    assert (unchanged.sql, unchanged.notes) == (sql, ())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) FROM orders WHERE DATETIME(ordered_at / 1000000, 'unixepoch') > '2024-05-01'",
        "SELECT STRFTIME('%Y', ordered_at / 1000000, 'unixepoch'), COUNT(*) FROM orders GROUP BY 1",
        "SELECT COUNT(*) FROM orders WHERE ordered_at >= STRFTIME('%s', '2024-05-03') * 1000000",
        "SELECT COUNT(*) FROM orders WHERE ordered_at > 1714694400000000",
        "SELECT COUNT(*) FROM orders",
        "SELECT name FROM customers WHERE id IN (SELECT customer_id FROM orders)",
        "SELECT id FROM orders ORDER BY ordered_at DESC LIMIT 3",
        "SELECT COUNT(DISTINCT ordered_at) FROM orders",
        "SELECT id FROM orders WHERE ordered_at = (SELECT MAX(ordered_at) FROM orders)",
        "SELECT a.id FROM orders AS a JOIN orders AS b ON a.ordered_at = b.ordered_at AND a.id < b.id",
        "SELECT id FROM orders WHERE ordered_at IS NULL",
        "SELECT ordered_at + 1 > 3 FROM orders",
        "this is no statement",
    ],
)
def test_what_is_right_for_the_stored_values_is_left_alone(sql: str) -> None:
    _, found, facts = stored("shop", "unix_us")
    unchanged = lower(sql, found, facts)
    assert (unchanged.sql, unchanged.notes) == (sql, ())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) FROM visits WHERE visit_date LIKE '%/2023'",
        "SELECT COUNT(*) FROM visits WHERE visit_date = '25/12/2023'",
        "SELECT COUNT(*) FROM visits WHERE SUBSTR(visit_date, 7, 4) = '2023'",
        "SELECT SUBSTR(visit_date, 4, 2), COUNT(*) FROM visits GROUP BY SUBSTR(visit_date, 4, 2)",
        'SELECT COUNT(*) FROM visits WHERE visit_date = "25/12/2023"',
        "SELECT visit_date FROM visits",
    ],
)
def test_a_text_date_written_as_it_is_stored_is_left_alone(sql: str) -> None:
    _, found, facts = stored("clinic", "dmy")
    unchanged = lower(sql, found, facts)
    assert (unchanged.sql, unchanged.notes) == (sql, ())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) FROM plays WHERE plays_made = '17'",
        "SELECT CAST(plays_made AS REAL) FROM plays ORDER BY CAST(plays_made AS INTEGER)",
        "SELECT plays_made FROM plays",
        "SELECT COUNT(plays_made) FROM plays",
    ],
)
def test_a_number_in_text_that_is_cast_or_shown_is_left_alone(sql: str) -> None:
    _, found, facts = stored("music", "number")
    unchanged = lower(sql, found, facts)
    assert (unchanged.sql, unchanged.notes) == (sql, ())


# ---- how it is written ----


def test_a_range_stays_a_range_that_an_index_serves() -> None:
    connection, found, facts = stored("shop", "unix_us")
    connection.execute("CREATE INDEX IF NOT EXISTS by_time ON orders (ordered_at)")
    for condition in (
        "ordered_at LIKE '2024-05%'",
        "ordered_at BETWEEN '2024-05-01' AND '2024-05-31'",
        "STRFTIME('%Y', ordered_at) = '2024'",
        "DATE(ordered_at) = '2024-05-03'",
        "ordered_at > DATE('2024-05-03', '-1 month')",
    ):
        lowered = lower(f"SELECT COUNT(*) FROM orders WHERE {condition}", found, facts)
        plan = " ".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + lowered.sql))
        assert "by_time" in plan, (lowered.sql, plan)


def test_it_says_how_the_column_is_stored() -> None:
    _, found, facts = stored("clinic", "unix_us")
    lowered = lower("SELECT COUNT(*) FROM visits WHERE visit_date LIKE '2023%'", found, facts)
    assert lowered.notes == ("visit_date is stored as microseconds since 1970.",)


def test_words_for_nothing_mean_no_value_where_the_column_has_such() -> None:
    connection, found, facts = stored("shop", "number_or_na")
    plain = encoded.build(encoded.SHAPES["shop"], "number_or_na", plain=True)
    empty = rows_of(plain, "SELECT COUNT(*) FROM orders WHERE total IS NULL")
    for condition in ("total = ''", "total = 'null'", "total = 'nan'", "total IS NULL", "total = 'N/A'"):
        lowered = lower(f"SELECT COUNT(*) FROM orders WHERE {condition}", found, facts)
        assert rows_of(connection, lowered.sql) == empty, lowered.sql
    for condition in ("total != ''", "total <> 'N/A'", "total IS NOT NULL", "NOT total IS NULL"):
        lowered = lower(f"SELECT COUNT(*) FROM orders WHERE {condition}", found, facts)
        assert rows_of(connection, lowered.sql) == [(encoded.ROWS - empty[0][0],)], lowered.sql


def test_a_month_written_between_percent_signs_is_that_month() -> None:
    connection, found, facts = stored("shop", "unix_s")
    plain = encoded.build(encoded.SHAPES["shop"], "unix_s", plain=True)
    wanted = rows_of(plain, "SELECT COUNT(*) FROM orders WHERE ordered_at LIKE '2024-03-%'")
    for pattern in ("2024%03", "2024%03%", "2024-%03-%"):
        lowered = lower(f"SELECT COUNT(*) FROM orders WHERE ordered_at LIKE '{pattern}'", found, facts)
        assert rows_of(connection, lowered.sql) == wanted
    day = lower("SELECT COUNT(*) FROM orders WHERE ordered_at LIKE '2024%05%03%'", found, facts)
    assert rows_of(connection, day.sql) == rows_of(
        plain, "SELECT COUNT(*) FROM orders WHERE ordered_at LIKE '2024-05-03%'"
    )


def test_a_result_keeps_its_name() -> None:
    connection, found, facts = stored("clinic", "unix_us")
    sql = "SELECT visit_date, MAX(visit_date), id FROM visits"
    cursor = connection.execute(lower(sql, found, facts).sql)
    assert [column[0] for column in cursor.description] == ["visit_date", "MAX(visit_date)", "id"]


def test_a_star_shows_times_as_they_are_meant() -> None:
    connection, found, facts = stored("clinic", "unix_ms")
    plain = encoded.build(encoded.SHAPES["clinic"], "unix_ms", plain=True)
    sql = "SELECT * FROM visits WHERE id < 9"
    assert rows_of(connection, lower(sql, found, facts).sql) == rows_of(plain, sql)


def test_results_may_be_asked_for_as_they_are_stored() -> None:
    connection, found, facts = stored("clinic", "unix_us")
    sql = "SELECT MAX(visit_date) FROM visits WHERE visit_date < '2024'"
    as_stored = lower(sql, found, facts, options=Options(shown=False))
    assert isinstance(connection.execute(as_stored.sql).fetchone()[0], int)
    assert as_stored.results[0] is not None and as_stored.results[0].meaning == "datetime"


def test_what_the_database_does_not_take_is_not_written() -> None:
    _, found, facts = stored("clinic", "unix_us")
    sql = "SELECT COUNT(*) FROM visits WHERE visit_date LIKE '2023%'"
    assert lower(sql, found, facts, prepares=lambda _: False) == Lowered(sql)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system's zone cannot be set for a test")
def test_local_times_are_compared_and_shown_in_this_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Etc/GMT-2")  # two hours ahead
    time.tzset()
    try:
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE TABLE m (id INTEGER PRIMARY KEY, sent_at INTEGER)")
        late = 1_714_773_600  # 2024-05-03 22:00 in UTC, midnight here
        connection.executemany("INSERT INTO m (sent_at) VALUES (?)", [(late + 86_400 * i,) for i in range(9)])
        _, found, facts = opened(connection)
        local = Options(local=True)
        count = "SELECT COUNT(*) FROM m WHERE sent_at = '2024-05-03'"
        assert connection.execute(lower(count, found, facts).sql).fetchone() == (1,)
        assert connection.execute(lower(count, found, facts, options=local).sql).fetchone() == (0,)
        first = lower("SELECT MIN(sent_at) FROM m", found, facts, options=local)
        assert connection.execute(first.sql).fetchone() == ("2024-05-04 00:00:00",)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_view_means_what_its_tables_do() -> None:
    connection, found, facts = stored("clinic", "unix_us")
    views = {
        "late": "CREATE VIEW late AS SELECT id, visit_date AS at FROM visits WHERE id > 9",
        "later": "CREATE VIEW later AS SELECT l.at, count(*) AS n FROM late AS l GROUP BY l.at",
    }
    for text in views.values():
        connection.execute(text.replace("CREATE VIEW", "CREATE TEMP VIEW IF NOT EXISTS"))
    tables = [
        schema.Table("late", "view", (schema.Column("id"), schema.Column("at"))),
        schema.Table("later", "view", (schema.Column("at"), schema.Column("n"))),
    ]
    whole = schema.Schema("", (*found.tables, *tables))
    known = facts | view_facts(whole, views, facts)
    assert set(known) == set(facts) | {("late", "at"), ("later", "at")}
    plain = _plain("unix_us")
    for view in ("late", "later"):
        lowered = lower(f"SELECT COUNT(*) FROM {view} WHERE at LIKE '2023%'", whole, known)
        wanted = "SELECT COUNT(*) FROM visits WHERE id > 9 AND visit_date LIKE '2023%'"
        assert rows_of(connection, lowered.sql) == rows_of(plain, wanted)


# ---- any statement ----

TIME_CONDITIONS = [
    "{c} >= '2023-04-01'", "{c} < '2024-01-01'", "{c} LIKE '2024-0%' AND {c} LIKE '2024%'", "{c} LIKE '2023-11-%'",
    "DATE({c}) = '2024-05-03'", "DATE({c}) <= '2023-06-30'", "DATE({c}) > '2024-05-03'",
    "STRFTIME('%Y', {c}) = '2023'", "STRFTIME('%m', {c}) = '05'", "STRFTIME('%Y-%m', {c}) IN ('2023-01', '2024-03')",
    "DATE({c}) NOT BETWEEN '2022-03-01' AND '2024-03-31'", "{c} IS NULL", "{c} IS NOT NULL", "{c} ISNULL",
    "{c} = (SELECT MAX({c}) FROM {t})", "{c} IN (SELECT {c} FROM {t} WHERE {key} > 30)",
    "JULIANDAY({c}) - JULIANDAY('2023-01-01') > 200", "CAST(STRFTIME('%Y', {c}) AS INTEGER) > 2022",
    "{key} > 20", "EXISTS (SELECT 1 FROM {o} AS w WHERE w.id = {t}.{fk} AND {c} > '2023-02-02 03:04:05')",
    "{c} > (SELECT AVG(id) FROM {o}) OR {key} < 9", "COALESCE({c}, '2020') < '2023'",
    "(SELECT COUNT(*) FROM {t} AS b WHERE b.{c} > {t}.{c}) < 5",
]  # fmt: skip
TIME_SELECTS = [
    "SELECT {key} FROM {t} WHERE {w}",
    "SELECT COUNT(*), MIN({c}), MAX({c}) FROM {t} WHERE {w}",
    "SELECT DATE({c}), COUNT(*) FROM {t} WHERE {w} GROUP BY DATE({c}) ORDER BY 2 DESC, 1 LIMIT 4",
    "SELECT {key}, {c} FROM {t} WHERE {w} ORDER BY {c} DESC, {key} LIMIT 5",
    "SELECT d.last FROM (SELECT {fk} AS f, MAX({c}) AS last FROM {t} WHERE {w} GROUP BY {fk}) AS d ORDER BY d.last",
    "SELECT d.c FROM (SELECT {c} AS c FROM {t} WHERE {w}) AS d WHERE d.c < '2024-02-01' ORDER BY d.c LIMIT 3",
    "WITH d AS (SELECT {c} AS c, {key} AS k FROM {t} WHERE {w}) SELECT STRFTIME('%Y', c), COUNT(*) FROM d GROUP BY 1",
    "SELECT COUNT({c}), COUNT(DISTINCT {c}) FROM {t} WHERE {w}",
    "SELECT CASE WHEN {w} THEN {c} ELSE '-' END FROM {t} ORDER BY {key} LIMIT 7",
    "SELECT {c} FROM {t} WHERE {w} UNION SELECT {c} FROM {t} WHERE {key} < 5 ORDER BY 1 LIMIT 6",
    "SELECT {fk}, ROW_NUMBER() OVER (PARTITION BY {fk} ORDER BY {c}, {key}) AS r FROM {t} WHERE {w} ORDER BY {key}",
    "SELECT {key} FROM {t} WHERE {w} EXCEPT SELECT {key} FROM {t} WHERE {c} > '2023-09'",
]  # fmt: skip
TIMES = [name for name, encoding in encoded.ENCODINGS.items() if encoding.kind.startswith("date")]


@settings(max_examples=150, deadline=None)
@given(
    encoding=st.sampled_from(TIMES),
    select=st.sampled_from(TIME_SELECTS),
    parts=st.lists(
        st.tuples(st.sampled_from(["AND", "OR"]), st.booleans(), st.sampled_from(TIME_CONDITIONS)),
        min_size=1,
        max_size=3,
    ),
)
def test_lowered_and_run_equals_the_logical_statement_on_plain_types(
    encoding: str, select: str, parts: list[tuple[str, bool, str]]
) -> None:
    _same_rows(encoding, select, parts)


def _same_rows(encoding: str, select: str, parts: list[tuple[str, bool, str]]) -> None:
    """The lowered statement gives what the logical one gives on the copy with plain types."""
    shape = encoded.SHAPES["clinic"]
    condition = ""
    for joined, negated, text in parts:
        one = f"NOT ({text})" if negated else f"({text})"
        condition = f"{condition} {joined} {one}" if condition else one
    chosen = encoded.ENCODINGS[encoding]
    words = {
        "t": shape.table, "o": shape.owners, "fk": shape.owner, "key": chosen.key,
        "c": encoded.column_of(shape, chosen),
    }  # fmt: skip
    sql = select.replace("{w}", condition).format(**words)
    connection, found, facts = stored("clinic", encoding)
    plain = _plain(encoding)
    lowered = lower(sql, found, facts, options=options_for(encoding))
    got, wanted = rows_of(connection, lowered.sql), rows_of(plain, sql)
    if "ORDER BY" not in select:
        got, wanted = sorted(got, key=repr), sorted(wanted, key=repr)
    assert got == wanted, (sql, lowered.sql)


NUMBER_CONDITIONS = [
    "{c} > 99", "{c} <= 1500.5", "{c} BETWEEN 50 AND 900", "{c} NOT BETWEEN 50 AND 900", "{c} IS NULL", "{c} + 1 > 100",
    "{c} IS NOT NULL", "{c} > (SELECT AVG({c}) FROM {t})", "{c} = (SELECT MAX({c}) FROM {t})", "{c} * 2 < {key} * 50",
    "ROUND({c}, 0) >= 100", "COALESCE({c}, 0) < 60", "{c} IN (1, 2, 3, 55, 56, 57)", "500 < {c}", "{key} % 2 = 0",
    "{c} IN (SELECT MAX({c}) FROM {t} GROUP BY {fk})", "ABS({c} - 100) < 80",
]  # fmt: skip
NUMBER_SELECTS = [
    "SELECT {key} FROM {t} WHERE {w}",
    "SELECT COUNT(*), COUNT({c}), MIN({c}), MAX({c}), ROUND(SUM({c}), 2), ROUND(AVG({c}), 2) FROM {t} WHERE {w}",
    "SELECT {key} FROM {t} WHERE {w} ORDER BY {c} DESC, {key} LIMIT 6",
    "SELECT {fk}, MAX({c}) AS m FROM {t} WHERE {w} GROUP BY {fk} HAVING MAX({c}) > 80 ORDER BY m, 1",
    "SELECT d.k FROM (SELECT {c} AS c, {key} AS k FROM {t} WHERE {w}) AS d WHERE d.c > 70 ORDER BY d.c, d.k",
    "SELECT CASE WHEN {w} THEN 'a' ELSE 'b' END FROM {t} ORDER BY {key}",
    "SELECT {c} * 1.0 / 2 AS half FROM {t} WHERE {w} ORDER BY {key}",
]  # fmt: skip
NUMBERS = [name for name, encoding in encoded.ENCODINGS.items() if encoding.kind.startswith("number")]


@settings(max_examples=100, deadline=None)
@given(
    encoding=st.sampled_from(NUMBERS),
    select=st.sampled_from(NUMBER_SELECTS),
    parts=st.lists(
        st.tuples(st.sampled_from(["AND", "OR"]), st.booleans(), st.sampled_from(NUMBER_CONDITIONS)),
        min_size=1,
        max_size=3,
    ),
)
def test_any_statement_over_numbers_in_text_too(
    encoding: str, select: str, parts: list[tuple[str, bool, str]]
) -> None:
    _same_rows(encoding, select, parts)


@pytest.mark.parametrize(
    ("sql", "result"),
    [
        ("SELECT COUNT(*) FROM runs WHERE duration > '01:00:00'", 2),
        ("SELECT COUNT(*) FROM runs WHERE duration > 3600", 2),
        ("SELECT COUNT(*) FROM runs WHERE duration BETWEEN '0:45:00' AND 3753", 2),
        ("SELECT COUNT(*) FROM runs WHERE duration IN ('10:59:59', 3753)", 2),
        ("SELECT COUNT(*) FROM runs WHERE duration = '1:02:33'", 1),
        ("SELECT COUNT(*) FROM runs WHERE duration / 60.0 < 46", 1),
        ("SELECT SUM(duration) / 3600.0 FROM runs", 46_062 / 3600),
        ("SELECT MAX(duration) FROM runs", "10:59:59"),
        ("SELECT MIN(duration) FROM runs", "0:45:10"),
        ("SELECT MAX(duration) FROM runs WHERE id = 4", None),
        ("SELECT id FROM runs WHERE duration = (SELECT MAX(duration) FROM runs)", 3),
        ("SELECT MAX(duration) - MIN(duration) FROM runs", 36_889),
        ("SELECT id FROM runs ORDER BY duration DESC LIMIT 1", 3),
        ("SELECT duration FROM runs WHERE id = 1", "1:02:33"),
    ],
)
def test_a_duration_is_compared_with_seconds_and_with_what_a_clock_shows(sql: str, result: object) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE runs (id INTEGER PRIMARY KEY, duration TEXT)")
    connection.executemany(
        "INSERT INTO runs VALUES (?, ?)", [(1, "1:02:33"), (2, "0:45:10"), (3, "10:59:59"), (4, None)]
    )
    connection, found, facts = opened(connection)
    assert connection.execute(lower(sql, found, facts).sql).fetchall() == [(result,)]


@cache
def _plain(encoding: str) -> sqlite3.Connection:
    return encoded.build(encoded.SHAPES["clinic"], encoding, plain=True)


# ---- what the model is shown ----


def test_the_schema_is_shown_as_it_is_meant() -> None:
    connection, _, _ = stored("clinic", "unix_us")
    samples = {"visit_date": (1_714_694_400_000_000,)}
    found = schema.from_ddl("CREATE TABLE visits (id INTEGER PRIMARY KEY, visit_date INTEGER)")
    table = found.tables[0]
    columns = tuple(
        schema.Column(c.name, c.type, c.pk, samples=samples.get(c.name, ())) for c in table.columns
    )
    found = schema.Schema("", (schema.Table("visits", "table", columns),))
    _, _, facts = stored("clinic", "unix_us")
    shown = meant_schema(found, facts).tables[0].columns[1]
    assert (shown.type, shown.samples) == ("DATETIME", ("2024-05-03 00:00:00",))


def test_a_plain_schema_is_shown_as_it_is() -> None:
    found = schema.from_ddl(PLAIN)
    facts = {("events", "day"): ColumnFact("date", sample="2024-05-03")}
    assert meant_schema(found, facts) is found


# ---- the clock ----


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT COUNT(*) FROM orders WHERE DATE(ordered_at) = DATE('now')", 1),
        ("SELECT COUNT(*) FROM orders WHERE ordered_at >= DATE('now')", 1),
        ("SELECT COUNT(*) FROM orders WHERE ordered_at >= DATE('now', '-1 day')", 2),
        ("SELECT COUNT(*) FROM orders WHERE ordered_at < CURRENT_DATE", 3),
        ("SELECT COUNT(*) FROM orders WHERE STRFTIME('%Y-%m', ordered_at) = STRFTIME('%Y-%m', 'now')", 3),
        ("SELECT COUNT(*) FROM orders WHERE ordered_at BETWEEN DATE('now', '-1 day') AND DATE('now')", 2),
    ],
)
def test_today_is_the_day_of_the_clock_that_is_given(sql: str, expected: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, ordered_at INTEGER)")
    noon = 1_714_737_600  # 2024-05-03 12:00 UTC
    for i, day in enumerate((0, -1, -2, -40)):
        connection.execute("INSERT INTO orders VALUES (?, ?)", (i, noon + day * 86_400))
    _, found, facts = opened(connection)
    lowered = lower(sql, found, facts, options=Options(now="2024-05-03 18:00:00"))
    assert rows_of(connection, lowered.sql) == [(expected,)], lowered.sql


def test_todays_day_is_this_machines_unless_the_statement_says_otherwise() -> None:
    from sqlagent.lowering.clock import by_the_clock

    def local(sql: str) -> str:
        return by_the_clock(sql, local=True)

    assert local("SELECT DATE('now', '-1 day')") == "SELECT DATE('now', 'localtime', '-1 day')"
    assert (
        local("SELECT STRFTIME('%j', 'NOW')") == "SELECT STRFTIME('%j', 'now', 'localtime')"
    )  # day of the year
    assert local("SELECT CURRENT_DATE") == "SELECT date('now', 'localtime')"
    for kept in (
        "SELECT DATE('now', 'utc')",
        "SELECT STRFTIME('%s', 'now')",
        "SELECT STRFTIME('%J', 'now')",
        "SELECT JULIANDAY('now')",
        "SELECT 'now'",
    ):
        assert local(kept) == kept


@pytest.mark.parametrize(
    ("sql", "number"),
    [
        ("12.50", "12.50"),
        ("-.5e3", "-.5e3"),
        ("' 7 '", "7"),
        ("'-7'", "-7"),
        ("1_000", "1000"),
        # Python reads these as numbers, SQL does not, and `--7` begins a comment
        ("'inf'", None),
        ("'nan'", None),
        ("'1_000'", None),
        ("-'-7'", None),
        ("'x'", None),
        ("x'37'", None),
    ],
)
def test_a_number_is_what_sql_reads_as_one(sql: str, number: str | None) -> None:
    assert number_of(parse_expression(sql)) == number


# ---- lists, and digits that name something ----

RECIPES = [
    (1, "nut, milk", '["sql", "go"]', "007"),
    (2, "coconut, milk, egg", '["sqlite"]', "012"),
    (3, "nut", "[]", "130"),
    (4, "egg, nut", '["go"]', "044"),
    (5, "milk, coconut, nut", '["sql"]', "051"),
    (6, "egg", '["sql", "go"]', "060"),
    (7, None, None, None),
    (8, "milk, egg", '["go", "sqlite"]', "900"),
]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT COUNT(*) FROM recipes WHERE tags = 'nut'", [(4,)]),
        ("SELECT COUNT(*) FROM recipes WHERE tags != 'nut'", [(3,)]),
        ("SELECT COUNT(*) FROM recipes WHERE NOT tags = 'nut'", [(3,)]),
        ("SELECT COUNT(*) FROM recipes WHERE tags IN ('nut', 'egg')", [(7,)]),
        ("SELECT COUNT(*) FROM recipes WHERE tags LIKE '%nut%'", [(4,)]),
        ("SELECT COUNT(*) FROM recipes WHERE tags NOT LIKE '%nut%'", [(3,)]),
        ("SELECT COUNT(*) FROM recipes WHERE tags LIKE 'coco%'", [(1,)]),
        ("SELECT COUNT(*) FROM recipes WHERE tags = 'nut, milk'", [(1,)]),
        (
            "SELECT tags FROM recipes GROUP BY tags ORDER BY COUNT(*) DESC, tags LIMIT 2",
            [("egg",), ("milk",)],
        ),
        ("SELECT COUNT(DISTINCT tags) FROM recipes", [(4,)]),
        ("SELECT DISTINCT tags FROM recipes ORDER BY tags LIMIT 1", [("coconut",)]),
        ("SELECT tags FROM recipes WHERE id = 1", [("nut, milk",)]),
        ("SELECT COUNT(*) FROM recipes WHERE labels = 'sql'", [(3,)]),
        ("SELECT COUNT(*) FROM recipes WHERE labels != 'sql'", [(4,)]),
        ("SELECT COUNT(*) FROM recipes WHERE labels = '[\"sql\"]'", [(3,)]),
        ('SELECT COUNT(*) FROM recipes WHERE labels = \'["sql", "go"]\'', [(2,)]),
        ("SELECT COUNT(*) FROM recipes WHERE labels LIKE '%\"sql\"%'", [(3,)]),
        (
            "SELECT labels, COUNT(*) FROM recipes GROUP BY labels ORDER BY 1",
            [("go", 4), ("sql", 3), ("sqlite", 2)],
        ),
        ("SELECT id FROM recipes WHERE code = 7", [(1,)]),
        ("SELECT id FROM recipes WHERE code IN (7, '12', '130')", [(1,), (2,), (3,)]),
        ("SELECT id FROM recipes WHERE code = '007'", [(1,)]),
    ],
)
def test_lists_are_asked_for_their_members_and_codes_for_their_number(sql: str, expected: list[Any]) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE recipes (id INTEGER PRIMARY KEY, tags TEXT, labels TEXT, code TEXT)")
    connection.executemany("INSERT INTO recipes VALUES (?, ?, ?, ?)", RECIPES)
    _, found, facts = opened(connection)
    lowered = lower(sql, found, facts, options=ALL)
    assert connection.execute(lowered.sql).fetchall() == expected, lowered.sql


@pytest.mark.parametrize(
    "values",
    [
        ["Paris, France", "Lyon, France", "Rome, Italy", "Milan, Italy", "Turin, Italy"],
        ["Brandt, Ilse", "Vale, Ilse", "Brandt, Jon", "Vale, Jon"],
        ["Well, no.", "No, well, it is late.", "Yes"],
        ["1,5", "2,5", "1,2", "5,1"],
        ["a, a, b", "b, a", "a"],
    ],
)
def test_names_in_two_parts_sentences_and_numbers_are_no_lists(values: list[str]) -> None:
    from sqlagent.database.column_facts import shapes
    from sqlagent.database.column_facts.fact import Evidence

    assert shapes.listed(Evidence("t", "c"), dict.fromkeys(values, 1)) is None
