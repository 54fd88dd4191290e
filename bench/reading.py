"""What the rules, the caution and the sentence make of gold statements, and how long that takes.

    python -m bench reading --data DIR --split train [--limit 500] [--before CHECKOUT]

Each gold statement, in its canonical form, goes with its question through all that happens between decoding and the
sandbox. Every third one goes on from the question before it of the same database. With --before the same is done by
the code of another checkout, in a process of its own; every text that differs is shown, and both medians are printed.
Invariant: both read the same lines from a file, and what they are told of the database does not hang on the clock.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

OPERATIONS = 2_000_000
"""Of SQLite's machine, after which a look into the database is given up; a time would not be the same twice."""
SHOWN = 40


def play(cases: Path, results: Path) -> None:
    """Read each case, amend it, look for rows counted twice, and explain it; a line of results for each.

    Seconds are those of the processor: what else the machine does is not counted.
    """
    with cases.open() as source, results.open("w") as target:
        for case, made, seconds in _played(json.loads(line) for line in source):
            target.write(json.dumps({**made, "sql": case["sql"], "seconds": seconds}) + "\n")


def _played(cases: Iterator[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any], float]]:
    from sqlagent.database import schema as schemas
    from sqlagent.grammar import Acceptor
    from sqlagent.linking.prompt import Turn

    through = _through()
    path = ""
    for case in cases:
        if case["database"] != path:
            path = case["database"]
            schema = schemas.read(path, time_budget=600.0)
            acceptor, finds, nearest = Acceptor(schema), _finds(path), _nearest(schema)
        history = tuple(Turn(question, sql) for question, sql in case["history"])
        accepts = getattr(acceptor, "accepts", None) or acceptor.takes  # type: ignore[attr-defined]
        tools = (nearest, accepts, finds)
        through(
            case["question"], case["sql"], schema, history, *tools
        )  # what is looked up is known from here on
        began = time.thread_time()
        sql, notes, doubt, words = through(case["question"], case["sql"], schema, history, *tools)
        yield (
            case,
            {"made": sql, "notes": notes, "caution": doubt, "words": words},
            time.thread_time() - began,
        )


def _through() -> Callable[..., tuple[str, list[str], str, str]]:
    """What takes a statement all the way: by one reading of it or, before there were any, by its text each time."""
    from sqlagent.amend import fan_out
    from sqlagent.sql import explain

    pipeline: Any = importlib.import_module(
        "sqlagent.amend.pipeline"
    )  # another checkout's may be an older one
    if hasattr(pipeline, "mended"):
        from sqlagent.sql.reading import Readings

        def by_amendments(question: str, sql: str, schema: Any, history: Any, *tools: Any) -> Any:
            readings = Readings(schema)
            nearest, accepts, finds = tools
            about = pipeline.Context(
                question,
                readings,
                history,
                nearest=nearest,
                accepts=accepts,
                has_rows=finds,
                differ=lambda one, other: True,
            )
            made, amendments = pipeline.mended(sql, about)
            for last in pipeline.proposals(made, about)[-1:]:  # all that fit together
                made, amendments = last.sql, (*amendments, *last.amendments)
            reading = readings.read(made)
            whys = [one.why for one in amendments]
            return made, whys, fan_out.doubled(reading, tools[2]), explain.said(reading)

        return by_amendments

    if hasattr(pipeline, "amended"):
        from sqlagent.sql.reading import read

        def by_reading(question: str, sql: str, schema: Any, history: Any, *tools: Any) -> Any:
            reading, notes = pipeline.amended(question, read(sql, schema), history, *tools)
            return reading.sql, notes, fan_out.doubled(reading, tools[2]), explain.said(reading)

        return by_reading

    def by_text(question: str, sql: str, schema: Any, history: Any, *tools: Any) -> Any:
        nearest, takes, finds = tools
        made, notes = pipeline.put_right(
            question, sql, schema, history=history, nearest=nearest, takes=takes, finds=finds
        )
        return made, notes, fan_out.caution(made, schema, finds), explain.in_words(made, schema)

    return by_text


