#!/bin/sh
# duckdb 1.5.5 with its sqlite_scanner 1.5.5: a Julian day number in a DATE column is read as seconds since 1970.
#
# Expected: SQLite's documented forms of a date are text, a REAL Julian day number, and an INTEGER of seconds since 1970;
#           a REAL in a DATE column is a day number, as it is for SQLite's own date(), or is refused.
# Seen:     2458849.5 (1 January 2020) is read as 29 January 1970, and the year 2020 typed as a number as 1 January 1970,
#           without a word. A generated column is missing: neither DESCRIBE nor SELECT * shows that the table has it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-sqlite-scanner==1.5.5
cd "$work"
HOME="$work" venv/bin/python - <<'PY'
import datetime
import sqlite3

import duckdb
from duckdb_extensions import import_extension

file = sqlite3.connect("file.db")
file.executescript("""
    CREATE TABLE days (day DATE);
    INSERT INTO days VALUES (julianday('2020-01-01')), (2020), ('2020-01-01');
    CREATE TABLE lines (price REAL, pieces INTEGER, total REAL GENERATED ALWAYS AS (price * pieces) STORED);
    INSERT INTO lines (price, pieces) VALUES (2.5, 4);
""")
print("SQLite:", file.execute("SELECT day, typeof(day), date(day) FROM days").fetchall())
import_extension("sqlite_scanner")
duck = duckdb.connect()
duck.execute("LOAD sqlite_scanner; ATTACH 'file.db' AS s (TYPE sqlite)")
days = [day for (day,) in duck.execute("SELECT day FROM s.days").fetchall()]
print("DuckDB:", *days)
date = datetime.date
assert days == [date(1970, 1, 29), date(1970, 1, 1), date(2020, 1, 1)], "this has changed"
print("SQLite:", file.execute("SELECT * FROM lines").fetchall())
lines = duck.execute("SELECT * FROM s.lines").fetchall()
named = [row[0] for row in duck.execute("DESCRIBE s.lines").fetchall()]
print("DuckDB:", lines, named)
assert lines == [(2.5, 4)] and named == ["price", "pieces"], "this has changed"
PY
echo "as described"
