"""Whose boss is whose: "workers who earn more than their boss" are those that hold the key, not those it points at.

A small model joins a table with itself and takes the wrong one of the two: `T1.id = T2.boss_id` makes T1 the boss.
In "their boss" the one who has a boss holds the column that is called so.

Invariant: only the two names of the table change places, in the condition that joins them.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem
from sqlagent.database.schema import Table, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column, Expr, TableRef
from sqlagent.sql.walk import flat

_THAN = Phrase(r"\b(?:than|as) (?:that of )?(?:their|his|her|its|the|one of their)(?: own)? (?P<noun>\w+)")


def turned_round(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement whose self join finds those that the question asks for.

    accepts: whether the grammar accepts a statement. Left alone: what joins other tables too, or by no
    key of its own, and questions that compare with nothing of the kind.
    """
    asked, select = _THAN.search(question), reading.select
    if asked is None or select is None or len(select.sources) != 2:
        return Amended(reading.sql)
    tables = [
        reading.scopes.tables.get(one.source) for one in select.sources if isinstance(one.source, TableRef)
    ]
    if len(tables) != 2 or tables[0] is None or tables[0] is not tables[1]:
        return Amended(reading.sql)
    table, on = tables[0], select.sources[1].on
    pair = _link(on, table, reading) if on is not None else None
    shown = {
        column.qualifier.text
        for column in reading.statement.find(Column, select.items[0])
        if column.qualifier
    }
    if pair is None or len(shown) != 1:
        return Amended(reading.sql)
    key, one = pair
    assert key.qualifier is not None and one.qualifier is not None
    noun = stem(asked["noun"].lower())
    holds = shown == {key.qualifier.text}
    of_key = noun in {stem(word) for word in name_words(key.name.text)}
    of_table = noun in {stem(word) for word in name_words(table.name)}
    if of_key == of_table or holds is of_key:
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    edits.replace(key.qualifier, reading.statement.text(one.qualifier))
    edits.replace(one.qualifier, reading.statement.text(key.qualifier))
    made = edits.sql()
    if not accepts(made):
        return Amended(reading.sql)
    if of_key:
        return Amended(made, f"Shown are those whose {key.name.text} points at the other.")
    return Amended(made, f"Shown are those that the {key.name.text} of the other points at.")


RULE = Supplied("self_join", lambda now, about: turned_round(about.question, now, about.accepts), lead=2.5)


def _link(on: Expr, table: Table, reading: Reading) -> tuple[Column, Column] | None:
    """The column that holds the key, and the one that it points at, of the condition that joins a table with itself."""
    parts = flat(on, "AND")
    if len(parts) != 1 or not isinstance(parts[0], Binary) or parts[0].operator != "=":
        return None
    sides = parts[0].left, parts[0].right
    for key, one in (sides, sides[::-1]):
        if (
            not isinstance(key, Column)
            or not isinstance(one, Column)
            or not key.qualifier
            or not one.qualifier
        ):
            return None
        for link in table.foreign_keys:
            own = [*map(fold, link.columns)] == [fold(key.name.text)] and fold(link.ref_table) == fold(
                table.name
            )
            to = [*map(fold, link.ref_columns)] == [fold(one.name.text)]
            if own and to and key.qualifier.text != one.qualifier.text:
                return key, one
    return None
