"""One attack a test, each also run with its defence switched off where that shows that the test can fail."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import hostile_databases, hostile_statements
from sqlagent.base.errors import DatabaseError, QueryError, QueryTimeout, SqlagentError
from sqlagent.sandbox import authorizer, guard, sqlite_codes, worker_process
from sqlagent.sandbox.layers import Layers
from sqlagent.sandbox.sandbox import Limits, Sandbox
from tests.test_sandbox import DEAF, ENDLESS, PETS, POSIX, count_to, fingerprint, make

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
NEEDS_LIMITS = pytest.mark.skipif(sys.version_info < (3, 11), reason="setlimit came with Python 3.11")
WRITES = ("read_only", "query_only", "authorizer", "select_only", "rlimits", "landlock")
"""Layers that each stop a write to the opened database on their own."""
CREATES = ("authorizer", "select_only", "landlock")
"""Layers that each stop a new file on their own."""


def without(*names: str) -> Layers:
    """All layers but these."""
    return Layers(**{name: False for name in names})


def only(*names: str) -> Layers:
    """None but these."""
    return Layers(**{name: name in names for name in vars(Layers())})


def in_force(layer: str) -> bool:
    """Whether this platform has the layer."""
    if layer == "landlock":
        with Sandbox(Path(os.fspath(_any_database()))) as opened:
            opened.execute("SELECT 1")
            return "landlock" in opened.confined
    return layer != "rlimits" or os.name == "posix"


def _any_database() -> Path:
    import tempfile

    path = Path(tempfile.mkdtemp(prefix="sqlagent-test-")) / "any.db"
    return make(path, "CREATE TABLE t(a)")


def attempt(opened: Sandbox, *statements: str) -> str:
    """Run statements whatever they say; returns the last error's text, "" when the last one ran."""
    last = ""
    for sql in statements:
        last = ""
        try:
            opened.execute(sql, timeout=5)
        except SqlagentError as error:
            last = str(error)
    return last


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "db"
    path.mkdir()
    make(path / "pets.db", PETS)
    return path


# ---- writing -------------------------------------------------------------------------------------

WRITING = [
    "INSERT INTO pet(name) VALUES ('x')",
    "REPLACE INTO pet(id, name) VALUES (1, 'x')",
    "UPDATE pet SET name = 'x'",
    "DELETE FROM pet",
    "WITH n AS (SELECT 'x') INSERT INTO pet(name) SELECT * FROM n",
    "WITH n AS (SELECT 1) UPDATE pet SET name = 'x' WHERE id IN n",
    "CREATE TABLE evil(a)",
    "CREATE INDEX evil ON pet(name)",
    "CREATE VIEW evil AS SELECT 1",
    "CREATE TRIGGER evil AFTER INSERT ON pet BEGIN DELETE FROM pet; END",
    "DROP TABLE pet",
    "ALTER TABLE pet RENAME TO gone",
    "ALTER TABLE pet ADD COLUMN evil",
    "ANALYZE",
    "VACUUM",
    "PRAGMA user_version = 7",
    "PRAGMA journal_mode = WAL",
    "PRAGMA application_id = 7",
]


@pytest.mark.parametrize("sql", WRITING)
def test_a_statement_that_writes_is_refused(folder: Path, sql: str) -> None:
    before = fingerprint(folder)
    with Sandbox(folder / "pets.db") as opened:
        for form in (sql, f"/* harmless */ {sql};", f"EXPLAIN {sql}"):
            with pytest.raises(QueryError, match="only SELECT can run here"):
                opened.execute(form)
            with pytest.raises(QueryError, match="only SELECT can run here"):
                opened.prepare(form)
    assert fingerprint(folder) == before


@pytest.mark.parametrize("sql", WRITING)
def test_the_same_statement_writes_when_nothing_stops_it(folder: Path, sql: str) -> None:
    before = fingerprint(folder)
    with Sandbox(folder / "pets.db", layers=without(*WRITES)) as opened:
        attempt(opened, sql)
        opened.close()
    assert fingerprint(folder)["pets.db"] != before["pets.db"] or sql == "VACUUM"


@pytest.mark.parametrize("layer", WRITES)
def test_each_layer_alone_keeps_the_file_as_it_was(folder: Path, layer: str) -> None:
    if not in_force(layer):
        pytest.skip("not on this platform")
    before = fingerprint(folder)
    with Sandbox(folder / "pets.db", layers=only(layer, "progress")) as opened:
        assert attempt(opened, "INSERT INTO pet(name) VALUES ('x')") != ""
        attempt(opened, "UPDATE pet SET name = 'x'", "CREATE TABLE evil(a)")
    if layer == "rlimits":  # an empty journal may be left: the limit is on bytes, not on files
        (folder / "pets.db-journal").unlink(missing_ok=True)
    assert fingerprint(folder) == before


