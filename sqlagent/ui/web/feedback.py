"""Write down what people think of answers, one JSON object a line, for `python -m train data --feedback FILE`.

The file stays on this computer. A line holds what training needs: the question, the statement, the verdict, a
corrected statement where there is one, and the tables as CREATE TABLE text, since a dropped file does not last.
"""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

from filelock import FileLock

from sqlagent.base.errors import SqlagentError
from sqlagent.database.schema import Column, Schema, Table
from sqlagent.sql.names import quote

VERSION = 1
_PLAIN_TYPE = re.compile(r"[A-Za-z ]*(?:\(\d+(?:, ?\d+)?\))?")


def record(
    path: Path,
    *,
    schema: Schema,
    database: str,
    question: str,
    sql: str,
    verdict: str,
    corrected: str = "",
    history: tuple[tuple[str, str], ...] = (),
    model: str = "",
) -> None:
    """Add a line to the file. Raises SqlagentError when it cannot be written."""
    line: dict[str, Any] = {
        "version": VERSION,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "question": question,
        "sql": sql,
        "verdict": verdict,
        "corrected": corrected,
        "history": [list(turn) for turn in history],
        "database": database,
        "ddl": declared(schema),
        "model": model,
    }
    text = json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "ab") as file:
                file.write(text)
    except OSError as error:
        raise SqlagentError(f"{path} cannot be written ({error.strerror or error}).") from None


def declared(schema: Schema) -> str:
    """CREATE TABLE statements that mean the same tables, columns and keys."""
    return ";\n".join(_declared(table) for table in schema.tables) + ";"


def _declared(table: Table) -> str:
    parts = [_column(column) for column in table.columns]
    if table.primary_key:
        parts.append(f"PRIMARY KEY ({_names(table.primary_key)})")
    parts += [
        f"FOREIGN KEY ({_names(key.columns)}) REFERENCES {quote(key.ref_table)} ({_names(key.ref_columns)})"
        for key in table.foreign_keys
    ]
    return f"CREATE TABLE {quote(table.name)} ({', '.join(parts)})"


def _column(column: Column) -> str:
    kind = column.type if _PLAIN_TYPE.fullmatch(column.type) else quote(column.type)
    return f"{quote(column.name)} {kind}".rstrip() + (" NOT NULL" if column.not_null else "")


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(map(quote, names))
