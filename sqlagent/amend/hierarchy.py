"""Who reports to somebody has that person's key as a boss, and not that person's boss.

"How many people report to Andrew?" becomes `ReportsTo = (SELECT ReportsTo FROM Employees WHERE FirstName = 'Andrew')`:
those who have the same boss as Andrew. That is meant where a question says so.

Invariant: only the column that such a subquery selects changes, to the one that the outer column references.
"""

from __future__ import annotations

import re

from sqlagent.amend.amendment import Amended
from sqlagent.amend.patterns import NAME, TEXT
from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema, fold
from sqlagent.sql.names import quote

_SAME = re.compile(
    r"\b(?:same|shar\w+|common|colleagues?|peers?|siblings?|also|other|another)\b|['’]s?\b", re.IGNORECASE
)
_BOTH = re.compile(
    rf"{TEXT}|(?:{NAME}\.)?(?P<outer>{NAME}) (?:=|IN) "
    rf"\(SELECT (?P<owner>{NAME}\.)?(?P<inner>{NAME}) FROM (?P<table>{NAME}) WHERE "
)


def reporting(question: str, sql: str, schema: Schema) -> Amended:
    """The canonical statement with those under somebody, in place of those beside him."""
    if _SAME.search(question):
        return Amended(sql)
    for match in _BOTH.finditer(sql):
        table = schema.table(unquote(match["table"])) if match["table"] else None
        if table is None or fold(match["outer"]) != fold(match["inner"]):
            continue
        column = fold(unquote(match["inner"]))
        for key in table.foreign_keys:
            if [*map(fold, key.columns)] == [column] and fold(key.ref_table) == fold(table.name):
                own = quote(key.ref_columns[0])
                made = sql[: match.start("inner")] + own + sql[match.end("inner") :]
                return Amended(
                    made, f"Those are found whose {key.columns[0]} is the {key.ref_columns[0]} asked for."
                )
    return Amended(sql)
