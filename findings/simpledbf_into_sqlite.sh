#!/bin/sh
# simpledbf 0.2.6: a stock that nobody counted counts as 0 in SQLite's averages, and True is false.
#
# Expected: Dbf5(...).to_textsql() writes a CSV file and the SQL that "works" with sqlite3 to load it: an empty number is NULL or
#           nothing, a logical column 1 and 0 in its INTEGER column. Dbf5 reads T, t, Y and y as true, as dBase does.
# Seen:     an empty number is the text nan, whatever na= says: avg() of 5, 7 and an empty one is 4 instead of 6, max() is
#           'nan', IS NULL finds none. True is the text 'True', so WHERE ok finds no row and sum(ok) is 0. An empty date is ''.
#           Y is read as missing (the code says b'TyTt'), while y, N and n are known. to_csv() leaves quotation marks as they are:
#           `tea, "green"` is read back as `tea, green""`. No error and no warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q simpledbf==0.2.6 dbf==0.99.11 pandas==3.1.1 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PY'
import csv
import datetime
import pathlib
import sqlite3

import dbf
import simpledbf

table = dbf.Table("stock.dbf", "name C(20); stock N(8,0); day D; ok L", dbf_type="db3")
table.open(dbf.READ_WRITE)
DAY = datetime.date(2020, 1, 2)
for row in (('tea, "green"', 5, DAY, True), ("pen", None, None, False), ("ink", 7, DAY, True)):
    table.append(row)
table.close()

simpledbf.Dbf5("stock.dbf").to_csv("plain.csv")
[_, first, *_] = csv.reader(pathlib.Path("plain.csv").open())
print("to_csv():", first)
assert first[0] == 'tea, green""', "this has changed"

simpledbf.Dbf5("stock.dbf").to_textsql("stock.sql", "stock.csv", na="")
print(pathlib.Path("stock.sql").read_text(), pathlib.Path("stock.csv").read_text(), sep="\n")


def load(file):
    # what the sqlite3 program does with the two lines at the end of stock.sql: values of a CSV file are texts
    statements = pathlib.Path("stock.sql").read_text().partition(".mode")[0]
    file.executescript(statements)
    file.executemany("INSERT INTO stock VALUES (?, ?, ?, ?)", csv.reader(pathlib.Path("stock.csv").open()))
    return file


file = load(sqlite3.connect(":memory:"))


def ask(sql):
    rows = file.execute(sql).fetchall()
    print(f"{sql:80} {rows}")
    return rows


assert ask("SELECT avg(stock), max(stock), sum(stock IS NULL) FROM stock") == [(4.0, "nan", 0)], "this has changed"
assert ask("SELECT count(*) FROM stock WHERE ok") == [(0,)], "this has changed"
assert ask("SELECT sum(ok), min(ok), max(ok) FROM stock") == [(0.0, "False", "True")], "this has changed"
assert ask("SELECT count(*) FROM stock WHERE day IS NULL") == [(0,)], "this has changed"
assert ask('SELECT count(*) FROM stock WHERE name = \'tea, "green"\'') == [(1,)]

held = pathlib.Path("stock.dbf").read_bytes()
for true in b"T", b"t", b"y", b"Y":
    pathlib.Path("other.dbf").write_bytes(held.replace(b"20200102T", b"20200102" + true))
    [read, *_] = simpledbf.Dbf5("other.dbf").to_dataframe()["OK"]
    print(true, "is read as", read)
    assert (read is True) == (true != b"Y"), "this has changed"
    assert [record.ok for record in dbf.Table("other.dbf").open()] == [True, False, True]
PY
echo "as described"
