"""Which end of a date, or of an age, "oldest" and "youngest" mean.

The oldest has the greatest age, and the earliest date of birth. A small model that has learnt to order ages often
orders dates the same way. Of 193 training statements (Spider's and BIRD's) whose question says one of these words and
that take one end of one such column, 190 take the end that is taken for right here; the other three contradict their
questions.

Invariant: only DESC, MAX or MIN changes, so what comes out runs where the statement did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.patterns import COLUMN, TEXT
from sqlagent.base.word_forms import name_words, stem
from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema, Table, fold

_EARLY = re.compile(r"\b(?:oldest|earliest|eldest)\b", re.IGNORECASE)
_LATE = re.compile(r"\b(?:youngest|newest|latest|most recent(?:ly)?)\b", re.IGNORECASE)
_SAID = re.compile(r"\b(?:max|min)(?:imum)?\b|\b(?:asc|desc)(?:ending)?\b", re.IGNORECASE)
"""A question that says by itself what is to be taken; BIRD's hints do."""
_DATE_WORDS = (
    "date datetime timestamp time day year birth birthday birthdate dob born founded opened established"
)
_DATES = frozenset(_DATE_WORDS.split())
_END = re.compile(
    rf"{TEXT}|ORDER BY {COLUMN.format('ordered')}(?P<down> DESC| ASC)?(?= LIMIT \d|(?P<all>\Z))"
    rf"|\b(?P<call>MAX|MIN)\({COLUMN.format('called')}\)"
)


def turned(question: str, sql: str, schema: Schema) -> Amended:
    """The canonical statement with the other end of its column, where the question's word means that one.

    Left alone: what takes no end or several, other columns, and questions that say both or say it in SQL.
    """
    early, late = _EARLY.search(question), _LATE.search(question)
    if (early is None) == (late is None) or _SAID.search(question):
        return Amended(sql)
    found = [match for match in _END.finditer(sql) if match["ordered"] or match["called"]]
    if len(found) != 1:
        return Amended(sql)
    match, word = found[0], early or late
    assert word is not None
    if match["all"] is not None and not re.match(r"(?: \w+)? first\b", question[word.end() :], re.IGNORECASE):
        return Amended(sql)  # all of them, in an order that the word does not give
    column = unquote(match["ordered"] or match["called"])
    kind = column_kind(column, schema.tables)
    greatest = match["call"] == "MAX" if match["call"] else match["down"] == " DESC"
    wanted = (early if kind == "age" else late) is not None
    if not kind or greatest == wanted:
        return Amended(sql)
    text = match[0]
    if match["call"]:
        text = ("MAX" if wanted else "MIN") + text[3:]
    else:
        text = text.removesuffix(match["down"] or "") + (" DESC" if wanted else "")
    end = ("greatest" if wanted else "least") if kind == "age" else ("latest" if wanted else "earliest")
    note = f"{word[0]!r} means the {end} {column}: the statement, which took the other end, was turned round."
    return Amended(sql[: match.start()] + text + sql[match.end() :], note)


def column_kind(column: str, tables: Iterable[Table]) -> str:
    """What a column of some tables holds: "date", "age", or "" for what is neither."""
    words = {stem(word) for word in name_words(column)}
    if "age" in words:
        return "age"
    types = {c.type.lower() for table in tables for c in table.columns if fold(c.name) == fold(column)}
    dated = bool(types) and all("date" in kind or "time" in kind for kind in types)
    return "date" if dated or words & _DATES else ""
