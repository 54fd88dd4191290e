"""What the grammar offers is what the SQLite at hand knows: checked for old versions, simulated and real.

SQLAGENT_TEST_SQLITE names a folder of folders with a libsqlite3.so.0 each, of any versions: then random statements of
the grammar are prepared by every one of them, too. (The amalgamations lie in the npm packages of better-sqlite3.)
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor, functions

ROOT = Path(__file__).resolve().parent.parent
DDL = """
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, pay REAL, team_id INTEGER REFERENCES teams(id));
"""
SINCE = {
    "SELECT ROW_NUMBER() OVER (ORDER BY pay) FROM people": (3, 32),
    "SELECT SUM(pay) OVER (PARTITION BY team_id) FROM people": (3, 32),
    "SELECT COUNT(*) FILTER (WHERE pay > 3) FROM people": (3, 30),
    "SELECT SUM(pay) FILTER (WHERE pay > 3) OVER (ORDER BY pay) FROM people": (3, 32),
    "SELECT name FROM people ORDER BY pay NULLS LAST": (3, 30),
    "SELECT name FROM people ORDER BY pay DESC NULLS FIRST": (3, 30),
    "SELECT IIF(pay > 3, 1, 2) FROM people": (3, 32),
    "SELECT SUBSTRING(name, 1, 2) FROM people": (3, 34),
    "SELECT SIGN(pay) FROM people": (3, 35),
    "SELECT UNIXEPOCH('now') FROM people": (3, 38),
    "SELECT COUNT(*), GROUP_CONCAT(name, ', ') FROM people": (3, 26),
    "SELECT name FROM people WHERE pay > (SELECT AVG(pay) FROM people) ORDER BY pay DESC LIMIT 1": (3, 26),
    "WITH t AS (SELECT name FROM people) SELECT name FROM t": (3, 26),
}
"""Statements, and the first version that is offered them: none before SQLite can prepare them."""
_NEW = {"IIF": (3, 32), "SUBSTRING": (3, 34), "SIGN": (3, 35), "UNIXEPOCH": (3, 38)}


@pytest.fixture
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """The grammar's functions as with another SQLite, which before 3.30 cannot list its own."""
    wanted: tuple[int, int] = request.param
    here = functions._built_in()
    known = None
    if here is not None and wanted >= (3, 30):
        known = here - {name for name, since in _NEW.items() if since > wanted}
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (*wanted, 0))
    monkeypatch.setattr(functions, "_built_in", lambda: known)
    functions.scalar.cache_clear()
    functions.window.cache_clear()
    yield wanted
    functions.scalar.cache_clear()
    functions.window.cache_clear()


@pytest.mark.parametrize("version", [(3, minor) for minor in range(26, 41)], indirect=True)
def test_nothing_is_offered_that_a_version_of_sqlite_does_not_know(version: tuple[int, int]) -> None:
    acceptor = Acceptor(schemas.from_ddl(DDL))
    offered = {sql: acceptor.accepts(sql) for sql in SINCE}
    assert offered == {sql: version >= since for sql, since in SINCE.items()}


PREPARED = f"""
import random, sqlite3, sys
sys.path.insert(0, sys.argv[1])
from bench.walk import TEMPERS, walk
from sqlagent.database import schema
from sqlagent.grammar import Acceptor
from sqlagent.sandbox import functions
assert sqlite3.sqlite_version == sys.argv[2], sqlite3.sqlite_version
connection = sqlite3.connect(":memory:")
functions.register(connection)
connection.executescript({DDL!r})
acceptor = Acceptor(schema.from_ddl({DDL!r}))
statements = [sql for sql in {list(SINCE)!r} if acceptor.accepts(sql)]
for seed in range(100):
    temper = TEMPERS[seed % len(TEMPERS)]
    statements.append(walk(acceptor, random.Random(seed), budget=200, stop=0.3, temper=temper))
for sql in statements:
    try:
        connection.execute("EXPLAIN " + sql)
    except sqlite3.Error as error:
        sys.exit(f"{{error}}: {{sql}}")
print(len(statements))
"""


def _libraries() -> list[Path]:
    folder = os.environ.get("SQLAGENT_TEST_SQLITE")
    return sorted(Path(folder).glob("*/libsqlite3.so.0")) if folder else []


@pytest.mark.parametrize("library", [None, *_libraries()], ids=lambda lib: lib.parent.name if lib else "here")
def test_what_the_grammar_writes_is_prepared_by_this_sqlite(library: Path | None) -> None:
    """In a process of its own, which loads that library in place of the usual one."""
    version = library.parent.name if library else sqlite3.sqlite_version
    settings = {"LD_LIBRARY_PATH": str(library.parent)} if library else {}
    done = subprocess.run(
        [sys.executable, "-c", PREPARED, str(ROOT), version],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 100
