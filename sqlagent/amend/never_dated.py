"""What never happened has no date: "stock that was never counted" has nothing in `last_count_date`.

A small model looks for rows that are missing in some other table, though the row says it itself.

Invariant: only a table that is asked alone, in which one column of dates is called after what never happened and the
database holds none for some rows; conditions over other tables give way to that, others stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.base import word_forms
from sqlagent.database.column_kinds import holds_dates
from sqlagent.database.schema import Column as DbColumn
from sqlagent.database.schema import Table
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column, Expr, Literal, Query, TableRef
from sqlagent.sql.walk import bare

_NEVER = Phrase(
    r"\b(?:never|not yet|(?:has|have|had|was|were)(?: not|n['’]t)(?: yet)?)(?: been)?(?: yet)? (?P<done>[a-z]{4,})"
    r"|\bun(?P<undone>[a-z]{3,}ed|paid|sent|sold)\b|\bwithout (?:an? |any )?(?P<noun>[a-z]{4,}) date\b"
)
_ALIKE = 0.6
"""How well a word of a column's name must fit; names are cut short, `cnt` for counted."""


def never_dated(
    question: str, reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]
) -> Amended:
    """A statement that finds the rows without a date of what never happened.

    accepts: whether the grammar accepts a statement; has_rows: whether one finds a row. Left alone: statements that ask
    about that column already.
    """
    said, select = _NEVER.search(question), reading.select
    if said is None or select is None or len(select.sources) != 1:
        return Amended(reading.sql)
    source = select.sources[0].source
    table = reading.scopes.tables.get(source) if isinstance(source, TableRef) else None
    word = next(group for group in (said["done"], said["undone"], said["noun"]) if group)
    column = _called_after(table, word, has_rows) if table is not None else None
    if table is None or column is None:
        return Amended(reading.sql)
    conditions = reading.statement.conjuncts(select)
    others = [
        one
        for one in conditions
        if any(reading.statement.find(Query, one)) or _finds_nothing(one, column, table, reading, has_rows)
    ]
    asked = [one for one in reading.statement.find(Column) if one.start not in _places(others)]
    if any((base := reading.scopes.base(one)) is not None and base[1] is column for one in asked):
        return Amended(reading.sql)
    label = source.alias.text if isinstance(source, TableRef) and source.alias else ""
    test = f"{quote(label) + '.' if label else ''}{quote(column.name)} IS NULL"
    edits = Edits(reading.statement)
    if len(others) > 1:
        return Amended(reading.sql)
    if others:
        edits.replace(others[0], test)
    else:
        edits.add_condition(select, test)
    note = f"What has no {table.name}.{column.name} is taken to have never been {word}."
    return edited(reading, edits, [note], accepts)


RULE = Supplied(
    "never_dated",
    lambda now, about: never_dated(about.question, now, about.accepts, about.has_rows),
    lead=2.5,
)


def _places(nodes: Sequence[Expr]) -> set[int]:
    return {place for node in nodes for place in range(node.start, node.end)}


def _finds_nothing(
    node: Expr, column: DbColumn, table: Table, reading: Reading, has_rows: Callable[[str], bool]
) -> bool:
    """Whether a condition holds the column against a text that it has nowhere: `= '0000-00-00'`."""
    if not isinstance(node, Binary) or node.operator != "=" or not isinstance(bare(node.right), Literal):
        return False
    base = reading.scopes.base(node.left)
    if base is None or base[1] is not column:
        return False
    value = reading.statement.text(node.right)
    return not has_rows(f"SELECT 1 FROM {quote(table.name)} WHERE {quote(column.name)} = {value} LIMIT 1")


def _called_after(table: Table, word: str, has_rows: Callable[[str], bool]) -> DbColumn | None:
    """The one column of dates that is called after a word and holds none for some rows."""
    stem = word_forms.stem(word)
    found = [
        column
        for column in table.columns
        if holds_dates(column)
        and any(
            word_forms.likeness(word_forms.stem(part), stem) >= _ALIKE
            for part in word_forms.name_words(column.name)
        )
    ]
    if len(found) != 1:
        return None
    rows = f"SELECT 1 FROM {quote(table.name)} WHERE {quote(found[0].name)}"
    return found[0] if has_rows(f"{rows} IS NULL LIMIT 1") else None