# ---- other files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [Layers(), *(only(layer) for layer in CREATES)], ids=["all", *CREATES])
def test_vacuum_into_creates_no_file(folder: Path, layers: Layers) -> None:
    if layers.landlock and not in_force("landlock"):
        pytest.skip("not on this platform")
    before = fingerprint(folder)
    with Sandbox(folder / "pets.db", layers=layers) as opened:
        assert attempt(opened, f"VACUUM INTO '{folder}/copy.db'") != ""
        assert attempt(opened, f"VACUUM main INTO 'file:{folder}/copy.db?mode=rwc'") != ""
    assert fingerprint(folder) == before


def test_vacuum_into_does_create_one_when_only_mode_ro_stands_in_its_way(folder: Path) -> None:
    with Sandbox(folder / "pets.db", layers=only("read_only")) as opened:
        attempt(opened, f"VACUUM INTO '{folder}/copy.db'")
    assert (folder / "copy.db").stat().st_size > 0


@pytest.mark.parametrize(
    "layers", [Layers(), *(only(layer) for layer in (*CREATES, "limits"))], ids=["all", *CREATES, "limits"]
)
def test_attach_creates_no_file(folder: Path, layers: Layers) -> None:
    if layers.landlock and not in_force("landlock"):
        pytest.skip("not on this platform")
    if layers == only("limits") and sys.version_info < (3, 11):
        pytest.skip("setlimit came with Python 3.11")
    before = fingerprint(folder)
    with Sandbox(folder / "pets.db", layers=layers) as opened:
        attempt(opened, f"ATTACH '{folder}/new.db' AS new", "CREATE TABLE new.t AS SELECT * FROM pet")
        attempt(opened, f"ATTACH 'file:{folder}/new.db?mode=rwc' AS new", "CREATE TABLE new.t AS SELECT 1")
    assert fingerprint(folder) == before


def test_attach_does_create_one_when_only_mode_ro_stands_in_its_way(folder: Path) -> None:
    with Sandbox(folder / "pets.db", layers=only("read_only")) as opened:
        attempt(
            opened,
            f"ATTACH 'file:{folder}/new.db?mode=rwc' AS new",
            "CREATE TABLE new.t AS SELECT * FROM pet",
        )
    assert (folder / "new.db").stat().st_size > 0


def test_another_database_cannot_be_read(folder: Path) -> None:
    make(folder / "secret.db", "CREATE TABLE secret(a); INSERT INTO secret VALUES ('password')")
    attach, read = f"ATTACH '{folder}/secret.db' AS other", "SELECT a FROM other.secret"
    with Sandbox(folder / "pets.db") as opened:
        assert attempt(opened, attach, read) == "no such table: other.secret"
    for layer in ("authorizer", "select_only") + (("limits",) if sys.version_info >= (3, 11) else ()):
        with Sandbox(folder / "pets.db", layers=only(layer)) as opened:
            assert attempt(opened, attach, read) == "no such table: other.secret", layer
    with Sandbox(folder / "pets.db", layers=without("authorizer", "select_only", "limits")) as opened:
        attempt(opened, attach)
        assert opened.execute(read).rows == [("password",)]


def test_temporary_tables_are_refused(folder: Path) -> None:
    statements = [
        "CREATE TEMP TABLE t AS SELECT 1",
        "CREATE TEMP VIEW t AS SELECT 1",
        "CREATE TABLE temp.t(a)",
    ]
    with Sandbox(folder / "pets.db") as opened:
        for sql in statements:
            assert "only SELECT can run here" in attempt(opened, sql)
        assert "may not be read" in attempt(opened, "SELECT * FROM sqlite_temp_master")
    with Sandbox(folder / "pets.db", layers=without("authorizer", "select_only", "query_only")) as opened:
        attempt(opened, statements[0])
        assert opened.execute("SELECT * FROM temp.t").rows == [(1,)]


