"""Tell what the columns of a view mean from the columns that it hands on unchanged.

CREATE VIEW recent AS SELECT url, visit_date AS at FROM visits    →  recent.at means what visits.visit_date does
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.column_facts.json_fields import Fields
from sqlagent.database.column_facts.sampling import Run
from sqlagent.database.schema import Column, Schema, fold
from sqlagent.sql import tree
from sqlagent.sql.cursor import Unreadable
from sqlagent.sql.reading import read
from sqlagent.sql.walk import bare, result_name

_HEAD = re.compile(r"\bAS\b\s*(?=\bSELECT\b|\bWITH\b)", re.IGNORECASE)
_DEEPEST = 4
"""Views on views that are looked through."""
_SAMPLES, _LOOKED_AT = 3, 40


def view_facts(
    schema: Schema, definitions: Mapping[str, str], facts: Mapping[tuple[str, str], ColumnFact]
) -> dict[tuple[str, str], ColumnFact]:
    """(view, column) → fact. definitions: view → its CREATE VIEW."""
    known = {(fold(table), fold(column)): fact for (table, column), fact in facts.items()}
    found: dict[tuple[str, str], ColumnFact] = {}
    for _ in range(_DEEPEST):
        before = len(found)
        for name, text in definitions.items():
            for column, key in _handed_on(schema, text).items():
                if key in known and (name, column) not in found:
                    found[name, column] = replace(known[key], key=False)
        known |= {(fold(view), fold(column)): fact for (view, column), fact in found.items()}
        if len(found) == before:
            break
    return found


def view_fields(schema: Schema, definitions: Mapping[str, str], fields: Fields) -> Fields:
    """The fields of JSON, and those of the JSON that views hand on: `recent.payload_kind` is one, too."""
    held: dict[tuple[str, str], list[tuple[str, Column]]] = {}
    for name, made in fields.columns.items():
        for one in made:
            if one.computed is not None:
                held.setdefault((fold(name), fold(one.computed.column)), []).append((name, one))
    columns, facts = dict(fields.columns), dict(fields.facts)
    for view, text in definitions.items() if held else ():
        table = schema.table(view)
        taken = {fold(one.name) for one in table.columns} if table is not None else set()
        for name, base in _handed_on(schema, text).items():
            for source, one in held.get(base, ()):
                assert one.computed is not None
                spoken = name + one.name.removeprefix(one.computed.column)
                if table is None or fold(spoken) in taken:
                    continue
                taken.add(fold(spoken))
                shown = replace(one, name=spoken, computed=replace(one.computed, column=name))
                columns[view] = (*columns.get(view, ()), shown)
                if (fact := fields.facts.get((source, one.name))) is not None:
                    facts[view, spoken] = fact
    return replace(fields, columns=columns, facts=facts)


def _handed_on(schema: Schema, definition: str) -> dict[str, tuple[str, str]]:
    """Column of a view → the table's column, folded, that it is; a view with a list of names is left out."""
    head = _HEAD.search(definition)
    if head is None or "(" in definition[: head.start()]:
        return {}
    try:
        reading = read(definition[head.end() :], schema)
    except Unreadable:
        return {}
    select = reading.select
    found = {}
    for item in select.items if select is not None else ():
        value = bare(item.value)
        base = None if isinstance(value, tree.Star) else reading.scopes.base(value)
        name = result_name(item)
        if base is not None and name:
            found[name] = (fold(base[0].name), fold(base[1].name))
    return found


def query_columns(
    query: str, schema: Schema, run: Run, facts: Mapping[tuple[str, str], ColumnFact]
) -> list[tuple[Column, tuple[str, str] | None]] | None:
    """The columns of a query's result, each with the table's column that it hands on; None where it does not run."""
    rows = run(f"SELECT * FROM ({query}) LIMIT {_LOOKED_AT}")
    if rows is None:
        return None
    try:
        reading = read(query, schema)
    except Unreadable:
        return None
    select = reading.query.arms[0]
    if not isinstance(select, tree.Select):
        return None
    columns: list[tuple[Column, tuple[str, str] | None]] = []
    for number, item in enumerate(select.items):
        value = bare(item.value)
        if isinstance(value, tree.Star):
            return None
        base = reading.scopes.base(value)
        name = result_name(item)
        if not name:
            return None
        seen = [cell for row in rows if (cell := row[number]) is not None]
        samples = tuple(dict.fromkeys(v[:200] if isinstance(v, str) else v for v in seen))[:_SAMPLES]
        if base is not None:
            place = (base[0].name, base[1].name)
            fact = facts.get(place)
            meant = base[1].samples if fact is not None and fact.changes else samples
            columns.append((replace(base[1], name=name, pk=0, samples=meant), place))
        else:
            kinds = set(map(type, seen))
            type_ = "TEXT" if str in kinds else "REAL" if float in kinds else "INTEGER" if seen else ""
            columns.append((Column(name, type_, samples=samples), None))
    return columns
