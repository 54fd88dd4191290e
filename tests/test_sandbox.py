"""Promises of sqlagent.sandbox.sandbox about results, caps, errors, deadlines, and the life of its worker."""

from __future__ import annotations

import hashlib
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlagent.base.errors import Cancelled, DatabaseError, QueryError, QueryTimeout, UsageError
from sqlagent.sandbox import wire
from sqlagent.sandbox.layers import Layers
from sqlagent.sandbox.sandbox import GRACE, Limits, Sandbox
from sqlagent.sandbox.worker_process import Process

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
DEAF = "SELECT printf('%.*c', 900000000, 'x')"
"""Works for seconds inside one step of SQLite, where no progress handler and no interrupt reaches it."""
POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX processes and signals")


def count_to(number: int) -> str:
    """The start of a statement that may read the numbers from 1 on as `c.x`."""
    return f"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT {number}) "


def make(path: Path, script: str, *, wal: bool = False) -> Path:
    connection = sqlite3.connect(path, isolation_level=None)
    if wal:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(script)
    connection.close()
    return path


PETS = """
CREATE TABLE pet(id INTEGER PRIMARY KEY, name TEXT, weight REAL, photo BLOB);
INSERT INTO pet VALUES (1, 'Ada', 4.5, x'00ff'), (2, 'Bo', NULL, NULL), (3, 'Cy', 7, zeroblob(10));
CREATE VIEW heavy AS SELECT name FROM pet WHERE weight > 5;
"""


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    folder = tmp_path / "db"
    folder.mkdir()
    return make(folder / "pets.db", PETS)


@pytest.fixture
def sandbox(pets: Path) -> Iterator[Sandbox]:
    with Sandbox(pets, Limits(timeout=5)) as opened:
        yield opened


