#!/bin/sh
# pony 0.7.20 on SQLite: a third of 10.00 is 3, a third of 9.50 is 3.17, and [:-1] takes nothing off a text.
#
# Expected: a query written as a Python generator gives what Python gives for the same rows, or is refused, as round() is;
#           a Decimal attribute with two places is divided as a decimal or as a float.
# Seen:     SQLite keeps a Decimal that is whole as an integer, so price / 3 is cut off where the price has no cents and
#           exact where it has: a third of 10.00 and a third of 10.01 differ by 0.34. Two ints are divided without a
#           fraction, // and % round towards zero, and a float is not rounded at all: 2.5 // 1 is 2.5, and 2.5 % 1 is 0.0.
#           code[:-1] is the whole code, where [1:-1] and [-2:] are right. `stock or 9` is True. len() of a text inside a
#           Json attribute is 0. No error in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pony==0.7.20
cd "$work"
cat > file.py <<'PY'
import sqlite3
from decimal import Decimal

from pony.orm import Database, Json, Optional, PrimaryKey, Required, db_session, select

database = Database("sqlite", ":memory:")


class Item(database.Entity):
    id = PrimaryKey(int)
    price = Required(Decimal, precision=9, scale=2)
    n = Required(int)
    size = Required(float)
    code = Required(str)
    stock = Optional(int)
    more = Required(Json)


database.generate_mapping(create_tables=True)
with db_session:
    Item(id=1, price=Decimal("10.00"), n=7, size=2.5, code="A-12x", stock=4, more={"name": "tea"})
    Item(id=2, price=Decimal("10.01"), n=-7, size=-0.5, code="B-7y", stock=0, more={"name": "pencil"})


def check(expression, python, seen):
    with db_session:
        item = {"Item": Item, "Decimal": Decimal}
        right = [eval(expression, {"item": one}) for one in Item.select().order_by(Item.id)[:]]
        found = [value for _, value in select(f"(item.id, {expression}) for item in Item", item).order_by(1)[:]]
    print(f"{expression:24} Python: {right}  pony: {found}")
    assert right == python, right
    assert found == seen and [*map(type, found)] == [*map(type, seen)], "this has changed"


print("SQLite", sqlite3.sqlite_version)
with db_session:
    print(database.select("SELECT price, typeof(price) FROM Item ORDER BY id"))
    thirds = select((item.id, item.price / 3) for item in Item).order_by(1)[:]
print("a third of 10.00 and of 10.01:", thirds)
assert thirds[0][1] == 3 and round(thirds[1][1], 2) == Decimal("3.34"), "this has changed"
check("item.n / 2", [3.5, -3.5], [3, -3])
check("item.n // 2", [3, -4], [3, -3])
check("item.n % 2", [1, 1], [1, -1])
check("item.size // 1", [2.0, -1.0], [2.5, -0.5])
check("item.size % 1", [0.5, 0.5], [0.0, 0.0])
check("item.code[:-1]", ["A-12", "B-7"], ["A-12x", "B-7y"])
check("item.code[1:-1]", ["-12", "-7"], ["-12", "-7"])
check("item.code[-2:]", ["2x", "7y"], ["2x", "7y"])
check("item.stock or 9", [4, 9], [True, True])
check("len(item.more['name'])", [3, 6], [0, 0])
PY
venv/bin/python file.py
echo "as described"
