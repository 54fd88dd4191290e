#!/bin/sh
# csvkit 2.2.0 with agate 1.14.2: csvsort writes other cells than it read.
#
# Expected: csvsort puts the rows of a CSV file into another order; a cell that is no key is copied.
# Seen:     types are guessed for every column and the guesses are written. Opening at 10:30 is a span of ten minutes and a
#           half, 0:10:30, and csvsql stores it as 1970-01-01 00:10:30. January and May are days of the year 1, Mon and Sun
#           its 8th and 7th day. 2,50 and 1.000,50 in one column become 250 and 1.00050, 02.01.2020 the first of February,
#           12% the number 12, the name None an empty cell, 007 the number 7. Nothing is said; -I (--no-inference) copies.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q csvkit==2.2.0 agate==1.14.2 agate-sql==0.7.3 agate-excel==0.4.2 agate-dbf==0.2.4 \
    parsedatetime==2.6 pytimeparse==1.1.10 SQLAlchemy==2.1.9
cd "$work"
cat >in.csv <<'CSV'
account,month,day,opens,price,due,share,name
012,January,Mon,10:30,"1.000,50",02.01.2020,5%,Cox
007,May,Sun,09:15,"2,50",03.04.2020,12%,None
CSV
venv/bin/csvsort -c account in.csv | tee sorted
cat >expected <<'CSV'
account,month,day,opens,price,due,share,name
7,0001-05-01,0001-01-07,0:09:15,250,2020-03-04,12,
12,0001-01-01,0001-01-08,0:10:30,1.00050,2020-02-01,5,Cox
CSV
diff expected sorted || { echo "this has changed" >&2; exit 1; }
venv/bin/csvsql --db sqlite:///file.db --tables t --insert in.csv
venv/bin/python -c "
import sqlite3
stored = sqlite3.connect('file.db').execute('SELECT opens, price FROM t').fetchall()
print(stored)
assert stored == [('1970-01-01 00:10:30.000000', 1.0005), ('1970-01-01 00:09:15.000000', 250.0)], 'this has changed'"
venv/bin/csvsort -I -c account in.csv | tail -1 | grep -qx '012,January,Mon,10:30,"1.000,50",02.01.2020,5%,Cox' ||
    { echo "-I does not copy: this has changed" >&2; exit 1; }
echo "as described"