def fingerprint(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Size, modification time and content of every file in a folder."""
    found = {}
    for path in sorted(folder.iterdir()):
        state = path.stat()
        found[path.name] = (state.st_size, state.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
    return found


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def eventually(condition: object, seconds: float = 5.0) -> bool:
    assert callable(condition)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return False


# ---- results -------------------------------------------------------------------------------------


def test_rows_and_column_names_come_back(sandbox: Sandbox) -> None:
    result = sandbox.execute("SELECT id, name AS who, weight FROM pet ORDER BY id")
    assert result.columns == ("id", "who", "weight")
    assert result.rows == [(1, "Ada", 4.5), (2, "Bo", None), (3, "Cy", 7.0)]
    assert result.truncated is None and result.seconds > 0


def test_rows_are_shown_as_they_come_and_void_ones_are_not_kept(sandbox: Sandbox) -> None:
    seen: list[int] = []
    result = sandbox.execute(
        count_to(900) + "SELECT x, printf('%.*c', 400, 'y') FROM c",
        arrived=lambda columns, rows: seen.append(len(rows) if columns else -1),
    )
    assert seen[0] == 0 and 0 < seen[1] < 900 and seen == sorted(seen) and seen[-1] == len(result.rows) == 900


def test_an_empty_result_keeps_its_columns(sandbox: Sandbox) -> None:
    result = sandbox.execute("SELECT id, name FROM pet WHERE id > 99")
    assert result.columns == ("id", "name") and result.rows == []


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775807 - 1", -(2**63)),
        ("9223372036854775808", 9223372036854775808.0),
        ("9e999", math.inf),
        ("-9e999", -math.inf),
        ("9e999 - 9e999", None),
        ("1e-320", 1e-320),
        ("'a' || char(0) || 'b'", "a\0b"),
        ("x'00ff1b5b'", b"\x00\xff\x1b["),
        ("zeroblob(0)", b""),
        ("''", ""),
        ("char(27, 91, 8238, 128512)", "\x1b[\u202e😀"),
        ("CAST(x'ff41' AS TEXT)", "\ufffdA"),
        ("CAST(x'eda080' AS TEXT)", "\ufffd\ufffd\ufffd"),
    ],
)
def test_a_value_comes_back_as_it_is(sandbox: Sandbox, expression: str, value: object) -> None:
    found = sandbox.execute(f"SELECT {expression}").rows[0][0]
    assert (type(found), found) == (type(value), value)


def test_negative_zero_keeps_its_sign(tmp_path: Path) -> None:
    path = tmp_path / "zero.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t(a)")
        connection.execute("INSERT INTO t VALUES (?)", (-0.0,))
    connection.close()
    direct = sqlite3.connect(path).execute("SELECT a FROM t").fetchone()[0]
    with Sandbox(path) as opened:
        found = opened.execute("SELECT a FROM t").rows[0][0]
    assert isinstance(found, float) and math.copysign(1, found) == math.copysign(1, direct)


def test_text_that_is_not_utf8_never_raises_and_other_rows_stay_whole(tmp_path: Path) -> None:
    path = make(tmp_path / "bad.db", "CREATE TABLE t(a)")
    with sqlite3.connect(path) as connection:
        connection.executemany("INSERT INTO t VALUES (?)", [(f"ü{i}",) for i in range(3000)])
        connection.execute("INSERT INTO t VALUES (CAST(x'61ff62' AS TEXT))")
    connection.close()
    with Sandbox(path, Limits(max_rows=0)) as opened:
        rows = opened.execute("SELECT a FROM t").rows
        assert rows == [(f"ü{i}",) for i in range(3000)] + [("a\ufffdb",)]


def test_every_mix_of_types_in_a_column_survives(tmp_path: Path) -> None:
    chance = random.Random(7)
    choices: list[object] = [None, 0, -1, 2**63 - 1, 1.5, math.inf, "", "é\0", "x" * 300, b"", b"\x00\xff"]
    rows = [(i, *(chance.choice(choices) for _ in range(4))) for i in range(5000)]
    path = make(tmp_path / "mix.db", "CREATE TABLE t(i INTEGER PRIMARY KEY, a, b, c, d)")
    with sqlite3.connect(path) as connection:
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()
    with Sandbox(path, Limits(max_rows=0)) as opened:
        assert opened.execute("SELECT * FROM t ORDER BY i").rows == rows


def test_ordinary_select_features_work(sandbox: Sandbox) -> None:
    for sql, expected in [
        ("SELECT count(*), sum(id), group_concat(name, '/') FROM pet", [(3, 6, "Ada/Bo/Cy")]),
        ("SELECT name FROM heavy", [("Cy",)]),
        ("SELECT row_number() OVER (ORDER BY name DESC) FROM pet LIMIT 1", [(1,)]),
        ("SELECT value FROM json_each('[1, 2]')", [(1,), (2,)]),
        ("SELECT json_extract('{\"a\": [1, 2]}', '$.a[1]')", [(2,)]),
        ("SELECT strftime('%Y', '2024-05-06'), date('2024-01-31', '+1 month')", [("2024", "2024-03-02")]),
        ("SELECT printf('%.2f', 2.0 / 3), hex(x'0aff'), replace('abc', 'b', 'x')", [("0.67", "0AFF", "axc")]),
        ("SELECT name FROM pet WHERE name LIKE 'a%' OR name GLOB 'C*' ORDER BY 1", [("Ada",), ("Cy",)]),
        (
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 3) SELECT x FROM c",
            [(1,), (2,), (3,)],
        ),
        ("SELECT 1 UNION SELECT 2 EXCEPT SELECT 2", [(1,)]),
        ("VALUES (1, 'a')", [(1, "a")]),
        ("SELECT sqrt(2) > 1.4, round(2.567, 1), abs(-3), coalesce(NULL, 5)", [(1, 2.6, 3, 5)]),
        ("SELECT name FROM sqlite_master WHERE type = 'table'", [("pet",)]),
    ]:
        assert sandbox.execute(sql).rows == expected, sql


def test_full_text_and_rtree_tables_can_be_read_even_after_their_schema_changes(tmp_path: Path) -> None:
    path = tmp_path / "virtual.db"
    writer = sqlite3.connect(path, isolation_level=None)
    try:
        writer.executescript(
            "CREATE VIRTUAL TABLE f5 USING fts5(x); INSERT INTO f5 VALUES ('hello world');"
            "CREATE VIRTUAL TABLE f4 USING fts4(x); INSERT INTO f4 VALUES ('good bye');"
            "CREATE VIRTUAL TABLE r USING rtree(id, a, b); INSERT INTO r VALUES (1, 0, 2);"
        )
    except sqlite3.OperationalError as error:
        pytest.skip(f"this SQLite lacks a module: {error}")
    questions = [
        (
            "SELECT highlight(f5, 0, '[', ']') FROM f5 WHERE f5 MATCH 'hello' ORDER BY bm25(f5)",
            [("[hello] world",)],
        ),
        ("SELECT snippet(f4) FROM f4 WHERE f4 MATCH 'bye'", [("good <b>bye</b>",)]),
        ("SELECT id FROM r WHERE a < 1", [(1,)]),
    ]
    with Sandbox(path) as opened:
        for number in range(2):
            for sql, expected in questions:
                assert opened.execute(sql).rows == expected, sql
            writer.execute(f"CREATE TABLE another{number}(x)")
    writer.close()


# ---- caps ----------------------------------------------------------------------------------------


def test_a_row_cap_is_announced_with_the_flag_that_lifts_it(pets: Path) -> None:
    with Sandbox(pets, Limits(max_rows=2)) as opened:
        result = opened.execute("SELECT id FROM pet")
        assert result.rows == [(1,), (2,)]
        assert result.truncated is not None and "--limit" in result.truncated
        assert opened.execute("SELECT id FROM pet LIMIT 2").truncated is None
        assert len(opened.execute("SELECT id FROM pet", max_rows=0).rows) == 3
        assert opened.execute("SELECT id FROM pet", max_rows=3).truncated is None


def test_a_cell_cap_is_announced_and_counts_characters_and_bytes(pets: Path) -> None:
    with Sandbox(pets, Limits(max_cell=4)) as opened:
        mixed = opened.execute("VALUES ('ééééé'), (zeroblob(10)), ('abcdef'), (NULL), (7)")
        assert mixed.rows == [("éééé",), (b"\0" * 4,), ("abcd",), (None,), (7,)]
        assert mixed.truncated is not None and "3 values" in mixed.truncated
        result = opened.execute("SELECT 'ééééé', zeroblob(10), 123456789, 'four'")
        assert result.rows == [("éééé", b"\0" * 4, 123456789, "four")]
        assert (
            result.truncated is not None
            and "--max-cell" in result.truncated
            and "2 values" in result.truncated
        )
    with Sandbox(pets, Limits(max_cell=0)) as opened:
        assert (
            opened.execute("SELECT length(a), a FROM (SELECT hex(zeroblob(600000)) AS a)").rows[0][1]
            == "00" * 600000
        )


def test_a_byte_cap_is_announced_and_bounds_what_the_parent_keeps(pets: Path) -> None:
    many = count_to(100_000) + "SELECT x, hex(zeroblob(200)) FROM c"
    with Sandbox(pets, Limits(max_rows=0, max_bytes=1 << 20)) as opened:
        worker = opened.worker_pid
        result = opened.execute(many)
        assert 100 < len(result.rows) < 100_000
        assert sum(map(wire.memory_of, result.rows)) <= 1.2 * (1 << 20)
        assert result.rows[:2] == [(1, "00" * 200), (2, "00" * 200)]
        assert result.truncated is not None and "--max-bytes" in result.truncated
        assert opened.execute("SELECT 1").rows == [(1,)]
        assert opened.worker_pid == worker
    with Sandbox(pets, Limits(max_rows=0, max_bytes=0)) as opened:
        assert len(opened.execute(many).rows) == 100_000


def test_one_row_larger_than_the_byte_cap_leaves_none(pets: Path) -> None:
    with Sandbox(pets, Limits(max_bytes=1 << 20)) as opened:
        result = opened.execute("SELECT hex(zeroblob(490000)) || char(8364)")
        assert result.rows == [] and result.truncated is not None


def test_huge_cells_do_not_need_huge_memory(pets: Path) -> None:
    sql = count_to(200) + "SELECT zeroblob(9000000) FROM c"
    with Sandbox(pets, Limits(max_cell=100, timeout=20)) as opened:
        assert opened.execute(sql).rows == [(b"\0" * 100,)] * 200


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT nope FROM pet", "no such column: nope"),
        ("SELECT * FROM nope", "no such table: nope"),
        ("SELCT 1", 'near "SELCT": syntax error'),
        ("SELECT 1; SELECT 2", "only one statement"),
        ("SELECT 1; DROP TABLE pet", "only one statement"),
        ("", "no SELECT statement"),
        ("-- nothing", "no SELECT statement"),
        ("SELECT 1 \0", "NUL character"),
        ("SELECT '\ud800'", "not valid Unicode"),
        ("SELECT " + "1" * 1_000_001, "longer than"),
        ("SELECT ?", "bindings"),
        ("SELECT nofunction(1)", "no such function"),
        ("SELECT abs(-9223372036854775808)", "integer overflow"),
    ],
)
def test_an_error_is_one_clear_sentence(sandbox: Sandbox, sql: str, words: str) -> None:
    for run in (sandbox.execute, sandbox.prepare):
        if "overflow" in words and run == sandbox.prepare:
            continue
        with pytest.raises(QueryError, match="^[^\n]*" + words.replace("(", r"\(")):
            run(sql)
    assert sandbox.execute("SELECT 1; -- a comment may follow").rows == [(1,)]


def test_prepare_compiles_without_running(sandbox: Sandbox) -> None:
    began = time.monotonic()
    sandbox.prepare(ENDLESS)
    sandbox.prepare("EXPLAIN QUERY PLAN SELECT * FROM pet")
    assert time.monotonic() - began < 1
    with pytest.raises(QueryError, match="no such column"):
        sandbox.prepare("SELECT x FROM pet")


@pytest.mark.parametrize(
    "case",
    ["missing", "folder", "text", "fifo", "nul", "empty name"],
    ids=lambda case: case.replace(" ", "-"),
)
def test_what_is_no_database_is_a_database_error(tmp_path: Path, case: str) -> None:
    path: str = str(tmp_path / "x.db")
    if case == "folder":
        path = str(tmp_path)
    elif case == "text":
        Path(path).write_text("not a database at all, but long enough to have a header. " * 20)
    elif case == "fifo":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no FIFOs here")
        os.mkfifo(path)
    elif case == "nul":
        path += "\0y"
    elif case == "empty name":
        path = ""
    with pytest.raises(DatabaseError), Sandbox(path) as opened:
        opened.execute("SELECT 1")


def test_a_closed_sandbox_says_so(pets: Path) -> None:
    opened = Sandbox(pets)
    opened.close()
    opened.close()
    with pytest.raises(UsageError):
        opened.execute("SELECT 1")


# ---- deadlines, stopping, dying ------------------------------------------------------------------


@pytest.mark.parametrize("sql", [ENDLESS, DEAF], ids=["interruptible", "deaf"])
def test_a_statement_ends_at_its_deadline_and_the_next_one_works(sandbox: Sandbox, sql: str) -> None:
    sandbox.execute("SELECT 1")
    began = time.monotonic()
    with pytest.raises(QueryTimeout, match="--timeout"):
        sandbox.execute(sql, timeout=0.3)
    assert 0.25 < time.monotonic() - began < 0.3 + 0.5
    assert sandbox.execute("SELECT count(*) FROM pet").rows == [(3,)]


def test_the_parent_ends_a_statement_that_sqlite_would_not(pets: Path) -> None:
    with Sandbox(pets, layers=Layers(progress=False)) as opened:
        opened.execute("SELECT 1")
        worker = opened.worker_pid
        began = time.monotonic()
        with pytest.raises(QueryTimeout):
            opened.execute(ENDLESS, timeout=0.3)
        assert time.monotonic() - began < 0.8
        assert opened.execute("SELECT 1").rows == [(1,)]
        assert opened.worker_pid != worker


def test_sqlite_ends_a_statement_before_the_parent_has_to_kill(sandbox: Sandbox) -> None:
    sandbox.execute("SELECT 1")
    worker = sandbox.worker_pid
    with pytest.raises(QueryTimeout):
        sandbox.execute(ENDLESS, timeout=0.2)
    assert sandbox.execute("SELECT 1").rows == [(1,)]
    assert sandbox.worker_pid == worker


@pytest.mark.parametrize("sql", [ENDLESS, DEAF], ids=["interruptible", "deaf"])
def test_interrupt_from_another_thread_stops_only_the_running_statement(sandbox: Sandbox, sql: str) -> None:
    sandbox.execute("SELECT 1")
    sandbox.interrupt()  # nothing runs: nothing happens, now or to the next statement
    assert sandbox.execute("SELECT 2").rows == [(2,)]
    timer = threading.Timer(0.2, sandbox.interrupt)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        sandbox.execute(sql)
    assert time.monotonic() - began < 0.2 + GRACE + 0.3
    assert sandbox.execute("SELECT 3").rows == [(3,)]


@POSIX
def test_ctrl_c_stops_the_statement_is_raised_again_and_the_next_one_works(pets: Path) -> None:
    code = f"""
import signal, sys, threading, time, os
from sqlagent.sandbox.sandbox import Sandbox
signal.signal(signal.SIGINT, signal.default_int_handler)  # a runner in the background ignores it
with Sandbox({str(pets)!r}) as box:
    box.execute("SELECT 1")
    first = box.worker_pid
    threading.Timer(0.2, os.killpg, (os.getpgid(0), signal.SIGINT)).start()
    began = time.monotonic()
    try:
        box.execute({ENDLESS!r})
    except KeyboardInterrupt:
        print("interrupted", time.monotonic() - began < 1)
    print(box.execute("SELECT count(*) FROM pet").rows)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=30,
        cwd=ROOT,
    )
    assert done.stdout == "interrupted True\n[(3,)]\n", done.stderr


