#!/bin/sh
# ics 0.7.3: a calendar that is read and written has its weekly meeting an hour late all summer, and the cancelled one is back.
#
# Expected: Calendar(text).serialize() gives the events at the times that they had; a time zone is kept, or a repetition in one is
#           refused. What is not read is copied, as the ATTENDEE and STATUS are.
# Seen:     every time is written in UTC while RRULE and EXDATE are copied and VTIMEZONE is dropped, so ten o'clock in Berlin on
#           23 March is eleven from the 30th on, and EXDATE, ten o'clock in Berlin, no longer names one of them. A time without a
#           zone (a pill at eight, wherever one is) becomes eight UTC. The alarm ten minutes before the END is ten minutes before
#           the start, a task due on the 7th is due at its midnight in UTC. Where CALSCALE is not said, it becomes GEORGIAN, for
#           which recurring-ical-events 3.8.2 refuses the file. No warning of it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q ics==0.7.3 icalendar==7.3.0 recurring-ical-events==3.8.2
cd "$work"
cat >calendar.ics <<'ICS'
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//calendar
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:1
DTSTAMP:20200101T000000Z
DTSTART;TZID=Europe/Berlin:20200323T100000
DTEND;TZID=Europe/Berlin:20200323T110000
RRULE:FREQ=WEEKLY;COUNT=4
EXDATE;TZID=Europe/Berlin:20200406T100000
SUMMARY:meeting
STATUS:TENTATIVE
ATTENDEE;CN=Bob;PARTSTAT=DECLINED:mailto:bob@example.org
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTAMP:20200101T000000Z
DTSTART:20200105T080000
DTEND:20200105T083000
SUMMARY:pill
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:now
TRIGGER;RELATED=END:-PT10M
END:VALARM
END:VEVENT
BEGIN:VTODO
UID:3
DTSTAMP:20200101T000000Z
DUE;VALUE=DATE:20200107
SUMMARY:tax
END:VTODO
END:VCALENDAR
ICS
sed -i 's/$/\r/' calendar.ics
venv/bin/python -W ignore::FutureWarning - <<'PY'
import pathlib
import zoneinfo

import icalendar
import ics
import recurring_ical_events

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
text = pathlib.Path("calendar.ics").read_bytes().decode()
written = ics.Calendar(text).serialize()
print(written)


def times(held):
    found = {}
    for event in recurring_ical_events.of(icalendar.Calendar.from_ical(held)).between((2020, 1, 1), (2020, 12, 31)):
        start = event["dtstart"].dt
        start = start.astimezone(BERLIN) if start.tzinfo else start
        found.setdefault(str(event["summary"]), []).append(start.isoformat()[5:16] + ("" if start.tzinfo else " floating"))
    print(found)
    return found


assert times(text) == {"meeting": ["03-23T10:00", "03-30T10:00", "04-13T10:00"], "pill": ["01-05T08:00 floating"]}
assert "CALSCALE:GEORGIAN" in written, "this has changed"
try:
    times(written)
except recurring_ical_events.InvalidCalendar as error:
    print("recurring-ical-events:", error)
else:
    raise AssertionError("this has changed")
moved = times(written.replace("GEORGIAN", "GREGORIAN"))
assert moved["meeting"] == ["03-23T10:00", "03-30T11:00", "04-06T11:00", "04-13T11:00"], "this has changed"
assert moved["pill"] == ["01-05T09:00"], "this has changed"
assert "VTIMEZONE" not in written and "EXDATE;TZID=Europe/Berlin:20200406T100000" in written, "this has changed"
assert "TRIGGER:-PT10M" in written and "DUE:20200107T000000Z" in written, "this has changed"
assert "STATUS:TENTATIVE" in written and "PARTSTAT=DECLINED" in written
PY
echo "as described"
