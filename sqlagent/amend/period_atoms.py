"""Find days, weeks, months, quarters and years in a question: "yesterday", "the past 3 months", "5 June", "Q1 2025".

    atoms("orders of May 2025", today)  # one, from 2025-05-01 to before 2025-06-01

"Last week" is the week before this one; "the past week" and "the last 7 days" end today. Invariant: a time is read from
its first word to its last or not at all; names that are written like one ("May", "'Yesterday'") are none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from sqlagent.amend.period import DAY, MONTHS, Period, Span, away, moved, unit
from sqlagent.amend.period_bounds import COUNT, IN, UNIT, binds, number
from sqlagent.amend.phrase import Phrase

Dated = tuple[date, date, bool]
"""A first day, the one behind the last, and whether the year was left out."""
Reader = Callable[[re.Match[str], date], "Dated | None"]
_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_MONTH = r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?" \
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"  # fmt: skip
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DAY = r"(?:the )?(?P<day>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_TO = r"(?: ?(?:-|–|—) ?| (?:to|and|until|till|through|thru) )"
_LAST = r"(?:last|previous|prior|preceding)"
_PARTS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}


def _month_of(found: re.Match[str], group: str = "month") -> int:
    return next(i for i, name in enumerate(MONTHS, 1) if name.startswith(found[group].lower()[:3]))


def _in_year(found: re.Match[str], today: date, make: Callable[[int], Span]) -> Dated:
    """What is so in each year, of the year that is said; else the latest that has begun."""
    if year := found["year"]:
        return (*make(int(year)), False)
    span = make(today.year)
    return (*(span if span[0] <= today else make(today.year - 1)), True)


def _a_day(found: re.Match[str], today: date) -> Dated:
    month, day = _month_of(found), int(found["day"])
    return _in_year(found, today, lambda year: unit(date(year, month, day), "day"))


def _iso(found: re.Match[str], today: date) -> Dated:
    return (*unit(date(*(int(found[part]) for part in ("year", "number", "day"))), "day"), False)


def _days(found: re.Match[str], today: date) -> Dated | None:
    month = _month_of(found)
    first, last = int(found["day"]), int(found["until"])
    if first >= last:
        return None
    return _in_year(found, today, lambda year: (date(year, month, first), date(year, month, last) + DAY))


def _a_month(found: re.Match[str], today: date) -> Dated:
    month = _month_of(found)
    return _in_year(found, today, lambda year: unit(date(year, month, 1), "month"))


def _months(found: re.Match[str], today: date) -> Dated | None:
    first, last = _month_of(found, "first"), _month_of(found)
    if first >= last:
        return None
    return _in_year(found, today, lambda year: (date(year, first, 1), unit(date(year, last, 1), "month")[1]))


def _part(size: int) -> Reader:
    """The quarters or halves of a year, of so many months."""

    def read(found: re.Match[str], today: date) -> Dated | None:
        said = found["part"].lower()
        number = int(said[-1]) if said[-1].isdigit() else _PARTS[said]
        if said == "last":
            number = 12 // size
        if number > 12 // size:
            return None

        def make(year: int) -> Span:
            begin = date(year, (number - 1) * size + 1, 1)
            return begin, moved(begin, size)

        return _in_year(found, today, make)

    return read


def _this(steps: int) -> Reader:
    return lambda found, today: (*unit(today, found["unit"].lower(), steps), False)


def _named_year(found: re.Match[str], today: date) -> Dated:
    """ "This year, 2025" is 2025, whatever the clock says."""
    return (*unit(date(int(found["year"]), 1, 1), "year"), False)


def _past(found: re.Match[str], today: date) -> Dated:
    """Counted back from today, which is the last day of it."""
    count = number(found.groupdict().get("count") or "1")
    return away(today, found["unit"].lower(), -count) + DAY, today + DAY, False


def _to_date(found: re.Match[str], today: date) -> Dated:
    """From the first day of the month, quarter … that today is in; of the year, where none is said."""
    said = found.groupdict()
    kind = said.get("unit") or said.get("other") or "year"
    return unit(today, kind.lower())[0], today + DAY, False


def _weekday(found: re.Match[str], today: date) -> Dated:
    back = (today.weekday() - _DAYS.index(found["name"].lower())) % 7 or 7
    return (*unit(today, "day", -back), False)


def _ago(found: re.Match[str], today: date) -> Dated:
    return (*unit(today, "day", -number(found["count"])), False)


_ATOMS: tuple[tuple[str, Reader], ...] = (
    (r"the day before yesterday", lambda found, today: (*unit(today, "day", -2), False)),
    (r"yesterday", lambda found, today: (*unit(today, "day", -1), False)),
    (r"today", lambda found, today: (*unit(today, "day"), False)),
    (rf"(?:the )?(?:last|past|previous) {COUNT} (?:calendar )?{UNIT}s(?! (?:of|in)\b)", _past),
    (rf"the past {UNIT}(?! of\b)", _past),
    (rf"{COUNT} days ago", _ago),
    (rf"(?:{UNIT}[ -]to[ -]date|so far this {UNIT.replace('unit', 'other')})", _to_date),
    (r"ytd", _to_date),
    (rf"(?:this|last|the current|current) (?:calendar )?year(?:,|:| -)? \(?{_YEAR}\)?", _named_year),
    (rf"(?:this|the current|current) {UNIT.replace('day|', '')}", _this(0)),
    (rf"(?:the )?{_LAST} {UNIT.replace('day|', '')}(?! of\b)", _this(-1)),
    (rf"{_LAST} (?P<name>{'|'.join(_DAYS)})", _weekday),
    (rf"{_YEAR}-(?P<number>0[1-9]|1[0-2])-(?P<day>[0-2]\d|3[01])", _iso),
    (rf"{_DAY}{_TO}(?:the )?(?P<until>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?,?(?: of)? {_MONTH}(?:,? {_YEAR})?", _days),
    (rf"{_MONTH} {_DAY}{_TO}(?:the )?(?P<until>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?:,? {_YEAR})?", _days),
    (rf"{_DAY}(?: of)? {_MONTH}(?:,? {_YEAR})?", _a_day),
    (rf"{_MONTH} {_DAY}(?!\d)(?:,? {_YEAR})?", _a_day),
    (rf"{_MONTH.replace('month', 'first')}{_TO}{_MONTH}(?:,? {_YEAR})?", _months),
    (rf"{_MONTH}(?:,? (?:of )?{_YEAR})?", _a_month),
    (rf"(?:the )?(?P<part>first|second|third|fourth|[1-4](?:st|nd|rd|th)) quarter(?:(?: of)? {_YEAR})?", _part(3)),
    (rf"(?:the )?(?P<part>last) quarter(?: of)? {_YEAR}", _part(3)),
    (rf"(?P<part>q[1-4])(?:[ /]?(?:of )?{_YEAR})?", _part(3)),
    (rf"{_YEAR}[ -]?(?P<part>q[1-4])", _part(3)),
    (rf"(?:the )?(?P<part>first|second|1st|2nd) half(?: of)? {_YEAR}", _part(6)),
    (rf"(?P<part>h[12])[ /]?(?:of )?{_YEAR}", _part(6)),
)  # fmt: skip
_COMPILED = [(re.compile(rf"(?<![\w/-]){form}(?![\w/])", re.IGNORECASE), read) for form, read in _ATOMS]
_MENTION = Phrase(
    r"\b(?:yesterday|today|days?|weeks?|months?|quarters?|years?|half|ytd|[qh]\d"
    rf"|{'|'.join(_DAYS)}|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|\d{{4}}(?:-\d|[ -]?q\d)"
)
"""What each of them has: most questions have none of it, and need not be gone through for each."""
_NOUN_AHEAD = re.compile(
    r"\b(?:the|a|an|his|her|their|titled?|called|named|song|album|movie|film|book) $", re.I
)


def atoms(question: str, today: date) -> list[Period]:
    """Days, months and the like, without the words that bind them; of those that overlap the longest."""
    found: list[Period] = []
    if not _MENTION.search(question):
        return found
    for form, read in _COMPILED:
        for match in form.finditer(question):
            if any(match.start() < one.stop and one.start < match.end() for one in found):
                continue
            made = _read(match, read, today)
            if made is not None and _is_time(match, question):
                found.append(
                    Period(
                        made[0],
                        made[1],
                        match.start(),
                        match.end(),
                        made[2],
                        rolling=read in (_past, _to_date),
                        spans=read in (_days, _months),
                    )
                )
    return sorted(found, key=lambda one: one.start)


def _read(match: re.Match[str], read: Reader, today: date) -> Dated | None:
    """The days that words say; None where there are no such days: 30 February, or before the year 1."""
    try:
        return read(match, today)
    except (ValueError, OverflowError):
        return None


def _is_time(match: re.Match[str], question: str) -> bool:
    """Whether words that are also names and verbs are meant as a time here."""
    words, before, after = match[0], question[: match.start()], question[match.end() :]
    if re.search(r"[\"'“‘]$", before) or re.match(r"[\"'”](?!s\b)", after):
        return False
    lone = re.fullmatch(_MONTH, words, re.IGNORECASE)
    if lone:
        if not words[0].isupper() or len(words) == 3 and words != "May" and not IN.search(before):
            return False
        return binds(before) or re.search(r" (?:to|and|until|till|through) $", before) is not None
    if words.lower() in ("today", "yesterday"):
        capital = (
            words[0].isupper() and bool(before.strip()) and not before.rstrip().endswith((".", "?", "!"))
        )
        return not capital and not _NOUN_AHEAD.search(before)
    return True
