#!/bin/sh
# sqlglot 30.30.0: from DuckDB to SQLite, months are thirty days, a date less a date is years, and [1:2] becomes a name of a column.
#
# Expected: transpile(read="duckdb", write="sqlite") gives a statement with DuckDB's answer, or says what SQLite has not got, as it
#           does of any_value and arrays.
# Seen:     date_diff('month', ...) is the days by 30 (from 1 to 31 January: 1 month), 'year' the days by 365. A date less a date
#           is left as it is, which SQLite reads as 2021 - 2020. 'abc'[1:2] is left, too, and [1:2] is a quoted name in SQLite, so
#           the answer is 'abc' under that name. round(1234.5, -2) is 1235, strftime(d, '%B') NULL, try_cast('12x' AS integer)
#           12 for NULL, CAST(2.7 AS integer) 2 for 3, and DISTINCT ON (a) ... ORDER BY a loses the order. No warning, and no
#           error with unsupported_level=RAISE.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlglot==30.30.0 duckdb==2.0.1
cd "$work"
venv/bin/python - 2>said <<'PY'
import sqlite3

import duckdb
import sqlglot

tables = """
    CREATE TABLE t (id INTEGER, a INTEGER, d DATE);
    INSERT INTO t VALUES (1, 3, '2020-01-31'), (2, 1, '2021-05-06'), (3, 2, '2020-12-31'), (4, 1, '2020-01-01');
"""
duck, lite = duckdb.connect(), sqlite3.connect(":memory:")
duck.execute(tables)
lite.executescript(tables)


def both(statement):
    """The first column of DuckDB's answer, and of SQLite's to the statement that sqlglot makes of it."""
    of_duck = [row[0] for row in duck.execute(statement).fetchall()]
    (written,) = sqlglot.transpile(statement, read="duckdb", write="sqlite", unsupported_level=sqlglot.ErrorLevel.RAISE)
    of_lite = [row[0] for row in lite.execute(written).fetchall()]
    print(statement, "\n ->", written, "\n   ", of_duck, "->", of_lite)
    return of_duck, of_lite


usual = both("SELECT date_diff('day', DATE '2020-01-01', d) FROM t ORDER BY id")
assert usual == ([30, 491, 365, 0], [30, 491, 365, 0]), "the usual case has changed"
assert both("SELECT a / 2 FROM t ORDER BY id") == ([1.5, 0.5, 1.0, 0.5], [1.5, 0.5, 1.0, 0.5]), "the usual case has changed"

for statement, right, wrong in (
    ("SELECT date_diff('month', DATE '2020-01-01', d) FROM t ORDER BY id", [0, 16, 11, 0], [1, 16, 12, 0]),
    ("SELECT date_diff('year', DATE '2019-12-31', d) FROM t ORDER BY id", [1, 2, 1, 1], [0, 1, 1, 0]),
    ("SELECT d - DATE '2020-01-01' FROM t ORDER BY id", [30, 491, 365, 0], [0, 1, 0, 0]),
    ("SELECT 'abc'[1:2]", ["ab"], ["abc"]),
    ("SELECT round(1234.5, -2)", [1200.0], [1235.0]),
    ("SELECT strftime(d, '%B') FROM t WHERE id = 2", ["May"], [None]),
    ("SELECT try_cast('12x' AS INTEGER)", [None], [12]),
    ("SELECT CAST(2.7::DOUBLE AS INTEGER)", [3], [2]),
):
    found = both(statement)
    assert found == (right, wrong), "this has changed"
of_duck, of_lite = both("SELECT DISTINCT ON (a) a FROM t ORDER BY a DESC")
assert of_duck == [3, 2, 1] and of_lite != of_duck and sorted(of_lite) == [1, 2, 3], "this has changed"
PY
[ ! -s said ] || { cat said >&2; exit 1; }
echo "as described"
