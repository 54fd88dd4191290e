#!/bin/sh
# fiona 1.10.1 (GDAL 3.9.2): dates, numpy's and whole numbers become NULL, texts become 0, and a column is not there.
#
# Expected: a property of the schema type "float" takes 5 as 5.0; what a column cannot hold raises, as "a" does for a date;
#           every column of a GeoPackage is read.
# Seen:     a date in a "datetime" column of a GeoPackage is NULL, and so are a number or a date in "str", numpy's int64 in
#           "int32" and "float", a Decimal, and even 5 in "float" (that one was reported in 2024, and is still so); the only
#           trace is a log message behind a NullHandler. The texts "n/a" and "" become 0 in "int" and 0.0 in "float". Through
#           geopandas 1.2.0 with engine="fiona", a column of datetime.date is written as nothing but NULLs. A column of 32-bit
#           floats, which pyogrio 0.13.0 writes as FLOAT, is missing among those that fiona reads.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q fiona==1.10.1 numpy==2.4.6 pyogrio==0.13.0 geopandas==1.2.0 pandas==3.1.1 shapely==2.2.0 pyproj==3.7.2
cd "$work"
venv/bin/python - <<'PY'
import datetime
import decimal
import pathlib
import sqlite3
import warnings

import fiona
import geopandas
import numpy
from shapely.geometry import Point

warnings.simplefilter("error")
DAY = datetime.date(2020, 1, 2)


def stored(kind, *values):
    pathlib.Path("file.gpkg").unlink(missing_ok=True)
    schema = {"geometry": "Point", "properties": {"x": kind}}
    with fiona.open("file.gpkg", "w", driver="GPKG", crs="EPSG:4326", schema=schema) as layer:
        for value in values:
            point = {"type": "Point", "coordinates": (1, 2)}
            layer.write({"type": "Feature", "geometry": point, "properties": {"x": value}})
    found = [value for (value,) in sqlite3.connect("file.gpkg").execute("SELECT x FROM file ORDER BY fid")]
    print(f"{kind:9}", values, "->", found)
    return found


print("fiona", fiona.__version__, "GDAL", fiona.__gdal_version__)
assert stored("float", 2.5, 5, 7.0) == [2.5, None, 7.0], "this has changed"
assert stored("float", numpy.int64(5), decimal.Decimal("2.5")) == [None, None], "this has changed"
assert stored("int", 5, numpy.int64(5)) == [5, 5]
assert stored("int32", numpy.int64(5)) == [None], "this has changed"
assert stored("str", "5", 5, DAY) == ["5", None, None], "this has changed"
assert stored("date", DAY) == ["2020-01-02"]
assert stored("datetime", DAY) == [None], "this has changed"
assert stored("int", "n/a", "") == [0, 0] and stored("float", "n/a", "") == [0.0, 0.0], "this has changed"
try:
    stored("date", "a")
except ValueError as error:
    print("date      a is refused:", error)
else:
    raise SystemExit("it is written: this has changed")

frame = geopandas.GeoDataFrame(
    {"day": [DAY, DAY], "small": numpy.array([0.5, 1.5], "float32")}, geometry=[Point(1, 2), Point(3, 4)], crs=4326
)
for engine, days in (("pyogrio", ["2020-01-02", "2020-01-02"]), ("fiona", [None, None])):
    pathlib.Path("frame.gpkg").unlink(missing_ok=True)
    frame.to_file("frame.gpkg", driver="GPKG", engine=engine)
    file = sqlite3.connect("frame.gpkg")
    found = [day for (day,) in file.execute("SELECT day FROM frame")]
    columns = {name: kind for _, name, kind, *_ in file.execute("PRAGMA table_info(frame)")}
    with fiona.open("frame.gpkg") as layer:
        read = list(layer.schema["properties"])
    print(engine, found, columns, "read by fiona:", read)
    assert found == days, "this has changed"
    assert read == (["day"] if engine == "pyogrio" else ["day", "small"]), "this has changed"
PY
echo "as described"
