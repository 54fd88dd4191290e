"""The patterns analysts ask for, over an invented database: words, a statement, and rows computed a second time.

    for pattern in patterns(world, rng): pattern.questions, pattern.sql, pattern.rows

They are in `train.builders.patterns`, by topic. A pattern's rows come from Python over the rows as values, never from
SQL, and a statement that gives others is an error in it. Beside each kind stand plain look-alikes (`plain_…`) that want
the plain statement. Invariant: `KINDS` names every kind once; wordings of a kind are numbered, so that a third of them
can be held out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from train.builders.invented import World
from train.builders.patterns import groups, growth, owners, periods, plain, ranks, several, spread, times
from train.builders.patterns.pattern import Kinds, Pattern, Rows

__all__ = ["KINDS", "OWNED", "UNDATED", "Pattern", "Rows", "patterns"]

KINDS = Kinds()
for _topic in (times, periods, growth, ranks, spread, groups, owners, several, plain):
    KINDS |= _topic.KINDS

OWNED = {"top_per_group", "spent_by", "first_and_last", "cohorts", "never", "two_counts"}
"""Kinds that ask whose something is."""
UNDATED = {
    "share_of_total", "share_of_one", "top_per_group", "top_rows_per_group", "second_highest", "all_that_tie", "median",
    "median_by_group", "percentile", "deviation", "mode", "compare_groups", "difference_of_groups", "spent_by", "never",
    "above_average", "two_counts", "lowest_and_highest", "sum_and_count", "plain_average", "plain_total",
    "plain_by_group", "plain_highest", "plain_count",
}  # fmt: skip
"""Kinds that do not ask when."""


def patterns(world: World, rng: random.Random) -> Iterator[Pattern]:
    """A pattern of every kind that the database can be asked."""
    for name, make in KINDS.items():
        if (world.o or name not in OWNED) and (world.day or name in UNDATED):
            yield make(world, rng)
