"""The statistic that a question names, in place of the mean that a small model writes for all of them.

"What is the median salary?" becomes AVG(salary), since SQLite alone has no median. This program's worker has one
(`sandbox.functions`), which no model knows.

Invariant: only the function changes, or one result column, and only where the grammar takes the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.database.column_kinds import amounts
from sqlagent.sql.edit import Edits
from sqlagent.sql.functions import ANALYSIS
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column, Expr, Item, Query
from sqlagent.sql.walk import bare

_PLAIN = (
    (Phrase(r"\bmedian\b"), "MEDIAN"),
    (Phrase(r"\b(?:standard deviation|std\.? ?dev(?:iation)?|stdev)\b"), "STDDEV"),
    (Phrase(r"\bvariance\b"), "VARIANCE"),
)
_PERCENTILE = Phrase(
    r"\b(?P<share>\d{1,2})(?:st|nd|rd|th)? percentile\b|\b(?P<quartile>first|lower|third|upper|1st|3rd) quartile\b"
)
_OTHERS = Phrase(r"\b(?:average|mean|avg)\b")
"""A question that asks for a mean, too."""


def statistic(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement with the statistic that the question names.

    accepts: whether the grammar accepts a statement. Left alone: what has one already, or several queries,
    and questions that name several.
    """
    asked = [(found[0], name) for form, name in _PLAIN if (found := form.search(question))]
    share = _PERCENTILE.search(question)
    if share:
        asked.append((share[0], "PERCENTILE"))
    calls = list(reading.statement.find(Call))
    if len(asked) != 1 or _OTHERS.search(question) or any(call.function in ANALYSIS for call in calls):
        return Amended(reading.sql)
    if reading.select is None or sum(1 for _ in reading.statement.find(Query)) > 1:
        return Amended(reading.sql)
    words, function = asked[0]
    edits = Edits(reading.statement)
    means = [
        call
        for call in calls
        if call.function in ("AVG", "SUM") and len(call.arguments) == 1 and not call.distinct
    ]
    numbers = _numbers(reading) if not means else []
    if len(means) == 1:
        value = reading.statement.text(means[0].arguments[0])
        edits.put(means[0].start, means[0].arguments[-1].end + 1, _call(function, value, share))
    elif not means and len(numbers) == 1:
        item, column = numbers[0]
        edits.replace(item, _call(function, reading.statement.text(column), share))
        query = reading.query
        if query.order and reading.select is not None:
            for part in ("limit", "order") if query.limit is not None else ("order",):
                edits.drop(reading.select, part)
    else:
        return Amended(reading.sql)
    made = edits.sql()
    return accepted(made, f"{function} was taken for the {words}.", reading, accepts)


RULE = Supplied("statistic", lambda now, about: statistic(about.question, now, about.accepts), lead=4.0)


def _call(function: str, value: str, share: re.Match[str] | None) -> str:
    if share is None or function != "PERCENTILE":
        return f"{function}({value})"
    number = share["share"] or ("25" if share["quartile"].lower() in ("first", "lower", "1st") else "75")
    return f"PERCENTILE({value}, {int(number)})"


def _numbers(reading: Reading) -> list[tuple[Item, Expr]]:
    """The result columns that are numbers and no keys, and the one column that each is made of."""
    assert reading.select is not None
    grouped = {reading.statement.form(bare(term)) for term in reading.select.group}
    found: list[tuple[Item, Expr]] = []
    for item in reading.select.items:
        columns = list(reading.statement.find(Column, item))
        base = reading.scopes.base(columns[0]) if len(columns) == 1 else None
        if base is None or reading.statement.form(bare(item.value)) in grouped:
            continue
        table, column = base
        if column in amounts(table):
            found.append((item, columns[0]))
    return found
