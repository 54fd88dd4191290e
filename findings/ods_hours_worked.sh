#!/bin/sh
# polars 2.1.0 with fastexcel 0.21.0, python-calamine 0.9.1, pyexcel-ods 0.6.0: hours worked, lost from an ODS file.
#
# Expected: a column of spans in the format [HH]:MM:SS (8:30, 36:00, -1:15, and 8:30 that was measured to half a second) is a
#           column of spans, or of one other type, or is refused.
# Seen:     polars.read_ods() makes a column of the type duration, in which every span of a day and more and every negative
#           one is null, so the total of 51:45 is 17:00, without a word. python-calamine, on which it stands, gives 8:30 as
#           the time of day and 36:00 as the text 'PT36H00M00S'. pyexcel-ods keeps 36:00 and has None for -1:15 and for
#           the half second, as a time whose seconds have a fraction is not read; an amount in euros is the text '9.5 EUR'.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q polars==2.1.0 fastexcel==0.21.0 python-calamine==0.9.1 pyexcel-ods==0.6.0 odfpy==1.4.1
cd "$work"
venv/bin/python - <<'PY'
from datetime import time, timedelta

import polars
import pyexcel_ods
import python_calamine
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

ROWS = (
    ("PT08H30M00S", "08:30:00", "9.5"),
    ("PT36H00M00S", "36:00:00", "10"),
    ("-PT01H15M00S", "-01:15:00", "20"),
    ("PT08H30M00.500000000S", "08:30:01", "3"),
)


def cell(text, **held):
    made = TableCell(**held)
    made.addElement(P(text=text))
    return made


book = OpenDocumentSpreadsheet()
sheet = Table(name="sheet")
rows = [(cell("worked", valuetype="string"), cell("pay", valuetype="string"))]
for span, shown, amount in ROWS:
    pay = cell(f"{amount} €", valuetype="currency", currency="EUR", value=amount)
    rows.append((cell(shown, valuetype="time", timevalue=span), pay))
for cells in rows:
    row = TableRow()
    for one in cells:
        row.addElement(one)
    sheet.addElement(row)
book.spreadsheet.addElement(sheet)
book.save("hours.ods")

HALF = timedelta(hours=8, minutes=30)
PARTS = timedelta(milliseconds=500)
frame = polars.read_ods("hours.ods")
print(frame, "total:", frame["worked"].sum())
assert isinstance(frame.schema["worked"], polars.Duration), "this has changed"
assert frame["worked"].to_list() == [HALF, None, None, HALF + PARTS], "this has changed"

found = [row[0] for row in python_calamine.load_workbook("hours.ods").get_sheet_by_index(0).to_python()[1:]]
print("python-calamine:", found)
assert found == [time(8, 30), "PT36H00M00S", "-PT01H15M00S", time(8, 30, 0, 500_000)], "this has changed"

read = pyexcel_ods.get_data("hours.ods")["sheet"][1:]
print("pyexcel-ods:", read)
assert [row[0] for row in read] == [time(8, 30), timedelta(hours=36), None, None], "this has changed"
assert [row[1] for row in read] == ["9.5 EUR", "10 EUR", "20 EUR", "3 EUR"], "this has changed"
PY
echo "as described"
