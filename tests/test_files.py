"""What people have becomes tables with types that are right; nothing is lost, and nothing is written beside a file."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlagent.base.errors import DatabaseError
from sqlagent.files import cells
from sqlagent.files.loader import PREFIX, Ready, opened, sweep
from sqlagent.files.readers import delimiter_of
from sqlagent.ui import cli

SALES = """id;date;customer;amount;share;zip;note
1;31/01/2024;Ada;1.234,50;12 %;01234;first
2;05/02/2024;Bo;-3,20;7,5 %;99999;
3;06/02/2024;Ada;N/A;;00007;"with; a mark
and a line"
"""


def rows(ready: Ready, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(ready.path) as connection:
        return connection.execute(sql).fetchall()


def load(path: Path, text: str | bytes, sql: str, **settings: Any) -> list[tuple[Any, ...]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = sorted(path.parent.iterdir())
    with opened([str(path)], **settings) as ready:
        found = rows(ready, sql)
    assert sorted(path.parent.iterdir()) == before and not Path(ready.path).exists()
    return found


def test_a_csv_file_becomes_a_table_with_types_that_are_right(tmp_path: Path) -> None:
    path = tmp_path / "Sales 2024.csv"
    path.write_text(SALES)
    with opened([str(path)]) as ready:
        assert rows(ready, "SELECT * FROM sales_2024") == [
            (1, "2024-01-31", "Ada", 1234.5, 12, "01234", "first"),
            (2, "2024-02-05", "Bo", -3.2, 7.5, "99999", None),
            (3, "2024-02-06", "Ada", None, None, "00007", "with; a mark\nand a line"),
        ]
        declared = rows(ready, "SELECT sql FROM sqlite_master")[0][0]
        assert "-- read from dates, day first" in declared and "decimal comma" in declared
        assert ready.tables == {"sales_2024": 3} and "percentages" in ready.notices[0]


def test_as_text_undoes_every_decision(tmp_path: Path) -> None:
    found = load(tmp_path / "sales.csv", SALES, "SELECT id, date, amount, zip FROM sales", as_text=True)
    assert found[0] == ("1", "31/01/2024", "1.234,50", "01234")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1 2 30", [1, 2, 30]),
        ("1 2.5", [1.0, 2.5]),
        ("007 12", ["007", "12"]),
        ("+491234 +491235", ["+491234", "+491235"]),
        ("1,234 12", [1234, 12]),
        ("1,5 2", [1.5, 2]),
        ("$1,200.50 $3", [1200.5, 3]),
        ("€3 €4,50", [3, 4.5]),
        ("12% 3%", [12, 3]),
        ("1_000 2", ["1_000", "2"]),
        ("1e3 nan", [1000.0, None]),
        ("inf 2", ["inf", "2"]),
        ("2024-05-01 N/A", ["2024-05-01", None]),
        ("2024/5/1 2024/12/24", ["2024-05-01", "2024-12-24"]),
        ("5-March-2004 12-Apr-2005", ["2004-03-05", "2005-04-12"]),
        ("13/01/2024 02/03/2024", ["2024-01-13", "2024-03-02"]),
        ("01/13/2024 02/03/2024", ["2024-01-13", "2024-02-03"]),
        ("02/03/2024 04/05/2024", ["02/03/2024", "04/05/2024"]),
        ("30/02/2024 01/03/2024", ["30/02/2024", "01/03/2024"]),
        ("12345678901234567890 1", ["12345678901234567890", "1"]),
        ("yes no", ["yes", "no"]),
        ("1 two", ["1", "two"]),
    ],
)
def test_a_column_is_what_all_of_its_cells_are(tmp_path: Path, written: str, expected: list[Any]) -> None:
    text = "label\tvalue\n" + "".join(f"x{i}\t{cell}\n" for i, cell in enumerate(written.split(" ")))
    found = load(tmp_path / "t.tsv", text, "SELECT value FROM t ORDER BY rowid")
    assert [value for (value,) in found] == expected


def test_days_that_may_be_months_are_left_and_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("who,day\na,02/03/2024\nb,04/05/2024\n")
    with opened([str(path)]) as ready:
        assert "cannot be told apart" in ready.notices[0]


def test_a_cell_far_down_changes_what_the_column_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlagent.files.table_loader.SAMPLE", 10)
    monkeypatch.setattr("sqlagent.files.table_loader.BATCH", 7)
    body = [f"{i},01/{i % 12 + 1:02d}/2024" for i in range(100)] + ["x9,31/12/2024", "7,01/01/2025"]
    found = load(tmp_path / "t.csv", "n,day\n" + "\n".join(body), "SELECT n, day FROM t")
    assert len(found) == 102 and found[0] == ("0", "2024-01-01") and found[100] == ("x9", "2024-12-31")


def test_ragged_rows_lose_nothing_and_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3\n4,5,6\n")
    with opened([str(path)]) as ready:
        assert rows(ready, "SELECT * FROM t") == [(1, 2, None), (3, None, None), (4, 5, 6)]
        assert any("line 3" in notice for notice in ready.notices)


@pytest.mark.parametrize(
    ("encoded", "name"),
    [("utf-8-sig", "Zoë"), ("utf-16", "Zoë"), ("cp1252", "Zoë"), ("utf-8", "名前")],
)
def test_encodings_are_told(tmp_path: Path, encoded: str, name: str) -> None:
    assert load(tmp_path / "t.csv", f"name,n\n{name},1\n".encode(encoded), "SELECT name FROM t") == [(name,)]


def test_a_file_without_a_head_has_columns_by_number(tmp_path: Path) -> None:
    found = load(tmp_path / "t.csv", "1,Ada\n2,Bo\n", "SELECT column1, column2 FROM t")
    assert found == [(1, "Ada"), (2, "Bo")]


def test_names_are_never_twice_or_empty(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('A,a,, "x y" \n1,2,3,4\n')
    with opened([str(path)]) as ready:
        names = [row[1] for row in rows(ready, "PRAGMA table_info(t)")]
        assert names[:3] == ["A", "a_2", "column3"] and len(names) == 4


def test_json_lists_objects_and_lines(tmp_path: Path) -> None:
    people = [{"name": "Ada", "age": 36, "tags": ["x"]}, {"name": "Bo", "born": "2001-02-03", "ok": True}]
    sql = "SELECT name, age, tags, born, ok FROM t"
    expected = [("Ada", 36, '["x"]', None, None), ("Bo", None, None, "2001-02-03", 1)]
    assert load(tmp_path / "t.json", json.dumps(people), sql) == expected
    assert load(tmp_path / "t.jsonl", "\n".join(map(json.dumps, people)), sql) == expected
    assert load(tmp_path / "two.json", json.dumps({"t": people, "u": [{"a": 1}]}), sql) == expected
    with pytest.raises(DatabaseError, match="line 2"):
        load(tmp_path / "bad.jsonl", '{"a": 1}\n{"a": \n', sql)


def test_workbooks(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("python_calamine")
    book = openpyxl.Workbook()
    book.active.title = "People"
    for row in (
        ["Name", "Born", "Pay"],
        ["Ada", date(1990, 5, 1), 10],
        ["Bo", datetime(2000, 1, 2, 3, 4), 2.5],
    ):
        book.active.append(row)
    other = book.create_sheet("Shops")
    other.append(["shop", "zip"])
    other.append(["North", "0123"])
    book.save(tmp_path / "book.xlsx")
    with opened([str(tmp_path / "book.xlsx")]) as ready:
        assert rows(ready, "SELECT * FROM people") == [
            ("Ada", "1990-05-01", 10),
            ("Bo", "2000-01-02 03:04:00", 2.5),
        ]
        assert rows(ready, "SELECT * FROM shops") == [("North", "0123")]


def test_hours_of_an_opendocument_sheet_are_one_kind_of_value(tmp_path: Path) -> None:
    """python-calamine 0.9.1 gives PT08H30M00S as a time of day and PT36H00M00S as that text; here both are spans.

    Source: the time-value of OpenDocument 1.3, 19.386, as LibreOffice writes it for the format [HH]:MM:SS.
    """
    pytest.importorskip("python_calamine")

    def cell(value: str) -> str:
        kind = "time" if value[-1:] == "S" and "PT" in value else "string"
        held = f' office:time-value="{value}"' if kind == "time" else ""
        return (
            f'<table:table-cell office:value-type="{kind}"{held}><text:p>{value}</text:p></table:table-cell>'
        )

    table = [
        ("who", "worked", "began", "code"),
        ("Ada", "PT36H00M00S", "PT08H30M00S", "PT5H"),
        ("Bo", "PT08H30M00.500000000S", "PT17H00M00S", "x"),
        ("Cy", "-PT01H15M00S", "PT00H00M00S", "y"),
    ]
    written = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in table)
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    sheet = f'<table:table table:name="hours">{written}</table:table>'
    with zipfile.ZipFile(tmp_path / "hours.ods", "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        file.writestr("META-INF/manifest.xml", f'<?xml version="1.0"?><manifest xmlns="{manifest}"/>')
        file.writestr(
            "content.xml",
            f'<?xml version="1.0"?><office:document-content{names}><office:body><office:spreadsheet>{sheet}'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    with opened([str(tmp_path / "hours.ods")]) as ready:
        assert rows(ready, "SELECT who, worked, began, code FROM hours") == [
            ("Ada", 36 * 3600, "08:30:00", "PT5H"),
            ("Bo", 8.5 * 3600 + 0.5, "17:00:00", "x"),
            ("Cy", -1.25 * 3600, "00:00:00", "y"),
        ]


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table(
        {"n": [1, None], "day": [date(2024, 5, 1), None], "tags": [["a"], None], "s": ["x", ""]}
    )
    parquet.write_table(table, str(tmp_path / "t.parquet"))
    with opened([str(tmp_path / "t.parquet")]) as ready:
        assert rows(ready, "SELECT * FROM t") == [(1, "2024-05-01", '["a"]', "x"), (None, None, None, "")]


def parquet_rows(tmp_path: Path, **columns: Any) -> list[tuple[Any, ...]]:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), str(tmp_path / "t.parquet"))
    with opened([str(tmp_path / "t.parquet")]) as ready:
        return rows(ready, "SELECT * FROM t")


def test_times_of_a_parquet_file_keep_their_fractions(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    second = 1_577_934_245
    assert parquet_rows(
        tmp_path,
        ms=pyarrow.array([second * 1000 + 123, second * 1000], pyarrow.timestamp("ms")),
        ns=pyarrow.array([second * 10**9 + 123_456_789, 0], pyarrow.timestamp("ns")),
        zone=pyarrow.array([second * 10**9 + 1, None], pyarrow.timestamp("ns", "Asia/Kolkata")),
        span=pyarrow.array([3_723_000_000_001, 1_500_000_000], pyarrow.duration("ns")),
        time=pyarrow.array([3_723_000_000_001, 3_723_000_000_000], pyarrow.time64("ns")),
    ) == [
        ("2020-01-02 03:04:05.123000", "2020-01-02 03:04:05.123456789", "2020-01-02 08:34:05.000000001+05:30",
         3723.000000001, "01:02:03.000000001"),
        ("2020-01-02 03:04:05", "1970-01-01", None, 1.5, "01:02:03"),
    ]  # fmt: skip


def test_nanoseconds_need_no_pandas(tmp_path: Path) -> None:
    """pyarrow 26.0.1 gives nanoseconds in types of pandas where that is installed, and raises where it is not."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    at = pyarrow.array([1_577_934_245_123_456_789], pyarrow.timestamp("ns"))
    parquet.write_table(pyarrow.table({"at": at}), str(tmp_path / "t.parquet"))
    inside = pyarrow.array([at.to_pylist()], pyarrow.list_(at.type))
    parquet.write_table(pyarrow.table({"at": inside}), str(tmp_path / "inside.parquet"))
    script = """
import sys
from pathlib import Path
class Absent:
    def find_spec(name, *rest):
        if name.split(".")[0] == "pandas":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent)
from sqlagent.files.readers import parquet_sheets
for file in sys.argv[1:]:
    [sheet] = parquet_sheets(Path(file), "t")
    print(*sheet.rows)
"""
    files = [str(tmp_path / "t.parquet"), str(tmp_path / "inside.parquet")]
    done = subprocess.run([sys.executable, "-c", script, *files], capture_output=True, text=True)
    assert done.stdout == "('2020-01-02 03:04:05.123456789',)\n"
    assert "DatabaseError: t, column at: Nanosecond" in done.stderr


