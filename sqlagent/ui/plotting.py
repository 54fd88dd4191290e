"""Draw a result as bars, lines or a histogram: in the terminal, or into a PNG or SVG file.

    in_terminal(chart, width=80, height=20)     # text, by plotext
    to_file(chart, Path("sales.svg"))           # a Vega-Lite specification, by vl-convert

Which chart a result asks for is charts.suggest's to say; `chart_of` takes it, or the kind that a person named.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlagent.agent.answer import Cell
from sqlagent.base import private_files
from sqlagent.base.errors import SqlagentError, UsageError
from sqlagent.base.visible import visible
from sqlagent.ui.web import charts
from sqlagent.ui.wrapping import cut

KINDS = ("bars", "lines", "histogram")
PICTURES = (".png", ".svg")
BINS = 20
CONVERT_SECONDS = 60
_CONVERT = """\
import json, sys, vl_convert
spec = json.load(sys.stdin)
if sys.argv[1] == "svg":
    sys.stdout.buffer.write(vl_convert.vegalite_to_svg(spec).encode("utf-8"))
else:
    sys.stdout.buffer.write(vl_convert.vegalite_to_png(spec, scale=2))
"""
LABEL = 24
"""Characters of the longest name beside a bar."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: `labels` name the values of bars and lines; a histogram has none."""

    kind: str
    title: str
    x: str
    y: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


def chart_of(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], kind: str = "", title: str = ""
) -> Chart:
    """The chart of a result. Raises UsageError where it has no numbers to draw, or none of that kind."""
    found = charts.suggest(columns, rows)
    if found is None:
        raise UsageError("There is nothing to draw: a chart needs two rows or more and a column of numbers.")
    if kind and kind not in found["kinds"]:
        raise UsageError(f"These rows make no {kind}; choose one of {', '.join(found['kinds'])}.")
    kind, x, y = kind or found["kind"], found["x"], found["y"]
    if x == -1 and kind != "histogram" and found["labels"]:
        x = found["labels"][0]
    held = [row for row in rows if isinstance(row[y], int | float) and math.isfinite(row[y])]
    labels = [str(row[x]) if x >= 0 else str(place) for place, row in enumerate(held, start=1)]
    names = (columns[x] if x >= 0 else "row", columns[y])
    if kind == "histogram":
        labels, names = [], (columns[y], "rows")
    elif kind == "lines" and x >= 0 and charts.is_time(columns[x], [row[x] for row in held]):
        order = sorted(range(len(held)), key=lambda i: labels[i] if not _whole(labels) else int(labels[i]))
        held, labels = [held[i] for i in order], [labels[i] for i in order]
    values = tuple(float(row[y]) for row in held)
    if not values:
        raise UsageError("There is nothing to draw: no value is a number.")
    return Chart(kind, title, *names, tuple(labels), values)


def _whole(labels: Sequence[str]) -> bool:
    return all(label.isascii() and label.isdecimal() for label in labels)


