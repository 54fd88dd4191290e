#!/bin/sh
# pydal 20260520.0 on SQLite: `qty * 1.5` is qty, `qty < 2.5` does not find 2, and the mean of 1 and 2 is 1.
#
# Expected: a field of the type integer holds integers; what it is compared with or multiplied by, and its mean, are numbers as
#           they are in SQL. A "list:string" field contains the items that were put into it. A field of the type time has an
#           hour() and a date an epoch().
# Seen:     whatever meets an integer field goes through int(): the SQL says `"qty" * 1` and `"qty" < 2`, and avg() is cut when it
#           comes back (and is compared with 1 in HAVING qty.avg() < 1.6). A list of the one item 'b|c' contains 'b' and 'c'
#           as well, since the bar is doubled and what is looked for is |b|. hour(), minutes() of a time, and epoch() of a
#           date are NULL for every row. name[-1] == 'n' finds no pen, as it is the text before the last letter. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pydal==20260520.0
cd "$work"
venv/bin/python - <<'PY'
import datetime

from pydal import DAL, Field

db = DAL("sqlite://file.db", folder=".")
db.define_table(
    "item", Field("name"), Field("qty", "integer"), Field("tags", "list:string"), Field("opens", "time"), Field("day", "date")
)
item = db.item
for name, qty, tags in (("tea", 1, ["hot"]), ("pen", 2, ["b|c"]), ("ink", 3, ["b"])):
    item.insert(name=name, qty=qty, tags=tags, opens=datetime.time(10, 30), day=datetime.date(2020, 1, 2))
db.commit()


def ask(said, query, found):
    sql = db(query)._select(item.name).split("WHERE ")[1]
    names = [row.name for row in db(query).select(item.name, orderby=item.id)]
    print(f"{said:24} {names!s:22} {sql}")
    assert names == found, "this has changed"


ask("qty < 2.5", item.qty < 2.5, ["tea"])
ask("qty == 2.9", item.qty == 2.9, ["pen"])
ask("qty * 1.5 > 2", item.qty * 1.5 > 2, ["ink"])
ask("tags contain b", item.tags.contains("b"), ["pen", "ink"])
ask("tags contain b|c", item.tags.contains("b|c"), ["pen"])
ask("opens.hour() == 10", item.opens.hour() == 10, [])
ask("day.year() == 2020", item.day.year() == 2020, ["tea", "pen", "ink"])
ask("day.epoch() > 0", item.day.epoch() > 0, [])
ask("name[-1] == n", item.name[-1] == "n", [])
ask("name[-1:] == n", item.name[-1:] == "n", ["pen"])

mean = item.qty.avg()
first = db(item.qty <= 2)
[[shown]] = [list(row._extra.values()) for row in first.select(mean)]
[(right,)] = db.executesql('SELECT avg(qty) FROM item WHERE qty <= 2')
few = first.select(mean, groupby=item.day, having=mean < 1.6)
print("avg:", shown, "in SQL:", right, "below 1.6:", list(few))
assert (shown, right, len(few)) == (1, 1.5, 0), "this has changed"
PY
echo "as described"
