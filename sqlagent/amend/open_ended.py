"""What is still running has no end yet: NULL, and not a day that nobody spoke of.

"Which projects are ongoing?" becomes `end_date > '2021-12-17'`, a day that the model was shown as a sample, or
`> CURRENT_DATE`, which leaves out all that have no end.

Invariant: only a comparison with such a day changes, of a column in which the database holds NULL; the result is only
taken where the grammar takes it, so it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.years import holds_dates
from sqlagent.base.word_forms import name_words
from sqlagent.database.schema import Table, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call, Column, Expr, Literal

_STILL = Phrase(
    r"\b(?:still|ongoing|on-going|current|currently|unfinished|incomplete|outstanding|yet|now|open|active|running"
    r"|(?:not|never|n['’]t)(?: \w+)? (?:finished|ended|completed|closed|returned|over|done))\b"
)
_END_WORDS = (
    "end ends ended ending finish finished close closed complete completed return returned left leave termination to "
    "until expiry shipped delivered resolved"
)
_ENDS = frozenset(_END_WORDS.split())
"""Words in the names of columns that say when something is over."""
_DAY = re.compile(r"\d{4}(?:-\d\d(?:-\d\d[^']*)?)?")


def no_end(
    question: str, reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]
) -> Amended:
    """A statement that finds what has no end, where a question asks for what is still going on.

    accepts: whether the grammar accepts a statement; has_rows: whether one finds a row. Left alone: days of a year
    that the question says.
    """
    if ">" not in reading.sql or not _STILL.search(question):
        return Amended(reading.sql)
    found = [
        (node, node.left)
        for node in reading.statement.find(Binary)
        if node.operator in (">", ">=") and isinstance(node.left, Column) and _is_day(node.right)
    ]
    if len(found) != 1:
        return Amended(reading.sql)
    node, column = found[0]
    name, day = column.name.text, node.right
    said = isinstance(day, Literal) and day.kind == "text" and day.value[:4] in question
    if not _ENDS & set(name_words(name)) or not holds_dates(name, reading.schema) or said:
        return Amended(reading.sql)
    if not any(
        has_rows(f"SELECT 1 FROM {quote(table.name)} WHERE {quote(name)} IS NULL LIMIT 1")
        for table in _tables(column, reading)
    ):
        return Amended(reading.sql)
    written = reading.statement.text(column)
    fixed = isinstance(day, Literal) and day.kind == "text"
    for form in ["{0} IS NULL"] if fixed else ["({0} IS NULL OR {1})", "{0} IS NULL"]:
        edits = Edits(reading.statement)
        edits.replace(node, form.format(written, reading.statement.text(node)))
        if accepts(edits.sql()):
            return Amended(edits.sql(), f"What has no {name} is taken to be going on.")
    return Amended(reading.sql)


def _tables(column: Column, reading: Reading) -> list[Table]:
    """The table that a column belongs to; where that is not known, all that have one called so."""
    table = reading.scopes.of(column).table
    if table is not None:
        return [table]
    owner = fold(column.qualifier.text) if column.qualifier else ""
    tables = [table for table in reading.schema.tables if table.column(column.name.text) is not None]
    return [table for table in tables if not owner or fold(table.name) == owner]


def _is_day(value: Expr) -> bool:
    """Whether an expression is a day, written or today's."""
    if isinstance(value, Call):
        arguments = value.arguments
        now = len(arguments) == 1 and isinstance(arguments[0], Literal) and arguments[0].value == "now"
        return value.function in ("DATE", "DATETIME") and now
    if not isinstance(value, Literal):
        return False
    if value.kind == "word":
        return value.value in ("CURRENT_DATE", "CURRENT_TIMESTAMP")
    return value.kind == "text" and _DAY.fullmatch(value.value) is not None
