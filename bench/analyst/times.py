"""Sums and counts by month, year, quarter, weekday and hour."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from bench.analyst.question import Question, grouped, kind
from bench.analyst.worlds import Row, World

MONTHS = [datetime(2024, month, 1).strftime("%B") for month in range(1, 13)]
DAYS = [datetime(2024, 1, day).strftime("%A") for day in range(1, 8)]
"""Monday first."""


def moment(row: Row) -> datetime:
    return datetime.fromisoformat(row["when"])


def date_of(w: World) -> str:
    return f"DATE({w.when.column})" if w.timed else w.when.column


def summed(groups: dict[str, list[Row]]) -> dict[str, float]:
    return {key: sum(row["sum"] for row in rows) for key, rows in sorted(groups.items())}


@kind
def by_month(w: World, rng: random.Random) -> Iterator[Question]:
    month = f"STRFTIME('%Y-%m', {w.when.column})"
    totals = summed(grouped(w.rows, lambda row: row["when"][:7]))
    yield Question(
        [
            "{Total} by month",
            "monthly {total}",
            "What is the total {sum} of each month?",
            "Show {total} per month.",
            "{total} month by month",
            "How did {total} develop by month?",
        ],
        f"SELECT {month}, SUM({w.sum.column}) FROM {w.events} GROUP BY {month}",
        list(totals.items()),
    )
    counts = Counter(row["when"][:7] for row in w.rows)
    yield Question(
        [
            "Number of {many} by month",
            "How many {many} were {done} each month?",
            "{many} per month, counted",
            "monthly count of {many}",
            "How many {many} in every month?",
            "count {many} by month",
        ],
        f"SELECT {month}, COUNT(*) FROM {w.events} GROUP BY {month}",
        list(counts.items()),
    )
    best = max(totals, key=lambda key: totals[key])
    yield Question(
        [
            "Which month had the highest {total}?",
            "best month by {total}",
            "In which month was the total {sum} highest?",
            "the month with the most {total}",
            "when (month) was {total} at its peak?",
            "top month for {total}",
        ],
        f"SELECT {month} FROM {w.events} GROUP BY {month} ORDER BY SUM({w.sum.column}) DESC LIMIT 1",
        [(best,)],
    )


@kind
def by_year(w: World, rng: random.Random) -> Iterator[Question]:
    year = f"STRFTIME('%Y', {w.when.column})"
    years = grouped(w.rows, lambda row: row["when"][:4])
    totals = summed(years)
    yield Question(
        [
            "{Total} by year",
            "yearly {total}",
            "total {sum} of each year",
            "What was the {total} in every year?",
            "annual {total}",
            "{total} year by year",
        ],
        f"SELECT {year}, SUM({w.sum.column}) FROM {w.events} GROUP BY {year}",
        list(totals.items()),
    )
    yield Question(
        ["How many {many} were {done} per year?", "number of {many} by year", "{many} per year"],
        f"SELECT {year}, COUNT(*) FROM {w.events} GROUP BY {year}",
        [(key, len(rows)) for key, rows in years.items()],
    )
    if len(years) < 2:
        return
    one, other = sorted(years)[:2]
    yield Question(
        [
            "Compare {total} of {a} and {b}.",
            "{total} in {a} versus {b}",
            "How does {total} in {b} compare with {a}?",
            "{a} against {b}: total {sum}",
            "Show {total} for both {a} and {b}.",
            "total {sum}, {a} and {b} side by side",
        ],
        f"SELECT {year}, SUM({w.sum.column}) FROM {w.events} WHERE {year} IN ('{one}', "
        f"'{other}') GROUP BY {year}",
        [(one, totals[one]), (other, totals[other])],
        {"a": one, "b": other},
    )
    yield Question(
        ["What was the total {sum} in {a}?", "{total} in {a}", "total {sum} for the year {a}"],
        f"SELECT SUM({w.sum.column}) FROM {w.events} WHERE {year} = '{one}'",
        [(totals[one],)],
        {"a": one},
    )


@kind
def by_quarter(w: World, rng: random.Random) -> Iterator[Question]:
    year = rng.choice(sorted({row["when"][:4] for row in w.rows}))
    chosen = [row for row in w.rows if row["when"][:4] == year]
    totals = summed(grouped(chosen, lambda row: (moment(row).month + 2) // 3))
    yield Question(
        [
            "{Total} per quarter of {year}",
            "quarterly {total} in {year}",
            "What was the total {sum} in each quarter of {year}?",
            "{total} by quarter for {year}",
            "Show the quarters of {year} with their {total}.",
            "How much {total} in every quarter of {year}?",
        ],
        f"SELECT QUARTER({w.when.column}), SUM({w.sum.column}) FROM {w.events} WHERE "
        f"STRFTIME('%Y', {w.when.column}) = '{year}' "
        f"GROUP BY QUARTER({w.when.column})",
        list(totals.items()),
        {"year": year},
    )


@kind
def by_weekday(w: World, rng: random.Random) -> Iterator[Question]:
    totals = summed(grouped(w.rows, lambda row: DAYS[moment(row).weekday()]))
    yield Question(
        [
            "Which weekday has the highest {total}?",
            "best day of the week by {total}",
            "On which day of the week is the total {sum} highest?",
            "the weekday with the most {total}",
            "What weekday brings the most {total}?",
            "top weekday for {total}",
        ],
        f"SELECT DAYNAME({w.when.column}) FROM {w.events} GROUP BY DAYNAME({w.when.column}) "
        f"ORDER BY SUM({w.sum.column}) DESC LIMIT 1",
        [(max(totals, key=lambda key: totals[key]),)],
    )
    yield Question(
        ["{Total} by weekday", "total {sum} for each day of the week", "{total} per weekday"],
        f"SELECT DAYNAME({w.when.column}), SUM({w.sum.column}) FROM {w.events} GROUP BY "
        f"DAYNAME({w.when.column})",
        list(totals.items()),
    )
    counts = Counter(DAYS[moment(row).weekday()] for row in w.rows)
    yield Question(
        [
            "How many {many} were {done} on each weekday?",
            "number of {many} by day of the week",
            "count of {many} per weekday",
        ],
        f"SELECT DAYNAME({w.when.column}), COUNT(*) FROM {w.events} GROUP BY DAYNAME({w.when.column})",
        list(counts.items()),
    )


@kind
def by_hour_or_day(w: World, rng: random.Random) -> Iterator[Question]:
    days = Counter(row["when"][:10] for row in w.rows).most_common(2)
    if len(days) > 1 and days[0][1] > days[1][1]:
        yield Question(
            [
                "Which day had the most {many}?",
                "the day with the most {many}",
                "On which date were the most {many} {done}?",
                "busiest day by number of {many}",
                "On what day did most {many} fall?",
                "date with the highest count of {many}",
            ],
            f"SELECT {date_of(w)} FROM {w.events} GROUP BY {date_of(w)} ORDER BY COUNT(*) DESC LIMIT 1",
            [(days[0][0],)],
        )
    totals = summed(grouped(w.rows, lambda row: row["when"][:10]))
    yield Question(
        ["{Total} per day", "daily {total}", "total {sum} of each day"],
        f"SELECT {date_of(w)}, SUM({w.sum.column}) FROM {w.events} GROUP BY {date_of(w)}",
        list(totals.items()),
    )
    if w.timed:
        hour = f"STRFTIME('%H', {w.when.column})"
        counts = Counter(row["when"][11:13] for row in w.rows)
        yield Question(
            [
                "How many {many} were {done} at each hour of the day?",
                "number of {many} by hour",
                "{many} per hour of the day",
            ],
            f"SELECT {hour}, COUNT(*) FROM {w.events} GROUP BY {hour}",
            list(counts.items()),
        )
        first = counts.most_common(2)
        if len(first) > 1 and first[0][1] > first[1][1]:
            yield Question(
                [
                    "At what hour are most {many} {done}?",
                    "busiest hour for {many}",
                    "At which hour of the day do most {many} happen?",
                ],
                f"SELECT {hour} FROM {w.events} GROUP BY {hour} ORDER BY COUNT(*) DESC LIMIT 1",
                [(first[0][0],)],
            )
