"""Tell what SQL does and nobody means from what may well be meant.

`name = 'lemur'` finds nothing where 'Lemur' is stored: only the spelling differs. `name = 'Iraq'` finds nothing where
'Iran' is stored, and that is an answer. `title = title` in a subquery holds of every row; `boss_id = id` holds of those
who are their own boss. SUM(a) / SUM(b) is a share; SUM(boxes) / 12 may count the boxes' full dozens.

Invariant: each function gives the first of such a pair, or the statement as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.integer_division import exact
from sqlagent.amend.patterns import NAME, TEXT
from sqlagent.amend.stored_values import Nearest, compared, corrected, nulls_meant
from sqlagent.base.word_forms import key
from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema, fold
from sqlagent.sql.names import quote

_QUOTIENT = re.compile(rf"{TEXT}|(?P<sign>/) (?P<total>(?:NULLIF\()?(?:\(SELECT )?(?:COUNT|SUM|TOTAL)\()?")
_WHOLE = re.compile(
    r"\b(?:complete(?:ly)?|entire(?:ly)?|wholly|fully|evenly|round(?:ed)?|over)\b", re.IGNORECASE
)
"""Words of those who count what is full."""
_TIED = re.compile(rf"{TEXT}|(?:{NAME})\.(?P<left>{NAME}) = (?:{NAME})\.(?P<right>{NAME})")


def respelt(sql: str, schema: Schema, nearest: Nearest) -> Amended:
    """The statement with stored values where its texts have the same letters in another spelling."""

    def same_letters(table: str, column: str, text: str) -> str | None:
        value = nearest(table, column, text)
        return value if value is not None and _letters(value) == _letters(text) else None

    return near_values(sql, schema, same_letters)


def near_values(sql: str, schema: Schema, nearest: Nearest) -> Amended:
    """The statement with the stored values that its texts are near to."""
    made, changes = corrected(sql, schema, nearest)
    notes = (
        f"{column.text!r} is not in {column.table}.{column.column}; {value!r}, which is, was taken for it."
        for column, value in changes
    )
    return Amended(made, " ".join(notes))


def _letters(text: str) -> str:
    return key(text).replace(" ", "")


def null_meant(sql: str, schema: Schema, finds: Callable[[str], bool]) -> Amended:
    """The statement with IS NULL for `= 'null'`, where the column holds NULL and no such text."""
    columns = [one for one in compared(sql, schema) if fold(one.text) == "null"]
    made = nulls_meant(sql)
    if made == sql or not columns:
        return Amended(sql)
    lacking = []
    for one in columns:
        rows = f"SELECT 1 FROM {quote(one.table)} WHERE {quote(one.column)}"
        if finds(f"{rows} = '{one.text}' LIMIT 1"):
            return Amended(sql)
        if finds(f"{rows} IS NULL LIMIT 1"):
            lacking.append(f"{one.table}.{one.column}")
    if not lacking:
        return Amended(sql)
    names = " and ".join(dict.fromkeys(lacking))
    return Amended(made, f"NULL was taken for the text 'null', which is not in {names}.")


def always_true(sql: str, tied: Amended) -> Amended:
    """A subquery tied to the row outside, where it compared a column with itself, which holds of every row."""
    old = {match[0] for match in _TIED.finditer(sql)}
    new = [match for match in _TIED.finditer(tied.sql) if match["left"] and match[0] not in old]
    same = [fold(unquote(match["left"])) == fold(unquote(match["right"])) for match in new]
    return tied if same and all(same) else Amended(sql)


def shares(question: str, sql: str, schema: Schema) -> Amended:
    """The statement with exact quotients, where all that it divides by are totals: parts of a whole, or means."""
    quotients = [match for match in _QUOTIENT.finditer(sql) if match["sign"]]
    if not quotients or not all(match["total"] for match in quotients) or _WHOLE.search(question):
        return Amended(sql)
    return exact(question, sql, schema)
