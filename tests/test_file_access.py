"""Opening a database changes nothing about it, and says in one sentence why it cannot."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sqlagent.base.errors import DatabaseError
from sqlagent.database import schema
from sqlagent.sandbox import file_access, guard, layers, private_copy
from sqlagent.sandbox.sandbox import Sandbox

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions and locks")


def make(path: Path, *, wal: bool = False) -> Path:
    connection = sqlite3.connect(path, isolation_level=None)
    if wal:
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
    connection.execute("INSERT INTO t VALUES (1, 'one'), (2, 'two')")
    connection.close()
    return path


def look(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Name → (bytes, size, mtime) of everything in `folder`."""
    found = {}
    for file in folder.iterdir():
        status = file.stat()
        found[file.name] = (file.read_bytes(), status.st_size, status.st_mtime_ns)
    return found


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    before = look(folder)
    yield
    assert look(folder) == before


def rows(path: Path, timeout: float = 5.0) -> list[tuple[int, str]]:
    with Sandbox(path) as box:
        return box.execute("SELECT a, b FROM t ORDER BY a", timeout=timeout).rows  # type: ignore[return-value]


def rows_here(path: Path) -> list[tuple[int, str]]:
    """The same, opened in this process as the worker opens it: another user cannot always start one."""
    lens = file_access.Lens(str(path))
    now = lens.look()
    uri = file_access.uri(str(path), now.mode)
    if now.mode == file_access.COPY:
        folder = private_copy.new_folder()
        uri = file_access.uri(private_copy.copied(str(path), folder, time.monotonic() + 5), file_access.STILL)
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    guard.harden(connection, layers.Layers(heap_limit=False), memory=0)
    try:
        return connection.execute("SELECT a, b FROM t ORDER BY a").fetchall()
    finally:
        connection.close()
        lens.close()


def die_with(script: str, path: Path) -> None:
    """Run `script` with `connection` open on `path` in a process that dies without closing it."""
    preamble = "import os, sqlite3, sys; connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    code = preamble + script + "\nos._exit(0)"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)


