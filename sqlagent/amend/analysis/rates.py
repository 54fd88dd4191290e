"""The highest rate of something: of each one's rows the share that has it, and not only those that have it.

"Which courier has the highest rate of late deliveries?" becomes the late deliveries, ordered by anything.
The condition is what is shared out.

Invariant: one condition moves from WHERE into the mean by which groups are ordered; the rest stays.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import Condition, PlainSelect, plain
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Column, Literal
from sqlagent.sql.walk import bare

_ASKED = Phrase(
    r"\b(?P<end>highest|greatest|largest|best|biggest|lowest|smallest|worst|least) "
    r"(?:rate|share|percentage|proportion|ratio|fraction|percent) of\b"
)
_LOW = frozenset(("lowest", "smallest", "least"))


def by_rate(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that orders groups by the share of their rows that fulfil its condition.

    accepts: whether the grammar accepts a statement. Left alone: what has no such condition, and means.
    """
    asked = _ASKED.search(question)
    parts = plain(reading) if asked else None
    if (
        asked is None
        or parts is None
        or not parts.has("limit")
        or "AVG(" in reading.sql
        or "/" in reading.sql
    ):
        return Amended(reading.sql)
    conditions = _shared(parts, question[asked.end() :])
    items = [bare(item.value) for item in parts.select.items]
    column = items[0] if items and isinstance(items[0], Column) else None
    if len(conditions) != 1 or column is None or len(items) != 1:
        return Amended(reading.sql)
    table = parts.owner(column)
    if table is None:
        return Amended(reading.sql)
    key = table.primary_key[0] if len(table.primary_key) == 1 and parts.several else column.name.text
    by = f"{quote(table.name)}.{quote(key)}" if parts.several else quote(key)
    limit, shared = parts.clause("limit"), conditions[0].node
    rest = [one.text for one in parts.conditions if one.node is not shared]
    where = f" WHERE {' AND '.join(rest)}" if rest else ""
    order = "" if asked["end"].lower() in _LOW else " DESC"
    made = (
        f"SELECT {parts.text(column)} {parts.clause('sources')}{where} GROUP BY {by}"
        f" ORDER BY AVG({conditions[0].text}){order} {limit}"
    )
    return accepted(made, f"The rate is the share of rows with {conditions[0].text}.", reading, accepts)


RULE = Supplied("rate", lambda now, about: by_rate(about.question, now, about.accepts), lead=2.5)


def _shared(parts: PlainSelect, of: str) -> list[Condition]:
    """The condition that the rate is of: the only one, or the one that has a word of what stands behind "of"."""
    if len(parts.conditions) == 1:
        return parts.conditions
    said = {stem(word) for word in words(of)[:3]}
    return [one for one in parts.conditions if said & _words_of(one)]


def _words_of(condition: Condition) -> set[str]:
    """The words of a condition's columns and of the texts that it compares them with."""
    find = condition.of.reading.statement.find
    named = [column for _, column in condition.keys]
    named += [one.value for one in find(Literal, condition.node) if one.kind == "text"]
    return {stem(word) for name in named for word in name_words(name)}
