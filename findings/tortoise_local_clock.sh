#!/bin/sh
# tortoise-orm 1.1.9 on SQLite: with a time zone set, moments are stored by the local clock, and filters compare the digits.
#
# Expected: as its documentation says of use_tz (on by default), "all datetimes are stored as UTC", and `timezone` is the zone
#           that they are read in; a filter compares moments, as timezone.now(), which is UTC, is meant for.
# Seen:     with timezone="Europe/Berlin" ten o'clock UTC is stored as the text '2020-01-01 11:00:00+01:00'. What a filter
#           is given is not converted at all, and the two texts are compared: at=10:00 UTC finds nothing, at__lt=10:30 UTC
#           (what timezone.now() gives then) leaves out the rows of the last hour, in summer of the last two. In the night
#           that summer time ends, 02:10 +01:00 is ordered before 02:30 +02:00, which was 40 minutes earlier. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q tortoise-orm==1.1.9 aiosqlite==0.22.1 pypika-tortoise==0.6.5 tzdata==2025.2
cd "$work"
cat > events.py <<'PY'
from tortoise import fields, models


class Event(models.Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=20)
    at = fields.DatetimeField()
PY
venv/bin/python - <<'PY'
import asyncio
import datetime
import sqlite3
import sys

sys.path.insert(0, ".")
import events
from tortoise import Tortoise, timezone


def utc(day, hour, minute=0, month=1):
    return datetime.datetime(2020, month, day, hour, minute, tzinfo=datetime.timezone.utc)


async def main():
    await Tortoise.init(db_url="sqlite://file.db", modules={"models": ["events"]}, timezone="Europe/Berlin")
    await Tortoise.generate_schemas()
    for hour in (8, 9, 10, 11):
        await events.Event.create(name=f"{hour} UTC", at=utc(1, hour))
    stored = [text for (text,) in sqlite3.connect("file.db").execute("SELECT at FROM event ORDER BY id")]
    print("stored:", *stored, sep="\n  ")
    assert stored[2] == "2020-01-01 11:00:00+01:00", "this has changed"
    assert str(timezone.now().tzinfo) == "UTC"

    async def names(**condition):
        found = await events.Event.filter(**condition).order_by("id").values_list("name", flat=True)
        print(condition, "->", found)
        return found

    read = (await events.Event.get(name="10 UTC")).at
    assert read == utc(1, 10)
    assert await names(at=read) == ["10 UTC"]
    assert await names(at=utc(1, 10)) == [], "this has changed"
    assert await names(at__lt=utc(1, 10, 30)) == ["8 UTC", "9 UTC"], "this has changed"
    assert await names(at__range=(utc(1, 10), utc(1, 12))) == ["9 UTC", "10 UTC"], "this has changed"

    await events.Event.all().delete()
    await events.Event.create(name="02:30 +02:00", at=utc(25, 0, 30, month=10))
    await events.Event.create(name="02:10 +01:00", at=utc(25, 1, 10, month=10))
    found = await events.Event.all().order_by("at").values_list("name", flat=True)
    print("in order:", found)
    assert found == ["02:10 +01:00", "02:30 +02:00"], "this has changed"
    await Tortoise.close_connections()


asyncio.run(main())
PY
echo "as described"
