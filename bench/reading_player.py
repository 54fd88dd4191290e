"""Take statements from decoding to the sandbox by the code that PYTHONPATH names: a process of `bench reading`.

It reads a case a line and writes what became of it and in how many seconds of the processor, a line too. It runs in
the checkouts of others, so it imports nothing of `bench`, and knows by which names older code went.

Invariant: what a statement is told of its database does not hang on the clock. A case is played once before the rounds
that are timed, so that the database has answered, and the question's words are known, as they are after linking.
"""

from __future__ import annotations

import importlib
import json
import sqlite3
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROUNDS = 3
"""That are timed; the quickest counts, for the machine does other things as well."""
OPERATIONS = 2_000_000
"""Of SQLite's machine, after which a look into the database is given up; a time would not be the same twice."""

Through = Callable[..., tuple[str, list[str], str, str]]
"""Takes a statement all the way: what it becomes, the notes, the caution, and what it computes in words."""


def main() -> None:
    """Play each line of stdin until there are no more."""
    from sqlagent.linking.prompt import Turn

    through = _through()
    databases: dict[str, tuple[Any, ...]] = {}
    for line in sys.stdin:
        case = json.loads(line)
        path = case["database"]
        if path not in databases:
            databases[path] = _opened(path)
        schema, *tools = databases[path]
        history = tuple(Turn(question, sql) for question, sql in case["history"])
        given = (case["question"], case["sql"], schema, history, *tools)
        sql, notes, caution, words = through(*given)
        seconds = min(_seconds(lambda: through(*given)) for _ in range(ROUNDS))  # noqa: B023  called at once
        made = {"made": sql, "notes": notes, "caution": caution, "words": words}
        print(json.dumps({**made, "sql": case["sql"], "seconds": seconds}), flush=True)


def _seconds(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def _opened(path: str) -> tuple[Any, ...]:
    """The schema of a database, and what the rules ask: a value near a text, the grammar, whether there are rows."""
    from sqlagent.database import schema as schemas
    from sqlagent.grammar import Acceptor

    schema = schemas.read(path, time_budget=600.0)
    acceptor: Any = Acceptor(schema)
    return schema, _nearest(schema), getattr(acceptor, "accepts", None) or acceptor.takes, _has_rows(path)


def _through() -> Through:
    """By one reading of a statement or, before there were any, by its text each time."""
    pipeline: Any = importlib.import_module("sqlagent.amend.pipeline")
    fan_out: Any = importlib.import_module("sqlagent.amend.fan_out")
    explain: Any = importlib.import_module("sqlagent.sql.explain")
    if hasattr(pipeline, "mended"):
        from sqlagent.sql.reading import Readings

        def by_amendments(question: str, sql: str, schema: Any, history: Any, *tools: Any) -> Any:
            readings = Readings(schema)
            nearest, accepts, has_rows = tools
            about = pipeline.Context(
                question,
                readings,
                history,
                nearest=nearest,
                accepts=accepts,
                has_rows=has_rows,
                differ=lambda one, other: True,
            )
            made, amendments = pipeline.mended(sql, about)
            for last in pipeline.proposals(made, about)[-1:]:  # all that fit together
                made, amendments = last.sql, (*amendments, *last.amendments)
            reading = readings.read(made)
            whys = [one.why for one in amendments]
            return made, whys, fan_out.doubled(reading, has_rows), explain.said(reading)

        return by_amendments

    def by_text(question: str, sql: str, schema: Any, history: Any, *tools: Any) -> Any:
        nearest, takes, finds = tools
        made, notes = pipeline.put_right(
            question, sql, schema, history=history, nearest=nearest, takes=takes, finds=finds
        )
        return made, notes, fan_out.caution(made, schema, finds), explain.in_words(made, schema)

    return by_text


def _has_rows(path: str) -> Callable[[str], bool]:
    """Whether a statement finds a row, asked once for each statement."""
    connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
    connection.text_factory = bytes
    known: dict[str, bool] = {}

    def has_rows(sql: str) -> bool:
        if sql not in known:
            steps = iter(range(OPERATIONS // 1000))
            connection.set_progress_handler(lambda: next(steps, None) is None, 1000)
            try:
                known[sql] = connection.execute(sql).fetchone() is not None
            except sqlite3.Error:
                known[sql] = False
        return known[sql]

    return has_rows


def _nearest(schema: Any) -> Callable[[str, str, str], str | None]:
    """A stored value for every fourth text: what is looked up costs nothing here, that it is put in does."""

    def nearest(table: str, column: str, text: str) -> str | None:
        if zlib.crc32(text.encode()) % 4:
            return None
        found = schema.table(table)
        samples = next((c.samples for c in found.columns if c.name.lower() == column.lower()), ())
        return next((value for value in samples if isinstance(value, str) and value != text), None)

    return nearest


if __name__ == "__main__":
    main()
