#!/bin/sh
# connectorx 0.4.6: partition_on leaves rows out, also with a single partition, and with LIMIT all of them.
#
# Expected: read_sql(query, partition_on="x") gives the rows of the query, read in parallel (polars hands the argument
#           through: read_database_uri). NULLs are rows; bounds of a REAL column are rounded outwards.
# Seen:     rows with NULL in that column are gone, also with partition_num=1. The least value of a REAL column is cut
#           towards zero, so -2.5 falls below the first bound, -2, and is gone. Of the three highest ids (ORDER BY id DESC
#           LIMIT 3) none is left, as if the bounds were those of the lowest three.
#           No warning, no error.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q connectorx==0.4.6 polars==2.1.0 pyarrow==26.0.1
cd "$work"
venv/bin/python - <<'PY'
import sqlite3

import connectorx
import polars

file = sqlite3.connect("file.db")
file.execute("CREATE TABLE t (id INTEGER, x REAL)")
file.executemany("INSERT INTO t VALUES (?, ?)", [(number, number - 2.5) for number in range(10)] + [(None, 7.25)])
file.commit()


def read(sql, **partition):
    table = connectorx.read_sql("sqlite://file.db", sql, return_type="arrow", **partition)
    rows = [tuple(row.values()) for row in table.to_pylist()]
    print(len(rows), "rows:", sql, partition or "")
    return rows


assert len(read("SELECT id, x FROM t")) == 11
for parts in (1, 2):
    by_id = read("SELECT id, x FROM t", partition_on="id", partition_num=parts)
    by_x = read("SELECT id, x FROM t", partition_on="x", partition_num=parts)
    assert len(by_id) == 10 and (None, 7.25) not in by_id, "this has changed"
    assert len(by_x) == 10 and (0, -2.5) not in by_x, "this has changed"
    last = "SELECT id FROM t WHERE id IS NOT NULL ORDER BY id DESC LIMIT 3"
    assert read(last) == [(9,), (8,), (7,)]
    assert read(last, partition_on="id", partition_num=parts) == [], "this has changed"
through = polars.read_database_uri("SELECT id, x FROM t", "sqlite://file.db", partition_on="x", partition_num=2)
print("through polars:", through.shape)
assert through.shape == (10, 2), "this has changed"
PY
echo "as described"
