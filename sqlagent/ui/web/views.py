"""Turn schemas, rows and answers into plain data for the page.

Invariant: what leaves here is JSON values only, never markup; control and direction-changing characters in
anybody's text are visible escapes. The page puts texts on the screen with `textContent`.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from typing import Any

from sqlagent.agent.answer import Answer, Cell
from sqlagent.base.visible import visible
from sqlagent.database.schema import Column, Schema, Table
from sqlagent.ui import sureness
from sqlagent.ui.readable import for_people
from sqlagent.ui.web import charts

EXACT = 2**53
"""From here on a browser's numbers are not exact."""
SHOWN_CELL = 4000
"""Characters of a text that are sent to be shown; exports hold all of them."""
SHOWN_BLOB = 32
PREVIEWED = 25
"""Rows that are shown while the others are still being found."""
SHOWN_COLUMNS = 200
"""Columns of a table that are listed and drawn."""

MOST_READINGS = 3
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


_LIFT = re.compile(r" \(lift with --[a-z-]+ \d+\)")
_INSIST = re.compile(r", or insist with --anyway \(in the prompt: \\anyway\)")
_LONGER = re.compile(r"; --timeout SECONDS allows more")


def on_page(text: str) -> str:
    """A sentence that names a flag or a command of the prompt, as somebody needs it who looks at the page."""
    text = _INSIST.sub(", or press “Answer anyway”", text)
    return _LONGER.sub("; start the server with --timeout SECONDS to allow more", text)


def left_out(truncated: str | None) -> str:
    """What a result leaves out, and where it is to be had; "" where that is nothing."""
    if not truncated:
        return ""
    said = _LIFT.sub("", truncated)
    return f"{said[0].upper()}{said[1:]}. Downloads hold all of it."


def preview(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> dict[str, Any]:
    """The first of the rows that have come so far, and how many those are."""
    return {
        "type": "rows",
        "columns": [name(column) for column in columns],
        "rows": [[cell(value) for value in row] for row in rows[:PREVIEWED]],
        "numeric": [charts.is_numeric([row[i] for row in rows[:PREVIEWED]]) for i in range(len(columns))],
        "count": len(rows),
    }


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], truncated: str | None) -> dict[str, Any]:
    """A result for the page: names, cells, which columns are numbers, and the charts that suit it."""
    return {
        "columns": [name(column) for column in columns],
        "rows": [[cell(value) for value in row] for row in rows],
        "numeric": [charts.is_numeric([row[i] for row in rows]) for i in range(len(columns))],
        "chart": charts.suggest(columns, rows),
        "truncated": left_out(truncated),
    }


def answer(found: Answer, schema: Schema) -> dict[str, Any]:
    """An answer for the page: the statement, the sentence, how far to trust it, what was changed, the rows.

    Heads and digits are those that a person reads; downloads are exact.
    """
    from sqlagent.sql.explain import in_words, sentence

    columns, rows = for_people(found.sql, found.question, found.columns, found.rows, found.stored_as)
    return {
        "sql": shown(found.sql),
        "words": shown(sentence(found.words)),
        "confidence": round(found.confidence, 3),
        "calibrated": found.calibrated,
        "sure": _sure(found),
        "reasons": sureness.reasons(found) if sureness.is_doubtful(found) else [],
        "note": on_page(shown(_note(found))),
        "written": shown(found.written) if found.amendments else "",
        "amendments": [shown(one.why) for one in found.amendments],
        "readings": [
            {"sql": shown(sql), "words": shown(sentence(in_words(sql, schema)))}
            for sql in sureness.readings(found)[:MOST_READINGS]
        ],
        "timings": {key: round(seconds, 3) for key, seconds in found.timings.items()},
        **table(columns, rows, found.truncated),
    }


def _note(found: Answer) -> str:
    """What a reader should know, without what the changes say already."""
    said = found.note
    for one in found.amendments:
        said = said.replace(one.why, "")
    return " ".join(said.split())


def _sure(found: Answer) -> str:
    if found.confidence >= sureness.SURE:
        return "sure"
    return "doubtful" if sureness.is_doubtful(found) else "fairly sure"


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
