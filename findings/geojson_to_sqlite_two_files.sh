#!/bin/sh
# geojson-to-sqlite 1.1.1 with sqlite-utils 4.2.1: the second of two files overwrites the first, half of each row.
#
# Expected: "geojson-to-sqlite my.db cities a.geojson b.geojson", which its help promises, makes a table of all features; a
#           feature's id is its id, whatever properties it has.
# Seen:     an "id" makes every row an upsert, and programs number the features of each file from 0 on (geopandas 1.2.0 does, as
#           here): of 3 and 2 cities 3 are left, and where the second file says nothing about a column, the value of the
#           first file stays, so that Oslo has the population of Berlin. A property named id takes the place of the
#           feature's own: 6 stops of 2 lines, whose line is in "id", become 2 rows. A property named geometry is lost. No
#           warning, exit status 0. Without ids, all rows are there.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q geojson-to-sqlite==1.1.1 sqlite-utils==4.2.1 geopandas==1.2.0 shapely==2.2.0 pyogrio==0.13.0
cd "$work"
venv/bin/python - <<'PY'
import json
import pathlib
import sqlite3
import subprocess

import geopandas
from shapely import Point


def load(name, *files):
    done = subprocess.run(["venv/bin/geojson-to-sqlite", f"{name}.db", "t", *files], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout + done.stderr, "it says something: this has changed"
    file = sqlite3.connect(f"{name}.db")
    file.row_factory = sqlite3.Row
    rows = [dict(row) for row in file.execute("SELECT * FROM t")]
    print(f"{name}:", *rows, sep="\n  ")
    return rows


south = {"name": ["Berlin", "Paris", "Rome"], "people": [3700, 2100, 2800]}
north = {"name": ["Oslo", "Bergen"]}
for name, columns in (("south", south), ("north", north)):
    places = [Point(10 + n, 50) for n in range(len(columns["name"]))]
    pathlib.Path(f"{name}.geojson").write_text(geopandas.GeoDataFrame(columns, geometry=places, crs="EPSG:4326").to_json())
    held = json.loads(pathlib.Path(f"{name}.geojson").read_text())
    assert [feature["id"] for feature in held["features"]] == [str(n) for n in range(len(places))]
    for feature in held["features"]:
        del feature["id"]
    pathlib.Path(f"{name}_plain.geojson").write_text(json.dumps(held))

rows = load("both", "south.geojson", "north.geojson")
found = [(row["name"], row["people"]) for row in rows]
assert found == [("Oslo", 3700), ("Bergen", 2100), ("Rome", 2800)], "this has changed"
rows = load("plain", "south_plain.geojson", "north_plain.geojson")
assert [(row["name"], row["people"]) for row in rows][3:] == [("Oslo", None), ("Bergen", None)]

stops = [
    {"type": "Feature", "id": n, "properties": {"name": f"stop {n}", "id": f"line {n % 2}", "geometry": "point"}, "geometry": None}
    for n in range(6)
]
pathlib.Path("stops.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": stops}))
rows = load("stops", "stops.geojson")
assert [(row["id"], row["name"]) for row in rows] == [("line 0", "stop 4"), ("line 1", "stop 5")], "this has changed"
assert [row["geometry"] for row in rows] == [None, None], "this has changed"
PY
echo "as described"