class Program:
    """Another program that has the database open and runs the statements it is given."""

    def __init__(self, path: Path) -> None:
        code = (
            "import sqlite3, sys\n"
            "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            "for line in sys.stdin:\n"
            "    connection.execute(line).fetchall()\n"
            "    print('done', flush=True)"
        )
        command = [sys.executable, "-c", code, str(path)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def execute(self, statement: str) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(statement + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read and write everything: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("wal", [False, True])
def test_a_closed_database_is_left_as_it_was(tmp_path: Path, wal: bool) -> None:
    path = make(tmp_path / "x.db", wal=wal)
    assert [file.name for file in tmp_path.iterdir()] == ["x.db"]
    with unchanged(tmp_path):
        assert rows(path) == [(1, "one"), (2, "two")]
        assert schema.read(path).tables[0].row_count == 2
    # The same through mode=ro alone shows what is prevented.
    if wal:
        plain = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        plain.execute("SELECT * FROM t").fetchall()
        assert len(list(tmp_path.iterdir())) > 1
        plain.close()


def test_what_a_running_program_has_committed_to_its_wal_is_seen(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", wal=True)
    with Program(path) as writer:
        writer.execute("INSERT INTO t VALUES (3, 'three')")
        assert {file.name for file in tmp_path.iterdir()} == {"x.db", "x.db-wal", "x.db-shm"}
        with unchanged(tmp_path):
            assert rows(path)[-1] == (3, "three")
        box = Sandbox(path)
        writer.execute("INSERT INTO t VALUES (4, 'four')")
        assert box.execute("SELECT count(*) FROM t").rows[0] == (4,)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES (5, 'five')")
        assert box.execute("SELECT count(*) FROM t").rows[0] == (4,)
        writer.execute("COMMIT")
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert box.execute("SELECT count(*) FROM t").rows[0] == (5,)
        box.close()


def test_what_a_program_in_a_transaction_has_not_committed_is_not_seen(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db")
    with Program(path) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES (3, 'three')")
        with unchanged(tmp_path):
            assert len(rows(path)) == 2
        writer.execute("COMMIT")
        assert len(rows(path)) == 3


@pytest.mark.parametrize("keep_shm", [True, False])
def test_a_wal_that_a_dead_program_left_is_read_and_stays(tmp_path: Path, keep_shm: bool) -> None:
    path = make(tmp_path / "x.db", wal=True)
    die_with("connection.execute(\"INSERT INTO t VALUES (3, 'three')\")", path)
    if not keep_shm:
        (tmp_path / "x.db-shm").unlink()
    assert (tmp_path / "x.db-wal").stat().st_size > 0
    with unchanged(tmp_path):
        assert rows(path)[-1] == (3, "three")
        assert schema.read(path).tables[0].row_count == 3


@pytest.mark.parametrize("wal", [b"", b"short", b"\x37\x7f\x06\x82" + bytes(5000)])
@pytest.mark.parametrize("shm", [b"", b"junk" * 50, b"junk" * 10000, bytes(32768)])
@pytest.mark.parametrize("mode", [False, True])
def test_meaningless_files_beside_it_do_not_hold_a_database_up(
    tmp_path: Path, wal: bytes, shm: bytes, mode: bool
) -> None:
    path = make(tmp_path / "x.db", wal=mode)
    (tmp_path / "x.db-wal").write_bytes(wal)
    (tmp_path / "x.db-shm").write_bytes(shm)
    started = time.monotonic()
    with unchanged(tmp_path):
        assert len(rows(path)) == 2
    assert time.monotonic() - started < 4


def test_a_transaction_that_a_dead_program_left_is_rolled_back_in_a_copy_only(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db")
    die_with(
        "connection.execute('PRAGMA cache_size=1')\n"
        "connection.execute('BEGIN')\n"
        "connection.execute('UPDATE t SET b = hex(zeroblob(3000))')\n"
        "connection.execute('CREATE TABLE u AS WITH RECURSIVE r(n) AS "
        "(SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 5000) SELECT n, hex(zeroblob(50)) AS z FROM r')",
        path,
    )
    assert (tmp_path / "x.db-journal").stat().st_size > 0
    with unchanged(tmp_path):
        assert rows(path) == [(1, "one"), (2, "two")]


def test_a_journal_that_names_another_file_is_refused_and_deletes_nothing(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db")
    die_with(
        "connection.execute('PRAGMA cache_size=1')\n"
        "connection.execute('BEGIN')\n"
        "connection.execute('CREATE TABLE u AS WITH RECURSIVE r(n) AS "
        "(SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 5000) SELECT n, hex(zeroblob(50)) AS z FROM r')",
        path,
    )
    victim = tmp_path / "victim"
    victim.write_text("")
    name = os.fsencode(victim)
    tail = (0x40000000 // 4096 + 1).to_bytes(4, "big") + name + len(name).to_bytes(4, "big")
    tail += sum(name).to_bytes(4, "big") + bytes.fromhex("d9d505f920a163d7")
    with (tmp_path / "x.db-journal").open("ab") as journal:
        journal.write(tail)
    with unchanged(tmp_path), pytest.raises(DatabaseError, match="left unfinished by another program"):
        rows(path)


@posix
@pytest.mark.parametrize("left", ["nothing", "wal and shm", "wal"])
def test_a_wal_database_in_a_read_only_directory_can_be_read(open_folder: Path, left: str) -> None:
    path = make(open_folder / "x.db", wal=True)
    if left != "nothing":
        die_with("connection.execute(\"INSERT INTO t VALUES (3, 'three')\")", path)
    if left == "wal":
        (open_folder / "x.db-shm").unlink()
    for file in open_folder.iterdir():
        file.chmod(0o444)
    open_folder.chmod(0o555)
    with unchanged(open_folder), as_nobody():
        assert len(rows_here(path)) == (2 if left == "nothing" else 3)


@posix
def test_locks_that_this_process_holds_survive_a_look_at_the_file(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO t VALUES (3, 'three')")
    assert len(rows(path)) == 2
    other = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
    done = subprocess.run(
        [sys.executable, "-c", other, str(path)], capture_output=True, text=True, timeout=60
    )
    assert "database is locked" in done.stderr
    writer.execute("COMMIT")
    writer.close()


@pytest.mark.parametrize(
    "name",
    ["a?b", "a#b", "a%20b", "a b", "ü 🙂", "a'b", "mode=rw&x", "-dash", ":memory:", "file:x"],
)
def test_any_file_name_can_be_opened(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name == "nt" and set(name) & set('?"<>|:*'):
        pytest.skip("no such name on Windows")
    folder = tmp_path / "q?&mode=rwc"
    folder.mkdir()
    path = folder / name
    path.write_bytes(make(tmp_path / "source.db").read_bytes())
    with unchanged(folder):
        assert len(rows(path)) == 2
    monkeypatch.chdir(folder)
    assert len(rows(Path(name))) == 2


def test_a_symlink_leads_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    path = make(tmp_path / "real" / "x.db", wal=True)
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with Program(path) as writer:
        writer.execute("INSERT INTO t VALUES (3, 'three')")
        with unchanged(tmp_path / "real"):
            assert len(rows(link)) == 3
    assert {file.name for file in tmp_path.iterdir()} == {"real", "link.db"}


def refusal(path: Path) -> str:
    with pytest.raises(DatabaseError) as caught:
        schema.read(path, timeout=5)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    return str(caught.value)


def test_each_unusable_file_gets_its_own_sentence(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "missing.db")
    assert "is a directory" in refusal(tmp_path)
    empty = tmp_path / "empty.db"
    empty.touch()
    assert "is empty; not a database" in refusal(empty)
    text = tmp_path / "text.csv"
    text.write_text("a,b\n1,2\n")
    assert "is not a SQLite database (an encrypted one looks the same)" in refusal(text)
    assert "does not exist" in refusal(text / "below")
    noise = tmp_path / "noise.db"
    noise.write_bytes(os.urandom(8192))
    assert "is not a SQLite database" in refusal(noise)
    assert "cannot be opened" in refusal(tmp_path / ("n" * 5000))
    assert "cannot be opened" in refusal(Path("nul\0byte"))
    short = tmp_path / "short.db"
    short.write_bytes(make(tmp_path / "x.db").read_bytes()[:60])
    assert refusal(short)
    torn = tmp_path / "torn.db"
    torn.write_bytes((tmp_path / "x.db").read_bytes()[:4096] + bytes(4096))
    data = bytearray((tmp_path / "x.db").read_bytes())
    data[100:110] = b"\xff" * 10
    torn.write_bytes(data)
    assert "is damaged" in refusal(torn)
    strange = tmp_path / "strange.db"
    data = bytearray((tmp_path / "x.db").read_bytes())
    # SQLite quotes the name of what it cannot parse, and this one has a line break and is no UTF-8.
    strange.write_bytes(
        data.replace(b"tablett", b"table\n\xff").replace(b"CREATE TABLE t", b"CREATE TABLE (")
    )
    (left,) = schema.read(strange).unreadable  # the file is whole: what cannot be read of it is named
    assert "it is damaged" in left.reason and "\n" not in left.reason


@posix
def test_pipes_and_link_loops_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refusal(tmp_path / "loop")


@posix
def test_a_file_without_permission_gets_its_own_sentence(open_folder: Path) -> None:
    path = make(open_folder / "x.db")
    path.chmod(0o000)
    with as_nobody(), pytest.raises(file_access.AccessError, match="permission denied"):
        rows_here(path)


def test_a_locked_database_is_read_from_a_private_copy_that_is_announced(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = make(tmp_path / "data" / "x.db")
    with Program(path) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("INSERT INTO t VALUES (3, 'three')")
        with unchanged(tmp_path / "data"), Sandbox(path) as box:
            found = schema.read(path, sandbox=box)
            assert found.tables[0].row_count == 2 and "in use by another program" in found.notice
            assert len(box.execute("SELECT * FROM t").rows) == 2 and box.notice == found.notice
        writer.execute("COMMIT")
    assert len(rows(path)) == 3
    assert schema.read(path).notice == ""
