#!/bin/sh
# pandas 3.1.1, polars 2.1.0, adbc-driver-sqlite 1.13.0: one moment and one hour become different values in SQLite.
#
# Expected: ten in the morning at +02:00 is stored as one moment by every writer, or with its offset. pandas warns that
#           a timedelta "will be written as integer values (ns frequency)", so an hour is 3600000000000.
# Seen:     through a sqlite3 connection pandas writes '2020-01-02 10:00:00+02:00', through SQLAlchemy the wall clock
#           without the offset, '2020-01-02 10:00:00.000000'; polars through SQLAlchemy the clock of UTC,
#           '2020-01-02 08:00:00.000000', and through ADBC the same with a T, which sorts behind every blank: of two
#           stamps of one day, WHERE at > '2020-01-02 23:00' finds the one of 08:00. The hour is 3600000000 from pandas in
#           spite of its warning, 3600 for a column of seconds, and 3600000000000 from polars.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pandas==3.1.1 polars==2.1.0 numpy==2.4.6 pyarrow==26.0.1 SQLAlchemy==2.1.9 \
    adbc-driver-sqlite==1.13.0 adbc-driver-manager==1.13.0
cd "$work"
venv/bin/python - <<'PY'
import datetime
import pathlib
import sqlite3
import warnings

import numpy
import pandas
import polars

AT = datetime.datetime(2020, 1, 2, 10, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
HOUR = datetime.timedelta(hours=1)


def stored(write, sql="SELECT x FROM t"):
    pathlib.Path("file.db").unlink(missing_ok=True)
    write()
    file = sqlite3.connect("file.db")
    [(value,)] = file.execute(sql).fetchall()
    file.close()
    print(repr(value))
    return value


def by_pandas(values):
    file = sqlite3.connect("file.db")
    pandas.DataFrame({"x": values}).to_sql("t", file, index=False)
    file.commit()
    file.close()


def by_pandas_alchemy(values):
    pandas.DataFrame({"x": values}).to_sql("t", "sqlite:///file.db", index=False)


def by_polars(values, engine):
    polars.DataFrame({"x": values}).write_database("t", "sqlite:///file.db", engine=engine)


assert stored(lambda: by_pandas([AT])) == "2020-01-02 10:00:00+02:00", "this has changed"
assert stored(lambda: by_pandas_alchemy([AT])) == "2020-01-02 10:00:00.000000", "this has changed"
assert stored(lambda: by_polars([AT], "sqlalchemy")) == "2020-01-02 08:00:00.000000", "this has changed"
assert stored(lambda: by_polars([AT], "adbc")) == "2020-01-02T08:00:00.000000", "this has changed"
after_eleven = "SELECT count(*) FROM t WHERE x > '2020-01-02 23:00'"
assert stored(lambda: by_polars([AT], "adbc"), after_eleven) == 1, "this has changed"

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    assert stored(lambda: by_pandas([HOUR])) == 3_600_000_000, "this has changed"
    assert stored(lambda: by_pandas(numpy.array([3600], "m8[s]"))) == 3600, "this has changed"
print(said[0].message)
assert "(ns frequency)" in str(said[0].message), "this has changed"
assert stored(lambda: by_polars([HOUR], "sqlalchemy")) == 3_600_000_000_000, "this has changed"
PY
echo "as described"
