#!/bin/sh
# daft 0.7.26: ORDER BY beside DISTINCT or a window function has no effect in daft.sql(), and 34 days are 34 seconds.
#
# Expected: daft.sql() gives the rows of the standard's SQL, as DuckDB 1.5.5 does for the same frame, or refuses the statement.
# Seen:     SELECT DISTINCT n ... ORDER BY n comes back in no order, and a SELECT with row_number() OVER (ORDER BY n DESC) and
#           ORDER BY n at its end is not ordered by n. The difference of two days is a duration of as many seconds. CASE WHEN
#           amount > 5 THEN ... ELSE 'small' is NULL where amount is, not 'small'. A count that a subquery makes for each row is
#           NULL where it is 0. NOT IN (SELECT ...) with a NULL in it finds rows. substr('hello', 2, 3) is 'llo'. Sorting
#           alone, joins, groups and HAVING, checked on the same frames, are right. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q daft==0.7.26 duckdb==1.5.5 pyarrow==25.0.1
cd "$work"
export DAFT_ANALYTICS_ENABLED=0 DO_NOT_TRACK=true HOME="$work"
venv/bin/python - <<'PY'
import datetime

import daft
import duckdb
import pyarrow

DAYS = [datetime.date(2020, 2, day) for day in (1, 2, 3, 4, 5, 6)]
sale = pyarrow.table({"id": [6, 2, 5, 1, 4, 3], "shop": ["c", "a", "d", "b", "a", "e"], "amount": [10, None, 7, 1, 9, 2], "day": DAYS})
owner = pyarrow.table({"shop": ["a", "a", None]})
many = pyarrow.table({"n": [row * 7 % 40 for row in range(40)]})
duck = duckdb.connect()
for name, table in (("sale", sale), ("owner", owner), ("many", many)):
    duck.register(name, table)


def both(sql):
    right = duck.execute(sql).fetchall()
    found = daft.sql(sql, sale=daft.from_arrow(sale), owner=daft.from_arrow(owner), many=daft.from_arrow(many)).to_arrow()
    found = [tuple(row.values()) for row in found.to_pylist()]
    print(sql, f"DuckDB: {right}", f"daft:   {found}", sep="\n    ")
    return right, found


for sql in (
    "SELECT id FROM sale ORDER BY id",
    "SELECT shop, sum(amount) AS s FROM sale GROUP BY shop HAVING count(*) > 0 ORDER BY shop",
    "SELECT sale.id FROM sale JOIN owner ON sale.shop = owner.shop ORDER BY sale.id",
):
    right, found = both(sql)
    assert found == right

right, found = both("SELECT DISTINCT n FROM many ORDER BY n")
assert sorted(found) == right and found != right, "this has changed"
right, found = both("SELECT n, row_number() OVER (ORDER BY n DESC) AS r FROM many ORDER BY n")
assert sorted(found) == right and found != right, "this has changed"
right, found = both("SELECT day - DATE '2020-01-01' AS since FROM sale ORDER BY id LIMIT 1")
assert right == [(34,)] and found == [(datetime.timedelta(seconds=34),)], "this has changed"
right, found = both("SELECT CASE WHEN amount > 5 THEN 'big' ELSE 'small' END AS size FROM sale WHERE amount IS NULL")
assert right == [("small",)] and found == [(None,)], "this has changed"
right, found = both("SELECT id, (SELECT count(*) FROM owner WHERE owner.shop = sale.shop) AS n FROM sale ORDER BY id")
assert right[0] == (1, 0) and found[0] == (1, None) and found[1] == right[1] == (2, 2), "this has changed"
right, found = both("SELECT id FROM sale WHERE shop NOT IN (SELECT shop FROM owner) ORDER BY id")
assert right == [] and found == [(1,), (3,), (5,), (6,)], "this has changed"
right, found = both("SELECT substr('hello', 2, 3) AS part FROM sale LIMIT 1")
assert right == [("ell",)] and found == [("llo",)], "this has changed"
PY
echo "as described"
