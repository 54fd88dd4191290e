"""Answer which one of those that a question names: "who had the most promotions, rieti or brindisi?".

A small model shows the number of each, or of both together. The one that has more of it, or less, is asked for:
`SELECT team FROM t WHERE team IN ('rieti', 'brindisi') ORDER BY promotions DESC LIMIT 1`.

Invariant: only values that the question sets side by side with "or" are chosen from, and each of them is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.held_rows import Values
from sqlagent.amend.named_rows.measures import COMPARING, Measure, direction, measure
from sqlagent.amend.named_rows.mentions import Mentions, is_column, other_conditions, side_by_side
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.base import word_forms
from sqlagent.linking.prompt import Hint
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column, Expr

_OR = frozenset(("or",))
_MANY = frozenset(("more", "most", "less", "least", "fewer", "fewest", "total"))
_SEVERAL = Phrase(
    r"\b(?:both|each|either|neither|how (?:many|much)|difference|all|find|list|show|display|give|what (?:are|were))\b"
)
"""Questions with such words ask for a number, or for all of them."""
_DID = Phrase(r"^\W*(?:did|does|do|was|is|has)\b")


def one_of(
    question: str, reading: Reading, hints: Sequence[Hint], accepts: Callable[[str], bool], values: Values
) -> Amended:
    """A statement that shows the one of the named ones that is asked for.

    hints: stored values that the question mentions. accepts: whether the grammar accepts a statement. values: the
    first column of a statement's rows.
    """
    said = {token.folded for token in word_forms.tokens(question)}
    if "or" not in said or _SEVERAL.search(question):
        return Amended(reading.sql)
    named = side_by_side(question, reading, hints, _OR, values)
    among = named.condition(values) if named is not None else ""
    if named is None or not among:
        return Amended(reading.sql)
    where = " AND ".join([among, *other_conditions(reading, named)])
    shown, rows = quote(named.column), f"FROM {quote(named.table.name)} WHERE {where}"
    if not said & COMPARING:
        if where == among or not _DID.search(question) or not _asks_for_name(reading, named):
            return Amended(reading.sql)
        note = f"Shown is which {named.column} it is."
        return accepted(f"SELECT {shown} {rows}", note, reading, accepts)
    by = measure(question, reading, named.table, named.column)
    way = direction(question, reading, by) if by is not None else ""
    if by is None or not way:
        return Amended(reading.sql)
    several = bool(values(f"SELECT {shown} {rows} GROUP BY {shown} HAVING COUNT(*) > 1 LIMIT 1"))
    made = f"SELECT {shown} {rows}{_ordered(by, way, shown, bool(said & _MANY), several)} LIMIT 1"
    what = by.column.name if by.column is not None else "rows"
    note = f"Of those named, the one with the {'most' if way == 'DESC' else 'least'} {what} is shown."
    return accepted(made, note, reading, accepts)


RULE = Supplied(
    "one_of",
    lambda now, about: one_of(about.question, now, about.hints, about.accepts, about.values),
    lead=2.0,
)


def _ordered(by: Measure, way: str, shown: str, many: bool, several: bool) -> str:
    """How the named ones are sorted; `several`: one of them has several rows."""
    down = " DESC" if way == "DESC" else ""
    if by.column is None:
        return f" GROUP BY {shown} ORDER BY COUNT(*){down}"
    value = quote(by.column.name)
    if not several:
        return f" ORDER BY {value}{down}"
    function = "SUM" if many else "MAX" if down else "MIN"
    return f" GROUP BY {shown} ORDER BY {function}({value}){down}"


def _asks_for_name(reading: Reading, named: Mentions) -> bool:
    """Whether a statement gives another thing than the named ones: a count, or rows of another column."""
    select = reading.select
    if select is None or len(select.items) != 1:
        return True
    value: Expr = select.items[0].value
    return isinstance(value, Call) or not (
        isinstance(value, Column) and is_column(reading, value, named.table, named.column)
    )
