"""Patterns that turn a table or hold groups against each other."""

from __future__ import annotations

import random

from sqlagent.sql.names import text_literal
from train.builders.invented import World
from train.builders.patterns.pattern import Kinds, Pattern, Rows, said, slots, sums

KINDS = Kinds()


@KINDS.add
def pivot(w: World, rng: random.Random) -> Pattern:
    words = """
    {mp} per year, one column for each {cp}
    pivot {mp} by year with a column for every {cp}
    Show {mp} with years as rows and each {cp} as a column.
    a table of {mp}: a row a year, a column for each of {listed}
    {mp} by year and {cp}, {cp} across the top
    each year's {mp}, with {listed} side by side
    """
    found = sums(w, lambda e: (e["day"][:4], e["c"]))
    values = sorted(w.values)
    rows: Rows = [(y, *(found.get((y, c), 0) for c in values)) for y in sorted({y for y, _ in found})]
    year = f"STRFTIME('%Y', {w.day})"
    columns = ", ".join(f"SUM(CASE WHEN {w.c} = {text_literal(c)} THEN {w.m} ELSE 0 END)" for c in values)
    sql = f"SELECT {year}, {columns} FROM {w.t} GROUP BY {year} ORDER BY {year}"
    return said("pivot", words, sql, rows, True, listed=", ".join(values), **slots(w))


@KINDS.add
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
    return said("compare_groups", words, sql, rows, a=a, b=b, **slots(w))


@KINDS.add
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
    return said("difference_of_groups", words, sql, rows, a=a, b=b, **slots(w))
