#!/bin/sh
# sqlean.py 3.50.4.5: its `time` extension has no 1 March in a leap year, and weeks that begin after the day they hold.
#
# Expected: time_date(2024, 3, 1) is that day, date_trunc('month', t) the first of its month, and date_trunc('week', t) the
#           Monday on or before t, as in PostgreSQL, whose names these are; a text that time_parse() cannot read is an error
#           or NULL.
# Seen:     1 March is 29 February in every leap year, from time_date(), make_date(), time_parse() and time_add_date() alike,
#           so `date_trunc('month', t)` puts all of March 2024 under 2024-02-29. A week begins as many times seven days after
#           1 January as its ISO number says: Monday 6 January 2020 belongs to the week of Wednesday the 8th. The numbers
#           themselves (time_get_isoweek) are right. A time with milliseconds, or without seconds, is 1 January of the year 1.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlean.py==3.50.4.5
cd "$work"
venv/bin/python - <<'PY'
import datetime

import sqlean

sqlean.extensions.enable_all()
file = sqlean.connect(":memory:")
print("sqlean", *file.execute("SELECT sqlean_version()").fetchone())


def say(expression):
    [(value,)] = file.execute(f"SELECT {expression}").fetchall()
    print(f"{expression:60} {value}")
    return value


for first_of_march in (
    "time_date(2024, 3, 1)",
    "make_date(2024, 3, 1)",
    "time_parse('2024-03-01')",
    "time_add_date(time_date(2024, 2, 1), 0, 1)",
    "date_trunc('month', time_date(2024, 3, 15))",
    "date_trunc('month', time_parse('2024-03-31 10:00:00'))",
):
    assert say(f"time_fmt_date({first_of_march})") == "2024-02-29", "this has changed"
assert say("time_fmt_date(time_date(2024, 3, 2))") == "2024-03-02"
assert say("time_fmt_date(time_date(2023, 3, 1))") == "2023-03-01"

days = [datetime.date(1904, 1, 1) + datetime.timedelta(number) for number in range(365 * 196)]
written = "SELECT time_fmt_date(make_date(?, ?, ?))"
other = [day for day in days if file.execute(written, day.timetuple()[:3]).fetchone()[0] != day.isoformat()]
leap = [day for day in days if (day.month, day.day) == (3, 1) and (day - datetime.timedelta(1)).day == 29]
print(f"{days[0]} to {days[-1]}: {len(other)} days become others; all of them 1 March:", other == leap)
assert other == leap, "this has changed"

monday = "time_date(2020, 1, 6)"
assert say(f"time_get_isoweek({monday})") == 2
assert say(f"time_fmt_date(date_trunc('week', {monday}))") == "2020-01-08", "this has changed"
assert say("time_fmt_date(date_trunc('week', time_date(2026, 5, 13)))") == "2026-05-14", "this has changed"

assert say("time_fmt_iso(time_parse('2020-01-02T10:00:00Z'))") == "2020-01-02T10:00:00Z"
for text in ("2020-01-02T10:00:00.123Z", "2020-01-02 10:00:00.123", "2020-01-02T10:00", "2020-01-02 10:00"):
    assert say(f"time_fmt_iso(time_parse('{text}'))") == "0001-01-01T00:00:00Z", "this has changed"
PY
echo "as described"
