"""Derived tables whose columns are used become common table expressions.

Invariant: the rows stay the same: a derived table that refers to nothing outside it may be named anywhere before it.

SELECT comes before FROM, so a model (and the acceptor) would have to name columns of a table that is only written
later. Behind WITH they are known. `SELECT COUNT(*) FROM (SELECT DISTINCT …)` uses no column and stays as it is.
"""

from __future__ import annotations

from bench.gold.canonical_bind import Binder
from bench.gold.canonical_scope import Block, Cte, Query, Source
from sqlagent.database.schema import fold
from sqlagent.sql.names import is_bare

_NAME = "sub"
"""Names a derived table that has no usable alias of its own: sub, sub2 …"""
_LONGEST = 40
"""Characters of a new name that the acceptor takes."""
_NEVER = frozenset({"rowid", "oid", "_rowid_", "true", "false"})


def hoist(query: Query, binder: Binder) -> None:
    """Move derived tables of a bound statement into its WITH; to be done before sources are named.

    Left alone: statements that have a WITH already, derived tables that refer to an enclosing query.
    """
    if (
        query.ctes
        or any(block.ctes for block in binder.blocks)
        or any(q.ctes for q in binder.queries.values())
    ):
        return
    taken = {fold(table.name) for table in binder.schema.tables}
    taken |= {fold(column.name) for table in binder.schema.tables for column in table.columns}
    taken |= {fold(o.name) for block in binder.blocks for o in block.outputs if o.name}
    found: list[Cte] = []
    # Those inside others come first: a common table expression sees the ones before it.
    for block in reversed(binder.blocks):
        for source in reversed(block.sources):
            if source.body is not None and _is_used(source, block) and not _refers_outside(source.body):
                name = _free(source.label, taken)
                taken.add(fold(name))
                found.append(Cte(name, [], source.body, source.columns))
                source.name, source.body = name, None
    query.ctes = found


def _is_used(source: Source, block: Block) -> bool:
    return len(block.joins) > 1 or any(column.used for column in source.columns)


def _refers_outside(body: Query) -> bool:
    return any(block.outer for block in body.blocks)


def _free(label: str, taken: set[str]) -> str:
    """The table's alias where it may name a new table, else the first free one of sub, sub2 …"""
    folded = fold(label)
    numbered = folded[:1] == "t" and folded[1:].isdigit()
    plain = is_bare(label) and label.isascii() and len(label) <= _LONGEST
    if plain and not numbered and folded not in taken | _NEVER:
        return label
    number = 1
    while (name := _NAME if number == 1 else f"{_NAME}{number}") in taken:
        number += 1
    return name
