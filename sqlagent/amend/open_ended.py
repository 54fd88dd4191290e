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
from sqlagent.amend.patterns import NAME, TEXT
from sqlagent.amend.years import holds_dates
from sqlagent.base.word_forms import name_words
from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema, fold
from sqlagent.sql.names import quote

_STILL = re.compile(
    r"\b(?:still|ongoing|on-going|current|currently|unfinished|incomplete|outstanding|yet|now|open|active|running"
    r"|(?:not|never|n['’]t)(?: \w+)? (?:finished|ended|completed|closed|returned|over|done))\b",
    re.IGNORECASE,
)
_END_WORDS = (
    "end ends ended ending finish finished close closed complete completed return returned left leave termination to "
    "until expiry shipped delivered resolved"
)
_ENDS = frozenset(_END_WORDS.split())
"""Words in the names of columns that say when something is over."""
_COMPARED = re.compile(
    rf"{TEXT}|(?P<column>(?:{NAME}\.)?(?P<name>{NAME})) >=? "
    r"(?P<day>'\d{4}(?:-\d\d(?:-\d\d[^']*)?)?'|CURRENT_DATE|CURRENT_TIMESTAMP|DATE(?:TIME)?\('now'\))"
)


def no_end(
    question: str, sql: str, schema: Schema, takes: Callable[[str], bool], finds: Callable[[str], bool]
) -> Amended:
    """A canonical statement that finds what has no end, where a question asks for what is still going on.

    takes: whether the grammar takes a statement; finds: whether a statement finds a row. Left alone: days of a year
    that the question says.
    """
    if not _STILL.search(question):
        return Amended(sql)
    found = [match for match in _COMPARED.finditer(sql) if match["column"]]
    if len(found) != 1:
        return Amended(sql)
    match = found[0]
    name, day = unquote(match["name"]), match["day"]
    if not _ENDS & set(name_words(name)) or not holds_dates(name, schema) or day[1:5] in question:
        return Amended(sql)
    tables = [table for table in schema.tables if table.column(name) is not None]
    owner = match["column"][: -len(match["name"]) - 1]
    tables = [table for table in tables if not owner or fold(table.name) == fold(unquote(owner))]
    if not any(finds(f"SELECT 1 FROM {quote(t.name)} WHERE {quote(name)} IS NULL LIMIT 1") for t in tables):
        return Amended(sql)
    for form in ["{0} IS NULL"] if day.startswith("'") else ["({0} IS NULL OR {1})", "{0} IS NULL"]:
        made = sql[: match.start()] + form.format(match["column"], match[0]) + sql[match.end() :]
        if takes(made):
            return Amended(made, f"What has no {name} is taken to be going on.")
    return Amended(sql)