@POSIX
def test_a_signal_handler_may_interrupt(sandbox: Sandbox) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: sandbox.interrupt())
    try:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(Cancelled):
            sandbox.execute(ENDLESS)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_one_worker_serves_many_statements(sandbox: Sandbox) -> None:
    sandbox.execute("SELECT 1")
    worker = sandbox.worker_pid
    for number in range(50):
        assert sandbox.execute(f"SELECT {number}").rows == [(number,)]
        with pytest.raises(QueryError):
            sandbox.execute("SELECT nope")
    assert sandbox.worker_pid == worker


@POSIX
def test_a_worker_killed_between_statements_is_replaced_unseen(sandbox: Sandbox) -> None:
    sandbox.execute("SELECT 1")
    worker = sandbox.worker_pid
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    assert eventually(lambda: sandbox.worker_pid is None)
    assert sandbox.execute("SELECT 1").rows == [(1,)]


@POSIX
def test_a_worker_killed_during_a_statement_loses_only_that(sandbox: Sandbox) -> None:
    sandbox.execute("SELECT 1")
    worker = sandbox.worker_pid
    assert worker is not None
    threading.Timer(0.2, os.kill, (worker, signal.SIGKILL)).start()
    with pytest.raises(QueryError, match="SIGKILL"):
        sandbox.execute(ENDLESS)
    assert sandbox.execute("SELECT 1").rows == [(1,)]


