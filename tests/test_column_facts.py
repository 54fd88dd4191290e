"""What a column's values mean is told from how they are stored; what two readings fit changes nothing."""

from __future__ import annotations

import random
import sqlite3
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import columns as columns_bench
from sqlagent.database import schema
from sqlagent.database.column_facts import encodings as enc
from sqlagent.database.column_facts import text_dates
from sqlagent.database.column_facts.decide import column_fact
from sqlagent.database.column_facts.encodings import DigitDate, Flag, Listed, TextNumber, ZeroFilled
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.column_facts.meant_schema import meant_schema
from sqlagent.database.column_facts.sampling import read_facts
from sqlagent.database.column_facts.undeclared_keys import undeclared_keys
from sqlagent.database.column_facts.written_dates import TextDate
from sqlagent.linking import prompt

TODAY = 1_735_689_600  # 2025-01-01
DAYS = [
    datetime(2019, 1, 1, tzinfo=timezone.utc) + timedelta(days=37 * i, seconds=4321 * i) for i in range(40)
]


def fact(
    name: str, values: list[object], type: str = "", neighbours: tuple[str, ...] = ()
) -> ColumnFact | None:
    counted = {value: 1 for value in values if value is not None}
    return column_fact(Evidence("t", name, type, counted, neighbours=neighbours), TODAY)  # type: ignore[arg-type]


def unix(day: datetime) -> int:
    return int(day.timestamp())


