"""Patterns of owners, first and last, gaps, doubles, and what is not there."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date

from sqlagent.sql.names import text_literal
from train.builders.invented import World
from train.builders.patterns.pattern import Kinds, Pattern, said, slots

KINDS = Kinds()


def _joined(w: World) -> str:
    return f"FROM {w.t} JOIN {w.o} ON {w.t}.{w.owner_id} = {w.o}.{w.okey}"


@KINDS.add
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
    return said("spent_by", words, sql, rows, who=who, **slots(w))


@KINDS.add
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
    return said("first_and_last", words, sql, rows, **slots(w))


@KINDS.add
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
    return said("cohorts", words, sql, rows, True, **slots(w))


@KINDS.add
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
    return said("longest_gap", words, sql, rows, **slots(w))


@KINDS.add
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
    return said("duplicates", words, sql, rows, **slots(w))


@KINDS.add
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
    return said("never", words, sql, rows, **slots(w))


@KINDS.add
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
    return said("above_average", words, sql, [(sum(e["m"] > mean for e in w.events),)], **slots(w))
