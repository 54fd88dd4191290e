#!/bin/sh
# dbt-sqlite 1.10.0 (dbt-core 1.11.16): three days ago is NULL, and a view that cannot be read is "OK created".
#
# Expected: dbt.dateadd("day", -3, "sold"), as dbt documents its macro, is the day three days before; hours added to a day count;
#           a model that the database cannot run fails the run.
# Seen:     the parts are pasted into '+' || -3 || ' days', which SQLite does not know, so every negative interval is NULL. The
#           name of the part is written without quotation marks, so "day" is a column: with one of that name in the table,
#           all is NULL, without one the view fails when it is read. 30 hours after a day is that day, and a month after 31
#           January 2 March. dbt.date_trunc, split_part and listagg are calls of functions that SQLite lacks; CREATE VIEW
#           does not look at them, so `dbt run` says PASS, and SELECT "no such function".
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q dbt-sqlite==1.10.0 dbt-core==1.11.16
cd "$work"
mkdir models
cat > dbt_project.yml <<'YML'
name: shop
version: "1.0"
profile: shop
YML
cat > profiles.yml <<'YML'
shop:
  target: dev
  outputs:
    dev: {type: sqlite, threads: 1, database: db, schema: main, schemas_and_paths: {main: file.db}, schema_directory: .}
YML
cat > models/sale.sql <<'SQL'
{{ config(materialized='table') }}
select 1 as id, '2020-01-10' as sold, '2020-01-31' as day
SQL
cat > models/quoted.sql <<'SQL'
select {{ dbt.dateadd("'day'", 3, "sold") }} as later, {{ dbt.dateadd("'day'", -3, "sold") }} as earlier,
       {{ dbt.dateadd("'hour'", 30, "sold") }} as hours, {{ dbt.dateadd("'month'", 1, "day") }} as month from {{ ref('sale') }}
SQL
printf '%s\n' "select {{ dbt.dateadd('day', 3, 'sold') }} as later from {{ ref('sale') }}" > models/documented.sql
printf '%s\n' "select {{ dbt.date_trunc('month', 'sold') }} as month from {{ ref('sale') }}" > models/truncated.sql
printf '%s\n' "select {{ dbt.split_part('sold', \"'-'\", 1) }} as year from {{ ref('sale') }}" > models/parts.sql
HOME="$work" venv/bin/dbt --no-use-colors --no-send-anonymous-usage-stats run --profiles-dir . | tail -n 1 | tee said
grep -q 'PASS=5 .*ERROR=0' said
venv/bin/python - <<'PY'
import sqlite3

file = sqlite3.connect("file.db")
file.row_factory = sqlite3.Row
[row] = file.execute("SELECT * FROM quoted")
print("10 January:", dict(row))
assert dict(row) == {"later": "2020-01-13", "earlier": None, "hours": "2020-01-10", "month": "2020-03-02"}, "this has changed"
[[found]] = file.execute("SELECT later FROM documented")
print("three days after 10 January, as documented:", found)
assert found is None, "this has changed"
for view in ("truncated", "parts"):
    try:
        file.execute(f"SELECT * FROM {view}")
    except sqlite3.OperationalError as error:
        print(view, "-", error)
        assert "no such function" in str(error), "this has changed"
    else:
        raise SystemExit("this has changed")
PY
echo "as described"
