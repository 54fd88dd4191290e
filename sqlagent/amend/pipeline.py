"""Every amendment of a statement: pitfalls are mended, readings are proposed.

A pitfall is what SQL does and nobody means, such as NOT IN over a list that holds NULL; it does not depend on the
question's words, and the database proves that it matters. A reading is what an English word may mean: "after 2018" may
leave 2018 out, and "after the 2018 World Cup" does not. So a reading proposes a statement, which is weighed against
the model's own by the model itself, with a prior that says how often such a reading is right.

What no small model knows (what day it is, which functions this program brings, how a pattern of analysis that the
question names is written) is supplied: not the model's probabilities weigh such a proposal, but how often it is right.

Invariant: only `mended` changes what runs, and each change is an Amendment that the answer shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from sqlagent.amend.added_keys import counted_keys
from sqlagent.amend.amendment import Amended, Amendment, Proposal
from sqlagent.amend.analysis.distinct_values import nth_value
from sqlagent.amend.analysis.grains import by_grain
from sqlagent.amend.analysis.growth import grown
from sqlagent.amend.analysis.in_groups import ranked
from sqlagent.amend.analysis.levels import at_time
from sqlagent.amend.analysis.measures import added_up
from sqlagent.amend.analysis.months_of_years import with_years
from sqlagent.amend.analysis.per_group import grouped
from sqlagent.amend.analysis.pivots import in_columns
from sqlagent.amend.analysis.rates import by_rate
from sqlagent.amend.analysis.running_total import running
from sqlagent.amend.analysis.shares import as_share
from sqlagent.amend.analysis.signed_amounts import on_one_side
from sqlagent.amend.analysis.statistics import statistic
from sqlagent.amend.analysis.totals import one_value
from sqlagent.amend.analysis.units import in_asked_unit
from sqlagent.amend.analysis.worth import priced
from sqlagent.amend.analysis.years_compared import side_by_side
from sqlagent.amend.correlated import tied
from sqlagent.amend.counted import counted
from sqlagent.amend.counted_once import once_each
from sqlagent.amend.counted_table import joined
from sqlagent.amend.date_difference import in_days, in_units
from sqlagent.amend.date_formats import known_formats
from sqlagent.amend.extreme_rows import shown
from sqlagent.amend.follow_up import carried
from sqlagent.amend.held_elsewhere import elsewhere, of_the_whole
from sqlagent.amend.held_lists import listed_too
from sqlagent.amend.held_rows import Values
from sqlagent.amend.held_texts import one_group_each, otherwise_held
from sqlagent.amend.hierarchy import reporting
from sqlagent.amend.integer_division import exact
from sqlagent.amend.key_labels import asked_by_noun, groups_by_name, people_by_name, sets_by_name
from sqlagent.amend.key_names import shown_by_name
from sqlagent.amend.kinds import alike
from sqlagent.amend.list_not_first import unlimited
from sqlagent.amend.merged_counts import told_apart
from sqlagent.amend.named_rows.difference import apart
from sqlagent.amend.named_rows.first_listed import first_listed
from sqlagent.amend.named_rows.next_row import next_row
from sqlagent.amend.named_rows.not_itself import not_itself
from sqlagent.amend.named_rows.one_of import one_of
from sqlagent.amend.never import none_of
from sqlagent.amend.never_dated import never_dated
from sqlagent.amend.not_in_null import without_nulls
from sqlagent.amend.open_ended import no_end
from sqlagent.amend.ordinals import nth
from sqlagent.amend.periods import in_period
from sqlagent.amend.pitfalls import near_values, null_meant, respelt, shares
from sqlagent.amend.said_column import asked_column
from sqlagent.amend.self_join import turned_round
from sqlagent.amend.stored_counts import summed
from sqlagent.amend.stored_values import Nearest
from sqlagent.amend.superlatives import turned
from sqlagent.amend.ungrouped import grouped_by_all
from sqlagent.amend.unused_values import named_kind
from sqlagent.amend.unused_words import unused_word
from sqlagent.amend.years import bounded, whole_year
from sqlagent.linking.prompt import Hint, Turn, spoken
from sqlagent.sql.edit import Overlap
from sqlagent.sql.reading import Reading, Readings

PRIOR = 0.0
PRIORS: dict[str, float] = {}
"""ln of how much likelier a reading's proposal is than the model finds it."""


