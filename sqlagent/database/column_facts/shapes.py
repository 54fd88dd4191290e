"""Tell yes and no, codes, lists, JSON and padded text from a column's texts and numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlagent.database.column_facts.encodings import Flag, Padded
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.schema import Value

_FLAGS = (("Y", "N"), ("yes", "no"), ("t", "f"), ("true", "false"), ("on", "off"))
_CODES = 12
"""Distinct values of a column of codes, at most."""


def flag(values: Mapping[str, int]) -> ColumnFact | None:
    """Yes and no as a pair of words, both of them seen, in one spelling."""
    if len(values) != 2:
        return None
    for yes, no in _FLAGS:
        for pair in (
            (yes, no),
            (yes.upper(), no.upper()),
            (yes.lower(), no.lower()),
            (yes.title(), no.title()),
        ):
            if set(values) == set(pair):
                return ColumnFact("boolean", Flag(*pair), 0.995, sample=1)
    return None


def whole_flag(evidence: Evidence) -> ColumnFact | None:
    """0 and 1 and nothing else."""
    both = len(evidence.values) == 2 and set(evidence.values) == {0, 1}
    return ColumnFact("boolean", sample=1) if both else None


def padded(values: Mapping[str, int]) -> ColumnFact | None:
    """Text filled up with blanks, most of it."""
    ends = [text for text in values if text != text.rstrip(" ")]
    if any(text[:1] == " " for text in values):
        return None
    if len(ends) < 2 or len(ends) * 2 < len(values):
        return None
    return ColumnFact("text", Padded(), 0.99, sample=ends[0].rstrip(" "))


def json_text(values: Mapping[str, int]) -> ColumnFact | None:
    """JSON objects or arrays in every cell."""
    if not all(text[:1] in "{[" and text[-1:] in "}]" for text in values):
        return None
    try:
        kinds = {type(json.loads(text)) for text in values}
    except (ValueError, RecursionError):
        return None
    return ColumnFact("json", note="a list in JSON" if kinds == {list} else "JSON")


def listed(values: Mapping[str, int]) -> ColumnFact | None:
    """Short texts between separators, some of them found alone or in several cells."""
    if all(len(text) > 2 and text[0] == text[-1] == " " for text in values):
        return ColumnFact("list", note="words with blanks around and between")
    whole = "\n".join(values)
    for separator in (", ", ",", "; ", ";", "|", "\n"):
        if whole.count(separator) < 3 or sum(separator in text for text in values) < 3:
            continue
        cells = [[part.strip() for part in text.split(separator)] for text in values]
        several = [cell for cell in cells if len(cell) > 1]
        if len(several) < 3 or len(several) * 4 < len(cells):
            continue
        parts = [part for cell in cells for part in cell]
        repeated = len(parts) - len(set(parts))
        if all(len(part) <= 30 for part in parts) and repeated * 3 >= len(parts):
            return ColumnFact("list", note=f"lists with {separator!r} between")
    return None


def code(evidence: Evidence, values: Mapping[Value, int]) -> ColumnFact | None:
    """Few distinct values in many rows."""
    rows = sum(values.values())
    if evidence.key or not 1 < len(values) <= _CODES or rows < 5 * len(values):
        return None
    return ColumnFact("code", note="one of " + ", ".join(repr(value) for value in sorted(values, key=str)))
