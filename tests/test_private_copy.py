"""A file that another program holds is read from a private copy: one committed state, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlagent.base.errors import DatabaseError, QueryTimeout
from sqlagent.database import schema
from sqlagent.sandbox import private_copy
from sqlagent.sandbox.sandbox import Sandbox

WRITER = """
import random, sqlite3, sys, time
path, mode, pause, commits = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA locking_mode=EXCLUSIVE")
connection.execute(f"PRAGMA journal_mode={mode}").fetchone()
connection.execute("PRAGMA cache_size=5")  # pages are written before the commit
connection.execute("PRAGMA wal_autocheckpoint=7")
connection.execute("PRAGMA synchronous=OFF")
connection.execute("BEGIN EXCLUSIVE"); connection.execute("COMMIT")
print("holds", flush=True)
draw = random.Random(1)
for number in range(commits):
    connection.execute("BEGIN")
    amount = draw.randrange(1000)
    connection.execute("UPDATE one SET x = x + ?, pad = hex(randomblob(60))", (amount,))
    connection.execute("UPDATE two SET x = x - ?, pad = hex(randomblob(60))", (amount,))
    connection.execute("INSERT INTO log VALUES (?)", (number,))
    connection.execute("COMMIT")
    time.sleep(pause)
print("done", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def writing(path: Path, mode: str, pause: float, commits: int) -> Iterator[subprocess.Popen[str]]:
    """Another program that keeps the file locked for as long as it runs, and writes to it."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as made:
        made.executescript(
            "CREATE TABLE one (x, pad); CREATE TABLE two (x, pad); CREATE TABLE log (n);"
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 300)"
            "INSERT INTO one SELECT 0, hex(randomblob(60)) FROM r; INSERT INTO two SELECT 0, pad FROM one;"
        )
    command = [sys.executable, "-c", WRITER, str(path), mode, str(pause), str(commits)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "holds\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


COMMITTED = "SELECT (SELECT sum(x) FROM one), (SELECT sum(x) FROM two), (SELECT count(*) FROM log)"


@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "PERSIST", "WAL"])
def test_a_copy_made_during_two_hundred_commits_is_one_committed_state_or_none(
    tmp_path: Path, temporary: Path, mode: str
) -> None:
    path = tmp_path / "x.db"
    seen: set[int] = set()
    refused = 0
    with writing(path, mode, 0.004, 200) as writer:
        for _ in range(10_000):
            if "done" in _waiting(writer):
                break
            folder = private_copy.new_folder()
            try:
                copy = private_copy.copied(str(path), folder, time.monotonic() + 0.2)
            except private_copy.CopyError:
                refused += 1
            else:
                with contextlib.closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)) as read:
                    one, two, commits = read.execute(COMMITTED).fetchone()
                    assert one + two == 0 and read.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                    seen.add(commits)
            for file in Path(folder).iterdir():
                file.unlink()
            Path(folder).rmdir()
        assert seen or refused  # nothing else came of it
        folder = private_copy.new_folder()
        copy = private_copy.copied(str(path), folder, time.monotonic() + 10)
        with contextlib.closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)) as read:
            assert read.execute(COMMITTED).fetchone()[2] == 200  # what was saved last, once it is quiet


def _waiting(process: subprocess.Popen[str]) -> str:
    """What a process has printed."""
    import select

    assert process.stdout is not None
    return process.stdout.readline() if select.select([process.stdout], [], [], 0)[0] else ""


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_held_file_is_answered_from_a_copy_and_nothing_stays(
    tmp_path: Path, temporary: Path, mode: str
) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "x.db"
    with writing(path, mode, 0.2, 8) as writer, Sandbox(path) as box:
        beside = set(os.listdir(path.parent))
        found = schema.read(path, sandbox=box)
        assert [t.name for t in found.tables] == ["one", "two", "log"] and "private copy" in found.notice
        before = -1
        while "done" not in _waiting(writer):
            with contextlib.suppress(DatabaseError):
                one, two, commits = box.execute(COMMITTED).rows[0]
                assert one + two == 0 and commits >= before  # type: ignore[operator]
                before = commits  # type: ignore[assignment]
        assert box.execute(COMMITTED).rows[0][2] == 8 and "private copy" in box.notice
        assert set(os.listdir(path.parent)) <= beside | {"x.db-journal"}
    assert list(temporary.iterdir()) == []


def test_a_copy_that_takes_too_long_ends_at_the_deadline_and_leaves_nothing(
    tmp_path: Path, temporary: Path
) -> None:
    path = tmp_path / "x.db"
    with writing(path, "DELETE", 0.0, 100_000), Sandbox(path) as box:
        box.warm_up()
        for _ in range(3):
            with contextlib.suppress(DatabaseError, QueryTimeout):
                assert box.execute(COMMITTED, timeout=0.3).rows[0][2] >= 0  # type: ignore[operator]
    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_left_is_swept_up_and_what_is_in_use_is_not(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.db"
    sqlite3.connect(path).close()
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE t (a)")
    left, used, other = private_copy.new_folder(), private_copy.new_folder(), temporary / "sqlagent-other"
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from sqlagent.sandbox import private_copy\n"
        "private_copy.hold(sys.argv[2]); open(sys.argv[2] + '/copy.db', 'w').close(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(Path(__file__).parent.parent), left], timeout=60)
    other.mkdir()
    mark = private_copy.hold(used)
    monkeypatch.setattr(private_copy, "_OLD_SECONDS", -1.0)
    Sandbox(path).close()
    assert sorted(temporary.iterdir()) == sorted([Path(used), other])
    os.close(mark)
    Sandbox(path).close()
    assert list(temporary.iterdir()) == [other]
