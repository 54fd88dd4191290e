"""Offer a list of JSON objects in a column's cells as a table, with a row for each object.

    orders.items    [{"sku": "A1", "qty": 2}, {"sku": "B7", "qty": 1}]
    →  orders_items (orders_id REFERENCES orders(id), sku, qty)

Invariant: what is read is bounded, and the table's query runs whatever the cells hold: what is no such list has no row.
"""

from __future__ import annotations

import json

from sqlagent.database.column_facts.json_members import (
    ENTRIES,
    MOST,
    Members,
    Path,
    cell_text,
    column_name,
    path_text,
    shown,
    type_of,
)
from sqlagent.database.column_facts.sampling import Run, read_rows
from sqlagent.database.ddl_comments import quote
from sqlagent.database.schema import Column, Computed, Table, fold
from sqlagent.database.spoken_names import SpokenTable

_ROWS = (32, 2, 8)
"""Cells read of a column, as in `json_members.ROWS`: each may hold many objects."""
_OBJECTS = 20
"""Members of a list that are looked at."""
_BARE_KEYS = frozenset({"id", "key", "uuid", "guid", "rowid", "pk"})
"""Names of keys that only say of which table they are once its name stands before them."""


def list_table(run: Run, table: Table, column: Column, path: Path) -> tuple[SpokenTable | None, bool]:
    """The table for the lists under a path of a column's JSON, and whether it has all that was seen in them.

    None where the lists hold something else than objects.
    """
    members, listed = _looked_at(run, table, column, path)
    if members.objects < 2 or 2 * members.objects < listed:
        return None, False
    name = "_".join(filter(None, (table.name, column.name, column_name(path))))
    keys = {_key_name(table, one): one for one in table.primary_key}
    items = [f"t.{quote(stored)} AS {quote(spoken)}" for spoken, stored in keys.items()]
    taken = set(map(fold, keys))
    fields = members.in_order(members.telling())
    told = len(fields)
    for field in fields:
        spoken = column_name(field)
        if fold(spoken) in taken or members.seen[field].mostly("array"):
            told -= 1
            continue
        taken.add(fold(spoken))
        value = Computed("value", path_text(field), proved=True).sql("e.value")
        if type_of({kind for kind in members.seen[field].kinds if kind != "null"}) == "TEXT":
            value = f"CAST({value} AS TEXT)"  # compares with a number as a column of texts does
        items.append(f"{value} AS {quote(spoken)}")
    if len(items) == len(keys):
        return None, False
    members_of = Computed(column.name, path_text(path)).members
    query = (
        f"SELECT {', '.join(items)} FROM {quote(table.name)} AS t"
        f" JOIN json_each({members_of(f't.{quote(column.name)}')}) AS e WHERE e.type = 'object'"
    )
    refers = {spoken: f"{table.name}.{stored}" for spoken, stored in keys.items()} if len(keys) == 1 else {}
    whole = (
        told == len(fields)
        and len(fields) < MOST
        and members.objects == listed
        and not members.unnamed
        and all(_is_told(members, one, fields) for one in members.seen)
    )
    return SpokenTable(name, query=query, keys=refers, read_from=(table.name, column.name)), whole


def _looked_at(run: Run, table: Table, column: Column, path: Path) -> tuple[Members, int]:
    """What the objects in the lists hold, and how many members of lists were looked at."""
    cell = cell_text(quote(table.name), quote(column.name))
    source = f"json_each({Computed(column.name, path_text(path), proved=True).members(cell)})"
    entries = f"(SELECT key, type, value FROM {source} LIMIT {_OBJECTS}) AS _l"
    objects = f"{entries} CROSS JOIN json_each(CASE _l.type WHEN 'object' THEN _l.value END) AS _e"
    inner = "json_each(CASE _e.type WHEN 'object' THEN _e.value END) AS _i"
    values = [
        f"(SELECT count(*) FROM {entries})",
        f"(SELECT json_group_array(json_array(_l.key, _e.key, _e.type, {shown('_e')})) FROM {objects})",
        f"(SELECT json_group_array(json_array(_l.key, _e.key, _i.key, _i.type, {shown('_i')}))"
        f" FROM {objects} CROSS JOIN {inner})",
        f"(SELECT json_group_array(_l.key) FROM {entries} WHERE _l.type = 'object')",
    ]
    members, listed = Members(), 0
    for number, outer, within, places in read_rows(run, table, values, *_ROWS):
        listed += int(str(number or 0))
        outer_ones, inner_ones = json.loads(str(outer)), json.loads(str(within))
        for place in json.loads(str(places)):
            members.add(
                [rest for key, *rest in outer_ones if key == place][:ENTRIES],
                [rest for key, *rest in inner_ones if key == place],
            )
    return members, listed


def _key_name(table: Table, column: str) -> str:
    return f"{table.name}_{column}" if fold(column) in _BARE_KEYS else column


def _is_told(members: Members, path: Path, fields: list[Path]) -> bool:
    """Whether a path is a column, or an object of which the members are."""
    seen = members.seen[path]
    inside = [one for one in fields if len(one) == 2 and one[:1] == path]
    return path in fields or not seen.present or (seen.mostly("object") and bool(inside))
