"""Read the period of time that a question speaks of: "last month", "from 1 to 10 February", "until 31 January".

    periods("orders placed last month", date(2026, 11, 28))  # one, from 2026-10-01 to before 2026-11-01

Weeks begin on Monday. "Last week" is the week before this one; "the past week" and "the last 7 days" end today.
Invariant: a phrase is read from its first word to its last or not at all, and the day that it is comes as an argument.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlagent.amend.phrase import Phrase
from sqlagent.base.word_forms import tokens

DAY = timedelta(days=1)
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_MONTH = r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?" \
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"  # fmt: skip
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_DAY = r"(?:the )?(?P<day>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_TO = r"(?: ?(?:-|–|—) ?| (?:to|and|until|till|through|thru) )"
_LAST = r"(?:last|previous|prior|preceding)"
_NUMBERS = dict(
    zip(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
        range(2, 13),
        strict=True,
    )
)
_COUNT = rf"(?P<count>\d{{1,4}}|{'|'.join(_NUMBERS)})"
_PARTS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `begin` to before `end`; None where it is open.

    `start` and `stop` are the places of its words in the question. yearless: no year was said, and the days are those
    of the latest one. rolling: it is counted back from today. spans: its words name both ends.
    """

    begin: date | None
    end: date | None
    start: int
    stop: int
    yearless: bool = False
    rolling: bool = False
    spans: bool = False

    @property
    def year(self) -> int:
        """The year of its last day; of its first one where it has no end."""
        last = self.end - DAY if self.end else self.begin
        assert last is not None  # one end at least is known
        return last.year

    def in_year(self, year: int) -> Period:
        """A yearless one in another year."""
        months = 12 * (year - self.year)
        return replace(
            self,
            begin=self.begin and _moved(self.begin, months),
            end=self.end and _moved(self.end, months),
        )

    def said(self) -> str:
        """The days in words: `1 to 31 October 2026`."""
        if self.begin is None:
            return f"until {_written(self.end - DAY)}" if self.end else ""
        if self.end is None:
            return f"from {_written(self.begin)}"
        last = self.end - DAY
        if last <= self.begin:
            return _written(self.begin)
        if (last.year, last.month) == (self.begin.year, self.begin.month):
            return f"{self.begin.day} to {_written(last)}"
        return f"{_written(self.begin)} to {_written(last)}"


def _written(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1].title()} {day.year}"


Span = tuple[date, date]
Reader = Callable[[re.Match[str], date], "tuple[date, date, bool] | None"]


