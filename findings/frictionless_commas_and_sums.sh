#!/bin/sh
# frictionless 5.21.0: a price of 9,05 becomes the place [9.0, 5.0] and is stored as '9,5'; a sum in SQLite is read as None.
#
# Expected: a column of 9,05 and 10,00 in a CSV file is text, or a number with a decimal comma; what is written to SQLite can be
#           told from 9,5. A number in a SQLite table is read as a number, whatever its column is declared.
# Seen:     such a column is inferred as "geopoint" wherever it stays within 180 and 90, and written to SQLite as '9,5' and
#           '10,0'; with 12,345 or 250,00 in it, it is text. A column without a type, as CREATE TABLE AS SELECT sum(amount)
#           AS total makes it, is a "string", of which every number is None, also after writing it to CSV. A text behind row 100 of
#           a column of numbers is NULL in the database. write() raises nothing, and the file with the comma is valid.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'frictionless[sql]==5.21.0' SQLAlchemy==2.1.9
cd "$work"
venv/bin/python - <<'PY'
import pathlib
import sqlite3
import warnings

from frictionless import Resource, formats, validate

warnings.simplefilter("error", UserWarning)


def through_sqlite(values):
    pathlib.Path("file.db").unlink(missing_ok=True)
    pathlib.Path("in.csv").write_text("id,price\n" + "".join(f'{row},"{value}"\n' for row, value in enumerate(values)))
    resource = Resource("in.csv")
    resource.infer()
    Resource("in.csv").write("sqlite:///file.db", control=formats.SqlControl(table="item"))
    file = sqlite3.connect("file.db")
    stored = [value for (value,) in file.execute("SELECT price FROM item ORDER BY id")]
    return resource.schema.get_field("price").type, stored


for values, kind, stored in (
    (["9,05", "10,00", "9,5"], "geopoint", ["9,5", "10,0", "9,5"]),
    (["9,05", "10,00", "250,00"], "string", ["9,05", "10,00", "250,00"]),
    (["9.05", "10.00"], "number", [9.05, 10]),
):
    found = through_sqlite(values)
    print(values, "->", *found)
    assert found == (kind, stored), "this has changed"
pathlib.Path("comma.csv").write_text('id,price\n1,"9,05"\n')
assert validate("comma.csv").valid, "this has changed"

kind, stored = through_sqlite([*range(150), "n/a"])
print("150 numbers and n/a:", kind, stored[-2:])
assert (kind, stored[-1]) == ("integer", None), "this has changed"

file = sqlite3.connect("sums.db")
file.executescript("""
    CREATE TABLE sale (shop TEXT, amount INTEGER);
    INSERT INTO sale VALUES ('Rome', 900), ('Rome', 50), ('Oslo', 1450);
    CREATE TABLE per_shop AS SELECT shop, sum(amount) AS total, count(*) AS n FROM sale GROUP BY shop;
""")
print("SQLite:", file.execute("SELECT * FROM per_shop").fetchall())
table = formats.SqlControl(table="per_shop")
rows = [row.to_dict() for row in Resource("sqlite:///sums.db", control=table).read_rows()]
print("read_rows():", *rows)
assert [(row["total"], row["n"]) for row in rows] == [(None, None)] * 2, "this has changed"
Resource("sqlite:///sums.db", control=table).write("out.csv")
print("CSV:", pathlib.Path("out.csv").read_text().split())
assert pathlib.Path("out.csv").read_text().split() == ["shop,total,n", "Oslo,,", "Rome,,"], "this has changed"
PY
echo "as described"
