#!/bin/sh
# mo-sql-parsing 11.699.26234: format(parse(sql)) writes NOT (a OR b) as NOT a OR b, and a WITH RECURSIVE not at all.
#
# Expected: format() writes a statement that means what parse() read, or raises what it cannot write: both are one package's, and
#           its tests go back and forth.
# Seen:     the tree is right and its parentheses are not written: NOT (qty = 3 OR shop = 'b') finds 5 rows instead of 3, and
#           ~(qty & 3) and (qty = 3) IS NULL are other values. What the writer does not know is left out: NULLS LAST, WITH
#           RECURSIVE (all of it), the frame of nth_value(), OVER (...) behind FILTER, which makes one row of six. The reader
#           drops the name behind OVER w, so avg(price) OVER w is the mean of all rows, takes RANGE for ROWS, and IS NOT 'Rome'
#           for <>, which has no NULLs. No error, no warning. Parentheses of +, -, *, / and AND, OR are kept.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q mo-sql-parsing==11.699.26234
cd "$work"
venv/bin/python - <<'PY'
import sqlite3

import mo_sql_parsing

file = sqlite3.connect(":memory:")
file.executescript("""
    CREATE TABLE sale (id INTEGER PRIMARY KEY, shop TEXT, city TEXT, qty INTEGER, price REAL);
    INSERT INTO sale VALUES (1, 'a', 'Oslo', 3, 2.5), (2, 'a', 'Rome', 1, 10), (3, 'b', 'oslo', 7, 0.5),
                            (4, 'b', NULL, NULL, 4), (5, 'c', 'Bergen', 10, 1.25), (6, 'c', 'Rome', 2, 3);
""")


def changed(sql):
    """Say whether the statement has other rows once it was parsed and formatted."""
    written = mo_sql_parsing.format(mo_sql_parsing.parse(sql))
    before = file.execute(sql).fetchall()
    try:
        after = file.execute(written).fetchall()
    except sqlite3.OperationalError as error:
        after = str(error)
    print(sql, f"-> {written}", before, after, "" if before == after else "OTHER", sep="\n   ")
    return before != after


for sql in (
    "SELECT id FROM sale WHERE NOT (qty = 3 OR shop = 'b')",
    "SELECT ~(qty & 3) FROM sale",
    "SELECT (qty = 3) IS NULL, qty = (3 IS NULL) FROM sale",
    "SELECT id FROM sale WHERE city IS NOT 'Rome'",
    "SELECT id FROM sale ORDER BY city NULLS LAST, id",
    "SELECT id, avg(price) OVER w FROM sale WINDOW w AS (PARTITION BY shop ORDER BY id)",
    "SELECT id, sum(qty) OVER (ORDER BY price RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM sale",
    "SELECT id, count(*) FILTER (WHERE qty > 2) OVER (ORDER BY id) FROM sale",
    "SELECT nth_value(id, 2) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM sale",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT x FROM n",
):
    assert changed(sql), "this has changed"
for sql in (
    "SELECT id FROM sale WHERE (qty = 3 OR qty = 7) AND shop = 'a'",
    "SELECT qty - (price - 1), (qty + 1) * price, 100 / (10 * 5) FROM sale",
    "SELECT id, sum(qty) OVER (PARTITION BY shop ORDER BY id) FROM sale",
    "WITH t AS (SELECT shop, sum(qty) AS s FROM sale GROUP BY shop) SELECT * FROM t WHERE s > 2",
):
    assert not changed(sql)
PY
echo "as described"
