"""Make small databases to ask about: a domain's words, one of several shapes, and random rows.

Invariant: a world follows from its domain and its random generator alone.
"""

from __future__ import annotations

import random
import sqlite3
import sys
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


DOMAINS = Path(__file__).with_name("domains.toml")
FIRST_NAMES = [  # fmt: skip
    "Ada",
    "Boris",
    "Chloe",
    "Dario",
    "Edith",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Leon",
    "Mina",
    "Nils",
    "Oona",
    "Pavel",
    "Rosa",
    "Sven",
    "Tilda",
    "Uwe",
    "Vera",
    "Wim",
    "Yara",
    "Zeno",
]
LAST_NAMES = [  # fmt: skip
    "Abel",
    "Bruno",
    "Castell",
    "Dorn",
    "Egger",
    "Fabre",
    "Gallo",
    "Hansen",
    "Iversen",
    "Jost",
    "Keller",
    "Lund",
    "Marek",
    "Novak",
    "Orlov",
    "Prinz",
    "Quint",
    "Rossi",
    "Sander",
    "Thiel",
    "Urban",
    "Voss",
    "Weber",
    "Zoller",
]

Row = dict[str, Any]


DAYS = 700
"""How far back events go; recent ones are more frequent."""


@dataclass(frozen=True)
class Attribute:
    """A column, the words for it, and the values it takes where they are few."""

    column: str
    words: str
    values: tuple[str, ...] = ()


@dataclass
class World:
    """One database: what its tables and columns are called, and its rows.

    Columns of people or places (`name`, `place`, `number`) are None where the events stand alone; then `whom` is a
    column of the events' own table.
    """

    events: str
    one: str
    many: str
    done: str
    total: str
    when: Attribute
    timed: bool
    """Whether `when` holds a time of day."""
    sum: Attribute
    more: Attribute
    kind: Attribute
    flag: Attribute
    marks: Attribute
    separator: str
    note: Attribute
    whom: Attribute
    """Its `values` are the names that occur."""
    whom_many: str
    flat: bool
    owners: str = ""
    owner_key: str = ""
    place: Attribute | None = None
    number: Attribute | None = None
    parts: str = ""
    part: str = ""
    part_key: str = ""
    what: Attribute | None = None
    rows: list[Row] = field(default_factory=list)
    """Events, with the name of whom each is about under `whom`, and its place and number."""
    owner_rows: list[Row] = field(default_factory=list)
    part_rows: list[Row] = field(default_factory=list)
    """Parts, with the event each belongs to under `event`."""
    ddl: list[str] = field(default_factory=list)

    @property
    def joined(self) -> str:
        """FROM with the people or places that events are about."""
        if self.flat:
            return self.events
        return f"{self.owners} JOIN {self.events} ON {self.owners}.id = {self.events}.{self.owner_key}"

    @property
    def name(self) -> str:
        """The column with the name of whom an event is about, as a statement over `joined` writes it."""
        return self.whom.column if self.flat else f"{self.owners}.{self.whom.column}"

    def of(self, attribute: Attribute) -> str:
        """A column of the events, as a statement over `joined` writes it."""
        return attribute.column if self.flat else f"{self.events}.{attribute.column}"


def domains() -> list[dict[str, Any]]:
    """The domains, as they are written down."""
    found: list[dict[str, Any]] = tomllib.loads(DOMAINS.read_text(encoding="utf-8"))["domain"]
    return found


def world(domain: dict[str, Any], rng: random.Random, today: date) -> World:
    """A database of one domain; its events end today."""
    table, one, many, done = domain["events"]
    spelled = rng.choice([_snake, _snake, _snake, _camel])
    table = spelled(table if rng.random() < 0.7 else one)
    if table.lower() in _WORDS_OF_SQL:
        table += "s"
    timed = domain["when"].endswith("_at") or rng.random() < 0.2
    people, person, plural = domain["whom"]
    flat = rng.random() < 0.45
    made = World(
        events=table,
        one=one,
        many=many,
        done=done,
        total=domain["sum"][2],
        when=Attribute(spelled(domain["when"] if rng.random() < 0.6 else rng.choice(_TIMES[timed])), "date"),
        timed=timed,
        sum=Attribute(spelled(domain["sum"][0]), domain["sum"][1]),
        more=Attribute(spelled(domain["more"][0]), domain["more"][1]),
        kind=_attribute(domain["kind"], spelled),
        flag=Attribute(
            spelled(domain["flag"][0] if rng.random() < 0.5 else f"is_{domain['flag'][0]}"), domain["flag"][1]
        ),
        marks=_attribute(domain["marks"], spelled),
        separator=rng.choice([",", ", ", ";", " ", "|"]),
        note=_attribute(domain["note"], spelled),
        whom=Attribute(spelled(person) if flat else "name", person),
        whom_many=plural,
        flat=flat,
    )
    if any(" " in value for value in made.marks.values) and made.separator == " ":
        made.separator = ","
    if not flat:
        made.owners = spelled(people if rng.random() < 0.7 else person)
        made.owner_key = spelled(f"{person.replace(' ', '_')}_id")
        made.place = _attribute(domain["place"], spelled)
        made.number = Attribute(spelled(domain["number"][0]), domain["number"][1])
        if rng.random() < 0.5:
            made.parts, made.part = spelled(domain["parts"][0]), domain["parts"][1]
            made.part_key = spelled(f"{one.replace(' ', '_')}_id")
            made.what = _attribute(domain["what"], spelled)
    _fill(made, rng, today)
    return made


