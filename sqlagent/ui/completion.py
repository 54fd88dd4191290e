"""What Tab offers at the prompt: commands, their arguments, and names from the database. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlagent.database.schema import Schema

KEYWORDS = (
    "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "JOIN", "LEFT JOIN", "ON", "AS",
    "AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS NULL", "DISTINCT", "COUNT(*)", "SUM", "AVG", "MIN",
    "MAX", "DESC", "WITH",
)  # fmt: skip

_WORD = re.compile(r"[^\W\d]\w*$")
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SQL_START = re.compile(r"\s*(SELECT|WITH|VALUES|EXPLAIN)\b", re.IGNORECASE)


def quoted(name: str) -> str:
    """A name as SQL writes it: in double quotes when it is not a plain word."""
    return name if _SIMPLE.fullmatch(name) else '"' + name.replace('"', '""') + '"'


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

    `arguments` maps a command to what may follow it; "table" in it stands for the table names.
    """
    line = before.lstrip()
    tables, columns = names(schema)
    if line[:1] in ("\\", "."):
        head, space, rest = line.partition(" ")
        if not space:
            return line, [name for name in commands if name.startswith(line)]
        choices: list[str] = []
        for choice in arguments.get(head, ()):
            choices += tables if choice == "table" else [choice]
        return rest, _starting(rest, choices)
    match = _WORD.search(before)
    if match is None:
        return "", []
    word = match[0]
    in_sql = _SQL_START.match(before) is not None
    choices = [quoted(name) if in_sql else name for name in (*tables, *columns)]
    return word, _starting(word, [*choices, *(KEYWORDS if in_sql else ())])


def _starting(start: str, choices: Iterable[str]) -> list[str]:
    """The choices that begin with `start` whatever the case, or contain it after an underscore or a quote."""
    low = start.lower()
    first = [c for c in choices if c.lower().lstrip('"').startswith(low)]
    later = [c for c in choices if "_" + low in c.lower() and c not in first] if low else []
    return [choice for choice in dict.fromkeys([*first, *later]) if choice != start]
