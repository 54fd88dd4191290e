#!/bin/sh
# llama-index-core 0.14.25 with SQLAlchemy 2.1.9: SQLDatabase(schema=...) writes into texts, and three of its settings do nothing.
#
# Expected: run_sql() runs the statement and gives back its rows; schema="main" says where the tables are, and
#           sample_rows_in_table_info, indexes_in_table_info and custom_table_info change what a model is told of a table.
# Seen:     with a schema, the word behind every "from " and "join " gets it, inside texts too: title = 'letter from anna'
#           is looked for as 'letter from main.anna' and is not found, and SELECT 'come join us' gives 'come join main.us'.
#           What the three settings say is kept and read by nothing: the description of a table is the same without them.
#           A text over 300 letters is cut in the rows themselves, at the last space before: of the word order and one of
#           400 letters "order..." is left. With return_raw=False, columns of one name are one: of owner.id, owner.name,
#           shop.id, shop.name there is {'id': 1, 'name': 'Bakery'}. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile llama-index-core==0.14.25 SQLAlchemy==2.1.9
cd "$work"
venv/bin/python - <<'PY'
import sqlite3
import warnings

from llama_index.core import SQLDatabase
from llama_index.core.retrievers import SQLRetriever
from sqlalchemy import create_engine

warnings.simplefilter("error", UserWarning)
with sqlite3.connect("letters.db") as file:
    file.executescript("""
        CREATE TABLE letter (id INTEGER PRIMARY KEY, sender TEXT, title TEXT);
        CREATE INDEX by_sender ON letter (sender);
        INSERT INTO letter VALUES (1, 'anna', 'letter from anna'), (2, 'bob', 'a card');
        CREATE TABLE shop (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE owner (id INTEGER PRIMARY KEY, name TEXT, shop INTEGER REFERENCES shop (id));
        INSERT INTO shop VALUES (1, 'Bakery');
        INSERT INTO owner VALUES (7, 'Ada', 1);
    """)
    file.execute("INSERT INTO letter VALUES (3, 'cy', ?)", ("order " + "x" * 400,))
engine = create_engine("sqlite:///letters.db")


def rows(statement, **settings):
    found = SQLDatabase(engine, **settings).run_sql(statement)[1]["result"]
    print(settings, statement, "->", found)
    return found


wanted = "SELECT id FROM letter WHERE title = 'letter from anna'"
assert rows(wanted) == [(1,)] and rows("SELECT id FROM letter WHERE id = 2", schema="main") == [(2,)]
assert rows(wanted, schema="main") == [], "this has changed"
assert rows("SELECT 'come join us'", schema="main") == [("come join main.us",)], "this has changed"

plain = SQLDatabase(engine).get_single_table_info("letter")
told = SQLDatabase(
    engine, sample_rows_in_table_info=2, indexes_in_table_info=True, custom_table_info={"letter": "the letters of 1890"}
).get_single_table_info("letter")
print(told)
assert told == plain and "1890" not in told and "anna" not in told and "by_sender" not in told, "this has changed"

assert rows("SELECT title FROM letter WHERE id = 3") == [("order...",)], "this has changed"

join = "SELECT o.id, o.name, s.id, s.name FROM owner o JOIN shop s ON s.id = o.shop"
assert rows(join) == [(7, "Ada", 1, "Bakery")]
(node,) = SQLRetriever(SQLDatabase(engine), return_raw=False).retrieve(join)
print("return_raw=False:", node.node.metadata)
assert node.node.metadata == {"id": 1, "name": "Bakery"}, "this has changed"
PY
echo "as described"
