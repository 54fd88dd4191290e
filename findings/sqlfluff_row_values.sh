#!/bin/sh
# sqlfluff 4.5.0: `fix` with its default rules writes the other column in an UPDATE, and makes a search find nothing.
#
# Expected: a formatter's fixes keep what a statement does; where the order of columns matters (UNION, INSERT, CREATE VIEW,
#           columns named in a CTE's head) sqlfluff 4 leaves it alone.
# Seen:     ST06 moves plain columns before computed ones in every other subquery, too. SET (best, sale) = (SELECT max(amount),
#           id ...) becomes (SELECT id, max(amount) ...), so the two columns get each other's values. The usual way to
#           find each shop's best sale, WHERE (amount, shop) IN (SELECT max(amount), shop ...), finds none, and NOT IN all. In
#           WITH x AS (SELECT sum(amount) AS total, shop ...) INSERT INTO t SELECT * FROM x the two change places on
#           their way into the table. No warning: the fixes count as safe.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlfluff==4.5.0
cd "$work"
venv/bin/python - <<'PY'
import pathlib
import sqlite3
import subprocess

TABLES = """
CREATE TABLE sale (id INTEGER PRIMARY KEY, shop INTEGER, amount INTEGER);
INSERT INTO sale VALUES (1, 1, 10), (2, 1, 20), (3, 2, 5), (4, 3, 7);
CREATE TABLE total (total INTEGER, shop INTEGER);
CREATE TABLE shop (id INTEGER PRIMARY KEY, best INTEGER, sale INTEGER);
INSERT INTO shop VALUES (1, NULL, NULL);
"""


def fixed(statement):
    pathlib.Path("file.sql").write_text(statement + "\n")
    subprocess.run(["venv/bin/sqlfluff", "fix", "--dialect", "sqlite", "-q", "file.sql"], check=False)
    return pathlib.Path("file.sql").read_text()


def outcome(statement, look):
    file = sqlite3.connect(":memory:")
    file.executescript(TABLES)
    rows = file.execute(statement).fetchall()
    return file.execute(look).fetchall() if look else rows


def check(statement, look, before, after):
    new = fixed(statement)
    found = outcome(statement, look), outcome(new, look)
    print(statement, "\n->", " ".join(new.split()), "\n  ", *found)
    assert found[0] == before
    assert found[1] == after, "this has changed"


BEST = "select max(amount), shop from sale group by shop"
check(f"select id from sale where (amount, shop) in ({BEST})", "", [(2,), (3,), (4,)], [])
check(f"select id from sale where (amount, shop) not in ({BEST})", "", [(1,)], [(1,), (2,), (3,), (4,)])
check(
    "update shop set (best, sale) = (select max(sale.amount), sale.id from sale where sale.shop = shop.id)",
    "SELECT best, sale FROM shop",
    [(20, 2)],
    [(2, 20)],
)
check(
    "with x as (select sum(amount) as total, shop from sale group by shop) insert into total select * from x",
    "SELECT total, shop FROM total",
    [(30, 1), (5, 2), (7, 3)],
    [(1, 30), (2, 5), (3, 7)],
)
check(
    f"insert into total {BEST}", "SELECT total, shop FROM total", [(20, 1), (5, 2), (7, 3)], [(20, 1), (5, 2), (7, 3)]
)
PY
echo "as described"
