"""A column for each value of a group: "sales of each shop per year, one column per shop".

Invariant: each cell holds what the statement's own group held; the values are those that are stored, when it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.analysis import some_rows
from sqlagent.amend.held_rows import Values
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import plain
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.sql.functions import MEASURES
from sqlagent.sql.names import quote, text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column
from sqlagent.sql.walk import bare

_ASKED = Phrase(
    r"\b(?:one|a|separate|own) columns? (?:per|for each|for every|by|for) (?P<noun>\w+)"
    r"|\b(?P<plural>\w+) (?:as|in) columns\b|\bcolumns? for (?:each|every) (?P<each>\w+)"
    r"|\bpivot(?:ed)? (?:by|on|over) (?P<pivot>\w+)"
)
MOST = 12
"""Columns that a pivot has at most."""


def in_columns(
    question: str,
    reading: Reading,
    accepts: Callable[[str], bool],
    values: Values,
) -> Amended:
    """A statement with a column for each value of the group that the question wants in columns.

    accepts: whether the grammar accepts a statement. values: the first column of a statement's rows.
    """
    asked = _ASKED.search(question)
    parts = plain(reading) if asked else None
    if (
        asked is None
        or parts is None
        or len(parts.select.group) != 2
        or parts.has("having")
        or parts.has("limit")
    ):
        return Amended(reading.sql)
    noun = stem(next(word for word in words(next(filter(None, asked.groups())))))
    group = [parts.text(bare(term)) for term in parts.select.group]
    across = next(
        (
            term
            for term in map(bare, parts.select.group)
            if isinstance(term, Column) and noun in {stem(word) for word in name_words(term.name.text)}
        ),
        None,
    )
    values_shown = [bare(item.value) for item in parts.select.items]
    calls = [value for value in values_shown if isinstance(value, Call) and value.function in MEASURES]
    if across is None or len(calls) != 1:
        return Amended(reading.sql)
    call = calls[0]
    by, down = parts.text(across), next(text for text in group if text != parts.text(across))
    rows = " ".join(filter(None, (parts.clause("sources"), parts.clause("where"))))
    found = values(f"SELECT DISTINCT {by} {rows} ORDER BY {by} LIMIT {MOST + 1}")
    texts = [value for value in found if isinstance(value, str)]
    if not 0 < len(texts) <= MOST or len(texts) != len(found) or call.distinct or len(call.arguments) != 1:
        return Amended(reading.sql)
    cells = [some_rows.where(f"{by} = {text_literal(value)}", call, parts) for value in texts]
    cells = [cell + _alias(value, parts.reading) for cell, value in zip(cells, texts, strict=True)]
    made = f"SELECT {down}, {', '.join(cells)} {rows} GROUP BY {down}"
    return accepted(made, f"A column for each {across.name.text}.", reading, accepts)


RULE = Supplied(
    "pivot", lambda now, about: in_columns(about.question, now, about.accepts, about.values), lead=3.0
)


def _alias(value: str, reading: Reading) -> str:
    """The name of a value's column, where a name can be made of it that nothing else has."""
    name = re.sub(r"\W+", "_", value, flags=re.ASCII).strip("_").lower()
    taken = {table.name.lower() for table in reading.schema.tables}
    taken |= {column.name.lower() for table in reading.schema.tables for column in table.columns}
    plain_name = re.fullmatch(r"[a-z]\w{1,38}", name, re.ASCII) and quote(name) == name
    return f" AS {name}" if plain_name and name not in taken else ""