def in_terminal(chart: Chart, *, width: int, height: int) -> str:
    """The chart as lines of text of at most `width` cells."""
    plotext = _library()
    plotext.clear_figure()
    plotext.theme("clear")
    if chart.kind == "bars":
        labels = [cut(visible(label), min(LABEL, max(width // 3, 1))) for label in chart.labels]
        plotext.simple_bar(labels, [*chart.values], width=width)
    elif chart.kind == "histogram":
        plotext.plotsize(width, height)
        plotext.hist([*chart.values], min(BINS, max(len(set(chart.values)), 1)))
    else:
        plotext.plotsize(width, height)
        places = [*range(len(chart.values))]
        plotext.plot(places, [*chart.values])
        shown = _spread(places, max(width // 16, 2))
        plotext.xticks(shown, [cut(visible(chart.labels[place]), 12) for place in shown])
    text = plotext.uncolorize(plotext.build()).rstrip("\n")
    if all(value == int(value) for value in chart.values):
        text = re.sub(r"(\d)\.00(?=\s*$)", r"\1", text, flags=re.MULTILINE)
        text = re.sub(
            r"^(\s*\d+)\.(0+)(?=┤)", lambda m: m[1] + " " * (len(m[2]) + 1), text, flags=re.MULTILINE
        )
    head = (
        f"{visible(chart.y)} by {visible(chart.x)}"
        if chart.kind != "histogram"
        else f"{visible(chart.x)}, rows"
    )
    return f"{cut(head, width)}\n" + "\n".join(cut(line.rstrip(), width) for line in text.split("\n")) + "\n"


def _spread(places: Sequence[int], most: int) -> list[int]:
    """At most `most` of the places, evenly, the first and the last among them."""
    if len(places) <= most:
        return [*places]
    return sorted({round(i * (len(places) - 1) / (most - 1)) for i in range(most)})


def _library() -> Any:
    try:
        import plotext
    except ImportError:
        raise UsageError(
            "To draw in the terminal, install plotext: `pip install 'sqlagent[plot]'`."
        ) from None
    return plotext


def picture_path(name: str) -> bool:
    """Whether a name is that of a picture."""
    return Path(name).suffix.lower() in PICTURES


def to_file(chart: Chart, path: Path) -> None:
    """Write the chart as a picture, whole or not at all. Raises UsageError, SqlagentError."""
    if importlib.util.find_spec("vl_convert") is None:
        raise UsageError("To write a picture, install vl-convert-python: `pip install 'sqlagent[plot]'`.")
    kind = path.suffix.lower().removeprefix(".")
    try:
        # A process of its own: vl-convert brings a JavaScript engine, which aborts its process
        # on some texts (a control character in a label).
        done = subprocess.run(
            [sys.executable, "-c", _CONVERT, kind],
            input=json.dumps(specification(chart)).encode(),
            capture_output=True,
            check=True,
            timeout=CONVERT_SECONDS,
        )
        private_files.write(path, done.stdout, mode=private_files.SHARED)
    except subprocess.TimeoutExpired:
        raise SqlagentError(f"The picture took longer than {CONVERT_SECONDS} s and was given up.") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines() or [
            f"exit code {error.returncode}"
        ]
        raise SqlagentError(f"The picture could not be made: {said[-1]}.") from None
    except OSError as error:
        raise SqlagentError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}.") from None


def specification(chart: Chart) -> dict[str, Any]:
    """The chart in Vega-Lite (https://vega.github.io/vega-lite/docs)."""
    rows: list[dict[str, Any]] = [{"y": value} for value in chart.values]
    for row, (place, label) in zip(rows, enumerate(chart.labels), strict=False):
        row |= {"x": _drawn(label), "place": place}
    spec: dict[str, Any] = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": 640,
        "height": 360,
    }
    if chart.title:
        spec["title"] = _drawn(chart.title)
    if chart.kind == "histogram":
        encoding: dict[str, Any] = {
            "x": {"field": "y", "bin": {"maxbins": BINS}, "title": _drawn(chart.x)},
            "y": {"aggregate": "count", "title": chart.y},
        }
        return {**spec, "data": {"values": rows}, "mark": "bar", "encoding": encoding}
    named = {"field": "x", "type": "ordinal", "sort": {"field": "place"}, "title": _drawn(chart.x)}
    measured = {"field": "y", "type": "quantitative", "title": _drawn(chart.y)}
    if chart.kind == "bars":
        spec["height"] = {"step": 20}
        return {**spec, "data": {"values": rows}, "mark": "bar", "encoding": {"y": named, "x": measured}}
    mark = {"type": "line", "point": len(rows) <= 60}
    return {**spec, "data": {"values": rows}, "mark": mark, "encoding": {"x": named, "y": measured}}


def _drawn(text: str) -> str:
    """A text as a picture holds it. Vega puts titles into expressions, which take a backslash for an escape."""
    return "".join(c if c.isprintable() and c != "\\" else "\N{REPLACEMENT CHARACTER}" for c in text)
