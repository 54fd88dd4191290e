"""Keep a person's own words about columns, which the model is shown with the schema.

    notes = Notes("shop.db")
    notes.write("customers", "city", "where the bill goes")
    noted = notes.applied(schema)           # the column's `note`, and its comment, say so

They lie in `shop.db.sqlagent.toml` where there is such a file beside the database, else in the settings' folder under
the database's own path. Invariant: nothing is made beside a database unless a person put a file of notes there.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlagent.base import paths, private_files
from sqlagent.base.errors import SqlagentError, UsageError
from sqlagent.database.schema import Schema, Table, fold

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BESIDE = ".sqlagent.toml"
MOST_CHARACTERS = 200
"""Of a note: it is in the prompt of every question from then on."""
_LARGEST_FILE = 1 << 20


class Notes:
    """The notes on one database's columns. What the file says is read again when it changes."""

    def __init__(self, database: str | os.PathLike[str]) -> None:
        self._database = Path(os.path.abspath(database))
        self._seen: tuple[Path, int, int] | None = None
        self._notes: dict[tuple[str, str], str] = {}
        self._applied: tuple[Schema, Schema] | None = None

    @property
    def path(self) -> Path:
        """Where the notes are, or will be. Raises UsageError on a machine without a folder for settings."""
        beside = self._database.with_name(self._database.name + BESIDE)
        if beside.is_file():
            return beside
        place = hashlib.sha256(os.fsencode(self._database)).hexdigest()[:12]
        return paths.config_dir() / "notes" / f"{self._database.stem}-{place}.toml"

    def all(self) -> dict[tuple[str, str], str]:
        """Notes by (table, column), as they were written. Raises UsageError for a file that cannot be read."""
        try:
            path = self.path
        except UsageError:
            return {}
        try:
            info = path.stat()
            seen = (path, info.st_mtime_ns, info.st_size)
            if seen != self._seen:
                if info.st_size > _LARGEST_FILE:
                    raise UsageError(f"{path} has more than a megabyte; notes are a few words each.")
                self._notes, self._seen, self._applied = _read(path), seen, None
        except FileNotFoundError:
            if self._notes:
                self._notes, self._applied = {}, None
            self._seen = None
        except OSError as error:
            raise UsageError(f"The notes in {path} cannot be read: {error.strerror}.") from None
        return self._notes

    def write(self, table: str, column: str, text: str) -> None:
        """Keep a note in place of an earlier one; an empty one takes it away. Raises UsageError, SqlagentError."""
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        if len(text) > MOST_CHARACTERS:
            raise UsageError(f"A note may have {MOST_CHARACTERS} characters; this one has {len(text)}.")
        notes = {key: said for key, said in self.all().items() if not _same(key, (table, column))}
        if text:
            notes[(table, column)] = text
        path = self.path
        try:
            private_files.write(path, _written(self._database, notes).encode("utf-8"))
        except OSError as error:
            raise SqlagentError(f"The note cannot be kept in {path}: {error.strerror}.") from None

    def applied(self, schema: Schema) -> Schema:
        """The schema with each column's note in it; the same object for the same notes and schema."""
        notes = {(fold(table), fold(column)): text for (table, column), text in self.all().items()}
        if not notes:
            return schema
        if self._applied is None or self._applied[0] is not schema:
            tables = tuple(_noted(table, notes) for table in schema.tables)
            self._applied = schema, replace(schema, tables=tables)
        return self._applied[1]


def _noted(table: Table, notes: dict[tuple[str, str], str]) -> Table:
    texts = {column.name: notes.get((fold(table.name), fold(column.name)), "") for column in table.columns}
    if not any(texts.values()):
        return table
    columns = tuple(
        replace(column, note=text, comment=". ".join(filter(None, [column.comment, text])))
        if (text := texts[column.name])
        else column
        for column in table.columns
    )
    return replace(table, columns=columns)


def _same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return (fold(one[0]), fold(one[1])) == (fold(other[0]), fold(other[1]))


def _read(path: Path) -> dict[tuple[str, str], str]:
    try:
        plain: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML: {error}.") from None
    notes: dict[tuple[str, str], str] = {}
    for table, columns in plain.items():
        if not isinstance(columns, dict):
            raise UsageError(
                f'{path}: {table} is no table of columns; write [{table}] and below it column = "note".'
            )
        for column, text in columns.items():
            if not isinstance(text, str):
                raise UsageError(f"{path}: the note on {table}.{column} is no text.")
            notes[(table, column)] = " ".join(text.split())[:MOST_CHARACTERS]
    return notes


def _written(database: Path, notes: dict[tuple[str, str], str]) -> str:
    """The notes as TOML. A JSON string without control characters is a basic string of TOML's."""
    lines = [
        f"# A person's own words about the columns of {_quoted(str(database))}; sqlagent shows them to the model."
    ]
    for table in sorted({table for table, _ in notes}):
        lines += ["", f"[{_quoted(table)}]"]
        lines += [
            f"{_quoted(column)} = {_quoted(text)}" for (of, column), text in notes.items() if of == table
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable()).replace("\x7f", "\\u007f")
