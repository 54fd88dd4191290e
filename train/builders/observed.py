"""See in a published database what analysts' patterns ask of: something that happens, whose it is, when, how much.

    for world in worlds(path, schema): patterns(world, rng)

A table is taken where it has a key, a number that is no key and a sort of few values; what asks when wants a column of
ISO days, what asks whose a foreign key to a table with names. Columns with NULLs are not taken. Words are those of the
identifiers. The other tables stay: they are what a statement must not take. Invariant: the file is only read, and its
rows are the values that the second computation gets.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlagent.database.schema import Column, Schema, Table
from sqlagent.sql.names import quote
from train.builders.folder import read_only
from train.builders.invented import World
from train.builders.short_names import words

ROWS = range(8, 3000)
SORTS = range(2, 9)
_DAY = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?")
_ID = re.compile(r"(?i)(^|_| )(id|code|no|number|year|key|zip|phone|lat|lng|latitude|longitude)$|id$")


def worlds(path: Path, schema: Schema) -> Iterator[World]:
    """What a database can be asked of, a table at a time."""
    connection = read_only(path)
    try:
        for table in schema.tables:
            world = _world(path.stem, connection, schema, table)
            if world is not None:
                yield world
    finally:
        connection.close()


def _world(db_id: str, connection: sqlite3.Connection, schema: Schema, table: Table) -> World | None:
    keys = [column for column in table.columns if column.pk]
    if table.kind != "table" or len(keys) != 1 or table.row_count not in ROWS:
        return None
    try:
        held = {column.name: _values(connection, table, column) for column in table.columns}
    except sqlite3.Error:
        return None
    whole = {name: values for name, values in held.items() if values and None not in values}
    key = keys[0].name
    linked = {name for link in table.foreign_keys for name in link.columns}
    free = [name for name in whole if name != key and name not in linked]
    days = [name for name in free if all(isinstance(v, str) and _DAY.fullmatch(v) for v in whole[name])]
    numbers = [
        name for name in free if all(type(v) in (int, float) for v in whole[name]) and not _ID.search(name)
    ]
    numbers = [name for name in numbers if len(set(whole[name])) > 3]
    sorts = [
        name
        for name in free
        if all(isinstance(v, str) and 0 < len(v.strip()) == len(v) < 30 for v in whole[name])
        and len(set(whole[name])) in SORTS
        and name not in days
    ]
    if not (numbers and sorts and key in whole):
        return None
    day, measure, sort = (days or [""])[0], numbers[0], sorts[0]
    counts = [name for name in numbers[1:] if all(type(v) is int for v in whole[name])]
    counted = counts[0] if counts else measure
    stored = whole[day] if day else [""] * len(whole[key])
    clock = any(len(value) > 10 for value in stored)
    if clock and any(len(value) <= 10 for value in stored):
        return None
    owned = _owner(connection, schema, table, whole)
    owner, owner_id, owner_key, owner_name, named = owned or ("", "", "", "", {})
    events = tuple(
        {
            "id": whole[key][n],
            "owner": whole[owner_id][n] if owner_id else None,
            "day": value[:10],
            "hour": int(value[11:13]) if clock else 0,
            "stored": value,
            "m": whole[measure][n],
            "k": whole[counted][n],
            "c": whole[sort][n],
        }
        for n, value in enumerate(stored)
    )
    one, many = _plural(table.name)
    person, persons = _plural(owner)
    return World(
        db_id, "", events, {of: (name, "") for of, name in named.items()}, clock, quote(table.name), _quoted(owner),
        quote(key), _quoted(owner_id), _quoted(day), quote(measure), quote(counted), quote(sort),
        _quoted(owner_key), _quoted(owner_name), _quoted(owner_name), one, many, "recorded", person, persons,
        _said(measure), _said(measure), _said(counted), _said(sort), tuple(sorted(set(whole[sort]))),
    )  # fmt: skip


def _quoted(name: str) -> str:
    return quote(name) if name else ""


def _owner(
    connection: sqlite3.Connection, schema: Schema, table: Table, whole: Mapping[str, list[Any]]
) -> tuple[str, str, str, str, dict[Any, str]] | None:
    """The table that a row belongs to, its key here and there, the column of its names, and names by key.

    None where there is none whose keys and names tell its rows apart.
    """
    for key in table.foreign_keys:
        owner = schema.table(key.ref_table)
        if owner is None or owner is table or len(key.columns) != 1 or key.columns[0] not in whole:
            continue
        for column in owner.columns:
            if "name" not in column.name.lower() or column.pk:
                continue
            try:
                pairs = connection.execute(
                    f"SELECT {quote(key.ref_columns[0])}, {quote(column.name)} FROM {quote(owner.name)}"
                ).fetchall()
            except sqlite3.Error:
                continue
            names = dict(pairs)
            apart = len(names) == len(pairs) == len({name for _, name in pairs})
            if (
                apart
                and all(isinstance(n, str) for n in names.values())
                and set(whole[key.columns[0]]) <= names.keys()
            ):
                return owner.name, key.columns[0], key.ref_columns[0], column.name, names
    return None


def _values(connection: sqlite3.Connection, table: Table, column: Column) -> list[Any]:
    return [
        value
        for (value,) in connection.execute(
            f"SELECT {quote(column.name)} FROM {quote(table.name)} ORDER BY rowid"
        )
    ]


def _said(name: str) -> str:
    return " ".join(word.lower() for word in words(name)) or name


def _plural(name: str) -> tuple[str, str]:
    """One and many of what a table is called after."""
    said = _said(name)
    if said.endswith("ies"):
        return said[:-3] + "y", said
    if said.endswith("s") and not said.endswith("ss"):
        return said[:-1], said
    return said, said[:-1] + "ies" if said.endswith("y") else said + ("es" if said.endswith("ss") else "s")
