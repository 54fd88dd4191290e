"""Count in the cells that list a text beside others: `manager = 'Iris Vane'` leaves 'Iris Vane / Ken Moss' out.

Where a column as a whole holds lists, comparing is done by member already; here a few cells do. That a cell is a list
is told by the column: each of its members is stored there alone, too. ('Serbia and Montenegro' is a name, so words do
not separate; 'Korea, South' is, for no 'South' is stored.)

Invariant: only a comparison with a text that is stored as it is changes, to that text and the cells that list it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.held_rows import Values
from sqlagent.amend.held_texts import comparisons, holding
from sqlagent.amend.rule import Supplied
from sqlagent.database.schema import Table
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote, text_literal
from sqlagent.sql.reading import Reading

_BETWEEN = re.compile(r"\s*[/;|\n]\s*|\s*,\s+|\s+\+\s+")
MOST_CELLS = 12
"""Cells that may list a text."""
LARGEST = 300_000
"""Rows of a table that is looked through."""


def listed_too(reading: Reading, values: Values, accepts: Callable[[str], bool]) -> Amended:
    """The statement with the cells that list a text it compares with.

    values: the first column of a statement's rows. accepts: whether the grammar accepts a statement.
    """
    edits, notes = Edits(reading.statement), list[str]()
    for node, column, literal, table in comparisons(reading):
        text, name = literal.value, column.name.text
        if node.operator != "=" or _BETWEEN.search(text) or (table.row_count or 0) > LARGEST:
            continue
        stored = [one for one in values(holding(table, column, text)) if isinstance(one, str)]
        lists = [one for one in stored if text in _members(one)[1:] + _members(one)[:-1]]
        if text not in stored or not 0 < len(lists) <= MOST_CELLS or _by_member(table, name, text, values):
            continue
        others = {member for one in lists for member in _members(one)} - {text}
        if _all_stored(table, name, sorted(others), values):
            edits.put(node.at, node.end, f"IN ({', '.join(map(text_literal, [text, *lists]))})")
            notes.append(f"{table.name}.{name} lists {text!r} beside others, too, as in {lists[0]!r}.")
    return edited(reading, edits, notes, accepts)


RULE = Supplied("listed_too", lambda now, about: listed_too(now, about.values, about.accepts), lead=1.5)


def _members(cell: str) -> list[str]:
    """The members of a list, one alone for what is none."""
    return [member.strip() for member in _BETWEEN.split(cell) if member.strip()]


def _by_member(table: Table, column: str, text: str, values: Values) -> bool:
    """Whether comparing with a text finds more than the text: the column is known to hold lists."""
    found = values(
        f"SELECT DISTINCT {quote(column)} FROM {quote(table.name)} WHERE {quote(column)} = {text_literal(text)}"
    )
    return any(one != text for one in found)


def _all_stored(table: Table, column: str, members: Sequence[str], values: Values) -> bool:
    """Whether each of some texts is stored alone."""
    if not members:
        return False
    listed = ", ".join(map(text_literal, members))
    found = values(
        f"SELECT DISTINCT {quote(column)} FROM {quote(table.name)} WHERE {quote(column)} IN ({listed})"
    )
    return set(members) <= {one for one in found if isinstance(one, str)}
