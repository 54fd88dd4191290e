"""Is the second run better than the first, question by question?

    python -m bench compare A/predictions.jsonl B/predictions.jsonl

Only questions that both runs judged are compared, so a difference is never one of sample. The test is
McNemar's, exact, on the questions where the runs disagree; the interval of the difference resamples
databases.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.hardness import CLASSES
from bench.run_folder import PREDICTIONS, read_records
from bench.stats import cluster_bootstrap, mcnemar, wilson
from sqlagent.base.errors import OK, UsageError

Record = Mapping[str, Any]
MEASURES = ("correct", "exact", "tree", "ran")


def main(argv: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench compare", description="Paired test of two runs.")
    parser.add_argument("first", type=Path, metavar="A", help="predictions.jsonl of a run, or its folder")
    parser.add_argument("second", type=Path, metavar="B", help="the run to compare it with")
    parser.add_argument(
        "--measure", choices=MEASURES, help="what counts as right (correct where known, else exact)"
    )
    parser.add_argument("--flips", type=int, default=20, help="flipped questions listed each way (20)")
    options = parser.parse_args(list(argv))
    first, second = (_records(path) for path in (options.first, options.second))
    print(compare(first, second, measure=options.measure, flips=options.flips))
    left_out = len(first.keys() ^ second.keys())
    if left_out:
        print(f"{left_out} questions are in one run only and were left out.", file=sys.stderr)
    return OK


def compare(
    first: Mapping[str, Record], second: Mapping[str, Record], *, measure: str | None = None, flips: int = 20
) -> str:
    """The comparison as Markdown. Raises UsageError when the runs have nothing in common."""
    shared = [name for name in first if name in second]
    if any(first[name]["gold"] != second[name]["gold"] for name in shared):
        raise UsageError("the two runs are over different questions: their gold statements differ.")
    if measure is None:
        known = any(first[name]["correct"] is not None for name in shared)
        measure = "correct" if known else "exact"
    pairs = [
        (first[name], second[name])
        for name in shared
        if first[name][measure] is not None and second[name][measure] is not None
    ]
    if not pairs:
        raise UsageError("the two runs share no judged question, so there is nothing to compare.")
    lost = [pair for pair in pairs if pair[0][measure] and not pair[1][measure]]
    gained = [pair for pair in pairs if pair[1][measure] and not pair[0][measure]]
    clusters: dict[str, list[float]] = defaultdict(list)
    for before, after in pairs:
        clusters[before["db"]].append(float(after[measure]) - float(before[measure]))
    low, high = cluster_bootstrap(clusters)
    lines = [
        f"# {measure}: {len(pairs)} questions, A against B",
        "",
        "| run | right | share | 95 % |",
        "|---|---:|---:|---:|",
    ]
    for name, side in (("A", 0), ("B", 1)):
        right = sum(bool(pair[side][measure]) for pair in pairs)
        below, above = wilson(right, len(pairs))
        lines.append(
            f"| {name} | {right} | {100 * right / len(pairs):.1f} % | {100 * below:.1f} – {100 * above:.1f} |"
        )
    change = 100 * (len(gained) - len(lost)) / len(pairs)
    lines += [
        "",
        f"B − A: {change:+.1f} points (95 % by database {100 * low:+.1f} … {100 * high:+.1f}); "
        f"B gained {len(gained)} and lost {len(lost)}; "
        f"McNemar exact p = {mcnemar(len(lost), len(gained)):.4g}.",
        "",
        "| hardness | questions | A | B | gained | lost |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind in CLASSES:
        these = [pair for pair in pairs if pair[0]["hardness"] == kind]
        if these:
            counts = [sum(bool(pair[side][measure]) for pair in these) for side in (0, 1)]
            flipped = [sum(pair[0]["hardness"] == kind for pair in found) for found in (gained, lost)]
            shares = [f"{100 * count / len(these):.1f} %" for count in counts]
            lines.append(
                f"| {kind} | {len(these)} | {shares[0]} | {shares[1]} | {flipped[0]} | {flipped[1]} |"
            )
    for title, found in (("Gained by B", gained), ("Lost by B", lost)):
        lines += ["", f"## {title}: {len(found)}"]
        for before, after in found[:flips]:
            lines += ["", f"- {before['id']} ({before['db']}): {before['question']}"]
            lines += [f"  - {name} `{_line(sql)}`" for name, sql in _sides(before, after)]
        if len(found) > flips:
            lines += ["", f"… and {len(found) - flips} more (--flips)."]
    return "\n".join(lines)


def _sides(before: Record, after: Record) -> list[tuple[str, str]]:
    sides = [("gold", before["gold"])]
    for name, record in (("A", before), ("B", after)):
        error = f"  — {record['error']}" if record["error"] else ""
        sides.append((name, (record["pred"] or "nothing") + error))
    return sides


def _line(text: str) -> str:
    return " ".join(text.split()).replace("`", "'")


def _records(path: Path) -> dict[str, dict[str, Any]]:
    file = path / PREDICTIONS if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"there is no run at {path}: give a predictions.jsonl or the folder that holds one.")
    return read_records(file)
