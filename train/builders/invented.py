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
from typing import Any

from sqlagent.sql.names import quote, text_literal
from train.builders.short_names import Shortener, distinct

FIELDS = """
order|orders|placed|customer|customers|amount:sales:total sales|units:units sold|shop:shop:North,Harbour,Old Town,Airport|ordered_on
sale|sales|made|seller|sellers|price:revenue:sales revenue|pieces:pieces|category:category:Toys,Books,Garden,Music|sale_date
visit|visits|made|patient|patients|fee:fees:fee income|minutes:minutes|department:department:Eye,Heart,Skin,Bones|visit_date
payment|payments|received|client|clients|paid:payments:amount paid|instalments:instalments|method:payment method:card,cash,transfer|paid_on
trip|trips|taken|driver|drivers|fare:fares:fare income|kilometres:kilometres|zone:zone:Centre,West,East,Port|started_on
booking|bookings|made|guest|guests|cost:cost:booking cost|nights:nights|room_type:room type:single,double,suite|booked_on
loan|loans|taken out|member|members|fine:fines:fine amount|days:days|branch:branch:Main,Riverside,Hill|loan_date
ticket|tickets|opened|agent|agents|hours:hours:hours spent|replies:replies|priority:priority:low,medium,high,urgent|opened_on
login|logins|recorded|user|users|seconds:seconds:time online|pages:page views|device:device:phone,laptop,tablet|logged_in
donation|donations|given|donor|donors|gift:donations:amount given|letters:letters|campaign:campaign:Spring,Winter,School,Flood|given_on
invoice|invoices|issued|supplier|suppliers|net:spending:net amount|lines:invoice lines|cost_centre:cost centre:IT,HR,Plant,Travel|issued_on
expense|expenses|filed|employee|employees|value:expenses:amount|receipts:receipts|kind:kind of expense:meals,hotel,train,fuel|spent_on
delivery|deliveries|made|courier|couriers|charge:charges:delivery charges|parcels:parcels|district:district:North,South,Centre|delivered_on
match|matches|played|player|players|points:points:points scored|fouls:fouls|team:team:Lions,Hawks,Sharks,Wolves|played_on
reading|readings|taken|sensor|sensors|level:level:measured level|errors:errors|site:site:roof,cellar,garden|read_on
repair|repairs|done|mechanic|mechanics|bill:repair income:billed amount|parts:parts used|model:model:Roadster,Van,Estate|done_on
subscription|subscriptions|started|reader|readers|fee:fees:subscription fees|issues:issues|plan:plan:basic,plus,family|started_on
claim|claims|reported|policyholder|policyholders|payout:payouts:amount paid out|photos:photos|cause:cause:water,fire,theft,storm|reported_on
flight|flights|flown|pilot|pilots|fuel:fuel:fuel used|passengers:passengers|aircraft:aircraft:A320,B737,E190|flown_on
harvest|harvests|brought in|farmer|farmers|weight:yield:harvested weight|crates:crates|crop:crop:apples,pears,plums,hops|harvested_on
lesson|lessons|given|teacher|teachers|price:lesson income:price|pupils:pupils|subject:subject:Piano,Violin,Maths,French|lesson_date
call|calls|answered|operator|operators|length:talk time:call length|transfers:transfers|queue:queue:billing,support,new|called_at
session|sessions|held|trainer|trainers|takings:takings:session takings|attendees:attendees|course:course:yoga,boxing,spin|held_on
shipment|shipments|sent|exporter|exporters|freight:freight:freight cost|pallets:pallets|port:port:Genoa,Rotterdam,Gdansk|sent_on
"""
PEOPLE = """Ada Brandt,Bruno Keller,Carla Mendes,Dmitri Volkov,Elena Rossi,Farid Haddad,Greta Lind,Hugo Marsh,Ines Duarte,
Jonas Weber,Katya Orlova,Liam Byrne,Mira Patel,Nils Berg,Olga Petrova,Pavel Novak,Rosa Jimenez,Selma Aydin,Tomas Horvat,
Uma Reddy,Victor Salas,Wanda Kowalska,Yara Nasser,Zoltan Kiss,Aiko Mori,Basil Okafor,Chen Wei,Dalia Cohen,Edgar Vance"""
CITIES = "Graz,Porto,Leeds,Ghent,Turin,Bergen,Lyon,Split,Cork,Brno".split(",")
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
    line = rng.choice(FIELDS.strip().splitlines())
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
        n: (name, rng.choice(CITIES))
        for n, name in enumerate(rng.sample(PEOPLE.replace("\n", "").split(","), rng.randint(6, 12)), 1)
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
        f"INSERT INTO {o} VALUES ({n}, {text_literal(name)}, {text_literal(city)});" for n, (name, city) in owners.items()
    ]
    script += [
        f"INSERT INTO {t} VALUES ({e['id']}, {e['owner']}, '{e['stored']}', {e['m']}, {e['k']}, {text_literal(e['c'])});"
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
        return {name: "".join(part.capitalize() for part in name.replace(" ", "_").split("_")) for name in names}
    short = Shortener(rng.choice(("known", "vowels", "mixed")), rng.choice(("snake", "upper")), rng)
    return distinct(names, short)