@pytest.mark.parametrize(
    ("name", "values", "encoding"),
    [
        ("sent_at", [unix(d) for d in DAYS], enc.UNIX_S),
        ("time_fired_ts", [unix(d) + 0.25 for d in DAYS], enc.UNIX_S),
        ("id", [unix(d) * 1000 + 7 for d in DAYS], enc.UNIX_MS),
        ("visit_date", [unix(d) * 1_000_000 for d in DAYS], enc.UNIX_US),
        ("stamp", [unix(d) * 10**9 + 5 for d in DAYS], enc.UNIX_NS),
        ("last_visit_time", [(unix(d) + 11_644_473_600) * 1_000_000 for d in DAYS], enc.WEBKIT_US),
        ("created", [(unix(d) + 11_644_473_600) * 10_000_000 for d in DAYS], enc.FILETIME),
        ("LastTicks", [(unix(d) + 62_135_596_800) * 10_000_000 for d in DAYS], enc.NET_TICKS),
        ("jd", [2_458_484.5 + 3 * i for i in range(20)], enc.JULIAN),
        ("day", [int(f"{d:%Y%m%d}") for d in DAYS], DigitDate(8)),
        ("month", [int(f"{d:%Y%m}") for d in DAYS], DigitDate(6)),
        ("day", [f"{d:%Y%m%d}" for d in DAYS], DigitDate(8, text=True)),
        ("day", [f"{d:%d/%m/%Y}" for d in DAYS], TextDate("%d/%m/%Y", fixed=True)),
        ("day", [f"{d:%m/%d/%Y}" for d in DAYS], TextDate("%m/%d/%Y", fixed=True)),
        ("day", [f"{d.day}.{d.month}.{d.year}" for d in DAYS], TextDate("%d.%m.%Y")),
        ("day", [f"{d.day} {d:%B %Y}" for d in DAYS], TextDate("%d %B %Y")),
        ("day", [f"{d:%b} {d.day}, {d.year}" for d in DAYS], TextDate("%b %d, %Y")),
        ("at", [f"{d.month}/{d.day}/{d.year} {d:%H:%M}" for d in DAYS], TextDate("%m/%d/%Y %H:%M")),
        ("age", ["9", "23", "101"], TextNumber(integer=True)),
        ("fare", ["7.25", "13", "512.33"], TextNumber()),
        ("price", ["1,234.50", "12.00", "999.99"], TextNumber(thousands=",")),
        ("att", ["3,204", "12,440", "9,102", "804", "7,310"], TextNumber(thousands=",", integer=True)),
        ("preis", ["1.234,50", "12,00", "999,99"], TextNumber(thousands=".", decimal=",")),
        ("price", ["$ 3.20", "$ 4.00", "$ 12.50"], TextNumber(prefix="$")),
        ("share", ["12 %", "3 %", "100 %"], TextNumber(suffix="%", integer=True)),
        ("range", ["350 km", "20 km", "5 km"], TextNumber(suffix="km", integer=True)),
        ("market", ["$1.2M", "$900K", "$3B"], TextNumber(prefix="$", multiplied=True)),
        ("active", ["Y", "N"], Flag("Y", "N")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_an_encoding_is_known_by_its_values(name: str, values: list[object], encoding: enc.Encoding) -> None:
    found = fact(name, values)
    assert found is not None and found.encoding == encoding and found.changes, found


def test_core_data_counts_from_2001() -> None:
    values = [unix(d) - 978_307_200 for d in DAYS]
    found = fact("ZCREATIONDATE", values, neighbours=("Z_PK", "Z_ENT", "ZCREATIONDATE"))
    assert found is not None and found.encoding == enc.COCOA_S
    nanoseconds = [value * 10**9 for value in values]
    found = fact("date", nanoseconds, neighbours=("ROWID", "guid", "text", "handle_id", "service", "date"))
    assert found is not None and found.encoding == enc.COCOA_NS


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("phone", ["5551234567", "5559876543", "5550001112"]),
        ("phone", [1_555_123_456, 1_555_987_654, 1_555_000_111]),
        ("population", [1_380_004_385, 331_002_651, 273_523_615]),
        ("url_hash", [125_508_050_257_634, 47_356_370_932_282, 268_505_532_566_465]),
        ("barcode", [4_006_381_333_931, 5_449_000_000_996, 9_780_201_379_624]),
        ("quantity", [20230101 + i for i in range(0, 400, 7)]),
        ("isbn", ["9780201379624", "9783161484100"]),
        ("order_id", [10248, 10249, 10250]),
        ("employees", [43831, 43900, 44000]),
        ("room", ["101", "12", "7"]),
        ("card", ["4006381333931222", "544900000099612", "97802013796244"]),
        ("decade", ["1980s", "1990s", "2000s"]),
        ("place", ["1st", "2nd", "3rd"]),
        ("date", ["1 july", "12 july", "23 july"]),
        ("attendance", ["17189", "4541", "17905", "3,04", "12000", "9000"]),
        ("fuel", ["1,659", "1,729", "1,799", "2,009", "1,899"]),
        ("weight", ["0,532", "12,440", "9,102", "8,040", "7,310"]),
        ("att", ["3,204", "12,440"]),
        ("score", ["3-1", "2-2", "0-5"]),
        ("name", ["Ann", "Bob", "Cleo"]),
        ("season", ["2009/10", "2010/11"]),
        ("version", ["1.2.3", "1.10.0"]),
        ("life", ["1866", "2 june 1919\n-\n3 june 2010", "6 october 1888\nreykholt\n-\n1961"]),
    ],
)
def test_what_only_looks_like_it_is_left_alone(name: str, values: list[object]) -> None:
    found = fact(name, values)
    assert found is None or not found.changes, found


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("day", [f"{d:%Y-%m-%d}" for d in DAYS]),
        ("at", [f"{d:%Y-%m-%d %H:%M:%S}" for d in DAYS]),
        ("at", [f"{d:%Y-%m-%dT%H:%M:%SZ}" for d in DAYS]),
        ("year", ["1999", "2004"]),
        ("born", [1950, 2001, 1990]),
        ("n", ["11", "22", "99"]),
    ],
)
def test_plain_values_change_nothing(name: str, values: list[object]) -> None:
    found = fact(name, values)
    assert found is None or not found.changes


def test_day_and_month_that_could_be_either_are_both_said() -> None:
    found = fact("day", ["03/04/2024", "05/06/2023", "01/02/2022"])
    assert found is not None and not found.changes
    assert "dd/mm/yyyy" in found.words and "mm/dd/yyyy" in found.words


def test_a_day_above_twelve_far_down_decides_the_order() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE v (day TEXT)")
    rows = [(f"{i % 12 + 1:02}/{i % 11 + 1:02}/2024",) for i in range(20_000)]
    rows[9_001] = ("25/01/2024",)
    connection.executemany("INSERT INTO v VALUES (?)", rows)
    found = read_facts(lambda sql: connection.execute(sql).fetchall(), _tables(connection))
    assert found["v", "day"].encoding == TextDate("%d/%m/%Y", fixed=True) and found["v", "day"].changes


@pytest.mark.parametrize(
    ("values", "nothing"),
    [
        (["3", "5", "22", "N/A"], ("N/A",)),
        (["3", "5", "22", "", "unknown"], ("", "unknown")),
        (["a@x.org", "b@x.org", ""], ("",)),
        (["none", "vegan", "halal"], ()),
        (["-", "SH", "7R"], ()),
        ([3, 5, ""], ("",)),
    ],
)
def test_what_stands_for_nothing_is_said(values: list[object], nothing: tuple[str, ...]) -> None:
    found = fact("rating", values)
    assert (found.nothing if found else ()) == nothing