def _moved(day: date, months: int) -> date:
    """The same day so many months later; the month's last where it has no such day."""
    number = day.year * 12 + day.month - 1 + months
    year, month = divmod(number, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


_IN_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def _away(day: date, unit: str, steps: int) -> date:
    """The day that is so many units later; earlier where `steps` is below 0."""
    if unit in _IN_MONTHS:
        return _moved(day, steps * _IN_MONTHS[unit])
    return day + steps * (7 if unit == "week" else 1) * DAY


def _number(said: str) -> int:
    """A count in digits or in words."""
    return _NUMBERS.get(said.lower()) or int(said)


def _unit(day: date, unit: str, steps: int = 0) -> Span:
    """The day, week, month, quarter or year that a day is in, or one so many units later."""
    if unit == "day":
        return day + steps * DAY, day + (steps + 1) * DAY
    if unit == "week":
        begin = day - day.weekday() * DAY + steps * 7 * DAY
        return begin, begin + 7 * DAY
    size = _IN_MONTHS[unit]
    begin = date(day.year, (day.month - 1) // size * size + 1, 1)
    return _moved(begin, steps * size), _moved(begin, (steps + 1) * size)


def _month_of(found: re.Match[str], group: str = "month") -> int:
    return next(i for i, name in enumerate(_MONTHS, 1) if name.startswith(found[group].lower()[:3]))


def _latest(begin: Callable[[int], Span], today: date) -> Span | None:
    """What a yearless span was last: of this year where it has begun, else of the one before."""
    try:
        span = begin(today.year)
        return span if span[0] <= today else begin(today.year - 1)
    except ValueError:
        return None


def _in_year(
    found: re.Match[str], today: date, make: Callable[[int], Span]
) -> tuple[date, date, bool] | None:
    year = found["year"]
    if year:
        try:
            return (*make(int(year)), False)
        except ValueError:
            return None
    span = _latest(make, today)
    return span and (*span, True)


def _a_day(found: re.Match[str], today: date) -> tuple[date, date, bool] | None:
    month, day = _month_of(found), int(found["day"])
    return _in_year(found, today, lambda year: _unit(date(year, month, day), "day"))


def _iso(found: re.Match[str], today: date) -> tuple[date, date, bool] | None:
    try:
        return (*_unit(date(*(int(found[part]) for part in ("year", "number", "day"))), "day"), False)
    except ValueError:
        return None


def _days(found: re.Match[str], today: date) -> tuple[date, date, bool] | None:
    month = _month_of(found)
    first, last = int(found["day"]), int(found["until"])
    return first < last and _in_year(
        found, today, lambda year: (date(year, month, first), date(year, month, last) + DAY)
    ) or None  # fmt: skip


def _a_month(found: re.Match[str], today: date) -> tuple[date, date, bool] | None:
    month = _month_of(found)
    return _in_year(found, today, lambda year: _unit(date(year, month, 1), "month"))


def _months(found: re.Match[str], today: date) -> tuple[date, date, bool] | None:
    first, last = _month_of(found, "first"), _month_of(found)
    return first < last and _in_year(
        found, today, lambda year: (date(year, first, 1), _unit(date(year, last, 1), "month")[1])
    ) or None  # fmt: skip


def _part(size: int) -> Reader:
    def read(found: re.Match[str], today: date) -> tuple[date, date, bool] | None:
        said = found["part"].lower()
        number = int(said[-1]) if said[-1].isdigit() else _PARTS[said]
        if said == "last":
            number = 12 // size
        if number > 12 // size:
            return None

        def make(year: int) -> Span:
            begin = date(year, (number - 1) * size + 1, 1)
            return begin, _moved(begin, size)

        return _in_year(found, today, make)

    return read


def _this(steps: int) -> Reader:
    return lambda found, today: (*_unit(today, found["unit"].lower(), steps), False)


def _past(found: re.Match[str], today: date) -> tuple[date, date, bool]:
    """Counted back from today, which is the last day of it."""
    count = _number(found.groupdict().get("count") or "1")
    return _away(today, found["unit"].lower(), -count) + DAY, today + DAY, False


def _weekday(found: re.Match[str], today: date) -> tuple[date, date, bool]:
    back = (today.weekday() - _DAYS.index(found["name"].lower())) % 7 or 7
    return (*_unit(today, "day", -back), False)


def _ago(found: re.Match[str], today: date) -> tuple[date, date, bool]:
    return (*_unit(today, "day", -_number(found["count"])), False)


_UNIT = r"(?P<unit>day|week|month|quarter|year)"
_ATOMS: tuple[tuple[str, Reader], ...] = (
    (r"the day before yesterday", lambda found, today: (*_unit(today, "day", -2), False)),
    (r"yesterday", lambda found, today: (*_unit(today, "day", -1), False)),
    (r"today", lambda found, today: (*_unit(today, "day"), False)),
    (rf"(?:the )?(?:last|past|previous) {_COUNT} (?:calendar )?{_UNIT}s(?! (?:of|in)\b)", _past),
    (rf"the past {_UNIT}(?! of\b)", _past),
    (rf"{_COUNT} days ago", _ago),
    (rf"(?:{_UNIT}[ -]to[ -]date|so far this {_UNIT.replace('unit', 'other')})", _past),
    (r"ytd", _past),
    (rf"(?:this|the current|current) {_UNIT.replace('day|', '')}", _this(0)),
    (rf"(?:the )?{_LAST} {_UNIT.replace('day|', '')}(?! of\b)", _this(-1)),
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
_AFTER = re.compile(r"\b(?:after|later than)(?: the end of)? $", re.IGNORECASE)
_SINCE = re.compile(
    r"\b(?:since|from|starting(?: from| on| in)?|as of)(?: the start of| on)? $", re.IGNORECASE
)
_BEFORE = re.compile(r"\b(?:before|prior to|earlier than)(?: the start of)? $", re.IGNORECASE)
_UNTIL = re.compile(
    r"\b(?:until|till|through|thru|up to(?: and including)?|by|no later than)(?: the end of)? $",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\b(?:between|from) $", re.IGNORECASE)
_COUNTED = rf"\b(?:in|during|within|over|the)(?: the)? {_COUNT} {_UNIT}s?"
_COUNTED_BEFORE = re.compile(rf"{_COUNTED} (?:before|prior to|preceding) $", re.IGNORECASE)
_COUNTED_AFTER = re.compile(rf"{_COUNTED} (?:after|following) $", re.IGNORECASE)
"""So many days beside another time: all of them are meant; "3 days after 1 June" alone is one day."""
_JOINED = re.compile(r" ?(?:-|–|—) ?| (?:to|and|until|till|through|thru|up to) ", re.IGNORECASE)
_IN = re.compile(r"\b(?:in|of|during|for|on|over|throughout|within|from) (?:the )?(?:month of )?$", re.I)
_PART_OF = re.compile(
    r"\b(?:early|late|mid|middle|each|every|all|(?:first|second|third|fourth|last|\d+(?:st|nd|rd|th)?|two|three|other)"
    r"(?: \d+| two| three)? (?:days?|weeks?|weekends?|months?|half|mondays?|business days?)|beginning|start|end)"
    r"(?: of| in)?(?: the)?[ -]$",
    re.IGNORECASE,
)
"""Words that make a part of the time behind them, or repeat it."""
_NOUN_AHEAD = re.compile(
    r"\b(?:the|a|an|his|her|their|titled?|called|named|song|album|movie|film|book) $", re.I
)


def periods(question: str, today: date) -> list[Period]:
    """The periods of a question, in its order. Names that are written like one ("May", "'Yesterday'") are none."""
    atoms = _atoms(question, today)
    found: list[Period] = []
    i = 0
    while i < len(atoms):
        one = atoms[i]
        before = question[: one.start]
        following = atoms[i + 1] if i + 1 < len(atoms) else None
        if (
            following is not None
            and (opening := _BETWEEN.search(before))
            and _JOINED.fullmatch(question[one.stop : following.start])
        ):
            found.append(_joined(one, following, opening.start()))
            i += 2
            continue
        i += 1
        if beside := _beside(one, before):
            found.append(beside)
            continue
        bound = next(((form.search(before), make) for form, make in _BOUNDS if form.search(before)), None)
        if bound is None and _PART_OF.search(before):
            return []
        if bound is None or bound[0] is None or one.spans:
            found.append(one)
        else:
            found.append(replace(bound[1](one), start=bound[0].start()))
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


def _beside(one: Period, before: str) -> Period | None:
    """So many days, weeks, months … before or after a period, where the words in front of it say so."""
    earlier, later = _COUNTED_BEFORE.search(before), _COUNTED_AFTER.search(before)
    said = earlier or later
    if said is None or one.begin is None or one.end is None:
        return None
    edge, sign = (one.begin, -1) if earlier else (one.end, 1)
    try:
        begin, end = sorted((edge, _away(edge, said["unit"].lower(), sign * _number(said["count"]))))
    except (ValueError, OverflowError):  # days before the year 1, or after 9999
        return None
    return replace(one, begin=begin, end=end, start=said.start())


_BOUNDS: tuple[tuple[re.Pattern[str], Callable[[Period], Period]], ...] = (
    (_AFTER, lambda one: replace(one, begin=one.end, end=None)),
    (_SINCE, lambda one: replace(one, end=None)),
    (_BEFORE, lambda one: replace(one, begin=None, end=one.begin)),
    (_UNTIL, lambda one: replace(one, begin=None)),
)


def _atoms(question: str, today: date) -> list[Period]:
    """Days, months and the like, without the words that bind them; of those that overlap the longest."""
    found: list[Period] = []
    if not _MENTION.search(question):
        return found
    for form, read in _COMPILED:
        for match in form.finditer(question):
            if any(match.start() < one.stop and one.start < match.end() for one in found):
                continue
            made = _read(match, form, read, today)
            if made is not None and _is_time(match, question):
                found.append(
                    Period(
                        made[0],
                        made[1],
                        match.start(),
                        match.end(),
                        made[2],
                        rolling=read is _past,
                        spans=read in (_days, _months),
                    )
                )
    return sorted(found, key=lambda one: one.start)


def _read(
    match: re.Match[str], form: re.Pattern[str], read: Reader, today: date
) -> tuple[date, date, bool] | None:
    words = match[0].lower()
    if read is _past and ("to" in re.split(r"[ -]", words) or "so far" in words or words == "ytd"):
        groups = match.groupdict()
        unit = (groups.get("unit") or groups.get("other") or "year").lower()
        return _unit(today, unit)[0], today + DAY, False
    try:
        return read(match, today)
    except (ValueError, OverflowError):  # days before the year 1, or after 9999
        return None


def _is_time(match: re.Match[str], question: str) -> bool:
    """Whether words that are also names and verbs are meant as a time here."""
    words, before, after = match[0], question[: match.start()], question[match.end() :]
    if re.search(r"[\"'“‘]$", before) or re.match(r"[\"'”](?!s\b)", after):
        return False
    lone = re.fullmatch(_MONTH, words, re.IGNORECASE)
    if lone:
        if not words[0].isupper() or len(words) == 3 and words != "May" and not _IN.search(before):
            return False
        bound = any(form.search(before) for form in (_AFTER, _SINCE, _BEFORE, _UNTIL, _BETWEEN, _IN))
        joined = re.search(r" (?:to|and|until|till|through) $", before) is not None
        return bound or joined
    if words.lower() in ("today", "yesterday"):
        capital = (
            words[0].isupper() and bool(before.strip()) and not before.rstrip().endswith((".", "?", "!"))
        )
        return not capital and not _NOUN_AHEAD.search(before)
    return True
