#!/bin/sh
# ibis-framework 12.0.0 on SQLite (sqlglot 28.10.1): a quarter or a week is a fraction that only looks like a whole number.
#
# Expected: t.taken.quarter() and t.taken.week_of_year() are integers (ibis says int32) in the database as in the result, as they
#           are on DuckDB: grouping a year by quarter gives four groups.
# Seen:     the statement divides as real numbers, and the whole number is cut out of it after the rows have come. Grouped by
#           quarter, a year gives twelve groups named 1, 1, 1, 2, 2, 2 and so on, of which a filter for the first quarter
#           finds January alone, and a filter for week 10 nothing. With a NULL in the column, the result shows what
#           it is, 1.333. microsecond() gives the seconds. DuckDB 1.5.5 gives the right answer to each.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q "ibis-framework[sqlite,duckdb]==12.0.0" sqlglot==28.10.1 duckdb==1.5.5 pandas==3.1.1 \
    pyarrow==26.0.1 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PY'
import datetime

import ibis

stamps = [datetime.datetime(2020, month, 4, 10, 30, 15, 250_000) for month in range(1, 13)]


def opened(place, stamps):
    place.raw_sql("CREATE TABLE t (taken TIMESTAMP)")
    for stamp in stamps:
        place.raw_sql("INSERT INTO t VALUES (NULL)" if stamp is None else f"INSERT INTO t VALUES ('{stamp}')")
    return place.table("t")


def answers(place):
    t = opened(place, stamps)
    assert t.taken.quarter().type().is_integer() and t.taken.week_of_year().type().is_integer()
    groups = t.group_by(quarter=t.taken.quarter()).agg(rows=t.count()).order_by("quarter").execute()
    first = t.filter(t.taken.quarter() == 1).count().execute()
    tenth = t.filter(t.taken.week_of_year() == 10).count().execute()
    micro = t.taken.microsecond().max().execute()
    for value in (groups.values.tolist(), first, tenth, micro):
        print(" ", value)
    return [groups["quarter"].tolist(), groups["rows"].tolist(), int(first), int(tenth), int(micro)]


print("DuckDB")
assert answers(ibis.duckdb.connect()) == [[1, 2, 3, 4], [3, 3, 3, 3], 3, 1, 250_000]
print("SQLite")
twelve = [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
assert answers(ibis.sqlite.connect()) == [twelve, [1] * 12, 1, 0, 15], "this has changed"
t = opened(ibis.sqlite.connect(), [stamps[1], None])
shown = t.select(quarter=t.taken.quarter()).execute()["quarter"].tolist()
print(" ", shown, ibis.to_sql(t.taken.quarter(), dialect="sqlite").replace("\n", " "))
assert 1.3 < shown[0] < 1.4, "this has changed"
PY
echo "as described"
