"""Bind a time by the words in front of it: "since May" begins with it, "until May" ends with it.

    bound(may, "orders placed since ")             # from 1 May on
    bound(may, "orders of the two weeks before ")  # from 17 to 30 April

Invariant: only the words right in front of a time bind it; `before` is the question up to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sqlagent.amend.period import Period, away
from sqlagent.base.word_forms import NUMBERS

_STATE = re.compile(r"\bas (?:of|at|on)(?: the)?(?: (?:start|end|close|beginning) of)? $", re.IGNORECASE)
"""Words before a time at which something is, whenever it came about: "how many members as of 1 June"."""
COUNT = rf"(?P<count>\d{{1,4}}|{'|'.join(NUMBERS)})"
UNIT = r"(?P<unit>day|week|month|quarter|year)"
_AFTER = re.compile(r"\b(?:after|later than)(?: the end of)? $", re.IGNORECASE)
_SINCE = re.compile(
    r"\b(?:since|from|starting(?: from| on| in)?|(?:starting|effective|beginning) as of)(?: the start of| on)? $",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"\b(?:before|prior to|earlier than)(?: the start of)? $", re.IGNORECASE)
_UNTIL = re.compile(
    r"\b(?:until|till|through|thru|up to(?: and including)?|by|no later than)(?: the end of)? $",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\b(?:between|from) $", re.IGNORECASE)
_COUNTED = rf"\b(?:in|during|within|over|the)(?: the)? {COUNT} {UNIT}s?"
_COUNTED_BEFORE = re.compile(rf"{_COUNTED} (?:before|prior to|preceding) $", re.IGNORECASE)
_COUNTED_AFTER = re.compile(rf"{_COUNTED} (?:after|following) $", re.IGNORECASE)
"""So many days beside another time: all of them are meant; "3 days after 1 June" alone is one day."""
IN = re.compile(r"\b(?:in|of|during|for|on|over|throughout|within|from) (?:the )?(?:month of )?$", re.I)
_PART_OF = re.compile(
    r"\b(?:early|late|mid|middle|each|every|all|(?:first|second|third|fourth|last|\d+(?:st|nd|rd|th)?|two|three|other)"
    r"(?: \d+| two| three)? (?:days?|weeks?|weekends?|months?|half|mondays?|business days?)|beginning|start|end)"
    r"(?: of| in)?(?: the)?[ -]$",
    re.IGNORECASE,
)
"""Words that make a part of the time behind them, or repeat it."""


def number(said: str) -> int:
    """A count in digits or in words."""
    return NUMBERS.get(said.lower()) or int(said)


def opens(before: str) -> int | None:
    """Where "between" or "from" stands right before a time: another time follows it; None where it does not."""
    found = _BETWEEN.search(before)
    return None if found is None else found.start()


def repeats(before: str) -> bool:
    """Whether words make another time of the one behind them, or several: "early", "each", "as of"."""
    said = _PART_OF.search(before) or _STATE.search(before)
    return said is not None and not any(form.search(before) for form, _ in _BOUNDS)


def binds(before: str) -> bool:
    """Whether the words in front of it speak of a time, and not of a name: "in May", "since May"."""
    return any(form.search(before) for form in (IN, _BETWEEN, *(form for form, _ in _BOUNDS)))


def bound(one: Period, before: str) -> Period:
    """The days that are meant with the words in front of a time; a time that names both ends is what it says."""
    found = _beside(one, before)
    if found is not None or one.spans:
        return found or one
    for form, make in _BOUNDS:
        if match := form.search(before):
            return replace(make(one), start=match.start())
    return one


def _beside(one: Period, before: str) -> Period | None:
    """So many days, weeks, months … before or after a period, where the words in front of it say so."""
    earlier, later = _COUNTED_BEFORE.search(before), _COUNTED_AFTER.search(before)
    said = earlier or later
    if said is None or one.begin is None or one.end is None:
        return None
    edge, sign = (one.begin, -1) if earlier else (one.end, 1)
    try:
        begin, end = sorted((edge, away(edge, said["unit"].lower(), sign * number(said["count"]))))
    except (ValueError, OverflowError):  # days before the year 1, or after 9999
        return None
    return replace(one, begin=begin, end=end, start=said.start())


_BOUNDS: tuple[tuple[re.Pattern[str], Callable[[Period], Period]], ...] = (
    (_AFTER, lambda one: replace(one, begin=one.end, end=None)),
    (_SINCE, lambda one: replace(one, end=None)),
    (_BEFORE, lambda one: replace(one, begin=None, end=one.begin)),
    (_UNTIL, lambda one: replace(one, begin=None)),
)
