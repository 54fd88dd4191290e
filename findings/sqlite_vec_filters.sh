#!/bin/sh
# sqlite-vec 0.1.9 (SQLite 3.54.1, apsw 3.54.1.0): whether a filter is applied before or after `k = 3` depends on its spelling.
#
# Expected: the three nearest rows that fulfil the filter, nearest first; spellings that mean the same give the same rows.
# Seen:     `n <> 3` gives three rows, NOT n = 3 two. `flag = true` gives three, `flag` two. id IN (50, 60) gives both ids,
#           IN (50), `id = 50`, a join that says the same, and id > 50 none. On a partition key, IN (1, 2) gives three rows for
#           each value, so six; the text '1' finds no partition 1, where n = '3' finds the number.
#           With the cosine, a vector of zeros that was stored first is the nearest to everything. No error in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlite-vec==0.1.9 apsw==3.54.1.0
cd "$work"
venv/bin/python - <<'PY'
import apsw
import sqlite_vec

file = apsw.Connection(":memory:")
file.enable_load_extension(True)
file.load_extension(sqlite_vec.loadable_path())
print("SQLite", apsw.sqlite_lib_version(), "sqlite-vec", *file.execute("SELECT vec_version()").fetchone())
file.execute(
    "CREATE VIRTUAL TABLE point USING vec0(id INTEGER PRIMARY KEY, at FLOAT[2], part INTEGER PARTITION KEY, n INTEGER, flag BOOLEAN)"
)
for number in range(1, 101):
    row = (number, f"[{number}, 0]", number % 3, number % 7, number % 2)
    file.execute("INSERT INTO point VALUES (?, ?, ?, ?, ?)", row)
file.execute("CREATE TABLE wanted (id INTEGER PRIMARY KEY)")
file.execute("INSERT INTO wanted VALUES (50)")


def near(condition, table="point"):
    rows = file.execute(
        f"SELECT point.id, distance FROM {table} WHERE at MATCH '[10, 0]' AND k = 3 AND {condition} ORDER BY distance"
    ).fetchall()
    print(f"{condition:45}", rows)
    return [id for id, _ in rows]


def differ(first, second):
    assert len(first) == 3 and len(second) < 3, "this has changed"


differ(near("n <> 3"), near("NOT n = 3"))
differ(near("n > 4"), near("n + 0 > 4"))
differ(near("flag = true"), near("flag"))
assert near("point.id IN (50, 60)") == [50, 60], "this has changed"
assert near("point.id IN (50)") == near("point.id = 50") == near("point.id > 50") == [], "this has changed"
assert near("wanted.id = point.id", "point, wanted") == [], "this has changed"
assert len(near("part IN (1, 2)")) == 6, "this has changed"
assert len(near("part = 1")) == len(near("n = '3'")) == 3 and near("part = '1'") == [], "this has changed"

file.execute("CREATE VIRTUAL TABLE direction USING vec0(at FLOAT[2] distance_metric=cosine)")
for number, value in enumerate(("[0, 0]", "[1, 0]", "[0, 1]", "[1, 1]"), 1):
    file.execute("INSERT INTO direction(rowid, at) VALUES (?, ?)", (number, value))
found = file.execute("SELECT rowid, distance FROM direction WHERE at MATCH '[1, 0]' AND k = 1").fetchall()
print("nearest to [1, 0]:", found)
assert found == [(1, None)], "this has changed"
PY
echo "as described"
