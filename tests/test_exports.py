"""A result in a file is the result: golden files for the formats of text, read back by others for the rest."""

from __future__ import annotations

import csv
import datetime
import json
import sqlite3
from pathlib import Path

import pytest

from sqlagent.base.errors import SqlagentError, UsageError
from sqlagent.ui import exports
from sqlagent.ui.formats import Cell

GOLDEN = Path(__file__).with_name("golden") / "exports"
COLUMNS = ("id", "name", "paid", "day", "photo", "name", "big")
ROWS: list[tuple[Cell, ...]] = [
    (1, 'O\'Hara, "Jo"', 12.5, "2024-02-29", b"\x00\xff", "=1+1", 1 << 60),
    (2, "two\nlines | <b>bold</b> & more", None, "2024-03-01", None, "ünï", None),
    (3, "", -0.1, None, b"", "-7", 7),
]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json", ".jsonl", ".md", ".html"])
def test_a_file_of_text_is_as_it_was_agreed_on(tmp_path: Path, suffix: str) -> None:
    written = tmp_path / f"rows{suffix}"
    exports.write(written, COLUMNS, ROWS, title="What <is> here?")
    assert written.read_bytes() == (GOLDEN / written.name).read_bytes()


def test_a_workbook_holds_numbers_days_and_texts_and_no_formula(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "rows.xlsx"
    exports.write(path, COLUMNS, ROWS)
    sheet = openpyxl.load_workbook(path).active
    read = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert read[0] == list(COLUMNS)
    assert read[1] == [
        1, 'O\'Hara, "Jo"', 12.5, datetime.datetime(2024, 2, 29), "X'00FF'", "=1+1", "1152921504606846976",
    ]  # fmt: skip
    assert read[3] == [3, "", -0.1, None, "X''", "-7", 7]
    assert [cell.data_type for cell in sheet[2]] == ["n", "s", "n", "d", "s", "s", "s"]
    again = tmp_path / "again.xlsx"
    exports.write(again, COLUMNS, ROWS)
    assert again.read_bytes() == path.read_bytes()


def test_a_parquet_file_has_the_types_of_its_columns(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "rows.parquet"
    exports.write(path, COLUMNS, ROWS)
    table = parquet.read_table(path)
    assert [str(kind) for kind in table.schema.types] == [
        "int64", "string", "double", "string", "binary", "string", "int64",
    ]  # fmt: skip
    assert table.column_names[1] == "name" and table.column_names[5] == "name:2"
    assert table.to_pylist()[0]["photo"] == b"\x00\xff"
    assert table.to_pylist()[1]["paid"] is None


def test_a_parquet_column_of_two_kinds_becomes_text(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "mixed.parquet"
    exports.write(path, ("a", "b"), [(1, 1), ("x", 2.5), (None, None)])
    table = parquet.read_table(path)
    assert [str(kind) for kind in table.schema.types] == ["string", "double"]
    assert table["a"].to_pylist() == ["1", "x", None]


def test_machine_formats_are_read_back_by_their_own_readers(tmp_path: Path) -> None:
    exports.write(tmp_path / "a.csv", COLUMNS, ROWS)
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert [row[1] for row in csv.reader(file)][1:] == [row[1] for row in ROWS]
    exports.write(tmp_path / "a.json", COLUMNS, ROWS)
    assert [row["name:2"] for row in json.loads((tmp_path / "a.json").read_text())] == ["=1+1", "ünï", "-7"]


@pytest.mark.parametrize("suffix", exports.SUFFIXES)
def test_no_rows_are_a_file_all_the_same(tmp_path: Path, suffix: str) -> None:
    exports.write(tmp_path / f"none{suffix}", ("a", "b"), [])
    assert (tmp_path / f"none{suffix}").exists()


def test_a_database_is_never_written_over(tmp_path: Path) -> None:
    database = tmp_path / "data.csv"  # whatever it is called
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE t (a)")
    with pytest.raises(UsageError, match="is a database"):
        exports.path_of(str(database))
    plain = tmp_path / "plain.csv"
    plain.write_text("a\n")
    with pytest.raises(UsageError, match="is a database"):
        exports.path_of(str(plain), database=str(plain))
    assert exports.path_of(str(plain)) == plain


@pytest.mark.parametrize(
    ("name", "words"), [("rows", "does not say its format"), ("rows.doc", ".parquet"), (".", "format")]
)
def test_a_name_without_a_known_format_says_which_there_are(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        exports.path_of(name)


def test_quotes_and_home_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert exports.path_of('"~/my rows.csv"') == tmp_path / "my rows.csv"


def test_what_fails_leaves_the_older_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "rows.xlsx"
    path.write_bytes(b"older")
    with pytest.raises(UsageError, match="A sheet holds"):
        exports.write(path, ("a",), [(1,)] * (exports.SHEET_ROWS + 1))
    assert path.read_bytes() == b"older" and [*tmp_path.iterdir()] == [path]
    with pytest.raises(SqlagentError, match="cannot be written"):
        exports.write(tmp_path / "rows.xlsx" / "below.csv", ("a",), [])


def test_results_that_follow_get_a_number() -> None:
    names = [exports.numbered(Path("out/rows.csv"), number).name for number in (1, 2, 3)]
    assert names == ["rows.csv", "rows-2.csv", "rows-3.csv"]
