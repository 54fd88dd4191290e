"""Ask each of the tables that hold a year each, where the question asks for every year.

    "how many juniors in each year"
    SELECT COUNT(*) FROM "Members 2024" WHERE Category = 'Junior'
    SELECT 2023, COUNT(*) FROM "Members 2023" WHERE … UNION ALL SELECT 2024, COUNT(*) FROM "Members 2024" WHERE …

Invariant: only a statement over one such table, and each of the others is asked the very same.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Column, Query, Star, TableRef

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_ASKED = Phrase(
    r"\b(?:(?:each|every|per|by|in all|for all|across all|over) (?:the |of the )?years?|year by year|yearly)\b"
)
MOST = 30
"""Tables that are asked together."""


def every_year(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """The statement over all tables of its kind, with the year of each. accepts: whether the grammar accepts one."""
    select = reading.select
    if select is None or not _ASKED.search(question) or _YEAR.search(question):
        return Amended(reading.sql)
    refs = list(reading.statement.find(TableRef))
    table = reading.scopes.tables[refs[0]] if len(refs) == 1 else None
    inner = any(query is not reading.query for query in reading.statement.find(Query))
    if table is None or inner or reading.query.order or reading.query.limit or select.distinct:
        return Amended(reading.sql)
    if any(isinstance(item.value, Star) for item in select.items):
        return Amended(reading.sql)
    family = tables_of_years(table, reading.schema)
    used = {fold(column.name.text) for column in reading.statement.find(Column)}
    if len(family) < 2 or any(other.column(name) is None for other in family.values() for name in used):
        return Amended(reading.sql)
    arms = []
    for year, other in family.items():
        edits = Edits(reading.statement)
        edits.add_item(select, year, first=True)
        edits.put_table(refs[0], quote(other.name))
        arms.append(edits.sql())
    note = f"Each of {', '.join(other.name for other in family.values())} is asked."
    return accepted(" UNION ALL ".join(arms), note, reading, accepts)


RULE = Supplied(
    "tables_of_years", lambda now, about: every_year(about.question, now, about.accepts), lead=2.5
)


def tables_of_years(table: Table, schema: Schema) -> dict[str, Table]:
    """The tables that are called as one is but for the year, by their years; {} where its name has none."""
    if len(_YEAR.findall(table.name)) != 1:
        return {}
    called = fold(_YEAR.sub("\0", table.name))
    found = {
        years[0]: other
        for other in schema.tables
        if len(years := _YEAR.findall(other.name)) == 1 and fold(_YEAR.sub("\0", other.name)) == called
    }
    return dict(sorted(found.items())) if len(found) <= MOST else {}
