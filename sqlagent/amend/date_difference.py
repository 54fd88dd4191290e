"""The time between two dates, in the unit that the question names, or else in days.

SQLite subtracts texts by the number that they begin with: `end_date - start_date` is 1 from December to January and 0
within a year. Where a question asks how long something took, it means days, hours, minutes, unless it speaks of
years or of months, which have no length of their own. `DATE(a) - DATE(b)` was written as a difference of dates, so
nobody means the number of years in it. And a question that names days, hours or minutes is not answered by a number of
years, whatever it is about (`in_units`).

Invariant: only such differences change, and only where the grammar takes the result, so it runs.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.dates import extreme_of, is_date
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Meaning, Pitfall, Supplied
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column, Literal
from sqlagent.sql.walk import bare

_YEARS = Phrase(r"\byears?\b|\bmonths?\b|\bage[ds]?\b|\bold(?:er|est)?\b|\byoung(?:er|est)?\b")
_UNITS = {"week": " / 7", "hour": " * 24", "minute": " * 1440", "second": " * 86400"}
_UNIT = Phrase(rf"\b({'|'.join(_UNITS)})s?\b")

_SCALES = {
    **{("/", by): "second" for by in ("60", "3600", "86400")},
    **{("*", by): "day" for by in ("24", "1440", "86400")},
}
"""What somebody calculates with who has seconds, or days, and wants another unit."""

_NAMED = Phrase(
    r"\b(?:how many|numbers? of|in|average|avg\.?|mean|median|total) (?:days|nights|weeks|hours|minutes|seconds)\b"
    r"|\b(?:days|nights|weeks|hours|minutes) (?:from|until|till|to (?!the\b))"
    r"|^\W*(?:on average,? )?how long\b|\b(?:time|duration|length)s? in (?:days|nights|weeks|hours|minutes|seconds)\b"
)
"""Words of those who want a length of time, and not what happens to be called so: "the first days of January"."""


def in_units(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement with the time between two dates in the unit that the question names, where it subtracts years.

    accepts: whether the grammar accepts a statement. Left alone: questions that name no unit.
    """
    if not _NAMED.search(question):
        return Amended(reading.sql)
    return in_days(question, reading, accepts)


TIME_BETWEEN = Supplied(
    "time_between", lambda now, about: in_units(about.question, now, about.accepts), lead=3.0
)


def in_days(
    question: str, reading: Reading, accepts: Callable[[str], bool], *, written: bool = False
) -> Amended:
    """A statement with the time between two dates, where it subtracts them as texts.

    accepts: whether the grammar accepts a statement. written: only where one of the two is written as a date,
    `DATE(a)`, `CURRENT_DATE` or `'2024-03-05'`.
    """
    if "-" not in reading.sql:
        return Amended(reading.sql)
    units = {match[1].lower() for match in _UNIT.matches(question)}
    if _YEARS.search(question) or len(units) > 1:
        return Amended(reading.sql)
    unit = next(iter(units), "day")
    edits = Edits(reading.statement)
    for node in reading.statement.find(Binary):
        sides = (node.left, node.right)
        if node.operator != "-" or not all(is_date(one, reading) for one in sides):
            continue
        if written and all(isinstance(extreme_of(one), Column) for one in sides):
            continue
        own = _scaled_unit(node, reading) or unit
        begin, end = ("", "") if own == "day" else ("(", f"){_UNITS[own]}")
        edits.wrap(node.left, f"{begin}JULIANDAY(", ")")
        edits.wrap(node.right, "JULIANDAY(", f"){end}")
    return edited(reading, edits, [f"The time between two dates is counted in {unit}s."], accepts)


def _scaled_unit(node: Binary, reading: Reading) -> str:
    """The unit that a difference is taken for by what divides or multiplies it: `(b - a) / 60` is of seconds.

    "" where nothing does.
    """
    for above in reading.statement.ancestors(node):
        if isinstance(above, Binary) and above.operator in ("/", "*"):
            by = bare(above.right)
            number = by.value.removesuffix(".0") if isinstance(by, Literal) else ""
            if unit := _SCALES.get((above.operator, number)):
                return unit
    return ""


DATES_SUBTRACTED = Pitfall(
    "dates_subtracted",
    lambda now, about: in_days(about.question, now, about.accepts, written=True),
    proved=True,
)

DATE_DIFFERENCE = Meaning("date_difference", lambda now, about: in_days(about.question, now, about.accepts))
