#!/bin/sh
# fastparquet 2026.9.0: the date 9999-12-31 of a Parquet file is read as a day of 1816, and a list of records as None.
#
# Expected: a DATE column gives the days that the file holds, as its columns of timestamps do, or raises; what it cannot
#           build (a list of structs, a list of lists) raises, too.
# Seen:     dates are multiplied to nanoseconds in 64 bits and wrap round: "valid until 9999-12-31" is 29 March 1816, the
#           12 April 2262 is in 1677, and 1600-01-01 is in 2184, the latest day of the column; a filter for those still valid
#           finds none of the first. 9999-12-31 00:00 in a column of timestamps is right. Lists of structs and lists of lists
#           are None in every row, as if they were NULL; a struct and a list of numbers are kept. No warning. pyarrow 26.0.1,
#           which wrote the file, reads all of it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q fastparquet==2026.9.0 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PY'
import datetime
import warnings

import fastparquet
import pyarrow
import pyarrow.parquet

DAYS = [datetime.date(9999, 12, 31), datetime.date(2262, 4, 12), datetime.date(1600, 1, 1), datetime.date(2020, 1, 2)]
columns = {
    "until": pyarrow.array(DAYS),
    "stamp": pyarrow.array([datetime.datetime(*day.timetuple()[:3]) for day in DAYS], pyarrow.timestamp("us")),
    "items": pyarrow.array([[{"name": "tea", "n": 2}], [], [{"name": "pen", "n": 1}], [{"name": "ink", "n": 3}]]),
    "grid": pyarrow.array([[[1, 2], [3]]] * 4),
    "numbers": pyarrow.array([[1, 2], [], [3], [4]]),
    "struct": pyarrow.array([{"k": 1}] * 4),
}
pyarrow.parquet.write_table(pyarrow.table(columns), "file.parquet")
assert pyarrow.parquet.read_table("file.parquet").to_pydict()["until"] == DAYS

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    frame = fastparquet.ParquetFile("file.parquet").to_pandas()
assert all(issubclass(one.category, ResourceWarning) for one in said), "it warns: this has changed"
for name in frame:
    print(f"{name:9} {frame[name].dtype!s:15} {frame[name].tolist()}")
assert [str(day.date()) for day in frame["until"]] == ["1816-03-29", "1677-09-21", "2184-07-20", "2020-01-02"], "this has changed"
assert [day.date() for day in frame["stamp"]] == DAYS
assert int((frame["until"] >= "2300-01-01").sum()) == 0 and str(frame["until"].max().date()) == "2184-07-20", "this has changed"
assert frame["items"].tolist() == [None] * 4 and frame["grid"].tolist() == [None] * 4, "this has changed"
assert [list(one) for one in frame["numbers"]] == [[1, 2], [], [3], [4]] and frame["struct.k"].tolist() == [1] * 4
PY
echo "as described"
