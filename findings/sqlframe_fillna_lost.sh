#!/bin/sh
# sqlframe 4.10.0 with sqlglot 30.29.0 on duckdb 1.5.5: fillna(0) is undone by the filter(), select() or groupBy() behind it.
#
# Expected: df.fillna(0, ["qty"]) is a DataFrame in which NULLs of qty are 0 for all that comes after, as withColumn() is; casts,
#           lists and texts of JSON are Spark's, whose API this is.
# Seen:     fillna() and replace() hold if the rows are fetched at once. Behind select(), withColumn(), filter(), join() or agg()
#           their CASE is gone: filter(qty == 0) finds nothing, the mean of 3, 7 and a filled 0 is 5, select("qty") has its NULL
#           again, in the SQL, too. Of Spark's own rules: 2.7 cast to int is 3 instead of 2, collect_list() and collect_set() keep
#           NULLs, get_json_object() has quotation marks around its text, rint(2.5) is 3, array_max() with a NULL is NULL,
#           substring from 0 is a letter short. No warning; of other differences sqlframe warns.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlframe==4.10.0 sqlglot==30.29.0 duckdb==1.5.5
cd "$work"
venv/bin/python -W error::UserWarning - <<'PY'
from sqlframe.duckdb import DuckDBSession
from sqlframe.duckdb import functions as F

session = DuckDBSession()
frame = session.createDataFrame([(1, "a", 3), (2, None, None), (3, "b", 7)], ["id", "shop", "qty"])


def rows(one):
    return [tuple(row) for row in one.collect()]


filled = frame.fillna(0, ["qty"])
named = frame.replace("a", "z", ["shop"])
right = [(1, "a", 3), (2, None, 0), (3, "b", 7)]
assert rows(filled.orderBy("id")) == right and rows(named.orderBy("id"))[0] == (1, "z", 3)
for name, one, found in (
    ("filter", filled.filter(F.col("qty") == 0), []),
    ("select", filled.select("id", "qty").orderBy("id"), [(1, 3), (2, None), (3, 7)]),
    ("withColumn", filled.withColumn("more", F.col("qty") + 1).select("more").orderBy("id"), [(4,), (None,), (8,)]),
    ("agg", filled.groupBy().agg(F.count("qty"), F.avg("qty")), [(2, 5.0)]),
    ("replace, filter", named.filter(F.col("shop") == "z"), []),
    ("replace, select", named.select("shop").orderBy("id"), [("a",), (None,), ("b",)]),
):
    print(f"{name:16}", rows(one))
    assert rows(one) == found, "this has changed"
print(filled.select("qty").sql(dialect="duckdb"))
assert "CASE" not in filled.select("qty").sql(dialect="duckdb"), "this has changed"
# the same with other steps, which hold
assert rows(frame.withColumn("qty", F.coalesce("qty", F.lit(0))).filter(F.col("qty") == 0)) == [(2, None, 0)]
assert rows(frame.dropna(subset=["qty"]).select("id").orderBy("id")) == [(1,), (3,)]

[values] = rows(
    frame.limit(1).select(
        F.lit(2.7).cast("int"),
        F.get_json_object(F.lit('{"a": "x"}'), "$.a"),
        F.rint(F.lit(2.5)),
        F.array_max(F.array(F.lit(1), F.lit(None), F.lit(3))),
        F.substring(F.lit("hello"), 0, 2),
    )
)
print("Spark: 2, x, 2.0, 3, he; sqlframe:", values)
assert values == (3, '"x"', 3.0, None, "h"), "this has changed"
[lists] = rows(frame.agg(F.collect_list("shop"), F.collect_set("shop")))
print("lists:", lists)
assert None in lists[0] and None in lists[1], "this has changed"
PY
echo "as described"
