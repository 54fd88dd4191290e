"""What is put right in a statement before it runs: where the question settles it, or a stored value, or the schema.

Each rule says in a sentence what it did, so that the person sees it beside the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlagent.conversation import spoken
from sqlagent.prompt import Turn
from sqlagent.repair import Compared, Nearest, corrected
from sqlagent.rules.absent import without_nulls
from sqlagent.rules.amended import Amended
from sqlagent.rules.carried import carried
from sqlagent.rules.correlated import tied
from sqlagent.rules.counted import counted
from sqlagent.rules.extreme_rows import shown
from sqlagent.rules.hierarchy import reporting
from sqlagent.rules.in_order import unlimited
from sqlagent.rules.key_names import shown_by_name
from sqlagent.rules.members import joined
from sqlagent.rules.never import none_of
from sqlagent.rules.ordinals import nth
from sqlagent.rules.quotients import exact
from sqlagent.rules.spans import in_days
from sqlagent.rules.stored_counts import summed
from sqlagent.rules.superlatives import turned
from sqlagent.rules.unended import no_end
from sqlagent.rules.years import bounded
from sqlagent.schema import Schema


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
