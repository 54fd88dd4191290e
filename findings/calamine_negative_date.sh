#!/bin/sh
# python-calamine 0.9.1: a negative number in a cell with a date format comes back as midnight.
#
# Expected: the number, an error, or nothing: a spreadsheet shows ##### there and keeps the -1.
# Seen:     datetime.time(0, 0), the same as for a cell that holds midnight, so the value is lost without a word. An
#           error value (#N/A) comes back as the empty string, as an empty cell does. Serial 60, the 29 February 1900
#           that never was, comes back as the 28th, which serial 59 is, too.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q python-calamine==0.9.1 openpyxl==3.1.5
cd "$work"
venv/bin/python - <<'PY'
import datetime

import openpyxl
from python_calamine import CalamineWorkbook

book = openpyxl.Workbook()
for value, style in ((-1, "yyyy-mm-dd"), (0, "hh:mm"), (59, "yyyy-mm-dd"), (60, "yyyy-mm-dd"), ("#N/A", None)):
    book.active.append([value])
    if style:
        book.active.cell(book.active.max_row, 1).number_format = style
book.save("book.xlsx")
found = [row[0] for row in CalamineWorkbook.from_path("book.xlsx").get_sheet_by_index(0).to_python()]
print(found)
midnight, last = datetime.time(0, 0), datetime.date(1900, 2, 28)
assert found == [midnight, midnight, last, last, ""], "this has changed"
PY
echo "as described"
