#!/bin/sh
# PyPika 0.51.1: -(a - b) is written as -a-b, a * (b / c) as a*b/c, and a - -b as a comment that swallows the rest.
#
# Expected: an expression of Python operators becomes SQL with the same value: parentheses where Python's grouping needs them, as
#           a - (b - c), NOT (a OR b) and (a + b) * c get them.
# Seen:     the minus binds to the first column alone: -(paid - due) of 7 and 5 is -12. Integers in a * (b / c) are multiplied
#           first: 7 * (5 / 3) is 11 on SQLite. (a > b) + (c > d), a count of conditions, is a>b+c>d. `paid - -due` is the text
#           SELECT "paid"--"due" FROM "sale", of which SQLite reads SELECT "paid" and, there being no table, takes the name
#           for a text: one row, 'paid', whatever the table holds. No error in any of these; --paid alone is one.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q PyPika==0.51.1
cd "$work"
venv/bin/python - <<'PY'
import sqlite3

from pypika import SQLLiteQuery, Table

file = sqlite3.connect(":memory:")
file.executescript("CREATE TABLE sale (paid INTEGER, due INTEGER, n INTEGER); INSERT INTO sale VALUES (7, 5, 3), (7, 5, 3);")
sale = Table("sale")


def ask(expression, by_hand, right, found):
    sql = SQLLiteQuery.from_(sale).select(expression).get_sql()
    seen = [value for (value,) in file.execute(sql)]
    print(f"{by_hand:24} {sql:50} {seen}")
    assert [value for (value,) in file.execute(f"SELECT {by_hand} FROM sale")] == right
    assert seen == found, "this has changed"


paid, due, n = sale.paid, sale.due, sale.n
ask(paid - (due - n), "paid - (due - n)", [5, 5], [5, 5])
ask((paid + due) * n, "(paid + due) * n", [36, 36], [36, 36])
ask(-(paid - due), "-(paid - due)", [-2, -2], [-12, -12])
ask(n * -(paid + due), "n * -(paid + due)", [-36, -36], [-16, -16])
ask(paid * (due / n), "paid * (due / n)", [7, 7], [11, 11])
ask((paid > due) + (due > n), "(paid > due) + (due > n)", [2, 2], [0, 0])
ask(paid - -due, "paid - -due", [12, 12], ["paid"])
PY
echo "as described"
