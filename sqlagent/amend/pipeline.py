"""What is put right in a statement before it runs: where the question settles it, or a stored value, or the schema.

Each rule says in a sentence what it did, so that the person sees it beside the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlagent.amend.amendment import Amended
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
from sqlagent.amend.stored_counts import summed
from sqlagent.amend.stored_values import Nearest, corrected
from sqlagent.amend.superlatives import turned
from sqlagent.amend.years import bounded
from sqlagent.database.schema import Schema
from sqlagent.linking.prompt import Turn, spoken


@dataclass(frozen=True)
class Context:
    """What the rules look at beside the statement.

    history: the turns that the question goes on from. nearest: the stored value that a text means.
    takes: whether the grammar takes a statement. finds: whether a statement finds a row.
    """

    question: str
    schema: Schema
    history: Sequence[Turn]
    nearest: Nearest
    takes: Callable[[str], bool]
    finds: Callable[[str], bool]

    @cached_property
    def asked(self) -> str:
        """The question, and those that it goes on from."""
        return spoken(self.question, self.history)

    @cached_property
    def before(self) -> list[str]:
        """The statements that the question goes on from, oldest first."""
        return [turn.sql for turn in self.history]


def _stored(sql: str, about: Context) -> Amended:
    sql, changes = corrected(sql, about.schema, about.nearest)
    notes = (
        f"{column.text!r} is not in {column.table}.{column.column}; {value!r}, which is, was taken for it."
        for column, value in changes
    )
    return Amended(sql, " ".join(notes))


Rule = Callable[[str, Context], Amended]

RULES: dict[str, Rule] = {
    "stored_values": _stored,
    "follow_up": lambda sql, q: carried(q.question, sql, q.before, q.schema, q.takes),
    "key_names": lambda sql, q: shown_by_name(q.asked, sql, q.schema, q.takes),
    "extreme_rows": lambda sql, q: shown(q.question, sql, q.schema, q.takes),
    "correlated": lambda sql, q: tied(sql, q.schema, q.takes),
    "never": lambda sql, q: none_of(q.question, sql, q.schema, q.takes),
    "not_in_null": lambda sql, q: without_nulls(sql, q.schema, q.takes, q.finds),
    "counted_table": lambda sql, q: joined(q.asked, sql, q.schema, q.takes),
    "hierarchy": lambda sql, q: reporting(q.question, sql, q.schema),
    "open_ended": lambda sql, q: no_end(q.question, sql, q.schema, q.takes, q.finds),
    "list_not_first": lambda sql, q: unlimited(q.question, sql),
    "ordinals": lambda sql, q: nth(q.question, sql),
    "superlatives": lambda sql, q: turned(q.question, sql, q.schema),
    "stored_counts": lambda sql, q: summed(q.question, sql, q.schema),
    "counted": lambda sql, q: counted(q.question, sql, q.schema),
    "integer_division": lambda sql, q: exact(q.question, sql, q.schema),
    "date_difference": lambda sql, q: in_days(q.question, sql, q.schema, q.takes),
    "years": lambda sql, q: bounded(q.question, sql, q.schema),
}
"""The rules by name, in the order in which they are applied."""


def put_right(sql: str, about: Context) -> tuple[str, list[str]]:
    """A canonical statement after all rules, and what they did, a sentence each."""
    notes = []
    for rule in RULES.values():
        sql, note = rule(sql, about)
        notes.append(note)
    return sql, list(filter(None, notes))
