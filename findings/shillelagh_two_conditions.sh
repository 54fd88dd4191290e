#!/bin/sh
# shillelagh 1.4.5 (apsw 3.54.1.0): `id > 1 AND id <> 3` finds every row, and ORDER BY with LIMIT the first rows of the file.
#
# Expected: SELECT on a CSV file or a pandas frame gives SQLite's rows; what the adapter cannot filter is filtered by SQLite.
# Seen:     two conditions on one column are made one, and SQLite is told not to look again. Two <> cancel each other into
#           nothing (count(*) is 0 of 3), and a mixture of <>, LIKE, IS NOT NULL and a range into no filter at all: price IS
#           NOT NULL AND price > 9.8 finds prices of 9.5, price IS NULL AND price > 5 all of them. On a CSV file, LIMIT is
#           applied before ORDER BY: the two highest ids are 2 and 1, the dearest of five rows is the first. A single
#           condition, two ranges and conditions on two columns, checked here as well, are right. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q shillelagh==1.4.5 apsw==3.54.1.0 pandas==3.1.1
cd "$work"
printf '"id","name","price"\n1,"Oslo",9.5\n2,"Bern",10\n3,"Rome",-3\n4,"Ulm",100.25\n5,"Kyiv",9.5\n' > shop.csv
venv/bin/python - <<'PY'
import sqlite3

import pandas
from shillelagh.backends.apsw.db import connect

shop = pandas.read_csv("shop.csv")
plain = sqlite3.connect(":memory:")
shop.to_sql("shop", plain, index=False)
shillelagh = connect(":memory:")


def ask(sql, csv, frame=None):
    right = [value for (value,) in plain.execute(sql.format("shop"))]
    seen = []
    for source in ('"shop.csv"', "shop"):
        found = [value for (value,) in shillelagh.cursor().execute(sql.format(source))]
        seen.append([value if isinstance(value, str) else int(value) for value in found])
    print(f"{sql:62} SQLite {right}, CSV {seen[0]}, pandas {seen[1]}")
    assert seen == [csv or [], csv if frame is None else frame], "this has changed"
    return right


ALL = [1, 2, 3, 4, 5]
SAME = ("id > 1", "id > 1 AND id < 4", "price > 5 AND price > 9.8", "name <> 'Oslo' AND price > 9", "price IS NOT NULL")
for condition in SAME:
    sql = f"SELECT id FROM {{}} WHERE {condition}"
    ask(sql, [value for (value,) in plain.execute(sql.format("shop"))])
assert ask("SELECT count(*) FROM {} WHERE id <> 1 AND id <> 2", [0]) == [3]
assert ask("SELECT id FROM {} WHERE price <> 10 AND price <> 9.5", []) == [3, 4]
assert ask("SELECT id FROM {} WHERE id > 1 AND id <> 3", ALL) == [2, 4, 5]
assert ask("SELECT id FROM {} WHERE price IS NOT NULL AND price > 9.8", ALL) == [2, 4]
assert ask("SELECT id FROM {} WHERE price IS NULL AND price > 5", ALL) == []
assert ask("SELECT id FROM {} WHERE name LIKE 'O%' AND name <> 'Oslo'", [1]) == []
assert ask("SELECT id FROM {} ORDER BY id DESC LIMIT 2", [2, 1], [5, 4]) == [5, 4]
assert ask("SELECT name FROM {} ORDER BY price DESC LIMIT 1", ["Oslo"], ["Ulm"]) == ["Ulm"]
assert ask("SELECT name FROM {} WHERE id > 2 ORDER BY id DESC LIMIT 1", ["Rome"], ["Kyiv"]) == ["Kyiv"]
PY
echo "as described"