@POSIX
def test_a_stopped_worker_costs_no_more_than_the_deadline(sandbox: Sandbox) -> None:
    sandbox.execute("SELECT 1")
    worker = sandbox.worker_pid
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(QueryTimeout):
        sandbox.execute("SELECT '" + "x" * 500_000 + "'", timeout=0.3)
    assert time.monotonic() - began < 0.8
    assert gone(worker)
    assert sandbox.execute("SELECT 1").rows == [(1,)]


@POSIX
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_no_worker_survives_its_parent(pets: Path, busy: bool) -> None:
    run = f"box.execute({DEAF!r}, timeout=60)" if busy else "time.sleep(60)"
    code = f"""
import time
from sqlagent.sandbox.sandbox import Sandbox
box = Sandbox({str(pets)!r})
box.execute("SELECT 1")
print(box.worker_pid, flush=True)
{run}
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    time.sleep(0.2)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: gone(worker), 3)


@POSIX
def test_no_worker_survives_even_when_a_relative_keeps_the_pipe_open(pets: Path) -> None:
    code = f"""
import os, time
from sqlagent.sandbox.sandbox import Sandbox
box = Sandbox({str(pets)!r})
box.execute("SELECT 1")
if os.fork() == 0:
    os.close(1); os.close(2)
    time.sleep(8)
    os._exit(0)