def test_years_beyond_9999_do_not_keep_a_parquet_file_out(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    assert parquet_rows(
        tmp_path,
        until=pyarrow.array([253_402_300_800_000, 1_577_934_245_000], pyarrow.timestamp("ms")),
        day=pyarrow.array([3_000_000, 0], pyarrow.date32()),
    ) == [("10000-01-01", "10183-09-21"), ("2020-01-02 03:04:05", "1970-01-01")]


def test_keys_written_as_decimals_keep_their_digits(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    keys = [Decimal(9_007_199_254_740_993), Decimal(12_345_678_901_234_567_890)]
    assert parquet_rows(
        tmp_path,
        key=pyarrow.array(keys, pyarrow.decimal128(38, 0)),
        price=pyarrow.array([Decimal("0.10"), Decimal("5.00")], pyarrow.decimal128(9, 2)),
    ) == [(9_007_199_254_740_993, 0.1), ("12345678901234567890", 5.0)]


def test_lists_and_structs_of_any_cell_are_json(tmp_path: Path) -> None:
    inside = {
        "day": date(2020, 1, 2),
        "price": Decimal("1.10"),
        "data": b"\xff",
        "times": [float("nan"), 1.5],
    }
    [(cell,)] = parquet_rows(tmp_path, cell=[inside])
    assert json.loads(cell, parse_constant=pytest.fail) == {
        "day": "2020-01-02",
        "price": 1.1,
        "data": {"$blob": "ff"},
        "times": [None, 1.5],
    }


def test_dumps_run_and_touch_no_other_file(tmp_path: Path) -> None:
    dump = "BEGIN;CREATE TABLE t (a);INSERT INTO t VALUES (1);COMMIT;"
    assert load(tmp_path / "t.sql", dump, "SELECT a FROM t") == [(1,)]
    target = tmp_path / "new.db"
    with pytest.raises(DatabaseError, match="no SQL that SQLite runs"):
        load(tmp_path / "bad.sql", f"ATTACH '{target}' AS x; CREATE TABLE x.t (a);", "SELECT 1")
    assert not target.exists()


def test_compressed_files(tmp_path: Path) -> None:
    assert load(tmp_path / "t.csv.gz", gzip.compress(b"a,b\n1,x\n"), "SELECT a, b FROM t") == [(1, "x")]
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        archive.writestr("one.csv", "a,b\n1,x\n")
        archive.writestr("sub/two.json", '[{"c": 2}]')
        archive.writestr("__MACOSX/one.csv", "junk")
        archive.writestr("read.me", "no table")
    with opened([str(tmp_path / "both.zip")]) as ready:
        assert ready.tables == {"one": 1, "two": 1}
    with pytest.raises(DatabaseError, match="damaged"):
        load(tmp_path / "cut.csv.gz", gzip.compress(b"a,b\n" * 9000)[:60], "SELECT 1")


def test_several_files_and_a_database_are_one(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.executescript(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (2)"
        )
    (tmp_path / "orders.csv").write_text("id,n\n1,5\n")
    before = (tmp_path / "shop.db").read_bytes()
    with opened([str(tmp_path / "orders.csv"), str(tmp_path / "shop.db")]) as ready:
        assert ready.tables == {"orders": 2, "orders_2": 1}
    assert (tmp_path / "shop.db").read_bytes() == before


def test_one_database_is_given_back_as_it_is(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.csv") as connection:  # whatever it is called
        connection.execute("CREATE TABLE t (a)")
    with opened([str(tmp_path / "x.csv")]) as ready:
        assert ready.path == str(tmp_path / "x.csv") and not ready.temporary


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "holds no rows"),
        ("zeros.csv", b"a,b\x00\n", "zero bytes"),
        ("bad.json", b"{", "no JSON"),
        ("none.json", b"[]", "no list of objects"),
        ("no.xlsx", b"PK\x03\x04nothing", "workbook"),
        ("x.bin", b"\x00\x01", "is no database, and no CSV"),
    ],
)
def test_what_cannot_be_read_gets_one_sentence_with_its_name(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / "other.csv"), str(tmp_path / name)]
    with pytest.raises(DatabaseError, match=said) as error, opened(paths):
        pass
    assert name in str(error.value) and "\n" not in str(error.value)


