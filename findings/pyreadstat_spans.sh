#!/bin/sh
# pyreadstat 1.3.7: 36 hours of an SPSS file are noon, two days and an hour are one in the morning, and -1:15 is 22:45.
#
# Expected: SPSS's TIME and DTIME and SAS's TIME hold spans of any length (36:00:00, 2 01:00:00, -1:15:00), so they are read as
#           seconds, as timedelta, or are refused; at least what is no time of day is.
# Seen:     every value becomes datetime.time, and the days are dropped without a word: for DTIME, whose name is days and time,
#           too. Of the longest stay of 36:00 none is left, the longest is 22:45, which was negative. pandas.read_spss()
#           and output_format="polars" do the same. MTIME is a plain number. With disable_datetime_conversion=True, the
#           seconds are there.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pyreadstat==1.3.7 pandas==3.1.1 polars==2.1.0
cd "$work"
venv/bin/python - <<'PY'
import datetime
import warnings

import pandas
import pyreadstat

HOUR = 3600
SPANS = [8.5 * HOUR, 36 * HOUR, 49 * HOUR, -1.25 * HOUR]
READ = [datetime.time(8, 30), datetime.time(12, 0), datetime.time(1, 0), datetime.time(22, 45)]
warnings.simplefilter("error")
stay = pandas.DataFrame({"worked": SPANS, "ill": SPANS})
pyreadstat.write_sav(stay, "stay.sav", variable_format={"worked": "TIME8", "ill": "DTIME12"})
pyreadstat.write_xport(stay[["worked"]], "stay.xpt", file_format_version=8, variable_format={"worked": "TIME8"})

raw, meta = pyreadstat.read_sav("stay.sav", disable_datetime_conversion=True)
print(meta.original_variable_types, raw["worked"].tolist())
assert raw["worked"].tolist() == raw["ill"].tolist() == SPANS
frames = {
    "SPSS": pyreadstat.read_sav("stay.sav")[0],
    "SPSS, polars": pyreadstat.read_sav("stay.sav", output_format="polars")[0],
    "pandas.read_spss": pandas.read_spss("stay.sav"),
    "SAS": pyreadstat.read_xport("stay.xpt")[0],
}
for name, frame in frames.items():
    for column in frame.columns:
        found = frame[column].to_list()
        print(f"{name:17} {column:7}", *found)
        assert found == READ, "this has changed"
PY
echo "as described"
