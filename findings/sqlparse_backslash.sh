#!/bin/sh
# sqlparse 0.6.1: behind a text that ends in a backslash, texts are taken for code: cases change in them, and they are cut or split.
#
# Expected: format() leaves what a statement finds as it is, and split() gives one piece for each statement. In SQL's own reading,
#           SQLite's and PostgreSQL's too, 'C:\' is a whole text, as a backslash escapes nothing.
# Seen:     the quotation mark behind the backslash is not the end: from there on outside and inside are exchanged.
#           identifier_case="lower" makes 'dir' of 'Dir', keyword_case="upper" 'OR' of 'or',
#           strip_comments cuts 'a--b' off with what follows, and split() gives three statements as one, or cuts a text at its
#           semicolon. Without a backslash, split() still gives one piece for three statements from a column called declare on,
#           or an alias begin. Nothing is raised.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlparse==0.6.1
cd "$work"
venv/bin/python - <<'PY'
import sqlite3

import sqlparse

database = sqlite3.connect(":memory:")
database.execute("CREATE TABLE files (path, kind)")
rows_of_files = [("C:\\", "Dir"), ("C:\\", "or"), ("C:\\", "a--b"), ("D:", "Dir"), ("D:", "or")]
database.executemany("INSERT INTO files VALUES (?, ?)", rows_of_files)


def rows(statement):
    try:
        return database.execute(statement).fetchall()
    except sqlite3.Error as error:
        return str(error)


def both(statement, **options):
    after = sqlparse.format(statement, **options)
    found = rows(statement), rows(after)
    print(f"{statement!r} {options}\n  -> {after!r}\n     {found[0]} -> {found[1]}")
    return found


lower, upper = {"identifier_case": "lower"}, {"keyword_case": "upper"}
assert both("select kind from files where path = 'D:' and kind = 'Dir'", **lower) == ([("Dir",)], [("Dir",)])
assert both("select kind from files where path = 'C:\\' and kind = 'Dir'", **lower) == ([("Dir",)], []), "this has changed"
assert both("select kind from files where path = 'D:' and kind = 'or'", **upper) == ([("or",)], [("or",)])
assert both("select kind from files where path = 'C:\\' and kind = 'or'", **upper) == ([("or",)], []), "this has changed"
before, after = both("select kind from files where path = 'C:\\' and kind = 'a--b' limit 1", strip_comments=True)
assert before == [("a--b",)] and isinstance(after, str), "this has changed"

for wanted, pieces, script in (
    (3, 3, "insert into files values ('C:', 'x'); delete from files; select 'x'"),
    (3, 1, "insert into files values ('C:\\', 'x'); delete from files; select 'x'"),
    (1, 2, "select path from files where path = '\\' or kind = 'a; b'"),
    (3, 3, "create table form (state text); select 1; select 2"),
    (3, 1, "create table form (declare text); select 1; select 2"),
    (3, 1, "create table spans as select path as begin from files; select 1; select 2"),
):
    found = sqlparse.split(script)
    print(wanted, "statements in", len(found), "pieces:", script)
    assert len(found) == pieces, "this has changed"
    whole = sqlite3.connect(":memory:")
    whole.executescript("create table files (path, kind);" + script)
PY
echo "as described"
