#!/bin/sh
# sqlite-utils 4.2.1: transform() to rename one column changes the values of the others.
#
# Expected: table.transform(rename={"n": "note"}) rebuilds the table with that column renamed; what was not named keeps its
#           values, as it keeps its CHECKs, STRICT and AUTOINCREMENT in this version.
# Seen:     every column is declared anew from a Python type. A column without a type becomes TEXT, so max(amount) of 9 and
#           10 is '9'. BOOLEAN, DATE, TIMESTAMP, NUMERIC and DECIMAL become REAL: 1 is 1.0, the year 2020 is 2020.0, and a
#           stamp in nanoseconds loses its last digits for good. COLLATE NOCASE is dropped, so a count by code halves. A
#           generated column is dropped with its values; WITHOUT ROWID too. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlite-utils==4.2.1 typing_extensions==4.16.0
cd "$work"
venv/bin/python - <<'PY'
import sqlite_utils

db = sqlite_utils.Database(memory=True)
db.conn.executescript("""
    CREATE TABLE t (id INTEGER PRIMARY KEY, amount, paid BOOLEAN, year DATE, at TIMESTAMP, code TEXT COLLATE NOCASE,
                    doubled INTEGER AS (amount * 2), n TEXT);
    INSERT INTO t (amount, paid, year, at, code) VALUES (9, 1, 2020, 1700000000000000001, 'a'), (10, 0, 2021, 5, 'A');
    CREATE TABLE k (code TEXT PRIMARY KEY, n TEXT) WITHOUT ROWID;
""")
ASKED = {
    "max(amount)": (10, "9"),
    "typeof(amount)": ("integer", "text"),
    "group_concat(paid)": ("1,0", "1.0,0.0"),
    "group_concat(year)": ("2020,2021", "2020.0,2021.0"),
    "CAST(max(at) AS INTEGER)": (1700000000000000001, 1700000000000000000),
    "sum(code = 'A')": (2, 1),
}


def ask():
    return [db.execute(f"SELECT {what} FROM t").fetchone()[0] for what in ASKED]


before = ask()
db["t"].transform(rename={"n": "note"})
db["k"].transform(rename={"n": "note"})
after = ask()
for what, *seen in zip(ASKED, before, after):
    print(f"{what}: {seen[0]!r} -> {seen[1]!r}")
    assert tuple(seen) == ASKED[what], "this has changed"
print(db["t"].schema)
assert "doubled" not in db["t"].schema and "WITHOUT" not in db["k"].schema, "this has changed"
PY
echo "as described"
