"""What Tab offers at the prompt: commands, their arguments, and names from the database. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlagent.sql.lexer import tokens
from sqlagent.sql.names import quote
from sqlagent.ui.own_sql import QUERY_WORDS

if TYPE_CHECKING:
    from sqlagent.database.schema import Schema

KEYWORDS = (
    "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "JOIN", "LEFT JOIN", "ON", "AS",
    "AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS NULL", "DISTINCT", "COUNT(*)", "SUM", "AVG", "MIN",
    "MAX", "DESC", "WITH",
)  # fmt: skip


def names(schema: Schema | None) -> tuple[list[str], list[str]]:
    """Table names and column names, each once, in the database's order."""
    if schema is None:
        return [], []
    tables = [table.name for table in schema.tables]
    columns = dict.fromkeys(column.name for table in schema.tables for column in table.columns)
    return tables, list(columns)


def candidates(
    before: str, schema: Schema | None, commands: Iterable[str], arguments: Mapping[str, Sequence[str]]
) -> tuple[str, list[str]]:
    """The text to be replaced and what can stand there, given the text before the cursor.

    `arguments` maps a command to what may follow it; "table" in it stands for the table names, "column" for those of
    columns with their tables.
    """
    line = before.lstrip()
    tables, columns = names(schema)
    if line[:1] in ("\\", "."):
        head, space, rest = line.partition(" ")
        if not space:
            return line, [name for name in commands if name.startswith(line)]
        stand_for = {"table": tables, "column": _columns_of_tables(schema)}
        choices: list[str] = []
        for choice in arguments.get(head, ()):
            choices += stand_for.get(choice, [choice])
        return rest, _starting(rest, choices)
    found = tokens(before)
    if not found or found[-1].kind != "name" or found[-1].end != len(before):
        return "", []
    word = found[-1].text
    in_sql = next(token.key for token in found if token.kind != "comment") in QUERY_WORDS
    choices = [quote(name) if in_sql else name for name in (*tables, *columns)]
    return word, _starting(word, [*choices, *(KEYWORDS if in_sql else ())])


def _columns_of_tables(schema: Schema | None) -> list[str]:
    tables = schema.tables if schema is not None else ()
    return [f"{quote(table.name)}.{quote(column.name)}" for table in tables for column in table.columns]


def _starting(start: str, choices: Iterable[str]) -> list[str]:
    """The choices that begin with `start` whatever the case, or contain it after an underscore or a quote."""
    low = start.lower()
    first = [c for c in choices if c.lower().lstrip('"').startswith(low)]
    later = [c for c in choices if "_" + low in c.lower() and c not in first] if low else []
    return [choice for choice in dict.fromkeys([*first, *later]) if choice != start]
