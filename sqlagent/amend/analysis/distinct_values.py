"""The second highest of the values, and not the second row, which may tie with the first.

Invariant: where no two rows share a value the statement gives what it gave before.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import plain
from sqlagent.amend.rule import Supplied
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Column, Literal
from sqlagent.sql.walk import bare

_ASKED = Phrase(r"\b(?:second|third|fourth|fifth|2nd|3rd|4th|5th)[ -](?:most|least|best|worst|\w{2,}est)\b")


def nth_value(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that skips values, not rows: DISTINCT where it shows them, a comparison where it shows whose.

    accepts: whether the grammar accepts a statement.
    """
    query = reading.query
    parts = plain(reading) if _ASKED.search(question) else None
    if parts is None or not isinstance(query.offset, Literal) or len(query.order) != 1:
        return Amended(reading.sql)
    by = bare(query.order[0].value)
    if not isinstance(by, Column) or parts.select.group or parts.select.distinct:
        return Amended(reading.sql)
    items = [bare(item.value) for item in parts.select.items]
    edits = Edits(reading.statement)
    if len(items) == 1 and isinstance(items[0], Column) and parts.key(items[0]) == parts.key(by):
        edits.before(parts.select.items[0], "DISTINCT ")
    elif len(parts.tables) == 1:
        inner = " ".join(
            filter(
                None,
                (
                    f"SELECT DISTINCT {parts.text(by)}",
                    parts.clause("sources"),
                    parts.clause("where"),
                    parts.clause("order"),
                    parts.clause("limit"),
                ),
            )
        )
        edits.add_condition(parts.select, f"{parts.text(by)} = ({inner})")
        edits.drop(parts.select, "limit")
        edits.drop(parts.select, "order")
    else:
        return Amended(reading.sql)
    made = edits.sql()
    return accepted(made, f"Rows with the same {parts.text(by)} take one place.", reading, accepts)


RULE = Supplied("nth_value", lambda now, about: nth_value(about.question, now, about.accepts), lead=1.5)
