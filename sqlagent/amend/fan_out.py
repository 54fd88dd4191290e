"""Sums and averages that take the same row several times, because of a join.

`SUM(Invoice.Total)` over invoices joined with their lines adds each total once a line. Whether that happens is no
guess: the database is asked for a row that a group holds twice. What was meant is not known, so nothing is changed; the
person is told. Of 776 gold statements with a sum or an average (Spider train and validation) 18 do so.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlagent.database.foreign_keys import once
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.clauses import columns, read
from sqlagent.sql.old_lexer import Unreadable
from sqlagent.sql.names import quote

_ADDED = re.compile(r"\b(?:SUM|AVG)\((?!DISTINCT )([^()']+)\)")


def caution(sql: str, schema: Schema, found: Callable[[str], bool]) -> str:
    """A sentence about the rows that a canonical statement adds up more than once; "" where there are none.

    found: whether a statement finds any row. Only plain SELECTs are looked at.
    """
    try:
        parts = read(sql, schema)
        if parts is None or len(parts.tables) < 2:
            return ""
        for match in _ADDED.finditer(sql):
            owners = {fold(column.table) for column in columns(match[1], parts.tables)}
            table = schema.table(next(iter(owners))) if len(owners) == 1 else None
            if table is None or not table.primary_key or once(table, parts.tables, schema):
                continue
            if found(_twice(table, parts["FROM"], parts["WHERE"], parts["GROUP"])):
                return (
                    f"Some rows of {table.name} count several times in {match[0]}, once for each row joined."
                )
    except Unreadable:
        pass
    return ""


def _twice(table: Table, source: str, where: str, group: str) -> str:
    """A statement that finds a row if some row of a table is in one group more than once."""
    keys = [f"{quote(table.name)}.{quote(name)}" for name in table.primary_key]
    by = ", ".join([group, *keys]) if group else "GROUP BY " + ", ".join(keys)
    return " ".join(filter(None, ("SELECT 1", source, where, by, "HAVING COUNT(*) > 1 LIMIT 1")))
