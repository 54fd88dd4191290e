"""Ask the data of a statement's tables what an amendment rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlagent.database.schema import Table
from sqlagent.sql.names import quote

Values = Callable[[str], Sequence[object]]
"""The first column of a statement's rows; empty on trouble."""


def is_held(table: Table, condition: str, values: Values) -> bool:
    """Whether any row of a table fulfils a condition."""
    return bool(values(f"SELECT 1 FROM {quote(table.name)} WHERE {condition} LIMIT 1"))
