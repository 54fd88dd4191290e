"""Tell texts that are durations from times of day: `1:02:33`, `62:05`, `3:45.12`.

A clock's look alone decides nothing: the name speaks of a duration, an hour is too large for a day, or the hours are
written as no clock has them: `0:42:07` beside `2:29:10`, with seconds and never after noon. `45:30` is minutes and
seconds where `1:02:33` stands beside it or the table is of songs or races; else both readings are said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlagent.database.column_facts.encodings import Duration
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.column_facts.name_words import (
    CODE,
    DURATION,
    OF_DAY,
    SHORT_DURATION,
    WORKED,
    speaks_of,
)

_LOOK = re.compile(r"\d{1,4}:[0-5]\d(?::[0-5]\d)?(?:\.\d+)?")
_DAY, _NOON = 24, 12
_TELLING = 8
"""Different texts that say how a column's hours are written."""


def text_duration(evidence: Evidence, texts: Sequence[str]) -> ColumnFact | None:
    """What the texts of a column mean as durations in seconds, or None. texts: without those that mean nothing."""
    if len(texts) < 2 or speaks_of(evidence.name, CODE) or not all(map(_LOOK.fullmatch, texts)):
        return None
    colons = {text.count(":") for text in texts}
    whole = not any("." in text for text in texts)
    days = any(int(text.partition(":")[0]) >= _DAY for text in texts if text.count(":") == 2)
    if not days and speaks_of(evidence.name, OF_DAY):
        return None
    around = (evidence.table, evidence.name, *evidence.neighbours)
    short = any(speaks_of(name, SHORT_DURATION) for name in around)
    told = (
        days or speaks_of(evidence.name, DURATION) or _counted_from_zero(texts) or (short and _timed(texts))
    )
    if not (told or (colons == {1} and not whole)):
        return None
    fields = colons.pop() + 1 if len(colons) == 1 else 0
    hours = fields == 2 and whole and speaks_of(evidence.name, WORKED)
    encoding = Duration(fields, hours=hours, whole=whole)
    sure = fields != 2 or hours or not whole or short
    others = () if sure else (Duration(2, hours=True).words,)
    sample = encoding.decode(texts[len(texts) // 2])
    return ColumnFact("duration", encoding, 0.99 if sure else 0.6, others=others, sample=sample)


def _counted_from_zero(texts: Sequence[str]) -> bool:
    """Whether hours without a 0 before begin at 0 and never reach noon, with single seconds counted behind."""
    parts = [text.split(":") for text in texts]
    if len(parts) < _TELLING or any(
        len(part) != 3 or int(part[0]) >= _NOON or part[0] != str(int(part[0])) for part in parts
    ):
        return False
    odd = sum(not part[2].startswith("00") for part in parts)
    return any(part[0] == "0" for part in parts) and odd * 2 > len(parts)


def _timed(texts: Sequence[str]) -> bool:
    """Whether texts end in any number of seconds, as what is timed does and no appointment: `7:13`, `11:58`."""
    return len(texts) >= _TELLING and sum(
        int(text.rpartition(":")[2][:2]) % 5 != 0 for text in texts
    ) * 2 > len(texts)
