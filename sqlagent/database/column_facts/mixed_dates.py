"""Tell texts that are dates of several formats or precisions: `27 july 1955`, `July 6, 2004`, `Jul 1955`, `1955`.

What a constant in words means is told with the same formats: `worded_date("july 6, 2004")` is "2004-07-06".
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlagent.database.column_facts.fact import ColumnFact, Meaning
from sqlagent.database.column_facts.written_dates import MixedDate, partial_date

_DAYS = (
    "%d %B %Y", "%d %b %Y", "%d %B, %Y", "%d %b, %Y", "%d-%b-%Y", "%d. %B %Y", "%d. %b %Y",
    "%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%b %d %Y", "%B %d , %Y", "%b %d , %Y",
)  # fmt: skip
_MONTHS = ("%B %Y", "%b %Y", "%B, %Y", "%b, %Y", "%b-%Y")
_WORDED = _DAYS + _MONTHS
_ISO = ("%Y-%m-%d", "%Y-%m")
_FITTING = 0.9
"""Of the different texts, those that are dates at the least; the rest say nothing that is compared with a date."""
_LONGEST = 24


def worded_date(text: str) -> str | None:
    """A date or a month in words as ISO text; None for anything else, a year alone too."""
    text = " ".join(text.split())
    if len(text) > _LONGEST or not any(letter.isalpha() for letter in text):
        return None
    return next((date for format in _WORDED if (date := partial_date(format, text))), None)


def mixed_dates(texts: Sequence[str], format: str = "") -> ColumnFact | None:
    """What texts mean as dates of which one format fits not all; None where they are none.

    format: in digits, of those that are neither in words nor years, where the column decides which.
    """
    rest = list(texts)
    formats: list[str] = []
    for one in (*_ISO[:1], *_DAYS, *([format] if format else []), *_ISO[1:], *_MONTHS, "%Y"):
        left = [text for text in rest if not _of(one, text)]
        if len(left) < len(rest):
            formats.append(one)
            rest = left
    worded = [one for one in formats if one in _WORDED or one == format]
    if not worded or len(rest) > (1 - _FITTING) * len(texts):
        return None
    if any(any(letter.isdigit() for letter in text) and len(text) <= 6 for text in rest):
        return None  # `1955?` and `80s` are dates that nothing here compares
    exact = [text for text in texts if any(_of(one, text) for one in worded)]
    if len(exact) < 2:
        return None
    encoding = MixedDate(tuple(formats))
    decoded = [date for text in texts if (date := encoding.decode(text))]
    meaning: Meaning = "month" if set(formats) <= set(_MONTHS) else "date"
    return ColumnFact(
        meaning, encoding, 0.99, exceptions=tuple(rest[:8]), sample=max(decoded, key=lambda date: len(date))
    )


def _of(format: str, text: str) -> bool:
    date = partial_date(format, text)
    return date is not None and "1000" <= date[:4] <= "2999"
