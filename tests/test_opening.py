"""Opening a file, whatever made it: bounded, beside the parent, and what cannot be read is named."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import hostile
import pytest

from bench import hostile_databases
from sqlagent.agent.agent import Agent
from sqlagent.base.errors import DatabaseError, QueryError, QueryTimeout, UsageError
from sqlagent.database import catalogue, introspect, schema
from sqlagent.database.schema import Schema
from sqlagent.linking.value_index import ValueIndex
from sqlagent.sandbox import guard
from sqlagent.sandbox.layers import Layers
from sqlagent.sandbox.sandbox import Limits, Sandbox

ROOT = Path(__file__).resolve().parent.parent


def make(path: Path, *statements: str) -> Path:
    hostile.build(list(statements), path).close()
    return path


def reasons(found: Schema) -> dict[str, str]:
    return {one.label: one.cause for one in found.unreadable}


# ---- who opens the file ----

WATCH = """
import json, sys
opened = []
def watch(event, arguments):
    if event in ("open", "sqlite3.connect") and "x.db" in str(arguments[0]):
        opened.append([event, str(arguments[0])])
path = sys.argv[1]
sys.path.insert(0, sys.argv[2])
sys.addaudithook(watch)
from pathlib import Path
from sqlagent.agent.agent import Agent
from sqlagent.linking.value_index import ValueIndex
with Agent(path) as agent:
    found = agent.schema()
    rows = agent.run_sql("SELECT * FROM t").rows
    agent.prepare("SELECT a FROM t")
    index = ValueIndex(path, found, Path(sys.argv[3]))
    hints = index.find("Is there a Nightingale?")
    index.nearest("t", "a", "Nightingal")
    index.close()
    agent.schema()
