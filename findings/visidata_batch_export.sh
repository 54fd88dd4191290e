#!/bin/sh
# visidata 3.4: `vd -b` writes 0.0004 of a SQLite file as 0.00, and of a table `without rowid` no row, with exit status 0.
#
# Expected: vd -b file.db +:share:: -o share.csv writes the rows of the table; two decimals (disp_float_fmt) are how a
#           number is shown on the screen.
# Seen:     a REAL is cut to two decimals in CSV and TSV, too; JSON and SQLite keep it, and so does CSV
#           where the column has no type. A table `without rowid`, in small letters, is asked for its rowid, which it has not,
#           so the file has a head alone; in capitals, checked here as well, it has its rows. In a DATE column 20200104 is
#           1970-08-22, the hour is gone, and 02/01/2020 the first of February. A text in an INTEGER column is "#ERR" in JSON.
#           Saved as SQLite, a sum (a column without a type) becomes text, of which '950' is the greatest.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q visidata==3.4
cd "$work"
export HOME="$work"
venv/bin/python - <<'PY'
import csv
import json
import pathlib
import sqlite3
import subprocess

file = sqlite3.connect("file.db")
file.executescript("""
    CREATE TABLE share (id INTEGER PRIMARY KEY, part REAL, day DATE, n INTEGER, free);
    INSERT INTO share VALUES (1, 0.0004, '2020-01-02 10:30', 5, 0.0004), (2, 0.12345, 20200104, 'n/a', 7),
                             (3, 2.675, '02/01/2020', 6, 1);
    CREATE TABLE per_shop AS SELECT id AS shop, CASE id WHEN 1 THEN 950 ELSE 1450 END + 0 AS total FROM share;
    CREATE TABLE code (code TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;
    INSERT INTO code VALUES ('a', 1), ('b', 2);
    create table kind (code text primary key, n integer) without rowid;
    insert into kind select * from code;
""")
file.close()


def export(table, kind):
    done = subprocess.run(
        ["venv/bin/vd", "-b", "file.db", f"+:{table}::", "-o", f"{table}.{kind}"], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, "the exit status has changed"
    return f"{table}.{kind}"


rows = list(csv.reader(pathlib.Path(export("share", "csv")).read_text().splitlines()))
print(*rows, sep="\n")
assert [row[1] for row in rows[1:]] == ["0.00", "0.12", "2.67"], "this has changed"
assert rows[1][4] == "0.0004"
assert [row[2] for row in rows[1:]] == ["2020-01-02", "1970-08-22", "2020-02-01"], "this has changed"
records = json.loads(pathlib.Path(export("share", "json")).read_text())
print(*records, sep="\n")
assert [record["part"] for record in records] == [0.0004, 0.12345, 2.675]
assert records[1]["n"] == "#ERR", "this has changed"
for table, right in (("code", ["code,n", "a,1", "b,2"]), ("kind", ["code,n"])):
    lines = pathlib.Path(export(table, "csv")).read_text().split()
    print(table, lines)
    assert lines == right, "this has changed"
copy = sqlite3.connect(export("per_shop", "sqlite"))
found = copy.execute("SELECT max(total), typeof(max(total)), count(*) FROM per_shop").fetchall()
print("greatest total:", found)
assert found == [("950", "text", 3)], "this has changed"
PY
echo "as described"
