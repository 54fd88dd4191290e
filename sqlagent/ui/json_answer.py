"""Put an answer into the one JSON object that programs get: `--json`, `batch` and the MCP server write the same.

    {"version": 1, "question": "…", "sql": "…", "columns": ["name"], "rows": [["Ada"]], "truncated": null, …}

Invariant: what stands in `FIELDS` is all there is and always there; a field is added with the same VERSION, and none is
taken away or changes its meaning without a new one. Only ASCII is written, so that it drives no terminal.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from sqlagent.agent.answer import Answer, Cell
from sqlagent.ui import sureness

if TYPE_CHECKING:
    from sqlagent.sandbox.sandbox import Result

VERSION = 1
FIELDS: dict[str, str] = {
    "version": "the version of this object: 1",
    "database": "the file that was asked about",
    "question": "the question; null for a statement of your own",
    "sql": "the statement that ran",
    "columns": "the names of the result's columns; one may occur twice",
    "rows": 'lists of values; bytes are {"$blob": "<hex>"}, an infinity is the text "Infinity" or "-Infinity"',
    "truncated": "what was left out and which option lifts that, or null",
    "model": "the model that wrote the statement, or null",
    "confidence": "0 to 1: the probability that the rows are right where calibrated is true, or null",
    "calibrated": "whether the confidence was fitted to this model",
    "sure": "the confidence in words, with what speaks against the answer",
    "words": "what the statement computes, in English",
    "note": "what should be known before the rows are trusted",
    "written": "the statement as the model wrote it",
    "amendments": "what was changed in it: objects of rule and why",
    "other_readings": "other statements that were weighed, the likeliest first",
    "seconds": "where the time went: seconds by step",
}
"""Every field and what it holds."""


def of_answer(answer: Answer, *, database: str, model: str) -> dict[str, Any]:
    """The object for the answer to a question."""
    return {
        "version": VERSION,
        "database": database,
        "question": answer.question,
        "sql": answer.sql,
        "columns": [*answer.columns],
        "rows": [[value_of(value) for value in row] for row in answer.rows],
        "truncated": answer.truncated,
        "model": model,
        "confidence": round(answer.confidence, 4),
        "calibrated": answer.calibrated,
        "sure": sureness.word(answer),
        "words": answer.words,
        "note": answer.note,
        "written": answer.written or answer.sql,
        "amendments": [{"rule": one.rule, "why": one.why} for one in answer.amendments],
        "other_readings": sureness.readings(answer),
        "seconds": {name: round(seconds, 3) for name, seconds in answer.timings.items()},
    }


def of_result(sql: str, result: Result, *, database: str) -> dict[str, Any]:
    """The object for the rows of a person's own statement."""
    return {
        **dict.fromkeys(FIELDS),
        "version": VERSION,
        "database": database,
        "sql": sql,
        "columns": [*result.columns],
        "rows": [[value_of(value) for value in row] for row in result.rows],
        "truncated": result.truncated,
        "calibrated": False,
        "sure": "",
        "words": "",
        "note": "",
        "written": sql,
        "amendments": [],
        "other_readings": [],
        "seconds": {"act": round(result.seconds, 3)},
    }


def value_of(value: Cell) -> Any:
    """A value as JSON has it."""
    if isinstance(value, bytes):
        return {"$blob": value.hex()}
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def line(found: dict[str, Any]) -> str:
    """The object on one line of ASCII, so that no terminal is driven by it."""
    return json.dumps(found, ensure_ascii=True)
