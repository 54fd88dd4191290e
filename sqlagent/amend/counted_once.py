"""Rows that a join takes several times, counted or added up once.

"How many orders contain tea?" becomes COUNT(*) over orders joined with their items, which counts the items; SUM of the
orders' shipping adds an order's once for each item. Whether that happens is asked of the database. Where all that is
shown is of one table, its rows are those for which the join finds anything.

Invariant: the proposed statement is over the same rows of that table, each taken once.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.fan_out import twice
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.question_phrases import OTHERS, called
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.database.foreign_keys import once
from sqlagent.database.schema import Table, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.functions import SUMS
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column, Star
from sqlagent.sql.walk import bare

_ASKED = Phrase(r"\b(?:how many|number of|count(?: the| all| of)*)\s+((?:\w+\s+){0,3}\w+)")
_ENDS = frozenset(
    ("of", "by", "from", "in", "on", "at", "with", "for", "to", "that", "who", "which", "whose")
)
"""Words behind the noun that is counted."""


def once_each(
    question: str, reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]
) -> Amended:
    """A statement that takes each row once, where its joins take one several times.

    accepts: whether the grammar accepts a statement; has_rows: whether one finds a row.
    """
    parts = plain(reading)
    if parts is None or not parts.several:
        return Amended(reading.sql)
    made, note = _counted(question, parts, has_rows) or _added(question, parts, has_rows) or (reading.sql, "")
    return accepted(made, note, reading, accepts)


RULE = Supplied(
    "once_each", lambda now, about: once_each(about.question, now, about.accepts, about.has_rows), lead=1.5
)


def _counted(question: str, parts: PlainSelect, has_rows: Callable[[str], bool]) -> tuple[str, str] | None:
    """COUNT of the thing asked about, where that is one of the joined tables and its rows come several times."""
    calls = [call for call in parts.reading.statement.find(Call) if call.function == "COUNT"]
    asked = _ASKED.search(question) if calls else None
    if asked is None or len(calls) != 1 or calls[0].distinct or len(calls[0].arguments) != 1:
        return None
    said = _counted_nouns(asked[1])
    table = next((t for word in said for t in parts.tables if called(t.name, [word])), None)
    counted = calls[0].arguments[0]
    if (
        table is None
        or len(table.primary_key) != 1
        or any(table is parts.owner(c) for c in parts.columns(*parts.select.group))
    ):
        return None
    if isinstance(counted, Column):
        if parts.owner(counted) is not table or fold(counted.name.text) != fold(table.primary_key[0]):
            return None
    elif not isinstance(counted, Star):
        return None
    if not _comes_twice(table, parts, has_rows):
        return None
    edits = Edits(parts.reading.statement)
    edits.replace(counted, f"DISTINCT {quote(table.name)}.{quote(table.primary_key[0])}")
    return edits.sql(), f"Each of the {table.name} is counted once, however often the join finds it."


def _counted_nouns(said: str) -> list[str]:
    """The stems of the noun that is counted and of the word before it: of "passages of vessels" the first alone."""
    found: list[str] = []
    for word in words(said):
        if word in _ENDS and found:
            break
        if stem(word) not in OTHERS:
            found.append(stem(word))
    return found[:2]


def _added(question: str, parts: PlainSelect, has_rows: Callable[[str], bool]) -> tuple[str, str] | None:
    """The sums of one table over its rows for which the join finds anything.

    The question names that table and none of the others, which are there for the conditions.
    """
    sums = [call for call in parts.reading.statement.find(Call) if call.function in SUMS]
    if not sums or parts.select.where is None or parts.has("having"):
        return None
    shown = [*parts.select.items, *parts.select.group, *parts.reading.query.order]
    columns = parts.columns(*shown)
    owners = {parts.owner(column) for column in columns}
    table = owners.pop() if len(owners) == 1 else None
    asked = {stem(word) for word in words(question)}
    named = [t for t in parts.tables if {stem(word) for word in name_words(t.name)[-1:]} <= asked]
    if table is None or named != [table] or len(table.primary_key) != 1:
        return None
    if any(parts.owner(column) is table for column in parts.columns(parts.select.where)):
        return None
    if any(isinstance(bare(one), Star) for call in sums for one in call.arguments) or "COUNT(" in parts.sql:
        return None
    if not _comes_twice(table, parts, has_rows):
        return None
    key = f"{quote(table.name)}.{quote(table.primary_key[0])}"
    edits = Edits(parts.reading.statement)
    inner = " ".join(filter(None, (f"SELECT {key}", parts.clause("sources"), parts.clause("where"))))
    start = parts.reading.statement.clause(parts.select, "sources")[0]
    end = (parts.select.where or parts.select.sources[-1]).end
    own = quote(table.primary_key[0])
    edits.put(start, end, f"FROM {quote(table.name)} WHERE {own} IN ({inner})")
    for column in columns:
        edits.replace(column, quote(column.name.text))
    return edits.sql(), f"Each of the {table.name} is added once, however often the join finds it."


def _comes_twice(table: Table, parts: PlainSelect, has_rows: Callable[[str], bool]) -> bool:
    if once(table, parts.tables, parts.reading.schema):
        return False
    return has_rows(twice(table, parts.clause("sources"), parts.clause("where"), parts.clause("group")))