# ---- pragmas -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "PRAGMA query_only = 0",
        "PRAGMA writable_schema = 1",
        "PRAGMA trusted_schema = 1",
        "PRAGMA table_info(pet)",
        "PRAGMA data_version",
        "PRAGMA page_size",
        "\ufeffPRAGMA data_version",
        "EXPLAIN PRAGMA data_version",
        "SELECT * FROM pragma_table_info('pet')",
        "SELECT * FROM pragma_query_only",
        "SELECT * FROM pragma_database_list()",
        "SELECT * FROM pragma_data_version",
        "SELECT * FROM main.pragma_page_size",
        "SELECT * FROM \"PRAGMA_TABLE_INFO\"('pet')",
        "SELECT (SELECT file FROM pragma_database_list)",
        "WITH x AS (SELECT * FROM pragma_compile_options) SELECT * FROM x",
    ],
)
def test_pragmas_are_refused_as_statements_and_as_tables(folder: Path, sql: str) -> None:
    for layers in (Layers(), without("select_only")):
        with Sandbox(folder / "pets.db", layers=layers) as opened, pytest.raises(QueryError):
            opened.execute(sql)
    with Sandbox(folder / "pets.db", layers=without("authorizer", "select_only")) as opened:
        text = attempt(opened, sql)
        assert "refused" not in text and "may not" not in text


def test_a_pragma_could_undo_query_only_if_it_ran(folder: Path) -> None:
    statements = ("PRAGMA query_only = 0", "INSERT INTO pet(name) VALUES ('x')")
    with Sandbox(folder / "pets.db", layers=only("query_only", "authorizer")) as opened:
        assert attempt(opened, *statements) != ""
    before = fingerprint(folder)
    with Sandbox(folder / "pets.db", layers=only("query_only")) as opened:
        attempt(opened, statements[1])
        assert fingerprint(folder) == before
        attempt(opened, *statements)
    assert fingerprint(folder) != before


def test_the_connection_is_set_up_as_promised(folder: Path) -> None:
    expected: dict[str, object] = {
        "query_only": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "mmap_size": 0,
        "temp_store": 2,
        "writable_schema": 0,
        "hard_heap_limit": 128 << 20,
    }
    known = {row[0] for row in sqlite3.connect(":memory:").execute("PRAGMA pragma_list")}
    limits = Limits(memory=128 << 20)
    with Sandbox(folder / "pets.db", limits, layers=without("authorizer", "select_only")) as opened:
        for name in expected.keys() & known:
            assert opened.execute(f"PRAGMA {name}").rows in ([(expected[name],)], []), name
        assert [row[1] for row in opened.execute("PRAGMA database_list").rows] == ["main"]
    off = without(
        "authorizer", "select_only", "query_only", "trusted_schema_off", "cell_size_check", "heap_limit"
    )
    with Sandbox(folder / "pets.db", layers=off) as opened:
        assert opened.execute("PRAGMA query_only").rows == [(0,)]
        assert opened.execute("PRAGMA cell_size_check").rows == [(0,)]


# ---- functions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        "load_extension('x')",
        "load_extension('x', 'y')",
        "LOAD_EXTENSION('x')",
        "\"load_extension\"('x')",
        "fts3_tokenizer('simple')",
        "fts5(1)",
        "sqlite_log(1, 'x')",
        "sqlite_compileoption_get(1)",
        "last_insert_rowid()",
        "sqlite_source_id()",
    ],
)
def test_a_function_that_is_not_on_the_list_is_refused(folder: Path, call: str) -> None:
    forms = [
        f"SELECT {call}",
        f"SELECT 1 FROM pet ORDER BY {call}",
        f"SELECT (WITH x AS (SELECT {call} AS y) SELECT y FROM x)",
        f"SELECT 1 FROM pet GROUP BY 1 HAVING {call}",
        f"VALUES ({call})",
    ]
    with Sandbox(folder / "pets.db") as opened:
        for sql in forms:
            with pytest.raises(QueryError, match="may not be used here|no such function"):
                opened.execute(sql)


@pytest.mark.parametrize("name", ["readfile", "writefile", "edit", "eval", "shell", "system"])
def test_functions_of_the_shell_are_not_on_the_list(name: str) -> None:
    assert name not in authorizer.FUNCTIONS


def test_without_the_list_a_function_gives_away_an_address(folder: Path) -> None:
    with Sandbox(folder / "pets.db", layers=without("functions")) as opened:
        text = attempt(opened, "SELECT fts3_tokenizer('simple')")
        assert "may not be used" not in text
        assert "not authorized" in attempt(opened, "SELECT load_extension('x')") or "no such" in text


def test_every_name_on_the_list_that_sqlite_knows_is_lower_case_and_harmless(folder: Path) -> None:
    harmful = {"load_extension", "fts3_tokenizer", "fts5", "optimize", "sqlite_log", "sqlite_offset"}
    assert not harmful & authorizer.FUNCTIONS
    assert all(name == name.lower() for name in authorizer.FUNCTIONS)


