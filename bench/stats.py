"""Intervals and tests for shares of right answers; every number here is exact or seeded.

Questions about one database are not independent, so an interval "by question" is too narrow for a claim about
databases never seen; `cluster_bootstrap` resamples whole databases and is the honest one for that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

Interval = tuple[float, float]

Z95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""

_DRAWS = 1 << 20
"""Clusters drawn at a time."""


def wilson(successes: int, total: int, z: float = Z95) -> Interval:
    """Wilson's score interval of a share (Wilson 1927); (0, 1) when there is nothing to count."""
    if total == 0:
        return 0.0, 1.0
    share = successes / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == total else (centre + spread) / scale
    return max(0.0, low), min(1.0, high)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0–1) of `values` lie, interpolated; nan when there are none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def cluster_bootstrap(
    clusters: Mapping[str, Sequence[float]], *, rounds: int = 4000, seed: int = 0
) -> Interval:
    """Percentile bootstrap of the pooled mean, drawing whole clusters (databases) with replacement."""
    filled = [values for values in clusters.values() if values]
    if not filled:
        return math.nan, math.nan
    totals = np.array([sum(values) for values in filled], np.float64)
    counts = np.array([len(values) for values in filled], np.float64)
    chance = np.random.default_rng(seed)
    found: list[float] = []
    step = max(1, _DRAWS // len(filled))  # sets of one-table schemas have thousands of clusters
    for start in range(0, rounds, step):
        drawn = chance.integers(0, len(filled), (min(step, rounds - start), len(filled)))
        found += (totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1)).tolist()
    return percentile(found, 0.025), percentile(found, 0.975)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided McNemar p-value from the two counts of discordant pairs (binomial, p = ½)."""
    total = only_first + only_second
    if total == 0:
        return 1.0
    tail = sum(math.comb(total, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, float(2 * tail / 2**total))
