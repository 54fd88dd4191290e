"""A run's records as numbers and as Markdown; nothing here runs a model or a statement.

Invariant: every share is shown with how many questions it is a share of, and with 95 % intervals by question
(Wilson) and, over all questions, by database (cluster bootstrap).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bench.hardness import CLASSES
from bench.stats import cluster_bootstrap, percentile, wilson
from bench.taxonomy import LABELS

Record = Mapping[str, Any]

MEASURES: tuple[tuple[str, str, Callable[[Record], bool | None]], ...] = (
    ("correct", "execution accuracy", lambda record: record["correct"]),
    (
        "correct_nonempty",
        "… where the gold returns rows",
        lambda record: record["correct"] if record["gold_nonempty"] else None,
    ),
    ("ran", "runs", lambda record: record["ran"]),
    ("nonempty", "returns rows", lambda record: record["nonempty"]),
    ("exact", "normalised exact match", lambda record: record["exact"]),
    ("tree", "same parse tree", lambda record: record["tree"]),
    ("any_correct", "a right one among the candidates", lambda record: any_correct(record)),
)


def any_correct(record: Record) -> bool | None:
    """Whether one of several candidates is right; None when there was one candidate only."""
    marks = [guess.get("correct") for guess in record["candidates"]]
    return any(marks) if len(marks) > 1 and None not in marks else None


def summary(records: Sequence[Record]) -> dict[str, Any]:
    """Every number of the report, as plain data."""
    judged = "correct" if any(record["correct"] is not None for record in records) else "exact"
    seconds = [record["seconds"] for record in records]
    warm = [record["seconds"] for record in records if not record["cold"]]
    wrong = [record for record in records if record[judged] is False]
    return {
        "questions": len(records),
        "databases": len({record["db"] for record in records}),
        "judged_by": judged,
        "gold_fails": sum(bool(record["gold_error"]) for record in records),
        "measures": {name: found for name, _, get in MEASURES if (found := _share(records, get))},
        "by_hardness": _by(records, judged, lambda record: record["hardness"], CLASSES),
        "by_database": _by(records, judged, lambda record: record["db"]),
        "seconds": {
            "p50": percentile(seconds, 0.5),
            "p95": percentile(seconds, 0.95),
            "p50_after_the_first_of_a_database": percentile(warm, 0.5),
            "p95_after_the_first_of_a_database": percentile(warm, 0.95),
            "total": sum(seconds),
        },
        "tokens": {
            "mean": sum(record["tokens"] for record in records) / max(1, len(records)),
            "p95": percentile([record["tokens"] for record in records], 0.95),
        },
        "wrong": len(wrong),
        "labels": {
            label: count for label in LABELS if (count := sum(label in record["labels"] for record in wrong))
        },
        "first_label": dict(
            Counter(record["labels"][0] for record in wrong if record["labels"]).most_common()
        ),
        "errors": dict(
            Counter(_kind(record["error"]) for record in records if record["error"]).most_common()
        ),
    }


def markdown(records: Sequence[Record], settings: Mapping[str, Any]) -> str:
    """The report of one run."""
    found = summary(records)
    parts = [f"# Accuracy: {settings.get('title', 'a run')}", "", _settings(settings), ""]
    if not records:
        return "\n".join([*parts, "No question was answered."]) + "\n"
    parts += [f"{found['questions']} questions over {found['databases']} databases.", ""]
    if found["gold_fails"]:
        parts += [
            f"{found['gold_fails']} gold statements do not run; those questions have no execution accuracy.",
            "",
        ]
    rows = [
        [
            title,
            f"{share['right']}/{share['of']}",
            _percent(share["share"]),
            _range(share["by_question"]),
            _range(share["by_database"]),
        ]
        for name, title, _ in MEASURES
        if (share := found["measures"].get(name))
    ]
    parts += _table(["measure", "count", "share", "95 % by question", "95 % by database"], rows)
    seconds = found["seconds"]
    parts += ["", "## Seconds and tokens a question", ""]
    parts += _table(
        ["", "p50", "p95"],
        [
            ["seconds, all", f"{seconds['p50']:.2f}", f"{seconds['p95']:.2f}"],
            [
                "seconds, after the first of a database",
                f"{seconds['p50_after_the_first_of_a_database']:.2f}",
                f"{seconds['p95_after_the_first_of_a_database']:.2f}",
            ],
        ],
    )
    parts += [
        "",
        f"{found['tokens']['mean']:.1f} tokens written on average, "
        f"{seconds['total'] / 60:.1f} minutes in all.",
    ]
    what = dict((name, title) for name, title, _ in MEASURES)[found["judged_by"]]
    for title, key in (("hardness", "by_hardness"), ("database", "by_database")):
        if key == "by_database" and found["databases"] > 60:
            continue
        parts += ["", f"## {what.capitalize()} by {title}", ""]
        rows = [
            [name, f"{share['right']}/{share['of']}", _percent(share["share"]), _range(share["by_question"])]
            for name, share in found[key].items()
        ]
        parts += _table([title, "count", "share", "95 %"], rows)
    parts += ["", f"## What is wrong with the {found['wrong']} wrong ones", ""]
    parts += ["One statement may have several labels; the second count is of its first.", ""]
    rows = [
        [label, str(count), str(found["first_label"].get(label, 0)), _percent(count / max(1, found["wrong"]))]
        for label, count in found["labels"].items()
    ]
    parts += _table(["label", "count", "first", "share of the wrong"], rows)
    if found["errors"]:
        parts += ["", "## Statements that did not run", ""]
        parts += _table(["error", "count"], [[kind, str(count)] for kind, count in found["errors"].items()])
    return "\n".join(parts) + "\n"


def headline(records: Sequence[Record]) -> str:
    """The run in one line, for the terminal."""
    found = summary(records)
    shares = [
        f"{title} {_percent(share['share'])} ({share['right']}/{share['of']})"
        for name, title, _ in MEASURES
        if name in ("correct", "ran", "exact", "tree") and (share := found["measures"].get(name))
    ]
    return f"{', '.join(shares)}; {found['seconds']['p50']:.2f} s a question at the median"


def _share(records: Iterable[Record], get: Callable[[Record], bool | None]) -> dict[str, Any] | None:
    clusters: dict[str, list[float]] = defaultdict(list)
    for record in records:
        value = get(record)
        if value is not None:
            clusters[record["db"]].append(float(value))
    right = int(sum(map(sum, clusters.values())))
    total = sum(map(len, clusters.values()))
    if not total:
        return None
    return {
        "right": right,
        "of": total,
        "share": right / total,
        "by_question": wilson(right, total),
        "by_database": cluster_bootstrap(clusters),
    }


def _by(
    records: Sequence[Record], judged: str, group: Callable[[Record], str], order: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[group(record)].append(record)
    names = [name for name in order if name in groups] if order else list(groups)
    found = {}
    for name in names:
        marks = [record[judged] for record in groups[name] if record[judged] is not None]
        right = sum(marks)
        found[name] = {
            "right": right,
            "of": len(marks),
            "share": right / len(marks) if marks else 0.0,
            "by_question": wilson(right, len(marks)),
        }
    return found


def _kind(error: str) -> str:
    """An error without the names in it."""
    text = re.sub(
        r"(no such (?:column|table|function)|unrecognized token|duplicate column name): .*", r"\1", error
    )
    return re.sub(r'near ".*?":', "near …:", text).replace("|", "\\|")[:100]


def _settings(settings: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in settings.items() if name != "title")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _range(interval: Sequence[float]) -> str:
    return f"{100 * interval[0]:.1f} – {100 * interval[1]:.1f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + "|".join(["---", *["---:"] * (len(header) - 1)]) + "|",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
