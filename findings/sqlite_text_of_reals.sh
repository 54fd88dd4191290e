#!/bin/sh
# SQLite 3.51.1 (pysqlite3-binary 0.5.4.post2) and SQLite 3.54.0 (apsw 3.54.0.0): one file, two texts of a real number.
#
# Expected: a file is the same to every version of SQLite 3; a conversion to text that goes into an index, a stored
#           generated column or a CHECK is deterministic.
# Seen:     3.54 writes 17 digits where 3.51 wrote 15: CAST(0.1 + 0.2 AS TEXT) is '0.30000000000000004', was '0.3', and
#           CAST(1e15 AS TEXT) '1000000000000000.0', was '1.0e+15'. A file of the older version that has an index on such
#           an expression answers by the plan that is taken: with the index, '0.3' is there, without it, not. A join of
#           the table with itself over that text finds one row of four. `label = 'no ' || x` is false for stored labels,
#           and integrity_check reports missing rows and failed CHECKs in a file that nothing has harmed. REINDEX helps
#           the index, not the stored column.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pysqlite3-binary==0.5.4.post2 apsw==3.54.0.0
cd "$work"
venv/bin/python - <<'PY'
import apsw
from pysqlite3 import dbapi2 as older

assert (older.sqlite_version, apsw.sqlite_lib_version()) == ("3.51.1", "3.54.0")
old = older.connect("file.db")
old.executescript("""
    CREATE TABLE t (id INTEGER PRIMARY KEY, x REAL, label TEXT AS ('no ' || x) STORED, CHECK (label = 'no ' || x));
    CREATE INDEX by_text ON t (CAST(x AS TEXT));
    INSERT INTO t (x) VALUES (0.1 + 0.2), (1e15), (2.5), (100.0 / 3);
""")
new = apsw.Connection("file.db")


def both(sql):
    rows = old.execute(sql).fetchall(), new.execute(sql).fetchall()
    print(sql, *rows, sep="\n    ")
    return rows


texts = both("SELECT CAST(x AS TEXT) FROM t NOT INDEXED ORDER BY id")
assert texts[0] == [("0.3",), ("1.0e+15",), ("2.5",), ("33.3333333333333",)], "this has changed"
assert texts[1] == [("0.30000000000000004",), ("1000000000000000.0",), ("2.5",), ("33.333333333333336",)], "this has changed"
by_index = both("SELECT count(*) FROM t WHERE CAST(x AS TEXT) = '0.3'")
by_rows = both("SELECT count(*) FROM t NOT INDEXED WHERE CAST(x AS TEXT) = '0.3'")
assert (by_index, by_rows) == (([(1,)], [(1,)]), ([(1,)], [(0,)])), "this has changed"
joined = both("SELECT a.id FROM t AS a JOIN t AS b ON CAST(a.x AS TEXT) = CAST(b.x AS TEXT) ORDER BY 1")
assert joined == ([(1,), (2,), (3,), (4,)], [(3,)]), "this has changed"
assert both("SELECT count(*) FROM t WHERE label = 'no ' || x") == ([(4,)], [(1,)]), "this has changed"
check = both("PRAGMA integrity_check")
assert check[0] == [("ok",)] and ("row 1 missing from index by_text",) in check[1], "this has changed"
PY
echo "as described"
