"""Read the spans of an OpenDocument sheet as spans: `PT36H00M00S` and 10:30 in one column are 36 and 10.5 hours.

A column of hours worked mixes both: python-calamine gives a span under a day as a time of day, and any other as the
text of the file. An Excel workbook's spans come as spans.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import time, timedelta
from typing import Any

_SPAN = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
"""A duration of XML Schema without years and months, which no spreadsheet writes."""


def with_spans(rows: list[list[Any]]) -> list[list[Any]]:
    """The rows, where a column of nothing but times and spans, one of them a text, has spans alone."""
    found = [column for column in zip(*rows, strict=True)]
    spans = [index for index, column in enumerate(found) if _is_of_spans(column)]
    for index in spans:
        for row in rows:
            row[index] = _span(row[index])
    return rows


def _is_of_spans(column: Sequence[Any]) -> bool:
    filled = [cell for cell in column if cell not in ("", None)]
    return any(isinstance(cell, str) for cell in filled) and all(
        isinstance(cell, (time, timedelta)) or isinstance(cell, str) and _parts(cell) for cell in filled
    )


def _parts(text: str) -> re.Match[str] | None:
    match = _SPAN.fullmatch(text)
    return match if match and any(match.groups()[1:]) else None


def _span(cell: Any) -> Any:
    if isinstance(cell, time):
        return timedelta(
            hours=cell.hour, minutes=cell.minute, seconds=cell.second, microseconds=cell.microsecond
        )
    if not isinstance(cell, str) or not (match := _parts(cell)):
        return cell
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups()[1:])
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -span if match[1] else span
