"""Stretches of days: between two dates, the last time, and as seen from today."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from bench.analyst.question import Question, grouped, kind
from bench.analyst.times import MONTHS, date_of, moment
from bench.analyst.worlds import World


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
    first = moment(rng.choice(w.rows))
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
        f"SELECT COUNT(*) FROM {w.events} WHERE {date_of(w)} BETWEEN '{start}' AND '{end}'",
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
        f"SELECT COUNT(*) FROM {w.events} WHERE {date_of(w)} <= '{end}'",
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
        f"SELECT SUM({w.sum.column}) FROM {w.events} WHERE {date_of(w)} > '{start}'",
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
        f"SELECT COUNT(*) FROM {w.events} WHERE {date_of(w)} = '{start}'",
        [(len(day),)],
        {"a": _spoken(first, rng)},
    )


@kind
def seen_from_today(w: World, rng: random.Random) -> Iterator[Question]:
    day = date_of(w)
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