def test_what_a_killed_program_left_is_swept_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    dead, live = tmp_path / f"{PREFIX}{done.stdout.strip()}-x", tmp_path / f"{PREFIX}{os.getpid()}-x"
    dead.mkdir()
    live.mkdir()
    sweep()
    assert not dead.exists() and live.exists()


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("a\n1\n", ","),
    ],
)
def test_the_mark_between_fields_is_told(text: str, mark: str) -> None:
    assert delimiter_of(text, ".csv") == mark


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters(blacklist_categories=("Cs",)), max_size=12), min_size=1, max_size=8))
def test_any_cells_are_of_some_kind_and_text_stays_itself(column: list[str]) -> None:
    kind = cells.kind_of_column(column)
    values = cells.converted(kind, cells.Converter(kind), column)
    assert len(values) == len(column)
    if kind is cells.TEXT:
        assert [value or "" for value in values] == column


def test_the_command_line_opens_files_of_several_kinds_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sales, people = tmp_path / "sales.csv", tmp_path / "people.json"
    sales.write_text("person,amount\nAda,3\nBo,4\nAda,5\n")
    people.write_text('[{"name": "Ada", "city": "Rome"}, {"name": "Bo", "city": "Oslo"}]')
    sql = "SELECT city, SUM(amount) FROM sales JOIN people ON person = name GROUP BY city"
    assert cli.main([str(sales), str(people), sql, "--format", "csv"], model=FakeModel([])) == 0
    assert capsys.readouterr().out == "city,SUM(amount)\nOslo,4\nRome,8\n"
    assert (
        cli.main(["ask", str(sales), "what tables are there?", "--format", "csv"], model=FakeModel([])) == 0
    )
    assert capsys.readouterr().out == "table\nsales\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people.json", "sales.csv"]


