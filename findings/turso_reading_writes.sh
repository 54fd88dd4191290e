#!/bin/sh
# pyturso 0.8.3: one SELECT rewrites a SQLite file to WAL mode, and adding a column strips CREATE TABLE of its comments.
#
# Expected: a driver of SQLite files leaves a file that it only reads as it was, as sqlite3 does; ALTER TABLE ADD COLUMN
#           keeps what stands in CREATE TABLE, as SQLite does.
# Seen:     after connect(), SELECT and close() the file has other bytes: its head says WAL (2, 2) instead of rollback (1, 1), a
#           -wal file lies beside it, and every later sqlite3 is in WAL mode, so needs a folder that it may write to even for
#           reading. A checksum, a backup by time and a git status see a change. ALTER TABLE writes the statement anew, and the
#           comments at its columns, from which a model or a person learns what they mean, are gone for good.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pyturso==0.8.3
cd "$work"
venv/bin/python - <<'PY'
import hashlib
import pathlib
import sqlite3

import turso

path = pathlib.Path("file.db")
file = sqlite3.connect(path)
file.executescript("""
    CREATE TABLE sale (
        amount INTEGER, -- in cents, without tax
        shop TEXT /* the town */
    );
    INSERT INTO sale VALUES (950, 'Oslo');
""")
file.close()


def ask_sqlite(sql):
    connection = sqlite3.connect("file.db")
    found = connection.execute(sql).fetchone()[0]
    connection.close()
    return found


def state():
    head = path.read_bytes()
    return tuple(head[18:20]), hashlib.sha256(head).hexdigest()[:8], sorted(p.name for p in pathlib.Path().glob("file.db*"))


def read(connect):
    connection = connect("file.db")
    found = connection.execute("SELECT amount, shop FROM sale").fetchall()
    connection.close()
    assert [tuple(row) for row in found] == [(950, "Oslo")]
    print(connect.__module__, "read it:", *state())
    return state()


before = state()
print("before:", *before)
assert read(sqlite3.connect) == before and before[0] == (1, 1)
after = read(turso.connect)
assert after[0] == (2, 2) and after[1] != before[1] and "file.db-wal" in after[2], "this has changed"
assert ask_sqlite("PRAGMA journal_mode") == "wal", "this has changed"


def add_column(connect, name):
    connection = connect("file.db")
    connection.execute(f"ALTER TABLE sale ADD COLUMN {name} TEXT")
    connection.commit()
    connection.close()
    sql = ask_sqlite("SELECT sql FROM sqlite_master")
    print(connect.__module__, "added a column:", sql)
    return sql


assert "in cents" in add_column(sqlite3.connect, "a") and "the town" in add_column(sqlite3.connect, "b")
rewritten = add_column(turso.connect, "c")
assert "in cents" not in rewritten and "the town" not in rewritten, "this has changed"
PY
echo "as described"
