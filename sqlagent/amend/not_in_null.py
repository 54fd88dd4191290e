"""What is not in a list that holds NULL: nothing is, as SQL has it, and nobody means that.

"Which employees manage nobody?" becomes `id NOT IN (SELECT manager_id FROM employees)`, which is never true once one
employee has no manager: NULL might be anyone.

Invariant: only a condition on the subquery's own column is added, where the database holds such a NULL; so the
statement finds what it found and more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlagent.amend.amendment import Amended
from sqlagent.database.schema import Schema, Table
from sqlagent.sql.clauses import Clauses, read
from sqlagent.sql.old_lexer import Unreadable, closed, spliced, words


def without_nulls(
    sql: str, schema: Schema, takes: Callable[[str], bool], finds: Callable[[str], bool]
) -> Amended:
    """A canonical statement whose NOT IN lists hold no NULL.

    takes: whether the grammar takes a statement; finds: whether a statement finds a row. Left alone: lists that are no
    plain SELECT of a column.
    """
    edits: list[tuple[int, int, str]] = []
    names: list[str] = []
    try:
        for start, end in _lists(sql):
            parts = read(sql[start:end], schema)
            column = "" if parts is None else _nullable(parts)
            if parts is None or not column or (parts["WHERE"] and not parts.conditions):  # an OR
                continue
            if finds(parts.where([*parts.conditions, f"{column} IS NULL"]).sql()):
                edits.append((start, end, parts.where([*parts.conditions, f"{column} IS NOT NULL"]).sql()))
                names.append(column)
    except Unreadable:
        return Amended(sql)
    made = spliced(sql, edits)
    if not edits or not takes(made):
        return Amended(sql)
    return Amended(made, f"Rows without a {' or a '.join(dict.fromkeys(names))} rule nothing out.")


def _lists(sql: str) -> Iterator[tuple[int, int]]:
    """First and last character of the subqueries behind NOT IN, innermost ones that hold no other."""
    found = words(sql)
    for i, word in enumerate(found[:-3]):
        if [each.text for each in found[i : i + 4]] != ["NOT", "IN", "(", "SELECT"] or word.kind != "name":
            continue
        end = closed(found, i + 2)
        if not any(each.text == "SELECT" and each.kind == "name" for each in found[i + 4 : end]):
            yield found[i + 3].start, found[end].start


def _nullable(parts: Clauses) -> str:
    """The one column that a list selects, as it is written, if it may be NULL; "" else."""
    if "GROUP" in parts.text or "LIMIT" in parts.text:
        return ""
    results = parts.results
    found = parts.column(results[0]) if len(results) == 1 else None
    return results[0] if found is not None and _may_be_null(*found) else ""


def _may_be_null(table: Table, name: str) -> bool:
    column = table.column(name)
    # An INTEGER PRIMARY KEY is never NULL, other keys may be.
    return column is not None and not column.not_null and not (column.pk and column.type.upper() == "INTEGER")
