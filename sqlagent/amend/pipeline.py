"""What is put right in a statement before it runs: where the question settles it, or a stored value, or the schema.

Each rule says in a sentence what it did, so that the person sees it beside the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
from sqlagent.amend.stored_values import Compared, Nearest, corrected
from sqlagent.amend.superlatives import turned
from sqlagent.amend.years import bounded
from sqlagent.database.schema import Schema
from sqlagent.linking.prompt import Turn, spoken


def put_right(
    question: str,
    sql: str,
    schema: Schema,
    *,
    history: Sequence[Turn],
    nearest: Nearest,
    takes: Callable[[str], bool],
    finds: Callable[[str], bool],
) -> tuple[str, list[str]]:
    """A canonical statement after all rules, and what they did, a sentence each.

    history: the turns that the question goes on from. nearest: the stored value that a text means.
    takes: whether the grammar takes a statement. finds: whether a statement finds a row.
    """
    sql, changes = corrected(sql, schema, nearest)
    notes = [_replaced(column, value) for column, value in changes]
    asked, before = spoken(question, history), [turn.sql for turn in history]
    rules: tuple[Callable[[str], Amended], ...] = (
        lambda sql: carried(question, sql, before, schema, takes),
        lambda sql: shown_by_name(asked, sql, schema, takes),
        lambda sql: shown(question, sql, schema, takes),
        lambda sql: tied(sql, schema, takes),
        lambda sql: none_of(question, sql, schema, takes),
        lambda sql: without_nulls(sql, schema, takes, finds),
        lambda sql: joined(asked, sql, schema, takes),
        lambda sql: reporting(question, sql, schema),
        lambda sql: no_end(question, sql, schema, takes, finds),
        lambda sql: unlimited(question, sql),
        lambda sql: nth(question, sql),
        lambda sql: turned(question, sql, schema),
        lambda sql: summed(question, sql, schema),
        lambda sql: counted(question, sql, schema),
        lambda sql: exact(question, sql, schema),
        lambda sql: in_days(question, sql, schema, takes),
        lambda sql: bounded(question, sql, schema),
    )
    for rule in rules:
        sql, note = rule(sql)
        notes.append(note)
    return sql, list(filter(None, notes))


def _replaced(column: Compared, value: str) -> str:
    return f"{column.text!r} is not in {column.table}.{column.column}; {value!r}, which is, was taken for it."