def save(made: World, path: Path) -> None:
    """Write a world as a SQLite file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    with connection:
        for statement in made.ddl:
            connection.execute(statement)
        owners = {row["name"]: number for number, row in enumerate(made.owner_rows, 1)}
        if not made.flat:
            connection.executemany(
                f"INSERT INTO {made.owners} VALUES (?, ?, ?, ?)",
                [(owners[row["name"]], row["name"], row["place"], row["number"]) for row in made.owner_rows],
            )
        for row in made.rows:
            whom = row["whom"] if made.flat else owners[row["whom"]]
            cells = [whom] + [row[key] for key in ("when", "sum", "more", "kind", "flag", "marks", "note")]
            connection.execute(
                f"INSERT INTO {made.events} VALUES (?{', ?' * len(cells)})", [row["id"], *cells]
            )
        if made.parts:
            connection.executemany(
                f"INSERT INTO {made.parts} VALUES (?, ?, ?, ?)",
                [(row["id"], row["event"], row["what"], row["quantity"]) for row in made.part_rows],
            )
    connection.close()


_TIMES = {True: ["created_at", "timestamp", "logged_at"], False: ["date", "day", "entry_date"]}
_WORDS_OF_SQL = frozenset({"order", "match", "case", "group", "check", "transaction"})


def _snake(name: str) -> str:
    return name.replace(" ", "_").replace("-", "_")


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in _snake(name).split("_"))


def _attribute(given: list[Any], spelled: Any) -> Attribute:
    if len(given) == 2:
        return Attribute(spelled(given[0]), given[0].replace("_", " "), tuple(given[1]))
    return Attribute(spelled(given[0]), given[1], tuple(given[2]))


def _fill(made: World, rng: random.Random, today: date) -> None:
    names = rng.sample([f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES], rng.randint(4, 7))
    if rng.random() < 0.5:
        names = sorted({name.split()[0] for name in names})
    made.whom = Attribute(made.whom.column, made.whom.words, tuple(names))
    place, number = made.place, made.number
    for name in names:
        row: Row = {"name": name, "place": None, "number": None}
        if place is not None and number is not None:
            row |= {"place": rng.choice(place.values), "number": _number(number.column, rng)}
        made.owner_rows.append(row)
    whole = rng.random() < 0.5
    busy = rng.sample(names, max(2, len(names) - rng.randint(0, 1)))
    for number_ in range(1, rng.randint(18, 40)):
        past = timedelta(days=int(DAYS * rng.random() ** 2), minutes=-rng.randint(0, 1439))
        moment = datetime.combine(today, time()) - past
        about = rng.choice(busy)
        owner = next(row for row in made.owner_rows if row["name"] == about)
        amount = rng.randint(1, 90) if whole else round(rng.uniform(1, 400), 2)
        marks = rng.sample(made.marks.values, rng.randint(0, min(3, len(made.marks.values))))
        made.rows.append(
            {
                "id": number_,
                "whom": about,
                "place": owner["place"],
                "number": owner["number"],
                "when": moment.strftime("%Y-%m-%d %H:%M:%S" if made.timed else "%Y-%m-%d"),
                "sum": amount,
                "more": rng.randint(1, 60),
                "kind": rng.choice(made.kind.values),
                "flag": int(rng.random() < 0.3),
                "marks": made.separator.join(marks),
                "note": rng.choice(made.note.values),
            }
        )
    if made.what is not None:
        for number_ in range(1, len(made.rows) * 2):
            event = rng.choice(made.rows)
            made.part_rows.append(
                {
                    "id": number_,
                    "event": event,
                    "what": rng.choice(made.what.values),
                    "quantity": rng.randint(1, 9),
                }
            )
    _declare(made, whole, rng)
    for row in made.part_rows:
        row["event"] = row["event"]["id"]


def _number(column: str, rng: random.Random) -> int:
    if "year" in column.lower() or "since" in column.lower() or "founded" in column.lower():
        return rng.randint(1950, 2020)
    return rng.randint(3, 95)


def _declare(made: World, whole: bool, rng: random.Random) -> None:
    declared = rng.random() < 0.8
    moment = ("DATETIME" if made.timed else "DATE") if rng.random() < 0.6 else "TEXT"
    about = f"{made.whom.column} TEXT"
    if not made.flat:
        assert made.place is not None and made.number is not None
        about = f"{made.owner_key} INTEGER" + (f" REFERENCES {made.owners}(id)" if declared else "")
        made.ddl.append(
            f"CREATE TABLE {made.owners} (id INTEGER PRIMARY KEY, {made.whom.column} TEXT, "
            f"{made.place.column} TEXT, {made.number.column} INTEGER)"
        )
    made.ddl.append(
        f"CREATE TABLE {made.events} (id INTEGER PRIMARY KEY, {about}, {made.when.column} {moment}, "
        f"{made.sum.column} {'INTEGER' if whole else 'REAL'}, {made.more.column} INTEGER, "
        f"{made.kind.column} TEXT, "
        f"{made.flag.column} {rng.choice(['INTEGER', 'BOOLEAN'])}, {made.marks.column} TEXT, "
        f"{made.note.column} TEXT)"
    )
    if made.what is not None:
        reference = f" REFERENCES {made.events}(id)" if declared else ""
        made.ddl.append(
            f"CREATE TABLE {made.parts} (id INTEGER PRIMARY KEY, {made.part_key} INTEGER{reference}, "
            f"{made.what.column} TEXT, quantity INTEGER)"
        )