@dataclass(frozen=True)
class Context:
    """What the rules look at beside the statement.

    statements: those of the question, each read once. history: the turns that the question goes on from. nearest: the
    stored value that a text means. accepts: whether the grammar accepts a statement. has_rows: whether a statement
    finds a row. differ: whether two statements are seen to give different rows. today: the day on which it is asked.
    values: the first column of a statement's rows. hints: the stored values that the question mentions.
    """

    question: str
    statements: Readings
    history: Sequence[Turn]
    nearest: Nearest
    accepts: Callable[[str], bool]
    has_rows: Callable[[str], bool]
    differ: Callable[[str, str], bool]
    today: date = field(default_factory=date.today)
    values: Values = lambda _: ()
    hints: Sequence[Hint] = ()

    def proved(self, now: Reading, made: Amended) -> Amended:
        """What a rule made of a statement, where the database shows that it matters."""
        return made if made.sql != now.sql and self.differ(now.sql, made.sql) else Amended(now.sql)

    @cached_property
    def asked(self) -> str:
        """The question, and those that it goes on from."""
        return spoken(self.question, self.history)

    @cached_property
    def before(self) -> list[str]:
        """The statements that the question goes on from, oldest first."""
        return [turn.sql for turn in self.history]


Rule = Callable[[Reading, Context], Amended]

PITFALLS: dict[str, Rule] = {
    "date_formats": lambda now, q: known_formats(now, q.accepts),
    "dates_subtracted": lambda now, q: q.proved(now, in_days(q.question, now, q.accepts, written=True)),
    "kinds": lambda now, q: alike(now, q.accepts),
    "held_texts": lambda now, q: otherwise_held(now, q.values, q.accepts),
    "stored_spelling": lambda now, q: respelt(now, q.nearest),
    "one_group_each": lambda now, q: one_group_each(now, q.values, q.accepts),
    "added_keys": lambda now, q: q.proved(now, counted_keys(now, q.accepts)),
    "ungrouped": lambda now, q: grouped_by_all(now, q.accepts, q.has_rows),
    "merged_counts": lambda now, q: told_apart(now, q.accepts, q.has_rows),
    "null_text": lambda now, q: null_meant(now, q.has_rows),
    "correlated": lambda now, q: q.proved(now, tied(now, q.accepts, one_column=True)),
    "not_in_null": lambda now, q: without_nulls(now, q.accepts, q.has_rows),
    "share": lambda now, q: q.proved(now, shares(q.question, now)),
}
"""What SQL does and nobody means, whatever the question; applied one after the other."""

READINGS: dict[str, Rule] = {
    "follow_up": lambda now, q: carried(q.question, now, q.before, q.accepts),
    "near_value": lambda now, q: near_values(now, q.nearest),
    "key_names": lambda now, q: shown_by_name(q.asked, now, q.accepts),
    "extreme_rows": lambda now, q: shown(q.question, now, q.accepts),
    "outer_row": lambda now, q: tied(now, q.accepts),
    "never": lambda now, q: none_of(q.question, now, q.accepts),
    "counted_table": lambda now, q: joined(q.asked, now, q.accepts),
    "hierarchy": lambda now, q: reporting(q.question, now),
    "open_ended": lambda now, q: no_end(q.question, now, q.accepts, q.has_rows),
    "list_not_first": lambda now, q: unlimited(q.question, now),
    "ordinals": lambda now, q: nth(q.question, now),
    "superlatives": lambda now, q: turned(q.question, now),
    "stored_counts": lambda now, q: summed(q.question, now),
    "counted": lambda now, q: counted(q.question, now),
    "exact_quotient": lambda now, q: exact(q.question, now),
    "date_difference": lambda now, q: in_days(q.question, now, q.accepts),
    "years": lambda now, q: bounded(q.question, now),
}
"""What an English word may mean: each proposes a statement, and overwrites none."""

