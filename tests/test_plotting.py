"""A result as a picture: text in the terminal, PNG and SVG in a file."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from sqlagent.base.errors import SqlagentError, UsageError
from sqlagent.ui import plotting
from sqlagent.ui.wrapping import cells

pytest.importorskip("plotext")
CITIES = [("Paris", 12), ("Oslo", 3), ("東京\x1b[31m", 7)]
MONTHS = [(f"2024-{month:02}", float(month)) for month in range(12, 0, -1)]


def test_names_and_numbers_are_bars_as_long_as_the_numbers() -> None:
    chart = plotting.chart_of(("city", "orders"), CITIES)
    head, *bars = plotting.in_terminal(chart, width=60, height=20).splitlines()
    assert (chart.kind, head) == ("bars", "orders by city")
    assert [bar.split()[-1] for bar in bars] == ["12", "3", "7"]
    long, short, _ = (bar.count("▇") for bar in bars)
    assert 3.5 < long / short < 4.5
    assert not any("\x1b" in bar for bar in bars)


def test_times_are_lines_in_their_order() -> None:
    chart = plotting.chart_of(("month", "total"), MONTHS)
    assert chart.kind == "lines" and chart.values == tuple(range(1, 13))
    drawn = plotting.in_terminal(chart, width=60, height=12)
    assert "2024-01" in drawn and "2024-12" in drawn


def test_many_numbers_are_a_histogram() -> None:
    chart = plotting.chart_of(("salary",), [(n * n,) for n in range(30)])
    assert chart.kind == "histogram"
    assert "█" in plotting.in_terminal(chart, width=60, height=12)


@pytest.mark.parametrize("kind", plotting.KINDS)
@pytest.mark.parametrize("width", [20, 60, 200])
def test_no_line_is_wider_than_the_terminal(kind: str, width: int) -> None:
    rows = [(f"a rather long name {n}", n * 1000.5) for n in range(40)]
    drawn = plotting.in_terminal(plotting.chart_of(("n", "v"), rows, kind), width=width, height=15)
    assert max(cells(line) for line in drawn.splitlines()) <= width


@pytest.mark.parametrize(
    ("columns", "rows", "kind", "words"),
    [
        (("a",), [("x",), ("y",)], "", "nothing to draw"),
        (("a", "n"), [("x", 1)], "", "nothing to draw"),
        (("a", "n"), CITIES, "histogram", "choose one of bars, lines"),
        (("a", "n"), [("x", float("inf")), ("y", float("-inf"))], "", "no value is a number"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    columns: tuple[str, ...], rows: list[tuple[object, ...]], kind: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        plotting.chart_of(columns, rows, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", plotting.KINDS)
def test_a_picture_is_one(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("vl_convert")
    chart = plotting.chart_of(("month", "total"), MONTHS, kind, title="What was <sold>?")
    plotting.to_file(chart, tmp_path / "a.svg")
    root = ET.parse(tmp_path / "a.svg").getroot()
    texts = {"".join(node.itertext()) for node in root.iter() if node.tag.endswith("text")}
    assert root.tag.endswith("svg") and "What was <sold>?" in texts
    marks = [
        node
        for node in root.iter()
        if "mark-rect" in node.get("class", "") or "mark-line" in node.get("class", "")
    ]
    assert marks
    plotting.to_file(chart, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_a_name_that_is_no_text_of_xml_makes_a_picture_all_the_same(tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    for name in ("a.svg", "a.png"):
        plotting.to_file(plotting.chart_of(("city\x00", "orders\x1b"), CITIES, title="\x07"), tmp_path / name)
    assert "東京" in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_a_picture_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    (tmp_path / "file").write_text("")
    with pytest.raises(SqlagentError, match="cannot be written"):
        plotting.to_file(plotting.chart_of(("a", "n"), CITIES), tmp_path / "file" / "a.svg")
