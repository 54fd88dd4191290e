"""Ask the data of a statement's tables what an amendment rests on, and make an amendment of edits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended
from sqlagent.database.schema import Table
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading

Values = Callable[[str], Sequence[object]]
"""The first column of a statement's rows; empty on trouble."""


def is_held(table: Table, condition: str, values: Values) -> bool:
    """Whether any row of a table fulfils a condition."""
    return bool(values(f"SELECT 1 FROM {quote(table.name)} WHERE {condition} LIMIT 1"))


def edited(reading: Reading, edits: Edits, notes: Sequence[str], accepts: Callable[[str], bool]) -> Amended:
    """A statement with edits made, where the grammar accepts it; each note is said once."""
    made = edits.sql() if edits else reading.sql
    if made == reading.sql or not accepts(made):
        return Amended(reading.sql)
    return Amended(made, " ".join(dict.fromkeys(notes)))
