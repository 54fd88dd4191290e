"""Which one has the greatest value in each group, and not the value alone.

"What is the most expensive product in each category?" becomes `MAX(price)` of each category; the products are asked
for. SQLite takes the other columns from the row that has the one MAX or MIN (https://sqlite.org/lang_select.html,
"bare columns"), so their names need only be shown.

Invariant: only result columns are added; the result is only taken where the grammar takes it, so it runs.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.question_phrases import called
from sqlagent.amend.row_names import names_of
from sqlagent.amend.rule import Meaning
from sqlagent.base.word_forms import stem, words
from sqlagent.database.schema import Table, fold
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call

_END = r"(?:(?:most|least) \w+|\w{3,}est(?: \w+ed| priced| paid)?)"
_EACH = Phrase(
    rf"\b{_END} (?P<first>\w+)\b.*\b(?:each|every|per|by)\b|\b(?:each|every)\b.*\b{_END} (?P<last>\w+)"
)
_VALUE = Phrase(r"\bhow \w+ (?:is|are|was|were|does|do|did)\b")


def shown(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that also names the rows that have the greatest or least value of their groups.

    accepts: whether the grammar accepts a statement. Left alone: statements with other calls, or that name them anyway.
    """
    asked = _EACH.search(question) if reading.sql.count("(") == 1 else None
    parts = plain(reading) if asked and not _VALUE.search(question) else None
    if asked is None or parts is None or not parts.has("group"):
        return Amended(reading.sql)
    noun = [stem(word) for word in words(asked["first"] or asked["last"])]
    found = [
        call
        for item in parts.select.items
        if isinstance(call := item.value, Call)
        and call.function in ("MAX", "MIN")
        and len(call.arguments) == 1
    ]
    of = {table for call in found for table, _ in parts.keys(*call.arguments)}
    table = next((t for t in parts.tables if {fold(t.name)} == of), None)
    if len(found) != 1 or found[0].distinct or table is None or not called(table.name, noun):
        return Amended(reading.sql)
    names = _missing(table, parts)
    if not names or parts.select.distinct:
        return Amended(reading.sql)
    edits = parts.edits()
    edits.add_item(parts.select, ", ".join(names), first=True)
    if not accepts(edits.sql()):
        return Amended(reading.sql)
    return Amended(edits.sql(), f"{' and '.join(names)}: of the row that has the {found[0].function}.")


RULE = Meaning("extreme_rows", lambda now, about: shown(about.question, now, about.accepts))


def _missing(table: Table, parts: PlainSelect) -> list[str]:
    """The names of a table's rows, as the statement would write them; [] where it has one of them."""
    used = parts.keys_of("items", "group")
    names = names_of(table)
    if any((fold(table.name), fold(name)) in used for name in names):
        return []
    return [f"{quote(table.name)}.{quote(name)}" if parts.several else quote(name) for name in names]
