#!/bin/sh
# csvs-to-sqlite 1.3.1 with pandas 3.1.1: one empty cell, and --extract-column makes one customer of ten.
#
# Expected: -c customer moves the values of a column into a table of their own, each of them once, and puts its id in their
#           place; --shape "zip:zip(TEXT)" stores what stands in the column as text.
# Seen:     an empty cell anywhere makes the column of numbers one of floats, and each goes into the table as "{:g}", with six
#           digits: 1234567 and 1234568 both are '1.23457e+06', so their sales belong to one customer, whose number is nowhere
#           in the file; totals by customer are wrong and add up. Without the empty cell the same column is right. (TEXT)
#           comes after the guess: 01234 is '1234', and with one empty cell below, the column is INTEGER in spite of it.
#           --just-strings keeps the zeros, and makes NULL of the texts NA, null and None. No warning, exit status 0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q csvs-to-sqlite==1.3.1 pandas==3.1.1 numpy==2.4.6 setuptools==80.9.0
cd "$work"
venv/bin/python - <<'PY'
import csv
import sqlite3
import subprocess

NUMBERS = range(1234500, 1234600)


def load(name, rows, *options):
    with open(f"{name}.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    done = subprocess.run(["venv/bin/csvs-to-sqlite", f"{name}.csv", f"{name}.db", *options], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, f"this has changed: {done.stderr}"
    return sqlite3.connect(f"{name}.db")


rows = [["customer", "amount"], *([number, 10] for number in NUMBERS)]
whole = load("whole", rows, "-c", "customer").execute("SELECT count(*), min(value), max(value) FROM customer").fetchone()
print("customers:", whole)
assert whole == (100, "1234500", "1234599")

file = load("gap", [*rows, ["", 10]], "-c", "customer")
found = file.execute(
    "SELECT value, count(*), sum(amount) FROM gap LEFT JOIN customer ON customer.id = gap.customer GROUP BY 1 ORDER BY 1"
).fetchall()
print("with one empty cell:", *found, sep="\n  ")
values = [row[0] for row in found]
assert len(values) < 15 and "1.23457e+06" in values, "this has changed"
assert sum(row[2] for row in found) == 1010

codes = [["zip", "code"], ["01234", "NA"], ["02134", "null"], ["10115", "None"], ["20095", "x"]]
shape = ("--shape", "zip:zip(TEXT),code")
for name, cells, options, right in (
    ("typed", codes, shape, ["1234", "2134", "10115", "20095"]),
    ("typed_gap", [*codes, ["", "x"]], shape, [1234, 2134, 10115, 20095, None]),
    ("strings", codes, ("--just-strings",), ["01234", "02134", "10115", "20095"]),
):
    got = load(name, cells, *options).execute(f"SELECT zip, code FROM {name} ORDER BY rowid").fetchall()
    print(f"{name:10}", got)
    assert [row[0] for row in got] == right, "this has changed"
    assert [row[1] for row in got[:4]] == [None, None, None, "x"], "this has changed"
PY
echo "as described"
