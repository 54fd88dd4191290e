"""Patterns by month, quarter, year, weekday or hour."""

from __future__ import annotations

import calendar
import random
from collections import Counter
from datetime import date

from train.builders.invented import World
from train.builders.patterns.pattern import Kinds, Pattern, a_year, said, slots, sums

KINDS = Kinds()
DAYS = calendar.day_name[:]


def _by(w: World, expression: str) -> str:
    return f"SELECT {expression}, SUM({w.m}) FROM {w.t} GROUP BY {expression} ORDER BY {expression}"


def _quarter(day: str) -> int:
    return (int(day[5:7]) + 2) // 3


@KINDS.add
def sum_by_month(w: World, rng: random.Random) -> Pattern:
    words = """
    {mp} by month
    Show {mp2} per month.
    What were the monthly {mp}?
    How did {mp2} develop month by month?
    total {mp} for each month
    Give me the {mp} broken down by month, please
    """
    rows = sorted(sums(w, lambda e: e["day"][:7]).items())
    return said("sum_by_month", words, _by(w, f"STRFTIME('%Y-%m', {w.day})"), rows, True, **slots(w))


@KINDS.add
def sum_by_year(w: World, rng: random.Random) -> Pattern:
    words = """
    {mp} by year
    What were the {mp2} in each year?
    Yearly {mp}?
    Sum of {mp2} per year
    How much {mp} was there every year?
    annual {mp}
    """
    rows = sorted(sums(w, lambda e: e["day"][:4]).items())
    return said("sum_by_year", words, _by(w, f"STRFTIME('%Y', {w.day})"), rows, True, **slots(w))


@KINDS.add
def sum_by_quarter(w: World, rng: random.Random) -> Pattern:
    year = a_year(rng, w)
    words = """
    {mp} per quarter of {year}
    Quarterly {mp} in {year}
    What were {mp2} in each quarter of {year}?
    For {year}, show {mp} by quarter.
    break {year} {mp} down by quarter
    How much {mp} did each quarter of {year} bring?
    """
    found = sums(w, lambda e: (e["day"][:4], _quarter(e["day"])))
    rows = sorted((q, v) for (y, q), v in found.items() if y == year)
    sql = (
        f"SELECT QUARTER({w.day}), SUM({w.m}) FROM {w.t} WHERE STRFTIME('%Y', {w.day}) = '{year}' "
        f"GROUP BY QUARTER({w.day}) ORDER BY QUARTER({w.day})"
    )
    return said("sum_by_quarter", words, sql, rows, True, year=year, **slots(w))


@KINDS.add
def count_by_month(w: World, rng: random.Random) -> Pattern:
    words = """
    number of {many} by month
    How many {many} were {done} each month?
    {many} per month
    monthly count of {many}
    count the {many} for every month
    How many {many} did we get month by month?
    """
    rows = sorted(Counter(e["day"][:7] for e in w.events).items())
    month = f"STRFTIME('%Y-%m', {w.day})"
    sql = f"SELECT {month}, COUNT(*) FROM {w.t} GROUP BY {month} ORDER BY {month}"
    return said("count_by_month", words, sql, rows, True, **slots(w))


@KINDS.add
def by_weekday(w: World, rng: random.Random) -> Pattern:
    words = """
    {mp} by weekday
    How much {mp} for each day of the week?
    Which {mp2} does each weekday bring?
    show {mp} per day of the week
    totals of {mp} by day of week
    {Mp} on Mondays, Tuesdays and so on
    """
    rows = sorted(sums(w, lambda e: DAYS[date.fromisoformat(e["day"]).weekday()]).items())
    sql = f"SELECT DAYNAME({w.day}), SUM({w.m}) FROM {w.t} GROUP BY DAYNAME({w.day})"
    return said("by_weekday", words, sql, rows, **slots(w))


@KINDS.add
def best_weekday(w: World, rng: random.Random) -> Pattern:
    words = """
    Which weekday has the most {many}?
    On which day of the week are most {many} {done}?
    busiest day of the week by number of {many}
    What weekday sees the highest number of {many}?
    which day of the week is the busiest for {many}?
    On what weekday do we have the most {many}?
    """
    found = Counter(DAYS[date.fromisoformat(e["day"]).weekday()] for e in w.events)
    top = max(found.values())
    sql = f"SELECT DAYNAME({w.day}) FROM {w.t} GROUP BY DAYNAME({w.day}) ORDER BY COUNT(*) DESC LIMIT 1"
    rows = [(d,) for d, n in found.items() if n == top]
    return said("best_weekday", words, sql, rows if len(rows) == 1 else [], **slots(w))


@KINDS.add
def by_hour(w: World, rng: random.Random) -> Pattern:
    words = """
    {many} by hour of the day
    How many {many} are there at each hour?
    At which hours are {many} {done}, and how many?
    distribution of {many} over the hours of the day
    count {many} per hour of day
    Number of {many} for every hour
    """
    rows = sorted(Counter(f"{e['hour']:02}" for e in w.events).items()) if w.clock else []
    hour = f"STRFTIME('%H', {w.day})"
    sql = f"SELECT {hour}, COUNT(*) FROM {w.t} GROUP BY {hour} ORDER BY {hour}"
    return said("by_hour", words, sql, rows, True, **slots(w))
