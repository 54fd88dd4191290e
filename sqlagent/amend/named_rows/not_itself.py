"""Leave out the one that others are compared with: "name another club with as many wins as Parkes".

`wins = (SELECT wins FROM t WHERE club = 'Parkes')` finds Parkes first of all.

Invariant: only a condition is added, that the shown column is not the text that the subquery looks for.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.named_rows.mentions import only_table
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.database.schema import fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column, Literal, Subquery
from sqlagent.sql.walk import bare, single

_OTHER = Phrase(r"\b(?:other|another|else|besides|others)\b|\bsame\b.*\bas\b|\bas (?:many|much)\b.*\bas\b")


def not_itself(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that does not find the one whose value it takes. accepts: whether the grammar accepts a statement."""
    select = reading.select
    if select is None or only_table(reading) is None or not _OTHER.search(question) or len(select.items) != 1:
        return Amended(reading.sql)
    shown = bare(select.items[0].value)
    if not isinstance(shown, Column):
        return Amended(reading.sql)
    conditions = reading.statement.conjuncts(select)
    texts = [text for one in conditions if (text := _compared_with(reading, one, shown)) is not None]
    for one in conditions:
        if isinstance(one, Binary) and one.operator == "!=" and _same(reading, bare(one.left), shown):
            return Amended(reading.sql)
    if len(texts) != 1:
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    edits.add_condition(select, f"{reading.statement.text(shown)} != {text_literal(texts[0])}")
    made = edits.sql()
    return accepted(made, f"{texts[0]!r} itself is left out.", reading, accepts)


RULE = Supplied("not_itself", lambda now, about: not_itself(about.question, now, about.accepts), lead=1.5)


def _compared_with(reading: Reading, condition: object, shown: Column) -> str | None:
    """The text that a subquery looks for in the shown column, of a condition that some value is the same as there."""
    if not isinstance(condition, Binary) or condition.operator != "=":
        return None
    left, right = bare(condition.left), bare(condition.right)
    inner = single(right.query) if isinstance(right, Subquery) else None
    if not isinstance(left, Column) or inner is None or inner.where is None or len(inner.items) != 1:
        return None
    found, where = bare(inner.items[0].value), bare(inner.where)
    if not isinstance(found, Column) or not _same(reading, found, left):
        return None
    if not isinstance(where, Binary) or where.operator != "=" or not _same(reading, bare(where.left), shown):
        return None
    text = bare(where.right)
    return text.value if isinstance(text, Literal) and text.kind == "text" else None


def _same(reading: Reading, one: object, other: Column) -> bool:
    """Whether two names stand for the same column of a table."""
    if not isinstance(one, Column):
        return False
    first, second = reading.scopes.of(one), reading.scopes.of(other)
    return (
        first.table is second.table
        and first.column is not None
        and second.column is not None
        and (fold(first.column.name) == fold(second.column.name))
    )
