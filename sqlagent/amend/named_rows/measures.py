"""Tell by what a question compares rows: by which column, and whether more of it or less is asked for.

by("which team had more promotions, …", "SELECT team, MAX(promotions) FROM …")     promotions, DESC
by("which was released earlier, …", "SELECT released FROM …")                      released, ASC
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlagent.base import word_forms
from sqlagent.database.column_kinds import holds_dates, holds_numbers
from sqlagent.database.schema import Column as DbColumn
from sqlagent.database.schema import Table, fold
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Between, Binary, Call, Column, In, Like, Literal, Star
from sqlagent.sql.walk import bare

_UP_WORDS = """more most higher highest larger largest greater greatest bigger biggest longer longest taller tallest
    heavier heaviest later latest newer newest deeper deepest wider widest farther farthest further warmer hotter
    better best"""
_DOWN_WORDS = """less least fewer fewest lower lowest smaller smallest shorter shortest lighter lightest earlier
    earliest shallower narrower nearer colder worse worst"""
_UP, _DOWN = frozenset(_UP_WORDS.split()), frozenset(_DOWN_WORDS.split())
_OLD, _YOUNG = frozenset(("older", "oldest")), frozenset(("younger", "youngest"))
_AGES = frozenset(("age", "year", "yr"))
_QUICK, _SLOW = frozenset(("faster", "fastest", "quicker", "quickest")), frozenset(("slower", "slowest"))
_PLACES = frozenset(("rank", "ranking", "position", "pos", "place", "placing", "standing", "seed", "finish"))
"""Words of columns in which a small number is the better one."""
_TIMES = frozenset(
    ("year", "date", "day", "born", "birth", "built", "founded", "opened", "released", "season", "since")
)
_MANY = frozenset(("more", "most", "less", "least", "fewer", "fewest"))
COMPARING = _UP | _DOWN | _OLD | _YOUNG | _QUICK | _SLOW | {"first", "last"}


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of a table, or how many rows there are where `column` is None."""

    column: DbColumn | None

    @property
    def words(self) -> frozenset[str]:
        return (
            frozenset(map(word_forms.stem, word_forms.name_words(self.column.name)))
            if self.column
            else frozenset()
        )

    @property
    def is_time(self) -> bool:
        """Whether it is a year, a date or a time of day."""
        return self.column is not None and (bool(self.words & _TIMES) or holds_dates(self.column))


def measure(question: str, reading: Reading, table: Table, but: str) -> Measure | None:
    """What the question compares the rows by; None where that is not clear. but: the column that names them.

    The one column whose whole name the question says; else one that the statement adds up or sorts by, or that it
    shows.
    """
    said = {token.stem for token in word_forms.tokens(question)}
    asked = [column for column in table.columns if fold(column.name) != fold(but) and comparable(column)]
    asked = [column for column in asked if column.name not in table.primary_key]
    named = [column for column in asked if Measure(column).words and Measure(column).words <= said]
    if len(named) == 1:
        return Measure(named[0])
    used = _used(reading, table)
    first = [column for column in asked if column.name in used["sorted"]]
    shown = [column for column in asked if column.name in used["shown"]]
    for found in (first, shown):
        if len(found) > 1:
            found = _most_said(found, said)
        if len(found) == 1:
            return Measure(found[0])
    if any(call.function == "COUNT" for call in reading.statement.find(Call)) and not named:
        return Measure(None)
    return None


def _most_said(columns: list[DbColumn], said: set[str]) -> list[DbColumn]:
    """Those of some columns of whose names the question says the most words, and one at least."""
    counts = {column.name: len(Measure(column).words & said) for column in columns}
    most = max(counts.values(), default=0)
    return [column for column in columns if most and counts[column.name] == most]


def comparable(column: DbColumn) -> bool:
    """Whether more or less of a column can be meant: numbers, dates, and texts that begin with a number."""
    if holds_numbers(column) or holds_dates(column):
        return True
    known = [value for value in column.samples if value is not None and value != ""]
    return bool(known) and all(isinstance(value, (int, float)) or _number(value) for value in known)


def _number(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[-+$€£]?\s?\d[\d,. ]*", value.strip()) is not None


def _used(reading: Reading, table: Table) -> dict[str, set[str]]:
    """The columns that a statement adds up or sorts by, and those that it uses otherwise than to choose rows."""
    used: dict[str, set[str]] = {"sorted": set(), "shown": set()}
    for node in reading.statement.find(Column):
        found = reading.scopes.of(node)
        if found.table is not table or found.column is None:
            continue
        above = reading.statement.site(node)
        if isinstance(above, (Like, In, Between)):
            continue
        if isinstance(above, Binary) and any(
            isinstance(bare(side), Literal) for side in (above.left, above.right)
        ):
            continue
        call = reading.statement.around(node, Call)
        ordered = reading.statement.clause_of(node) == "order"
        computed = call is not None and call.function != "COUNT"
        used["sorted" if ordered or computed else "shown"].add(found.column.name)
    return used


def direction(question: str, reading: Reading, by: Measure) -> str:
    """DESC where the question asks for more of a measure, ASC where it asks for less; "" where it does not say."""
    said = [token.folded for token in word_forms.tokens(question)]
    words = frozenset(said)
    ranked, timed = bool(by.words & _PLACES), by.is_time
    if words & (_UP | _DOWN):
        word = next(one for one in said if one in _UP | _DOWN)
        less = word in _DOWN
        if ranked and word not in _MANY:  # the best rank is 1
            less = not less
        return "ASC" if less else "DESC"
    if words & (_OLD | _YOUNG):
        if not timed and not by.words & _AGES:
            return ""
        old = bool(words & _OLD)
        return "ASC" if old == timed else "DESC"
    if words & (_QUICK | _SLOW):
        if "speed" not in by.words and "time" not in by.words:
            return ""
        return "DESC" if bool(words & _QUICK) == ("speed" in by.words) else "ASC"
    if words & {"first", "last"} and (ranked or timed):
        return "ASC" if "first" in words else "DESC"
    return _written(reading)


def _written(reading: Reading) -> str:
    """The direction in which the statement itself looks for the first or the greatest."""
    for term in reading.query.order:
        return "DESC" if term.descending else "ASC"
    for call in reading.statement.find(Call):
        if call.function in ("MAX", "MIN") and not any(isinstance(one, Star) for one in call.arguments):
            return "DESC" if call.function == "MAX" else "ASC"
    return ""
