"""Patterns of ranks: the top of each group, the second highest, all that tie."""

from __future__ import annotations

import random

from train.builders.invented import World
from train.builders.patterns.pattern import Kinds, Pattern, Rows, said, slots, sums

KINDS = Kinds()


@KINDS.add
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
    found = sums(w, lambda e: (e["c"], e["owner"]))
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
    return said("top_per_group", words, sql, rows, shown=shown, **slots(w))


@KINDS.add
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
    return said("top_rows_per_group", words, sql, rows, number=number, **slots(w))


@KINDS.add
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
    return said("second_highest", words, sql, [(values[1],)], **slots(w))


@KINDS.add
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
    return said("all_that_tie", words, sql, [(e["id"],) for e in w.events if e["k"] == top], **slots(w))
