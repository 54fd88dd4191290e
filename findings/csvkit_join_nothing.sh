#!/bin/sh
# csvkit 2.2.0 with agate 1.14.2: one odd key in one of two files, and csvjoin joins no row at all.
#
# Expected: csvjoin compares keys as they are written, or as numbers; a key that is no number matches nothing and
#           leaves the others as they are.
# Seen:     the type of the key is guessed file by file. With `7`, `8` on both sides, rows match. With a third key, `n/k`,
#           in the left file alone, its keys are texts, the right ones numbers, 7 never equals '7', and only the head
#           comes out, with exit status 0. While both are numbers, 007, 7 and 07 are one key: two rows on either side
#           make four.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q csvkit==2.2.0 agate==1.14.2 agate-sql==0.7.3 agate-excel==0.4.2 agate-dbf==0.2.4 \
    parsedatetime==2.6 pytimeparse==1.1.10 SQLAlchemy==2.1.9
cd "$work"
join() {
    venv/bin/csvjoin -c key left.csv right.csv >out
    echo "$1:" $(tail -n +2 out | wc -l) "rows"
    [ "$(tail -n +2 out | wc -l)" -eq "$2" ] || { echo "this has changed" >&2; exit 1; }
}
printf 'key,a\n7,x\n8,y\n' >left.csv
printf 'key,b\n7,p\n8,q\n' >right.csv
join "numbers on both sides" 2
printf 'key,a\n7,x\n8,y\nn/k,z\n' >left.csv
join "with the key n/k on one side" 0
printf 'key,a\n007,x\n7,y\n' >left.csv
printf 'key,b\n7,p\n07,q\n' >right.csv
join "007, 7 and 07" 4
echo "as described"
