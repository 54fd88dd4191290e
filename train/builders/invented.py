"""Invent small databases of the kind analysts have: things that happen, whose they are, when, how much, of what sort.

    world = invent(random.Random(0))
    world.script          # CREATE TABLE and INSERT
    world.events          # the rows as Python values, for a second computation

Every name is drawn: the field of business, the words for columns, how identifiers are written. Invariant: what is
drawn follows from the generator alone; days are ISO texts, amounts are numbers, nothing is stored as anything else.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlagent.sql.names import quote, text_literal
from train.builders.short_names import Shortener, distinct

_NAMES, _FIELDS = Path(__file__).with_name("fields.txt").read_text(encoding="utf-8").strip().split("\n\n")
PEOPLE, CITIES = (line.split(" ", 1)[1].split("|") for line in _NAMES.splitlines())
FIELDS = tuple(_FIELDS.splitlines())
"""A field of business a line: event, events, done, person, people, then column:words:more words of the measure,
column:words of what is counted, column:words:values of the sort, and the column of the day."""
TODAY = date(2024, 5, 17)
"""What a second computation takes for today; statements say 'now'."""


@dataclass(frozen=True, slots=True)
class World:
    """One database and the words for what is in it. Names are as SQL writes them."""

    id: str
    script: str
    events: tuple[dict[str, Any], ...]
    """Each with id, owner, day (ISO), hour, m, k, c."""
    owners: dict[int, tuple[str, str]]
    """Name and city by id."""
    clock: bool
    """Days have a time of day."""
    t: str
    o: str
    id_: str
    owner_id: str
    day: str
    m: str
    k: str
    c: str
    okey: str
    oname: str
    ocity: str
    one: str
    many: str
    done: str
    person: str
    people: str
    mp: str
    """The measure in words."""
    mp2: str
    kp: str
    cp: str
    values: tuple[str, ...]


def invent(rng: random.Random, number: int = 0) -> World:
    """A database by chance."""
    line = rng.choice(FIELDS)
    one, many, done, person, people, measure, counted, sort, day = line.split("|")
    m, mp, mp2 = measure.split(":")
    k, kp = counted.split(":")
    c, cp, held = sort.split(":")
    values = tuple(held.split(","))
    names = [many, people, "id", f"{person}_id", day, m, k, c, "name", "city"]
    named = _named(names, rng)
    t, o, id_, owner_id, d, m, k, c, oname, ocity = (quote(named[name]) for name in names)
    clock = rng.random() < 0.4
    owners = {
        n: (name, rng.choice(CITIES)) for n, name in enumerate(rng.sample(PEOPLE, rng.randint(6, 12)), 1)
    }
    active = rng.sample(sorted(owners), len(owners) - rng.randint(1, 2))
    whole = rng.random() < 0.4
    events = []
    start = date(2022, 1, 1) + timedelta(days=rng.randint(0, 300))
    for n in range(1, rng.randint(50, 110)):
        moment = datetime.combine(start, datetime.min.time()) + timedelta(
            days=rng.randint(0, (TODAY - start).days), hours=rng.randint(6, 21), minutes=rng.randint(0, 59)
        )
        amount = rng.randint(1, 60) if whole else round(rng.uniform(3, 400), 2)
        events.append(
            {
                "id": n,
                "owner": rng.choice(active),
                "day": moment.date().isoformat(),
                "hour": moment.hour,
                "stored": moment.strftime("%Y-%m-%d %H:%M:%S" if clock else "%Y-%m-%d"),
                "m": amount,
                "k": rng.randint(1, 9),
                "c": rng.choice(values),
            }
        )
    kind = "INTEGER" if whole else "REAL"
    script = [
        f"CREATE TABLE {o} ({id_} INTEGER PRIMARY KEY, {oname} TEXT, {ocity} TEXT);",
        f"CREATE TABLE {t} ({id_} INTEGER PRIMARY KEY, {owner_id} INTEGER REFERENCES {o}({id_}), "
        f"{d} {'DATETIME' if clock else 'DATE'}, {m} {kind}, {k} INTEGER, {c} TEXT);",
    ]
    script += [
        f"INSERT INTO {o} VALUES ({n}, {text_literal(name)}, {text_literal(city)});"
        for n, (name, city) in owners.items()
    ]
    script += [
        f"INSERT INTO {t} VALUES ({e['id']}, {e['owner']}, '{e['stored']}', {e['m']}, {e['k']}, "
        f"{text_literal(str(e['c']))});"
        for e in events
    ]
    return World(
        f"invented_{number}", "\n".join(script), tuple(events), owners, clock, t, o, id_, owner_id, d, m, k, c,
        id_, oname, ocity, one, many, done, person, people, mp, mp2, kp, cp, values,
    )  # fmt: skip


def _named(names: list[str], rng: random.Random) -> dict[str, str]:
    """How the identifiers are written: as they are, in another case, or shortened."""
    draw = rng.random()
    if draw < 0.5:
        return {name: name.replace(" ", "_") for name in names}
    if draw < 0.75:
        return {
            name: "".join(part.capitalize() for part in name.replace(" ", "_").split("_")) for name in names
        }
    short = Shortener(rng.choice(("known", "vowels", "mixed")), rng.choice(("snake", "upper")), rng)
    return distinct(names, short)
