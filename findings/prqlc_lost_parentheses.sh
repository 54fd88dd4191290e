#!/bin/sh
# prqlc 0.13.14: `price * (qty % 4)` is compiled without its parentheses, and `take 2`, then sort gives rows that were not taken.
#
# Expected: the SQL computes what the PRQL says: what is in parentheses, or was derived before, first; every step works on the
#           rows of the step before it; what is left out by select !{...} is left out, or the compiler refuses.
# Seen:     a remainder within a product loses them, for every dialect: 10 * (6 % 4) is 10 * 6 % 4, which is 0 and not 20, and
#           after `derive rest = qty % 4` price * rest is multiplied before the remainder is taken. Nested comparisons lose
#           theirs, too: a > (b == d) is a > b = d. (Differences and quotients were mended in 2023.) SQLite's optimizer merges
#           the two queries that take 2 | sort {-id} becomes into one, LIMIT last: the two highest ids, where DuckDB 1.5.5 gives
#           2 and 1. select !{price} is SELECT *, with the price. No message in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q prqlc==0.13.14 duckdb==1.5.5 apsw==3.54.1.0
cd "$work"
venv/bin/python - <<'PY'
import apsw
import duckdb
import prqlc

TABLE = "CREATE TABLE sale (id INTEGER, price INTEGER, qty INTEGER, d INTEGER)"
ROWS = "INSERT INTO sale VALUES (1, 10, 6, 3), (2, 20, 8, 3), (3, 30, 9, 3), (4, 40, 5, 3)"
lite, duck = apsw.Connection(":memory:"), duckdb.connect()
for statement in (TABLE, ROWS):
    lite.execute(statement)
    duck.execute(statement)


def run(prql, target="sqlite"):
    options = prqlc.CompileOptions(target=f"sql.{target}", signature_comment=False, format=False)
    sql = prqlc.compile(prql, options)
    print(prql.replace("\n", " | "), "->", sql)
    return [tuple(row) for row in (lite if target == "sqlite" else duck).execute(sql).fetchall()]


right = [(20,), (0,), (30,), (40,)]
assert [tuple(row) for row in lite.execute("SELECT price * (qty % 4) FROM sale")] == right
cut = [(0,), (0,), (2,), (0,)]
for target in ("sqlite", "duckdb"):
    assert run("from sale\nselect x = price * (qty % 4)", target) == cut, "this has changed"
    assert run("from sale\nderive rest = qty % 4\nselect x = price * rest", target) == cut, "this has changed"
assert run("from sale\nselect x = (price % 7) * qty") == [(18,), (48,), (18,), (25,)]

found = run("from sale\ntake 1\nselect x = price > (qty == d)")
assert found == [(0,)] and list(lite.execute("SELECT 10 > (6 = 3)")) == [(1,)], "this has changed"

taken = "from sale\ntake 2\nsort {-id}\nselect {id}"
assert run(taken, "duckdb") == [(2,), (1,)]
assert run(taken) == [(4,), (3,)], "this has changed"
assert len(run("from sale\nselect !{price}")[0]) == 4, "this has changed"
PY
echo "as described"
