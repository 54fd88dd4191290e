"""Patterns of spread: median, percentile, deviation, mode."""

from __future__ import annotations

import random
import statistics
from collections import Counter

from train.builders.invented import World
from train.builders.patterns.pattern import Kinds, Pattern, said, slots

KINDS = Kinds()


@KINDS.add
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
    return said("median", words, f"SELECT MEDIAN({w.m}) FROM {w.t}", rows, **slots(w))


@KINDS.add
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
    return said("median_by_group", words, sql, rows, **slots(w))


@KINDS.add
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
    return said(
        "percentile", words, f"SELECT PERCENTILE({w.m}, {share}) FROM {w.t}", rows, share=share, **slots(w)
    )


@KINDS.add
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
    return said("deviation", words, f"SELECT STDDEV({w.m}) FROM {w.t}", rows, **slots(w))


@KINDS.add
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
    return said("mode", words, f"SELECT MODE({w.k}) FROM {w.t}", rows, **slots(w))
