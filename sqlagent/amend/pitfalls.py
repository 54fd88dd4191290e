"""Tell what SQL does and nobody means from what may well be meant.

`name = 'lemur'` finds nothing where 'Lemur' is stored: only the spelling differs. `name = 'Iraq'` finds nothing where
'Iran' is stored, and that is an answer. SUM(a) / SUM(b) is a share; SUM(boxes) / 12 may count full dozens.

Invariant: each function gives the first of such a pair, or the statement as it was.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.integer_division import exact
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Meaning, Pitfall
from sqlagent.amend.stored_values import Nearest, compared, corrected, nulls_meant
from sqlagent.base.word_forms import key
from sqlagent.database.schema import fold
from sqlagent.sql.functions import ADDITIVE, ARITHMETIC
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call, Expr, Select, Subquery
from sqlagent.sql.walk import bare

_WHOLE = Phrase(r"\b(?:complete(?:ly)?|entire(?:ly)?|wholly|fully|evenly|round(?:ed)?|times over)\b")
"""Words of those who count what is full."""


def respelt(reading: Reading, nearest: Nearest) -> Amended:
    """The statement with stored values where its texts have the same letters in another spelling.

    Or the same words in another order: 'Abel Stone' where 'Stone, Abel' is stored.
    """

    def same_letters(table: str, column: str, text: str) -> str | None:
        value = nearest(table, column, text)
        if value is None:
            return None
        alike = _letters(value) == _letters(text) or sorted(key(value).split()) == sorted(key(text).split())
        return value if alike else None

    return near_values(reading, same_letters)


STORED_SPELLING = Pitfall("stored_spelling", lambda now, about: respelt(now, about.nearest))


def near_values(reading: Reading, nearest: Nearest) -> Amended:
    """The statement with the stored values that its texts are near to."""
    made, changes = corrected(reading, nearest)
    notes = (
        f"{column.text!r} is not in {column.table}.{column.column}; {value!r}, which is, was taken for it."
        for column, value in changes
    )
    return Amended(made, " ".join(notes))


NEAR_VALUE = Meaning("near_value", lambda now, about: near_values(now, about.nearest))


def _letters(text: str) -> str:
    return key(text).replace(" ", "")


def null_meant(reading: Reading, finds: Callable[[str], bool]) -> Amended:
    """The statement with IS NULL for `= 'null'`, where the column holds NULL and no such text."""
    sql = reading.sql
    made = nulls_meant(reading.statement)
    if made == sql:
        return Amended(sql)
    columns = [one for one in compared(reading) if fold(one.text) == "null"]
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


NULL_TEXT = Pitfall("null_text", lambda now, about: null_meant(now, about.has_rows))


def shares(question: str, reading: Reading) -> Amended:
    """The statement with exact quotients, where each divides by a total, or is added up: `SUM(seconds / 3600)`."""
    quotients = [node for node in reading.statement.find(Binary) if node.operator == "/"]
    sums = [call for call in reading.statement.find(Call) if call.function in ARITHMETIC]
    added = {node for node in quotients for call in sums if call.start < node.start and node.end < call.end}
    if not quotients or _WHOLE.search(question):
        return Amended(reading.sql)
    if not all(_total(node.right) or node in added for node in quotients):
        return Amended(reading.sql)
    return exact(question, reading)


SHARE = Pitfall("share", lambda now, about: shares(about.question, now), proved=True)


def _total(value: Expr) -> bool:
    """Whether a value counts or adds up rows."""
    value = bare(value)
    if isinstance(value, Call):
        return value.function in ADDITIVE or (value.function == "NULLIF" and _total(value.arguments[0]))
    if isinstance(value, Subquery):
        arm = value.query.arms[0]
        return isinstance(arm, Select) and len(arm.items) == 1 and _total(arm.items[0].value)
    return False
