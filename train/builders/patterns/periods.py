"""Patterns within a period: this month, the last 30 days, between two days; one year beside another."""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from train.builders.invented import TODAY, World
from train.builders.patterns.pattern import Kinds, Pattern, a_year, said, slots, sums

KINDS = Kinds()
MONTHS = calendar.month_name[1:]


def _first(day: date, back: int) -> date:
    """The first of the month, so many months back."""
    months = day.year * 12 + day.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


PERIODS: dict[str, tuple[str, str, Callable[[], tuple[date, date]]]] = {
    # words: (from, to before) in SQL; the days of the second computation, the last one not included
    "today": ("DATE('now')", "DATE('now', '+1 day')", lambda: (TODAY, TODAY + timedelta(1))),
    "yesterday": ("DATE('now', '-1 day')", "DATE('now')", lambda: (TODAY - timedelta(1), TODAY)),
    "this month": (
        "DATE('now', 'start of month')", "DATE('now', 'start of month', '+1 month')",
        lambda: (_first(TODAY, 0), _first(TODAY, -1)),
    ),
    "last month": (
        "DATE('now', 'start of month', '-1 month')", "DATE('now', 'start of month')",
        lambda: (_first(TODAY, 1), _first(TODAY, 0)),
    ),
    "this year": (
        "DATE('now', 'start of year')", "DATE('now', 'start of year', '+1 year')",
        lambda: (date(TODAY.year, 1, 1), date(TODAY.year + 1, 1, 1)),
    ),
    "last year": (
        "DATE('now', 'start of year', '-1 year')", "DATE('now', 'start of year')",
        lambda: (date(TODAY.year - 1, 1, 1), date(TODAY.year, 1, 1)),
    ),
    "this week": (
        "DATE('now', '-6 days', 'weekday 1')", "DATE('now', '-6 days', 'weekday 1', '+7 days')",
        lambda: (_monday(TODAY), _monday(TODAY) + timedelta(7)),
    ),
    "last week": (
        "DATE('now', '-6 days', 'weekday 1', '-7 days')", "DATE('now', '-6 days', 'weekday 1')",
        lambda: (_monday(TODAY) - timedelta(7), _monday(TODAY)),
    ),
}  # fmt: skip


def _within(w: World, low: str, high: str) -> str:
    return f"{w.day} >= {low} AND {w.day} < {high}"


@KINDS.add
def count_in_period(w: World, rng: random.Random) -> Pattern:
    period = rng.choice(sorted(PERIODS))
    low, high, days = PERIODS[period]
    words = """
    How many {many} were {done} {period}?
    number of {many} {period}
    {many} {period}: how many?
    count of {many} {done} {period}
    how many {many} did we have {period}
    How many {many} {period}?
    """
    first, last = days()
    found = sum(first.isoformat() <= e["day"] < last.isoformat() for e in w.events)
    sql = f"SELECT COUNT(*) FROM {w.t} WHERE {_within(w, low, high)}"
    return said("count_in_period", words, sql, [(found,)], period=period, **slots(w))


@KINDS.add
def sum_in_period(w: World, rng: random.Random) -> Pattern:
    period = rng.choice(sorted(PERIODS))
    low, high, days = PERIODS[period]
    words = """
    {mp} {period}
    What were the total {mp2} {period}?
    How much {mp} did we have {period}?
    total {mp} for {period}
    sum of {mp2} {period}, please
    Total {mp2} {period}?
    """
    first, last = days()
    found = [e["m"] for e in w.events if first.isoformat() <= e["day"] < last.isoformat()]
    sql = f"SELECT SUM({w.m}) FROM {w.t} WHERE {_within(w, low, high)}"
    return said("sum_in_period", words, sql, [(sum(found) if found else None,)], period=period, **slots(w))


@KINDS.add
def last_days(w: World, rng: random.Random) -> Pattern:
    number = rng.choice((7, 10, 14, 30, 60, 90))
    words = """
    How many {many} were {done} in the last {number} days?
    {many} of the last {number} days: how many?
    number of {many} over the past {number} days
    count {many} {done} within the last {number} days
    In the past {number} days, how many {many} were there?
    how many {many} since {number} days ago
    """
    first = (TODAY - timedelta(number)).isoformat()
    sql = f"SELECT COUNT(*) FROM {w.t} WHERE {w.day} >= DATE('now', '-{number} days')"
    rows = [(sum(e["day"] >= first for e in w.events),)]
    return said("last_days", words, sql, rows, number=number, **slots(w))


@KINDS.add
def between_days(w: World, rng: random.Random) -> Pattern:
    year, month = a_year(rng, w), rng.randint(1, 12)
    low, high = rng.randint(1, 10), rng.randint(11, 28)
    first, last = f"{year}-{month:02}-{low:02}", f"{year}-{month:02}-{high:02}"
    words = """
    How many {many} were {done} from {low} to {high} {name} {year}?
    {many} between {name} {low} and {name} {high}, {year}: how many?
    number of {many} from {first} to {last}
    count the {many} {done} between {first} and {last}
    How many {many} were there from {name} {low} until {name} {high} {year}?
    how many {many} between {low} and {high} {name} {year}
    """
    day = f"DATE({w.day})" if w.clock else w.day
    sql = f"SELECT COUNT(*) FROM {w.t} WHERE {day} BETWEEN '{first}' AND '{last}'"
    rows = [(sum(first <= e["day"] <= last for e in w.events),)]
    named: dict[str, Any] = dict(
        year=year, name=MONTHS[month - 1], low=low, high=high, first=first, last=last
    )
    return said("between_days", words, sql, rows, **named, **slots(w))


@KINDS.add
def in_month(w: World, rng: random.Random) -> Pattern:
    year, month = a_year(rng, w), rng.randint(1, 12)
    words = """
    total {mp} in {name} {year}
    What were the {mp2} of {name} {year}?
    {mp} for {name} {year}
    How much {mp} in {name} {year}?
    sum of {mp2} for {name} {year}
    What did {mp2} come to in {name} {year}?
    """
    found = [e["m"] for e in w.events if e["day"][:7] == f"{year}-{month:02}"]
    sql = f"SELECT SUM({w.m}) FROM {w.t} WHERE STRFTIME('%Y-%m', {w.day}) = '{year}-{month:02}'"
    return said(
        "in_month",
        words,
        sql,
        [(sum(found) if found else None,)],
        name=MONTHS[month - 1],
        year=year,
        **slots(w),
    )


@KINDS.add
def compare_years(w: World, rng: random.Random) -> Pattern:
    first = rng.choice(("2022", "2023"))
    second = str(int(first) + 1)
    words = """
    compare {first} and {second}: {mp}
    Compare the {mp2} of {first} and {second}.
    {mp} in {first} versus {second}
    How do {mp} in {first} and {second} compare?
    {first} against {second}, {mp}
    Show {mp} for both {first} and {second}.
    """
    found = sums(w, lambda e: e["day"][:4])
    year = f"STRFTIME('%Y', {w.day})"
    both = f"{year} IN ('{first}', '{second}')"
    sql = f"SELECT {year}, SUM({w.m}) FROM {w.t} WHERE {both} GROUP BY {year} ORDER BY {year}"
    rows = sorted((y, v) for y, v in found.items() if y in (first, second))
    return said("compare_years", words, sql, rows, True, first=first, second=second, **slots(w))
