"""The time between two dates, in the unit that the question names, or else in days.

SQLite subtracts texts by the number that they begin with: `end_date - start_date` is 1 from December to January and 0
within a year. Where a question asks how long something took, it means days, hours, minutes, unless it speaks of
years or of months, which have no length of their own.

Invariant: only such differences change, and only where the grammar takes the result, so it runs.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.years import holds_dates
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column

_YEARS = Phrase(r"\byears?\b|\bmonths?\b|\bage[ds]?\b|\bold(?:er|est)?\b|\byoung(?:er|est)?\b")
_UNITS = {"week": " / 7", "hour": " * 24", "minute": " * 1440", "second": " * 86400"}
_UNIT = Phrase(rf"\b({'|'.join(_UNITS)})s?\b")


def in_days(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement with the time between two dates, where it subtracts them as texts.

    accepts: whether the grammar accepts a statement.
    """
    if "-" not in reading.sql:
        return Amended(reading.sql)
    units = {match[1].lower() for match in _UNIT.matches(question)}
    if _YEARS.search(question) or len(units) > 1:
        return Amended(reading.sql)
    unit = next(iter(units), "day")
    edits = Edits(reading.statement)
    for node in reading.statement.find(Binary):
        dates = [one for one in (node.left, node.right) if isinstance(one, Column)]
        if node.operator != "-" or len(dates) < 2:
            continue
        if all(holds_dates(one.name.text, reading.schema) for one in dates):
            begin, end = ("", "") if unit == "day" else ("(", f"){_UNITS[unit]}")
            left, right = dates
            edits.wrap(left, f"{begin}JULIANDAY(", ")")
            edits.wrap(right, "JULIANDAY(", f"){end}")
    if not edits or not accepts(edits.sql()):
        return Amended(reading.sql)
    return Amended(edits.sql(), f"The time between two dates is counted in {unit}s.")
