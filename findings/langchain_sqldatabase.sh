#!/bin/sh
# langchain-community 0.4.2 with SQLAlchemy 2.1.9: SQLDatabase shows a model fewer columns than the database has.
#
# Expected: get_table_info() lists the columns of a table, and run() gives back the rows of the statement as tuples.
# Seen:     a column without a type is left out, and CREATE TABLE AS SELECT gives none to sum(amount) AS total or count(*), so
#           that the model is told of a table per_shop with the one column shop. run() goes through a dict by name, although
#           it gives tuples: of owner.name, shop.name one value is left, and SELECT * of the join puts the shop's id and name
#           into the places of the owner's: 7, Ada, 1, 1, Bakery is (1, 'Bakery', 1). In the three sample rows,
#           2.505 and 0.001 of a column DECIMAL(9,2) are 2.50 and 0.00, and {"a": null} is {'a': None}. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q langchain-community==0.4.2 langchain-core==1.8.3 langchain-classic==1.0.8 SQLAlchemy==2.1.9
cd "$work"
venv/bin/python -W ignore - <<'PY'
import sqlite3
import warnings

file = sqlite3.connect("file.db")
file.executescript("""
CREATE TABLE shop (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE owner (id INTEGER PRIMARY KEY, name TEXT, shop INTEGER);
CREATE TABLE sale (shop INTEGER, amount INTEGER, rate DECIMAL(9,2), more JSON);
INSERT INTO shop VALUES (1, 'Bakery'), (2, 'Bar');
INSERT INTO owner VALUES (7, 'Ada', 1), (8, 'Bo', 2);
INSERT INTO sale VALUES (1, 10, 2.505, '{"a": null}'), (2, 20, 0.001, '[true]');
CREATE TABLE per_shop AS SELECT shop, sum(amount) AS total, count(*) AS n FROM sale GROUP BY shop;
""")
print("SQLite:", file.execute("SELECT sql FROM sqlite_master WHERE name = 'per_shop'").fetchone())

from langchain_community.utilities import SQLDatabase

database = SQLDatabase.from_uri("sqlite:///file.db")
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    told = database.get_table_info(["per_shop"])
    samples = database.get_table_info(["sale"])
print(told, samples)
assert not said, "it warns: this has changed"
assert "shop INTEGER" in told and "total" not in told and "\tn" not in told, "this has changed"
assert "1\t10\t2.50\t{'a': None}" in samples and "2\t20\t0.00\t[True]" in samples, "this has changed"
assert file.execute("SELECT rate, more FROM sale").fetchall() == [(2.505, '{"a": null}'), (0.001, "[true]")]

for columns, seen in (
    ("owner.name, shop.name", "[('Bakery',), ('Bar',)]"),
    ("*", "[(1, 'Bakery', 1), (2, 'Bar', 2)]"),
    ("owner.name AS owner, shop.name AS shop", "[('Ada', 'Bakery'), ('Bo', 'Bar')]"),
):
    statement = f"SELECT {columns} FROM owner JOIN shop ON shop.id = owner.shop"
    print(statement, "\n  SQLite:   ", file.execute(statement).fetchall(), "\n  langchain:", database.run(statement))
    assert database.run(statement) == seen, "this has changed"
PY
echo "as described"
