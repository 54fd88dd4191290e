"""Files that people bring: sheets without keys, ledgers' numbers, clocks that count, codes that stand for words."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sqlagent import Agent
from sqlagent.agent.column_meaning import ColumnMeaning
from sqlagent.database import schema
from sqlagent.database.column_facts.decide import column_fact
from sqlagent.database.column_facts.encodings import Duration, Flag, Named, TextNumber
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.linking.prompt import Hint
from sqlagent.sandbox.sandbox import Sandbox
from tests.fake_model import FakeModel, candidate


def fact(name: str, values: list[object], counts: int = 3) -> ColumnFact | None:
    return column_fact(Evidence("t", name, "", dict.fromkeys(values, counts)), 1_735_689_600)  # type: ignore[arg-type]


def made(folder: Path, script: str) -> Path:
    path = folder / "file.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path


def answered(path: Path, sql: str, question: str = "which ones?") -> list[tuple[object, ...]]:
    with Agent(path, FakeModel([candidate(sql)])) as agent:
        return agent.ask(question, anyway=True).rows  # type: ignore[return-value]


# ---- numbers in text ----


@pytest.mark.parametrize(
    ("values", "encoding", "text", "number"),
    [
        (["1.234,50", "(45,00)", "12,10"], TextNumber(thousands=".", decimal=",", brackets=True), "(45,00)", -45.0),
        (["$1,234.50", "($45.00)", "$3.10"], TextNumber(prefix="$", thousands=",", brackets=True), "($45.00)", -45.0),
        (["-£3.20", "£14.00", "£1.50"], TextNumber(prefix="£"), "-£3.20", -3.2),
        (["45.10-", "3.20", "18.00"], TextNumber(minus_behind=True), "45.10-", -45.1),
        (["EUR 3.20", "EUR 14.00", "EUR 1.50"], TextNumber(prefix="EUR"), "EUR 14.00", 14.0),
        (
            ["1 234,50", "12 345,00", "7,25", "103 001,10", "88,00"],
            TextNumber(thousands=" ", decimal=","),
            "12 345,00",
            12345.0,
        ),
        (["804", "987", "640", "1,002", "1,659", "2,009"], TextNumber(thousands=",", integer=True), "1,002", 1002.0),
        (["1'234.50", "12'345.00", "7.25", "9.10", "88.00"], TextNumber(thousands="'"), "1'234.50", 1234.5),
    ],
)  # fmt: skip
def test_a_ledgers_numbers_are_known_and_lowered_to_what_they_mean(
    tmp_path: Path, values: list[str], encoding: TextNumber, text: str, number: float
) -> None:
    found = fact("amount", list(values))
    assert found is not None and found.encoding == encoding and found.changes
    assert encoding.decode(text) == number
    cells = ", ".join("('" + value.replace("'", "''") + "')" for value in values)
    path = made(tmp_path, f"CREATE TABLE t (amount TEXT); INSERT INTO t VALUES {cells}")
    [(total,)] = answered(path, "SELECT SUM(amount) FROM t")
    assert total == pytest.approx(sum(encoding.decode(value) or 0 for value in values))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("note", ["(1)", "(2)", "(3)"]),
        ("place", ["12 300", "14 200", "11 100", "13 900", "15 000"]),
        ("range", ["1-", "2-", "3-"]),
        ("weight", ["8", "9", "1,002", "1,659", "2,009"]),
        ("title", ["(500) Days", "(1) One", "Two"]),
        ("gate", ["A 12", "B 14", "C 2"]),
    ],
)
def test_what_is_no_ledger_is_left_alone(name: str, values: list[object]) -> None:
    found = fact(name, values)
    assert found is None or not found.changes, found


def test_numbers_with_a_unit_among_words_are_compared_as_numbers(tmp_path: Path) -> None:
    marks = ["9%", "87%", "100%", "41%", "55%", "63%", "78%", "92%", "absent"]
    found = fact("score", list(marks))
    assert found is not None and found.encoding == TextNumber(suffix="%", integer=True, mixed=True)
    assert found.exceptions == ("absent",)
    cells = ", ".join(f"('{mark}')" for mark in marks)
    path = made(tmp_path, f"CREATE TABLE marks (score TEXT); INSERT INTO marks VALUES {cells}")
    assert answered(path, "SELECT AVG(score) FROM marks") == [(65.625,)]
    assert answered(path, "SELECT score FROM marks ORDER BY score DESC LIMIT 1") == [("100%",)]
    assert answered(path, "SELECT COUNT(*) FROM marks WHERE score >= 60") == [(5,)]
    assert answered(path, "SELECT COUNT(*) FROM marks WHERE score = 'absent'") == [(1,)]


# ---- durations, flags, missing numbers ----


def test_hours_from_zero_with_odd_seconds_are_durations_and_hours_of_a_day_are_not() -> None:
    rides = ["0:42:07", "1:02:33", "2:29:10", "0:17:58", "10:05:41", "3:11:09", "0:55:21", "1:47:36"]
    found = fact("moving_time", list(rides))
    assert found is not None and isinstance(found.encoding, Duration) and found.changes
    for clock in (
        [f"{hour}:{minute:02d}:00" for hour in range(12) for minute in (0, 30)],
        [f"{hour}:{minute:02d}:17" for hour in range(0, 24, 2) for minute in (5, 40)],
        [f"{hour:02d}:{minute:02d}:17" for hour in range(0, 10, 2) for minute in (5, 40)],
    ):
        plain = fact("seen", list(clock))
        assert plain is None or not plain.changes, plain


def test_yes_and_no_beside_blanks_stay_yes_and_no(tmp_path: Path) -> None:
    found = fact("attended", ["Y", "N", ""])
    assert found is not None and found.encoding == Flag("Y", "N") and found.nothing == ("",)
    path = made(
        tmp_path, "CREATE TABLE a (attended TEXT); INSERT INTO a VALUES ('Y'), ('Y'), ('N'), (''), ('')"
    )
    assert answered(path, "SELECT COUNT(*) FROM a WHERE attended = 0") == [(1,)]
    [(share,)] = answered(path, "SELECT AVG(attended) FROM a")
    assert share == pytest.approx(2 / 3)  # of those of whom it is known


@pytest.mark.parametrize(
    ("name", "values", "marker"),
    [
        ("rating", [-1, 1, 2, 3, 4, 5], -1),
        ("degrees", [-999, -12.5, 3.0, 21.5, 14.0], -999),
        ("age", [9999, 18, 44, 61, 30], 9999),
        ("avg_hr", [0, 112, 131, 150, 168], 0),
    ],
)
def test_a_number_apart_from_all_others_stands_for_none(name: str, values: list[object], marker: int) -> None:
    found = fact(name, values)
    assert found is not None and found.nothing == (marker,) and found.changes


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("floor", [-1, 0, 1, 2, 3]),
        ("cancelled", [-1, 0, 1, 2]),
        ("balance", [-1, 10, 200, 30]),
        ("goal_difference", [-1, 0, 4, 7]),
        ("degrees", [-99, -88, -40, 12]),
        ("discount", [0, 112, 131, 150]),
        ("price", [999, 120, 499, 250]),
        ("year", [1998, 2004, 2019, 2023]),
        ("rating", [0, 1, 2, 3, 4, 5]),
        ("heart_rate", [0, 12, 112, 131, 150]),
    ],
)
def test_a_number_among_its_like_stays_one(name: str, values: list[object]) -> None:
    found = fact(name, values)
    assert found is None or not found.changes, found


def test_an_arrival_in_seconds_is_a_time() -> None:
    found = fact("bk_arr", [1_735_912_800 + 86_400 * 3 * i for i in range(12)])
    assert found is not None and found.meaning == "datetime" and found.changes
    plain = fact("bk_arr", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert plain is None or not plain.changes


def test_a_date_without_end_is_a_date() -> None:
    found = fact("valid_to", [20240131, 20250630, 99991231, 20231101])
    assert found is not None and found.meaning == "date" and found.changes


# ---- keys ----


def keys_of(folder: Path, script: str) -> set[str]:
    path = made(folder, script)
    known = schema.read(path)
    with Sandbox(path) as sandbox:
        stored = ColumnMeaning(known, sandbox).stored
    return {
        f"{table.name}.{key.columns[0]} -> {key.ref_table}.{key.ref_columns[0]}"
        for table in stored.tables
        for key in table.foreign_keys
    }


def rows(table: str, *values: tuple[object, ...]) -> str:
    cells = ", ".join("(" + ", ".join(repr(value) for value in row) + ")" for row in values)
    return f"INSERT INTO {table} VALUES {cells};"


def test_an_imported_sheets_key_is_the_column_that_holds_no_value_twice(tmp_path: Path) -> None:
    script = """CREATE TABLE Appointments ("Appt ID" INTEGER, Clinician TEXT, "Patient ID" TEXT);
    CREATE TABLE Clinicians (Code TEXT, Name TEXT);
    CREATE TABLE Patients ("Patient ID" TEXT, Name TEXT);"""
    script += rows("Clinicians", ("C1", "Ann"), ("C2", "Bo"))
    script += rows("Patients", ("P1", "Cy"), ("P2", "Di"), ("P3", "Ed"))
    script += rows("Appointments", (1, "C1", "P1"), (2, "C2", "P1"), (3, "C1", "P3"))
    assert keys_of(tmp_path, script) == {
        "Appointments.Clinician -> Clinicians.Code",
        "Appointments.Patient ID -> Patients.Patient ID",
    }


def test_a_cryptic_name_that_ends_in_a_key_or_in_part_of_a_tables_name_refers_to_it(tmp_path: Path) -> None:
    script = """CREATE TABLE ar_cus_mst (cu_no INTEGER PRIMARY KEY, cu_nm TEXT);
    CREATE TABLE ar_inv_hdr (ih_no INTEGER PRIMARY KEY, ih_cuno INTEGER);
    CREATE TABLE hr_dpt_mst (dp_cd TEXT PRIMARY KEY, dp_nm TEXT);
    CREATE TABLE hr_emp_mst (em_no INTEGER PRIMARY KEY, em_dpt TEXT, em_mgr INTEGER, em_age INTEGER);"""
    script += rows("ar_cus_mst", *((i, "x") for i in range(10, 20)))
    script += rows("ar_inv_hdr", *((i, 10 + i % 7) for i in range(30)))
    script += rows("hr_dpt_mst", ("D1", "a"), ("D2", "b"))
    script += rows("hr_emp_mst", *((i, f"D{1 + i % 2}", i % 4, i % 9 + 1) for i in range(1, 30)))
    assert keys_of(tmp_path, script) == {
        "ar_inv_hdr.ih_cuno -> ar_cus_mst.cu_no",
        "hr_emp_mst.em_dpt -> hr_dpt_mst.dp_cd",
        "hr_emp_mst.em_mgr -> hr_emp_mst.em_no",
    }


def test_what_all_columns_begin_with_and_a_tables_own_name_are_referred_to(tmp_path: Path) -> None:
    script = """CREATE TABLE rm_typ (rt_id INTEGER PRIMARY KEY, rt_cd TEXT, rt_dsc TEXT);
    CREATE TABLE ctry (iso2 TEXT PRIMARY KEY, nm TEXT);
    CREATE TABLE gst (gst_id INTEGER PRIMARY KEY, gst_ctry TEXT, gst_ln TEXT);
    CREATE TABLE bkg (bk_id INTEGER PRIMARY KEY, bk_gst INTEGER, bk_rt INTEGER, bk_nts INTEGER);"""
    script += rows("rm_typ", *((i, f"R{i}", "x") for i in range(1, 6)))
    script += rows("ctry", ("FI", "Finland"), ("NL", "Netherlands"), ("FR", "France"))
    script += rows("gst", *((i, ("FI", "NL")[i % 2], f"N{i}") for i in range(1, 9)))
    script += rows("bkg", *((i, 1 + i % 8, 1 + i % 4, 1 + i % 4) for i in range(20)))
    assert keys_of(tmp_path, script) == {
        "gst.gst_ctry -> ctry.iso2",
        "bkg.bk_gst -> gst.gst_id",
        "bkg.bk_rt -> rm_typ.rt_id",
    }


def test_names_and_small_numbers_alone_make_no_key(tmp_path: Path) -> None:
    script = """CREATE TABLE towns (Town TEXT, Population INTEGER);
    CREATE TABLE visits (Town TEXT, Population INTEGER, grade INTEGER, manager TEXT);
    CREATE TABLE grades (level INTEGER, label TEXT);"""
    script += rows("towns", ("Ayr", 1), ("Bath", 2), ("Cork", 3))
    script += rows("visits", ("Ayr", 1, 1, "Ayr"), ("Bath", 2, 2, "Bath"), ("Oslo", 3, 3, "Cork"))
    script += rows("grades", (1, "a"), (2, "b"), (3, "c"), (3, "d"))
    assert keys_of(tmp_path, script) == set()


# ---- codes ----

CODES = """CREATE TABLE items (no INTEGER PRIMARY KEY, cat_cd TEXT, price INTEGER);
CREATE TABLE orders (id INTEGER PRIMARY KEY, sts TEXT, shade TEXT);
CREATE TABLE codes (kind TEXT, code TEXT, meaning TEXT);
INSERT INTO codes VALUES ('CAT', 'F', 'Fasteners'), ('CAT', 'P', 'Paint');
INSERT INTO codes VALUES ('ORDER_STS', 'O', 'Open'), ('ORDER_STS', 'C', 'Closed');
INSERT INTO items VALUES (1, 'F', 3), (2, 'F', 4), (3, 'P', 5);
INSERT INTO orders VALUES (1, 'O', 'F'), (2, 'C', 'P'), (3, 'O', 'X');"""


def test_a_table_of_codes_says_what_the_codes_of_other_tables_mean(tmp_path: Path) -> None:
    path = made(tmp_path, CODES)
    with Agent(path, FakeModel([candidate("SELECT no FROM items WHERE cat_cd = 'Fasteners'")])) as agent:
        meaning = agent.meaning()
        assert meaning is not None
        named = {
            place: fact.encoding for place, fact in meaning.facts.items() if isinstance(fact.encoding, Named)
        }
        assert named == {
            ("items", "cat_cd"): Named((("F", "Fasteners"), ("P", "Paint"))),
            ("orders", "sts"): Named((("O", "Open"), ("C", "Closed"))),
        }  # and not `shade`, which holds another value too
        answer = agent.ask("which items are fasteners?", anyway=True)
        assert answer.rows == [(1,), (2,)]
        assert "F Fasteners" in answer.note
    assert answered(path, "SELECT cat_cd, COUNT(*) FROM items GROUP BY cat_cd") == [
        ("Fasteners", 2),
        ("Paint", 1),
    ]
    assert answered(path, "SELECT no FROM items WHERE cat_cd LIKE '%paint%'") == [(3,)]
    assert answered(path, "SELECT no FROM items WHERE cat_cd = 'P'") == [(3,)]
    joined = "SELECT no FROM items WHERE cat_cd IN (SELECT code FROM codes WHERE meaning = 'Paint')"
    assert answered(path, joined) == [(3,)]


def test_a_word_for_a_code_is_found_in_the_column_that_holds_the_code(tmp_path: Path) -> None:
    path = made(tmp_path, CODES)
    with Agent(path, FakeModel([candidate("SELECT COUNT(*) FROM orders WHERE sts = 'Open'")])) as agent:
        meant = agent._opened.meant()
        found = agent._opened.focus().hints(meant, meant, "how many orders are open?")
        assert found == [Hint("orders", "sts", "Open")]
        assert agent.ask("how many orders are open?").rows == [(2,)]


def test_a_table_of_prices_or_of_people_is_none_of_codes(tmp_path: Path) -> None:
    script = """CREATE TABLE stock (cat TEXT, no INTEGER PRIMARY KEY, label TEXT);
    CREATE TABLE sales (id INTEGER PRIMARY KEY, fst INTEGER, day INTEGER);"""
    script += rows("stock", ("FST", 1, "Bolt"), ("FST", 2, "Nut"), ("PNT", 3, "Gloss"), ("PNT", 4, "Primer"))
    script += rows("sales", *((i, 1 + i % 2, 1 + i % 2) for i in range(9)))
    path = made(tmp_path, script)
    with Agent(path, FakeModel([candidate("SELECT 1")])) as agent:
        meaning = agent.meaning()
        assert meaning is not None
        assert not any(isinstance(fact.encoding, Named) for fact in meaning.facts.values())
