"""Compute a number of some of the rows: `SUM(CASE WHEN town = 'Bath' THEN cost END)`.

The other rows give NULL, which an aggregate leaves out.
"""

from __future__ import annotations

from sqlagent.amend.plain_select import PlainSelect
from sqlagent.sql.tree import Call, Column, Star
from sqlagent.sql.walk import bare


def takes_each_row(call: Call) -> bool:
    """Whether a call is of one column, or of `*`, and takes each row, once: it may as well be of fewer rows."""
    plain = len(call.arguments) == 1 and isinstance(bare(call.arguments[0]), (Column, Star))
    return plain and not call.distinct and not call.window


def where(condition: str, call: Call, parts: PlainSelect) -> str:
    """A call with one argument, of the rows that fulfil a condition alone."""
    argument = call.arguments[0]
    taken = "1" if isinstance(bare(argument), Star) else parts.text(argument)
    return f"{call.function}(CASE WHEN {condition} THEN {taken} END)"
