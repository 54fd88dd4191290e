"""Which one has the greatest value in each group, and not the value alone.

"What is the most expensive product in each category?" becomes `MAX(price)` of each category; the products are asked
for. SQLite takes the other columns from the row that has the one MAX or MIN (https://sqlite.org/lang_select.html,
"bare columns"), so their names need only be shown.

Invariant: only result columns are added; the result is only taken where the grammar takes it, so it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sqlagent.amend.amendment import Amended
from sqlagent.amend.key_names import names_of
from sqlagent.amend.question_phrases import called
from sqlagent.base.word_forms import stem, words
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.clauses import Clauses, columns, read
from sqlagent.sql.old_lexer import Unreadable
from sqlagent.sql.names import quote

_END = r"(?:(?:most|least) \w+|\w{3,}est(?: \w+ed| priced| paid)?)"
_EACH = re.compile(
    rf"\b{_END} (?P<first>\w+)\b.*\b(?:each|every|per|by)\b|\b(?:each|every)\b.*\b{_END} (?P<last>\w+)",
    re.IGNORECASE,
)
_VALUE = re.compile(r"\bhow \w+ (?:is|are|was|were|does|do|did)\b", re.IGNORECASE)
_EXTREME = re.compile(r"(?:MAX|MIN)\(([^()']+)\)")


def shown(question: str, sql: str, schema: Schema, takes: Callable[[str], bool]) -> Amended:
    """A canonical statement that also names the rows that have the greatest or least value of their groups.

    takes: whether the grammar takes a statement. Left alone: statements with other calls, or that name them anyway.
    """
    asked = _EACH.search(question)
    if asked is None or _VALUE.search(question) or sql.count("(") != 1:
        return Amended(sql)
    noun = [stem(word) for word in words(asked["first"] or asked["last"])]
    try:
        parts = read(sql, schema)
        if parts is None or "GROUP" not in parts.text:
            return Amended(sql)
        found = [match for text in parts.results if (match := _EXTREME.fullmatch(text))]
        of = {fold(column.table) for match in found for column in columns(match[1], parts.tables)}
        table = next((t for t in parts.tables if {fold(t.name)} == of), None)
        if len(found) != 1 or table is None or not called(table.name, noun):
            return Amended(sql)
        names = _missing(table, parts)
    except Unreadable:
        return Amended(sql)
    made = replace(parts, select=f"SELECT {', '.join([*names, parts.items])}").sql()
    if not names or parts.items.startswith("DISTINCT") or not takes(made):
        return Amended(sql)
    return Amended(made, f"{' and '.join(names)}: of the row that has the {found[0][0][:3]}.")


def _missing(table: Table, parts: Clauses) -> list[str]:
    """The names of a table's rows, as the statement would write them; [] where it has one of them."""
    used = parts.keys(parts.select) | parts.keys(parts["GROUP"])
    names = names_of(table)
    if any((fold(table.name), fold(name)) in used for name in names):
        return []
    several = len(parts.tables) > 1
    return [f"{quote(table.name)}.{quote(name)}" if several else quote(name) for name in names]
