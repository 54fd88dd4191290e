"""Sums and averages that take the same row several times, because of a join.

`SUM(Invoice.Total)` over invoices joined with their lines adds each total once a line. Whether that happens is no
guess: the database is asked for a row that a group holds twice. What was meant is not known, so nothing is changed; the
person is told. Of 776 gold statements with a sum or an average (Spider train and validation) 18 do so.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.plain_select import plain
from sqlagent.database.foreign_keys import once
from sqlagent.database.schema import Schema, Table
from sqlagent.sql.functions import ARITHMETIC
from sqlagent.sql.names import quote
from sqlagent.sql.parser import Unreadable
from sqlagent.sql.reading import Reading, read
from sqlagent.sql.tree import Call


def caution(sql: str, schema: Schema, has_rows: Callable[[str], bool]) -> str:
    """What `doubled` says of a statement that is yet to be read."""
    try:
        return doubled(read(sql, schema), has_rows)
    except Unreadable:
        return ""


def doubled(reading: Reading, has_rows: Callable[[str], bool]) -> str:
    """A sentence about the rows that a statement adds up more than once; "" where there are none.

    has_rows: whether a statement finds any row. Only plain SELECTs are looked at.
    """
    parts = plain(reading)
    if parts is None or not parts.several:
        return ""
    for call in reading.statement.find(Call):
        added = call.arguments[0] if call.function in ARITHMETIC and len(call.arguments) == 1 else None
        if added is None or call.distinct or set("()'") & set(parts.text(added)):
            continue
        owners = {table for table, _ in parts.keys(added)}
        table = reading.schema.table(next(iter(owners))) if len(owners) == 1 else None
        if table is None or not table.primary_key or once(table, parts.tables, reading.schema):
            continue
        if has_rows(twice(table, parts.clause("sources"), parts.clause("where"), parts.clause("group"))):
            sum_ = f"{call.function}({parts.text(added)})"
            return f"Some rows of {table.name} count several times in {sum_}, once for each row joined."
    return ""


def twice(table: Table, source: str, where: str, group: str) -> str:
    """A statement that finds a row if some row of a table is in one group more than once."""
    keys = [f"{quote(table.name)}.{quote(name)}" for name in table.primary_key]
    by = ", ".join([group, *keys]) if group else "GROUP BY " + ", ".join(keys)
    return " ".join(filter(None, ("SELECT 1", source, where, by, "HAVING COUNT(*) > 1 LIMIT 1")))
