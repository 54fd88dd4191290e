"""The command `bench scale`: measure the curves, print them, draw them, and fail where one rises."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.scale.counting import Counting
from bench.scale.curves import BOUNDS, SIZES, Point, measured
from sqlagent.base.errors import NO_ANSWER, OK, UsageError
from sqlagent.decoding.model import Model
from sqlagent.store import models

COLUMNS = (
    ("opened", "open to first answer, CPU s", 2),
    ("further", "a further question, CPU s", 2),
    ("first_tokens", "tokens read first", 0),
    ("further_tokens", "tokens read further", 0),
)


def main(argv: Sequence[str]) -> int:
    """Returns the exit code. Raises UsageError."""
    options = _options(argv)
    names = options.curves.split(",")
    broken: list[str] = []
    curves: dict[str, list[Point]] = {}
    model = Counting(Model.of(models.ready(options.model)))
    try:
        for name in names:
            print(f"{name} …", file=sys.stderr)
            curves[name] = measured(name, model, options.most)
            broken += [
                said for bound in BOUNDS if bound.curve == name and (said := bound.broken(curves[name]))
            ]
    finally:
        model.close()
    print("\n".join(_table(curves)))
    if options.picture is not None:
        _draw(curves, options.picture)
    print("\n".join(["", *broken] if broken else ["", "what should be flat is flat"]))
    return NO_ANSWER if broken else OK


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench scale", description="What a question costs as a database grows."
    )
    parser.add_argument(
        "--curves", default=",".join(SIZES), metavar="A,B", help=f"of {', '.join(SIZES)} (all)"
    )
    parser.add_argument("--most", type=int, metavar="N", help="leave out sizes beyond this")
    parser.add_argument("--model", help="whose vocabulary counts the tokens (the default model)")
    parser.add_argument("--picture", type=Path, metavar="DIR", help="draw scale.png there")
    options = parser.parse_args(list(argv))
    unknown = [name for name in options.curves.split(",") if name not in SIZES]
    if unknown:
        raise UsageError(f"There is no curve called {unknown[0]!r}: choose of {', '.join(SIZES)}.")
    if options.most is not None and any(options.most < SIZES[name][0] for name in options.curves.split(",")):
        raise UsageError("--most leaves no size of a curve: give a larger number.")
    return options


def _table(curves: dict[str, list[Point]]) -> list[str]:
    lines = ["| curve | size | " + " | ".join(title for _, title, _ in COLUMNS) + " |", "|---|" + "---:|" * 5]
    for name, points in curves.items():
        for point in points:
            cells = " | ".join(f"{getattr(point, key):.{digits}f}" for key, _, digits in COLUMNS)
            lines.append(f"| {name} | {point.size} | {cells} |")
    return lines


def _draw(curves: dict[str, list[Point]], folder: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    figure, panes = pyplot.subplots(
        len(COLUMNS), len(curves), figsize=(3.2 * len(curves), 2.4 * len(COLUMNS)), squeeze=False
    )
    for column, (name, points) in enumerate(curves.items()):
        for row, (key, title, _) in enumerate(COLUMNS):
            pane = panes[row][column]
            pane.plot([point.size for point in points], [getattr(point, key) for point in points], "o-")
            pane.set_xscale("log")
            pane.set_ylim(bottom=0)
            pane.set_title(f"{title}\nby {name}", fontsize=8)
            pane.tick_params(labelsize=7)
    figure.tight_layout()
    figure.savefig(folder / "scale.png", dpi=100)
    pyplot.close(figure)
