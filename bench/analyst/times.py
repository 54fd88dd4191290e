"""Sums and counts by month, quarter, weekday and hour, growth, running totals, and stretches of days."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from bench.analyst.question import Question, grouped, kind
from bench.analyst.worlds import Row, World

MONTHS = [datetime(2024, month, 1).strftime("%B") for month in range(1, 13)]
DAYS = [datetime(2024, 1, day).strftime("%A") for day in range(1, 8)]
"""Monday first."""


def _moment(row: Row) -> datetime:
    return datetime.fromisoformat(row["when"])


def _day(w: World) -> str:
    return f"DATE({w.when.column})" if w.timed else w.when.column


def _summed(groups: dict[str, list[Row]]) -> dict[str, float]:
    return {key: sum(row["sum"] for row in rows) for key, rows in sorted(groups.items())}


@kind
def by_month(w: World, rng: random.Random) -> Iterator[Question]:
    month = f"STRFTIME('%Y-%m', {w.when.column})"
    totals = _summed(grouped(w.rows, lambda row: row["when"][:7]))
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
    totals = _summed(years)
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
def growth(w: World, rng: random.Random) -> Iterator[Question]:
    year = f"STRFTIME('%Y', {w.when.column})"
    totals = list(_summed(grouped(w.rows, lambda row: row["when"][:4])).items())
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
    months = list(_summed(grouped(w.rows, lambda row: row["when"][:7])).items())
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
def by_quarter(w: World, rng: random.Random) -> Iterator[Question]:
    year = rng.choice(sorted({row["when"][:4] for row in w.rows}))
    chosen = [row for row in w.rows if row["when"][:4] == year]
    totals = _summed(grouped(chosen, lambda row: (_moment(row).month + 2) // 3))
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
    totals = _summed(grouped(w.rows, lambda row: DAYS[_moment(row).weekday()]))
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
    counts = Counter(DAYS[_moment(row).weekday()] for row in w.rows)
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
            f"SELECT {_day(w)} FROM {w.events} GROUP BY {_day(w)} ORDER BY COUNT(*) DESC LIMIT 1",
            [(days[0][0],)],
        )
    totals = _summed(grouped(w.rows, lambda row: row["when"][:10]))
    yield Question(
        ["{Total} per day", "daily {total}", "total {sum} of each day"],
        f"SELECT {_day(w)}, SUM({w.sum.column}) FROM {w.events} GROUP BY {_day(w)}",
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


@kind
def running_total(w: World, rng: random.Random) -> Iterator[Question]:
    made, total = [], 0.0
    for key, amount in _summed(grouped(w.rows, lambda row: row["when"][:7])).items():
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


@kind
def last_time(w: World, rng: random.Random) -> Iterator[Question]:
    value = rng.choice(w.kind.values)
    times = [row["when"] for row in w.rows if row["kind"] == value]
    if times:
        yield Question(
            [
                "When was the last {one} with {kind} {value}?",
                "date of the latest {value} {one}",
                "When was the most recent {one} whose {kind} is {value}?",
                "last time a {one} was {value}",
                "when did we last see {kind} {value}?",
                "most recent {value} {one}: when?",
            ],
            f"SELECT MAX({w.when.column}) FROM {w.events} WHERE {w.kind.column} = '{value}'",
            [(max(times),)],
            {"value": value},
        )
    name = rng.choice(sorted({row["whom"] for row in w.rows}))
    mine = [row["when"] for row in w.rows if row["whom"] == name]
    yield Question(
        [
            "When was {name}'s first {one}?",
            "date of the first {one} of {name}",
            "When did {name} first have a {one}?",
            "earliest {one} of {name}",
            "since when does {name} have {many}?",
            "first time for {name}",
        ],
        f"SELECT MIN({w.of(w.when)}) FROM {w.joined} WHERE {w.name} = '{name}'",
        [(min(mine),)],
        {"name": name},
    )
    yield Question(
        [
            "For each {whom}, when was the latest {one}?",
            "last {one} of every {whom}",
            "most recent {one} date per {whom}",
        ],
        f"SELECT {w.name}, MAX({w.of(w.when)}) FROM {w.joined} GROUP BY {w.name}",
        [(key, max(row["when"] for row in rows)) for key, rows in grouped(w.rows, "whom").items()],
    )
    yield Question(
        [
            "How many days lie between the first and the last {one}?",
            "days from the first to the last {one}",
            "number of days between the earliest and the latest {one}",
        ],
        f"SELECT JULIANDAY(MAX({w.when.column})) - JULIANDAY(MIN({w.when.column})) FROM {w.events}",
    )


def _spoken(day: datetime, rng: random.Random) -> str:
    name = MONTHS[day.month - 1]
    return rng.choice(
        [f"{day.day} {name} {day.year}", f"{name} {day.day}, {day.year}", day.strftime("%Y-%m-%d")]
    )


@kind
def stretch(w: World, rng: random.Random) -> Iterator[Question]:
    first = _moment(rng.choice(w.rows))
    last = first + timedelta(days=rng.choice([9, 20, 45, 90]))
    start, end = first.strftime("%Y-%m-%d"), last.strftime("%Y-%m-%d")
    inside = [row for row in w.rows if start <= row["when"][:10] <= end]
    yield Question(
        [
            "How many {many} were {done} from {a} to {b}?",
            "number of {many} between {a} and {b}",
            "{many} from {a} until {b}, counted",
            "How many {many} fall between {a} and {b}, both included?",
            "count of {many}, {a} through {b}",
            "from {a} up to and including {b}: how many {many}?",
        ],
        f"SELECT COUNT(*) FROM {w.events} WHERE {_day(w)} BETWEEN '{start}' AND '{end}'",
        [(len(inside),)],
        {"a": _spoken(first, rng), "b": _spoken(last, rng)},
    )
    until = [row for row in w.rows if row["when"][:10] <= end]
    yield Question(
        [
            "How many {many} were {done} until {b}?",
            "{many} up to {b}, counted",
            "number of {many} by the end of {b}",
        ],
        f"SELECT COUNT(*) FROM {w.events} WHERE {_day(w)} <= '{end}'",
        [(len(until),)],
        {"b": _spoken(last, rng)},
    )
    after = [row["sum"] for row in w.rows if row["when"][:10] > start]
    yield Question(
        [
            "What is the total {sum} after {a}?",
            "{total} later than {a}",
            "total {sum} of {many} {done} after {a}",
        ],
        f"SELECT SUM({w.sum.column}) FROM {w.events} WHERE {_day(w)} > '{start}'",
        [(sum(after) if after else None,)],
        {"a": _spoken(first, rng)},
    )
    month = first.strftime("%Y-%m")
    chosen = [row for row in w.rows if row["when"][:7] == month]
    yield Question(
        [
            "How many {many} were {done} in {month}?",
            "number of {many} in {month}",
            "{many} of {month}, counted",
            "count the {many} {done} in {month}",
            "How many {many} did {month} have?",
            "{month}: how many {many}?",
        ],
        f"SELECT COUNT(*) FROM {w.events} WHERE STRFTIME('%Y-%m', {w.when.column}) = '{month}'",
        [(len(chosen),)],
        {"month": f"{MONTHS[first.month - 1]} {first.year}"},
    )
    day = [row for row in w.rows if row["when"][:10] == start]
    yield Question(
        ["How many {many} were {done} on {a}?", "number of {many} on {a}", "{many} of {a}, counted"],
        f"SELECT COUNT(*) FROM {w.events} WHERE {_day(w)} = '{start}'",
        [(len(day),)],
        {"a": _spoken(first, rng)},
    )


@kind
def seen_from_today(w: World, rng: random.Random) -> Iterator[Question]:
    day = _day(w)
    n = rng.choice([3, 7, 10, 14, 30, 90])
    forms = {
        "yesterday": f"{day} = DATE('now', '-1 day')",
        "today": f"{day} = DATE('now')",
        "this month": f"STRFTIME('%Y-%m', {w.when.column}) = STRFTIME('%Y-%m', 'now')",
        "last month": f"STRFTIME('%Y-%m', {w.when.column}) = STRFTIME('%Y-%m', 'now', 'start of month', '-1 month')",
        "this year": f"STRFTIME('%Y', {w.when.column}) = STRFTIME('%Y', 'now')",
        "last year": f"STRFTIME('%Y', {w.when.column}) = STRFTIME('%Y', 'now', '-1 year')",
        f"in the last {n} days": f"{day} >= DATE('now', '-{n} days')",
        f"in the past {n} days": f"{day} >= DATE('now', '-{n} days')",
        "in the last 12 months": f"{day} >= DATE('now', '-12 months')",
        "in the last 3 months": f"{day} >= DATE('now', '-3 months')",
        "since yesterday": f"{day} >= DATE('now', '-1 day')",
        "so far this year": f"STRFTIME('%Y', {w.when.column}) = STRFTIME('%Y', 'now')",
    }
    for said, condition in rng.sample(sorted(forms.items()), 4):
        yield Question(
            [
                "How many {many} were {done} {said}?",
                "number of {many} {said}",
                "{many} {said}: how many?",
                "How many {many} did we have {said}?",
                "count of {many} {said}",
                "how many {many} {said}",
            ],
            f"SELECT COUNT(*) FROM {w.events} WHERE {condition}",
            None,
            {"said": said},
        )
        yield Question(
            ["What was the total {sum} {said}?", "{total} {said}", "total {sum} of {many} {done} {said}"],
            f"SELECT SUM({w.sum.column}) FROM {w.events} WHERE {condition}",
            None,
            {"said": said},
        )
