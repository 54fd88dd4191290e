#!/bin/sh
# gpxpy 1.6.2: clone() moves every time west of Greenwich by its offset: ten o'clock at -05:00 becomes ten o'clock UTC.
#
# Expected: gpx.clone(), track.clone() and copy.deepcopy() give a copy whose points have the times of the original.
# Seen:     the zone is copied by its name, which is written -5:00 and not -05:00, and "5:" is no number, so the hours are 0: a
#           ride that began at 15:00 UTC begins at 10:00 UTC in the copy, and its XML says 10:00:00Z. -03:30 becomes -00:30. In a
#           file whose first point is at -05:00 and whose second is in UTC, a ride of one hour lasts six. What is given +05:30 or
#           Z, so every test in Europe and Asia, is copied rightly, and so are latitudes. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q gpxpy==1.6.2
cd "$work"
venv/bin/python - <<'PY'
import copy
import datetime

import gpxpy

FILE = """<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="example" xmlns="http://www.topografix.com/GPX/1/1">
 <trk><trkseg>
  <trkpt lat="45.5" lon="-73.5"><ele>5</ele><time>2020-01-02T10:00:00{zone}</time></trkpt>
  <trkpt lat="45.6" lon="-73.5"><ele>6</ele><time>2020-01-02T16:00:00Z</time></trkpt>
 </trkseg></trk>
</gpx>"""


def start(gpx):
    return gpx.tracks[0].segments[0].points[0].time.astimezone(datetime.timezone.utc)


for zone, right, held in (
    ("-05:00", "15:00", "10:00"),
    ("-08:00", "18:00", "10:00"),
    ("-03:30", "13:30", "10:30"),
    ("-12:00", "22:00", "22:00"),
    ("+05:30", "04:30", "04:30"),
    ("Z", "10:00", "10:00"),
):
    gpx = gpxpy.parse(FILE.format(zone=zone))
    copies = [gpx.clone(), copy.deepcopy(gpx)]
    print(zone, f"{start(gpx):%H:%M}", *(f"{start(one):%H:%M}" for one in copies))
    assert f"{start(gpx):%H:%M}" == right
    assert [f"{start(one):%H:%M}" for one in copies] == [held] * 2, "this has changed"

gpx = gpxpy.parse(FILE.format(zone="-05:00"))
print("seconds:", gpx.get_duration(), gpx.clone().get_duration())
assert (gpx.get_duration(), gpx.clone().get_duration()) == (3600, 6 * 3600), "this has changed"
assert "<time>2020-01-02T10:00:00-05:00</time>" in gpx.to_xml()
assert "<time>2020-01-02T10:00:00Z</time>" in gpx.clone().to_xml(), "this has changed"
PY
echo "as described"
