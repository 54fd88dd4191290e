"""Turn schemas, rows and answers into plain data for the page.

Invariant: what leaves here is JSON values only, never markup; control and direction-changing characters in
anybody's text are visible escapes. The page puts texts on the screen with `textContent`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

from sqlagent.agent.answer import Answer, Cell
from sqlagent.base.visible import visible
from sqlagent.database.schema import Column, Schema, Table
from sqlagent.ui.web import charts

EXACT = 2**53
"""From here on a browser's numbers are not exact."""
SHOWN_CELL = 4000
"""Characters of a text that are sent to be shown; exports hold all of them."""
SHOWN_BLOB = 32
SHOWN_COLUMNS = 200
"""Columns of a table that are listed and drawn."""

KEPT = "\n\t"


def shown(text: str) -> str:
    """A text as a person may see it, whole lines kept."""
    return visible(text, keep=KEPT)


def name(text: str) -> str:
    """A name on one line."""
    return visible(text)


def cell(value: Cell) -> Any:
    """null, a text, a number, or {kind, text} for what JSON cannot hold: big integers, infinities, bytes."""
    if value is None:
        return None
    if isinstance(value, str):
        return shown(value[:SHOWN_CELL]) + "…" if len(value) > SHOWN_CELL else shown(value)
    if isinstance(value, bytes):
        more = "…" if len(value) > SHOWN_BLOB else ""
        unit = "byte" if len(value) == 1 else "bytes"
        return {"kind": "blob", "text": f"{value[:SHOWN_BLOB].hex(' ')}{more} ({len(value):,} {unit})"}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"kind": "number", "text": str(value)}
    return value if abs(value) < EXACT else {"kind": "number", "text": str(value)}


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], truncated: str | None) -> dict[str, Any]:
    """A result for the page: names, cells, which columns are numbers, and the charts that suit it."""
    return {
        "columns": [name(column) for column in columns],
        "rows": [[cell(value) for value in row] for row in rows],
        "numeric": [charts.is_numeric([row[i] for row in rows]) for i in range(len(columns))],
        "chart": charts.suggest(columns, rows),
        "truncated": truncated or "",
    }


def answer(found: Answer, schema: Schema) -> dict[str, Any]:
    """An answer for the page: the statement, the sentence, how far to trust it, the rows, other readings."""
    from sqlagent.sql.explain import in_words, sentence

    others = dict.fromkeys(one.sql for one in found.tried if one.sql != found.sql)
    return {
        "sql": shown(found.sql),
        "words": shown(sentence(found.words)),
        "confidence": round(found.confidence, 3),
        "note": shown(found.note),
        "readings": [
            {"sql": shown(sql), "words": shown(sentence(in_words(sql, schema)))} for sql in list(others)[:3]
        ],
        "timings": {key: round(seconds, 3) for key, seconds in found.timings.items()},
        **table(found.columns, found.rows, found.truncated),
    }


def size(rows: Sequence[Sequence[Cell]]) -> int:
    """About how many bytes rows take in memory."""
    return sum(sys.getsizeof(row) + sum(sys.getsizeof(value) for value in row) for row in rows)


def schema(found: Schema) -> dict[str, Any]:
    """Tables, columns and keys, for the list and the diagram."""
    return {
        "tables": [_table(one) for one in found.tables],
        "skipped": [[name(one), shown(why)] for one, why in found.skipped],
    }


def _table(found: Table) -> dict[str, Any]:
    return {
        "name": name(found.name),
        "kind": found.kind,
        "rows": found.row_count,
        "exact": found.row_count_exact,
        "comment": shown(found.comment),
        "columns": [_column(column) for column in found.columns[:SHOWN_COLUMNS]],
        "more": max(0, len(found.columns) - SHOWN_COLUMNS),
        "keys": [
            {"from": [name(one) for one in key.columns], "table": name(key.ref_table),
             "to": [name(one) for one in key.ref_columns]}
            for key in found.foreign_keys
        ],
    }  # fmt: skip


def _column(found: Column) -> dict[str, Any]:
    return {
        "name": name(found.name),
        "type": name(found.type),
        "key": bool(found.pk),
        "comment": shown(found.comment),
        "samples": [name(str(one)[:60]) for one in found.samples if not isinstance(one, bytes)],
    }
