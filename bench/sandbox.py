"""What the sandbox costs against plain sqlite3 in the same process.

    python -m bench sandbox --data DIR      every .sqlite file below DIR/database
    python -m bench sandbox                 generated tables only

Small results: the same statements on every database, direct and through a warm worker, one after the other,
so that a busy machine slows both. Large results: 100,000 rows of several shapes. Medians of repeated runs.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlagent.base.errors import NO_ANSWER, OK, SqlagentError
from sqlagent.sandbox.sandbox import Limits, Sandbox

ADDED_MS = 1.0
"""Most milliseconds that a query with a small result may take longer, at the median."""
SLOWDOWN = 2.0
"""Most times longer that 100,000 rows may take."""
ROWS = 100_000
SHAPES = {
    "1 integer": "x",
    "5 integers": "x, x + 1, x * 2, x - 7, x % 10",
    "3 numbers, 2 texts": "x, x * 1.5, x % 7, 'name ' || x, 'a longer piece of text for number ' || x",
    "with NULL, blob, text": "x, iif(x % 3, x, NULL), 'né ' || x, x'00ff00ff', iif(x % 2, 'odd', NULL)",
    "10 mixed": "x, x, x * 0.5, x * 0.25, 'a' || x, 'b' || x, x % 2, iif(x % 2, x, 'even'), NULL, 1",
}


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code: not 0 when the sandbox costs more than it may."""
    parser = argparse.ArgumentParser(
        prog="python -m bench sandbox", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with database/*/*.sqlite (Spider)")
    parser.add_argument("--repeat", type=int, default=9, help="runs of each statement")
    options = parser.parse_args(argv)
    fine = True
    if options.data is not None:
        paths = sorted((options.data / "database").glob("*/*.sqlite"))
        if not paths:
            print(f"bench: no database/*/*.sqlite below {options.data}", file=sys.stderr)
            return NO_ANSWER
        fine &= _small(paths, options.repeat)
    fine &= _large(options.repeat)
    return OK if fine else NO_ANSWER


def _small(paths: list[Path], repeat: int) -> bool:
    """Time two statements on every table of every database; print what the sandbox adds."""
    direct_ms: list[float] = []
    added_ms: list[float] = []
    starts: list[float] = []
    for path in paths:
        began = time.perf_counter()
        with (
            Sandbox(path) as box,
            contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as plain,
        ):
            plain.text_factory = lambda data: data.decode("utf-8", "replace")
            box.execute("SELECT 1")
            starts.append(1e3 * (time.perf_counter() - began))
            names = [row[0] for row in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                quoted = '"' + name.replace('"', '""') + '"'
                for sql in (f"SELECT * FROM {quoted} LIMIT 10", f"SELECT count(*) FROM {quoted}"):
                    pair = _pair(plain, box, sql, repeat)
                    if pair is not None:
                        direct_ms.append(1e3 * pair[0])
                        added_ms.append(1e3 * (pair[1] - pair[0]))
    median = statistics.median(added_ms)
    worst = statistics.quantiles(added_ms, n=100)[98]
    print(f"{len(added_ms)} small queries on {len(paths)} databases, median of {repeat} runs each")
    print(f"  direct sqlite3   {statistics.median(direct_ms):.3f} ms at the median")
    print(f"  the sandbox adds {median:.3f} ms at the median, {worst:.3f} ms at the 99th percentile")
    print(f"  a first query    {statistics.median(starts):.0f} ms, with the start of the worker")
    return median <= ADDED_MS


def _large(repeat: int) -> bool:
    """Time 100,000 rows of each shape; print the ratio."""
    fine = True
    with tempfile.TemporaryDirectory(prefix="sqlagent-bench-") as folder:
        path = Path(folder) / "large.db"
        with contextlib.closing(sqlite3.connect(path)) as writer:
            count = f"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT {ROWS})"
            for number, columns in enumerate(SHAPES.values()):
                writer.execute(f"CREATE TABLE t{number} AS {count} SELECT {columns} FROM c")
            writer.commit()
        limits = Limits(timeout=60, max_rows=0, max_bytes=256 << 20)
        print(f"{ROWS:,} rows, median of {repeat} runs")
        with Sandbox(path, limits) as box, contextlib.closing(sqlite3.connect(path)) as plain:
            for number, shape in enumerate(SHAPES):
                pair = _pair(plain, box, f"SELECT * FROM t{number}", repeat)
                assert pair is not None
                ratio = pair[1] / pair[0]
                fine &= ratio <= SLOWDOWN
                direct, boxed = 1e3 * pair[0], 1e3 * pair[1]
                print(f"  {shape:<22} direct {direct:6.0f} ms, sandbox {boxed:6.0f} ms, {ratio:.2f} x")
    return fine


def _pair(plain: sqlite3.Connection, box: Sandbox, sql: str, repeat: int) -> tuple[float, float] | None:
    """Median seconds of a statement, direct and in the sandbox; None when it does not run."""
    runs: tuple[Callable[[], object], ...] = (lambda: plain.execute(sql).fetchall(), lambda: box.execute(sql))
    taken: tuple[list[float], list[float]] = ([], [])
    try:
        for _ in range(repeat):
            for run, times in zip(runs, taken, strict=True):
                began = time.perf_counter()
                run()
                times.append(time.perf_counter() - began)
    except (sqlite3.Error, SqlagentError):
        return None
    return statistics.median(taken[0]), statistics.median(taken[1])


if __name__ == "__main__":
    sys.exit(main())