def test_the_command_line_says_what_a_column_was_taken_for_and_takes_it_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("day;pay\n31/01/2024;1,5\n")
    assert cli.main(["ask", str(path), "SELECT * FROM t", "--format", "csv"], model=FakeModel([])) == 0
    out, err = capsys.readouterr()
    assert out == "day,pay\n2024-01-31,1.5\n" and "day first" in err
    command = ["ask", str(path), "SELECT * FROM t", "--format", "csv", "--as-text"]
    assert cli.main(command, model=FakeModel([])) == 0
    assert capsys.readouterr().out == 'day,pay\n31/01/2024,"1,5"\n'


@pytest.mark.parametrize("rows", [1, 49, 50, 501, 1_003])
def test_every_row_arrives_however_many_are_inserted_together(tmp_path: Path, rows: int) -> None:
    lines = [f"{i},{i / 4 if i % 3 else ''},{i:05d},word {i}" for i in range(rows)]
    file = tmp_path / "many.csv"
    file.write_text("n,share,code,word\n" + "\n".join(lines) + "\n")
    with opened([str(file)]) as ready, sqlite3.connect(ready.path) as connection:
        read = connection.execute("SELECT * FROM many").fetchall()
    connection.close()
    assert read == [(i, i / 4 if i % 3 else None, f"{i:05d}", f"word {i}") for i in range(rows)]


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        (["1", "-0.5", ".5", "3."], cells.REAL, [1.0, -0.5, 0.5, 3.0]),
        (["1", "", "2.5"], cells.REAL, [1.0, None, 2.5]),
        (["1", " 2 ", "1e3", "n/a"], cells.REAL, [1.0, 2.0, 1000.0, None]),
        (["7", "", "-12"], cells.INTEGER, [7, None, -12]),
        ([" 7", "?", "0"], cells.INTEGER, [7, None, 0]),
    ],
)
def test_plain_numbers_and_others_are_read_alike(
    column: list[str], kind: cells.Kind, values: list[object]
) -> None:
    assert list(cells.converted(kind, cells.Converter(kind), column)) == values


@pytest.mark.parametrize(
    ("cell", "kind"),
    [("007", cells.INTEGER), ("1_000", cells.INTEGER), ("9" * 19, cells.INTEGER), ("007.5", cells.REAL),
     ("1234567890123456", cells.REAL), ("nan1", cells.REAL), ("1-2", cells.REAL), ("inf", cells.REAL)],
)  # fmt: skip
def test_what_is_no_plain_number_is_not_taken_for_one(cell: str, kind: cells.Kind) -> None:
    with pytest.raises(cells.NotThisKind):
        cells.converted(kind, cells.Converter(kind), ["1", cell])
