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
from sqlagent.amend.rule import Meaning
from sqlagent.base.word_forms import name_words
from sqlagent.database.column_kinds import shows_dates
from sqlagent.database.schema import Column as DbColumn
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
    base = None if said else reading.scopes.base(column)
    if base is None or not _says_the_end(base[1]):
        return Amended(reading.sql)
    if not has_rows(f"SELECT 1 FROM {quote(base[0].name)} WHERE {quote(base[1].name)} IS NULL LIMIT 1"):
        return Amended(reading.sql)
    written = reading.statement.text(column)
    fixed = isinstance(day, Literal) and day.kind == "text"
    for form in ["{0} IS NULL"] if fixed else ["({0} IS NULL OR {1})", "{0} IS NULL"]:
        edits = Edits(reading.statement)
        edits.replace(node, form.format(written, reading.statement.text(node)))
        if accepts(edits.sql()):
            return Amended(edits.sql(), f"What has no {name} is taken to be going on.")
    return Amended(reading.sql)


RULE = Meaning("open_ended", lambda now, about: no_end(about.question, now, about.accepts, about.has_rows))


def _says_the_end(column: DbColumn) -> bool:
    """Whether a column's name says that it holds the day on which something is over, and no value says otherwise."""
    named = bool(_ENDS & set(name_words(column.name)))
    return named and (shows_dates(column) or all(value is None for value in column.samples))


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