print(box.worker_pid, flush=True)
os.kill(os.getpid(), 9)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: gone(worker), 5)


@POSIX
def test_a_fork_of_the_parent_gets_a_worker_of_its_own(sandbox: Sandbox) -> None:
    sandbox.execute("SELECT 1")
    worker = sandbox.worker_pid
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if sandbox.execute("SELECT 7").rows == [(7,)] and sandbox.worker_pid != worker else 2
            sandbox.close()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sandbox.execute("SELECT 8").rows == [(8,)]
    assert sandbox.worker_pid == worker


def test_dropping_or_closing_a_sandbox_ends_its_worker(pets: Path) -> None:
    opened = Sandbox(pets)
    opened.execute("SELECT 1")
    worker = opened.worker_pid
    assert worker is not None
    del opened
    assert eventually(lambda: gone(worker))


def test_threads_share_a_sandbox_one_statement_at_a_time(sandbox: Sandbox) -> None:
    found: list[int] = []

    def ask(number: int) -> None:
        for _ in range(20):
            found.append(sandbox.execute(f"SELECT {number}").rows[0][0] - number)  # type: ignore[operator]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0] * 100


def test_pipes_can_be_read_by_a_thread_where_they_cannot_be_polled(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlagent.sandbox.sandbox.POLLED", False)
    with Sandbox(pets, Limits(max_rows=0)) as opened:
        assert opened.execute("SELECT count(*) FROM pet").rows == [(3,)]
        sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 50000) SELECT x FROM c"
        assert len(opened.execute(sql).rows) == 50_000
        for hostile in (ENDLESS, DEAF):
            with pytest.raises(QueryTimeout):
                opened.execute(hostile, timeout=0.2)
            assert opened.execute("SELECT 1").rows == [(1,)]
        timer = threading.Timer(0.2, opened.interrupt)
        timer.start()
        with pytest.raises(Cancelled):
            opened.execute(ENDLESS)


