"""A level at a time is the last one that was written by then: the balance at the end of April is no sum of balances.

    "balance at the end of April 2025"
    SELECT SUM(balance) FROM sheet WHERE booked LIKE '2025-04-%'
    SELECT balance FROM sheet WHERE booked < '2025-05-01' ORDER BY booked DESC LIMIT 1

Invariant: only a column that the question names by a word of it, in a table with one column of dates, over one period.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlagent.amend.amendment import Amended
from sqlagent.amend.named_rows.mentions import only_table
from sqlagent.amend.period_phrases import periods
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.database.column_kinds import holds_dates
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column
from sqlagent.sql.walk import bare

_AT = Phrase(r"\b(?:(?:at|by|on) the (?P<edge>end|close|beginning|start) of|(?P<asof>as (?:of|at)))\b")
_COMPUTED = Phrase(r"\b(?:total|sum|average|mean|median|number of|how many|each|every|per|by (?!the))\b")
_BEGIN = frozenset(("beginning", "start"))
_TAKEN = frozenset(("SUM", "AVG", "MAX", "MIN", "TOTAL"))


def at_time(question: str, reading: Reading, today: date, accepts: Callable[[str], bool]) -> Amended:
    """A statement for the last value of a column up to the time that the question names.

    today: the day on which it is asked. accepts: whether the grammar accepts a statement. Left alone: questions that
    ask for something computed, and statements that take the last row already.
    """
    said, select, table = _AT.search(question), reading.select, only_table(reading)
    asked = periods(f"in{question[said.end() :]}", today) if said else []
    if said is None or select is None or table is None or len(asked) != 1 or _COMPUTED.search(question):
        return Amended(reading.sql)
    if len(select.items) != 1 or select.group or reading.query.limit is not None:
        return Amended(reading.sql)
    value = bare(select.items[0].value)
    if isinstance(value, Call) and value.function in _TAKEN and len(value.arguments) == 1:
        value = bare(value.arguments[0])
    base = reading.scopes.base(value) if isinstance(value, Column) else None
    dates = [column for column in table.columns if holds_dates(column)]
    if base is None or len(dates) != 1 or base[1] is dates[0] or not isinstance(value, Column):
        return Amended(reading.sql)
    if not set(map(stem, name_words(base[1].name))) & set(map(stem, words(question))):
        return Amended(reading.sql)
    period, day = asked[0], quote(dates[0].name)
    until = period.begin if (said["edge"] or "") in _BEGIN else period.end
    if until is None:
        return Amended(reading.sql)
    others = [
        reading.statement.text(node)
        for node in reading.statement.conjuncts(select)
        if not any(
            (of := reading.scopes.base(one)) is not None and of[1] is dates[0]
            for one in reading.statement.find(Column, node)
        )
    ]
    key = f", {quote(table.primary_key[0])} DESC" if len(table.primary_key) == 1 else ""
    conditions = " AND ".join([*others, f"{day} < '{until}'"])
    name = quote(base[1].name)
    made = f"SELECT {name} FROM {quote(table.name)} WHERE {conditions} ORDER BY {day} DESC{key} LIMIT 1"
    if not accepts(made):
        return Amended(reading.sql)
    return Amended(made, f"The last {base[1].name} before {until}, by {table.name}.{dates[0].name}.")


RULE = Supplied(
    "level", lambda now, about: at_time(about.question, now, about.today, about.accepts), lead=2.5
)
