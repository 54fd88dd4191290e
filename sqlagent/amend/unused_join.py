"""Take out a joined table of which a statement uses nothing, and which shows the others' rows several times.

    SELECT guest.name FROM guest JOIN booking ON guest.id = booking.guest_id WHERE guest.country = 'NL'

lists a guest once for each booking, of which nothing is shown. Where every guest has a booking, the join goes; where
some have none, it says which guests are meant, and `guest.id IN (SELECT guest_id FROM booking)` stays of it.

Invariant: the rows are the same ones, each as often as without the join. What counts or adds up the joined rows
stays, since they may be what is asked for: COUNT(*), a price added up once for each sale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.rule import Pitfall
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.database.schema import Table, fold
from sqlagent.sql.functions import AGGREGATES
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call, Joined, Star
from sqlagent.sql.walk import bare

HasRows = Callable[[str], bool]
_EACH = Phrase(r"\b(?:each|every|per)\b")
"""Words with which the rows of a table may be meant that has another name here: "the driver of each trip"."""


@dataclass(frozen=True)
class _Leaf:
    """A table of which nothing but the one equation that joins it is used: `own = of.other`.

    place: its own among the sources. inner: whether the join leaves out rows for which it has nothing.
    """

    place: int
    table: Table
    own: str
    of: Table
    other: str
    inner: bool


def joins_used(asked: str, reading: Reading, accepts: Callable[[str], bool], has_rows: HasRows) -> Amended:
    """The statement without the joins that only repeat its rows.

    asked: the question, and those that it goes on from. accepts: whether the grammar accepts a statement. has_rows:
    whether one finds a row. Left alone: tables that the question names, since each of their rows may be meant.
    """
    parts = plain(reading)
    if parts is None or not _shows_rows(parts) or _EACH.search(asked):
        return Amended(reading.sql)
    said = {stem(word) for word in words(asked)}
    filters: list[_Leaf] = []
    repeated: list[str] = []
    while leaf := next((one for one in _leaves(parts, filters) if not _named(one.table, said)), None):
        parts = _without(leaf, parts)
        if has_rows(_repeats(leaf)):
            repeated.append(leaf.table.name)
        if leaf.inner and not has_rows(_loses_none(leaf, parts)):
            filters.append(leaf)
    if not repeated:
        return Amended(reading.sql)
    edits = parts.edits()
    for leaf in filters:
        other = f"{quote(leaf.of.name)}.{quote(leaf.other)}" if parts.several else quote(leaf.other)
        edits.add_condition(
            parts.select, f"{other} IN (SELECT {quote(leaf.own)} FROM {quote(leaf.table.name)})"
        )
    note = f"Each row is shown once, not once for each row of {' and '.join(repeated)}, which nothing else is about."
    return accepted(edits.sql(), note, reading, accepts)


RULE = Pitfall(
    "unused_join", lambda now, about: joins_used(about.asked, now, about.accepts, about.has_rows), proved=True
)


def _named(table: Table, said: Set[str]) -> bool:
    """Whether a question has a word of a table's name, or one that begins with it: reviewed, product_reviews."""
    for name in map(stem, name_words(table.name)):
        for word in said:
            short, long = sorted((word, name), key=len)
            if word == name or (len(short) > 3 and long.startswith(short)):
                return True
    return False


def _shows_rows(parts: PlainSelect) -> bool:
    """Whether a statement shows rows of joined tables one by one."""
    if not parts.several or parts.select.distinct or parts.has("group"):
        return False
    calls = parts.reading.statement.find(Call)
    stars = any(parts.reading.statement.find(Star))
    return not stars and not any(call.window or call.function in AGGREGATES for call in calls)


def _leaves(parts: PlainSelect, filters: Sequence[_Leaf]) -> Iterator[_Leaf]:
    """The tables of which nothing but one equation is used, not for `filters` either."""
    sources = parts.select.sources
    if any(one.natural or one.using or one.operator not in ("", "JOIN", "LEFT JOIN") for one in sources):
        return
    used = {table for table, _ in parts.keys_of("items", "where", "group", "having", "order")}
    used |= {fold(leaf.of.name) for leaf in filters}
    for place, table in enumerate(parts.tables if parts.several else ()):
        at = sources[max(place, 1)]  # what joins the first source stands behind the second
        joins = [
            one for one in sources if one.on and any(parts.owner(c) is table for c in parts.columns(one.on))
        ]
        if fold(table.name) not in used and joins == [at] and (leaf := _leaf(place, table, at, parts)):
            yield leaf


def _leaf(place: int, table: Table, at: Joined, parts: PlainSelect) -> _Leaf | None:
    """The table as such a one, where the condition behind a source is one equation of two columns."""
    condition = bare(at.on) if at.on is not None else None
    if not isinstance(condition, Binary) or condition.operator != "=":
        return None
    sides = [parts.column(bare(side)) for side in (condition.left, condition.right)]
    own = next((side for side in sides if side is not None and side[0] is table), None)
    other = next((side for side in sides if side is not None and side[0] is not table), None)
    inner = at.operator == "JOIN"
    if own is None or other is None or not (place or inner):
        return None
    return _Leaf(place, table, own[1], *other, inner)


def _repeats(leaf: _Leaf) -> str:
    """A statement that finds a row where several rows of the table have one value of the equation."""
    own, table = quote(leaf.own), quote(leaf.table.name)
    return f"SELECT 1 FROM {table} WHERE {own} IS NOT NULL GROUP BY {own} HAVING COUNT(*) > 1 LIMIT 1"


def _without(leaf: _Leaf, parts: PlainSelect) -> PlainSelect:
    """The statement without a table and its join."""
    sources, place = parts.select.sources, leaf.place
    behind = parts.sql[sources[max(place, 1)].end : sources[-1].end]
    before = parts.sql[sources[0].start : sources[place - 1].end] if place else parts.text(sources[1].source)
    return parts.over(f"FROM {before}{behind}", [table for table in parts.tables if table is not leaf.table])


def _loses_none(leaf: _Leaf, parts: PlainSelect) -> str:
    """A statement that finds a row where each row of a statement without the join has one in the table."""
    other = f"{quote(leaf.of.name)}.{quote(leaf.other)}"
    own, table = quote(leaf.own), quote(leaf.table.name)
    where = [f"({parts.text(parts.select.where)})"] if parts.select.where is not None else []
    unmatched = f"({other} IS NULL OR {other} NOT IN (SELECT {own} FROM {table} WHERE {own} IS NOT NULL))"
    lost = f"SELECT 1 {parts.clause('sources')} WHERE {' AND '.join([*where, unmatched])}"
    return f"SELECT 1 WHERE NOT EXISTS ({lost})"
