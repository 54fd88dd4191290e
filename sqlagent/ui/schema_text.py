"""Write a schema for people, for programs, or as a diagram: text, json, mermaid.

    mermaid(schema)  →  erDiagram
                            employees }o--|| departments : department_id

Names are data: a diagram takes letters, digits and underscores alone, and a text loses what drives a terminal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from sqlagent.database.schema import Column, Schema, Table
from sqlagent.ui.json_answer import value_of

VERSION = 1


def as_text(schema: Schema) -> str:
    """Tables with their columns, one a line."""
    return "\n".join(_table_text(table) for table in schema.tables)


def _table_text(table: Table) -> str:
    kind = "" if table.kind == "table" else f", {table.kind}"
    count = (
        ""
        if table.row_count is None
        else f" ({'' if table.row_count_exact else 'about '}{table.row_count:,} rows{kind})"
    )
    wide = max(len(column.name) for column in table.columns)
    typed = max(len(column.type) for column in table.columns)
    lines = [f"{table.name}{count}" + (f"  -- {_line(table.comment)}" if table.comment else "")]
    for column in table.columns:
        marks = ", ".join(_marks(table, column))
        note = f"  -- {_line(column.comment)}" if column.comment else ""
        lines.append(f"  {column.name:<{wide}}  {column.type:<{typed}}  {marks}{note}".rstrip())
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def _marks(table: Table, column: Column) -> list[str]:
    marks = ["primary key"] if column.pk else []
    marks += ["unique"] if column.unique and not column.pk else []
    marks += ["not null"] if column.not_null and not column.pk else []
    for key in table.foreign_keys:
        if column.name in key.columns:
            marks.append(f"→ {key.ref_table}.{key.ref_columns[key.columns.index(column.name)]}")
    return marks


def as_json(schema: Schema) -> str:
    """The schema as one object, versioned as docs/reference.md says."""
    found = {
        "version": VERSION,
        "database": schema.path,
        "tables": [_table_object(table) for table in schema.tables],
        "left_out": [{"name": name, "why": why} for name, why in schema.skipped],
    }
    return json.dumps(found, indent=2) + "\n"


def _table_object(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "kind": table.kind,
        "rows": table.row_count,
        "rows_exact": table.row_count_exact,
        "comment": table.comment,
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "primary_key": column.pk,
                "not_null": column.not_null,
                "unique": column.unique,
                "comment": column.comment,
                "samples": [value_of(sample) for sample in column.samples],
            }
            for column in table.columns
        ],
        "foreign_keys": [
            {"columns": [*key.columns], "table": key.ref_table, "to": [*key.ref_columns]}
            for key in table.foreign_keys
        ],
    }


def as_mermaid(schema: Schema) -> str:
    """An entity-relationship diagram (https://mermaid.js.org/syntax/entityRelationshipDiagram.html)."""
    lines = ["erDiagram"]
    for table in schema.tables:
        lines.append(f"    {_word(table.name)} {{")
        for column in table.columns:
            linked = any(column.name in key.columns for key in table.foreign_keys)
            keys = ", ".join(["PK"] * bool(column.pk) + ["FK"] * linked)
            lines.append(
                f"        {_word(column.type.split('(')[0] or 'any')} {_word(column.name)} {keys}".rstrip()
            )
        lines.append("    }")
    for table in schema.tables:
        for key in table.foreign_keys:
            label = _word("_".join(key.columns))
            lines.append(f"    {_word(table.name)} }}o--|| {_word(key.ref_table)} : {label}")
    return "\n".join(lines) + "\n"


def _word(name: str) -> str:
    """A name as the diagram takes it: a letter first, then letters, digits and underscores."""
    word = re.sub(r"\W+", "_", name.strip(), flags=re.ASCII).strip("_") or "unnamed"
    return word if word[0].isalpha() else f"_{word}"


WAYS: dict[str, Callable[[Schema], str]] = {"text": as_text, "json": as_json, "mermaid": as_mermaid}
"""Every way to write a schema, by name."""
