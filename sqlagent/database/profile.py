"""Know a well-known application's database by its tables, and what it does not say itself: codes, scales, dead columns.

    profile_of(schema)  # of Anki's collection: cards.queue -1 is suspended, revlog.time is in milliseconds

A profile is twenty lines of TOML in `sqlagent/profiles`, with its source. Invariant: what a profile names and a file
does not have is passed over, so that an older or newer version of the application does no harm.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sqlagent.database.column_facts.encodings import Named, Scaled
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.schema import ForeignKey, Schema, fold

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one application's files, for the schema it was made for."""

    name: str
    facts: dict[tuple[str, str], ColumnFact]
    keys: dict[str, tuple[ForeignKey, ...]]
    hidden: frozenset[tuple[str, str]]
    """(folded table, folded column) that nobody asks for; the column "" stands for the whole table."""

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
    """The profile whose tables a schema has, all of them; None for a file of no known application."""
    for plain in _all():
        if all(schema.table(name) is not None for name in plain["tables"]):
            return _read(plain, schema)
    return None


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
            pairs = tuple((int(stored), name) for stored, name in names.items())
            facts[place] = ColumnFact("code", Named(pairs), sample=pairs[0][1])
    for path, scale in plain.get("scales", {}).items():
        place = _place(schema, path)
        if place is not None:
            facts[place] = ColumnFact("number", Scaled(scale["by"], scale["unit"]))
    keys: dict[str, tuple[ForeignKey, ...]] = {}
    for path, target in plain.get("keys", {}).items():
        place, other = _place(schema, path), _place(schema, target)
        if place is not None and other is not None:
            keys[place[0]] = (*keys.get(place[0], ()), ForeignKey((place[1],), other[0], (other[1],)))
    hide = plain.get("hide", {})
    hidden = {(fold(name), "") for name in hide.get("tables", ())}
    hidden |= {
        (fold(table), fold(name)) for table, names in hide.items() if table != "tables" for name in names
    }
    return Profile(plain["name"], facts, keys, frozenset(hidden))


def _place(schema: Schema, path: str) -> tuple[str, str] | None:
    """(table, column) of `table.column` as the schema spells them; None where it has no such column."""
    table_name, _, column_name = path.partition(".")
    table = schema.table(table_name)
    column = table.column(column_name) if table is not None else None
    return (table.name, column.name) if table is not None and column is not None else None
