"""The time between two dates, in the unit that the question names, or else in days.

SQLite subtracts texts by the number that they begin with: `end_date - start_date` is 1 from December to January and 0
within a year. Where a question asks how long something took, it means days, hours, minutes, unless it speaks of years
or of months, which have no length of their own.

Invariant: only such differences change, and only where the grammar takes the result, so it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.patterns import COLUMN, TEXT
from sqlagent.amend.years import holds_dates
from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema

_YEARS = re.compile(
    r"\byears?\b|\bmonths?\b|\bage[ds]?\b|\bold(?:er|est)?\b|\byoung(?:er|est)?\b", re.IGNORECASE
)
_UNITS = {"week": " / 7", "hour": " * 24", "minute": " * 1440", "second": " * 86400"}
_UNIT = re.compile(rf"\b({'|'.join(_UNITS)})s?\b", re.IGNORECASE)
_DIFFERENCE = re.compile(
    rf"{TEXT}|(?<![\w.])(?P<end>{COLUMN.format('last')}) - (?P<start>{COLUMN.format('first')})(?![\w.(])"
)


def in_days(question: str, sql: str, schema: Schema, takes: Callable[[str], bool]) -> Amended:
    """A canonical statement with the time between two dates, where it subtracts them as texts.

    takes: whether the grammar takes a statement.
    """
    if _YEARS.search(question):
        return Amended(sql)

    units = {match[1].lower() for match in _UNIT.finditer(question)}
    if len(units) > 1:
        return Amended(sql)
    unit = next(iter(units), "day")

    def days(match: re.Match[str]) -> str:
        names = [unquote(match[name]) for name in ("last", "first") if match[name]]
        if not names or not all(holds_dates(name, schema) for name in names):
            return match[0]
        made = f"JULIANDAY({match['end']}) - JULIANDAY({match['start']})"
        return made if unit == "day" else f"({made}){_UNITS[unit]}"

    made = _DIFFERENCE.sub(days, sql)
    if made == sql or not takes(made):
        return Amended(sql)
    return Amended(made, f"The time between two dates is counted in {unit}s.")
