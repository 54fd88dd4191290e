"""Tell yes and no, codes, lists, JSON and padded text from a column's texts and numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlagent.database.column_facts.encodings import Flag, Listed, Padded, ZeroFilled
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.schema import Value

_FLAGS = (("Y", "N"), ("yes", "no"), ("t", "f"), ("true", "false"), ("on", "off"))
_CODES = 12
"""Distinct values of a column of codes, at most."""
_LONGEST, _FIRST = 40, 8
"""Characters of a member of a list, at most; cells that are looked at before all are."""
_KNOWN = 500
"""Members of lists that are kept."""
_NUMBER = re.compile(r"[\d.:+-]*")


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
    ends = [text for text in values if text[-1:] == " "]
    if len(ends) < 2 or len(ends) * 2 < len(values) or any(text[0] == " " for text in values if text):
        return None
    return ColumnFact("text", Padded(), 0.99, sample=ends[0].rstrip(" "))


def zero_filled(values: Mapping[str, int]) -> ColumnFact | None:
    """Digits with zeros before some of them."""
    if not all(1 <= len(text) <= 15 and text.isascii() and text.isdigit() for text in values):
        return None
    if not any(text[0] == "0" and len(text) > 1 for text in values):
        return None
    widths = {len(text) for text in values}
    encoding = ZeroFilled(widths.pop() if len(widths) == 1 else 0)
    return ColumnFact("code", encoding, 0.99, sample=next(iter(values)))


def json_text(values: Mapping[str, int]) -> ColumnFact | None:
    """JSON objects or arrays in every cell."""
    if not all(text[:1] in "{[" and text[-1:] in "}]" for text in values):
        return None
    try:
        cells = json.loads(f"[{','.join(values)}]")  # all in one go
    except (ValueError, RecursionError):
        return None
    if len(cells) != len(values):
        return None
    if not all(isinstance(cell, list) for cell in cells):
        return ColumnFact("json", note="JSON")
    members = [member for cell in cells for member in cell]
    if len(members) < 3 or not all(isinstance(member, str) for member in members):
        return ColumnFact("json", note="a list in JSON")
    return ColumnFact("list", Listed("", frozenset(members[:_KNOWN])), 0.995, sample=members[0])


def listed(evidence: Evidence, values: Mapping[str, int]) -> ColumnFact | None:
    """Short texts between separators.

    What tells a list from a name in two parts (`Paris, France`) is that cells have more or fewer members, and that a
    member stands now first, now behind another, or alone.
    """
    if evidence.key:
        return None
    if all(len(text) > 2 and text[0] == text[-1] == " " for text in values) and len(values) > 1:
        members = {part for text in values for part in text.split()}
        return ColumnFact("list", Listed(" ", frozenset(members)), 0.995, sample=min(members))
    for separator in ("\n", ";", "|", ","):
        several = [text for text in values if separator in text]
        if not several or (separator != "\n" and (len(several) < 3 or len(several) * 4 < len(values))):
            continue  # what `_is_list` asks for at least
        encoding = Listed(separator)
        if not all(len(part) <= _LONGEST for text in several[:_FIRST] for part in encoding.members(text)):
            continue
        cells = [encoding.members(text) for text in values]
        if _is_list(cells, separator):
            known = frozenset([part for cell in cells for part in cell][:_KNOWN])
            return ColumnFact("list", replace(encoding, known=known), 0.99, sample=cells[0][0])
    return None


def _is_list(cells: Sequence[Sequence[str]], separator: str) -> bool:
    several = [cell for cell in cells if len(cell) > 1]
    parts = [part for cell in cells for part in cell]
    if (
        not parts
        or not all(parts)
        or not all(len(part) <= _LONGEST and part.count(" ") <= 4 for part in parts)
    ):
        return False
    if any(part[-1:] in ".!?" and " " in part for part in parts) or not all(cells):
        return False
    if all(_NUMBER.fullmatch(part) for part in parts):
        return False
    if not all(any(map(str.isalnum, part)) for part in parts):
        return False  # a dash between two lines: from one to the other
    places: dict[str, set[int]] = {}
    for cell in cells:
        if len(cell) != len(set(cell)):
            return False  # the same twice is no list of different things
        for place, part in enumerate(cell):
            places.setdefault(part, set()).add(place)
    sizes = {len(cell) for cell in cells}
    moving = sum(len(found) > 1 for found in places.values())
    if separator == "\n":
        return len(sizes) > 1 and moving >= 1
    repeated = len(parts) - len(places)
    return (
        len(several) >= 3
        and len(several) * 4 >= len(cells)
        and len(sizes) >= 2
        and moving >= 3
        and moving * 4 >= len(places)
        and repeated * 3 >= len(parts)
    )


def code(evidence: Evidence, values: Mapping[Value, int]) -> ColumnFact | None:
    """Few distinct values in many rows."""
    rows = sum(values.values())
    if evidence.key or not 1 < len(values) <= _CODES or rows < 5 * len(values):
        return None
    return ColumnFact("code", note="one of " + ", ".join(repr(value) for value in sorted(values, key=str)))
