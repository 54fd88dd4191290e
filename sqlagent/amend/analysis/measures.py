"""The money that a question speaks of, added up: "sales by month" are amounts, and not how many rows there are.

A small model counts rows where a table is called like what is asked for, and groups by columns that nobody named.

Invariant: COUNT(*) becomes the sum of the one column of amounts, and columns that the question has no word of leave
the groups; the rest stays.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.database.column_kinds import amounts
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column, Item, Star
from sqlagent.sql.walk import bare

_MONEY = Phrase(
    r"\b(?:sales|revenues?|turnover|income|earnings|spending|spend|expenses|expenditures?|profits?|takings)\b"
)
_COUNTED = Phrase(r"\b(?:how many|numbers? of|count|counts|transactions)\b")
_GROUPED = Phrase(r"\b(?:by|per|each|every)\b")
_AMOUNT_WORDS = (
    "amount total revenue sale price value sum cost turnover income profit fee paid earning expense"
)
_AMOUNTS = frozenset(_AMOUNT_WORDS.split())


def added_up(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that adds up amounts over the groups that the question names.

    accepts: whether the grammar accepts a statement. Left alone: questions that ask how many, and tables
    with no column of amounts, or several.
    """
    parts = plain(reading) if _MONEY.search(question) and not _COUNTED.search(question) else None
    if parts is None or not parts.select.group or not _GROUPED.search(question):
        return Amended(reading.sql)
    calls = [item for item in parts.select.items if isinstance(bare(item.value), Call)]
    counted = [item for item in calls if _is_count(item)]
    amounts = _amounts(parts)
    edits = Edits(reading.statement)
    changed = []
    if len(counted) == 1 and len(amounts) == 1 and "SUM(" not in reading.sql:
        edits.replace(counted[0], f"SUM({amounts[0]})")
        changed.append(f"{amounts[0]} is added up")
    extra = _unasked(question, parts)
    if extra and len(extra) < len(parts.select.group):
        items = [item for item in parts.select.items if parts.text(bare(item.value)) not in extra]
        kept = [term for term in parts.select.group if parts.text(bare(term)) not in extra]
        texts = [f"SUM({amounts[0]})" if changed and item in counted else parts.text(item) for item in items]
        edits = Edits(reading.statement)
        edits.put(parts.select.items[0].start, parts.select.items[-1].end, ", ".join(texts))
        edits.put(parts.select.group[0].start, parts.select.group[-1].end, ", ".join(map(parts.text, kept)))
        changed.append(f"{' and '.join(sorted(extra))} was not asked about")
    made = edits.sql()
    return accepted(made, f"{'; '.join(changed)}.", reading, accepts)


RULE = Supplied("added_up", lambda now, about: added_up(about.question, now, about.accepts), lead=2.0)


def _is_count(item: Item) -> bool:
    call = bare(item.value)
    star = isinstance(call, Call) and len(call.arguments) == 1 and isinstance(call.arguments[0], Star)
    return isinstance(call, Call) and call.function == "COUNT" and star


def _amounts(parts: PlainSelect) -> list[str]:
    """The columns of amounts, as the statement would write them."""
    found = []
    for table in parts.tables:
        for column in amounts(table):
            if {stem(word) for word in name_words(column.name)} & _AMOUNTS:
                name = quote(column.name)
                found.append(f"{quote(table.name)}.{name}" if parts.several else name)
    return found


def _unasked(question: str, parts: PlainSelect) -> set[str]:
    """The columns of a statement's groups that the question has no word of, as it writes them."""
    asked = {stem(word) for word in words(question)}
    found = set()
    for term in parts.select.group:
        value = bare(term)
        if not isinstance(value, Column) or parts.has("having") or parts.has("order"):
            continue
        table = parts.owner(value)
        said = {stem(word) for word in name_words(value.name.text)}
        said |= {stem(word) for word in name_words(table.name)} if table and parts.several else set()
        if not said & asked:
            found.add(parts.text(value))
    return found
