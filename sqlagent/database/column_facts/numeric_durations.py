"""Tell whole numbers that are durations in milliseconds: `duration` of 3172000 in a table of episodes is 52:52.

Invariant: the name speaks of a duration and of no unit, and the numbers are none of seconds: all are whole thousands,
or the table is of what is heard or seen and most of it would last longer than a day. What is so named is meant in
seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from sqlagent.base.word_forms import name_words, stem
from sqlagent.database.column_facts.encodings import DAY, Scaled
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.column_facts.name_words import subject

_NAMED = subject("duration runtime playtime elapsed")
_PLACES = subject("position progress bookmark resume")
"""Words of columns that say how far somebody came, beside one that says how long it is."""
_UNITS = subject(
    "ms msec msecs millis milli millisecond milliseconds s sec secs second seconds min mins minute minutes"
    " h hr hrs hour hours us ns day days week weeks month months year years ticks"
)
_MEDIA = subject(
    "media track song album episode podcast video movie film clip audio music playlist playback recording call"
    " voicemail"
)
_SECOND = 1000
_MANY = 8
"""Different numbers that say what all have in common."""
_LONGEST = DAY * _SECOND
"""No more than a day in milliseconds."""


def milliseconds(evidence: Evidence) -> ColumnFact | None:
    """The fact of a column of milliseconds, or None."""
    parts = name_words(evidence.name)
    numbers = [value for value in evidence.values if isinstance(value, int) and value]
    beside = any(_NAMED & set(name_words(name)) for name in evidence.neighbours)
    if (
        evidence.key
        or not (_NAMED | _PLACES if beside else _NAMED) & set(parts)
        or _UNITS & set(parts)
        or len(numbers) < len(evidence.values) - 1
    ):
        return None
    if len(numbers) < _MANY or min(numbers) < 0 or max(numbers) > _LONGEST:
        return None
    if not (_in_thousands(numbers) or (_of_media(evidence) and median(numbers) > DAY)):
        return None
    encoding = Scaled(_SECOND, "seconds")
    return ColumnFact("duration", encoding, 0.99, sample=encoding.decode(numbers[len(numbers) // 2]))


def _in_thousands(numbers: Sequence[int]) -> bool:
    """Whether all are whole thousands, not all of them round ones, and some are of a minute at least."""
    odd = sum(number // _SECOND % 10 != 0 for number in numbers)
    return (
        all(number % _SECOND == 0 for number in numbers)
        and odd * 2 > len(numbers)
        and max(numbers) >= 60 * _SECOND
    )


def _of_media(evidence: Evidence) -> bool:
    around = {stem(word) for name in (evidence.table, *evidence.neighbours) for word in name_words(name)}
    return not _MEDIA.isdisjoint(around)
