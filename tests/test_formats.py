"""Formats, compared byte for byte with golden files (UPDATE_GOLDEN=1 rewrites them)."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from wcwidth import wcswidth

from sqlagent.base import terminal
from sqlagent.base.errors import SqlagentError
from sqlagent.ui import formats
from sqlagent.ui.formats import Cell, Style

GOLDEN = Path(__file__).parent / "golden"

COLUMNS = ("id", "name", "name", "score", "data", 'a|b, "c"')
ROWS: list[tuple[Cell, ...]] = [
    (1, "Ada", "Lovelace", 9.5, b"\x00\xff", "plain"),
    (2, "", None, 0.1 + 0.2, None, "comma, \"quote\""),
    (-3, "two\nlines", "tab\there", 1e300, b"", "back\\slash"),
    (2**63 - 1, "日本語", " padded ", float("inf"), bytes(range(20)), "=1+1"),
    (None, "\x1b[31mred\x1b[0m", "bell\x07", -0.0, None, "*bold* _under_ <b>|"),
]  # fmt: skip


FORMULAS = ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "\n=1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20sum"]


def text(format: str, rows: formats.Rows = ROWS, columns: tuple[str, ...] = COLUMNS, **style: object) -> str:
    return "".join(formats.lines(columns, rows, Style(format=format, **style)))  # type: ignore[arg-type]


@pytest.mark.parametrize("format", list(formats.FORMATS))
def test_each_format_is_the_golden_file(format: str) -> None:
    golden = GOLDEN / f"{format}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_bytes(text(format).encode())
    assert text(format).encode() == golden.read_bytes()


@pytest.mark.parametrize("format", list(formats.FORMATS))
def test_an_empty_result_is_empty_data_with_its_header(format: str) -> None:
    expected = {"table": "", "json": "[]\n", "jsonl": "", "csv": "a,b\n", "tsv": "a\tb\n"}
    written = text(format, [], ("a", "b"))
    assert written == expected.get(format, written)
    assert "NULL" not in written


def test_json_gives_back_what_sqlite_held() -> None:
    read = json.loads(text("json"))
    assert list(read[0]) == ["id", "name", "name:2", "score", "data", 'a|b, "c"']
    assert [list(item.values())[:4] for item in read] == [list(row[:4]) for row in ROWS]
    assert bytes.fromhex(read[3]["data"]["$blob"]) == ROWS[3][4]
    assert read[1]["data"] is None


def test_jsonl_is_the_same_objects_one_a_line() -> None:
    assert [json.loads(line) for line in text("jsonl").splitlines()] == json.loads(text("json"))


def test_json_stays_readable_on_a_terminal_and_means_the_same() -> None:
    written = text("json", [("\x9b31m\u202e\x7f",)], ("a",))
    assert not set(written) & set("\x9b\u202e\x7f\x1b")
    assert json.loads(written) == [{"a": "\x9b31m\u202e\x7f"}]


def test_a_lone_surrogate_does_not_stop_json() -> None:
    assert json.loads(text("json", [("a\udcff",)], ("a",)).encode()) == [{"a": "a\udcff"}]


def test_duplicate_names_never_collide_with_a_real_column() -> None:
    assert formats.unique_names(["a", "a", "a:2", "a"]) == ["a", "a:3", "a:2", "a:4"]


def test_csv_gives_back_every_text() -> None:
    rows = list(csv.reader(io.StringIO(text("csv"), newline="")))
    assert rows[0] == list(COLUMNS)
    for got, row in zip(rows[1:], ROWS, strict=True):
        assert got[1] == row[1]
        assert got[5] == row[5]


def test_csv_tells_null_from_the_empty_string() -> None:
    assert text("csv", [(None, "")], ("a", "b")) == 'a,b\n,""\n'


def test_a_lonely_null_is_not_an_empty_line_in_csv() -> None:
    assert text("csv", [(None,), (1,)], ("a",)) == 'a\n""\n1\n'


@pytest.mark.parametrize("formula", FORMULAS)
def test_csv_safe_disarms_formulas_and_leaves_numbers(formula: str) -> None:
    written = text("csv", [(formula, -1, -1.5)], ("a", "b", "c"), csv_safe=True)
    (_, row) = csv.reader(io.StringIO(written, newline=""))
    assert row == ["'" + formula, "-1", "-1.5"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_csv_safe_disarms_tsv_too(formula: str) -> None:
    fields = text("tsv", [(formula, -1)], ("a", "b"), csv_safe=True).split("\n")[1].split("\t")
    assert fields[0].startswith("'") and fields[1] == "-1"


def test_tsv_has_one_line_a_row_and_as_many_fields_as_columns() -> None:
    lines = text("tsv").splitlines()
    assert len(lines) == len(ROWS) + 1
    assert {line.count("\t") for line in lines} == {len(COLUMNS) - 1}


def test_tsv_gives_back_every_text() -> None:
    def back(field: str) -> str | None:
        if field == "\\N":
            return None
        return field.encode("latin-1", "backslashreplace").decode("unicode_escape")

    values = ["a\tb", "\\N", "\\n", "\n", "\r", "\\", "", None]
    line = text("tsv", [values], tuple("abcdefgh")).split("\n")[1]
    assert [back(field) for field in line.split("\t")] == values


@pytest.mark.parametrize("format", ["table", "csv", "tsv", "markdown", "json", "jsonl"])
def test_on_a_terminal_no_cell_and_no_column_name_can_drive_it(format: str) -> None:
    attack = "\x1b]0;title\x07\x9b31m\r\x08\u202e"
    written = text(format, [(attack, 1)], (attack, "n"), width=80)
    assert not set(written) & (set(attack) - set("]0;title31m"))


@pytest.mark.parametrize("format", ["table", "markdown"])
def test_formats_for_people_are_safe_in_a_file_too(format: str) -> None:
    assert "\x1b" not in text(format, [("\x1b[31m",)], ("a\x1b",))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_a_table_is_never_wider_than_the_terminal(width: int) -> None:
    written = text("table", width=width)
    assert max(wcswidth(line) for line in written.splitlines()) <= width


def test_a_table_in_a_file_is_not_cut_to_a_width() -> None:
    long = "x" * 500
    assert long in text("table", [(long,)], ("a",))


def test_a_long_cell_of_a_table_ends_in_an_ellipsis() -> None:
    written = text("table", [("x" * 500,)], ("a",), max_cell=20)
    assert "x" * 19 + "…" in written
    assert "x" * 20 not in written


def test_a_wide_table_cuts_the_widest_column_and_no_other() -> None:
    written = text("table", [("short", "y" * 300)], ("a", "b"), width=60)
    assert "short" in written
    assert "y…" in written


def test_more_columns_than_fit_are_written_one_value_a_line() -> None:
    columns = tuple(f"column_{i}" for i in range(30))
    written = text("table", [tuple(range(30))], columns, width=80)
    assert "column_29 | 29\n" in written


def test_numbers_are_right_aligned_and_text_left() -> None:
    lines = text("table", [("a", 1), ("bb", 100)], ("t", "n")).splitlines()
    assert lines[3] == "| a  |   1 |"
    assert lines[4] == "| bb | 100 |"


def test_leading_blanks_of_a_value_are_kept_in_a_table() -> None:
    assert "|   x |" in text("table", [("  x",)], ("abc",))


def test_null_is_dim_only_where_colour_is_wanted() -> None:
    assert "\x1b[2mNULL\x1b[0m" in text("table", [(None,)], ("a",), color=True)
    assert "\x1b" not in text("table", [(None,)], ("a",))


def test_coloured_cells_keep_the_columns_aligned() -> None:
    lines = text("table", [(None, "x"), ("abcdefgh", "y")], ("a", "b"), color=True).splitlines()
    plain = [line.replace("\x1b[2m", "").replace("\x1b[0m", "") for line in lines]
    assert len({len(line) for line in plain}) == 1


def test_markdown_has_one_line_a_row() -> None:
    assert len(text("markdown").splitlines()) == len(ROWS) + 2


def test_highlighting_keeps_the_statement_and_disarms_it() -> None:
    shown = formats.highlight_sql("SELECT '\x1b]0;x\x07' FROM t")
    assert "\x1b]" not in shown
    assert "\x07" not in shown
    assert "SELECT" in shown


def _write(code: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    script = f"from sqlagent.base import terminal\n{code}"
    return subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, **kwargs)  # type: ignore[call-overload, no-any-return]


def test_a_closed_pipe_ends_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = _write("terminal.out('x' * 1000 + chr(10) for _ in range(1000))", stdout=write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_sentence() -> None:
    code = (
        "try:\n    terminal.out(['x'])\n"
        "except terminal.SqlagentError as error:\n    import sys; print(error, file=sys.stderr)"
    )
    with open("/dev/full", "w") as full:
        done = _write(code, stdout=full)
    assert done.returncode == 0
    assert done.stderr == "The output cannot be written: no space left on device.\n"


def test_output_is_utf8_with_plain_newlines_whatever_the_locale() -> None:
    script = "from sqlagent.base import terminal; terminal.out(['日\\n\\udcff\\n'])"
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, env=env, check=True)
    assert done.stdout == "日\n\\udcff\n".encode()


def test_an_error_of_the_stream_is_an_expected_error() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    with pytest.raises(SqlagentError, match="input/output error"):
        terminal.out(["x"], Broken())
