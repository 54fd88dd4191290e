"""Growth from period to period, running totals, and years side by side."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bench.analyst.question import Question, grouped, kind
from bench.analyst.times import summed
from bench.analyst.worlds import World


@kind
def growth(w: World, rng: random.Random) -> Iterator[Question]:
    year = f"STRFTIME('%Y', {w.when.column})"
    totals = list(summed(grouped(w.rows, lambda row: row["when"][:4])).items())
    if len(totals) < 2:
        return
    before = f"LAG(SUM({w.sum.column})) OVER (ORDER BY {year})"
    yield Question(
        [
            "By how many percent did {total} grow from year to year?",
            "yearly growth of {total} in percent",
            "percentage change of {total} against the year before",
            "How much did {total} rise each year, in percent?",
            "growth rate of {total} by year (in %)",
            "year over year growth of {total}",
        ],
        f"SELECT {year}, (SUM({w.sum.column}) - {before}) * 100.0 / {before} FROM {w.events} GROUP BY {year}",
        [(totals[0][0], None)]
        + [
            (key, (now - old) * 100.0 / old) for (_, old), (key, now) in zip(totals, totals[1:], strict=False)
        ],
    )
    month = f"STRFTIME('%Y-%m', {w.when.column})"
    months = list(summed(grouped(w.rows, lambda row: row["when"][:7])).items())
    yield Question(
        [
            "How did {total} change from month to month?",
            "change in {total} against the month before",
            "month over month difference of {total}",
            "difference of {total} to the previous month, by month",
            "For each month, how much more {total} than in the month before?",
            "monthly change of {total}",
        ],
        f"SELECT {month}, SUM({w.sum.column}) - LAG(SUM({w.sum.column})) OVER (ORDER BY {month}) "
        f"FROM {w.events} GROUP BY {month}",
        [(months[0][0], None)]
        + [(key, now - old) for (_, old), (key, now) in zip(months, months[1:], strict=False)],
    )
    if len(totals) >= 2:
        (one, first), (other, second) = totals[:2]
        yield Question(
            [
                "By how many percent did {total} grow from {a} to {b}?",
                "percentage growth of {total} between {a} and {b}",
                "How much more {total} in {b} than in {a}, in percent?",
            ],
            f"SELECT (SUM(CASE WHEN {year} = '{other}' THEN {w.sum.column} END) - SUM(CASE WHEN "
            f"{year} = '{one}' THEN {w.sum.column} END)) "
            f"* 100.0 / SUM(CASE WHEN {year} = '{one}' THEN {w.sum.column} END) FROM {w.events}",
            [((second - first) * 100.0 / first,)],
            {"a": one, "b": other},
        )


@kind
def running_total(w: World, rng: random.Random) -> Iterator[Question]:
    made, total = [], 0.0
    for key, amount in summed(grouped(w.rows, lambda row: row["when"][:7])).items():
        total += amount
        made.append((key, total))
    month = f"STRFTIME('%Y-%m', {w.when.column})"
    yield Question(
        [
            "Show the running total of {sum} by month.",
            "cumulative {total} by month",
            "running sum of {total} over the months",
            "{total} by month, added up so far",
            "accumulated {total} month after month",
            "How does {total} add up over the months?",
        ],
        f"WITH sub AS (SELECT {month} AS month, SUM({w.sum.column}) AS total FROM {w.events} "
        f"GROUP BY {month}) "
        "SELECT month, SUM(total) OVER (ORDER BY month) FROM sub",
        made,
    )
    made, total = [], 0.0
    for row in sorted(w.rows, key=lambda row: (row["when"], row["id"])):
        total += row["sum"]
        made.append((row["when"], total))
    if len({row["when"] for row in w.rows}) == len(w.rows):
        yield Question(
            [
                "Show the running total of {sum} by {when}.",
                "cumulative {sum} over time",
                "running total of {total}",
                "each {one} in order of time with the {sum} so far",
                "{total} accumulated over time",
                "running sum of {sum} by date",
            ],
            f"SELECT {w.when.column}, SUM({w.sum.column}) OVER (ORDER BY {w.when.column}) FROM {w.events}",
            made,
            {"when": "day" if not w.timed else "time"},
        )


@kind
def columns_side_by_side(w: World, rng: random.Random) -> Iterator[Question]:
    year = f"STRFTIME('%Y', {w.when.column})"
    values = w.kind.values[: rng.choice([2, 3])] if len(w.kind.values) > 2 else w.kind.values
    cells = ", ".join(
        f"SUM(CASE WHEN {w.kind.column} = '{value}' THEN {w.sum.column} END)" for value in values
    )
    rows = []
    for key, group in grouped(w.rows, lambda row: row["when"][:4]).items():
        sums = []
        for value in values:
            some = [row["sum"] for row in group if row["kind"] == value]
            sums.append(sum(some) if some else None)
        rows.append((key, *sums))
    listed = ", ".join(values[:-1]) + f" and {values[-1]}"
    yield Question(
        [
            "Show {total} per year with one column each for {values}.",
            "{total} by year, {values} as columns",
            "a table of {total}: a row per year, columns {values}",
            "per year the {total} of {values}, side by side",
            "pivot {total} by year and {kind} ({values})",
            "years down, {values} across: total {sum}",
        ],
        f"SELECT {year}, {cells} FROM {w.events} GROUP BY {year}",
        rows,
        {"values": listed},
    )
    yield Question(
        [
            "{Total} per year and {kind}",
            "total {sum} by year and {kind}",
            "{total} for each {kind} in each year",
        ],
        f"SELECT {year}, {w.kind.column}, SUM({w.sum.column}) FROM {w.events} GROUP BY {year}, "
        f"{w.kind.column}",
        [
            (*key, sum(row["sum"] for row in group))
            for key, group in grouped(w.rows, lambda row: (row["when"][:4], row["kind"])).items()
        ],
    )
