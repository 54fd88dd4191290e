"""The best of each group, the second highest, ties, and places, beside the plain best ones."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bench.analyst.question import Question, grouped, kind
from bench.analyst.worlds import World


@kind
def best_of_each(w: World, rng: random.Random) -> Iterator[Question]:
    rows = [
        (key, row["whom"])
        for key, group in grouped(w.rows, "kind").items()
        for row in group
        if row["sum"] == max(each["sum"] for each in group)
    ]
    if w.flat:
        yield Question(
            [
                "Which {whom} has the highest {sum} of each {kind}?",
                "{whom} with the largest {sum} for every {kind}",
                "For each {kind}, who has the highest {sum}?",
                "the {whom} with the top {sum} in each {kind}",
                "Who leads each {kind} by {sum}?",
                "per {kind}, the {whom} with the most {sum}",
            ],
            f"SELECT {w.kind.column}, {w.whom.column} FROM {w.events} WHERE {w.sum.column} = "
            f"(SELECT MAX({w.sum.column}) FROM {w.events} AS T1 WHERE T1.{w.kind.column} = "
            f"{w.events}.{w.kind.column})",
            rows,
        )
    else:
        assert w.place is not None and w.number is not None
        owners = [
            (key, row["name"])
            for key, group in grouped(w.owner_rows, "place").items()
            for row in group
            if row["number"] == max(each["number"] for each in group)
        ]
        yield Question(
            [
                "Which {whom} has the highest {number} in each {place}?",
                "{whom} with the largest {number} of every {place}",
                "For each {place}, which {whom} has the highest {number}?",
                "the {whom} with the top {number} per {place}",
                "Who has the highest {number} in each {place}?",
                "per {place}, the {whom} with the greatest {number}",
            ],
            f"SELECT {w.place.column}, name FROM {w.owners} WHERE {w.number.column} = "
            f"(SELECT MAX({w.number.column}) FROM {w.owners} AS T1 WHERE T1.{w.place.column} = "
            f"{w.owners}.{w.place.column})",
            owners,
        )
    yield Question(
        ["What is the highest {sum} of each {kind}?", "maximum {sum} per {kind}", "largest {sum} by {kind}"],
        f"SELECT {w.kind.column}, MAX({w.sum.column}) FROM {w.events} GROUP BY {w.kind.column}",
        [(key, max(row["sum"] for row in group)) for key, group in grouped(w.rows, "kind").items()],
    )


@kind
def top_n_of_each(w: World, rng: random.Random) -> Iterator[Question]:
    n = rng.choice([2, 3])
    if any(len({row["sum"] for row in group}) < len(group) for group in grouped(w.rows, "kind").values()):
        return
    rows = [
        (key, row["id"], row["sum"])
        for key, group in grouped(w.rows, "kind").items()
        for row in sorted(group, key=lambda row: -row["sum"])[:n]
    ]
    yield Question(
        [
            "Show the {n} {many} with the highest {sum} of each {kind}.",
            "top {n} {many} by {sum} per {kind}, with id and {sum}",
            "For every {kind}, the {n} largest {many} by {sum}",
            "the {n} biggest {many} in each {kind} ({sum})",
            "In each {kind}, which {n} {many} have the highest {sum}?",
            "best {n} of each {kind} by {sum}",
        ],
        f"WITH sub AS (SELECT {w.kind.column}, id, {w.sum.column}, ROW_NUMBER() OVER (PARTITION "
        f"BY {w.kind.column} "
        f"ORDER BY {w.sum.column} DESC) AS place FROM {w.events}) SELECT {w.kind.column}, id, "
        f"{w.sum.column} FROM sub WHERE place <= {n}",
        rows,
        {"n": n},
    )
    if w.flat:
        yield Question(
            [
                "Top {n} {whoms} of each {kind} by {sum}",
                "Who are the {n} {whoms} with the highest {sum} in each {kind}?",
                "name the best {n} {whoms} of every {kind} by {sum}",
            ],
            f"WITH sub AS (SELECT {w.whom.column}, {w.kind.column}, ROW_NUMBER() OVER (PARTITION "
            f"BY {w.kind.column} "
            f"ORDER BY {w.sum.column} DESC) AS place FROM {w.events}) SELECT {w.kind.column}, "
            f"{w.whom.column} FROM sub WHERE place <= {n}",
            [
                (key, row["whom"])
                for key, group in grouped(w.rows, "kind").items()
                for row in sorted(group, key=lambda row: -row["sum"])[:n]
            ],
            {"n": n},
        )


@kind
def plain_top(w: World, rng: random.Random) -> Iterator[Question]:
    n = rng.choice([3, 5])
    ordered = sorted(w.rows, key=lambda row: -row["sum"])
    if len({row["sum"] for row in w.rows}) == len(w.rows):
        yield Question(
            [
                "Show the {n} {many} with the highest {sum}: id and {sum}.",
                "top {n} {many} by {sum}, with their ids",
                "ids and {sum} of the {n} largest {many} by {sum}",
            ],
            f"SELECT id, {w.sum.column} FROM {w.events} ORDER BY {w.sum.column} DESC LIMIT {n}",
            [(row["id"], row["sum"]) for row in ordered[:n]],
            {"n": n},
        )


@kind
def second_highest(w: World, rng: random.Random) -> Iterator[Question]:
    values = sorted({row["sum"] for row in w.rows}, reverse=True)
    yield Question(
        [
            "What is the second highest {sum}?",
            "second largest {sum}",
            "Which {sum} comes right after the highest?",
            "the second-highest {sum} of all {many}",
            "runner-up among the {sum} values",
            "What is the next highest {sum} below the maximum?",
        ],
        f"SELECT MAX({w.sum.column}) FROM {w.events} WHERE {w.sum.column} < (SELECT "
        f"MAX({w.sum.column}) FROM {w.events})",
        [(values[1],)],
    )
    third = values[2]
    yield Question(
        ["What is the third highest {sum}?", "third largest {sum} of the {many}", "the {sum} in third place"],
        f"SELECT DISTINCT {w.sum.column} FROM {w.events} ORDER BY {w.sum.column} DESC LIMIT 1 OFFSET 2",
        [(third,)],
    )
    low = sorted(values)[1]
    yield Question(
        ["What is the second lowest {sum}?", "second smallest {sum}", "the next to smallest {sum}"],
        f"SELECT MIN({w.sum.column}) FROM {w.events} WHERE {w.sum.column} > (SELECT "
        f"MIN({w.sum.column}) FROM {w.events})",
        [(low,)],
    )


@kind
def all_that_tie(w: World, rng: random.Random) -> Iterator[Question]:
    most = max(row["more"] for row in w.rows)
    tied = [row for row in w.rows if row["more"] == most]
    yield Question(
        [
            "Which {many} have the highest {more}?",
            "ids of all {many} that share the top {more}",
            "List every {one} with the highest {more}.",
            "all {many} with the maximum {more}",
            "Which {many} tie for the greatest {more}?",
            "show the {many} whose {more} is the largest",
        ],
        f"SELECT id FROM {w.events} WHERE {w.more.column} = (SELECT MAX({w.more.column}) FROM {w.events})",
        [(row["id"],) for row in tied],
    )
    if w.number is not None:
        top = max(row["number"] for row in w.owner_rows)
        yield Question(
            [
                "Which {whoms} have the highest {number}?",
                "Who has the highest {number}?",
                "{whoms} with the greatest {number}",
                "name all {whoms} with the largest {number}",
                "Whose {number} is the highest?",
                "which {whom} has the most in {number}, ties included",
            ],
            f"SELECT name FROM {w.owners} WHERE {w.number.column} = (SELECT "
            f"MAX({w.number.column}) FROM {w.owners})",
            [(row["name"],) for row in w.owner_rows if row["number"] == top],
        )


@kind
def places(w: World, rng: random.Random) -> Iterator[Question]:
    totals = {key: sum(row["sum"] for row in rows) for key, rows in grouped(w.rows, "kind").items()}
    yield Question(
        [
            "Rank the {many} by {sum}: id, {sum} and rank.",
            "Give each {one} its rank by {sum}, with id.",
            "id, {sum} and place of every {one}, highest {sum} first in rank",
            "ranking of the {many} by {sum}",
            "Which place does each {one} take by {sum}?",
            "number the {many} by {sum}, highest is 1",
        ],
        f"SELECT id, {w.sum.column}, RANK() OVER (ORDER BY {w.sum.column} DESC) FROM {w.events}",
        [(row["id"], row["sum"], 1 + sum(other["sum"] > row["sum"] for other in w.rows)) for row in w.rows],
    )
    yield Question(
        [
            "Total {sum} by {kind}, highest first",
            "{total} per {kind}, largest first",
            "{kinds} by their {total}, from the top",
        ],
        f"SELECT {w.kind.column}, SUM({w.sum.column}) FROM {w.events} GROUP BY {w.kind.column} "
        f"ORDER BY SUM({w.sum.column}) DESC",
        list(totals.items()),
    )


@kind
def above_average(w: World, rng: random.Random) -> Iterator[Question]:
    mean = sum(row["sum"] for row in w.rows) / len(w.rows)
    above = [row for row in w.rows if row["sum"] > mean]
    yield Question(
        [
            "How many {many} have a {sum} above the average?",
            "number of {many} with more than the average {sum}",
            "How many {many} exceed the mean {sum}?",
            "count the {many} whose {sum} is above average",
            "{many} above the average {sum}: how many?",
            "how many are over the mean {sum}",
        ],
        f"SELECT COUNT(*) FROM {w.events} WHERE {w.sum.column} > (SELECT AVG({w.sum.column}) "
        f"FROM {w.events})",
        [(len(above),)],
    )


@kind
def top_by_total(w: World, rng: random.Random) -> Iterator[Question]:
    totals = {key: sum(row["sum"] for row in rows) for key, rows in grouped(w.rows, "whom").items()}
    best = max(totals, key=lambda key: totals[key])
    yield Question(
        [
            "Which {whom} has the highest total {sum}?",
            "{whom} with the most {total}",
            "Who has the largest {total} overall?",
            "Which {whom} comes first by total {sum}?",
            "the {whom} with the greatest sum of {sum}",
            "by total {sum}, which {whom} leads?",
        ],
        f"SELECT {w.name} FROM {w.joined} GROUP BY {w.name} ORDER BY SUM({w.of(w.sum)}) DESC LIMIT 1",
        [(best,)],
    )
    name = rng.choice(sorted(totals))
    where = f"{w.name} = '{name}'"
    yield Question(
        [
            "How much {total} does {name} have in total?",
            "total {sum} of {name}",
            "What is {name}'s total {sum}?",
            "{total} of {name} altogether",
            "sum up the {sum} of {name}'s {many}",
            "how much in all for {name} ({sum})?",
        ],
        f"SELECT SUM({w.of(w.sum)}) FROM {w.joined} WHERE {where}",
        [(totals[name],)],
        {"name": name},
    )
