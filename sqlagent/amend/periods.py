"""The days that a question's words for a time mean, as bounds of a column: "last month" is from its first day to before
the first of this one.

A model does not know what day it is, and SQLite's own arithmetic is full of traps (`CURRENT_DATE - 7` is a number,
`'now -1 month'` is NULL, `<= '2024-01-31'` leaves out that day's 10 o'clock). So where a question speaks of one period,
the conditions that a statement puts on one column of dates are proposed to be its days, from the first to before
the one behind the last, which is right for dates and for time stamps however they are written.

Invariant: only conditions on one column of dates change or are added, and only where the grammar takes the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.period import DAY, Period
from sqlagent.amend.period_phrases import periods
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.database.column_kinds import holds_dates
from sqlagent.database.schema import Column as DbColumn
from sqlagent.database.schema import Table
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import (
    Between,
    Binary,
    Call,
    Column,
    Expr,
    In,
    Like,
    Literal,
    NullTest,
    Query,
    Select,
    TableRef,
)
from sqlagent.sql.walk import flat

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]|\Z)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_BIRTH = frozenset(("birth", "born", "dob", "birthday", "birthdate", "death", "died"))
_PARTS = frozenset(("year", "month", "week", "quarter", "day", "weekday", "period", "date"))
_OUTSIDE = re.compile(
    r"\b(?:not|except|excluding|without|other than|outside|besides|than)(?: \w+)?"
    r"(?: (?:in|on|of|for|during|from))?(?: the)? $",
    re.I,
)
_OLDEST = 30
"""Years back that a period without a year is looked for."""
_COMPARISONS = frozenset(("=", "!=", "<", "<=", ">", ">=", "IS", "IS NOT"))
_ARITHMETIC_STEPS = 1
"""Days by which two ways to count back from today may differ: with today, and without it."""


def in_period(
    question: str,
    reading: Reading,
    today: date,
    accepts: Callable[[str], bool],
    has_rows: Callable[[str], bool],
) -> Amended:
    """A statement over the days that the question speaks of.

    today: the day that it is where the question is asked. accepts: whether the grammar accepts a statement. has_rows:
    whether one finds a row. Left alone: several periods, several columns of dates, and words that a text of
    the statement or a column's name has.
    """
    asked = periods(question, today)
    if len(asked) != 1 or _vague(question, asked[0]) or _taken(question, asked[0], reading):
        return Amended(reading.sql)
    period, found = asked[0], time_conditions(reading)
    if found is None:
        return Amended(reading.sql)
    if found:
        select, conditions = found[0][0], [node for _, node in found]
        if any(one is not select or _denies(node) for one, node in found):
            return Amended(reading.sql)
        column = next(reading.statement.find(Column, conditions[0]))
        home = reading.scopes.base(column)
        assert home is not None
        table, name = home[0], reading.statement.text(column)
        if period.rolling and _counts_back(conditions, period, reading, has_rows):
            return Amended(reading.sql)
        if _after_the_day(conditions, period):
            return Amended(reading.sql)
    else:
        place = _column(question, period, reading)
        if place is None:
            return Amended(reading.sql)
        select, table, of, name = place
        conditions, home = [], (table, of)
    days = _dated(period, f"{quote(table.name)}", quote(home[1].name), conditions, reading, has_rows)
    if days is None:
        return Amended(reading.sql)
    made = _bounded(reading, select, conditions, name, days)
    phrase = question[period.start : period.stop]
    note = f"{phrase!r} was taken to be {days.said()}, by {table.name}.{home[1].name}."
    return accepted(made, note, reading, accepts)


RULE = Supplied(
    "period",
    lambda now, about: in_period(about.question, now, about.today, about.accepts, about.has_rows),
    lead=3.0,
)


def counted_back(question: str, sql: str, today: date) -> str:
    """What to say of a statement that counts back from today by itself; "" for any other."""
    asked = periods(question, today)
    if len(asked) != 1 or not asked[0].rolling or "'now'" not in sql:
        return ""
    return f"{question[asked[0].start : asked[0].stop]!r} is counted back from today, {today}."


def _vague(question: str, period: Period) -> bool:
    """Whether a period is left out, or has no year where the question names one: "2021's summer, until 31 May"."""
    if _OUTSIDE.search(question[: period.start]):
        return True
    rest = question[: period.start] + " " + question[period.stop :]
    return period.yearless and bool(
        _YEAR.search(rest) or re.match(r",? (?:of )?['’]\d\d\b", question[period.stop :])
    )


def _taken(question: str, period: Period, reading: Reading) -> bool:
    """Whether the period's words are a value that the statement compares with, or the name of a column."""
    said = [word for word in words(question[period.start : period.stop]) if not word.isdigit()]
    telling = {stem(word) for word in said} - {
        "the",
        "from",
        "until",
        "since",
        "of",
        "to",
        "and",
        "last",
        "this",
    }
    for literal in reading.statement.find(Literal):
        if literal.kind == "text" and not _ISO.match(literal.value):
            modifier = isinstance(reading.statement.site(literal), Call)
            if not modifier and telling & {stem(word) for word in words(literal.value)}:
                return True
    names = [name_words(c.name) for table in reading.schema.tables for c in table.columns]
    return any(len(said) > 1 and said == name[i : i + len(said)] for name in names for i in range(len(name)))


def time_conditions(reading: Reading) -> list[tuple[Select, Expr]] | None:
    """The conditions that hold one column of dates against constants; None where they are of several columns."""
    found: list[tuple[Select, Expr]] = []
    of = set()
    for select in reading.statement.find(Select):
        for node in reading.statement.conjuncts(select):
            columns = {reading.scopes.bases(column) for column in reading.statement.find(Column, node)}
            bases = [reading.scopes.base(column) for column in reading.statement.find(Column, node)]
            if len(columns) != 1 or not bases or bases[0] is None or not holds_dates(bases[0][1]):
                continue
            if not _compares(node) or any(reading.statement.find(Query, node)):
                continue
            of |= columns
            found.append((select, node))
    return found if len(of) < 2 else None