def test_a_view_cannot_use_what_its_reader_trusts_only_itself_with(folder: Path) -> None:
    make(folder / "view.db", "CREATE VIEW v AS SELECT * FROM sqlite_stmt; CREATE TABLE t(a)")
    with sqlite3.connect(folder / "view.db") as probe:
        try:
            probe.execute("SELECT * FROM sqlite_stmt").close()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no such virtual table")
    with Sandbox(folder / "view.db", layers=only("trusted_schema_off")) as opened:
        assert "unsafe use of virtual table" in attempt(opened, "SELECT * FROM v")
    with Sandbox(folder / "view.db", layers=only("authorizer")) as opened:
        assert "may not be read" in attempt(opened, "SELECT * FROM v")
    with Sandbox(folder / "view.db", layers=only()) as opened:
        assert attempt(opened, "SELECT * FROM v") == ""


@pytest.mark.parametrize(
    "table", ["dbstat", "sqlite_stmt", "fts3tokenize", "sqlite_dbpage", "bytecode('SELECT 1')"]
)
def test_virtual_tables_without_a_schema_are_refused(folder: Path, table: str) -> None:
    with Sandbox(folder / "pets.db") as opened:
        assert attempt(opened, f"SELECT * FROM {table}") != ""


# ---- exhausting ----------------------------------------------------------------------------------

EXHAUSTING = {
    "length": ("SELECT length(randomblob(60000000))", "too big"),
    "zeroblob": ("SELECT length(zeroblob(60000000))", "too big"),
    "replace": ("SELECT length(replace(hex(zeroblob(5000)), '0', hex(zeroblob(3000))))", "too big"),
    "hex": ("SELECT length(hex(zeroblob(20000000)))", "too big"),
    "group_concat": (
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 40) "
        "SELECT length(group_concat(hex(zeroblob(500000)), '')) FROM c",
        "too big",
    ),
    "depth": ("SELECT " + "1 + " * 700 + "1", "Expression tree is too large"),
    "compound": (" UNION ALL ".join(["SELECT 1"] * 200), "too many terms in compound SELECT"),
    "pattern": (f"SELECT '{'a' * 2000}' LIKE '{'a%' * 1000}'", "pattern too complex"),
    "arguments": ("SELECT max(" + ", ".join("1" * 110) + ")", "too many arguments"),
    "variables": ("SELECT ?200", "variable number must be between"),
}


@NEEDS_LIMITS
@pytest.mark.parametrize("case", EXHAUSTING)
def test_a_limit_stops_what_would_run_without_it(folder: Path, case: str) -> None:
    sql, words = EXHAUSTING[case]
    with Sandbox(folder / "pets.db") as opened:
        began = time.monotonic()
        assert words in attempt(opened, sql)
        assert time.monotonic() - began < 2
    with Sandbox(folder / "pets.db", layers=without("limits")) as opened:
        assert words not in attempt(opened, sql)


def test_printf_that_no_limit_stops_dies_at_the_deadline(folder: Path) -> None:
    with Sandbox(folder / "pets.db") as opened:
        opened.execute("SELECT 1")
        for sql in (DEAF, DEAF.replace("printf", "format"), "SELECT printf('%900000000d', 1)"):
            began = time.monotonic()
            with contextlib.suppress(QueryTimeout, QueryError):
                opened.execute(sql, timeout=0.2)
            assert time.monotonic() - began < 0.7
            opened.execute("SELECT 1")


SORT = (
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 500) "
    "SELECT length(y) FROM (SELECT randomblob(500000) AS y FROM c ORDER BY y)"
)


@pytest.mark.parametrize(
    ("layers", "stopped"),
    [
        (Layers(), True),
        (without("heap_limit"), True),
        (without("rlimits"), True),
        (without("heap_limit", "rlimits"), False),
    ],
    ids=["all", "rlimits", "heap_limit", "none"],
)
def test_a_query_cannot_take_all_memory_and_its_worker_outlives_it(
    folder: Path, layers: Layers, stopped: bool
) -> None:
    if os.name != "posix":
        pytest.skip("no limits on memory but SQLite's own")
    with Sandbox(folder / "pets.db", Limits(memory=48 << 20), layers=layers) as opened:
        text = attempt(opened, SORT)
        assert ("memory" in text) == stopped
        assert opened.execute("SELECT count(*) FROM pet").rows == [(3,)]


