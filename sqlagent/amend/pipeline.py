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
from sqlagent.linking.prompt import Turn, spoken
from sqlagent.sql.reading import Reading, Readings, read


def put_right(
    question: str,
    sql: str,
    readings: Readings,
    *,
    history: Sequence[Turn],
    nearest: Nearest,
    takes: Callable[[str], bool],
    finds: Callable[[str], bool],
) -> tuple[str, list[str]]:
    """A canonical statement after all rules, and what they did, a sentence each.

    readings: the question's statements, to which the new one is added. history: the turns that the question goes on
    from. nearest: the stored value that a text means.
    takes: whether the grammar takes a statement. finds: whether a statement finds a row.
    """
    reading = readings.find(sql)
    if reading is None:
        return sql, []
    reading, notes = amended(question, reading, history, nearest, takes, finds)
    readings.add(reading)
    return reading.sql, notes


def amended(
    question: str,
    reading: Reading,
    history: Sequence[Turn],
    nearest: Nearest,
    accepts: Callable[[str], bool],
    has_rows: Callable[[str], bool],
) -> tuple[Reading, list[str]]:
    """The same of a statement that has been read; it is read again only where a rule changed it."""
    sql, changes = corrected(reading, nearest)
    notes = [_replaced(column, value) for column, value in changes]
    asked, before = spoken(question, history), [turn.sql for turn in history]
    rules: tuple[Callable[[Reading], Amended], ...] = (
        lambda now: carried(question, now, before, accepts),
        lambda now: shown_by_name(asked, now, accepts),
        lambda now: shown(question, now, accepts),
        lambda now: tied(now, accepts),
        lambda now: none_of(question, now, accepts),
        lambda now: without_nulls(now, accepts, has_rows),
        lambda now: joined(asked, now, accepts),
        lambda now: reporting(question, now),
        lambda now: no_end(question, now, accepts, has_rows),
        lambda now: unlimited(question, now),
        lambda now: nth(question, now),
        lambda now: turned(question, now),
        lambda now: summed(question, now),
        lambda now: counted(question, now),
        lambda now: exact(question, now),
        lambda now: in_days(question, now, accepts),
        lambda now: bounded(question, now),
    )
    for rule in rules:
        if sql != reading.sql:
            reading = read(sql, reading.schema)
        sql, note = rule(reading)
        notes.append(note)
    if sql != reading.sql:
        reading = read(sql, reading.schema)
    return reading, list(filter(None, notes))


def _replaced(column: Compared, value: str) -> str:
    return f"{column.text!r} is not in {column.table}.{column.column}; {value!r}, which is, was taken for it."
