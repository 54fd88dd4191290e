#!/bin/sh
# piccolo 1.38.0 on SQLite: a moment that was moved by an hour is read rightly, and == does not find it.
#
# Expected: Event.update({Event.at: Event.at + timedelta(hours=1)}) leaves what saving that moment would, so that Event.at ==
#           moment finds the row.
# Seen:     what is saved is '2020-01-02 11:30:00' and, with a zone, '... 11:30:00+00:00'; what the update writes is
#           '2020-01-02 11:30:00.000' for both, without its zone. The filter compares texts: == and <= leave the row out, and
#           > finds it. Read back, it is the moment that was asked for, with its zone. A day and a span moved in this way,
#           checked here as well, are found. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'piccolo[sqlite]==1.38.0' aiosqlite==0.22.1
cd "$work"
venv/bin/python - <<'PY'
import asyncio
import datetime
import sqlite3

from piccolo.columns import Date, Interval, Timestamp, Timestamptz, Varchar
from piccolo.engine.sqlite import SQLiteEngine
from piccolo.table import Table

ENGINE = SQLiteEngine(path="file.db")
HOUR = datetime.timedelta(hours=1)
HALF = datetime.timedelta(seconds=0.5)
DAY = datetime.timedelta(days=1)
TEN = datetime.datetime(2020, 1, 2, 10, 30)
UTC = datetime.timezone.utc


class Event(Table, db=ENGINE):
    name = Varchar(null=True)
    at = Timestamp(null=True)
    zoned = Timestamptz(null=True)
    day = Date(null=True)
    span = Interval(null=True)


def event(name, at):
    return Event(name=name, at=at, zoned=at.replace(tzinfo=UTC), day=at.date(), span=HOUR)


async def main():
    await Event.create_table()
    moved, saved = TEN + HOUR, event("saved", TEN + HOUR)
    for row in (event("moved", TEN), saved, event("later", moved + HALF)):
        await row.save()
    change = {Event.at: Event.at + HOUR, Event.zoned: Event.zoned + HOUR, Event.day: Event.day + DAY, Event.span: Event.span + HOUR}
    await Event.update(change).where(Event.name == "moved")
    print(*sqlite3.connect("file.db").execute("SELECT name, at, zoned, day, span FROM event"), sep="\n")

    async def ask(said, where):
        found = await Event.select(Event.name).where(where).order_by(Event.id).output(as_list=True)
        print(f"{said:16}", found)
        return found

    read = await Event.select(Event.at, Event.zoned).where(Event.name == "moved").first()
    print("read:", read)
    assert read == {"at": moved, "zoned": moved.replace(tzinfo=UTC)}
    assert await ask("day == ", Event.day == (TEN + DAY).date()) == ["moved"]
    assert await ask("span ==", Event.span == 2 * HOUR) == ["moved"]
    for column, moment in ((Event.at, moved), (Event.zoned, moved.replace(tzinfo=UTC))):
        name = column._meta.name
        assert await ask(f"{name} ==", column == moment) == ["saved"], "this has changed"
        assert await ask(f"{name} <=", column <= moment) == ["saved"], "this has changed"
        assert await ask(f"{name} >", column > moment) == ["moved", "later"], "this has changed"


asyncio.run(main())
PY
echo "as described"
