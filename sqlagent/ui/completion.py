"""What Tab offers at the prompt: commands, their arguments, names from the database, and files for commands alone."""

from __future__ import annotations

import os
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
    columns with their tables, "file" for what lies in the folder that is being typed.
    """
    line = before.lstrip()
    tables, columns = names(schema)
    if line[:1] in ("\\", "."):
        head, space, rest = line.partition(" ")
        if not space:
            return line, [name for name in commands if name.startswith(line)]
        choices: list[str] = []
        for choice in arguments.get(head, ()):
            if choice == "table":
                choices += tables
            elif choice == "column":
                choices += _columns_of_tables(schema)
            elif choice == "file":
                choices += _files(rest)
            else:
                choices.append(choice)
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


def _files(start: str) -> list[str]:
    """The files and folders whose path begins so; none whose name has blanks, which would have to be quoted."""
    folder, name = os.path.split(start)
    try:
        found = sorted(os.scandir(os.path.expanduser(folder) or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    shown = (
        entry for entry in found if entry.name.startswith(name) and (name or not entry.name.startswith("."))
    )
    paths = (os.path.join(folder, entry.name) + ("/" if entry.is_dir() else "") for entry in shown)
    return [path for path in paths if " " not in path]


def _starting(start: str, choices: Iterable[str]) -> list[str]:
    """The choices that begin with `start` whatever the case, or contain it after an underscore or a quote."""
    low = start.lower()
    first = [c for c in choices if c.lower().lstrip('"').startswith(low)]
    later = [c for c in choices if "_" + low in c.lower() and c not in first] if low else []
    return [choice for choice in dict.fromkeys([*first, *later]) if choice != start]
