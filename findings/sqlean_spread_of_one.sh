#!/bin/sh
# sqlean.py 3.50.4.5: its `stats` extension says that what was measured once, or never, has a spread of 0.
#
# Expected: stddev_samp() and var_samp() of one value, or of none, are NULL, as in PostgreSQL, DuckDB and SQL's standard, whose
#           names these are (and as median() beside them is for none); a text is no measurement. generate_series(5, 1, -2)
#           is 5, 3, 1, as with SQLite's own extension of that name.
# Seen:     all of them are 0.0, so that of three sensors the one with a single reading, and the one whose readings are all
#           NULL, come first when they are ordered by how steady they are. 'n/a' counts as 0: of 20, 22 and 'n/a' the
#           standard deviation is 12.2 in place of 1.4, where median() refuses the text. The series is empty. DuckDB 1.5.5
#           gives NULL for one and for none.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlean.py==3.50.4.5 duckdb==1.5.5
cd "$work"
venv/bin/python - <<'PY'
import duckdb
import sqlean

sqlean.extensions.enable_all()
file = sqlean.connect(":memory:")
duck = duckdb.connect()
print("sqlean", *file.execute("SELECT sqlean_version()").fetchone(), "DuckDB", duckdb.__version__)
rows = [("noisy", 20.0), ("noisy", 25.5), ("once", 21.0), ("silent", None), ("silent", None)]
for place in (file, duck):
    place.execute("CREATE TABLE reading (sensor TEXT, celsius DOUBLE)")
    place.executemany("INSERT INTO reading VALUES (?, ?)", rows)

STEADY = "SELECT sensor, round(stddev_samp(celsius), 2) AS spread FROM reading GROUP BY sensor ORDER BY spread, sensor"
print("sqlean:", found := file.execute(STEADY).fetchall())
print("DuckDB:", right := duck.execute(STEADY).fetchall())
assert right == [("noisy", 3.89), ("once", None), ("silent", None)]
assert found == [("once", 0.0), ("silent", 0.0), ("noisy", 3.89)], "this has changed"
for name in ("stddev", "stddev_samp", "var_samp", "variance"):
    for values in ("SELECT 5 AS x", "SELECT 5 AS x WHERE 0", "SELECT NULL AS x"):
        assert file.execute(f"SELECT {name}(x) FROM ({values})").fetchone() == (0.0,), "this has changed"
assert file.execute("SELECT median(x) FROM (SELECT 5 AS x WHERE 0)").fetchone() == (None,)

MIXED = "(SELECT 20 AS x UNION ALL SELECT 22 UNION ALL SELECT 'n/a')"
[(spread,)] = file.execute(f"SELECT stddev(x) FROM {MIXED}").fetchall()
print("stddev of 20, 22, 'n/a':", spread)
assert 12.1 < spread < 12.2, "this has changed"
try:
    file.execute(f"SELECT median(x) FROM {MIXED}").fetchall()
except sqlean.OperationalError as error:
    print("median of them is refused:", error)
else:
    raise SystemExit("it is taken: this has changed")

assert file.execute("SELECT value FROM generate_series(1, 5, 2)").fetchall() == [(1,), (3,), (5,)]
assert file.execute("SELECT value FROM generate_series(5, 1, -2)").fetchall() == [], "this has changed"
PY
echo "as described"
