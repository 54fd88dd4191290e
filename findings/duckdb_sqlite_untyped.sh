#!/bin/sh
# duckdb 1.5.5 with its sqlite_scanner 1.5.5: a sum that SQLite stored is read as bytes, and TIMESTAMPTZ without its offset.
#
# Expected: a number in an attached SQLite file is read as a number, whatever its column is declared; a column TIMESTAMPTZ is
#           read as DuckDB casts the same text to TIMESTAMPTZ: '2020-01-02 10:00:00+02:00' is eight o'clock in UTC.
# Seen:     a column without a type, as CREATE TABLE AS SELECT sum(amount) AS total makes it in SQLite, is a BLOB of the digits:
#           of the totals 950 and 1450, max(total) and ORDER BY take b'950' for the greater, and only sum(total) is
#           refused. TIMESTAMPTZ becomes TIMESTAMP at ten o'clock, so one moment written with +02:00 and with Z is two, and
#           the earlier of two events is the later one. SQLite's own max() and datetime() are right on both.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-sqlite-scanner==1.5.5
cd "$work"
venv/bin/python - <<'PY'
import datetime
import sqlite3

import duckdb
import duckdb_extensions

file = sqlite3.connect("file.db")
file.executescript("""
CREATE TABLE event (id INTEGER PRIMARY KEY, moment TIMESTAMPTZ);
INSERT INTO event VALUES (1, '2020-01-02 10:00:00+02:00'), (2, '2020-01-02 08:00:00Z'), (3, '2020-01-02 09:00:00Z');
CREATE TABLE sale (shop INTEGER, amount INTEGER);
INSERT INTO sale VALUES (1, 950), (2, 700), (2, 750);
CREATE TABLE per_shop AS SELECT shop, sum(amount) AS total FROM sale GROUP BY shop;
""")
print("SQLite:", *file.execute("SELECT datetime(moment) FROM event UNION ALL SELECT max(total) FROM per_shop"))
file.close()

duckdb_extensions.import_extension("sqlite_scanner")
duck = duckdb.connect()
duck.execute("LOAD sqlite_scanner; ATTACH 'file.db' AS s (TYPE sqlite)")


def ask(sql):
    rows = duck.execute(sql).fetchall()
    print(f"{sql:80} {rows}")
    return rows


TEN, EIGHT, NINE = (datetime.datetime(2020, 1, 2, hour) for hour in (10, 8, 9))
same = "epoch(CAST('2020-01-02 10:00:00+02:00' AS TIMESTAMPTZ)) = epoch(TIMESTAMP '2020-01-02 08:00:00')"
assert ask(f"SELECT {same}") == [(True,)]
assert ask("SELECT moment FROM s.event ORDER BY id") == [(TEN,), (EIGHT,), (NINE,)], "this has changed"
assert ask("SELECT id, typeof(moment) FROM s.event ORDER BY moment DESC LIMIT 1") == [(1, "TIMESTAMP")], "this has changed"
assert ask("SELECT shop, total, typeof(total) FROM s.per_shop ORDER BY total DESC") == [
    (1, b"950", "BLOB"),
    (2, b"1450", "BLOB"),
], "this has changed"
assert ask("SELECT max(total) FROM s.per_shop") == [(b"950",)], "this has changed"
try:
    ask("SELECT sum(total) FROM s.per_shop")
except duckdb.Error as error:
    print("sum(total) is refused:", str(error).splitlines()[0])
else:
    raise SystemExit("it is added: this has changed")
PY
echo "as described"
