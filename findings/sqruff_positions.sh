#!/bin/sh
# sqruff 0.44.0: `fix` groups and sorts by another column where a statement counts columns, and breaks every UNION for SQLite.
#
# Expected: fixes keep what a statement does, or leave it alone, as sqlfluff 4.5.0, whose rules these are, does with all of these;
#           with dialect = sqlite, what is written is SQL that SQLite reads.
# Seen:     ST06 moves plain columns before computed ones and leaves the 1 of GROUP BY 1 and ORDER BY 1 where it is: sales by
#           lower(city) become sales by shop, a list sorted by its sum becomes one sorted by name, and `LIMIT 1` gives another
#           shop. The names in a CTE's head stay in their places, too, so total and label change their columns. With the
#           rules that are on by default (AM02) UNION becomes UNION DISTINCT, a syntax error in SQLite.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile sqruff==0.44.0 sqlfluff==4.5.0
cd "$work"
venv/bin/python - <<'PY'
import pathlib
import sqlite3
import subprocess

connection = sqlite3.connect(":memory:")
connection.executescript("""
CREATE TABLE sale (shop TEXT, city TEXT, amount INTEGER);
INSERT INTO sale VALUES ('corner', 'Rome', 4), ('market', 'ROME', 5), ('tower', 'Oslo', 7);
""")
pathlib.Path(".sqlfluff").write_text("[sqlfluff]\ndialect = sqlite\n")


def rows(statement):
    return connection.execute(statement).fetchall()


def fixed(tool, statement, rules):
    file = pathlib.Path("a.sql")
    file.write_text(statement + "\n")
    pathlib.Path(".sqruff").write_text(f"[sqruff]\ndialect = sqlite\n{rules}\n")
    subprocess.run([f"venv/bin/{tool}", "fix", "a.sql"], capture_output=True, check=False)
    return file.read_text()


structure = "rules = ST06"
for statement, before, after in (
    ("SELECT lower(city), shop FROM sale GROUP BY 1", 2, 3),
    (
        "SELECT sum(amount) AS total, shop FROM sale GROUP BY shop ORDER BY 1 DESC LIMIT 1",
        [(7, "tower")],
        [("tower", 7)],
    ),
    (
        "SELECT -amount AS cost, shop FROM sale ORDER BY 1 LIMIT 1",
        [(-7, "tower")],
        [("corner", -4)],
    ),
    (
        "WITH c (total, label) AS (SELECT sum(amount), shop FROM sale WHERE shop = 'tower') SELECT total FROM c",
        [(7,)],
        [("tower",)],
    ),
):
    written = fixed("sqruff", statement, structure)
    got = rows(statement), rows(written)
    print(statement, "->", " ".join(written.split()), *got, sep="\n   ")
    if isinstance(before, int):
        got = tuple(map(len, got))
    assert got == (before, after), "this has changed"
    assert rows(fixed("sqlfluff", statement, "")) == rows(statement), "the other tool has changed"

union = "SELECT shop FROM sale UNION SELECT city FROM sale"
written = fixed("sqruff", union, "")
print(union, "->", " ".join(written.split()))
try:
    rows(written)
except sqlite3.OperationalError as error:
    print("  ", error)
    assert "DISTINCT" in str(error), error
else:
    raise AssertionError("this has changed")
assert rows(fixed("sqlfluff", union, "")) == rows(union), "the other tool has changed"
PY
echo "as described"
