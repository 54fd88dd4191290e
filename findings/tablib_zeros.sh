#!/bin/sh
# tablib 3.10.0: a zero is an empty cell in export("jira") and export("latex"), and code 1e3 is 1000 in export("cli").
#
# Expected: a table that is exported for people shows the values of the data set, as export("csv") does; what export("sql") makes
#           of it runs in SQLite.
# Seen:     in Jira's and LaTeX's tables 0, 0.0 and False are blank, as None is: a stock of 0 looks as if nobody had counted. In
#           "cli" (by tabulate's default) the texts 1e3, 1,234.5 and 007 are taken for numbers and written 1000, 1234.5 and 7.
#           "sql" writes names as they are and dates as DATE '...', so that a column named order, a column with a blank in its
#           name, and any day are syntax errors. No error or warning from tablib.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'tablib[cli]==3.10.0' tabulate==0.10.0
cd "$work"
venv/bin/python - <<'PY'
import datetime
import sqlite3

import tablib


def export(values, style, header="value"):
    data = tablib.Dataset(headers=["k", header], title="stock")
    for value in values:
        data.append(["x", value])
    return data.export(style)


STOCK = [5, 0, 0.0, False, None]
lines = export(STOCK, "jira").splitlines()[1:]
print("jira:", lines)
assert lines == ["|x|5|"] + ["|x| |"] * 4, "this has changed"
lines = [line.strip() for line in export(STOCK, "latex").splitlines() if line.strip().startswith("x")]
print("latex:", lines)
assert [line.split("&")[1].strip(" \\") for line in lines] == ["5", "", "", "", ""], "this has changed"
assert export(STOCK, "csv").split() == ["k,value", "x,5", "x,0", "x,0.0", "x,False", "x,"]

words = [line.split()[-1] for line in export(["1e3", "1,234.5", "007"], "cli").splitlines()[-3:]]
print("cli:", words)
assert words == ["1000", "1234.5", "7"], "this has changed"

for value, header in ((1, "order"), (1, "in stock"), (datetime.date(2020, 1, 2), "day")):
    sql = export([value], "sql", header)
    try:
        sqlite3.connect(":memory:").executescript(f'CREATE TABLE stock (k, "{header}"); {sql}')
    except sqlite3.OperationalError as error:
        print(sql.strip(), "-", error)
    else:
        raise SystemExit("this has changed")
sqlite3.connect(":memory:").executescript(f'CREATE TABLE stock (k, value); {export([1], "sql")}')
PY
echo "as described"
