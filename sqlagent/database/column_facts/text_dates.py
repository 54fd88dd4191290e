"""Tell texts that are dates: the order of day, month and year is decided by the whole column.

`03/04/2024`, `25/12/2023` → `%d/%m/%Y`, since 25 is no month; without such a value both readings are said
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product

from sqlagent.database.column_facts.encodings import DigitDate, TextDate
from sqlagent.database.column_facts.fact import ColumnFact, Evidence, Meaning
from sqlagent.database.column_facts.name_words import DIGITS, PERIOD, speaks_of, speaks_of_time

ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?", re.IGNORECASE
)
_YEAR = re.compile(r"1[0-9]\d\d|20\d\d")
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?")
_LOOK = re.compile(r"(?=.*\d).*[\d\W].*")
_NUMERIC = [
    f"{a}{sep}{b}{sep}{c}"
    for sep in "/.-"
    for a, b, c in (("%d", "%m", "%Y"), ("%m", "%d", "%Y"), ("%Y", "%m", "%d"))
]
_WORDED = ["%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y", "%B %d %Y", "%b %d %Y"]
_TIMES = ["", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", ", %I:%M %p", ", %H:%M"]
FORMATS = [date + time for time, date in product(_TIMES, _NUMERIC + _WORDED)]


def text_date(evidence: Evidence, values: Mapping[str, int]) -> ColumnFact | None:
    """What the texts of a column mean as dates or times, or None. values: without those that mean nothing."""
    texts = list(values)
    if not texts:
        return None
    if all(ISO.fullmatch(text) for text in texts):
        meaning: Meaning = "date" if all(len(text) == 10 for text in texts) else "datetime"
        return ColumnFact(meaning, sample=texts[len(texts) // 2])
    if all(_YEAR.fullmatch(text) for text in texts) and len(texts) > 1:
        return ColumnFact("year", sample=texts[len(texts) // 2])
    if all(_CLOCK.fullmatch(text) for text in texts):
        return ColumnFact("time", sample=texts[len(texts) // 2])
    return _digits(evidence, texts) or _formatted(texts)


def _digits(evidence: Evidence, texts: Sequence[str]) -> ColumnFact | None:
    for digits, subject in ((8, DIGITS), (14, DIGITS), (6, PERIOD)):
        encoding = DigitDate(digits, text=True)
        if encoding.decode(texts[0]) is None:
            continue
        decoded = [encoding.decode(text) for text in texts]
        if not all(date is not None and "1700" <= date[:4] <= "2100" for date in decoded):
            continue
        if speaks_of(evidence.name, subject) or speaks_of_time(evidence.name):
            meaning: Meaning = {6: "month", 8: "date", 14: "datetime"}[digits]  # type: ignore[assignment]
            return ColumnFact(meaning, encoding, 0.995, sample=decoded[len(decoded) // 2])
    return None


def _formatted(texts: Sequence[str]) -> ColumnFact | None:
    """The one format that all texts have, or those that all have."""
    if not all(_LOOK.fullmatch(text) and 8 <= len(text) <= 32 for text in texts):
        return None
    found: list[TextDate] = []
    for format in FORMATS:
        encoding = TextDate(format)
        if encoding.decode(texts[0]) and all(encoding.decode(text) for text in texts):
            found.append(encoding)
    if not found:
        return None
    if len(found) == 2 and {"%b", "%B"} <= {piece[:2] for f in found for piece in re.findall("%.", f.format)}:
        found = found[:1]  # `May` is both; `%b` names it well
    first, *others = [_fixed(encoding, texts) for encoding in found]
    dotted = first.format.startswith("%d.%m")  # nobody writes the month first between points
    certainty = 0.995 if not others or dotted else 0.5
    sample = first.decode(texts[len(texts) // 2])
    meaning: Meaning = "datetime" if first.has_time else "date"
    return ColumnFact(
        meaning, first, certainty, others=() if dotted else tuple(o.words for o in others), sample=sample
    )


def _fixed(encoding: TextDate, texts: Sequence[str]) -> TextDate:
    """The same, `fixed` where each field has its full width in all texts."""
    width = {"%d": 2, "%m": 2, "%Y": 4, "%b": 3, "%H": 2, "%I": 2, "%M": 2, "%S": 2, "%p": 2}
    from sqlagent.database.column_facts.encodings import pieces

    parts = pieces(encoding.format)
    if "%B" in parts:
        return encoding
    length = sum(width.get(part, len(part)) for part in parts)
    return TextDate(encoding.format, fixed=all(len(text) == length for text in texts))
