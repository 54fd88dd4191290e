#!/bin/sh
# peewee 4.5.3 (playhouse.dataset) and dataset 2.0.0: the first row makes the schema, and 2.5 becomes 2 to fit it.
#
# Expected: "databases for lazy people" make tables out of dicts as they come; a later value that does not fit the column of
#           the first row is kept (SQLite's columns hold any value), or is refused.
# Seen:     an int in the first row makes a column of integers, and peewee passes what follows through int(): the prices 10, 2.5
#           and 0.75 of a JSON file, read with thaw(), are 10, 2 and 0, and their sum is 12; Decimal 4.9 is 4, "12.7" is
#           12, and the code "007" after 12 is 7. dataset keeps 2.5, and makes "007" 7 as well. In both, a None in the first
#           row makes a column of texts: the ratings 9 and 10 that follow are '9' and '10', and the best of them is '9'.
#           The order of the rows changes all of it. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q peewee==4.5.3 dataset==2.0.0 SQLAlchemy==2.1.9
cd "$work"
venv/bin/python - <<'PY'
import decimal
import json
import pathlib
import sqlite3

import dataset
from playhouse.dataset import DataSet

ROWS = [
    {"item": "tea", "price": 10, "rating": None, "code": 12},
    {"item": "pen", "price": 2.5, "rating": 9, "code": "007"},
    {"item": "ink", "price": 0.75, "rating": 10, "code": "x1"},
]


def by_peewee(rows):
    pathlib.Path("rows.json").write_text(json.dumps(rows))
    DataSet("sqlite:///file.db").thaw("t", format="json", filename="rows.json")


def by_dataset(rows):
    table = dataset.connect("sqlite:///file.db")["t"]
    for row in rows:
        table.insert(row)


def stored(write, rows):
    pathlib.Path("file.db").unlink(missing_ok=True)
    write(rows)
    file = sqlite3.connect("file.db")
    found = file.execute("SELECT price, rating, code FROM t ORDER BY id").fetchall()
    best = file.execute("SELECT sum(price), max(rating) FROM t").fetchone()
    print(write.__name__, *found, "sum, best:", best)
    return found, best


texts = [(None, 12), ("9", 7), ("10", "x1")]
cut = [(price, *rest) for price, rest in zip((10, 2, 0), texts)]
kept = [(price, *rest) for price, rest in zip((10, 2.5, 0.75), texts)]
assert stored(by_peewee, ROWS) == (cut, (12, "9")), "this has changed"
assert stored(by_dataset, ROWS) == (kept, (13.25, "9")), "this has changed"
turned = [(0.75, 10, "x1"), (2.5, 9, "007"), (10, None, "12")]
assert stored(by_peewee, ROWS[::-1]) == (turned, (13.25, 10)), "this has changed"
assert stored(by_dataset, ROWS[::-1]) == (turned, (13.25, 10)), "this has changed"

table = DataSet("sqlite:///:memory:")["t"]
for value in (1, decimal.Decimal("4.9"), "12.7", -2.9):
    table.insert(v=value)
found = [row["v"] for row in table.all()]
print("1, Decimal 4.9, '12.7', -2.9:", found)
assert found == [1, 4, 12, -2], "this has changed"
PY
echo "as described"
