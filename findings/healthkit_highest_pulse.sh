#!/bin/sh
# healthkit-to-sqlite 1.0.1 with sqlite-utils 4.2.1: the highest pulse of 72, 99 and 140 is 99, and a run has no distance.
#
# Expected: what Apple's export writes as value="140" is a number in SQLite, as the latitude of a workout's points is; what a
#           workout holds is kept, if only as JSON, as its events are.
# Seen:     every attribute is stored as text in a TEXT column: max(value) is '99', ORDER BY value puts 140 before 72, value > 100
#           is true of 72 and 99 (100 becomes the text '100'), and the longest workout lasts 95 minutes where there is one of 130.
#           sum() and avg() are right and hide it. Since iOS 16 the totals of a workout stand in WorkoutStatistics below it, and
#           those are dropped without a trace: no distance, no energy, no mean pulse, while the same run of an older phone has its
#           totalDistance. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q healthkit-to-sqlite==1.0.1 sqlite-utils==4.2.1
cd "$work"
cat >export.xml <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<HealthData locale="en_GB">
 <Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Watch" unit="count/min" startDate="2023-01-02 10:00:00 +0100" endDate="2023-01-02 10:00:00 +0100" value="72"/>
 <Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Watch" unit="count/min" startDate="2023-01-02 10:10:00 +0100" endDate="2023-01-02 10:10:00 +0100" value="140"/>
 <Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Watch" unit="count/min" startDate="2023-01-02 10:20:00 +0100" endDate="2023-01-02 10:20:00 +0100" value="99"/>
 <Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="95" durationUnit="min" totalDistance="9.5" totalDistanceUnit="km" sourceName="old phone" startDate="2020-01-02 10:00:00 +0100" endDate="2020-01-02 11:35:00 +0100"/>
 <Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="130.5" durationUnit="min" sourceName="new phone" startDate="2023-01-02 10:00:00 +0100" endDate="2023-01-02 12:10:30 +0100">
  <WorkoutEvent type="HKWorkoutEventTypeSegment" date="2023-01-02 10:00:00 +0100" duration="5" durationUnit="min"/>
  <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" startDate="2023-01-02 10:00:00 +0100" endDate="2023-01-02 12:10:30 +0100" sum="21.0975" unit="km"/>
  <WorkoutStatistics type="HKQuantityTypeIdentifierHeartRate" startDate="2023-01-02 10:00:00 +0100" endDate="2023-01-02 12:10:30 +0100" average="151.5" minimum="90" maximum="171" unit="count/min"/>
  <WorkoutRoute sourceName="new phone" startDate="2023-01-02 10:00:00 +0100" endDate="2023-01-02 12:10:30 +0100">
   <Location date="2023-01-02 10:00:01 +0100" latitude="52.5" longitude="13.4" altitude="9.5"/>
  </WorkoutRoute>
 </Workout>
</HealthData>
XML
venv/bin/healthkit-to-sqlite --silent --xml export.xml health.db
venv/bin/python - <<'PY'
import sqlite3

file = sqlite3.connect("health.db")


def ask(sql):
    rows = file.execute(sql).fetchall()
    print(f"{sql:85} {rows}")
    return rows


assert ask("SELECT max(value), avg(value), max(value + 0) FROM rHeartRate") == [("99", 311 / 3, 140)], "this has changed"
assert ask("SELECT value FROM rHeartRate ORDER BY value") == [("140",), ("72",), ("99",)], "this has changed"
assert ask("SELECT count(*) FROM rHeartRate WHERE value > 100") == [(3,)], "this has changed"
assert ask("SELECT max(duration), max(totalDistance) FROM workouts") == [("95", "9.5")], "this has changed"
assert ask("SELECT typeof(latitude) FROM workout_points") == [("real",)]
assert ask("SELECT workout_events FROM workouts WHERE sourceName = 'new phone'")[0][0].startswith('[{"type": "HK')
dump = "\n".join(file.iterdump())
assert "21.0975" not in dump and "151.5" not in dump, "this has changed"
PY
echo "as described"