def _compares(node: Expr) -> bool:
    """Whether a condition compares, and does not ask whether there is anything."""
    for part in flat(node, "OR"):
        for one in flat(part, "AND"):
            null = isinstance(one, Binary) and isinstance(one.right, Literal) and one.right.value == "NULL"
            if isinstance(one, NullTest) or null:
                return False
            if not (
                isinstance(one, (Between, Like, In))
                or isinstance(one, Binary)
                and one.operator in _COMPARISONS
            ):
                return False
    return True


def _counts_back(
    conditions: list[Expr], period: Period, reading: Reading, has_rows: Callable[[str], bool]
) -> bool:
    """Whether a statement counts back from today by itself, so many days or one more."""
    assert period.begin is not None
    near = f"'{period.begin - (1 + _ARITHMETIC_STEPS) * DAY}' AND '{period.begin + DAY}'"
    for node in conditions:
        right = node.right if isinstance(node, Binary) and node.operator in (">", ">=") else None
        low = node.low if isinstance(node, Between) else right
        if low is None or not isinstance(low, Call) or not isinstance(_left(node), Column):
            continue
        if has_rows(f"SELECT 1 WHERE {reading.statement.text(low)} BETWEEN {near}"):
            return True
    return False


def _denies(node: Expr) -> bool:
    """Whether a condition leaves out days, where it does not name them."""
    return getattr(node, "negated", False) or (isinstance(node, Binary) and node.operator in ("!=", "IS NOT"))


def _after_the_day(conditions: list[Expr], period: Period) -> bool:
    """Whether a statement has what is greater than the very day that the question says: its hours may be meant."""
    node = conditions[0]
    if len(conditions) != 1 or period.end is not None or period.begin is None or not isinstance(node, Binary):
        return False
    right = node.right
    return node.operator == ">" and isinstance(right, Literal) and right.value == str(period.begin - DAY)


def _left(node: Expr) -> Expr | None:
    return node.left if isinstance(node, Binary) else node.value if isinstance(node, Between) else None


def _column(question: str, period: Period, reading: Reading) -> tuple[Select, Table, DbColumn, str] | None:
    """The column of dates that a statement without a condition on one should have one on, as it would be written."""
    select = reading.select
    if select is None or not select.sources:
        return None
    if select.where is not None and any(
        base is not None and holds_dates(base[1])
        for column in reading.statement.find(Column, select.where)
        for base in [reading.scopes.base(column)]
    ):
        return None  # under a NOT, an OR, or against another column
    if select.where is not None and _PARTS & {
        word
        for column in reading.statement.find(Column, select.where)
        for word in map(stem, name_words(column.name.text))
    }:
        return None  # it has the time in another form: a column of years
    asked = {stem(word)[:4] for word in words(question)}
    several = len(select.sources) > 1
    ranked: list[tuple[int, int, Table, DbColumn, str]] = []
    for joined in select.sources:
        source = joined.source
        table = reading.scopes.tables.get(source) if isinstance(source, TableRef) else None
        if table is None or not isinstance(source, TableRef):
            return None
        label = source.alias.text if source.alias else source.name.text
        own = {stem(word)[:4] for word in name_words(table.name)}
        for column in table.columns:
            named = {stem(word) for word in name_words(column.name)}
            said = len({word[:4] for word in named if word not in _PARTS} & (asked - own))
            if holds_dates(column) and not (named & _BIRTH and not said):
                name = (
                    f"{quote(label)}.{quote(column.name)}" if several or source.alias else quote(column.name)
                )
                ranked.append((-said, len(ranked), table, column, name))
    if not ranked:
        return None
    _, _, table, column, name = min(ranked)[:5]
    return select, table, column, name


def _dated(
    period: Period,
    table: str,
    column: str,
    conditions: list[Expr],
    reading: Reading,
    has_rows: Callable[[str], bool],
) -> Period | None:
    """The period in the year that a statement names, or else in the latest that has any of its days.

    None where no year is meant.
    """
    if not period.yearless:
        return period
    written = [
        int(year)
        for node in conditions
        for literal in reading.statement.find(Literal, node)
        for year in _YEAR.findall(literal.value)[:1]
    ]
    if conditions and not written:
        return None  # it asks for a part of every year
    if written:
        return period.in_year(written[0])
    for year in range(period.year, period.year - _OLDEST, -1):
        one = period.in_year(year)
        begin = one.begin or (one.end and one.end - timedelta(days=31))
        end = one.end or (one.begin and one.begin + timedelta(days=31))
        if has_rows(f"SELECT 1 FROM {table} WHERE {column} >= '{begin}' AND {column} < '{end}' LIMIT 1"):
            return one
    return None


def _bounded(reading: Reading, select: Select, conditions: list[Expr], name: str, days: Period) -> str:
    """The statement with the days in place of some of its conditions."""
    bounds = []
    if days.begin is not None:
        bounds.append(f"{name} >= '{days.begin}'")
    if days.end is not None:
        bounds.append(f"{name} < '{days.end}'")
    edits = Edits(reading.statement)
    if not conditions:
        edits.add_condition(select, " AND ".join(bounds))
        return edits.sql()
    kept: list[str] = []
    for node in reading.statement.conjuncts(select):
        if node in conditions:
            kept += bounds if node is conditions[0] else []
        else:
            kept.append(reading.statement.conjunct(node))
    assert select.where is not None
    edits.replace(select.where, " AND ".join(kept))
    return edits.sql()
