"""List the rules, in the order in which they are applied: each reads what those above it have made of a statement.

A rule is declared in the module that has its code (`sqlagent.amend.rule`) and applied once it stands here.
"""

from __future__ import annotations

from typing import TypeVar

from sqlagent.amend import (
    added_keys,
    correlated,
    counted,
    counted_once,
    counted_table,
    date_difference,
    date_formats,
    extreme_rows,
    follow_up,
    held_elsewhere,
    held_lists,
    held_texts,
    hierarchy,
    integer_division,
    key_labels,
    key_names,
    kinds,
    list_not_first,
    merged_counts,
    never,
    never_dated,
    not_in_null,
    nulls_first,
    one_extreme,
    open_ended,
    ordinals,
    periods,
    pitfalls,
    said_column,
    self_join,
    stored_counts,
    superlatives,
    tables_of_years,
    twin_table,
    ungrouped,
    unused_join,
    unused_values,
    unused_words,
    years,
)
from sqlagent.amend.analysis import (
    distinct_values,
    grains,
    growth,
    in_groups,
    levels,
    measures,
    months_of_years,
    not_one_group,
    per_group,
    pivots,
    rates,
    running_total,
    shares,
    signed_amounts,
    statistics,
    totals,
    units,
    worth,
    years_compared,
)
from sqlagent.amend.named_rows import difference, first_listed, next_row, not_itself, one_of
from sqlagent.amend.rule import Rule

Kind = TypeVar("Kind", bound=Rule)


def by_name(*rules: Kind) -> dict[str, Kind]:
    """The rules in their order. Raises ValueError where two have one name."""
    found: dict[str, Kind] = {}
    for rule in rules:
        if rule.name in found:
            raise ValueError(f"two rules are called {rule.name}")
        found[rule.name] = rule
    return found


PITFALLS = by_name(
    date_formats.RULE,
    date_difference.DATES_SUBTRACTED,
    kinds.RULE,
    held_texts.HELD_TEXTS,
    pitfalls.STORED_SPELLING,
    held_texts.ONE_GROUP_EACH,
    added_keys.RULE,
    ungrouped.RULE,
    merged_counts.RULE,
    pitfalls.NULL_TEXT,
    unused_join.RULE,
    correlated.CORRELATED,
    not_in_null.RULE,
    nulls_first.RULE,
    pitfalls.SHARE,
)
"""What SQL does and nobody means, whatever the question: mended, one after the other."""
MEANINGS = by_name(
    follow_up.RULE,
    pitfalls.NEAR_VALUE,
    key_names.RULE,
    extreme_rows.RULE,
    correlated.OUTER_ROW,
    never.RULE,
    counted_table.RULE,
    hierarchy.RULE,
    open_ended.RULE,
    list_not_first.RULE,
    ordinals.RULE,
    superlatives.SUPERLATIVES,
    stored_counts.RULE,
    counted.RULE,
    integer_division.RULE,
    date_difference.DATE_DIFFERENCE,
    years.YEARS,
)
"""What an English word may mean: each proposes a statement, and overwrites none."""
SUPPLIED = by_name(
    periods.RULE,
    statistics.RULE,
    grains.RULE,
    months_of_years.RULE,
    superlatives.BORN,
    totals.RULE,
    said_column.RULE,
    per_group.RULE,
    not_one_group.RULE,
    key_labels.GROUP_NAMES,
    key_labels.ASKED_BY_NOUN,
    key_labels.PEOPLE_BY_NAME,
    key_labels.SETS_BY_NAME,
    in_groups.RULE,
    running_total.RULE,
    measures.RULE,
    rates.RULE,
    distinct_values.RULE,
    years_compared.RULE,
    self_join.RULE,
    pivots.RULE,
    counted_once.RULE,
    held_elsewhere.ELSEWHERE,
    held_elsewhere.OF_THE_WHOLE,
    one_of.RULE,
    difference.RULE,
    first_listed.RULE,
    not_itself.RULE,
    next_row.RULE,
    growth.RULE,
    held_lists.RULE,
    unused_words.RULE,
    date_difference.TIME_BETWEEN,
    shares.RULE,
    signed_amounts.RULE,
    units.RULE,
    worth.RULE,
    unused_values.RULE,
    levels.RULE,
    never_dated.RULE,
    one_extreme.RULE,
    tables_of_years.RULE,
    twin_table.RULE,
    years.WHOLE_YEAR,
)
"""What no small model knows: each proposes a statement."""
GUESSED = frozenset(name for name, rule in SUPPLIED.items() if rule.guessed)
"""Proposals that change which rows are meant."""
