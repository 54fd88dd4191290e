"""Tell which expressions of a statement give a date: `DATE(a)`, CURRENT_DATE, a column of dates, the latest of these.

Invariant: a column counts by its values, not by its name or declared type: what is done to dates is wrong for seconds.
"""

from __future__ import annotations

import re

from sqlagent.database.column_kinds import shows_dates
from sqlagent.sql.functions import EXTREMES
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column, Expr, Literal
from sqlagent.sql.walk import bare

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?)?")


def is_date(value: Expr, reading: Reading) -> bool:
    """Whether an expression gives dates or time stamps, as texts that begin with their year."""
    value = extreme_of(value)
    if isinstance(value, Column):
        base = reading.scopes.base(value)
        return base is not None and shows_dates(base[1])
    if isinstance(value, Call):
        return value.function in ("DATE", "DATETIME")
    if not isinstance(value, Literal):
        return False
    if value.kind == "text":
        return _ISO.fullmatch(value.value) is not None
    return value.value in ("CURRENT_DATE", "CURRENT_TIMESTAMP")


def extreme_of(value: Expr) -> Expr:
    """What the earliest or latest is taken of; any other value itself."""
    value = bare(value)
    if isinstance(value, Call) and value.function in EXTREMES and len(value.arguments) == 1:
        return extreme_of(value.arguments[0])
    return value
