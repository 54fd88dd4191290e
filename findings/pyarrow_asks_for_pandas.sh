#!/bin/sh
# pyarrow 26.0.1: whether to_pylist() gives values or raises depends on a package that the program never imports.
#
# Expected: a Parquet file with times in nanoseconds (what Spark's INT96 and pandas write) gives the same Python objects in
#           every environment, or is refused in every one.
# Seen:     without pandas installed, to_pylist() gives datetime.datetime as long as no value has digits beyond the
#           microsecond; at the first that has, the whole column raises ValueError. Installing pandas turns the same
#           column into pandas.Timestamp, all of it, in a process that imports pyarrow alone. A file that was read for
#           months fails on one row, and tests in an environment with pandas never see it. cast to string gives all digits in both.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pyarrow==26.0.1
cat >"$work/read.py" <<'PY'
import pyarrow
import pyarrow.parquet

SECOND = 1_577_934_245 * 10**9
for last in (SECOND + 123_456_000, SECOND + 123_456_789):
    at = pyarrow.array([SECOND, last], pyarrow.timestamp("ns"))
    pyarrow.parquet.write_table(pyarrow.table({"at": at}), "t.parquet", use_deprecated_int96_timestamps=True)
    column = pyarrow.parquet.read_table("t.parquet").column("at")
    try:
        kinds = {f"{type(value).__module__.split('.')[0]}.{type(value).__name__}" for value in column.to_pylist()}
    except ValueError as error:
        kinds = {f"ValueError: {str(error).split(' type')[0]}"}
    print(*kinds, "/", column.cast(pyarrow.string()).to_pylist()[-1])
PY
cd "$work"
venv/bin/python read.py | tee without
"$work/venv/bin/pip" install -q pandas==3.1.1 numpy==2.4.6
venv/bin/python read.py | tee with
cat >expected <<'E'
datetime.datetime / 2020-01-02 03:04:05.123456000
ValueError: Nanosecond resolution temporal / 2020-01-02 03:04:05.123456789
E
diff expected without || { echo "this has changed" >&2; exit 1; }
cat >expected <<'E'
pandas.Timestamp / 2020-01-02 03:04:05.123456000
pandas.Timestamp / 2020-01-02 03:04:05.123456789
E
diff expected with || { echo "this has changed" >&2; exit 1; }
echo "as described"