def test_zero_among_times_is_none() -> None:
    found = fact("deleted_at", [0, *(unix(d) for d in DAYS)])
    assert found is not None and found.nothing == (0,)


def test_decoding_gives_iso_text_and_numbers() -> None:
    assert enc.UNIX_US.decode(1_714_694_400_000_000) == "2024-05-03 00:00:00"
    assert enc.EXCEL.decode(45415) == "2024-05-03 00:00:00"
    assert enc.JULIAN.decode(2_460_433.5) == "2024-05-03 00:00:00"
    assert TextDate("%d/%m/%Y").decode("3/5/2024") == "2024-05-03"
    assert TextDate("%b %d, %Y %I:%M %p").decode("May 3, 2024 12:05 am") == "2024-05-03 00:05:00"
    assert TextDate("%d/%m/%Y").decode("31/02/2024") is None
    assert TextNumber(thousands=".", decimal=",").decode("1.234,50") == 1234.5
    assert TextNumber(prefix="$", multiplied=True).decode("$1.5M") == 1_500_000


def test_what_is_read_does_not_grow_with_the_rows() -> None:
    steps = []
    for rows in (2_000, 200_000):
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE TABLE v (id INTEGER PRIMARY KEY, at INTEGER, age TEXT, note TEXT)")
        random.seed(1)
        connection.executemany(
            "INSERT INTO v VALUES (?, ?, ?, 'x')",
            ((i, unix(DAYS[i % 40]), str(random.randint(1, 120))) for i in range(rows)),
        )
        tables = _tables(connection)
        counted = [0]

        def tick(counted: list[int] = counted) -> int:
            counted[0] += 1
            return 0

        connection.set_progress_handler(tick, 100)
        assert len(read_facts(lambda sql: connection.execute(sql).fetchall(), tables)) >= 2  # noqa: B023
        steps.append(counted[0])
    assert steps[1] < 1.2 * steps[0]


def test_a_statement_that_cannot_be_run_costs_only_its_table() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE a (at INTEGER)")
    connection.execute("CREATE TABLE b (at INTEGER)")
    for table in "ab":
        connection.executemany(f"INSERT INTO {table} VALUES (?)", [(unix(d),) for d in DAYS])
    tables = _tables(connection)
    found = read_facts(lambda sql: None if '"a"' in sql else connection.execute(sql).fetchall(), tables)
    assert set(found) == {("b", "at")}


def test_keys_are_told_by_names_and_values_never_by_small_numbers_alone() -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        """
        CREATE TABLE decks (id INTEGER PRIMARY KEY, usn INTEGER);
        CREATE TABLE notes (id INTEGER PRIMARY KEY, usn INTEGER);
        CREATE TABLE cards (id INTEGER PRIMARY KEY, did INTEGER, nid INTEGER, usn INTEGER, ord INTEGER);
        CREATE TABLE ranks (id INTEGER PRIMARY KEY);
        CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT);
        CREATE TABLE loans (id INTEGER PRIMARY KEY, book INTEGER, book_pages INTEGER);
        """
    )
    for i in range(20):
        connection.execute("INSERT INTO decks VALUES (?, ?)", (1_600_000_000_000 + i, i))
        connection.execute("INSERT INTO notes VALUES (?, ?)", (1_700_000_000_000 + i, i))
        connection.execute("INSERT INTO ranks VALUES (?)", (i,))
        connection.execute("INSERT INTO books VALUES (?, 'a')", (i,))
        connection.execute(
            "INSERT INTO cards VALUES (?, ?, ?, ?, ?)",
            (1_710_000_000_000 + i, 1_600_000_000_000 + i, 1_700_000_000_000 + i, i, i),
        )
        connection.execute("INSERT INTO loans VALUES (?, ?, ?)", (i, i, i))
    found = undeclared_keys(lambda sql: connection.execute(sql).fetchall(), _tables(connection))
    told = {(table, key.columns[0], key.ref_table) for table, keys in found.items() for key in keys}
    assert told == {("cards", "did", "decks"), ("cards", "nid", "notes"), ("loans", "book", "books")}


