#!/bin/sh
# sqlite-diffable 0.6 with sqlite-utils 4.2.1: dump and load make texts of BLOBs, and other rows of the same number.
#
# Expected: dump --all and load give the tables back as they were, or dump names what JSON cannot hold; rows keep their rowid, or
#           dump says that they do not.
# Seen:     a BLOB is written as Python shows it and loaded as that text: a picture of 4 bytes is the text b'\x89PNG', and the
#           five bytes "hello" are the eight letters b'hello'. Rows of a table without INTEGER PRIMARY KEY are numbered anew, so
#           what points at rowid 3 (a note, an FTS index) finds another row, or none, once one was deleted. A UNIQUE INDEX, a
#           trigger and a view are in neither file; UNIQUE in the column is kept. Of "a/b" and "ab" one overwrites the other.
#           Infinity is written as such, which is no JSON. Not a word of any of these, exit status 0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlite-diffable==0.6 sqlite-utils==4.2.1
cd "$work"
venv/bin/python - <<'PY'
import json
import pathlib
import sqlite3
import subprocess


def run(*words):
    done = subprocess.run(["venv/bin/sqlite-diffable", *words], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout + done.stderr, "it says something: this has changed"


file = sqlite3.connect("file.db")
file.executescript("""
    CREATE TABLE photo (id INTEGER PRIMARY KEY, name TEXT, data BLOB, part REAL);
    INSERT INTO photo VALUES (1, 'a', x'89504e47', 0.1), (2, 'b', x'68656c6c6f', 9e999), (3, 'c', NULL, 2.5);
    CREATE UNIQUE INDEX photo_name ON photo(name);
    CREATE TABLE note (body TEXT);
    INSERT INTO note VALUES ('one'), ('two'), ('three');
    CREATE TABLE pin (note INTEGER UNIQUE);
    INSERT INTO pin VALUES (3);
    DELETE FROM note WHERE body = 'two';
    CREATE TRIGGER no_note AFTER DELETE ON note BEGIN INSERT INTO pin VALUES (old.rowid); END;
    CREATE VIEW named AS SELECT name FROM photo;
    CREATE TABLE "a/b" (x); INSERT INTO "a/b" VALUES (1);
    CREATE TABLE ab (x); INSERT INTO ab VALUES (2);
""")
file.close()
run("dump", "file.db", "dumped", "--all")
run("load", "copy.db", "dumped")
before, after = sqlite3.connect("file.db"), sqlite3.connect("copy.db")


def ask(sql):
    found = [one.execute(sql).fetchall() for one in (before, after)]
    print(sql, *found, sep="\n  ")
    return found


lines = pathlib.Path("dumped/photo.ndjson").read_text().split("\n")
print(*lines, sep="\n")
assert json.loads(lines[0]) == [1, "a", r"b'\x89PNG'", 0.1] and "Infinity" in lines[1], "this has changed"
assert ask("SELECT typeof(data), length(data) FROM photo") == [
    [("blob", 4), ("blob", 5), ("null", None)],
    [("text", 10), ("text", 8), ("null", None)],
], "this has changed"
assert ask("SELECT id, name, part FROM photo") == [[(1, "a", 0.1), (2, "b", float("inf")), (3, "c", 2.5)]] * 2
assert ask("SELECT body FROM pin LEFT JOIN note ON note.rowid = pin.note") == [[("three",)], [(None,)]], "this has changed"
others = ask("SELECT name FROM sqlite_schema WHERE type <> 'table' ORDER BY name")
assert [len(rows) for rows in others] == [4, 1] and "autoindex" in others[1][0][0], "this has changed"
kept = ask("SELECT count(*) FROM sqlite_schema WHERE name IN ('a/b', 'ab')")
assert kept == [[(2,)], [(1,)]], "this has changed"
PY
echo "as described"
