#!/bin/sh
# sqlglot 30.30.0: its executor sorts by another column than ORDER BY names, so LIMIT gives other rows than SQLite.
#
# Expected: execute(statement, tables=..., dialect="sqlite"), sqlglot's engine in Python, gives SQLite's rows in SQLite's order, or
#           raises what it has not got, as it does for nullif and replace.
# Seen:     where two columns that are selected have one name (t.id and u.id of a join), ORDER BY t.id sorts by the one that
#           stands last, u.id: the one row of ORDER BY t.id DESC LIMIT 1 is another one. LIKE 'y' does not find Y, which
#           SQLite's finds; round(2.5) is 2 and -7 % 3 is 2, for SQLite's 3.0 and -1; WHERE with a text keeps every text but
#           the empty one, where SQLite reads it as a number. Nothing is raised.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlglot==30.30.0
cd "$work"
venv/bin/python - <<'PY'
import sqlite3

from sqlglot.executor import execute

tables = {
    "person": [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Y"}, {"id": 3, "name": ""}],
    "visit": [{"id": 1, "person": 3, "day": 5}, {"id": 2, "person": 2, "day": None}, {"id": 3, "person": 1, "day": 4}],
}
database = sqlite3.connect(":memory:")
for name, rows in tables.items():
    database.execute(f"CREATE TABLE {name} ({', '.join(rows[0])})")
    database.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", [tuple(row.values()) for row in rows])


def both(statement):
    of_sqlite = database.execute(statement).fetchall()
    of_sqlglot = [tuple(row) for row in execute(statement, tables=tables, dialect="sqlite").rows]
    print(statement, "\n    sqlite: ", of_sqlite, "\n    sqlglot:", of_sqlglot)
    return of_sqlite, of_sqlglot


join = " FROM person p JOIN visit v ON v.person = p.id "
left, right = both("SELECT p.id AS first, v.id AS second" + join + "ORDER BY first DESC")
assert left == right == [(3, 1), (2, 2), (1, 3)], "the usual case has changed"
left, right = both("SELECT p.id, v.id" + join + "ORDER BY p.id DESC")
assert (left, right) == ([(3, 1), (2, 2), (1, 3)], [(1, 3), (2, 2), (3, 1)]), "this has changed"
left, right = both("SELECT p.id, v.id" + join + "ORDER BY p.id DESC LIMIT 1")
assert (left, right) == ([(3, 1)], [(1, 3)]), "this has changed"

left, right = both("SELECT id FROM person WHERE name LIKE 'y'")
assert (left, right) == ([(2,)], []), "this has changed"
left, right = both("SELECT round(2.5), -7 % 3")
assert (left, right) == ([(3.0, -1)], [(2, 2)]), "this has changed"
left, right = both("SELECT id FROM person WHERE name ORDER BY id")
assert (left, right) == ([], [(1,), (2,)]), "this has changed"
PY
echo "as described"
