#!/bin/sh
# sqlite-utils 4.2.1: two keys of twenty digits become one number when a CSV file is imported.
#
# Expected: since version 4 `insert --csv` finds types by itself; a column is INTEGER where that keeps what stands in the
#           file, and TEXT otherwise.
# Seen:     12345678901234567890 and ...891 are "integers", do not fit, and are both stored as 1.2345678901234567e+19; the
#           account numbers 007 and 012 become 7 and 12, 12e4 and 5e10 become 120000.0 and 50000000000.0. What Python reads
#           as a number and SQLite does not, 1_000 or the digits of another script, makes a column declared INTEGER
#           that holds texts, so that its sum is 1. `nan` in a REAL column is a text, too, and greater than every number.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlite-utils==4.2.1 typing_extensions==4.16.0
cd "$work"
printf 'big,account,part,count,level\n12345678901234567890,007,12e4,1_000,nan\n12345678901234567891,012,5e10,٣,2.5\n' >in.csv
venv/bin/sqlite-utils insert file.db t in.csv --csv >/dev/null
venv/bin/python - <<'PY'
import sqlite3

file = sqlite3.connect("file.db")
print(file.execute("SELECT sql FROM sqlite_master").fetchone()[0])
rows = file.execute("SELECT * FROM t").fetchall()
print(*rows, sep="\n")
assert [row[0] for row in rows] == [1.2345678901234567e19] * 2, "this has changed"
assert file.execute("SELECT count(DISTINCT big) FROM t").fetchone() == (1,), "this has changed"
assert [row[1:3] for row in rows] == [(7, 120000.0), (12, 5e10)], "this has changed"
assert [row[3] for row in rows] == ["1_000", "٣"], "this has changed"
assert file.execute("SELECT sum(count), max(level) FROM t").fetchone() == (1, "nan"), "this has changed"
types = [row[2] for row in file.execute("PRAGMA table_info(t)")]
assert types == ["INTEGER", "INTEGER", "REAL", "INTEGER", "REAL"], "this has changed"
PY
echo "as described"
