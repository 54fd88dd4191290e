"""Patterns of growth, of totals that run on, and of shares of a whole."""

from __future__ import annotations

import random

from sqlagent.sql.names import text_literal
from train.builders.invented import World
from train.builders.patterns.pattern import Kinds, Pattern, Rows, said, slots, sums

KINDS = Kinds()


def _monthly(w: World) -> str:
    month = f"STRFTIME('%Y-%m', {w.day})"
    return f"WITH monthly AS (SELECT {month} AS month, SUM({w.m}) AS total FROM {w.t} GROUP BY {month})"


@KINDS.add
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
    for month, value in sorted(sums(w, lambda e: e["day"][:7]).items()):
        total += value
        rows.append((month, total))
    sql = f"{_monthly(w)} SELECT month, SUM(total) OVER (ORDER BY month) FROM monthly ORDER BY month"
    return said("running_total", words, sql, rows, True, **slots(w))


@KINDS.add
def growth_by_month(w: World, rng: random.Random) -> Pattern:
    words = """
    growth of {mp} from month to month in percent
    By how many percent did {mp} change each month?
    month over month growth of {mp2}
    monthly growth rate of {mp}
    percentage change of {mp} against the month before
    How did {mp} grow month over month, in percent?
    """
    months = sorted(sums(w, lambda e: e["day"][:7]).items())
    rows: Rows = [(months[0][0], None)]
    rows += [
        (b, 100.0 * (y - x) / x if x else None) for (_, x), (b, y) in zip(months, months[1:], strict=False)
    ]
    before = "LAG(total) OVER (ORDER BY month)"
    sql = f"{_monthly(w)} SELECT month, 100.0 * (total - {before}) / {before} FROM monthly ORDER BY month"
    return said("growth_by_month", words, sql, rows, True, **slots(w))


@KINDS.add
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
    found = sums(w, lambda e: e["day"][:4])
    a, b = found.get(first), found.get(second)
    of = f"SUM(CASE WHEN STRFTIME('%Y', {w.day}) = '{{}}' THEN {w.m} ELSE 0 END)"
    sql = f"SELECT 100.0 * ({of.format(second)} - {of.format(first)}) / {of.format(first)} FROM {w.t}"
    rows = [(100.0 * (b - a) / a,)] if a and b else []
    return said("growth_of_years", words, sql, rows, first=first, second=second, **slots(w))


@KINDS.add
def share_of_total(w: World, rng: random.Random) -> Pattern:
    words = """
    share of each {cp} in total {mp}
    What percentage of the {mp2} comes from each {cp}?
    percent of {mp} by {cp}
    How much does every {cp} contribute to {mp}, in percent?
    {cp} shares of the total {mp}
    What part of all {mp} has each {cp}, as a percentage?
    """
    found, total = sums(w, lambda e: e["c"]), sum(e["m"] for e in w.events)
    rows = [(c, 100.0 * v / total if total else None) for c, v in found.items()]
    sql = f"SELECT {w.c}, 100.0 * SUM({w.m}) / (SELECT SUM({w.m}) FROM {w.t}) FROM {w.t} GROUP BY {w.c}"
    return said("share_of_total", words, sql, rows, **slots(w))


@KINDS.add
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
    return said("share_of_one", words, sql, rows, value=value, **slots(w))
