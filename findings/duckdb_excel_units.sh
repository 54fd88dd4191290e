#!/bin/sh
# duckdb 1.5.5 with its excel extension 1.5.5: 42.5 kWh of an .xlsx file are noon, and days of a 1904 workbook four years early.
#
# Expected: read_xlsx() reads a number as a number whatever words its format puts behind it, a day as the day that Excel shows,
#           and hours in [h]:mm as an interval or a number; what COPY TO writes is read by others as it was.
# Seen:     any h in a format, within quotation marks or as the width of a blank (0.0_h), makes a column of the type TIME, in
#           which the whole number is dropped: 42.5 and 7 kWh, km/h or hours are 12:00 and 00:00. 36:00 in [h]:mm is 12:00, too. A
#           workbook that counts from 1904 (Excel on a Mac) is read as if from 1900. COPY TO writes days before March 1900 so
#           that openpyxl reads the next day, and NaN so that the whole sheet cannot be read. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-excel==1.5.5 openpyxl==3.1.5 XlsxWriter==3.3.1
cd "$work"
venv/bin/python - <<'PY'
import datetime

import duckdb
import duckdb_extensions
import openpyxl
import xlsxwriter

duckdb_extensions.import_extension("excel")
duck = duckdb.connect()
duck.execute("LOAD excel")


def read(numbers, style, **options):
    book = xlsxwriter.Workbook("book.xlsx", options)
    sheet = book.add_worksheet()
    sheet.write(0, 0, "value")
    for row, number in enumerate(numbers, 1):
        sheet.write_number(row, 0, number, book.add_format({"num_format": style}))
    book.close()
    found = [value for (value,) in duck.execute("SELECT value FROM read_xlsx('book.xlsx')").fetchall()]
    other = [row[0] for row in openpyxl.load_workbook("book.xlsx").active.iter_rows(min_row=2, values_only=True)]
    print(f"{style:15} {numbers}: DuckDB", *found, "openpyxl", *other)
    return found, other


USED = [42.5, 7]
CLOCK = [datetime.time(12, 0), datetime.time(0, 0)]
for style in ('0.0 "kWh"', '0.0 "km/h"', '0 "hours"', "0.0_h"):
    found, _ = read(USED, style)
    assert found == CLOCK, "this has changed"
assert read(USED, '0.0 "kW"') == (USED, USED)
assert read([1.5], "[h]:mm")[0] == [datetime.time(12, 0)], "this has changed"
assert read([1.5], "[h]:mm")[1] == [datetime.timedelta(hours=36)]
day = datetime.datetime(2020, 1, 2)
found, other = read([(day - datetime.datetime(1904, 1, 1)).days], "yyyy-mm-dd", date_1904=True)
assert other == [day]
assert found == [datetime.date(2016, 1, 1)], "this has changed"

duck.execute("COPY (SELECT DATE '1900-01-15' AS day) TO 'out.xlsx' (FORMAT xlsx)")
[[written]] = openpyxl.load_workbook("out.xlsx").active.iter_rows(values_only=True)
print("15 January 1900 is read by openpyxl as", written)
assert written == datetime.datetime(1900, 1, 16), "this has changed"
duck.execute("COPY (SELECT 'nan'::DOUBLE AS x, 5 AS y) TO 'out.xlsx' (FORMAT xlsx)")
try:
    openpyxl.load_workbook("out.xlsx")
except ValueError as error:
    print("with a NaN:", str(error).splitlines()[0])
else:
    raise SystemExit("this has changed")
PY
echo "as described"
