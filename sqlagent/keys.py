"""Which tables the foreign keys of a table lead to."""

from __future__ import annotations

from collections.abc import Mapping

from sqlagent.schema import Table, fold


def above(table: Table, by_name: Mapping[str, Table]) -> set[str]:
    """The folded names of all tables that a table references, and of those that these do.

    by_name: the tables of the schema by their folded names.
    """
    found: set[str] = set()
    todo = [table]
    while todo:
        for key in todo.pop().foreign_keys:
            name = fold(key.ref_table)
            if name not in found and name in by_name:
                found.add(name)
                todo.append(by_name[name])
    return found
