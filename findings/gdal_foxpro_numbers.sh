#!/bin/sh
# pyogrio 0.13.0 (GDAL 3.12.4): the number 65 of a Visual FoxPro table is the letter A, and 0.5 is NULL.
#
# Expected: a .dbf file of Visual FoxPro (first byte 0x30), whose head says of each column what it is, is read as dbfread
#           reads it, or is refused; ogr2ogr and geopandas are the usual way of a .dbf into SQLite.
# Seen:     an INTEGER, CURRENCY, DOUBLE or DATETIME column holds binary numbers, and their bytes come back as texts: the ids
#           65 and 16961 are 'A' and 'AB', 0 and 256 are both NULL, a memo is '\x04', the number of its block, and the
#           price 9.99 is '<†\x01'. What is written as digits (NUMERIC, DATE, LOGICAL) is right, so that the table looks
#           fine. No warning. dbfread 2.0.7 reads all of it. (One report to geopandas, of 2024 and open, shows such
#           texts.)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q dbf==0.99.11 dbfread==2.0.7 pyogrio==0.13.0 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PY'
import datetime
import warnings

import dbf
import dbfread
import pyogrio
import pyogrio.raw

DAY = datetime.date(2020, 1, 2)
NOON = datetime.datetime(2020, 1, 2, 12, 30)
table = dbf.Table(
    "sale.dbf",
    "id I; price Y; rate B; at T; day D; amount N(10,2); name C(10); note M; paid L",
    dbf_type="vfp",
    codepage="cp1252",
)
table.open(dbf.READ_WRITE)
for id in (65, 16961, 0, 256):
    table.append((id, 9.99, 0.5, NOON, DAY, 1.5, "Ada", "a long memo", True))
table.close()

right = [list(row.values()) for row in dbfread.DBF("sale.dbf")]
print("dbfread:", *right, sep="\n  ")
assert [row[0] for row in right] == [65, 16961, 0, 256] and str(right[0][1]) == "9.99"
assert right[0][2:8] == [0.5, NOON, DAY, 1.5, "Ada", "a long memo"]

with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    meta, _, _, columns = pyogrio.raw.read("sale.dbf", read_geometry=False)
seen = dict(zip(meta["fields"], [column.tolist() for column in columns]))
print("GDAL", pyogrio.__gdal_version_string__)
for name, values in seen.items():
    print(f"  {name:7}", values)
assert not said, "it warns: this has changed"
assert seen["ID"] == ["A", "AB", None, None], "this has changed"
assert seen["RATE"] == [None] * 4 and seen["NOTE"][0] == "\x04", "this has changed"
assert isinstance(seen["PRICE"][0], str) and "9" not in seen["PRICE"][0], "this has changed"
assert isinstance(seen["AT"][0], str) and "2020" not in seen["AT"][0], "this has changed"
assert (seen["AMOUNT"][0], seen["DAY"][0], seen["NAME"][0]) == (1.5, DAY, "Ada")
PY
echo "as described"
