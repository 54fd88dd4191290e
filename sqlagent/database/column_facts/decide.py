"""Decide what a column means from what was read of it.

    column_fact(Evidence("visits", "visit_date", "TEXT", {"25/12/2023": 1, "03/04/2024": 1}))

Readings are tried from the most specific to the least; the first that fits all values but those that stand for
none is the column's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from sqlagent.database.column_facts import nothing, shapes
from sqlagent.database.column_facts.encodings import TextNumber
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.column_facts.missing_numbers import missing_number
from sqlagent.database.column_facts.numeric_durations import milliseconds
from sqlagent.database.column_facts.numeric_times import numeric_time
from sqlagent.database.column_facts.text_dates import text_date
from sqlagent.database.column_facts.text_numbers import mixed_number, text_number
from sqlagent.database.schema import Value


def column_fact(evidence: Evidence, today: int | None = None) -> ColumnFact | None:
    """What the column means, or None where nothing is to be said. `today`: Unix seconds, this machine's if None."""
    if not evidence.values:
        return None
    values = evidence.values
    kinds = set(map(type, values))
    found: ColumnFact | None = None
    if kinds == {str}:
        found = _of_texts(evidence, values)  # type: ignore[arg-type]
    elif kinds <= {int, float}:
        found = shapes.whole_flag(evidence) or numeric_time(
            evidence, int(time.time()) if today is None else today
        )
        found = found or milliseconds(evidence) or missing_number(evidence)
    elif kinds <= {int, float, str}:
        texts = {value: count for value, count in values.items() if isinstance(value, str)}
        numbers: dict[Value, int] = {v: count for v, count in values.items() if not isinstance(v, str)}
        found = _of_both(evidence, texts, numbers, int(time.time()) if today is None else today)
    if found is None:
        return shapes.code(evidence, values)
    return replace(found, key=True) if evidence.key else found


def _of_texts(evidence: Evidence, texts: Mapping[str, int]) -> ColumnFact | None:
    meant, markers = nothing.split(texts)
    if meant and (found := text_date(evidence, meant) or text_number(evidence, meant)):
        if found.meaning == "number" and found.encoding is None and markers:
            found = replace(found, encoding=TextNumber(integer=True))
        return replace(found, nothing=markers) if markers else found
    if found := shapes.flag(meant):
        return replace(found, nothing=markers) if markers else found
    if found := mixed_number(evidence, texts):
        return found
    markers = nothing.beside_words(markers)
    meant = {text: count for text, count in texts.items() if text not in markers} if markers else texts
    if not meant:
        return None
    blank = markers if not evidence.key else ()
    found = (
        shapes.zero_filled(meant)
        or shapes.padded(meant)
        or shapes.json_text(meant)
        or shapes.listed(evidence, meant)
    )
    if found is None and not blank:
        return None
    return replace(found or ColumnFact("text", certainty=0.99, sample=next(iter(meant))), nothing=blank)


def _of_both(
    evidence: Evidence, texts: Mapping[str, int], numbers: Mapping[Value, int], today: int
) -> ColumnFact | None:
    """Numbers and texts in one column: numbers, where every text stands for none; times or plain."""
    meant, markers = nothing.split(texts)
    if meant or not numbers:
        return None
    found = numeric_time(replace(evidence, values=numbers), today)
    return (
        replace(found or ColumnFact("number", sample=_first(numbers)), nothing=(*markers,))
        if markers
        else found
    )


def _first(numbers: Mapping[Value, int]) -> int | float:
    return next(number for number in numbers if isinstance(number, (int, float)))
