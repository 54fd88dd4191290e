"""Know a well-known application's database by its tables, and what it does not say itself: codes, scales, dead columns.

    profile_of(schema)  # of Anki's collection: cards.queue -1 is suspended, revlog.time is in milliseconds

A profile is twenty lines of TOML in `sqlagent/profiles`, with its source. Invariant: what a profile names and a file
does not have is passed over, so that an older or newer version of the application does no harm.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from sqlagent.database.column_facts import encodings
from sqlagent.database.column_facts.encodings import Listed, Named, Scaled
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.schema import ForeignKey, Schema, fold
from sqlagent.database.spoken_names import SpokenTable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


_TIMES = {
    unit.words: unit
    for unit in (
        encodings.UNIX_S, encodings.UNIX_MS, encodings.UNIX_US, encodings.WEBKIT_US, encodings.COCOA_S,
        encodings.COCOA_NS, encodings.NET_TICKS,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one application's files, for the schema it was made for."""

    name: str
    facts: dict[tuple[str, str], ColumnFact]
    keys: dict[str, tuple[ForeignKey, ...]]
    hidden: frozenset[tuple[str, str]]
    """(folded table, folded column) that nobody asks for; the column "" stands for the whole table."""
    tables: tuple[SpokenTable, ...] = ()
    """Tables under the names that a person would use."""
    questions: tuple[tuple[str, str], ...] = ()
    """Questions to begin with, each with the statement that answers it, in spoken names."""

    def shown(self, schema: Schema) -> Schema:
        """The schema without what is hidden."""
        return schema.subset(
            {
                table.name: [
                    c.name for c in table.columns if (fold(table.name), fold(c.name)) not in self.hidden
                ]
                for table in schema.tables
                if (fold(table.name), "") not in self.hidden
            }
        )


def profile_of(schema: Schema) -> Profile | None:
    """The profile whose tables a schema has, all of them: the one of most tables; None for no known application."""
    fitting = [plain for plain in _all() if all(schema.table(name) is not None for name in plain["tables"])]
    if not fitting:
        return None
    return _read(max(fitting, key=lambda plain: len(plain["tables"])), schema)


@cache
def _all() -> tuple[dict[str, Any], ...]:
    folder = files("sqlagent.profiles")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return tuple(tomllib.loads((folder / name).read_text(encoding="utf-8")) for name in names)


def _read(plain: dict[str, Any], schema: Schema) -> Profile:
    facts: dict[tuple[str, str], ColumnFact] = {}
    for path, names in plain.get("codes", {}).items():
        place = _place(schema, path)
        if place is not None:
            pairs = tuple((_code(stored), name) for stored, name in names.items())
            facts[place] = ColumnFact("code", Named(pairs), sample=pairs[0][1])
    for path, scale in plain.get("scales", {}).items():
        place = _place(schema, path)
        if place is not None:
            facts[place] = ColumnFact("number", Scaled(scale["by"], scale["unit"]))
    for path, words in plain.get("times", {}).items():
        place = _place(schema, path)
        if place is not None:
            facts[place] = ColumnFact("datetime", _TIMES[words], nothing=(0,))
    for path, separator in plain.get("lists", {}).items():
        place = _place(schema, path)
        if place is not None:
            facts[place] = ColumnFact("list", Listed(separator))
    keys: dict[str, tuple[ForeignKey, ...]] = {}
    for path, target in plain.get("keys", {}).items():
        place, other = _place(schema, path), _place(schema, target)
        if place is not None and other is not None:
            keys[place[0]] = (*keys.get(place[0], ()), ForeignKey((place[1],), other[0], (other[1],)))
    hide = plain.get("hide", {})
    hidden = {
        (fold(table.name), "")
        for table in schema.tables
        if any(fnmatchcase(fold(table.name), fold(name)) for name in hide.get("tables", ()))
    }
    hidden |= {
        (fold(table.name), fold(column))
        for pattern, columns in hide.items()
        for table in schema.tables
        if pattern != "tables" and fnmatchcase(fold(table.name), fold(pattern))
        for column in columns
    }
    tables = tuple(_spoken(name, table) for name, table in plain.get("tables_as", {}).items())
    questions = tuple((one["ask"], one["sql"]) for one in plain.get("questions", ()))
    return Profile(plain["name"], facts, keys, frozenset(hidden), tables, questions)


def _spoken(name: str, plain: dict[str, Any]) -> SpokenTable:
    return SpokenTable(
        name,
        plain.get("of", ""),
        plain.get("columns", {}),
        plain.get("strip", ""),
        plain.get("only", ""),
        " ".join(plain.get("query", "").split()),
        plain.get("key", ""),
        plain.get("keys", {}),
        plain.get("each", ""),
        plain.get("more", {}),
    )


def _code(stored: str) -> int | str:
    """A code as it is stored; TOML's keys are texts, a text among digits is quoted twice: "'07'"."""
    if stored.startswith("'"):
        return stored.strip("'")
    return int(stored) if stored.lstrip("-").isdigit() else stored


def _place(schema: Schema, path: str) -> tuple[str, str] | None:
    """(table, column) of `table.column` as the schema spells them; None where it has no such column."""
    table_name, _, column_name = path.partition(".")
    table = schema.table(table_name)
    column = table.column(column_name) if table is not None else None
    return (table.name, column.name) if table is not None and column is not None else None
