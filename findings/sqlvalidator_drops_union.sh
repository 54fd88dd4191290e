#!/bin/sh
# sqlvalidator 0.0.20: --format drops what stands behind UNION ALL, and all of WHERE qty % 2 = 1 but qty, from the source file.
#
# Expected: a formatter moves blanks and line ends, and leaves a statement alone that it cannot read, as it does with UPDATE, for
#           which it raises.
# Seen:     what follows the first thing that it does not know is gone: the second half of a UNION, at the top, in a subquery and
#           in WITH; AND, GROUP BY, ORDER BY and LIMIT behind %, ||, GLOB, ISNULL or COLLATE in WHERE, so that WHERE qty % 2 = 1
#           AND shop = 'a' finds five rows in place of two. A comment becomes "- -", and the columns below it are dropped. The
#           file is overwritten, "2 changed SQL queries", exit status 0. AND, OR, BETWEEN, IN, LIKE and CASE are kept.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlvalidator==0.0.20
cd "$work"
cat >report.py <<'P'
def both():
    return """
        SELECT id FROM sale WHERE shop = 'a'
        UNION ALL
        SELECT id FROM sale WHERE shop = 'b'
    """


def odd():
    return "SELECT id FROM sale WHERE qty % 2 = 1 AND shop = 'a' ORDER BY id"
P
cp report.py before.py
venv/bin/sqlvalidator --format report.py
cat report.py
venv/bin/python - <<'PY'
import sqlite3

import before
import report
import sqlvalidator

file = sqlite3.connect(":memory:")
file.executescript("""
    CREATE TABLE sale (id INTEGER PRIMARY KEY, shop TEXT, city TEXT, qty INTEGER, price REAL);
    INSERT INTO sale VALUES (1, 'a', 'Oslo', 3, 2.5), (2, 'a', 'Rome', 1, 10), (3, 'b', 'oslo', 7, 0.5),
                            (4, 'b', NULL, NULL, 4), (5, 'c', 'Bergen', 10, 1.25), (6, 'c', 'Rome', 2, 3);
""")


def compare(sql, written):
    try:
        after = file.execute(written).fetchall()
    except sqlite3.OperationalError as error:
        after = str(error)
    found = file.execute(sql).fetchall(), after
    print(" ".join(sql.split()), " ".join(written.split()), *found, sep="\n   ")
    return found


assert compare(before.both(), report.both()) == ([(1,), (2,), (3,), (4,)], [(1,), (2,)]), "this has changed"
assert compare(before.odd(), report.odd()) == ([(1,), (2,)], [(1,), (2,), (3,), (5,), (6,)]), "this has changed"
for sql in (
    "SELECT * FROM (SELECT id FROM sale WHERE id = 1 UNION ALL SELECT 2) t",
    "WITH t AS (SELECT 1 a UNION ALL SELECT 2) SELECT * FROM t",
    "SELECT shop, sum(qty) FROM sale WHERE city GLOB 'O*' AND qty > 2 GROUP BY shop ORDER BY 2 LIMIT 5",
    "SELECT id FROM sale WHERE shop || city = 'aOslo' AND qty = 3",
    "SELECT id FROM sale WHERE city ISNULL OR qty > 5",
    "SELECT max(qty) FROM sale WHERE shop = 'A' COLLATE NOCASE",
    "SELECT id, -- the key\n shop FROM sale",
):
    one, other = compare(sql, sqlvalidator.format_sql(sql))
    assert one != other, "this has changed"
for sql in (
    "SELECT id FROM sale WHERE price * 2 > 3 AND shop = 'a' OR qty IN (7, 10)",
    "SELECT id FROM sale WHERE qty BETWEEN 1 AND 3 AND city LIKE 'R%'",
    "SELECT CASE WHEN qty > 5 AND shop = 'b' THEN 1 ELSE 0 END FROM sale",
):
    one, other = compare(sql, sqlvalidator.format_sql(sql))
    assert one == other
PY
echo "as described"
