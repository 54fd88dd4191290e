"""Which end of a date, or of an age, "oldest" and "youngest" mean.

The oldest has the greatest age, and the earliest date of birth. A small model that has learnt to order ages often
orders dates the same way. Of 193 training statements (Spider's and BIRD's) whose question says one of these words and
that take one end of one such column, 190 take the end that is taken for right here; the other three contradict their
questions.

Invariant: only DESC, MAX or MIN changes, so what comes out runs where the statement did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Meaning, Supplied
from sqlagent.base.word_forms import name_words, stem
from sqlagent.database.schema import Table, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column, Literal, Query, Term

_EARLY = Phrase(r"\b(?:oldest|earliest|eldest|longest[- ](?:serving|standing|running|established))\b")
_LATE = Phrase(r"\b(?:youngest|newest|latest|most recent(?:ly)?)\b")
_SAID = Phrase(r"\b(?:max|min)(?:imum)?\b|\b(?:asc|desc)(?:ending)?\b")
"""A question that says by itself what is to be taken; BIRD's hints do."""
_DATE_WORDS = (
    "date datetime timestamp time day year birth birthday birthdate dob born founded opened established"
)
_DATES = frozenset(_DATE_WORDS.split())


_BIRTHS = frozenset(("birth", "birthday", "birthdate", "dob", "born"))


def turned(question: str, reading: Reading, *, births: bool = False) -> Amended:
    """The statement with the other end of its column, where the question's word means that one.

    births: only where that column says when people were born, of whom the oldest were born first whatever else is said.
    Left alone: what takes no end or several, other columns, and questions that say both or say it in SQL.
    """
    early, late = _EARLY.search(question), _LATE.search(question)
    if (early is None) == (late is None) or _SAID.search(question):
        return Amended(reading.sql)
    found = [*_ends(reading)]
    if len(found) != 1:
        return Amended(reading.sql)
    end, word = found[0], early or late
    assert word is not None
    if end.all_rows and not re.match(r"(?: \w+)? first\b", question[word.end() :], re.IGNORECASE):
        return Amended(reading.sql)  # all of them, in an order that the word does not give
    column = end.column.name.text
    kind = column_kind(column, reading.schema.tables)
    if births and (not _BIRTHS & set(name_words(column)) or end.all_rows):
        return Amended(reading.sql)
    wanted = (early if kind == "age" else late) is not None
    if not kind or end.greatest == wanted:
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    if isinstance(end.node, Call):
        edits.replace(end.node.name, "MAX" if wanted else "MIN")
    else:
        edits.put(end.column.end, end.node.end, " DESC" if wanted else "")
    which = ("greatest" if wanted else "least") if kind == "age" else ("latest" if wanted else "earliest")
    note = (
        f"{word[0]!r} means the {which} {column}: the statement, which took the other end, was turned round."
    )
    return Amended(edits.sql(), note)


SUPERLATIVES = Meaning("superlatives", lambda now, about: turned(about.question, now))

BORN = Supplied("born", lambda now, about: turned(about.question, now, births=True), lead=3.0)


class _End(NamedTuple):
    """The place where a statement takes the greatest or the least of a column."""

    node: Term | Call
    column: Column
    greatest: bool
    all_rows: bool
    """Whether it only puts all rows in an order."""


def _ends(reading: Reading) -> Iterator[_End]:
    """The queries ordered by one column, and MAX and MIN of one."""
    for query in reading.statement.find(Query):
        term = query.order[0] if len(query.order) == 1 else None
        if term is None or not isinstance(term.value, Column) or term.nulls:
            continue
        if isinstance(query.limit, Literal):
            yield _End(term, term.value, term.descending, False)
        elif query is reading.query:
            yield _End(term, term.value, term.descending, True)
    for call in reading.statement.find(Call):
        column = call.arguments[0] if len(call.arguments) == 1 and not call.distinct else None
        if call.function in ("MAX", "MIN") and isinstance(column, Column):
            yield _End(call, column, call.function == "MAX", False)


def column_kind(column: str, tables: Iterable[Table]) -> str:
    """What a column of some tables holds: "date", "age", or "" for what is neither."""
    words = {stem(word) for word in name_words(column)}
    if "age" in words:
        return "age"
    types = {c.type.lower() for table in tables for c in table.columns if fold(c.name) == fold(column)}
    dated = bool(types) and all("date" in kind or "time" in kind for kind in types)
    return "date" if dated or words & _DATES else ""
