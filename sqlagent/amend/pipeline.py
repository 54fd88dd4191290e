"""Every amendment of a statement: pitfalls are mended, readings are proposed.

A pitfall is what SQL does and nobody means, such as NOT IN over a list that holds NULL; it does not depend on the
question's words, and the database proves that it matters. A reading is what an English word may mean: "after 2018" may
leave 2018 out, and "after the 2018 World Cup" does not. So a reading proposes a statement, which is weighed against
the model's own by the model itself, with a prior that says how often such a reading is right.

Invariant: only `mended` changes what runs, and each change is an Amendment that the answer shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlagent.amend.amendment import Amended, Amendment, Proposal
from sqlagent.amend.correlated import tied
from sqlagent.amend.counted import counted
from sqlagent.amend.counted_table import joined
from sqlagent.amend.date_difference import in_days
from sqlagent.amend.extreme_rows import shown
from sqlagent.amend.follow_up import carried
from sqlagent.amend.hierarchy import reporting
from sqlagent.amend.integer_division import exact
from sqlagent.amend.key_names import shown_by_name
from sqlagent.amend.list_not_first import unlimited
from sqlagent.amend.never import none_of
from sqlagent.amend.not_in_null import without_nulls
from sqlagent.amend.open_ended import no_end
from sqlagent.amend.ordinals import nth
from sqlagent.amend.pitfalls import always_true, near_values, null_meant, respelt, shares
from sqlagent.amend.stored_counts import summed
from sqlagent.amend.stored_values import Nearest
from sqlagent.amend.superlatives import turned
from sqlagent.amend.years import bounded
from sqlagent.database.schema import Schema
from sqlagent.linking.prompt import Turn, spoken

PRIOR = 0.0
PRIORS: dict[str, float] = {}
"""ln of how much likelier a reading's proposal is than the model finds it."""


@dataclass(frozen=True)
class Context:
    """What the rules look at beside the statement.

    history: the turns that the question goes on from. nearest: the stored value that a text means.
    takes: whether the grammar takes a statement. finds: whether a statement finds a row. differ: whether two statements
    are seen to give different rows.
    """

    question: str
    schema: Schema
    history: Sequence[Turn]
    nearest: Nearest
    takes: Callable[[str], bool]
    finds: Callable[[str], bool]
    differ: Callable[[str, str], bool]

    def proved(self, sql: str, made: Amended) -> Amended:
        """What a rule made of a statement, where the database shows that it matters."""
        return made if made.sql != sql and self.differ(sql, made.sql) else Amended(sql)

    @cached_property
    def asked(self) -> str:
        """The question, and those that it goes on from."""
        return spoken(self.question, self.history)

    @cached_property
    def before(self) -> list[str]:
        """The statements that the question goes on from, oldest first."""
        return [turn.sql for turn in self.history]


Rule = Callable[[str, Context], Amended]

PITFALLS: dict[str, Rule] = {
    "stored_spelling": lambda sql, q: respelt(sql, q.schema, q.nearest),
    "null_text": lambda sql, q: null_meant(sql, q.schema, q.finds),
    "correlated": lambda sql, q: q.proved(sql, always_true(sql, tied(sql, q.schema, q.takes))),
    "not_in_null": lambda sql, q: without_nulls(sql, q.schema, q.takes, q.finds),
    "share": lambda sql, q: q.proved(sql, shares(q.question, sql, q.schema)),
}
"""What SQL does and nobody means, whatever the question; applied one after the other."""

READINGS: dict[str, Rule] = {
    "follow_up": lambda sql, q: carried(q.question, sql, q.before, q.schema, q.takes),
    "near_value": lambda sql, q: near_values(sql, q.schema, q.nearest),
    "key_names": lambda sql, q: shown_by_name(q.asked, sql, q.schema, q.takes),
    "extreme_rows": lambda sql, q: shown(q.question, sql, q.schema, q.takes),
    "outer_row": lambda sql, q: tied(sql, q.schema, q.takes),
    "never": lambda sql, q: none_of(q.question, sql, q.schema, q.takes),
    "counted_table": lambda sql, q: joined(q.asked, sql, q.schema, q.takes),
    "hierarchy": lambda sql, q: reporting(q.question, sql, q.schema),
    "open_ended": lambda sql, q: no_end(q.question, sql, q.schema, q.takes, q.finds),
    "list_not_first": lambda sql, q: unlimited(q.question, sql),
    "ordinals": lambda sql, q: nth(q.question, sql),
    "superlatives": lambda sql, q: turned(q.question, sql, q.schema),
    "stored_counts": lambda sql, q: summed(q.question, sql, q.schema),
    "counted": lambda sql, q: counted(q.question, sql, q.schema),
    "exact_quotient": lambda sql, q: exact(q.question, sql, q.schema),
    "date_difference": lambda sql, q: in_days(q.question, sql, q.schema, q.takes),
    "years": lambda sql, q: bounded(q.question, sql, q.schema),
}
"""What an English word may mean: each proposes a statement, and overwrites none."""


def mended(sql: str, about: Context) -> tuple[str, tuple[Amendment, ...]]:
    """A canonical statement without the pitfalls that its database proves, and what was done to it."""
    return _applied(sql, PITFALLS, about)


def proposals(sql: str, about: Context) -> list[Proposal]:
    """What a canonical statement may have been meant to be: by each reading alone, and by all that fit together."""
    made = [
        Proposal(after, (Amendment(name, sql, after, why),), PRIORS.get(name, PRIOR))
        for name, rule in READINGS.items()
        for after, why in [rule(sql, about)]
        if after != sql
    ]
    if len(made) > 1:
        whole, amendments = _applied(sql, READINGS, about)
        if len(amendments) > 1:
            prior = sum(PRIORS.get(one.rule, PRIOR) for one in amendments)
            made.append(Proposal(whole, amendments, prior))
    return list({one.sql: one for one in reversed(made) if one.sql != sql}.values())[::-1]


def _applied(sql: str, rules: Mapping[str, Rule], about: Context) -> tuple[str, tuple[Amendment, ...]]:
    found = []
    for name, rule in rules.items():
        after, why = rule(sql, about)
        if after != sql:
            found.append(Amendment(name, sql, after, why))
            sql = after
    return sql, tuple(found)
