"""Median, percentiles, spread, shares and rates, beside the plain averages and counts that look like them."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Iterator

from bench.analyst.question import Question, grouped, kind
from bench.analyst.worlds import World


@kind
def median(w: World, rng: random.Random) -> Iterator[Question]:
    yield Question(
        [
            "What is the median {sum} of the {many}?",
            "Median {sum} of all {many}",
            "median {sum}?",
            "Give the median of the {many}' {sum}.",
            "What {sum} lies in the middle of all {many}?",
            "the middle {sum}, not the mean",
        ],
        f"SELECT MEDIAN({w.sum.column}) FROM {w.events}",
        [(statistics.median(row["sum"] for row in w.rows),)],
    )
    groups = grouped(w.rows, "kind")
    yield Question(
        [
            "Median {sum} per {kind}",
            "What is the median {sum} for each {kind}?",
            "Show the median {sum} of every {kind}.",
            "median {more} and {sum}? just the {sum}, by {kind}",
            "by {kind}, the median {sum}",
            "For each {kind}, give the median {sum} of its {many}.",
        ],
        f"SELECT {w.kind.column}, MEDIAN({w.sum.column}) FROM {w.events} GROUP BY {w.kind.column}",
        [(key, statistics.median(row["sum"] for row in rows)) for key, rows in groups.items()],
    )
    value = rng.choice(w.kind.values)
    chosen = [row["sum"] for row in w.rows if row["kind"] == value]
    if chosen:
        yield Question(
            [
                "What is the median {sum} of {many} whose {kind} is {value}?",
                "median {sum}, {kind} {value} only",
                "Median {sum} for {value}",
            ],
            f"SELECT MEDIAN({w.sum.column}) FROM {w.events} WHERE {w.kind.column} = '{value}'",
            [(statistics.median(chosen),)],
            {"value": value},
        )


@kind
def percentile(w: World, rng: random.Random) -> Iterator[Question]:
    percent = rng.choice([10, 25, 75, 80, 90, 95, 99])
    yield Question(
        [
            "What is the {n}th percentile of {sum}?",
            "{n}th percentile of the {many}' {sum}",
            "Below what {sum} do {n} percent of the {many} lie?",
            "p{n} of {sum}",
            "Which {sum} do {n} % of the {many} not exceed?",
            "give me the {sum} at the {n}th percentile",
        ],
        f"SELECT PERCENTILE({w.sum.column}, {percent}) FROM {w.events}",
        None,
        {"n": percent},
    )


@kind
def deviation(w: World, rng: random.Random) -> Iterator[Question]:
    yield Question(
        [
            "What is the standard deviation of {sum}?",
            "standard deviation of the {many}' {sum}",
            "stddev {sum}",
            "Give the standard deviation of the {sum} of all {many}.",
            "By how much does {sum} deviate (standard deviation)?",
            "sd of {sum} over all {many}",
        ],
        f"SELECT STDDEV({w.sum.column}) FROM {w.events}",
    )
    yield Question(
        ["What is the variance of {sum}?", "variance of the {many}' {sum}", "Give the variance of {sum}."],
        f"SELECT VARIANCE({w.sum.column}) FROM {w.events}",
    )
    yield Question(
        [
            "Standard deviation of {sum} per {kind}",
            "How much does {sum} scatter within each {kind} (standard deviation)?",
            "stddev of {sum} by {kind}",
        ],
        f"SELECT {w.kind.column}, STDDEV({w.sum.column}) FROM {w.events} GROUP BY {w.kind.column}",
    )


@kind
def plain_average(w: World, rng: random.Random) -> Iterator[Question]:
    yield Question(
        ["What is the average {sum}?", "mean {sum} of the {many}", "average {sum} of all {many}"],
        f"SELECT AVG({w.sum.column}) FROM {w.events}",
        [(statistics.fmean(row["sum"] for row in w.rows),)],
    )
    yield Question(
        ["Average {sum} per {kind}", "What is the mean {sum} for each {kind}?", "average {sum} by {kind}"],
        f"SELECT {w.kind.column}, AVG({w.sum.column}) FROM {w.events} GROUP BY {w.kind.column}",
        [
            (key, statistics.fmean(row["sum"] for row in rows))
            for key, rows in grouped(w.rows, "kind").items()
        ],
    )
    yield Question(
        ["What is the highest {sum}?", "maximum {sum}", "largest {sum} of any {one}"],
        f"SELECT MAX({w.sum.column}) FROM {w.events}",
        [(max(row["sum"] for row in w.rows),)],
    )


@kind
def spread(w: World, rng: random.Random) -> Iterator[Question]:
    values = [row["sum"] for row in w.rows]
    yield Question(
        [
            "What is the range of {sum}?",
            "By how much do the highest and the lowest {sum} differ?",
            "difference between the largest and the smallest {sum}",
            "How far apart are the highest and the lowest {sum}?",
            "spread of {sum} from lowest to highest",
            "max minus min {sum}",
        ],
        f"SELECT MAX({w.sum.column}) - MIN({w.sum.column}) FROM {w.events}",
        [(max(values) - min(values),)],
    )
    yield Question(
        [
            "What are the lowest and the highest {sum}?",
            "smallest and largest {sum}",
            "min and max {sum} of the {many}",
        ],
        f"SELECT MIN({w.sum.column}), MAX({w.sum.column}) FROM {w.events}",
        [(min(values), max(values))],
    )


@kind
def most_common(w: World, rng: random.Random) -> Iterator[Question]:
    counts = Counter(row["kind"] for row in w.rows).most_common()
    if counts[0][1] == counts[1][1] if len(counts) > 1 else True:
        return
    yield Question(
        [
            "What is the most common {kind}?",
            "most frequent {kind} of the {many}",
            "Which {kind} occurs most often?",
            "Which {kind} do most {many} have?",
            "the {kind} seen most",
            "mode of {kind}",
        ],
        f"SELECT {w.kind.column} FROM {w.events} GROUP BY {w.kind.column} ORDER BY COUNT(*) DESC LIMIT 1",
        [(counts[0][0],)],
    )


@kind
def share(w: World, rng: random.Random) -> Iterator[Question]:
    value = rng.choice(w.kind.values)
    part = 100.0 * sum(row["kind"] == value for row in w.rows) / len(w.rows)
    yield Question(
        [
            "What percentage of the {many} have {kind} {value}?",
            "What share of {many} is {value}, in percent?",
            "percent of {many} with {kind} {value}",
            "How many percent of the {many} are {value}?",
            "{value} {many} as a percentage of all",
            "What part of all {many} is {value} (in %)?",
        ],
        f"SELECT COUNT(CASE WHEN {w.kind.column} = '{value}' THEN 1 END) * 100.0 / COUNT(*) FROM {w.events}",
        [(part,)],
        {"value": value},
    )
    late = 100.0 * sum(row["flag"] for row in w.rows) / len(w.rows)
    yield Question(
        [
            "What percentage of {many} were {flag}?",
            "How many percent of the {many} are {flag}?",
            "share of {flag} {many} in percent",
            "percentage {flag}",
            "What is the rate of {flag} {many}, in percent?",
            "of all {many}, what percentage was {flag}?",
        ],
        f"SELECT SUM({w.flag.column}) * 100.0 / COUNT(*) FROM {w.events}",
        [(late,)],
    )
    whole = sum(row["sum"] for row in w.rows)
    yield Question(
        [
            "What share of the total {sum} does each {kind} have, in percent?",
            "percentage of {total} by {kind}",
            "each {kind}'s share of {total} in percent",
            "How is {total} divided among the {kinds}, in percent?",
            "For every {kind}, its percentage of all {total}",
            "percent of the total {sum} per {kind}",
        ],
        f"SELECT {w.kind.column}, SUM({w.sum.column}) * 100.0 / (SELECT SUM({w.sum.column}) FROM {w.events}) "
        f"FROM {w.events} GROUP BY {w.kind.column}",
        [
            (key, 100.0 * sum(row["sum"] for row in rows) / whole)
            for key, rows in grouped(w.rows, "kind").items()
        ],
    )


@kind
def rate(w: World, rng: random.Random) -> Iterator[Question]:
    rates = {
        key: 100.0 * sum(row["flag"] for row in rows) / len(rows)
        for key, rows in grouped(w.rows, "whom").items()
    }
    yield Question(
        [
            "What percentage of each {whom}'s {many} were {flag}?",
            "percent of {flag} {many} per {whom}",
            "rate of {flag} {many} by {whom}, in percent",
            "For each {whom}, how many percent of the {many} were {flag}?",
            "per {whom}, the percentage {flag}",
            "{flag} rate by {whom} in %",
        ],
        f"SELECT {w.name}, SUM({w.of(w.flag)}) * 100.0 / COUNT(*) FROM {w.joined} GROUP BY {w.name}",
        list(rates.items()),
    )
    best = max(rates.values())
    if sum(value == best for value in rates.values()) == 1:
        yield Question(
            [
                "Which {whom} has the highest rate of {flag} {many}?",
                "{whom} with the largest share of {flag} {many}",
                "Whose {many} are {flag} most often, in proportion?",
                "Which {whom} has the greatest percentage of {flag} {many}?",
                "highest {flag} rate: which {whom}?",
                "Where is the proportion of {flag} {many} highest, by {whom}?",
            ],
            f"SELECT {w.name} FROM {w.joined} GROUP BY {w.name} ORDER BY AVG({w.of(w.flag)}) DESC LIMIT 1",
            [(max(rates, key=lambda key: rates[key]),)],
        )


@kind
def average_count(w: World, rng: random.Random) -> Iterator[Question]:
    groups = grouped(w.rows, "whom")
    key = w.whom.column if w.flat else w.owner_key
    yield Question(
        [
            "How many {many} does a {whom} have on average?",
            "average number of {many} per {whom}",
            "On average, how many {many} belong to one {whom}?",
            "mean number of {many} of a {whom}",
            "{many} per {whom} on average",
            "What is the average count of {many} by {whom}?",
        ],
        f"SELECT COUNT(*) * 1.0 / COUNT(DISTINCT {key}) FROM {w.events}",
        [(len(w.rows) / len(groups),)],
    )