print(json.dumps([opened, len(found.tables), len(rows), len(hints)]))
"""


@pytest.mark.parametrize("state", ["rollback", "wal", "live wal", "held"])
def test_the_process_a_user_talks_to_never_opens_the_database(tmp_path: Path, state: str) -> None:
    path = make(tmp_path / "x.db", "CREATE TABLE t (a TEXT)", "INSERT INTO t VALUES ('Nightingale')")
    program = sqlite3.connect(path, isolation_level=None)
    if "wal" in state:
        program.execute("PRAGMA journal_mode=WAL")
        program.execute("INSERT INTO t VALUES ('Robin')")
    if state == "held":
        program.execute("BEGIN EXCLUSIVE")
    if "live" not in state and state != "held":
        program.close()
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(path), str(ROOT), str(tmp_path / "values")],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "SQLAGENT_HOME": str(tmp_path / "home")},
    )
    program.close()
    assert done.returncode == 0, done.stderr
    opened, tables, rows, hints = json.loads(done.stdout)
    assert opened == [] and tables == 1 and rows >= 1 and hints == 1


# ---- schemas that explode ----


def test_exploding_schemas_are_opened_without_what_explodes_in_bounded_time_and_memory(
    tmp_path: Path,
) -> None:
    names = []
    for number, (name, script) in enumerate(hostile_databases.exploding(6)):
        path = tmp_path / f"{number}.db"
        connection = sqlite3.connect(path)
        connection.executescript(script)
        connection.close()
        assert path.stat().st_size <= 1 << 16, name
        names.append(name)
    # A process of its own: this one's children include whatever other tests started.
    code = (
        "import json, resource, sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from sqlagent.database import schema\n"
        "for path in sys.argv[2:]:\n"
        "    started = time.monotonic()\n"
        "    found = schema.read(path)\n"
        "    causes = [one.cause for one in found.unreadable]\n"
        "    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "    print(json.dumps([time.monotonic() - started, found.table('t') is not None, causes, peak]))\n"
    )
    paths = [str(tmp_path / f"{number}.db") for number in range(len(names))]
    command = [sys.executable, "-c", code, str(ROOT), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    for name, line in zip(names, done.stdout.splitlines(), strict=True):
        seconds, has_table, causes, peak = json.loads(line)
        assert seconds < 10, name  # 5 on a machine that does nothing else
        assert has_table and causes and set(causes) <= {"time", "size"}, name
        assert peak < 300 << 10, name


def test_what_explodes_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = dict(hostile_databases.exploding(6))["views that add"]
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.executescript(script + "CREATE TABLE good (x); CREATE VIEW late AS SELECT x FROM good;")
    connection.close()
    monkeypatch.setattr(introspect, "RISK_SECONDS", 0.3)
    found = schema.read(path, time_budget=20, timeout=60)
    assert [t.name for t in found.tables if t.name in ("t", "good", "late")] == ["t", "good", "late"]


def test_the_timeout_bounds_opening_and_what_was_not_reached_is_named(tmp_path: Path) -> None:
    script = dict(hostile_databases.exploding(6))["views that add"]
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    with Sandbox(path) as box:
        box.warm_up()
        started = time.monotonic()
        found = schema.read(path, timeout=0.5, sandbox=box)
        assert time.monotonic() - started < 3
    everything = {t.name for t in found.tables} | {one.name for one in found.unreadable}
    assert "t" in everything and "v39" in everything


def test_ctrl_c_stops_opening_at_once(tmp_path: Path) -> None:
    script = dict(hostile_databases.exploding(6))["views that add"]
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[2])\n"
        "from sqlagent.database import introspect, schema\n"
        "introspect.RISK_SECONDS = 60\n"
        "print('ready', flush=True)\n"
        "try:\n    while True:\n        schema.read(sys.argv[1], time_budget=50, timeout=60)\n"
        "except KeyboardInterrupt:\n    print('stopped', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(ROOT)],
        stdout=subprocess.PIPE,
        # A shell starts what it runs in the background with SIGINT ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert process.stdout.readline() == b"stopped\n"
    assert time.monotonic() - started < 1
    assert process.wait(timeout=10) == 0


# ---- an intact file is not damaged ----


def test_json_in_generated_columns_indexes_and_views_can_be_read(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE plain (a)",
        "CREATE TABLE t (a TEXT, g AS (json_extract(a, '$.x')), CHECK (json_valid(a)))",
        """INSERT INTO t (a) VALUES ('{"x": 3, "y": 4}')""",
        "CREATE INDEX i ON t (json_extract(a, '$.y'))",
        "CREATE VIEW v AS SELECT a ->> '$.x' AS x, json_extract(a, '$.y') AS y FROM t",
    )
    found = schema.read(path)
    assert [t.name for t in found.tables] == ["plain", "t", "v"] and not found.unreadable
    with Sandbox(path) as box:
        assert box.execute("SELECT g FROM t WHERE json_extract(a, '$.y') = 4").rows == [(3,)]
        assert box.execute("SELECT * FROM v").rows == [(3, 4)]
        with pytest.raises(QueryError):
            box.execute("SELECT load_extension('x')")


def rewritten(path: Path, before: str, after: str) -> None:
    """Change a definition as only a program with another SQLite could have written it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("UPDATE sqlite_master SET sql = replace(sql, ?, ?)", (before, after))
    connection.close()


def test_a_function_that_no_schema_may_call_costs_its_table_only(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE good (a)",
        "INSERT INTO good VALUES (1)",
        "CREATE TABLE t (a, g AS (upper(a)))",
        "INSERT INTO t (a) VALUES ('x')",
        "CREATE VIEW v AS SELECT * FROM t",
    )
    rewritten(path, "upper(a)", "load_extension(a)")
    found = schema.read(path)
    assert [t.name for t in found.tables] == ["good"]
    assert set(reasons(found)) == {"t", "v"} and "load_extension" in found.unreadable[0].reason
    with Sandbox(path) as box:
        assert box.execute("SELECT * FROM good").rows == [(1,)]
        for sql in ("SELECT * FROM t", "SELECT a FROM main.t", "SELECT * FROM v"):
            with pytest.raises(QueryError, match="cannot be read"):
                box.execute(sql)


