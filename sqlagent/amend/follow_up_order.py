"""Elliptical follow-ups: those that name an order or a bound, and leave to the last answer of what.

"Most first", "in descending order", "only those with more than 3": of what, is what the last statement shows, its
aggregate, or its one column of numbers or dates. A small model forgets the statement over so short a question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sqlagent.amend.plain_select import PlainSelect
from sqlagent.amend.superlatives import column_kind
from sqlagent.base.word_forms import name_words, stem
from sqlagent.database.column_kinds import amounts
from sqlagent.database.schema import Table
from sqlagent.sql.functions import MEASURES
from sqlagent.sql.tree import Call, Column
from sqlagent.sql.walk import walk

_LEAD = (
    r"(?:(?:and|but|so|now|then|ok|okay|please|just|rather)\b,?\s*)*"
    r"(?:(?:(?:sort|order|rank|arrange|put|list|show|give)(?: me)? (?:them|these|those|it|this|that)"
    r"|sort|order|rank|arrange)\b(?: (?:by|with|from|in)\b)?\s+)?(?:the )?"
)
_TAIL = r"(?:,? please)?\W*"
_DOWN = [
    "most",
    "highest",
    "largest",
    "biggest",
    "greatest",
    "longest",
    "heaviest",
    "tallest",
    "priciest",
    "most expensive",
]
_UP = ["least", "fewest", "lowest", "smallest", "shortest", "lightest", "cheapest", "least expensive"]
_EARLY = ["oldest", "earliest", "eldest"]
_LATE = ["youngest", "newest", "latest", "most recent"]
_ALL = "|".join(sorted([*_DOWN, *_UP, *_EARLY, *_LATE], key=len, reverse=True))
_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_LEAD}(?P<end>{_ALL})\b(?P<noun>(?: [\w-]+){{0,4}}?),? (?:ones? )?(?:first|at the top|on top){_TAIL}",
        rf"{_LEAD}(?P<end>{_ALL}) to (?:the )?(?:{_ALL}){_TAIL}",
        rf"{_LEAD}(?:starting|beginning) (?:with|from) (?:the )?(?P<end>{_ALL}){_TAIL}",
        rf"{_LEAD}(?:in )?(?P<end>(?:a|de)scending)(?: order)?{_TAIL}",
    )
]
_BOUNDS = {
    ">": "more than|over|above|greater than|higher than",
    ">=": "at least",
    "<": "less than|fewer than|under|below|lower than",
    "<=": "at most|no more than|up to",
    "=": "exactly",
}
_NARROWER = re.compile(
    rf"{_LEAD}(?:(?:only|just|keep|those|these|them|the ones|that|which)\b\s*)+"
    r"(?:(?:with|having|have|has|where|of)\s+)?(?:"
    + "|".join(f"(?P<b{n}>{words})" for n, words in enumerate(_BOUNDS.values()))
    + rf")\s+(?P<number>\d+(?:\.\d+)?)(?P<noun>(?: [\w-]+){{0,3}}?){_TAIL}",
    re.IGNORECASE,
)
_LONGEST = 120
"""Characters of such a question; a longer one says more, and would take the patterns long."""
_SMALL = frozenset(["a", "an", "the", "of", "in", "number", "amount", "count", "total", "average"])


def names_an_order(question: str) -> bool:
    """Whether a question asks for nothing but another order."""
    return len(question) <= _LONGEST and any(form.fullmatch(question.strip()) for form in _FORMS)


def completed(question: str, last: PlainSelect) -> tuple[PlainSelect, str] | None:
    """The last statement in another order, or with fewer groups, and what of it was kept.

    None where a question asks for anything else, or it is not clear of what.
    """
    question = question.strip()
    if last.has("limit") or (last.all_columns and not last.select.distinct) or len(question) > _LONGEST:
        return None
    for form in _FORMS:
        if asked := form.fullmatch(question):
            order = _order(asked["end"].lower(), asked.groupdict().get("noun") or "", last)
            return None if order is None else (last.with_clause("order", order), "all but the order")
    if (asked := _NARROWER.fullmatch(question)) and last.has("group") and not last.has("having"):
        sign = next(sign for n, sign in enumerate(_BOUNDS) if asked[f"b{n}"])
        found = _meant(last, asked["noun"], dated=False)
        if found is not None and found.added:
            having = f"HAVING {found.text} {sign} {asked['number']}"
            return last.with_clause("having", having), "all but the groups left out"
    return None


def _order(end: str, noun: str, last: PlainSelect) -> str | None:
    """ORDER BY what a statement shows, from that end."""
    terms = last.reading.query.order
    if end in ("ascending", "descending") and terms:
        if len(terms) > 1 or terms[0].nulls:
            return None
        return f"ORDER BY {last.text(terms[0].value)}" + (" DESC" if end == "descending" else "")
    found = _meant(last, noun, dated=end in _EARLY or end in _LATE)
    if found is None:
        return None
    down = end in _DOWN or end == "descending" or end in (_EARLY if found.kind == "age" else _LATE)
    return f"ORDER BY {found.text}{' DESC' if down else ''}"


class _Measure(NamedTuple):
    """What a statement shows that has a most and a least: its text, what it holds, and the words that may name it."""

    text: str
    added: bool
    """Whether it is made by an aggregate."""
    kind: str
    said: frozenset[str]


def _meant(last: PlainSelect, noun: str, dated: bool) -> _Measure | None:
    """The one thing that a statement shows and a noun, if any, names."""
    asked = _stems(noun) - _SMALL
    found = [one for one in _measures(last, dated) if asked <= one.said]
    return found[0] if len(found) == 1 else None


def _measures(last: PlainSelect, dated: bool) -> Iterator[_Measure]:
    """What a statement shows that has a most and a least.

    dated: whether dates and ages are meant; else numbers are.
    """
    tables = frozenset[str]().union(*(_stems(table.name) for table in last.tables))
    items = [(item, any(_is_measure(node) for node in walk(item))) for item in last.select.items]
    for item, added in items:
        named = [column.name.text for column in last.columns(item)]
        said = frozenset[str]().union(*map(_stems, named))
        if added:
            if last.has("group") and not dated:
                yield _Measure(last.text(item), True, "", said | tables)
        elif isinstance(item.value, Column) and (table := last.owner(item.value)) is not None:
            kind = column_kind(named[0], (table,))
            numbers = not any(one for _, one in items) and kind != "date" and _is_number(table, named[0])
            if kind if dated else numbers:
                yield _Measure(last.text(item), False, kind, said)


def _is_measure(node: object) -> bool:
    return isinstance(node, Call) and node.function in MEASURES


def _is_number(table: Table, name: str) -> bool:
    """Whether a column holds numbers that are no keys."""
    labels = _stems(name) & {"id", "code", "year", "phone", "zip"}
    return not labels and table.column(name) in amounts(table)


def _stems(name: str) -> frozenset[str]:
    return frozenset(stem(part) for word in name.split() for part in name_words(word))
