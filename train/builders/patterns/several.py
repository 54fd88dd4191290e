"""Patterns that ask two things in one."""

from __future__ import annotations

import random

from train.builders.invented import World
from train.builders.patterns.pattern import Kinds, Pattern, Rows, said, slots

KINDS = Kinds()


@KINDS.add
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
    return said("two_counts", words, sql, [(len(w.owners), len(w.events))], **slots(w))


@KINDS.add
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
    return said("lowest_and_highest", words, sql, [(min(values), max(values))], **slots(w))


@KINDS.add
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
    return said("sum_and_count", words, sql, rows, **slots(w))
