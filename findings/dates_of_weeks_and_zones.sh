#!/bin/sh
# dateparser 1.5.0 and pendulum 3.3.0: weeks become months, short dates turn round, and zones are dropped.
#
# Expected: 2020-W05 is the week from 27 January 2020, or is refused; 2.1.20 has its year at the end, as everywhere that
#           dots are written; EST is five hours behind, or is refused.
# Seen:     dateparser takes the week's number for a month and fills in today's day: 2020-W05 is 28 May on a 28th, and
#           2020-W05-3 the 3rd of May. From W13 on the number is a day of today's month, in November up to W30, and what
#           is left of the year is refused. It takes codes for dates: 12e4 is 12 April, v2 the 2nd of the month.
#           pendulum.parse(strict=False) reads 2.1.20 as 20 January 2002, where dateutil, which it calls, says
#           1 February 2020, and gives EST, PST and IST as UTC without a word. dateparser reads "GMT+3" three hours ahead
#           of UTC, pendulum three hours behind.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q dateparser==1.5.0 pendulum==3.3.0 python-dateutil==4.0.0 tzdata==2026.6 regex==2026.11.19 pytz==2026.6
cd "$work"
TZ=UTC venv/bin/python -W ignore - <<'PY'
import datetime

import dateparser
import dateutil.parser
import pendulum

SETTINGS = {"RELATIVE_BASE": datetime.datetime(2026, 11, 28)}


def read(text):
    found = dateparser.parse(text, settings=SETTINGS)
    print("dateparser:", text, "->", found)
    return str(found)


def loose(text):
    found = pendulum.parse(text, strict=False)
    print("pendulum:  ", text, "->", found)
    return str(found)


assert read("2020-W05") == "2020-05-28 00:00:00", "this has changed"
assert read("2020-W05-3") == "2020-05-03 00:00:00", "this has changed"
assert loose("2020-W05") == "2020-01-27 00:00:00+00:00" and loose("2020-W05-3") == "2020-01-29 00:00:00+00:00"
assert read("2020-W13") == "2020-11-13 00:00:00" and read("2020-W31") == "None", "this has changed"
assert read("12e4") == "2026-04-12 00:00:00" and read("v2") == "2026-11-02 00:00:00", "this has changed"
assert loose("2.1.20") == "2002-01-20 00:00:00+00:00", "this has changed"
assert str(dateutil.parser.parse("2.1.20")) == "2020-02-01 00:00:00", "this has changed"
for zone, ahead in (("EST", "-05:00"), ("PST", "-08:00"), ("IST", "+02:00")):
    assert loose(f"2020-01-02 03:04:05 {zone}") == "2020-01-02 03:04:05+00:00", "this has changed"
    assert read(f"2020-01-02 03:04:05 {zone}") == f"2020-01-02 03:04:05{ahead}", "this has changed"
assert read("2020-01-02 03:04:05 GMT+3").endswith("+03:00"), "this has changed"
assert loose("2020-01-02 03:04:05 GMT+3").endswith("-03:00"), "this has changed"
PY
echo "as described"
