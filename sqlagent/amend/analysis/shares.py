"""Parts of a whole, where a statement gives the parts alone: "what share of the revenue comes from each town?".

A small model adds up or counts, and leaves the division out. Groups are divided by what the statement gives without
them; where there is one condition and no group, what fulfils it by all there is. A period stays with both.

Invariant: the rows are those that the statement had, and only the one number among the results changes, to a quotient
by the same number over rows of the same tables.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.analysis import some_rows
from sqlagent.amend.periods import time_conditions
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import Condition, PlainSelect, plain
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import likeness, name_words, stem
from sqlagent.sql.functions import ADDITIVE
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Item
from sqlagent.sql.walk import bare

_PERCENT = r"percent(?:age|s)?|per cent"
_ASKED = Phrase(
    rf"\b(?:what|which|the|as an?|show|give|by|in)(?: \w+)? (?P<part>share|proportion|fraction|{_PERCENT})\b"
    rf"|^\W*(?P<first>share|proportion|fraction|{_PERCENT}) of\b"
    rf"|(?<!\d)(?<!\d )(?P<sign>%) of\b"
)
_OF = Phrase(rf"\b(?:share|proportion|fraction|{_PERCENT}) of (?:all |the |our )*(?P<noun>\w+)")
_NO_SHARE = Phrase(
    rf"\b(?:how many|how much|chang\w+|gr[eo]w\w*|increase\w*|decrease\w*|rise|rose|fall|fell|differ\w*|compar\w*)\b"
    rf"|\b(?:\w+est|most|least|average|mean|median|\d+) (?:share|proportion|fraction|{_PERCENT})\b"
    r"|\b(?:of|within|in) (?:each|every|its|their|his|her)\b"
)
"""What asks for something else with the same words: an extreme, a bound, a change, a share within each group."""
_PARTS = frozenset(("share", "percent", "percentage", "pct", "proportion", "fraction", "ratio", "rate"))


def as_share(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that divides what it counts or adds up by the whole of it.

    accepts: whether the grammar accepts a statement. Left alone: what divides already, columns that hold shares, groups
    under a condition that is no period, and several conditions, of which the whole may have some.
    """
    asked = _ASKED.search(question)
    parts = plain(reading) if asked and not _NO_SHARE.search(question) else None
    if asked is None or parts is None or parts.has("limit") or parts.has("having") or parts.select.distinct:
        return Amended(reading.sql)
    number = _number(parts) if "/" not in reading.sql and not _holds_shares(parts) else None
    found = next(filter(None, asked.groups())).lower()
    times = "1.0" if found in ("share", "proportion", "fraction") else "100.0"
    periods = {node for _, node in time_conditions(reading) or ()}
    rest = [one for one in parts.conditions if one.node not in periods]
    if parts.has("where") and not parts.conditions:
        return Amended(reading.sql)
    if parts.has("group"):
        made = "" if rest or number is None else _of_groups(parts, number, times)
    elif len(rest) != 1 or (number is None and not _of_rows(question, parts)):
        made = ""
    else:
        made = _of_one(parts, number, rest[0], times)
    what = parts.text(number) if number is not None else "The number of rows"
    return accepted(made, f"{what} is shown as a part of the whole.", reading, accepts)


RULE = Supplied("part_of_whole", lambda now, about: as_share(about.question, now, about.accepts), lead=2.5)


def _of_rows(question: str, parts: PlainSelect) -> bool:
    """Whether the question wants a part of a table's rows, and the statement looks at no others than that part."""
    asked = _OF.search(question)
    if asked is None or parts.several or len(parts.select.items) != 1 or "CASE" in parts.sql:
        return False
    noun, name = stem(asked["noun"].lower()), name_words(parts.tables[0].name)[-1:]
    return any(likeness(stem(word), noun) >= 0.6 for word in name)


def _number(parts: PlainSelect) -> Item | None:
    """The one number among the results, a count or a sum; all others are what the rows are grouped by."""
    groups = {parts.text(bare(term)) for term in parts.select.group}
    others = [item for item in parts.select.items if parts.text(bare(item.value)) not in groups]
    call = bare(others[0].value) if len(others) == 1 else None
    additive = isinstance(call, Call) and call.function in ADDITIVE and some_rows.takes_each_row(call)
    return others[0] if additive else None


def _holds_shares(parts: PlainSelect) -> bool:
    """Whether a column among the results holds shares as it is."""
    return any(_PARTS & {stem(word) for word in name_words(name)} for _, name in parts.keys_of("items"))


def _of_groups(parts: PlainSelect, number: Item, times: str) -> str:
    """Each group's number by that of all rows."""
    rows = " ".join(filter(None, (parts.clause("sources"), parts.clause("where"))))
    edits = parts.edits()
    edits.replace(number, f"{parts.text(number)} * {times} / (SELECT {parts.text(number)} {rows})")
    return edits.sql()


def _of_one(parts: PlainSelect, number: Item | None, condition: Condition, times: str) -> str:
    """What fulfils a condition by all that there is, with it or without; of rows where there is no number."""
    call = bare(number.value) if number is not None else None
    part, whole = f"COUNT(CASE WHEN {condition.text} THEN 1 END)", "COUNT(*)"
    if isinstance(call, Call):
        part, whole = some_rows.where(condition.text, call, parts), parts.text(call)
    kept = [one.text for one in parts.conditions if one.node is not condition.node]
    where = f" WHERE {' AND '.join(kept)}" if kept else ""
    return f"SELECT {part} * {times} / {whole} {parts.clause('sources')}{where}"
