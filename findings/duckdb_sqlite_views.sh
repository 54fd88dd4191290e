#!/bin/sh
# duckdb 1.5.5 with its sqlite_scanner 1.5.5: a view of an attached SQLite file answers otherwise than in SQLite.
#
# Expected: a view is defined in SQLite's SQL, so its rows are those that SQLite gives, as with a table.
# Seen:     DuckDB parses the view's text as its own SQL and runs that. Without a word, a/2 of two integers becomes 3.5,
#           LIKE tells capitals from small letters, max(a, 3) becomes a list of the three greatest values, [a] a list of
#           one, x'41' the text x41, NULLs are ranked last, and typeof() names a type that SQLite does not have. A view
#           that says `a IS 7` cannot be read at all.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-sqlite-scanner==1.5.5
cd "$work"
HOME="$work" venv/bin/python - <<'PY'
import sqlite3

import duckdb
from duckdb_extensions import import_extension

VIEWS = {
    "halves": "SELECT a / 2 FROM t",
    "likes": "SELECT b FROM t WHERE b LIKE 'a%'",
    "at_least": "SELECT max(a, 3) FROM t",
    "bracketed": "SELECT [a] FROM t",
    "bytes": "SELECT x'41' FROM t",
    "ranked": "SELECT a, row_number() OVER (ORDER BY a) FROM t",
    "kinds": "SELECT typeof(a) FROM t",
}
file = sqlite3.connect("file.db")
file.executescript("CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (7, 'Anna'), (NULL, 'bob');")
for name, text in VIEWS.items():
    file.execute(f"CREATE VIEW {name} AS {text}")
file.execute("CREATE VIEW sevens AS SELECT a IS 7 FROM t")
file.commit()
import_extension("sqlite_scanner")
duck = duckdb.connect()
duck.execute("LOAD sqlite_scanner; ATTACH 'file.db' AS s (TYPE sqlite)")
seen = {}
for name, text in VIEWS.items():
    there = file.execute(f"SELECT * FROM {name}").fetchall()
    seen[name] = duck.execute(f"SELECT * FROM s.{name}").fetchall()
    print(f"{text}: SQLite {there}, DuckDB {seen[name]}")
    assert sorted(map(repr, there)) != sorted(map(repr, seen[name])), "they agree: this has changed"
assert seen["halves"] == [(3.5,), (None,)] and seen["likes"] == [] and seen["bytes"] == [("x41",), ("x41",)]
assert seen["at_least"][0] == ([7],) and seen["bracketed"][0] == ([7],)
try:
    duck.execute("SELECT * FROM s.sevens")
except duckdb.Error as error:
    print("a IS 7:", str(error).splitlines()[0])
else:
    raise SystemExit("the view with IS can be read: this has changed")
PY
echo "as described"
