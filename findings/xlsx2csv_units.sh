#!/bin/sh
# xlsx2csv 0.8.6: a number whose format names a unit in words comes out as the format, without the number.
#
# Expected: a cell that holds 42 with the format 0" days" is 42, or 42 days, in the CSV file.
# Seen:     letters d, h, m, s and y inside quotation marks are taken for a date's, and what stands around them is
#           written: 42 in days is `0" 10ays"`, 70.5 and 80.5 in m² are both `0.0 "03²"`, 1250.5 in `#,##0.00 "zł/m"` is
#           `#,##0.00 "zł/06"`: the numbers are nowhere in the CSV file, exit status 0. A span in [h]:mm:ss loses its whole
#           days, 36 hours are 12:00, and 12.5 % with the format 0% is 13%. openpyxl 3.1.5 reads the numbers.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q xlsx2csv==0.8.6 openpyxl==3.1.5 XlsxWriter==3.3.1
cd "$work"
venv/bin/python - <<'PY'
import csv
import subprocess

import openpyxl
import xlsxwriter

CELLS = (
    (42, '0" days"'),
    (70.5, '0.0 "m²"'),
    (80.5, '0.0 "m²"'),
    (1250.5, '#,##0.00 "zł/m"'),
    (1.5, "[h]:mm:ss"),
    (0.125, "0%"),
)
book = xlsxwriter.Workbook("book.xlsx")
sheet = book.add_worksheet()
for row, (value, style) in enumerate(CELLS):
    sheet.write_number(row, 0, value, book.add_format({"num_format": style}))
book.close()
numbers = [row[0] for row in openpyxl.load_workbook("book.xlsx").active.iter_rows(values_only=True)]
print("openpyxl:", *numbers, sep=" | ")
subprocess.run(["venv/bin/xlsx2csv", "book.xlsx", "out.csv"], check=True)
with open("out.csv", newline="") as file:
    found = [row[0] for row in csv.reader(file)]
print("xlsx2csv:", *found, sep=" | ")
assert numbers[:4] == [42, 70.5, 80.5, 1250.5]
assert found == ['0" 10ays"', '0.0 "03²"', '0.0 "03²"', '#,##0.00 "zł/06"', "12:00", "13%"], "this has changed"
PY
echo "as described"
