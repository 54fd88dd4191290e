#!/bin/sh
# adbc-driver-sqlite 1.13.0: numbers of a column that holds a text, too, keep seven digits at most.
#
# Expected: where integers, reals and texts share a column, it comes back as texts that say what SQLite says of each
#           value: '2.123456789', '123456789'.
# Seen:     '2.123457e+00', and an integer that stands before a real becomes '1.234568e+08': printf's %e, without a word.
#           It depends on the place of the row: behind the 1024 rows that the type is taken from, the same real comes back
#           in full ('2.123456789').
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q adbc-driver-sqlite==1.13.0 adbc-driver-manager==1.13.0 pyarrow==26.0.1
cd "$work"
venv/bin/python - <<'PY'
import sqlite3

from adbc_driver_sqlite import dbapi


def read(*values):
    file = sqlite3.connect("file.db")
    file.executescript("DROP TABLE IF EXISTS t; CREATE TABLE t (x);")
    file.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
    file.commit()
    print("SQLite:", [text for (text,) in file.execute("SELECT CAST(x AS TEXT) FROM t")][-3:])
    file.close()
    with dbapi.connect("file.db") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT x FROM t")
        seen = cursor.fetch_arrow_table()["x"].to_pylist()
    print("ADBC:  ", seen[-3:])
    return seen[-3:]


assert read(123456789, 2.123456789, "none") == ["1.234568e+08", "2.123457e+00", "none"], "this has changed"
assert read("none", 123456789, 2.123456789) == ["none", "123456789", "2.123457e+00"], "this has changed"
late = read(*["none"] * 1024, 123456789, 2.123456789)
assert late == ["none", "123456789", "2.123456789"], "this has changed"
PY
echo "as described"
