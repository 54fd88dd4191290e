#!/bin/sh
# sql-metadata 3.0.1: values_dict of an INSERT loses what follows a blob, NULL is a text, and output_columns has a subquery's.
#
# Expected: values is "the list of literal values" of an INSERT, row by row, values_dict has them by column, and NULL is not a text.
#           output_columns is "the ordered list of SELECT output column names": as many as a row of the answer has.
# Seen:     VALUES (1, x'FFD8', 'Ada') has the values 1 and 'x', the column name is missing, and a second row is gone with it. NULL
#           and 'NULL' are both 'NULL', TRUE and 'TRUE' both 'TRUE'. To output_columns, the columns of every subquery belong,
#           in WHERE and EXISTS, too: SELECT a FROM t WHERE b > (SELECT avg(c) FROM u) gives out a and c, and those of a WITH
#           come before the statement's own. A table in brackets is called [my table], its column in brackets without them.
#           In a statement with backticks and brackets there are no tables. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sql-metadata==3.0.1 sqlglot==30.30.0
cd "$work"
venv/bin/python - 2>said <<'PY'
import sqlite3

from sql_metadata import Parser

database = sqlite3.connect(":memory:")
database.executescript("""
    CREATE TABLE person (id, photo, name); CREATE TABLE t (a, b); CREATE TABLE u (c, id); CREATE TABLE "my table" ("last name");
""")


def values(statement):
    database.execute("DELETE FROM person")
    database.execute(statement)
    stored = database.execute("SELECT * FROM person").fetchall()
    parsed = Parser(statement)
    print(statement, "->", parsed.values, parsed.values_dict, "stored:", stored)
    return parsed.values, parsed.values_dict


insert = "INSERT INTO person (id, photo, name) VALUES "
assert values(insert + "(1, 2, 'Ada')")[1] == {"id": 1, "photo": 2, "name": "Ada"}, "the usual case has changed"
assert values(insert + "(1, 2, 'Ada'), (2, 3, 'Bob')")[1]["name"] == ["Ada", "Bob"], "the usual case has changed"
assert values(insert + "(1, x'FFD8', 'Ada')") == ([1, "x"], {"id": 1, "photo": "x"}), "this has changed"
assert values(insert + "(1, x'FFD8', 'Ada'), (2, 3, 'Bob')")[0] == [1, "x"], "this has changed"
assert values(insert + "(NULL, 'NULL', TRUE)")[0] == ["NULL", "NULL", "TRUE"], "this has changed"
assert values(insert + "(1, 'TRUE', NULL)")[0] == [1, "TRUE", "NULL"], "this has changed"


def columns(statement, wanted):
    given_out = [each[0] for each in database.execute(statement).description]
    parsed = Parser(statement).output_columns
    print(statement, "-> output_columns:", parsed, "sqlite:", given_out)
    assert parsed == wanted, "this has changed"


columns("SELECT a, b AS c FROM t", ["a", "c"])
columns("SELECT a FROM t WHERE b > (SELECT avg(c) FROM u)", ["a", "c"])
columns("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.b)", ["a", "1"])
columns("SELECT a, (SELECT max(c) FROM u) AS m FROM t", ["a", "c", "m"])
columns("WITH x AS (SELECT id, c FROM u) SELECT c FROM x", ["id", "c", "c"])

for statement, tables in {
    'SELECT "last name" FROM "my table"': ["my table"], "SELECT [last name] FROM [my table]": ["[my table]"],
    "SELECT [last name], `last name` FROM [my table]": [],
}.items():
    database.execute(statement)
    parsed = Parser(statement)
    print(statement, "-> tables:", parsed.tables, "columns:", parsed.columns)
    assert parsed.tables == tables, "this has changed"
PY
[ ! -s said ] || { cat said >&2; exit 1; }
echo "as described"
