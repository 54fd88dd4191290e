"""Look-alikes of the other patterns, which want the plain statement."""

from __future__ import annotations

import random

from sqlagent.sql.names import text_literal
from train.builders.invented import World
from train.builders.patterns.pattern import Kinds, Pattern, said, slots, sums

KINDS = Kinds()


@KINDS.add
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
    return said("plain_average", words, f"SELECT AVG({w.m}) FROM {w.t}", rows, **slots(w))


@KINDS.add
def plain_total(w: World, rng: random.Random) -> Pattern:
    words = """
    What is the total {mp2}?
    total {mp}
    sum of all {mp2}
    How much {mp} is there altogether?
    overall {mp}
    {mp} of all {many} together
    """
    return said(
        "plain_total", words, f"SELECT SUM({w.m}) FROM {w.t}", [(sum(e["m"] for e in w.events),)], **slots(w)
    )


@KINDS.add
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
    return said("plain_by_group", words, sql, list(sums(w, lambda e: e["c"]).items()), **slots(w))


@KINDS.add
def plain_highest(w: World, rng: random.Random) -> Pattern:
    words = """
    What is the highest {mp2}?
    largest {mp2} of all {many}
    maximum {mp2}
    How high is the top {mp2}?
    biggest {mp2} on record
    What's the peak {mp2}?
    """
    return said(
        "plain_highest",
        words,
        f"SELECT MAX({w.m}) FROM {w.t}",
        [(max(e["m"] for e in w.events),)],
        **slots(w),
    )


@KINDS.add
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
    return said(
        "plain_count", words, sql, [(sum(e["c"] == value for e in w.events),)], value=value, **slots(w)
    )