def test_keys_of_several_columns_are_told_by_all_of_them_together() -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        """
        CREATE TABLE order_lines (order_id INTEGER, no INTEGER, article TEXT, PRIMARY KEY (order_id, no));
        CREATE TABLE returns (id INTEGER PRIMARY KEY, order_id INTEGER, line_no INTEGER);
        CREATE TABLE remarks (id INTEGER PRIMARY KEY, order_id INTEGER, line_no INTEGER);
        CREATE TABLE extras (order_id INTEGER, no INTEGER, gift TEXT, PRIMARY KEY (order_id, no));
        CREATE TABLE degrees (year INTEGER, campus INTEGER, n INTEGER, PRIMARY KEY (year, campus));
        CREATE TABLE pupils (campus INTEGER, year INTEGER, n INTEGER, PRIMARY KEY (campus, year));
        CREATE TABLE fees (id INTEGER PRIMARY KEY, campus INTEGER, year INTEGER);
        CREATE TABLE short (id INTEGER PRIMARY KEY, order_id INTEGER, line_no INTEGER);
        """
    )
    for i in range(20):
        connection.execute("INSERT INTO order_lines VALUES (?, ?, 'a')", (i // 3, i % 3))
        connection.execute("INSERT INTO returns VALUES (?, ?, ?)", (i, i // 6, i % 3))
        connection.execute("INSERT INTO remarks VALUES (?, ?, ?)", (i, i // 3, i % 5))  # each alone is there
        connection.execute("INSERT INTO extras VALUES (?, ?, 'g')", (i // 3, i % 3))
        connection.execute("INSERT INTO degrees VALUES (?, ?, 1)", (2000 + i // 4, i % 4))
        connection.execute("INSERT INTO pupils VALUES (?, ?, 1)", (i % 4, 2000 + i // 4))
        connection.execute("INSERT INTO fees VALUES (?, ?, ?)", (i, i % 4, 2000 + i // 4))
    connection.execute("INSERT INTO short VALUES (1, 1, 1)")
    found = undeclared_keys(lambda sql: connection.execute(sql).fetchall(), _tables(connection))
    told = {
        (table, key.columns, key.ref_table, key.ref_columns)
        for table, keys in found.items()
        for key in keys
        if len(key.columns) > 1
    }
    assert told == {("returns", ("order_id", "line_no"), "order_lines", ("order_id", "no"))}


def test_looking_for_keys_of_several_columns_does_not_grow_with_the_rows() -> None:
    steps = []
    for rows in (2_000, 40_000):
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE TABLE lines (order_id INTEGER, no INTEGER, PRIMARY KEY (order_id, no))")
        connection.execute("CREATE TABLE returns (id INTEGER PRIMARY KEY, order_id INTEGER, no INTEGER)")
        connection.executemany("INSERT INTO lines VALUES (?, ?)", ((i // 3, i % 3) for i in range(rows)))
        connection.executemany(
            "INSERT INTO returns VALUES (?, ?, ?)", ((i, i // 3, i % 3) for i in range(rows))
        )
        counted = [0]

        def tick(counted: list[int] = counted) -> int:
            counted[0] += 1
            return 0

        tables = _tables(connection)
        connection.set_progress_handler(tick, 100)
        found = undeclared_keys(lambda sql: connection.execute(sql).fetchall(), tables)  # noqa: B023
        assert [key.columns for key in found["returns"]] == [("order_id", "no")]
        steps.append(counted[0])
    assert steps[1] < 1.2 * steps[0]


def _tables(connection: sqlite3.Connection) -> tuple[schema.Table, ...]:
    made = ";".join(
        text for (text,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'")
    )
    return schema.from_ddl(made).tables


def test_digits_with_zeros_before_are_the_name_that_they_are_and_found_by_their_number() -> None:
    assert fact("zip", ["02134", "10001"]) == ColumnFact("code", ZeroFilled(5), 0.99, sample="02134")
    several = fact("code", ["007", "0042", "100"])
    assert several is not None and several.encoding == ZeroFilled(0)


@pytest.mark.parametrize(
    ("values", "encoding"),
    [
        (["nut, milk", "milk", "egg, nut, milk", "egg", "nut, egg"], ","),
        (["crime;sea", "sea", "sea;love;crime", "love;sea"], ";"),
        (['["a", "b"]', '["a"]', '["b", "c"]'], ""),
        ([" verb ", " noun verb ", " noun "], " "),
        (["Ilse Brandt", "Ilse Brandt\nJon Vale", "Jon Vale", "Jon Vale\nIlse Brandt"], "\n"),
    ],
)
def test_lists_in_a_cell_are_told_by_members_that_move(values: list[object], encoding: str) -> None:
    found = fact("tags", values)
    assert found is not None and isinstance(found.encoding, Listed) and found.encoding.separator == encoding
    assert found.changes


WRITTEN = st.builds(
    lambda day, month, year, between, time: f"{day}{between}{month}{between}{year}{time}",
    st.sampled_from(["1", "01", "12", "28", "29", "30", "31", "32", "0", "00"]),
    st.sampled_from(["2", "02", "4", "12", "13", "Feb", "June", "Sept.", "Xyz"]),
    st.sampled_from(["2023", "2024", "0000", "1900"]),
    st.sampled_from(["/", "-", " "]),
    st.sampled_from(["", " 10:00", " 24:00", " 12:60:00", " 13:00 PM", " 12:00:59 am", "\n"]),
)


@settings(max_examples=300)
@given(st.lists(WRITTEN, min_size=1, max_size=5), st.sampled_from(text_dates.FORMATS))
def test_all_texts_of_a_column_are_read_at_once_as_one_by_one(
    texts: list[str], format: tuple[str, str]
) -> None:
    encoding = TextDate(format[1] + format[0])
    assert encoding.is_of_all(texts) == all(encoding.decode(text) is not None for text in texts)


def test_a_table_is_read_in_two_statements_of_bounded_rows() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, visit_date INTEGER, note TEXT)")
    connection.executemany("INSERT INTO t VALUES (?, ?, 'x')", ((n, 1_700_000_000 + n) for n in range(5_000)))
    read = []

    def run(sql: str) -> list[tuple[schema.Value | None, ...]]:
        read.append(connection.execute(sql).fetchall())
        return read[-1]

    assert read_facts(run, _tables(connection))["t", "visit_date"].changes
    assert [(len(rows), len(rows[0])) for rows in read] == [(192, 3), (600, 1)]


@pytest.mark.parametrize(
    ("table", "name", "values", "encoding"),
    [
        ("runs", "duration", ["1:02:33", "0:45:10", "2:10:00"], enc.Duration(3)),
        ("talks", "length", ["45:30", "1:02:33"], enc.Duration(0)),
        ("results", "lap_time", ["1:23.45", "1:24.01"], enc.Duration(2, whole=False)),
        ("tracks", "length", ["3:45", "12:01"], enc.Duration(2)),
        ("staff", "hours_worked", ["38:30", "7:45"], enc.Duration(2, hours=True)),
        ("servers", "since_reboot", ["100:15:00", "0:10:00"], enc.Duration(3)),
    ],
)
def test_a_duration_is_told_from_a_time_of_day(
    table: str, name: str, values: list[str], encoding: object
) -> None:
    found = column_fact(Evidence(table, name, "TEXT", dict.fromkeys(values, 1)), TODAY)
    assert found is not None and found.meaning == "duration" and found.changes and found.encoding == encoding


@pytest.mark.parametrize(
    ("table", "name", "values"),
    [
        ("shops", "opening_hours", ["09:00", "10:30"]),
        ("races", "start_time", ["14:00:00", "13:30:00"]),
        ("shifts", "shift_start", ["22:00", "6:00"]),
        ("flights", "departure", ["9:30", "17:45:10"]),
        ("films", "duration", ["1:30", "2:05"]),  # hours and minutes or minutes and seconds: both are said
        ("screens", "aspect_ratio", ["16:10", "21:10"]),
        ("verses", "reference", ["119:10", "3:16"]),
    ],
)
def test_what_may_be_no_duration_changes_nothing(table: str, name: str, values: list[str]) -> None:
    found = column_fact(Evidence(table, name, "TEXT", dict.fromkeys(values, 1)), TODAY)
    assert found is None or not found.changes


def test_a_duration_is_shown_in_seconds() -> None:
    found = schema.from_ddl("CREATE TABLE runs (id INTEGER PRIMARY KEY, duration TEXT)")
    facts = {("runs", "duration"): ColumnFact("duration", enc.Duration(3), 0.99)}
    assert "duration INTEGER /* seconds */" in prompt.context(meant_schema(found, facts))


def test_the_cost_of_facts_is_measured_on_tables_of_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert columns_bench.main(["--cost", "3", "13"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("3 tables x 13 columns: ") and int(said.split(", ")[-1].split()[0]) >= 3 * 6
