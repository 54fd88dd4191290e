#!/bin/sh
# polars 2.1.0: read_database() on a sqlite3 connection cuts the fraction off numbers that come after row 100.
#
# Expected: a column that holds 1 a hundred times and then 2.5 comes back as floats, or raises, as the text 'abc' does there.
# Seen:     an Int64 column whose last value is 2, without a word: types are taken from the first 100 rows
#           (infer_schema_length), and what follows is cast to them. The text '12' comes back as the number 12, too. With
#           infer_schema_length=None the column is Float64 and right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q polars==2.1.0
cd "$work"
venv/bin/python - <<'PY'
import sqlite3

import polars

file = sqlite3.connect(":memory:")
file.execute("CREATE TABLE paid (amount NUMERIC)")
file.executemany("INSERT INTO paid VALUES (?)", [(1,)] * 100 + [(2.5,), (-0.99,)])
print("SQLite:", file.execute("SELECT sum(amount) FROM paid").fetchone()[0])
read = polars.read_database("SELECT amount FROM paid", file)["amount"]
print("polars:", read.sum(), read.dtype, read.to_list()[-2:])
assert read.dtype == polars.Int64 and read.to_list()[-2:] == [2, 0], "this has changed"
whole = polars.read_database("SELECT amount FROM paid", file, infer_schema_length=None)["amount"]
print("polars, all rows inferred from:", whole.sum(), whole.dtype, whole.to_list()[-2:])
assert whole.to_list()[-2:] == [2.5, -0.99], "this has changed"
file.execute("CREATE TABLE codes (code)")
file.executemany("INSERT INTO codes VALUES (?)", [(1,)] * 100 + [("012",)])
codes = polars.read_database("SELECT code FROM codes", file)["code"]
print("the text '012':", repr(codes.to_list()[-1]))
assert codes.to_list()[-1] == 12, "this has changed"
PY
echo "as described"