SUPPLIED: dict[str, Rule] = {
    "period": lambda now, q: in_period(q.question, now, q.today, q.accepts, q.has_rows),
    "statistic": lambda now, q: statistic(q.question, now, q.accepts),
    "grain": lambda now, q: by_grain(q.question, now, q.accepts),
    "months_of_years": lambda now, q: with_years(q.question, now, q.accepts, q.has_rows),
    "born": lambda now, q: turned(q.question, now, births=True),
    "one_value": lambda now, q: one_value(q.question, now, q.accepts),
    "said_column": lambda now, q: asked_column(q.question, now, q.accepts),
    "per_group": lambda now, q: grouped(q.question, now, q.accepts),
    "group_names": lambda now, q: groups_by_name(q.asked, now, q.accepts, q.has_rows),
    "asked_by_noun": lambda now, q: asked_by_noun(q.question, now, q.accepts),
    "people_by_name": lambda now, q: people_by_name(q.question, now, q.accepts),
    "sets_by_name": lambda now, q: sets_by_name(q.asked, now, q.accepts, q.has_rows),
    "in_groups": lambda now, q: ranked(q.question, now, q.accepts),
    "running_total": lambda now, q: running(q.question, now, q.accepts),
    "added_up": lambda now, q: added_up(q.question, now, q.accepts),
    "rate": lambda now, q: by_rate(q.question, now, q.accepts),
    "nth_value": lambda now, q: nth_value(q.question, now, q.accepts),
    "years_compared": lambda now, q: side_by_side(q.question, now, q.accepts),
    "self_join": lambda now, q: turned_round(q.question, now, q.accepts),
    "pivot": lambda now, q: in_columns(q.question, now, q.accepts, q.values),
    "once_each": lambda now, q: once_each(q.question, now, q.accepts, q.has_rows),
    "elsewhere": lambda now, q: elsewhere(now, q.accepts, q.values),
    "of_the_whole": lambda now, q: of_the_whole(now, q.accepts, q.values),
    "one_of": lambda now, q: one_of(q.question, now, q.hints, q.accepts, q.values),
    "apart": lambda now, q: apart(q.question, now, q.hints, q.accepts, q.values),
    "first_listed": lambda now, q: first_listed(q.question, now, q.accepts),
    "not_itself": lambda now, q: not_itself(q.question, now, q.accepts),
    "next_row": lambda now, q: next_row(q.question, now, q.accepts, q.values),
    "growth": lambda now, q: grown(q.question, now, q.today, q.accepts),
    "listed_too": lambda now, q: listed_too(now, q.values, q.accepts),
    "unused_word": lambda now, q: unused_word(q.question, now, q.accepts, q.values),
    "time_between": lambda now, q: in_units(q.question, now, q.accepts),
    "part_of_whole": lambda now, q: as_share(q.question, now, q.accepts),
    "signed_amounts": lambda now, q: on_one_side(q.question, now, q.accepts, q.has_rows),
    "units": lambda now, q: in_asked_unit(q.question, now, q.accepts),
    "worth": lambda now, q: priced(q.question, now, q.accepts),
    "named_kind": lambda now, q: named_kind(q.question, now, q.hints, q.accepts, q.values),
    "level": lambda now, q: at_time(q.question, now, q.today, q.accepts),
    "never_dated": lambda now, q: never_dated(q.question, now, q.accepts, q.has_rows),
    "whole_year": lambda now, q: whole_year(q.question, now),
}
"""What no small model knows: each proposes a statement."""
LEADS: dict[str, float] = {
    "period": 3.0,
    "statistic": 4.0,
    "grain": 3.0,
    "months_of_years": 2.0,
    "born": 3.0,
    "one_value": 2.0,
    "in_groups": 2.5,
    "running_total": 3.0,
    "added_up": 2.0,
    "rate": 2.5,
    "nth_value": 1.5,
    "years_compared": 3.0,
    "once_each": 1.5,
    "pivot": 3.0,
    "self_join": 2.5,
    "elsewhere": 1.0,
    "of_the_whole": 1.0,
    "one_of": 2.0,
    "apart": 2.5,
    "first_listed": 2.0,
    "not_itself": 1.5,
    "next_row": 2.0,
    "group_names": 2.5,
    "asked_by_noun": 2.0,
    "sets_by_name": 2.0,
    "people_by_name": 2.5,
    "growth": 3.0,
    "said_column": 2.0,
    "per_group": 2.5,
    "listed_too": 1.5,
    "unused_word": 1.5,
    "time_between": 3.0,
    "part_of_whole": 2.5,
    "whole_year": 3.0,
    "signed_amounts": 3.0,
    "units": 3.0,
    "worth": 2.0,
    "named_kind": 2.0,
    "level": 2.5,
    "never_dated": 2.5,
}
"""ln of how much likelier such a proposal is than the statement that it was made of."""
GUESSED = frozenset(("elsewhere", "of_the_whole", "unused_word"))
"""Proposals that change which rows are meant: what comes of them is doubtful, however likely."""


