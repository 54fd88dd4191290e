#!/bin/sh
# rdata 1.1.0: a missing category that is written to an .rds file comes back as the last category.
#
# Expected: write_rds() of a frame with a pandas Categorical writes a missing value as R's NA, and read_rds() gives it back as
#           missing.
# Seen:     the codes 1, NA, 3 are written as 1, 0, 3: pandas says -1 of a missing category, and 1 is added to all. Reading
#           takes 1 off again and looks up the category at -1, which is the last: of four sizes S, none, L and S, two are L, and
#           a sum by size counts the row in. write_rda() does the same. pyreadr reads the same file, and rdata a file of
#           pyreadr's, rightly. Missing integers, truth values and floats, checked here as well, are kept. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q rdata==1.1.0 pyreadr==0.5.8 pandas==3.1.1
cd "$work"
venv/bin/python - <<'PY'
import warnings

import pandas
import pyreadr
import rdata

warnings.simplefilter("error", UserWarning)
sizes = pandas.Categorical(["S", None, "L", "S"], categories=["S", "M", "L"])
frame = pandas.DataFrame({
    "size": sizes,
    "n": [1, 2, 3, 4],
    "whole": pandas.array([1, None, 3, 4], dtype="Int64"),
    "flag": pandas.array([True, None, False, True], dtype="boolean"),
    "part": [0.5, None, 2.5, 3.5],
})


def plain(values):
    return [None if pandas.isna(value) else value for value in values]


rdata.write_rds("own.rds", frame)
rdata.write_rda("own.rda", {"frame": frame})
pyreadr.write_rds("other.rds", frame[["size"]])
codes = rdata.parser.parse_file("own.rds").object.value[0].value.tolist()
print("codes in the file:", codes)
assert codes == [1, 0, 3, 1], "this has changed"
read = rdata.read_rds("own.rds")
for name in ("whole", "flag", "part"):
    assert plain(read[name]) == plain(frame[name]), name
wrong, right = ["S", "L", "L", "S"], ["S", None, "L", "S"]
for said, found, wanted in (
    ("rdata", plain(read["size"]), wrong),
    ("rdata, .rda", plain(rdata.read_rda("own.rda")["frame"]["size"]), wrong),
    ("pyreadr", plain(pyreadr.read_r("own.rds")[None]["size"]), right),
    ("rdata, a file of pyreadr's", plain(rdata.read_rds("other.rds")["size"]), right),
):
    print(f"{said:27}", found)
    assert found == wanted, "this has changed"
sums = [frame.groupby("size", observed=True)["n"].sum()["L"] for frame in (frame, read)]
print("n of size L, before and after:", *sums)
assert sums == [3, 5], "this has changed"
PY
echo "as described"
