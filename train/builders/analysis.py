"""The patterns analysts ask for, over an invented database: words, a statement, and rows computed a second time.

    for pattern in patterns(world, rng): pattern.questions, pattern.sql, pattern.rows

A pattern's rows come from Python over the rows as values, never from SQL, and a statement that gives others is an
error in it. Beside each kind stand plain look-alikes (`plain_…`) that want the plain statement. Invariant: `KINDS`
names every kind once; wordings of a kind are numbered, so that a third of them can be held out.
"""

from __future__ import annotations

import calendar
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlagent.sql.names import text_literal
from train.builders.invented import TODAY, World

Rows = list[tuple[Any, ...]]
MONTHS = calendar.month_name[1:]
DAYS = calendar.day_name[:]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One thing asked in several wordings, its statement and what it gives; `ordered` where the order is asked for."""

    kind: str
    questions: tuple[str, ...]
    sql: str
    rows: Rows
    ordered: bool = False


Make = Callable[[World, random.Random], Pattern]
KINDS: dict[str, Make] = {}


def kind(make: Make) -> Make:
    KINDS[make.__name__] = make
    return make


OWNED = {"top_per_group", "spent_by", "first_and_last", "cohorts", "never", "two_counts"}
"""Kinds that ask whose something is."""
UNDATED = {
    "share_of_total", "share_of_one", "top_per_group", "top_rows_per_group", "second_highest", "all_that_tie", "median",
    "median_by_group", "percentile", "deviation", "mode", "compare_groups", "difference_of_groups", "spent_by", "never",
    "above_average", "two_counts", "lowest_and_highest", "sum_and_count", "plain_average", "plain_total",
    "plain_by_group", "plain_highest", "plain_count",
}  # fmt: skip
"""Kinds that do not ask when."""


def patterns(world: World, rng: random.Random) -> Iterator[Pattern]:
    """A pattern of every kind that the database can be asked."""
    for name, make in KINDS.items():
        if (world.o or name not in OWNED) and (world.day or name in UNDATED):
            yield make(world, rng)


def _said(kind: str, words: str, sql: str, rows: Rows, ordered: bool = False, **slots: Any) -> Pattern:
    """`words` has a wording a line, with {slots}."""
    asked = tuple(line.strip().format(**slots) for line in words.strip().splitlines())
    return Pattern(kind, asked, sql, rows, ordered)


def _sums(world: World, key: Callable[[dict[str, Any]], Any], what: str = "m") -> dict[Any, float]:
    found: dict[Any, float] = defaultdict(float)
    for event in world.events:
        found[key(event)] += event[what]
    return dict(found)


def _slots(w: World) -> dict[str, Any]:
    names = ["one", "many", "done", "person", "people", "mp", "mp2", "kp", "cp"]
    return {name: getattr(w, name) for name in names} | {"Many": w.many.capitalize(), "Mp": w.mp.capitalize()}


def _by(w: World, expression: str) -> str:
    return f"SELECT {expression}, SUM({w.m}) FROM {w.t} GROUP BY {expression} ORDER BY {expression}"


def _year(rng: random.Random, w: World) -> str:
    years: list[str] = sorted({event["day"][:4] for event in w.events})
    return rng.choice(years)


def _quarter(day: str) -> int:
    return (int(day[5:7]) + 2) // 3


# ---- periods ---------------------------------------------------------------------------------------------


@kind
def sum_by_month(w: World, rng: random.Random) -> Pattern:
    words = """
    {mp} by month
    Show {mp2} per month.
    What were the monthly {mp}?
    How did {mp2} develop month by month?
    total {mp} for each month
    Give me the {mp} broken down by month, please
    """
    rows = sorted(_sums(w, lambda e: e["day"][:7]).items())
    return _said("sum_by_month", words, _by(w, f"STRFTIME('%Y-%m', {w.day})"), rows, True, **_slots(w))


@kind
def sum_by_year(w: World, rng: random.Random) -> Pattern:
    words = """
    {mp} by year
    What were the {mp2} in each year?
    Yearly {mp}?
    Sum of {mp2} per year
    How much {mp} was there every year?
    annual {mp}
    """
    rows = sorted(_sums(w, lambda e: e["day"][:4]).items())
    return _said("sum_by_year", words, _by(w, f"STRFTIME('%Y', {w.day})"), rows, True, **_slots(w))


@kind
def sum_by_quarter(w: World, rng: random.Random) -> Pattern:
    year = _year(rng, w)
    words = """
    {mp} per quarter of {year}
    Quarterly {mp} in {year}
    What were {mp2} in each quarter of {year}?
    For {year}, show {mp} by quarter.
    break {year} {mp} down by quarter
    How much {mp} did each quarter of {year} bring?
    """
    found = _sums(w, lambda e: (e["day"][:4], _quarter(e["day"])))
    rows = sorted((q, v) for (y, q), v in found.items() if y == year)
    sql = (
        f"SELECT QUARTER({w.day}), SUM({w.m}) FROM {w.t} WHERE STRFTIME('%Y', {w.day}) = '{year}' "
        f"GROUP BY QUARTER({w.day}) ORDER BY QUARTER({w.day})"
    )
    return _said("sum_by_quarter", words, sql, rows, True, year=year, **_slots(w))


@kind
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
    return _said("count_by_month", words, sql, rows, True, **_slots(w))


@kind
def by_weekday(w: World, rng: random.Random) -> Pattern:
    words = """
    {mp} by weekday
    How much {mp} for each day of the week?
    Which {mp2} does each weekday bring?
    show {mp} per day of the week
    totals of {mp} by day of week
    {Mp} on Mondays, Tuesdays and so on
    """
    rows = sorted(_sums(w, lambda e: DAYS[date.fromisoformat(e["day"]).weekday()]).items())
    sql = f"SELECT DAYNAME({w.day}), SUM({w.m}) FROM {w.t} GROUP BY DAYNAME({w.day})"
    return _said("by_weekday", words, sql, rows, **_slots(w))


@kind
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
    return _said("best_weekday", words, sql, rows if len(rows) == 1 else [], **_slots(w))


@kind
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
    return _said("by_hour", words, sql, rows, True, **_slots(w))


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


@kind
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
    return _said("count_in_period", words, sql, [(found,)], period=period, **_slots(w))


@kind
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
    return _said("sum_in_period", words, sql, [(sum(found) if found else None,)], period=period, **_slots(w))


@kind
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
    return _said("last_days", words, sql, rows, number=number, **_slots(w))


@kind
def between_days(w: World, rng: random.Random) -> Pattern:
    year, month = _year(rng, w), rng.randint(1, 12)
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
    slots: dict[str, Any] = dict(
        year=year, name=MONTHS[month - 1], low=low, high=high, first=first, last=last
    )
    return _said("between_days", words, sql, rows, **slots, **_slots(w))


@kind
def in_month(w: World, rng: random.Random) -> Pattern:
    year, month = _year(rng, w), rng.randint(1, 12)
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
    return _said(
        "in_month",
        words,
        sql,
        [(sum(found) if found else None,)],
        name=MONTHS[month - 1],
        year=year,
        **_slots(w),
    )


@kind
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
    found = _sums(w, lambda e: e["day"][:4])
    year = f"STRFTIME('%Y', {w.day})"
    both = f"{year} IN ('{first}', '{second}')"
    sql = f"SELECT {year}, SUM({w.m}) FROM {w.t} WHERE {both} GROUP BY {year} ORDER BY {year}"
    rows = sorted((y, v) for y, v in found.items() if y in (first, second))
    return _said("compare_years", words, sql, rows, True, first=first, second=second, **_slots(w))


# ---- growth, totals that run, shares ---------------------------------------------------------------------


def _monthly(w: World) -> str:
    month = f"STRFTIME('%Y-%m', {w.day})"
    return f"WITH monthly AS (SELECT {month} AS month, SUM({w.m}) AS total FROM {w.t} GROUP BY {month})"


@kind
def running_total(w: World, rng: random.Random) -> Pattern:
    words = """
    running total of {mp} by month
    Show the cumulative {mp} month by month.
    cumulative {mp2} per month
    monthly running sum of {mp}
    How did the total {mp} add up month after month?
    {mp} per month with a running total
    """
    total, rows = 0.0, []
    for month, value in sorted(_sums(w, lambda e: e["day"][:7]).items()):
        total += value
        rows.append((month, total))
    sql = f"{_monthly(w)} SELECT month, SUM(total) OVER (ORDER BY month) FROM monthly ORDER BY month"
    return _said("running_total", words, sql, rows, True, **_slots(w))


@kind
def growth_by_month(w: World, rng: random.Random) -> Pattern:
    words = """
    growth of {mp} from month to month in percent
    By how many percent did {mp} change each month?
    month over month growth of {mp2}
    monthly growth rate of {mp}
    percentage change of {mp} against the month before
    How did {mp} grow month over month, in percent?
    """
    months = sorted(_sums(w, lambda e: e["day"][:7]).items())
    rows: Rows = [(months[0][0], None)]
    rows += [
        (b, 100.0 * (y - x) / x if x else None) for (_, x), (b, y) in zip(months, months[1:], strict=False)
    ]
    before = "LAG(total) OVER (ORDER BY month)"
    sql = f"{_monthly(w)} SELECT month, 100.0 * (total - {before}) / {before} FROM monthly ORDER BY month"
    return _said("growth_by_month", words, sql, rows, True, **_slots(w))


@kind
def growth_of_years(w: World, rng: random.Random) -> Pattern:
    first = rng.choice(("2022", "2023"))
    second = str(int(first) + 1)
    words = """
    By how many percent did {mp} grow from {first} to {second}?
    growth of {mp} between {first} and {second} in percent
    How much did {mp2} grow in {second} compared with {first}, in percent?
    percentage change of {mp} from {first} to {second}
    What was the growth rate of {mp2} from {first} to {second}?
    {second} against {first}: growth of {mp} in percent
    """
    found = _sums(w, lambda e: e["day"][:4])
    a, b = found.get(first), found.get(second)
    of = f"SUM(CASE WHEN STRFTIME('%Y', {w.day}) = '{{}}' THEN {w.m} ELSE 0 END)"
    sql = f"SELECT 100.0 * ({of.format(second)} - {of.format(first)}) / {of.format(first)} FROM {w.t}"
    rows = [(100.0 * (b - a) / a,)] if a and b else []
    return _said("growth_of_years", words, sql, rows, first=first, second=second, **_slots(w))


@kind
def share_of_total(w: World, rng: random.Random) -> Pattern:
    words = """
    share of each {cp} in total {mp}
    What percentage of the {mp2} comes from each {cp}?
    percent of {mp} by {cp}
    How much does every {cp} contribute to {mp}, in percent?
    {cp} shares of the total {mp}
    What part of all {mp} has each {cp}, as a percentage?
    """
    found, total = _sums(w, lambda e: e["c"]), sum(e["m"] for e in w.events)
    rows = [(c, 100.0 * v / total if total else None) for c, v in found.items()]
    sql = f"SELECT {w.c}, 100.0 * SUM({w.m}) / (SELECT SUM({w.m}) FROM {w.t}) FROM {w.t} GROUP BY {w.c}"
    return _said("share_of_total", words, sql, rows, **_slots(w))


@kind
def share_of_one(w: World, rng: random.Random) -> Pattern:
    value = rng.choice(w.values)
    words = """
    What percentage of {many} have {cp} {value}?
    share of {value} among all {many}, in percent
    percent of {many} with {cp} {value}
    How many percent of the {many} are {value}?
    What share of {many} is {value}?
    proportion of {many} whose {cp} is {value}, as a percentage
    """
    rows = [(100.0 * sum(e["c"] == value for e in w.events) / len(w.events),)]
    sql = f"SELECT 100.0 * SUM({w.c} = {text_literal(value)}) / COUNT(*) FROM {w.t}"
    return _said("share_of_one", words, sql, rows, value=value, **_slots(w))


# ---- ranks -----------------------------------------------------------------------------------------------


@kind
def top_per_group(w: World, rng: random.Random) -> Pattern:
    number = rng.randint(1, 3)
    shown = "best" if number == 1 else f"top {number}"
    words = """
    {shown} {people} of each {cp} by {mp}
    For every {cp}, who are the {shown} {people} by {mp2}?
    {shown} {people} per {cp}, measured by {mp}
    Show the {shown} {people} in each {cp} by total {mp}.
    Which {people} are the {shown} of their {cp} by {mp}?
    in each {cp}, the {shown} {people} by {mp2}
    """
    found = _sums(w, lambda e: (e["c"], e["owner"]))
    rows: Rows = []
    for (c, owner), v in found.items():
        if sum(other > v for (d, _), other in found.items() if d == c) < number:
            rows.append((c, w.owners[owner][0], v))
    sql = (
        f"WITH ranked AS (SELECT {w.t}.{w.c} AS part, {w.o}.{w.oname} AS who, SUM({w.t}.{w.m}) AS total, "
        f"RANK() OVER (PARTITION BY {w.t}.{w.c} ORDER BY SUM({w.t}.{w.m}) DESC) AS place FROM {w.t} "
        f"JOIN {w.o} ON {w.t}.{w.owner_id} = {w.o}.{w.okey} GROUP BY {w.t}.{w.c}, {w.o}.{w.okey}) "
        "SELECT part, who, total FROM ranked WHERE place <= " + str(number)
    )
    return _said("top_per_group", words, sql, rows, shown=shown, **_slots(w))


@kind
def top_rows_per_group(w: World, rng: random.Random) -> Pattern:
    number = rng.randint(2, 3)
    words = """
    the {number} largest {many} of each {cp} by {mp2}, ties included
    top {number} {many} per {cp} by {mp2}
    For each {cp} show the ids of the {number} {many} with the highest {mp2}.
    {number} biggest {many} in every {cp}, by {mp2}
    Which {number} {many} of each {cp} have the highest {mp2}?
    list the top {number} {many} by {mp2} within each {cp}
    """
    rows: Rows = [
        (e["c"], e["id"], e["m"])
        for e in w.events
        if sum(x["m"] > e["m"] for x in w.events if x["c"] == e["c"]) < number
    ]
    sql = (
        f"WITH ranked AS (SELECT {w.c}, {w.id_}, {w.m}, RANK() OVER (PARTITION BY {w.c} ORDER BY {w.m} DESC) AS place "
        f"FROM {w.t}) SELECT {w.c}, {w.id_}, {w.m} FROM ranked WHERE place <= {number}"
    )
    return _said("top_rows_per_group", words, sql, rows, number=number, **_slots(w))


@kind
def second_highest(w: World, rng: random.Random) -> Pattern:
    words = """
    What is the second highest {mp2}?
    second largest {mp2} of all {many}
    the second highest distinct {mp2}
    Which {mp2} comes right after the highest one?
    runner-up value of {mp2} among the {many}
    What's the 2nd highest {mp2} on record?
    """
    values = sorted({e["m"] for e in w.events}, reverse=True)
    sql = f"SELECT DISTINCT {w.m} FROM {w.t} ORDER BY {w.m} DESC LIMIT 1 OFFSET 1"
    return _said("second_highest", words, sql, [(values[1],)], **_slots(w))


@kind
def all_that_tie(w: World, rng: random.Random) -> Pattern:
    words = """
    Which {many} have the highest number of {kp}? Show all that tie.
    all {many} that share the top number of {kp}
    ids of the {many} with the most {kp}, including ties
    every {one} whose {kp} equal the maximum
    List all {many} tied for the most {kp}.
    Which {many} reached the maximum of {kp}? All of them, please.
    """
    top = max(e["k"] for e in w.events)
    sql = f"SELECT {w.id_} FROM {w.t} WHERE {w.k} = (SELECT MAX({w.k}) FROM {w.t})"
    return _said("all_that_tie", words, sql, [(e["id"],) for e in w.events if e["k"] == top], **_slots(w))


# ---- spread ----------------------------------------------------------------------------------------------


@kind
def median(w: World, rng: random.Random) -> Pattern:
    words = """
    What is the median {mp2}?
    median {mp2} of all {many}
    median of {mp2}
    Give the median {mp2} per {one}.
    which {mp2} lies in the middle (the median)?
    Tell me the median {mp2} of the {many}
    """
    rows = [(float(statistics.median(e["m"] for e in w.events)),)]
    return _said("median", words, f"SELECT MEDIAN({w.m}) FROM {w.t}", rows, **_slots(w))


@kind
def median_by_group(w: World, rng: random.Random) -> Pattern:
    words = """
    median {mp2} by {cp}
    What is the median {mp2} for each {cp}?
    the median {mp2} per {cp}
    Show medians of {mp2} for every {cp}.
    for each {cp}, the median {mp2}
    How high is the median {mp2} in each {cp}?
    """
    rows = [
        (c, float(statistics.median(e["m"] for e in w.events if e["c"] == c)))
        for c in {e["c"] for e in w.events}
    ]
    sql = f"SELECT {w.c}, MEDIAN({w.m}) FROM {w.t} GROUP BY {w.c}"
    return _said("median_by_group", words, sql, rows, **_slots(w))


@kind
def percentile(w: World, rng: random.Random) -> Pattern:
    share = rng.choice((10, 25, 75, 90, 95, 99))
    words = """
    the {share}th percentile of {mp2}
    What is the {share}th percentile of {mp2}?
    p{share} of {mp2}
    {mp2}: {share}th percentile
    Below which {mp2} do {share} percent of the {many} lie?
    compute the {share}. percentile of {mp2} of the {many}
    """
    values = sorted(e["m"] for e in w.events)
    place = share / 100 * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    rows = [(values[low] + (values[high] - values[low]) * (place - low),)]
    return _said(
        "percentile", words, f"SELECT PERCENTILE({w.m}, {share}) FROM {w.t}", rows, share=share, **_slots(w)
    )


@kind
def deviation(w: World, rng: random.Random) -> Pattern:
    words = """
    standard deviation of {mp2}
    What is the standard deviation of {mp2}?
    How much does {mp2} vary (standard deviation)?
    the standard deviation of {mp2} over all {many}
    stddev of {mp2}
    give me the std deviation of {mp2}
    """
    rows = [(statistics.stdev(e["m"] for e in w.events),)]
    return _said("deviation", words, f"SELECT STDDEV({w.m}) FROM {w.t}", rows, **_slots(w))


@kind
def mode(w: World, rng: random.Random) -> Pattern:
    words = """
    most common number of {kp} (the mode)
    What is the mode of {kp}?
    mode of the number of {kp}
    Which number of {kp} is the most frequent value? Use the mode.
    the mode of {kp} among the {many}
    statistical mode of {kp}
    """
    found = Counter(e["k"] for e in w.events)
    top = [v for v, n in found.items() if n == max(found.values())]
    rows = [(top[0],)] if len(top) == 1 else []
    return _said("mode", words, f"SELECT MODE({w.k}) FROM {w.t}", rows, **_slots(w))


# ---- tables turned, groups compared ----------------------------------------------------------------------


@kind
def pivot(w: World, rng: random.Random) -> Pattern:
    words = """
    {mp} per year, one column for each {cp}
    pivot {mp} by year with a column for every {cp}
    Show {mp} with years as rows and each {cp} as a column.
    a table of {mp}: a row a year, a column for each of {listed}
    {mp} by year and {cp}, {cp} across the top
    each year's {mp}, with {listed} side by side
    """
    found = _sums(w, lambda e: (e["day"][:4], e["c"]))
    values = sorted(w.values)
    rows: Rows = [(y, *(found.get((y, c), 0) for c in values)) for y in sorted({y for y, _ in found})]
    year = f"STRFTIME('%Y', {w.day})"
    columns = ", ".join(f"SUM(CASE WHEN {w.c} = {text_literal(c)} THEN {w.m} ELSE 0 END)" for c in values)
    sql = f"SELECT {year}, {columns} FROM {w.t} GROUP BY {year} ORDER BY {year}"
    return _said("pivot", words, sql, rows, True, listed=", ".join(values), **_slots(w))


@kind
def compare_groups(w: World, rng: random.Random) -> Pattern:
    a, b = rng.sample(w.values, 2)
    words = """
    compare {a} and {b} by average {mp2}
    average {mp2} of {a} versus {b}
    How do {a} and {b} compare in average {mp2}?
    Show the mean {mp2} for {a} and for {b}.
    {a} against {b}: average {mp2}
    mean {mp2}, {a} compared to {b}
    """
    rows = []
    for c in (a, b):
        found = [e["m"] for e in w.events if e["c"] == c]
        if found:
            rows.append((c, sum(found) / len(found)))
    sql = f"SELECT {w.c}, AVG({w.m}) FROM {w.t} WHERE {w.c} IN ({text_literal(a)}, {text_literal(b)}) GROUP BY {w.c}"
    return _said("compare_groups", words, sql, rows, a=a, b=b, **_slots(w))


@kind
def difference_of_groups(w: World, rng: random.Random) -> Pattern:
    a, b = rng.sample(w.values, 2)
    words = """
    How many more {many} has {a} than {b}?
    difference in the number of {many} between {a} and {b}
    by how many {many} does {a} lead {b}?
    {many} of {a} minus those of {b}
    How many {many} more are {a} than {b}?
    what is the gap in {many} between {a} and {b}
    """
    rows = [(sum(e["c"] == a for e in w.events) - sum(e["c"] == b for e in w.events),)]
    sql = f"SELECT SUM({w.c} = {text_literal(a)}) - SUM({w.c} = {text_literal(b)}) FROM {w.t}"
    return _said("difference_of_groups", words, sql, rows, a=a, b=b, **_slots(w))


# ---- whose, first and last, gaps, doubles ------------------------------------------------------------------


def _joined(w: World) -> str:
    return f"FROM {w.t} JOIN {w.o} ON {w.t}.{w.owner_id} = {w.o}.{w.okey}"


@kind
def spent_by(w: World, rng: random.Random) -> Pattern:
    owner = rng.choice([e["owner"] for e in w.events])
    who = w.owners[owner][0]
    words = """
    How much {mp} did {who} have?
    total {mp} of {who}
    {who}'s {mp} in total
    What do {who}'s {mp2} come to?
    sum of {mp2} for {who}
    how much {mp} belongs to {who} altogether?
    """
    sql = f"SELECT SUM({w.t}.{w.m}) {_joined(w)} WHERE {w.o}.{w.oname} = {text_literal(who)}"
    rows = [(sum(e["m"] for e in w.events if e["owner"] == owner),)]
    return _said("spent_by", words, sql, rows, who=who, **_slots(w))


@kind
def first_and_last(w: World, rng: random.Random) -> Pattern:
    words = """
    first and last {one} date of each {person}
    When was the first and the last {one} of every {person}?
    for each {person}, the dates of the earliest and the latest {one}
    earliest and latest {one} by {person}
    show each {person} with the first and the last day of their {many}
    When did each {person} have the first {one}, and when the last?
    """
    found = {o: [e["stored"] for e in w.events if e["owner"] == o] for o in {e["owner"] for e in w.events}}
    rows = [(w.owners[o][0], min(days), max(days)) for o, days in found.items()]
    sql = (
        f"SELECT {w.o}.{w.oname}, MIN({w.t}.{w.day}), MAX({w.t}.{w.day}) {_joined(w)} GROUP BY {w.o}.{w.okey}"
    )
    return _said("first_and_last", words, sql, rows, **_slots(w))


@kind
def cohorts(w: World, rng: random.Random) -> Pattern:
    words = """
    How many {people} had their first {one} in each month?
    new {people} per month, by their first {one}
    number of {people} by month of first {one}
    {people} acquired each month (month of the first {one})
    cohort sizes: {people} by the month of their first {one}
    count {people} by the month in which their first {one} was {done}
    """
    firsts = {o: min(e["day"] for e in w.events if e["owner"] == o) for o in {e["owner"] for e in w.events}}
    rows = sorted(Counter(day[:7] for day in firsts.values()).items())
    month = "STRFTIME('%Y-%m', first_day)"
    sql = (
        f"WITH firsts AS (SELECT {w.owner_id}, MIN({w.day}) AS first_day FROM {w.t} GROUP BY {w.owner_id}) "
        f"SELECT {month}, COUNT(*) FROM firsts GROUP BY {month} ORDER BY {month}"
    )
    return _said("cohorts", words, sql, rows, True, **_slots(w))


@kind
def longest_gap(w: World, rng: random.Random) -> Pattern:
    words = """
    What is the longest gap in days between two consecutive {many}?
    longest time without any {one}, in days
    most days that passed between one {one} and the next
    How many days was the longest break between {many}?
    the biggest gap between {many}, in days
    maximum number of days between consecutive {many}
    """
    days = sorted(date.fromisoformat(e["day"]) for e in w.events)
    rows = [(float(max((b - a).days for a, b in zip(days, days[1:], strict=False))),)]
    here = f"DATE({w.day})" if w.clock else w.day
    sql = (
        f"WITH gaps AS (SELECT JULIANDAY({here}) - JULIANDAY(LAG({here}) OVER (ORDER BY {here})) AS gap_days "
        f"FROM {w.t}) "
        "SELECT MAX(gap_days) FROM gaps"
    )
    return _said("longest_gap", words, sql, rows, **_slots(w))


@kind
def duplicates(w: World, rng: random.Random) -> Pattern:
    words = """
    Which dates have more than one {one}?
    days on which several {many} were {done}
    find days with duplicate {many}
    On which days was more than one {one} {done}, and how many?
    dates that occur more than once among the {many}, with how often
    list days having at least two {many}
    """
    found = Counter(e["day"] for e in w.events)
    day = f"DATE({w.day})" if w.clock else w.day
    rows = [(d, n) for d, n in found.items() if n > 1]
    sql = f"SELECT {day}, COUNT(*) FROM {w.t} GROUP BY {day} HAVING COUNT(*) > 1"
    return _said("duplicates", words, sql, rows, **_slots(w))


@kind
def never(w: World, rng: random.Random) -> Pattern:
    words = """
    Which {people} have no {many}?
    {people} without any {one}
    names of the {people} that never had a {one}
    Who among the {people} has no {one} at all?
    list {people} with zero {many}
    Which {people} never appear among the {many}?
    """
    there = {e["owner"] for e in w.events}
    sql = (
        f"SELECT {w.oname} FROM {w.o} WHERE {w.okey} NOT IN "
        f"(SELECT {w.owner_id} FROM {w.t} WHERE {w.owner_id} IS NOT NULL)"
    )
    rows = [(name,) for o, (name, _) in w.owners.items() if o not in there]
    return _said("never", words, sql, rows, **_slots(w))


@kind
def above_average(w: World, rng: random.Random) -> Pattern:
    words = """
    How many {many} have a {mp2} above the average?
    number of {many} with above-average {mp2}
    count {many} whose {mp2} is higher than the mean
    how many {many} are over the average {mp2}?
    {many} above the average {mp2}: how many?
    How many of the {many} beat the mean {mp2}?
    """
    mean = sum(e["m"] for e in w.events) / len(w.events)
    sql = f"SELECT COUNT(*) FROM {w.t} WHERE {w.m} > (SELECT AVG({w.m}) FROM {w.t})"
    return _said("above_average", words, sql, [(sum(e["m"] > mean for e in w.events),)], **_slots(w))


# ---- two in one --------------------------------------------------------------------------------------------


@kind
def two_counts(w: World, rng: random.Random) -> Pattern:
    words = """
    How many {people} and how many {many} are there?
    number of {people} and number of {many}
    count both the {people} and the {many}
    How many {people} do we have, and how many {many}?
    totals: {people}, {many}
    what is the number of {people} and of {many}?
    """
    sql = f"SELECT (SELECT COUNT(*) FROM {w.o}), (SELECT COUNT(*) FROM {w.t})"
    return _said("two_counts", words, sql, [(len(w.owners), len(w.events))], **_slots(w))


@kind
def lowest_and_highest(w: World, rng: random.Random) -> Pattern:
    words = """
    the lowest and the highest {mp2}
    What are the smallest and the largest {mp2}?
    minimum and maximum {mp2}
    between which {mp2} do the {many} range?
    Give me the highest and lowest {mp2}, lowest first.
    range of {mp2}: smallest, largest
    """
    values = [e["m"] for e in w.events]
    sql = f"SELECT MIN({w.m}), MAX({w.m}) FROM {w.t}"
    return _said("lowest_and_highest", words, sql, [(min(values), max(values))], **_slots(w))


@kind
def sum_and_count(w: World, rng: random.Random) -> Pattern:
    words = """
    For each {cp}, how many {many} and how much {mp}?
    number of {many} and total {mp2} by {cp}
    {many} and {mp} per {cp}
    Show each {cp} with its count of {many} and its {mp}.
    by {cp}: count of {many}, total {mp}
    How many {many} were there for every {cp}, and what {mp2} did they sum to?
    """
    rows: Rows = [
        (c, sum(e["c"] == c for e in w.events), sum(e["m"] for e in w.events if e["c"] == c))
        for c in {e["c"] for e in w.events}
    ]
    sql = f"SELECT {w.c}, COUNT(*), SUM({w.m}) FROM {w.t} GROUP BY {w.c}"
    return _said("sum_and_count", words, sql, rows, **_slots(w))


# ---- look-alikes that want the plain statement ---------------------------------------------------------------


@kind
def plain_average(w: World, rng: random.Random) -> Pattern:
    words = """
    What is the average {mp2}?
    average {mp2} of all {many}
    mean {mp2}
    Give the average {mp2} per {one}.
    on average, how high is {mp2}?
    Tell me the mean {mp2} of the {many}
    """
    rows = [(sum(e["m"] for e in w.events) / len(w.events),)]
    return _said("plain_average", words, f"SELECT AVG({w.m}) FROM {w.t}", rows, **_slots(w))


@kind
def plain_total(w: World, rng: random.Random) -> Pattern:
    words = """
    What is the total {mp2}?
    total {mp}
    sum of all {mp2}
    How much {mp} is there altogether?
    overall {mp}
    {mp} of all {many} together
    """
    return _said(
        "plain_total", words, f"SELECT SUM({w.m}) FROM {w.t}", [(sum(e["m"] for e in w.events),)], **_slots(w)
    )


@kind
def plain_by_group(w: World, rng: random.Random) -> Pattern:
    words = """
    {mp} by {cp}
    total {mp2} for each {cp}
    How much {mp} has every {cp}?
    {mp} per {cp}
    Show the {mp} of each {cp}.
    sum of {mp2}, broken down by {cp}
    """
    sql = f"SELECT {w.c}, SUM({w.m}) FROM {w.t} GROUP BY {w.c}"
    return _said("plain_by_group", words, sql, list(_sums(w, lambda e: e["c"]).items()), **_slots(w))


@kind
def plain_highest(w: World, rng: random.Random) -> Pattern:
    words = """
    What is the highest {mp2}?
    largest {mp2} of all {many}
    maximum {mp2}
    How high is the top {mp2}?
    biggest {mp2} on record
    What's the peak {mp2}?
    """
    return _said(
        "plain_highest",
        words,
        f"SELECT MAX({w.m}) FROM {w.t}",
        [(max(e["m"] for e in w.events),)],
        **_slots(w),
    )


@kind
def plain_count(w: World, rng: random.Random) -> Pattern:
    value = rng.choice(w.values)
    words = """
    How many {many} have {cp} {value}?
    number of {many} with {cp} {value}
    {value} {many}: how many?
    count the {many} whose {cp} is {value}
    How many {many} are there for {value}?
    how often is the {cp} {value}
    """
    sql = f"SELECT COUNT(*) FROM {w.t} WHERE {w.c} = {text_literal(value)}"
    return _said(
        "plain_count", words, sql, [(sum(e["c"] == value for e in w.events),)], value=value, **_slots(w)
    )