@POSIX
def test_a_thousand_questions_with_fifty_kills_lose_fifty_and_leak_nothing(pets: Path) -> None:
    chance = random.Random(4)
    doomed = set(chance.sample(range(1000), 50))
    files = len(os.listdir("/dev/fd"))
    threads = threading.active_count()
    workers: set[int] = set()
    lost = 0
    with Sandbox(pets) as opened:
        for number in range(1000):
            opened.prepare("SELECT 1")
            worker = opened.worker_pid
            assert worker is not None
            workers.add(worker)
            if number not in doomed:
                assert opened.execute(f"SELECT {number}, count(*) FROM pet").rows == [(number, 3)]
                continue
            killer = threading.Timer(chance.random() * 0.02, os.kill, (worker, signal.SIGKILL))
            killer.start()
            with pytest.raises(QueryError):
                opened.execute(ENDLESS)
            killer.join()
            lost += 1
    assert lost == 50 and len(workers) == 51
    assert all(eventually(lambda worker=worker: gone(worker)) for worker in workers)
    assert len(os.listdir("/dev/fd")) == files
    assert threading.active_count() == threads


# ---- what comes from the worker is not trusted ---------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_a_batch_with_any_byte_changed_decodes_to_values_or_is_refused(seed: int) -> None:
    chance = random.Random(seed)
    rows = [(1, "é", 1.5, b"\x00", None), (None, 2, "x" * 40, 0.5, b"")] * 5
    payload = wire.Packer().pack(list(zip(*rows, strict=True)))
    assert wire.unpack_rows(payload, 5)[0] == rows
    for _ in range(300):
        broken = bytearray(payload)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        del broken[len(broken) - chance.choice([0, 0, 0, 1, 7, 60]) :]
        try:
            found, _ = wire.unpack_rows(bytes(broken), 5)
        except wire.WireError:
            continue
        assert len(found) <= wire.BATCH_ROWS
        assert all(type(cell) in (type(None), int, float, str, bytes) for row in found for cell in row)


