"""Subqueries that compare a row with itself where they mean the row outside.

"Who earns more than the average of their department?" becomes `salary > (SELECT AVG(salary) FROM employees WHERE
department_id = employees.department_id)`: inside, `employees` is the inner one, and the condition holds of every row;
`id = manager_id`, for a person's manager, of none. The inner table needs a name of its own.

Invariant: what comes out is only taken where the grammar takes it, so it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqlagent.amend.amendment import Amended
from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.clauses import Column, columns, free_alias
from sqlagent.sql.old_lexer import Unreadable, Word, closed, spliced, words
from sqlagent.sql.names import quote

_AFTER = frozenset(["WHERE", "AND", "OR", "("])
_BEFORE = frozenset(["AND", "OR", ")", "GROUP", "ORDER", "LIMIT", ""])


class _Inner(NamedTuple):
    """A subquery over one table: its first and last character, the table, and where the table is named."""

    start: int
    end: int
    table: Table
    named: Word


def tied(sql: str, schema: Schema, takes: Callable[[str], bool]) -> Amended:
    """A canonical statement whose subquery compares its rows with the one outside, and no longer with themselves.

    takes: whether the grammar takes a statement. Left alone: subqueries of several tables or several such conditions.
    """
    try:
        found = words(sql)
        for inner in _inners(found, schema):
            if not _outside(found, inner):
                continue
            own = [
                _at(column, inner.start) for column in columns(sql[inner.start : inner.end], [inner.table])
            ]
            pairs = [
                pair for pair in zip(own, own[1:], strict=False) if _itself(sql, found, pair, inner.table)
            ]
            if len(pairs) != 1:
                continue
            made = _with_alias(sql, inner, own, pairs[0], schema)
            if takes(made):
                name = pairs[0][1].name
                return Amended(made, f"The inner query is asked for each row, with its {name}.")
    except Unreadable:
        pass
    return Amended(sql)


def _at(column: Column, start: int) -> Column:
    return Column(column.start + start, column.end + start, column.table, column.name)


def _inners(found: Sequence[Word], schema: Schema) -> Iterator[_Inner]:
    """The subqueries over one table without a name of its own, and without a subquery of their own."""
    for i, word in enumerate(found[:-1]):
        if word.text != "(" or found[i + 1].text != "SELECT":
            continue
        end = closed(found, i)
        inside = found[i + 1 : end]
        sources = [
            n for n, each in enumerate(inside) if each.kind == "name" and each.text in ("FROM", "JOIN")
        ]
        if sum(each.text == "SELECT" for each in inside) != 1 or len(sources) != 1:
            continue
        named = inside[sources[0] + 1 : sources[0] + 3]
        table = schema.table(unquote(named[0].text)) if named else None
        if table is not None and named[1:] and named[1].text == "WHERE":
            yield _Inner(word.end, found[end].start, table, named[0])


def _outside(found: Sequence[Word], inner: _Inner) -> bool:
    """Whether the table of a subquery stands under its own name outside of it, too."""
    outer = [word for word in found if not inner.start <= word.start < inner.end]
    return any(
        before.text in ("FROM", "JOIN")
        and word.kind in ("name", "quoted")
        and fold(unquote(word.text)) == fold(inner.table.name)
        and after.text != "AS"
        for before, word, after in zip(outer, outer[1:], outer[2:], strict=False)
    )


def _itself(sql: str, found: Sequence[Word], pair: tuple[Column, Column], table: Table) -> bool:
    """Whether two columns are equated that are one, or of which one references the other."""
    left, right = pair
    if sql[left.end : right.start].strip() != "=":
        return False
    before = max((word for word in found if word.end <= left.start), key=lambda word: word.end)
    after = min((word for word in found if word.start >= right.end), key=lambda word: word.start)
    if before.text not in _AFTER or after.text not in _BEFORE:
        return False
    names = {fold(left.name), fold(right.name)}
    return len(names) == 1 or any(
        fold(key.ref_table) == fold(table.name)
        and len(key.columns) == 1
        and names == {fold(key.columns[0]), fold(key.ref_columns[0])}
        for key in table.foreign_keys
    )


def _with_alias(
    sql: str, inner: _Inner, own: Sequence[Column], pair: tuple[Column, Column], schema: Schema
) -> str:
    """The statement with a name for the inner table.

    Of the pair the column that has a qualifier is the outer one's, else the second.
    """
    left, right = pair
    qualified = [column for column in pair if "." in sql[column.start : column.end]]
    outer = qualified[0] if len(qualified) == 1 else right
    alias = free_alias(sql, schema)
    edits = [(inner.named.end, inner.named.end, f" AS {alias}")]
    for column in own:
        owner = quote(inner.table.name) if column is outer else alias
        edits.append((column.start, column.end, f"{owner}.{quote(column.name)}"))
    return spliced(sql, edits)