def _finds(path: str) -> Callable[[str], bool]:
    """Whether a statement finds a row, asked once for each statement, so that no time is spent on it when measured."""
    connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
    connection.text_factory = bytes
    known: dict[str, bool] = {}

    def finds(sql: str) -> bool:
        if sql not in known:
            steps = iter(range(OPERATIONS // 1000))
            connection.set_progress_handler(lambda: next(steps, None) is None, 1000)
            try:
                known[sql] = connection.execute(sql).fetchone() is not None
            except sqlite3.Error:
                known[sql] = False
        return known[sql]

    return finds


def _nearest(schema: Any) -> Callable[[str, str, str], str | None]:
    """A stored value for every fourth text: what is looked up costs nothing here, that it is put in does."""

    def nearest(table: str, column: str, text: str) -> str | None:
        if zlib.crc32(text.encode()) % 4:
            return None
        found = schema.table(table)
        samples = next((c.samples for c in found.columns if c.name.lower() == column.lower()), ())
        return next((value for value in samples if isinstance(value, str) and value != text), None)

    return nearest


def write_cases(data: Path, splits: Sequence[str], limit: int | None, path: Path) -> int:
    """The canonical gold statements with their questions, grouped by database; how many there are."""
    from bench.gold.canonical import CanonicalError, canonicalise
    from bench.gold.datasets import load, sample
    from sqlagent.database import schema as schemas

    written = 0
    with path.open("w") as target:
        for split in splits:
            known: dict[Path, Any] = {}
            last: tuple[str, str, str] | None = None
            for question in sample(load(data, split, hints=False), limit, 1):
                if question.database is None:
                    continue
                if question.database not in known:
                    known[question.database] = schemas.read(question.database, samples=0)
                try:
                    sql = canonicalise(question.gold, known[question.database])
                except CanonicalError:
                    continue
                history = [last[1:]] if last and last[0] == question.db and written % 3 == 2 else []
                case = {"database": str(question.database), "question": question.question, "sql": sql}
                target.write(json.dumps({**case, "history": history}) + "\n")
                last = (question.db, question.question, sql)
                written += 1
    return written


def _by(checkout: Path, cases: Path, results: Path) -> list[dict[str, Any]]:
    """The results that the code of a checkout comes to."""
    script = "import sys, runpy; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    subprocess.run(
        [sys.executable, "-c", script, __file__, "--play", str(cases), str(results)],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        check=True,
    )
    return [json.loads(line) for line in results.read_text().splitlines()]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench reading", description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of questions with databases")
    parser.add_argument("--split", action="append", help="its split; may be given several times")
    parser.add_argument("--limit", type=int, help="questions of a split, drawn at random; all without it")
    parser.add_argument("--cases", type=Path, help="statements written by an earlier run with --keep")
    parser.add_argument(
        "--keep", type=Path, help="where the canonical statements are written for another run"
    )
    parser.add_argument("--before", type=Path, help="a checkout whose code is to be compared with")
    parser.add_argument("--play", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.play:
        play(*options.play)
        return 0
    if not (options.data or options.cases):
        parser.error("give --data, or --cases from an earlier run")
    with tempfile.TemporaryDirectory() as folder:
        cases = options.cases or options.keep or Path(folder) / "cases.jsonl"
        if options.cases is None:
            count = write_cases(options.data, options.split or ["train"], options.limit, cases)
            print(f"{count} statements have a canonical form", file=sys.stderr)
        here = _by(Path(__file__).resolve().parent.parent, cases, Path(folder) / "now.jsonl")
        _report("now", here)
        if options.before is None:
            return 0
        there = _by(options.before.resolve(), cases, Path(folder) / "before.jsonl")
        _report("before", there)
        ratio = _median(here) / _median(there)
        print(f"time of now / before: {ratio:.2f}")
        return _compared(here, there)


def _median(results: Sequence[dict[str, Any]]) -> float:
    return float(statistics.median(one["seconds"] for one in results))


def _report(name: str, results: Sequence[dict[str, Any]]) -> None:
    amended = sum(one["made"] != one["sql"] for one in results)
    said = sum(bool(one["words"]) for one in results)
    print(
        f"{name}: {len(results)} statements, {amended} amended, {sum(bool(one['caution']) for one in results)} with "
        f"a caution, {said} explained; {1000 * _median(results):.3f} ms of processor at the median to read, "
        "amend and explain one"
    )


def _compared(here: Sequence[dict[str, Any]], there: Sequence[dict[str, Any]]) -> int:
    """1 where a text differs."""
    different = 0
    for now, before in zip(here, there, strict=True):
        for key in ("made", "notes", "caution", "words"):
            if now[key] != before[key]:
                different += 1
                if different <= SHOWN:
                    print(f"{key} of {now['sql']}\n  before: {before[key]}\n  now:    {now[key]}")
                break
    print(f"{different} of {len(here)} statements come to another text")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
