"""Whatever bytes a database has, reading its schema returns or raises DatabaseError, and the process lives.

    SQLAGENT_FUZZ_SECONDS=600 python -m pytest tests/test_schema_fuzz.py

fuzzes for longer; a failure names the seed and the number that make the same file again.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import hostile
import pytest

from sqlagent.base.errors import DatabaseError
from sqlagent.database import schema
from sqlagent.sandbox.sandbox import Sandbox

SECONDS = float(os.environ.get("SQLAGENT_FUZZ_SECONDS", "8"))
ONE_FILE_SECONDS = 10.0
"""Far above the time budget given to each reading: the machine may be busy."""


def originals(folder: Path) -> list[bytes]:
    """Small real databases of every kind."""
    rows = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 300) "
    sources = [
        [
            "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT UNIQUE, size REAL)",
            f"{rows} INSERT INTO parent SELECT n, 'name ' || n, n / 7.0 FROM r",
            "CREATE TABLE child (a REFERENCES parent, b BLOB, c, PRIMARY KEY (a, c)) WITHOUT ROWID",
            f"{rows} INSERT INTO child SELECT n, zeroblob(n), -n FROM r",
            "CREATE VIEW v AS SELECT name, count(*) AS n FROM parent JOIN child ON id = a GROUP BY name",
            "CREATE INDEX i ON parent (size, name)",
            "ANALYZE",
        ],
        [
            "CREATE TABLE long (x, y)",
            "INSERT INTO long VALUES (hex(zeroblob(20000)), zeroblob(30000)), (1, NULL)",
            "CREATE TABLE gone (x)",
            "DROP TABLE gone",
        ],
    ]
    fixed = dict(hostile.hostile_schemas(0, large=False))
    for label in (
        "every name as a column",
        "generated columns",
        "strict",
        "fts5",
        "rtree",
        "views over views",
    ):
        if label in fixed:
            sources.append(fixed[label])
    found = []
    for number, statements in enumerate(sources):
        path = folder / f"original{number}.db"
        connection = hostile.build(statements, path)
        if number % 2:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.close()
        found.append(path.read_bytes())
    return found


def mutate(draw: random.Random, data: bytes) -> bytes:
    """`data` with a few bytes, numbers, pages or words of its schema changed."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        place = draw.choice((draw.randrange(min(200, len(changed))), draw.randrange(len(changed))))
        if draw.random() < 0.3:  # the head of a page: kind, number of cells, pointers
            place = min(len(changed) - 9, draw.randrange(0, len(changed), 4096) + draw.randrange(12))
        kind = draw.randrange(8)
        if kind <= 2:
            changed[place] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
        elif kind == 3:
            changed[place : place + 4] = draw.getrandbits(32).to_bytes(4, "big")
        elif kind == 4:
            other = draw.randrange(0, len(changed), 4096)
            page = place // 4096 * 4096
            changed[page : page + 4096] = changed[other : other + 4096]
        elif kind == 5:
            words = (
                b"INTEGER",
                b"PRIMARY",
                b"CREATE ",
                b"VIRTUAL",
                b"printf(",
                b"VALUES(",
                b"\xff\xfe\x00\x00\x00\x00\x00",
            )
            changed[place : place + 7] = draw.choice(words)
        elif kind == 6 and draw.random() < 0.3:
            del changed[draw.randrange(len(changed)) :]
        else:
            size = draw.randrange(1, 64)
            changed[place : place + size] = draw.randbytes(size)
        if len(changed) < 16:
            return bytes(data[:50])
    return bytes(changed)


def write(draw: random.Random, folder: Path, sources: list[bytes]) -> Path:
    """A mutated database, sometimes with damaged files beside it."""
    path = folder / "mutated.db"
    for file in folder.glob("mutated.db*"):
        file.unlink()
    data = mutate(draw, draw.choice(sources))
    path.write_bytes(data)
    for suffix in ("-wal", "-shm", "-journal"):
        if draw.random() < 0.05:
            head = {
                "-wal": b"\x37\x7f\x06\x82\x00\x2d\xe2\x18",
                "-journal": b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
            }
            Path(f"{path}{suffix}").write_bytes(head.get(suffix, b"") + draw.randbytes(draw.randrange(5000)))
    return path


def fuzz(seed: int, seconds: float) -> None:
    """Read mutated files; print the number of each before it is read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = originals(folder)
        number, end = 0, time.monotonic() + seconds
        box: Sandbox | None = None
        while time.monotonic() < end:
            print(number, flush=True)
            path = write(random.Random(seed * 1_000_000 + number), folder, sources)
            before = {file.name: file.read_bytes() for file in folder.iterdir()}
            box = box or Sandbox(path)  # one process for all of them: starting one takes longer than reading
            started = time.monotonic()
            try:
                box.warm_up()
                started = time.monotonic()
                schema.read(path, time_budget=0.5, sandbox=box).fingerprint  # noqa: B018
            except DatabaseError as error:
                assert "\n" not in str(error), str(error)
            assert time.monotonic() - started < ONE_FILE_SECONDS, "too slow"
            assert {file.name: file.read_bytes() for file in folder.iterdir()} == before, "files changed"
            number += 1
        if box is not None:
            box.close()
    print("done", flush=True)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_bytes_can_crash_the_reader(seed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", __file__, str(seed), str(SECONDS / 2)],
        capture_output=True,
        text=True,
        timeout=SECONDS + 120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    lines = done.stdout.split()
    assert done.returncode == 0, f"seed {seed}, file {lines[-1:]}: {done.stderr[-3000:]}"
    assert lines[-1] == "done" and len(lines) > 5


def test_the_mutations_reach_every_outcome(tmp_path: Path) -> None:
    """Some mutated files can be read, some only in part, some are refused: else the fuzzing would be idle."""
    sources = originals(tmp_path)
    outcomes = {"whole": 0, "in part": 0, "refused": 0}
    for number in range(150):
        path = write(random.Random(number), tmp_path, sources)
        try:
            found = schema.read(path, time_budget=0.2)
            outcomes["in part" if found.skipped else "whole"] += 1
        except DatabaseError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 0, outcomes


if __name__ == "__main__":
    try:
        fuzz(int(sys.argv[1]), float(sys.argv[2]))
    except AssertionError:
        traceback.print_exc()
        sys.exit(1)