@pytest.mark.parametrize(
    "frame",
    [
        wire.HEADER.pack(wire.ROWS, 1, 0xFFFFFFFF),
        wire.frame(wire.DONE, 1, b"[" * 100_000),
        wire.frame(wire.DONE, 1, b"[]"),
        wire.frame(wire.COLUMNS, 1, b'{"a": 1}'),
        wire.frame(wire.ROWS, 1, b"\x01"),
        wire.frame(77, 1, b""),
        wire.frame(wire.DONE, 1, b"9" * 10_000),
    ],
    ids=["too-large", "deep", "no-object", "no-list", "short", "unknown", "long-number"],
)
def test_a_worker_that_speaks_nonsense_is_ended(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, frame: bytes
) -> None:
    sandbox.execute("SELECT 1")
    worker = sandbox.worker_pid
    assert worker is not None
    receive = Process.receive
    said = False

    def lie(self: Process, until: float, largest: int) -> tuple[int, int, bytes] | None:
        nonlocal said
        if not said:
            said = True
            ident = sandbox._ident.to_bytes(4, "little")
            self._buffer[:0] = frame[:1] + ident + frame[5:]
        return receive(self, until, largest)

    monkeypatch.setattr(Process, "receive", lie)
    with pytest.raises(DatabaseError, match="nonsense"):
        sandbox.execute("SELECT 1")
    assert gone(worker)
    assert sandbox.execute("SELECT 1").rows == [(1,)]


# ---- files ---------------------------------------------------------------------------------------


HEAVY = frozenset(
    {
        "ast",
        "dataclasses",
        "inspect",
        "ipaddress",
        "llama_cpp",
        "logging",
        "numpy",
        "pathlib",
        "random",
        "shutil",
    }
    | {"subprocess", "tempfile", "tokenize", "typing", "unicodedata", "urllib.parse"}
)
"""Modules that would make the start of every worker, and so every opening, noticeably longer."""
LOOKED = """
import sys
sys.path.append(sys.argv[1])
import sqlite3
from sqlagent.database import survey
from sqlagent.sandbox import worker, functions, guard, layers
connection = sqlite3.connect(sys.argv[2])
functions.register(connection)
guard.harden(connection, layers.Layers(heap_limit=False), memory=0)
connection.set_authorizer(None)
told = []
asked = {"samples": 3, "seconds": 5.0, "size": 8192, "done": [], "exploded": [], "stored": [], "refused": {}}
survey.survey(connection, asked, told.append)
assert any("tables" in news for news in told)
print(*sys.modules)
"""
"""What a worker does until a schema is read, in a Python started as the worker's is."""


def test_a_worker_imports_nothing_heavy_until_a_schema_is_read(pets: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", LOOKED, str(ROOT), str(pets)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "sqlagent.sandbox.worker" in loaded
    assert not HEAVY & loaded


ROOT = Path(__file__).resolve().parent.parent
