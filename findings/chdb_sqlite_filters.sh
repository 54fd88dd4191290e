#!/bin/sh
# chdb 4.4.0 (chdb-core 26.9.0) on SQLite: `LIKE 'oslo'` and `NOT LIKE 'oslo'` together find fewer rows than there are.
#
# Expected: sqlite('file.db', 'sale') gives a table's rows to ClickHouse's SQL; a filter finds the rows whose values, as they
#           are shown, fulfil it, and a row without NULLs fulfils a condition or its opposite.
# Seen:     the condition is sent to SQLite and is applied to what comes back once more, by the rules of both. LIKE knows no
#           capitals in SQLite: NOT LIKE 'oslo' loses "Oslo", which LIKE 'oslo' does not find. <> 'a' on COLLATE NOCASE loses "A".
#           A sum without a type is shown as the text '950' and is a number for SQLite: total = '950' finds nothing.
#           Text in a column of integers is shown as 0 (as documented), and neither n = 0 nor n < 6 finds it. Behind a
#           LIMIT in a subquery, which keeps the condition from SQLite, each of them is right. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q chdb==4.4.0 chdb-core==26.9.0 pandas==3.1.1 pyarrow==26.0.1
cd "$work"
venv/bin/python - <<'PY'
import json
import sqlite3

import chdb

file = sqlite3.connect("file.db")
file.executescript("""
    CREATE TABLE sale (id INTEGER PRIMARY KEY, shop TEXT NOT NULL, code TEXT COLLATE NOCASE, amount INTEGER, n INTEGER);
    INSERT INTO sale VALUES (1, 'Oslo', 'a', 950, 5), (2, 'oslo', 'A', 1450, 'n/a'), (3, 'Rome', 'b', 70, 7);
    CREATE TABLE per_shop AS SELECT shop, sum(amount) AS total FROM sale GROUP BY id;
""")
file.close()


def rows(sql):
    return [tuple(json.loads(line)) for line in str(chdb.query(sql, "JSONCompactEachRow")).splitlines()]


def ask(table, what, condition, direct, copied):
    """Ask the condition of the table, and of its rows behind a LIMIT, where ClickHouse alone judges it."""
    source = f"sqlite('file.db', '{table}')"
    found = [value for (value,) in rows(f"SELECT {what} FROM {source} WHERE {condition} ORDER BY 1")]
    right = [value for (value,) in rows(f"SELECT {what} FROM (SELECT * FROM {source} LIMIT 100) WHERE {condition} ORDER BY 1")]
    print(f"{condition:24} {found!s:20} after LIMIT: {right}")
    assert right == copied, right
    assert found == direct, "this has changed"


print(*rows("SELECT * FROM sqlite('file.db', 'sale')"), *rows("SELECT * FROM sqlite('file.db', 'per_shop')"), sep="\n")
ask("sale", "id", "shop LIKE 'oslo'", [2], [2])
ask("sale", "id", "shop NOT LIKE 'oslo'", [3], [1, 3])
ask("sale", "id", "shop NOT LIKE '%O%'", [], [2, 3])
ask("sale", "id", "code <> 'a'", [3], [2, 3])
ask("sale", "id", "code > 'A'", [3], [1, 3])
ask("sale", "id", "n = 0", [], [2])
ask("sale", "id", "n < 6", [1], [1, 2])
ask("per_shop", "shop", "total = '950'", [], ["Oslo"])
ask("per_shop", "shop", "total <> '950'", ["Rome", "oslo"], ["Rome", "oslo"])
ask("per_shop", "shop", "total > '2'", [], ["Oslo", "Rome"])
PY
echo "as described"
