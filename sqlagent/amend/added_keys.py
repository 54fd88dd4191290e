"""Sums and means of a key: `SUM(orders.id)`, `AVG(donations.id)`. A key tells rows apart; nobody means its sum.

    SELECT SUM(orders.id) FROM orders                                   →  SELECT COUNT(orders.id) FROM orders
    SELECT AVG(donations.id) FROM donor JOIN donations ON … GROUP BY …  →  SELECT COUNT(*) * 1.0 / COUNT(DISTINCT …) …

Among 16,620 statements that people wrote of Spider's and BIRD's training databases 15 add up or average a key, and each
of these is a mistake for a count ("How many stores …?", `SUM(store_nbr)`). A sum stands for how many rows there are, a
mean for how many there are of each that they refer to.

Invariant: only such a sum changes, or a statement whose one aggregate is such a mean; the conditions stay.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted, edited
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.rule import Pitfall
from sqlagent.database.schema import Table, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.functions import ARITHMETIC, SUMS
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column
from sqlagent.sql.walk import bare


def counted_keys(reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that counts, where it adds up keys.

    accepts: whether the grammar accepts a statement. Left alone: means where nothing tells what they are for each of.
    """
    found = _of_keys(reading, SUMS)
    if found:
        edits = Edits(reading.statement)
        for call, _ in found:
            edits.replace(call.name, "COUNT")
        names = ", ".join(dict.fromkeys(reading.statement.text(call.arguments[0]) for call, _ in found))
        return edited(reading, edits, [f"{names} tells rows apart and is counted, not added up."], accepts)
    means = _of_keys(reading, frozenset(("AVG",)))
    if len(means) != 1 or sum(1 for _ in reading.statement.find(Call)) != 1:
        return Amended(reading.sql)
    call, table = means[0]
    parts = plain(reading)
    holder = _reference(parts, table) if parts is not None else None
    if parts is None or holder is None:
        return Amended(reading.sql)
    key = f"{quote(table.name)}.{quote(holder)}" if parts.several else quote(holder)
    made = f"SELECT COUNT(*) * 1.0 / COUNT(DISTINCT {key}) {parts.clause('sources')} {parts.clause('where')}".strip()
    name = reading.statement.text(call.arguments[0])
    return accepted(made, f"{name} tells rows apart: rows are counted for each {holder}.", reading, accepts)


RULE = Pitfall("added_keys", lambda now, about: counted_keys(now, about.accepts), proved=True)


def averaged_key(reading: Reading) -> str:
    """A sentence for a statement that still adds up or averages a key; "" for any other."""
    found = _of_keys(reading, ARITHMETIC)
    if not found:
        return ""
    return f"{reading.statement.text(found[0][0])} says nothing: the column tells rows apart."


def _of_keys(reading: Reading, functions: frozenset[str]) -> list[tuple[Call, Table]]:
    """The calls of these functions over a key, and the table of each."""
    found = []
    for call in reading.statement.find(Call):
        if call.function not in functions or call.distinct or call.window is not None or not call.arguments:
            continue
        column = bare(call.arguments[0])
        base = reading.scopes.base(column) if isinstance(column, Column) else None
        if base is None:
            continue
        table, name = base[0], base[1].name
        is_key = fold(name) in {fold(key) for key in table.primary_key} and len(table.primary_key) == 1
        refers = [key for key in table.foreign_keys if [fold(one) for one in key.columns] == [fold(name)]]
        # A key that only the values suggest may be a number of something; one called an id is none.
        if is_key or (refers and fold(name).endswith("id")):
            found.append((call, table))
    return found


def _reference(parts: PlainSelect, table: Table) -> str | None:
    """The column by which a table refers to the one that it is counted for each of; None where that is not clear."""
    others = {fold(other.name) for other in parts.tables if other is not table}
    keys = [key for key in table.foreign_keys if len(key.columns) == 1]
    joined = [key for key in keys if fold(key.ref_table) in others]
    chosen = joined or keys
    return chosen[0].columns[0] if len(chosen) == 1 else None
