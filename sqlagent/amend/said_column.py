"""Compute with the column that the question names: "what are all fines?" is not a sum of days.

Among abbreviations a small model takes the wrong one: `SUM(DYS)` where fines are asked for and stored as `FN`. What it
takes is no word of the question; one other column of numbers is, and the statement leaves it out.

Invariant: only the column that is added up or averaged changes, everywhere it stands, to another one of the same table.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import STOP, contracts, likeness, name_words, stem, words
from sqlagent.database.column_kinds import amounts
from sqlagent.database.schema import Column as DbColumn
from sqlagent.sql.edit import Edits
from sqlagent.sql.functions import ARITHMETIC
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column
from sqlagent.sql.walk import bare

_CUT = re.compile(r"[^aeiou\W\d_]{2,5}\Z")
"""A word without vowels: an abbreviation."""


def asked_column(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """The statement with the column of numbers that the question names, in place of one that it does not.

    accepts: whether the grammar accepts a statement. Left alone: names that are whole words, which may be synonyms.
    """
    said = {stem(word) for word in words(question)} - STOP
    taken = {}
    for call in reading.statement.find(Call):
        value = bare(call.arguments[0]) if call.function in ARITHMETIC and len(call.arguments) == 1 else None
        base = reading.scopes.base(value) if isinstance(value, Column) else None
        if base is not None:
            taken[base[0].name, base[1].name] = base
    if len(taken) != 1:
        return Amended(reading.sql)
    table, column = next(iter(taken.values()))
    used = {
        base[1].name
        for one in reading.statement.find(Column)
        if (base := reading.scopes.base(one)) is not None
    }
    named = [one for one in amounts(table) if one.name not in used and _is_said(one, said)]
    if not _is_cut(column) or _is_said(column, said) or len(named) != 1:
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    for one in reading.statement.find(Column):
        if reading.scopes.base(one) == (table, column):
            edits.replace(one.name, quote(named[0].name))
    note = f"{table.name}.{named[0].name} is what the question names, and not {column.name}."
    return edited(reading, edits, [note], accepts)


RULE = Supplied("said_column", lambda now, about: asked_column(about.question, now, about.accepts), lead=2.0)


def _is_cut(column: DbColumn) -> bool:
    """Whether a column's name is made of abbreviations."""
    return all(map(_CUT.match, name_words(column.name)))


def _is_said(column: DbColumn, said: set[str]) -> bool:
    """Whether a question has a word of a column's name, or one that it is short for."""
    found = name_words(column.name)
    return any(
        stem(name) in said or any(likeness(name, word) >= 0.6 or contracts(name, word) for word in said)
        for name in found
    )
