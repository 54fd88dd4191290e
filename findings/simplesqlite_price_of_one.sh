#!/bin/sh
# SimpleSQLite 1.5.4 and sqlitebiter 0.36.3 (DataProperty 1.1.1): the price "1.234,50" is stored as 1, "2,50" as 250.
#
# Expected: texts that a program hands over as Python's str are stored as they are; where types are guessed, from a CSV file, a
#           price written the European way is a text, and so are 01234 and what stands beside AB1 in a column.
# Seen:     every text that can be made a number is one, cell by cell: commas are taken out first, so 1.234,50 is 1.23450, which
#           in a column of integers (250, 1000) is cut to 1. 1_000 is 1000, the telephone number +49... loses its plus, 01234 its
#           zero. In a column that is TEXT all the same, for AB1, 007 beside it is '7' and 1e2 '100', so keys that differ are one.
#           The name NaN is NULL, from sqlitebiter 'None'. insert_many() into the same table keeps the texts: one column has 250
#           and '2,50'. No warning; sqlitebiter --no-type-inference keeps all.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q SimpleSQLite==1.5.4 sqlitebiter==0.36.3 DataProperty==1.1.1 typepy==1.3.5 tabledata==1.3.5 pytablereader==0.31.4
cd "$work"
venv/bin/python - <<'PY'
import csv
import sqlite3
import subprocess

import simplesqlite

HEAD = ["zip", "phone", "price", "part", "code", "name"]
ROWS = [
    ["01234", "+4930123456", "2,50", "1_000", "007", "NaN"],
    ["02134", "+4930123457", "10,00", "2", "AB1", "x"],
    ["00501", "+4930123458", "1.234,50", "3", "1e2", "y"],
]
READ = [
    (1234, 4930123456, 250, 1000, "7", None),
    (2134, 4930123457, 1000, 2, "AB1", "x"),
    (501, 4930123458, 1, 3, "100", "y"),
]
base = simplesqlite.SimpleSQLite("file.db", "w")
base.create_table_from_data_matrix("sale", HEAD, ROWS)
base.insert_many("sale", [dict(zip(HEAD, ROWS[0]))])
base.close()
file = sqlite3.connect("file.db")
[(made,)] = file.execute("SELECT sql FROM sqlite_master").fetchall()
found = file.execute("SELECT * FROM sale").fetchall()
print(made, *found, sep="\n")
assert "price INTEGER" in made and "code TEXT" in made, "this has changed"
assert found[:2] == READ[:2] and found[2] == READ[2], "this has changed"
assert found[3] == (1234, 4930123456, "2,50", "1_000", "007", "NaN"), "this has changed"

with open("sale.csv", "w", newline="") as held:
    csv.writer(held).writerows([HEAD, *ROWS])
GUESSED = [(*READ[0][:5], "None"), *READ[1:]]
for options, right in ((), GUESSED), (("--no-type-inference",), [tuple(row) for row in ROWS]):
    subprocess.run(["venv/bin/sqlitebiter", *options, "-q", "-o", "out.db", "file", "sale.csv"], check=True)
    rows = sqlite3.connect("out.db").execute("SELECT * FROM sale").fetchall()
    print("sqlitebiter", *options, *rows, sep="\n")
    assert rows == right, "this has changed"
PY
echo "as described"