def mended(sql: str, about: Context) -> tuple[str, tuple[Amendment, ...]]:
    """A canonical statement without the pitfalls that its database proves, and what was done to it."""
    return _applied(sql, PITFALLS, about)


def proposals(sql: str, about: Context) -> list[Proposal]:
    """What a canonical statement may have been meant to be: by each reading alone, and by all that fit together."""
    reading = about.statements.find(sql)
    if reading is None:
        return []
    made = list[Proposal]()
    for name, rule in SUPPLIED.items():
        after, why = _after(rule, reading, about)
        if after != sql:
            made.append(Proposal(after, (Amendment(name, sql, after, why),), lead=LEADS[name]))
    if made:  # one may call for another: what is grouped by a key is then shown by name
        whole, amendments = _applied(sql, SUPPLIED, about)
        if len(amendments) > 1:
            made.append(Proposal(whole, amendments, lead=sum(LEADS[one.rule] for one in amendments)))
    read_so = [
        Proposal(after, (Amendment(name, sql, after, why),), PRIORS.get(name, PRIOR))
        for name, rule in READINGS.items()
        for after, why in [_after(rule, reading, about)]
        if after != sql
    ]
    if len(read_so) > 1:
        whole, amendments = _applied(sql, READINGS, about)
        if len(amendments) > 1:
            read_so.append(
                Proposal(whole, amendments, sum(PRIORS.get(one.rule, PRIOR) for one in amendments))
            )
    made += read_so
    return list({one.sql: one for one in reversed(made) if one.sql != sql}.values())[::-1]


def _applied(sql: str, rules: Mapping[str, Rule], about: Context) -> tuple[str, tuple[Amendment, ...]]:
    """A statement after some rules, each on what the one before made; as it was where it cannot be read."""
    reading, found = about.statements.find(sql), list[Amendment]()
    for name, rule in rules.items():
        if reading is None:
            break
        after, why = _after(rule, reading, about)
        if after != reading.sql:
            found.append(Amendment(name, reading.sql, after, why))
            sql, reading = after, about.statements.find(after)
    return sql, tuple(found)


def _after(rule: Rule, reading: Reading, about: Context) -> Amended:
    """What a rule makes of a statement; the statement where one thing it would change is within another."""
    try:
        return rule(reading, about)
    except Overlap:
        return Amended(reading.sql)
