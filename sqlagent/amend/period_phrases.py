"""Read the period of time that a question speaks of: "last month", "from 1 to 10 February", "until 31 January".

    periods("orders placed last month", date(2026, 11, 28))  # one, from 2026-10-01 to before 2026-11-01

The times that it is made of are found in `period_atoms`; what the words in front of one make of it is told in
`period_bounds`. The day that it is comes as an argument.
"""

from __future__ import annotations

import re
from datetime import date

from sqlagent.amend import period_bounds
from sqlagent.amend.period import DAY, Period
from sqlagent.amend.period_atoms import atoms
from sqlagent.base.word_forms import tokens

_JOINED = re.compile(r" ?(?:-|–|—) ?| (?:to|and|until|till|through|thru|up to) ", re.IGNORECASE)


def periods(question: str, today: date) -> list[Period]:
    """The periods of a question, in its order; none where it speaks of a part of one, or of each."""
    times = atoms(question, today)
    found: list[Period] = []
    while times:
        one = times.pop(0)
        before = question[: one.start]
        start = period_bounds.opens(before)
        if start is not None and times and _JOINED.fullmatch(question[one.stop : times[0].start]):
            found.append(_joined(one, times.pop(0), start))
            continue
        if period_bounds.repeats(before):
            return []
        found.append(period_bounds.bound(one, before))
    return found


def period_places(question: str, today: date) -> set[int]:
    """Places (in `word_forms.tokens`) of the words that say a period."""
    found = periods(question, today)
    return {
        place
        for place, token in enumerate(tokens(question))
        if any(one.start <= token.start and token.end <= one.stop for one in found)
    }


def _joined(one: Period, other: Period, start: int) -> Period:
    """From one to another; the first is in the other's year where it says none."""
    if one.yearless and not other.yearless and one.end and other.end:
        one = one.in_year((other.end - DAY).year)
        if one.begin and other.begin and one.begin > other.begin:
            one = one.in_year((other.end - DAY).year - 1)
    return Period(one.begin, other.end, start, other.stop, yearless=one.yearless and other.yearless)