@LINUX
def test_the_system_limits_the_worker(folder: Path) -> None:
    with Sandbox(folder / "pets.db") as opened:
        opened.execute("SELECT 1")
        worker = Path(f"/proc/{opened.worker_pid}")
        limits = (worker / "limits").read_text()
        environment = (worker / "environ").read_text()
        names = {link.resolve().name for link in (worker / "fd").iterdir()}
    for line in ("Max file size             0", "Max core file size        0", "Max processes             0"):
        assert line in limits
    assert "Max open files            32" in limits and "Max address space         unlimited" not in limits
    assert "Max cpu time              unlimited" not in limits
    assert "HOME=" not in environment and "PWD=" not in environment
    assert not {name for name in names if name.endswith((".py", ".lock"))}


def test_secrets_in_the_environment_do_not_reach_the_worker(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform != "linux":
        pytest.skip("looks into /proc")
    monkeypatch.setenv("HF_TOKEN", "secret")
    with Sandbox(folder / "pets.db") as opened:
        opened.execute("SELECT 1")
        assert "secret" not in Path(f"/proc/{opened.worker_pid}/environ").read_text()


# ---- what newer and older Pythons have ------------------------------------------------------------


def test_defensive_mode_is_asked_for_where_python_offers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[int, bool] = {}

    class Connection:
        def enable_load_extension(self, on: bool) -> None:
            asked[0] = on

        def setconfig(self, code: int, on: bool) -> None:
            asked[code] = on

    names = ("DEFENSIVE", "NO_CKPT_ON_CLOSE", "ENABLE_LOAD_EXTENSION", "TRUSTED_SCHEMA", "WRITABLE_SCHEMA")
    for code, name in enumerate(names, 1):
        monkeypatch.setattr(sqlite3, f"SQLITE_DBCONFIG_{name}", code, raising=False)
    guard._configure(Connection())  # type: ignore[arg-type]
    assert {code: asked[code] for code in range(6)} == {
        0: False,
        1: True,
        2: True,
        3: False,
        4: False,
        5: False,
    }


@pytest.mark.parametrize(
    ("text", "judge"),
    [
        ("database is locked", sqlite_codes.busy),
        ("interrupted", sqlite_codes.interrupted),
        ("database disk image is malformed", sqlite_codes.about_the_file),
        ("file is not a database", sqlite_codes.about_the_file),
        ("disk I/O error", sqlite_codes.about_the_file),
        ("attempt to write a readonly database", sqlite_codes.unfinished),
        ("unable to open database file", sqlite_codes.unfinished),
    ],
)
def test_an_error_without_a_code_is_judged_by_its_words(
    text: str, judge: Callable[[Exception], bool]
) -> None:
    assert judge(sqlite3.OperationalError(text))
    assert not judge(sqlite3.OperationalError("no such column: x"))


def test_the_generated_attacks_are_as_many_as_promised(tmp_path: Path) -> None:
    hostile = list(hostile_statements.statements(tmp_path, 1))
    assert len(hostile) >= 300 and len({sql for _, sql in hostile}) > 0.9 * len(hostile)
    assert sum(1 for _ in hostile_databases.databases(1, 30)) >= 50


# ---- files in every state ------------------------------------------------------------------------


def wal_states(folder: Path) -> Iterator[tuple[str, Path, Callable[[], None]]]:
    """(name, database, what to do at the end) for every state of a WAL database."""
    for state in ("closed", "live", "live and checkpointed", "no shm", "stale shm", "empty wal", "shm only"):
        home = folder / state.replace(" ", "-")
        home.mkdir()
        path = home / "w.db"
        writer = sqlite3.connect(home / "source.db", isolation_level=None)
        writer.execute("PRAGMA journal_mode=WAL")
        writer.executescript("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)")
        if state == "live and checkpointed":
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if state.startswith("live"):
            yield state, home / "source.db", writer.close
            continue
        suffixes = {"closed": [""], "no shm": ["", "-wal"], "stale shm": ["", "-wal", "-shm"]}.get(
            state, [""]
        )
        if "-wal" not in suffixes:
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for suffix in suffixes:
            shutil.copy(f"{home}/source.db{suffix}", f"{path}{suffix}")
        if state == "empty wal":
            Path(f"{path}-wal").touch()
        if state == "shm only":
            Path(f"{path}-shm").write_bytes(bytes(32768))
        writer.close()
        (home / "source.db").unlink()
        yield state, path, lambda: None


def test_a_wal_database_in_any_state_is_read_and_left_as_it_was(tmp_path: Path) -> None:
    for state, path, end in wal_states(tmp_path):
        before = fingerprint(path.parent)
        with Sandbox(path) as opened:
            for _ in range(3):
                assert opened.execute("SELECT a FROM t ORDER BY a").rows == [(1,), (2,)], state
                assert fingerprint(path.parent) == before, state
        assert fingerprint(path.parent) == before, state
        end()


def test_mode_ro_alone_would_leave_files_beside_a_wal_database(tmp_path: Path) -> None:
    path = make(tmp_path / "w.db", "CREATE TABLE t(a)", wal=True)
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    connection.execute("SELECT * FROM t").fetchall()
    connection.close()
    assert len(list(tmp_path.iterdir())) > 1


@POSIX
def test_a_database_in_a_read_only_folder_is_read(tmp_path: Path) -> None:
    for wal in (False, True):
        home = tmp_path / f"wal-{wal}"
        home.mkdir()
        path = make(home / "x.db", "CREATE TABLE t(a); INSERT INTO t VALUES (1)", wal=wal)
        path.chmod(stat.S_IRUSR)
        home.chmod(stat.S_IRUSR | stat.S_IXUSR)
        try:
            with Sandbox(path) as opened:
                assert opened.execute("SELECT a FROM t").rows == [(1,)]
        finally:
            home.chmod(stat.S_IRWXU)
        assert [entry.name for entry in home.iterdir()] == ["x.db"]


@POSIX
@pytest.mark.parametrize("wal", [False, True])
def test_a_symlink_is_followed_to_the_database_and_its_wal(tmp_path: Path, wal: bool) -> None:
    real, links = tmp_path / "real", tmp_path / "links"
    real.mkdir()
    links.mkdir()
    writer = sqlite3.connect(real / "x.db", isolation_level=None)
    if wal:
        writer.execute("PRAGMA journal_mode=WAL")
    writer.executescript("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    (links / "a.db").symlink_to(real / "x.db")
    (links / "b.db").symlink_to(links / "a.db")
    with Sandbox(links / "b.db") as opened:
        assert opened.execute("SELECT a FROM t").rows == [(1,)]
        writer.execute("INSERT INTO t VALUES (2)")
        assert opened.execute("SELECT count(*) FROM t").rows == [(2,)]
    writer.close()
    assert sorted(entry.name for entry in links.iterdir()) == ["a.db", "b.db"]


@pytest.mark.parametrize(
    "name",
    [
        "a b.db",
        "a?mode=rwc.db",
        "a#b.db",
        "100%25.db",
        "ü 名.db",
        "a&immutable=1.db",
        "file:x.db",
        ":memory:",
        "-x.db",
        "a'b\".db",
    ],
)
def test_any_file_name_opens_that_file(tmp_path: Path, name: str) -> None:
    if os.name == "nt" and set(name) & set('?:"'):
        pytest.skip("not a file name here")
    scratch = make(tmp_path / "plain.db", "CREATE TABLE t(a); INSERT INTO t VALUES ('this one')")
    home = tmp_path / "home"
    home.mkdir()
    scratch.rename(home / name)
    with Sandbox(home / name) as opened:
        assert opened.execute("SELECT a FROM t").rows == [("this one",)]
    assert [entry.name for entry in home.iterdir()] == [name]


@POSIX
def test_a_file_name_that_is_not_utf8_opens(tmp_path: Path) -> None:
    scratch = make(tmp_path / "plain.db", "CREATE TABLE t(a)")
    name = os.fsencode(tmp_path) + b"/caf\xe9\xff.db"
    os.rename(scratch, name)
    with Sandbox(os.fsdecode(name)) as opened:
        assert opened.execute("SELECT count(*) FROM t").rows == [(0,)]


@pytest.mark.parametrize("wal", [False, True])
def test_what_another_program_commits_is_seen_by_the_next_statement(tmp_path: Path, wal: bool) -> None:
    path = make(tmp_path / "x.db", "CREATE TABLE t(a)", wal=wal)
    with Sandbox(path) as opened:
        for number in range(6):
            assert opened.execute("SELECT count(*) FROM t").rows == [(number,)]
            with contextlib.closing(sqlite3.connect(path)) as writer, writer:
                writer.execute("INSERT INTO t VALUES (1)")
        with contextlib.closing(sqlite3.connect(path)) as writer:
            writer.execute(f"PRAGMA journal_mode={'DELETE' if wal else 'WAL'}")
            assert opened.execute("SELECT count(*) FROM t").rows == [(6,)]
        assert opened.execute("SELECT count(*) FROM t").rows == [(6,)]


@pytest.mark.parametrize("wal", [False, True])
def test_a_database_being_written_gives_a_snapshot_or_says_it_is_busy(tmp_path: Path, wal: bool) -> None:
    path = make(tmp_path / "x.db", "CREATE TABLE t(a); INSERT INTO t VALUES (0), (0)", wal=wal)
    code = f"""
import sqlite3, time
until = time.monotonic() + 2
while time.monotonic() < until:
    c = sqlite3.connect({str(path)!r}, isolation_level=None, timeout=5)
    c.execute("PRAGMA synchronous=OFF")
    for n in range(20):
        c.execute("BEGIN IMMEDIATE")
        c.execute("UPDATE t SET a = a + 1 WHERE rowid = 1")
        c.execute("INSERT INTO t VALUES (0)")
        c.execute("UPDATE t SET a = a - 1 WHERE rowid = 2")
        c.execute("COMMIT")
    c.close()
"""
    writer = subprocess.Popen([sys.executable, "-c", code])
    seen = set()
    try:
        with Sandbox(path) as opened:
            while writer.poll() is None:
                try:
                    total, rows = opened.execute("SELECT sum(a), count(*) FROM t").rows[0]
                except DatabaseError as error:
                    assert "another program" in str(error)
                    continue
                assert total == 0
                seen.add(rows)
            assert opened.execute("SELECT sum(a) FROM t").rows == [(0,)]
    finally:
        writer.wait()
    assert writer.returncode == 0 and len(seen) > 3


def test_a_locked_database_that_cannot_be_copied_is_a_clear_sentence_within_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "x.db", "CREATE TABLE t(a)")
    no_room = tmp_path / "no room"
    monkeypatch.setattr(tempfile, "tempdir", str(no_room))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer, Sandbox(path) as opened:
        opened.warm_up()
        writer.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with pytest.raises(DatabaseError, match="locked by another program"):
            opened.execute("SELECT * FROM t", timeout=0.5)
        assert time.monotonic() - began < 1
        writer.execute("COMMIT")
        no_room.mkdir()
        assert opened.execute("SELECT * FROM t").rows == []


def test_a_worker_at_rest_holds_no_lock(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", PETS)
    with (
        contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as writer,
        Sandbox(path) as opened,
    ):
        opened.execute("SELECT * FROM pet", max_rows=1)
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("DELETE FROM pet")
        writer.execute("COMMIT")
        with pytest.raises(QueryTimeout):
            opened.execute("SELECT * FROM pet JOIN (" + ENDLESS + ")", timeout=0.1)
        writer.execute("BEGIN EXCLUSIVE")


def test_a_journal_left_by_a_crash_is_rolled_back_in_a_copy(tmp_path: Path) -> None:
    source = make(tmp_path / "s.db", "CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(100000)), (1)")
    home = tmp_path / "home"
    home.mkdir()
    with contextlib.closing(sqlite3.connect(source, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN")
        writer.execute("UPDATE t SET a = randomblob(100000)")
        shutil.copy(source, home / "x.db")
        shutil.copy(f"{source}-journal", home / "x.db-journal")
    before = fingerprint(home)
    with Sandbox(home / "x.db") as opened:
        for _ in range(2):
            assert opened.execute("SELECT count(*) FROM t WHERE a = zeroblob(100000) OR a = 1").rows == [(2,)]
        with pytest.raises(QueryError, match="only SELECT"):
            opened.execute("DELETE FROM t")
    assert fingerprint(home) == before


def test_corrupted_pages_are_a_sentence_and_other_statements_work(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE good(a); INSERT INTO good VALUES (1); CREATE TABLE bad(a);"
        + count_to(5000)
        + "INSERT INTO bad SELECT hex(x) FROM c",
    )
    data = bytearray(path.read_bytes())
    data[3 * 4096 : 12 * 4096] = b"\xff\x07" * (9 * 2048)
    path.write_bytes(data)
    before = fingerprint(tmp_path)
    with Sandbox(path) as opened:
        with pytest.raises(DatabaseError, match="damaged"):
            opened.execute("SELECT count(a) FROM bad")
        assert opened.execute("SELECT a FROM good").rows == [(1,)]
    assert fingerprint(tmp_path) == before


def test_a_file_cut_short_between_statements_is_a_sentence(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE t(a); WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 20000) "
        "INSERT INTO t SELECT hex(x) FROM c",
    )
    with Sandbox(path) as opened:
        assert opened.execute("SELECT count(a) FROM t").rows == [(20000,)]
        os.truncate(path, 8192)
        with pytest.raises(DatabaseError):
            opened.execute("SELECT count(a), max(a) FROM t")
        path.unlink()
        with pytest.raises(DatabaseError, match="no such file"):
            opened.execute("SELECT 1 FROM t")
        make(path, "CREATE TABLE fresh(a); INSERT INTO fresh VALUES (5)")
        assert opened.execute("SELECT a FROM fresh").rows == [(5,)]


@POSIX
def test_an_input_output_error_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler to break the C library with")
    shim = tmp_path / "shim.c"
    shim.write_text(
        """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
ssize_t pread64(int fd, void *to, size_t size, off_t at) {
    static ssize_t (*real)(int, void *, size_t, off_t);
    if (!real) real = dlsym(RTLD_NEXT, "pread64");
    if (size >= 4096 && at >= 2 * 4096) { errno = ESTALE; return -1; }
    return real(fd, to, size, at);
}
"""
    )
    subprocess.run([compiler, "-shared", "-fPIC", "-o", tmp_path / "shim.so", shim, "-ldl"], check=True)
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE t(a); WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 5000) "
        "INSERT INTO t SELECT hex(x) FROM c",
    )
    monkeypatch.setattr(worker_process, "_ENVIRONMENT", (*worker_process._ENVIRONMENT, "LD_PRELOAD"))
    monkeypatch.setenv("LD_PRELOAD", str(tmp_path / "shim.so"))
    with Sandbox(path) as opened:
        monkeypatch.delenv("LD_PRELOAD")
        with pytest.raises(DatabaseError, match="disk I/O error"):
            opened.execute("SELECT count(a) FROM t")
        assert opened.execute("SELECT 1").rows == [(1,)]


# ---- hostile databases ---------------------------------------------------------------------------


def test_a_generated_column_that_never_ends_dies_at_the_deadline(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE t(a); INSERT INTO t VALUES (900000000);"
        "ALTER TABLE t ADD COLUMN b AS (printf('%.*c', a, 'x'));"
        f"CREATE VIEW v AS {ENDLESS}",
    )
    with Sandbox(path) as opened:
        assert opened.execute("SELECT a FROM t").rows == [(900000000,)]
        for sql in ("SELECT b FROM t", "SELECT * FROM v"):
            began = time.monotonic()
            with pytest.raises((QueryTimeout, QueryError)):
                opened.execute(sql, timeout=0.3)
            assert time.monotonic() - began < 0.8
        assert opened.execute("SELECT a FROM t").rows == [(900000000,)]


def test_a_schema_that_takes_forever_to_read_costs_no_more_than_the_deadline(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN")
        for number in range(3000):
            writer.execute(
                f"CREATE TABLE t{number}({', '.join(f'c{n} DEFAULT (abs({n}))' for n in range(60))})"
            )
        writer.execute("COMMIT")
    with Sandbox(path) as opened:
        began = time.monotonic()
        with contextlib.suppress(QueryTimeout):
            opened.execute("SELECT 1", timeout=0.2)
        assert time.monotonic() - began < 0.7 + 0.5  # the worker's own start comes on top
        assert opened.execute("SELECT count(*) FROM t7", timeout=10).rows == [(0,)]


def test_mutated_databases_never_take_the_sandbox_down(tmp_path: Path) -> None:
    chance = random.Random(11)
    source = make(
        tmp_path / "source.db",
        PETS + "CREATE INDEX by_name ON pet(name); CREATE TABLE w(a PRIMARY KEY, b) WITHOUT ROWID;"
        "INSERT INTO w VALUES (1, 2), ('x', 3);",
    )
    data = source.read_bytes()
    home = tmp_path / "home"
    home.mkdir()
    for number in range(25):
        broken = bytearray(data)
        for _ in range(chance.choice([1, 3, 20, 200])):
            broken[chance.randrange(100 if number % 3 == 0 else len(broken))] = chance.randrange(256)
        path = home / "x.db"
        path.write_bytes(broken)
        before = fingerprint(home)
        with contextlib.suppress(DatabaseError), Sandbox(path) as opened:
            for sql in (
                "SELECT * FROM pet",
                "SELECT * FROM w",
                "SELECT name FROM pet ORDER BY name",
                "SELECT * FROM heavy",
            ):
                with contextlib.suppress(DatabaseError, QueryError):
                    opened.execute(sql, timeout=1)
        assert fingerprint(home) == before


# ---- the page that promises all this ------------------------------------------------------------


def test_every_test_that_the_security_page_names_exists() -> None:
    root = Path(__file__).resolve().parent.parent
    table = [
        line for line in (root / "SECURITY.md").read_text(encoding="utf-8").splitlines() if line[:3] == "| *"
    ]
    named = {name for line in table for name in re.findall("`([^`]+)`", line.rsplit("| ", 1)[1])}
    files = {path.name: path.read_text(encoding="utf-8") for path in (root / "tests").glob("test_*.py")}
    assert len(named) > 30
    for name in named:
        if name.endswith(".py"):
            assert name in files
        else:
            wanted = f"def test_{name.rstrip('…')}" + ("" if name.endswith("…") else "(")
            assert any(wanted in text for text in files.values()), name
