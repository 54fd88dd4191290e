"""The running total that a question names: a sum over all rows up to each.

Invariant: the statement's own groups become the order of a window, so there is a row for each of them as before.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import plain
from sqlagent.amend.rule import Supplied
from sqlagent.sql.functions import ADDITIVE
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Item
from sqlagent.sql.walk import bare

_ASKED = Phrase(r"\brunning (?:totals?|sums?|counts?|balances?)\b|\bcumulative|\baccumulated\b")


def running(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement with a running total in place of the plain one.

    accepts: whether the grammar accepts a statement. Left alone: windows, several groups, HAVING, limits.
    """
    parts = plain(reading) if _ASKED.search(question) and " OVER " not in reading.sql else None
    if parts is None or parts.has("having") or parts.has("limit") or len(parts.select.group) > 1:
        return Amended(reading.sql)
    calls = [item for item in parts.select.items if _adds(item)]
    others = [item for item in parts.select.items if item not in calls]
    if len(others) != 1:
        return Amended(reading.sql)
    by = parts.text(others[0])
    call = bare(calls[0].value) if len(calls) == 1 else None
    if not isinstance(call, Call) or call.distinct or not parts.select.group:
        return Amended(reading.sql)
    if parts.text(bare(reading.scopes.stands_for(parts.select.group[0]))) != by:
        return Amended(reading.sql)
    total = f"{parts.text(call)} OVER (ORDER BY {by})"
    rest = " ".join(filter(None, (parts.clause("sources"), parts.clause("where"))))
    made = f"SELECT DISTINCT {by}, {total} {rest} ORDER BY {by}"
    return accepted(made, f"Each row has the total up to its {by}.", reading, accepts)


RULE = Supplied("running_total", lambda now, about: running(about.question, now, about.accepts), lead=3.0)


def _adds(item: Item) -> bool:
    call = bare(item.value)
    return isinstance(call, Call) and call.function in ADDITIVE
