"""Tell what kind of values a column holds: numbers by its declared type, dates by its sample values.

SQLite makes numbers of what is stored in a column with a numeric type, so the type tells. It has no type for dates: a
column declared DATE may as well hold seconds.
"""

from __future__ import annotations

import re

from sqlagent.database.folding import fold
from sqlagent.database.tables import Column, Table

_NUMERIC = re.compile(r"int|real|floa|doub|dec|num|money", re.IGNORECASE)
_DATED = re.compile(r"date|time", re.IGNORECASE)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]|\Z)")


def holds_numbers(column: Column) -> bool:
    """Whether a column is declared to hold numbers."""
    return _NUMERIC.search(column.type) is not None


def is_key(table: Table, column: Column) -> bool:
    """Whether a column is of a table's primary key, or of one that refers to another table."""
    keys = [name for key in table.foreign_keys for name in key.columns]
    return fold(column.name) in map(fold, (*keys, *table.primary_key))


def amounts(table: Table) -> list[Column]:
    """The columns of numbers that are no keys, and refer to none."""
    return [column for column in table.columns if holds_numbers(column) and not is_key(table, column)]


def shows_dates(column: Column) -> bool:
    """Whether a column is seen to hold dates or time stamps that begin with their year, day by day: ISO 8601."""
    known = [value for value in column.samples if value is not None]
    return bool(known) and all(isinstance(value, str) and _ISO.match(value) for value in known)


def holds_dates(column: Column) -> bool:
    """The same; where no value of it is known, whether it is declared to."""
    unknown = all(value is None for value in column.samples)
    return _DATED.search(column.type) is not None if unknown else shows_dates(column)
