#!/bin/sh
# duckdb 1.5.5 with its sqlite_scanner 1.5.5: the sum of a column of integers is written to SQLite as a text.
#
# Expected: CREATE TABLE s.per_shop AS SELECT shop, sum(amount) AS total in an attached SQLite file makes a column of
#           numbers: SQLite has integers and reals, and these fit.
# Seen:     DuckDB's sum() of integers is a HUGEINT, its 2.5 a DECIMAL, and both become VARCHAR, as 18.50 of a DECIMAL(9,2)
#           does: '950'. In SQLite, max(total) of 50 to 1450 is then '950', ORDER BY total puts 950 above 1450, and of
#           19 totals above 500, WHERE total > 500 finds 9, while sum(total) is right and hides it all. count(*) and avg()
#           beside it are numbers. NaN becomes NULL. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-sqlite-scanner==1.5.5
cd "$work"
venv/bin/python - <<'PY'
import sqlite3

import duckdb
import duckdb_extensions

duckdb_extensions.import_extension("sqlite_scanner")
duck = duckdb.connect()
duck.execute("LOAD sqlite_scanner; ATTACH 'file.db' AS s (TYPE sqlite)")
duck.execute("CREATE TABLE sale AS SELECT shop, 10 * part AS amount, part::DECIMAL(9,2) AS price FROM range(1, 30) a(shop), \
    (VALUES (1), (4)) b(part), range(shop) c")
totals = "SELECT shop, sum(amount) AS total, sum(price) AS price, 2.5 AS rate, count(*) AS n, avg(amount) AS mean FROM sale GROUP BY shop"
duck.execute(f"CREATE TABLE s.per_shop AS {totals}")
print("DuckDB:", duck.execute(f"SELECT max(total), count(*) FILTER (total > 500) FROM ({totals})").fetchone())

file = sqlite3.connect("file.db")
[(created,)] = file.execute("SELECT sql FROM sqlite_master").fetchall()
print(created)
for name, kind in (("total", "VARCHAR"), ("price", "VARCHAR"), ("rate", "VARCHAR"), ("n", "BIGINT"), ("mean", "DOUBLE")):
    assert f"{name} {kind}" in created, "this has changed"


def ask(sql):
    rows = file.execute(sql).fetchall()
    print(f"{sql:70} {rows}")
    return rows


assert ask("SELECT max(total), sum(total), max(CAST(total AS INTEGER)) FROM per_shop") == [("950", 21750, 1450)], "this has changed"
assert ask("SELECT count(*) FROM per_shop WHERE total > 500") == [(9,)], "this has changed"
assert ask("SELECT count(*) FROM per_shop WHERE CAST(total AS INTEGER) > 500") == [(19,)]
assert ask("SELECT shop, total FROM per_shop ORDER BY total DESC LIMIT 2") == [(19, "950"), (18, "900")], "this has changed"
duck.execute("CREATE TABLE s.empty AS SELECT 'nan'::DOUBLE AS x")
assert ask("SELECT typeof(x) FROM empty") == [("null",)], "this has changed"
PY
echo "as described"
