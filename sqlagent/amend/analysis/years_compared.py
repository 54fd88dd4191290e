"""Two years that a question compares, side by side, where a statement has one of them.

Invariant: one condition on one column of dates becomes one on both years, and the rows are grouped by it.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.periods import time_conditions
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import plain
from sqlagent.amend.rule import Supplied
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column
from sqlagent.sql.walk import bare

_COMPARED = Phrase(r"\b(?:compar\w+|versus|vs\.?|difference between)\b")
_YEAR = Phrase(r"\b(?:19|20)\d\d\b")


def side_by_side(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement with a row for each year that the question compares.

    accepts: whether the grammar accepts a statement. Left alone: what groups already, and what names all the years.
    """
    years = list(dict.fromkeys(found[0] for found in _YEAR.matches(question)))
    parts = plain(reading) if len(years) > 1 and _COMPARED.search(question) else None
    if parts is None or parts.has("group") or parts.has("limit") or parts.has("order"):
        return Amended(reading.sql)
    missing = [year for year in years if year not in reading.sql]
    if not missing or not all(isinstance(bare(item.value), Call) for item in parts.select.items):
        return Amended(reading.sql)
    found = time_conditions(reading)
    if not found or any(one is not parts.select for one, _ in found):
        return Amended(reading.sql)
    column = parts.text(next(reading.statement.find(Column, found[0][1])))
    year = f"STRFTIME('%Y', {column})"
    edits = Edits(reading.statement)
    listed = ", ".join(f"'{one}'" for one in years)
    edits.replace(found[0][1], f"{year} IN ({listed})")
    if len(found) > 1:
        return Amended(reading.sql)
    edits.add_item(parts.select, year, first=True)
    assert parts.select.where is not None
    edits.after(parts.select.where, f" GROUP BY {year}")
    made = edits.sql()
    return accepted(made, f"{' and '.join(years)} stand side by side.", reading, accepts)


RULE = Supplied(
    "years_compared", lambda now, about: side_by_side(about.question, now, about.accepts), lead=3.0
)