def test_a_definition_that_only_a_newer_sqlite_understands_costs_its_table_only(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", "CREATE TABLE good (a)", "CREATE TABLE t (a INT)")
    rewritten(path, "(a INT)", "(a INT) FROM THE FUTURE")
    found = schema.read(path)
    assert [t.name for t in found.tables] == ["good"]
    assert reasons(found) == {"t": "syntax"}
    assert "newer" in found.unreadable[0].reason and sqlite3.sqlite_version in found.unreadable[0].reason


def test_functions_that_only_the_application_has_are_named(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    connection.create_function("soundslike", 1, lambda text: text, deterministic=True)
    connection.execute("CREATE TABLE t (a, g AS (soundslike(a)))")
    connection.execute("INSERT INTO t (a) VALUES ('x')")
    connection.execute("CREATE INDEX i ON t (soundslike(a))")
    connection.execute("CREATE VIEW v AS SELECT soundslike(a) AS x FROM t")
    connection.close()
    found = schema.read(tmp_path / "x.db")
    assert [[c.name for c in t.columns] for t in found.tables] == [["a"]]
    assert reasons(found) == {"t.g": "function", "v": "function"}
    assert "soundslike()" in found.unreadable[0].reason
    with Sandbox(tmp_path / "x.db") as box:
        assert box.execute("SELECT a FROM t").rows == [("x",)]


def test_tables_of_unknown_modules_are_named_and_their_own_tables_hidden(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE note (id INTEGER PRIMARY KEY, body)",
        "CREATE TABLE note_vectors_chunks (x)",
        "CREATE TABLE note_vectors_vector_chunks00 (x)",
        "CREATE TABLE note_vectors_of_mine (x)",
        "CREATE TABLE words_content (x)",
        "PRAGMA writable_schema=ON",
        "INSERT INTO sqlite_master VALUES ('table', 'note_vectors', 'note_vectors', 0,"
        " 'CREATE VIRTUAL TABLE note_vectors USING vec0(a float[3])')",
        "INSERT INTO sqlite_master VALUES ('table', 'words', 'words', 0,"
        " 'CREATE VIRTUAL TABLE words USING no_such(a)')",
    )
    found = schema.read(path)
    assert [t.name for t in found.tables] == ["note", "note_vectors_of_mine"]
    assert reasons(found) == {"note_vectors": "module", "words": "module"}
    assert "vec0" in found.unreadable[0].reason
    with Sandbox(path) as box:  # hidden unless named
        assert box.execute("SELECT count(*) FROM note_vectors_chunks").rows == [(0,)]


def test_a_tokenizer_that_only_the_application_has_is_named(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", "CREATE VIRTUAL TABLE words USING fts5(a)", "CREATE TABLE t (a)")
    rewritten(path, "fts5(a)", "fts5(a, tokenize = 'mine')")
    found = schema.read(path)
    assert [t.name for t in found.tables] == ["t"]
    assert reasons(found) == {"words": "tokenizer"}


def test_a_calibre_library_shows_its_views(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        "CREATE TABLE books (id INTEGER PRIMARY KEY, title)",
        "CREATE TABLE tags (book, name)",
        "INSERT INTO books VALUES (1, 'The Sea'), (2, 'Another Day'), (3, 'Äther')",
        "INSERT INTO tags VALUES (1, 'b'), (1, 'a'), (2, 'c')",
        "CREATE VIEW meta AS SELECT id, title_sort(title) AS sort,"
        " (SELECT sortconcat(-tags.rowid, name) FROM tags WHERE book = books.id) AS sorted,"
        " (SELECT concat(name) FROM tags WHERE book = books.id) AS tags FROM books"
        " WHERE books_list_filter(id)",
    )
    assert not schema.read(path).unreadable
    with Sandbox(path) as box:
        assert box.execute("SELECT * FROM meta").rows == [
            (1, "Sea, The", "a,b", "b,a"),
            (2, "Another Day", "c", "c"),
            (3, "Äther", None, None),
        ]


def test_only_listed_functions_are_trusted(tmp_path: Path) -> None:
    """With `trusted_schema` on, every function that it alone would keep from a schema is ours or replaced."""
    path = make(tmp_path / "x.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.create_function("dangerous", 0, lambda: "done")  # as an extension of this SQLite would be
    guard.harden(connection, Layers(heap_limit=False), memory=0, leniency=guard.Leniency(trusting=True))
    connection.set_authorizer(None)
    connection.execute("PRAGMA query_only=OFF")
    connection.execute("CREATE TEMP VIEW v AS SELECT dangerous() AS x")
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("SELECT x FROM v").fetchall()
    connection.close()


# ---- while other programs write ----


def test_while_another_program_writes_nothing_is_read_that_did_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "x.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
    writer = sqlite3.connect(path, isolation_level=None)
    read: list[str] = []
    task = Sandbox.task
    monkeypatch.setattr(
        Sandbox, "task", lambda self, name, *a, **o: (read.append(name), task(self, name, *a, **o))[1]
    )
    with Agent(path) as agent:
        agent.schema()
        pid = agent._opened.sandbox().worker_pid
        for number in range(20):
            writer.execute("INSERT INTO t VALUES (?)", (number,))
            assert agent.run_sql("SELECT count(*) FROM t").rows == [(number + 2,)]
        assert read == [introspect._SURVEY] and agent._opened.sandbox().worker_pid == pid
        assert agent.schema().tables[0].row_count == 21
        assert read == [introspect._SURVEY, introspect._RECOUNT]
        writer.execute("ALTER TABLE t ADD COLUMN b")
        assert [c.name for c in agent.schema().tables[0].columns] == ["a", "b"]
        assert agent._opened.sandbox().worker_pid == pid
    writer.close()


def test_a_file_changed_in_place_with_its_old_time_is_seen(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
    with Agent(path) as agent:
        agent.schema()
        agent.schema()
        before = path.stat()
        make(path, "CREATE TABLE u (a)", "DROP TABLE t")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        assert [t.name for t in agent.schema().tables] == ["u"]


def test_a_closed_agent_runs_nothing_and_leaves_no_worker(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", "CREATE TABLE t (a)")
    agent = Agent(path)
    agent.run_sql("SELECT 1")
    agent.close()
    for use in (lambda: agent.run_sql("SELECT 1"), lambda: agent.prepare("SELECT 1"), agent.schema):
        with pytest.raises(UsageError, match="closed"):
            use()
    assert agent._opened._sandbox is None


# ---- values ----


def test_of_long_texts_only_the_beginning_leaves_the_worker(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (name TEXT, body TEXT)")
    connection.executemany(
        "INSERT INTO t VALUES (?, ?)", ((f"Person {n}", f"{n} " + "x" * 1_000_000) for n in range(40))
    )
    connection.execute("INSERT INTO t VALUES ('Person Huge', CAST(zeroblob(40000000) AS TEXT))")
    connection.commit()
    connection.close()
    found = schema.read(path)
    seen: list[int] = []
    with Sandbox(path) as box:
        execute = box.execute

        def watched(sql: str, **options: object) -> object:
            result = execute(sql, **options)  # type: ignore[arg-type]
            seen.append(sum(len(str(cell)) for row in result.rows for cell in row))
            return result

        box.execute = watched  # type: ignore[assignment,method-assign]
        index = ValueIndex(path, found, tmp_path / "values", sandbox=lambda: box)
        assert index.find("Where is Person 7?")[0].value == "Person 7"
        assert index.find("Where is 'Person Huge'?")[0].value == "Person Huge"
        index.close()
    assert sum(seen) < 100_000


# ---- what it says ----


def test_a_database_of_which_nothing_can_be_read_says_why(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", "CREATE TABLE t (a INT)")
    data = bytearray(path.read_bytes())
    data[100:110] = b"\xff" * 10
    path.write_bytes(data)
    with pytest.raises(DatabaseError, match="is damaged"):
        schema.read(path)


def test_a_short_timeout_is_a_sentence(tmp_path: Path) -> None:
    path = make(
        tmp_path / "x.db",
        *(f"CREATE TABLE t{n} ({', '.join(f'c{i}' for i in range(50))})" for n in range(400)),
    )
    with Sandbox(path, Limits(timeout=0.01)) as box:
        box.warm_up()
        with contextlib.suppress(QueryTimeout):
            found = schema.read(path, timeout=0.01, sandbox=box)
            assert len(found.tables) + len(found.unreadable) == 400


def test_shadow_names_are_told_apart(tmp_path: Path) -> None:
    objects = [
        ("notes", "virtual", "CREATE VIRTUAL TABLE notes USING fts5(a)"),
        ("notes_data", "table", "CREATE TABLE notes_data (x)"),
        ("notes_database", "table", "CREATE TABLE notes_database (x)"),
        ("other_data", "table", "CREATE TABLE other_data (x)"),
    ]
    assert catalogue._shadow_names(objects) == {"notes_data"}  # type: ignore[arg-type]
