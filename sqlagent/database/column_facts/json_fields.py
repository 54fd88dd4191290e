"""Find what JSON objects in a column's cells hold, and offer it as columns: `attributes_temperature REAL`.

    attributes  {"temperature": 21.5, "unit": {"name": "°C"}, "tags": ["a", "b"]}
    →  attributes_temperature, attributes_unit_name, attributes_tags, and attributes_tags_count for their number

Invariant: what is read is bounded (cells, characters, fields), nothing is offered where this SQLite has no JSON
functions, and no expression fails on a cell that is no JSON.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlagent.database.column_facts.decide import column_fact
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.column_facts.sampling import Run, read_rows
from sqlagent.database.ddl_comments import quote
from sqlagent.database.sample_rows import choose
from sqlagent.database.schema import Column, Computed, Schema, Table, Value, fold

ROWS = (64, 4, 16)
"""Cells read of a column: so many first ones, at so many places spread over the rowids, of each."""
_CELL, _ENTRIES, _ARRAY = 20_000, 100, 2_000
"""Characters of a cell, members of an object, characters of an array in it that are looked at."""
MOST, _OF_TABLE = 12, 24
"""Fields of a column, and of a table's columns, at most: each takes a place in what the model reads."""
_LEAST_SHARE = 0.04
"""Of the objects, those that have a field at the least."""
_PROVED_ROWS = 5_000
"""In a table of so many rows each cell is looked at, so that no expression has to ask whether it is JSON."""
_LONGEST = 40
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_PATH = re.compile(r'["\\\x00-\x1f\x7f]|^\d+$')
"""What a key must not hold, or be: no path names it in every SQLite, or it is a value and no name."""


@dataclass
class _Seen:
    """What was seen under one path."""

    kinds: Counter[str] = field(default_factory=Counter)
    values: Counter[Value] = field(default_factory=Counter)

    def add(self, kind: str, value: Value | None) -> None:
        self.kinds[kind] += 1
        if value is not None:
            self.values[value] += 1

    @property
    def present(self) -> int:
        return self.kinds.total() - self.kinds["null"]

    def mostly(self, *kinds: str) -> bool:
        return 2 * sum(self.kinds[kind] for kind in kinds) > self.present


@dataclass(frozen=True, slots=True)
class Fields:
    """Computed columns of some tables, and their facts by (table, column)."""

    columns: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)
    facts: Mapping[tuple[str, str], ColumnFact] = field(default_factory=dict)
    covered: frozenset[tuple[str, str]] = frozenset()
    """(table, column) of JSON of which all that was seen is a computed column: the JSON itself need not be shown."""

    def shown(self, schema: Schema) -> Schema:
        """A schema without the columns that are covered."""
        if not self.covered:
            return schema
        return schema.subset(
            {
                table.name: [c.name for c in table.columns if (table.name, c.name) not in self.covered]
                for table in schema.tables
            }
        )


def read_fields(
    run: Run, tables: Iterable[Table], *, today: int | None = None, seconds: float = 0.5
) -> Fields:
    """The fields of all columns whose samples begin as JSON does.

    today: Unix seconds. seconds: after which no more columns are read.
    """
    until = time.monotonic() + seconds
    columns: dict[str, tuple[Column, ...]] = {}
    facts: dict[tuple[str, str], ColumnFact] = {}
    covered: set[tuple[str, str]] = set()
    for table in tables:
        for column in table.columns if table.kind == "table" else ():
            if column.generated or not _may_be_json(column) or time.monotonic() > until:
                continue
            held = columns.get(table.name, ())
            names = {fold(one.name) for one in (*table.columns, *held)}
            fields = _Fields(run, table, column, today)
            whole = True
            for made, fact in fields.found():
                if fold(made.name) in names or len(columns.get(table.name, ())) >= _OF_TABLE:
                    whole = False
                    continue
                names.add(fold(made.name))
                columns[table.name] = (*columns.get(table.name, ()), made)
                if fact is not None:
                    facts[table.name, made.name] = fact
            if whole and fields.covers:
                covered.add((table.name, column.name))
    return Fields(columns, facts, frozenset(covered))


def with_fields(schema: Schema, fields: Fields) -> Schema:
    """The schema with the computed columns, each behind the one that it is worked out from.

    Of that, no more samples are shown: its fields say what is in it.
    """
    if not fields.columns:
        return schema
    tables = []
    for table in schema.tables:
        made = fields.columns.get(table.name, ())
        columns: list[Column] = []
        for column in table.columns:
            own = [one for one in made if one.computed is not None and one.computed.column == column.name]
            objects = any(one.computed is not None and one.computed.path != "$" for one in own)
            columns += [replace(column, samples=()) if objects else column, *own]
        tables.append(replace(table, columns=tuple(columns)) if made else table)
    return replace(schema, tables=tuple(tables))


def _may_be_json(column: Column) -> bool:
    return any(isinstance(value, str) and value.lstrip()[:1] in ("{", "[") for value in column.samples)


class _Fields:
    """Those of one column."""

    def __init__(self, run: Run, table: Table, column: Column, today: int | None) -> None:
        self._run, self._table, self._column, self._today = run, table, column, today
        self._seen: dict[tuple[str, ...], _Seen] = {}
        self._objects = self._arrays = self._cells = 0
        self._proved = self._unnamed = False
        self.covers = False
        """Whether, once all are found, nothing that was seen in the cells is left out."""

    def found(self) -> Iterator[tuple[Column, ColumnFact | None]]:
        """The computed columns in the order of the objects' members, each with its fact."""
        self._read()
        self._proved = self._arrays + self._objects >= 2 and self._is_proved()
        if self._arrays >= 2 and 2 * self._arrays >= self._cells:
            yield self._counted(()), None
        if self._objects < 2 or 2 * self._objects < self._cells:
            return
        chosen = self._chosen()
        nested = {path[:1] for path in chosen if len(path) == 2}
        left = [p for p, seen in self._seen.items() if seen.present and p not in chosen and p not in nested]
        self.covers = self._objects == self._cells and not left and not self._unnamed
        for path in chosen:
            made = list(self._made(path, self._seen[path]))
            lists = self._seen[path].kinds["array"]
            deep = len(path) == 2 and self._seen[path].kinds["object"]
            self.covers = self.covers and not deep and (not lists or len(made) == 2)
            yield from made

    # ---- what the cells hold ----

    def _read(self) -> None:
        name = f"{quote(self._table.name)}.{quote(self._column.name)}"
        cell = (
            f"CASE WHEN typeof({name}) = 'text' THEN CASE WHEN length({name}) <= {_CELL} AND json_valid({name})"
            f" THEN {name} END END"
        )
        members = f"(SELECT key, type, value FROM json_each({cell}) LIMIT {_ENTRIES}) AS _e"
        inner = "json_each(CASE _e.type WHEN 'object' THEN _e.value END) AS _i"
        outer_ones = f"(SELECT json_group_array(json_array(_e.key, _e.type, {_shown('_e')})) FROM {members})"
        inner_ones = (
            f"(SELECT json_group_array(json_array(_e.key, _i.key, _i.type, {_shown('_i')}))"
            f" FROM {members} CROSS JOIN {inner})"
        )
        present = f"CASE WHEN {name} IS NOT NULL AND {name} != '' THEN 1 END"
        values = [present, f"json_type({cell})", outer_ones, inner_ones]
        for there, kind, *found in read_rows(self._run, self._table, values, *ROWS):
            self._cells += there is not None
            self._objects += kind == "object"
            self._arrays += kind == "array"
            if kind == "object":
                self._add(*(json.loads(str(text)) for text in found))

    def _add(self, members: list[list[Any]], inner: list[list[Any]]) -> None:
        """One object's members and those of the objects in it; of two with one key the first."""
        here: set[tuple[str, ...]] = set()
        self._unnamed = self._unnamed or len(members) >= _ENTRIES
        for *path, kind, value in (*members, *inner):
            if not all(map(_nameable, path)):
                self._unnamed = True
            elif tuple(path) not in here:
                here.add(tuple(path))
                self._seen.setdefault(tuple(path), _Seen()).add(kind, value)

    def _chosen(self) -> list[tuple[str, ...]]:
        """The paths that are offered: of the frequent ones those that tell most, in the order of the objects."""
        least = max(2, _LEAST_SHARE * self._objects)
        fitting = []
        for path, seen in self._seen.items():
            inside = len(path) == 1 or self._seen[path[:1]].mostly("object")
            if seen.present >= least and inside and not seen.mostly("object") and _column_name(path):
                fitting.append(path)
        constant = {path for path in fitting if len(self._seen[path].values) == 1 and self._objects >= 10}
        fitting.sort(key=lambda path: (path in constant, -self._seen[path].present))
        chosen = set(self._answering(fitting[:MOST]))
        order = {path: place for place, path in enumerate(self._seen)}
        return sorted(chosen, key=lambda path: (order[path[:1]], order[path]))

    def _answering(self, paths: Sequence[tuple[str, ...]]) -> Sequence[tuple[str, ...]]:
        """Paths that find something: `ö` may be written `\\u00f6` in a cell, which an older SQLite does not read so."""
        if all(part.isascii() for path in paths for part in path):
            return paths
        name = quote(self._column.name)
        counts = ", ".join(f"count({Computed('', _path(path)).sql('v')})" for path in paths)
        rows = self._run(
            f"SELECT {counts} FROM (SELECT {name} AS v FROM {quote(self._table.name)} NOT INDEXED LIMIT {ROWS[0]})"
        )
        return [path for path, count in zip(paths, rows[0], strict=True) if count] if rows else ()

    def _is_proved(self) -> bool:
        """Whether all cells are JSON."""
        rows = self._table.row_count
        if rows is None or not self._table.row_count_exact or rows > _PROVED_ROWS:
            return False
        name = quote(self._column.name)
        table = quote(self._table.name)
        return self._run(f"SELECT 1 FROM {table} WHERE NOT json_valid({name}) LIMIT 1") == []

    # ---- the columns ----

    def _made(self, path: tuple[str, ...], seen: _Seen) -> Iterator[tuple[Column, ColumnFact | None]]:
        name = f"{self._column.name}_{_column_name(path)}"
        values = seen.values
        evidence = Evidence(
            self._table.name, path[-1], values=values, neighbours=tuple(one[-1] for one in self._seen)
        )
        fact = column_fact(evidence, self._today) if values else None
        if seen.mostly("array"):
            if fact is not None and fact.changes:  # a list of texts
                yield self._column_of(name, path, "TEXT", values), fact
            yield self._counted(path), None
            return
        kinds = {kind for kind in seen.kinds if kind != "null"}
        type_ = "BOOLEAN" if kinds <= {"true", "false"} else _type(kinds)
        if type_ == "BOOLEAN":
            fact = None
        shown = {"date": "DATE", "datetime": "DATETIME"}.get(fact.meaning, "") if fact is not None else ""
        made = self._column_of(name, path, type_, values)
        yield replace(made, type=shown or type_ or "TEXT"), fact

    def _column_of(self, name: str, path: tuple[str, ...], kind: str, values: Counter[Value]) -> Column:
        computed = Computed(self._column.name, _path(path), kind, proved=self._proved)
        return Column(name, kind, samples=choose(list(values.elements()), 3), computed=computed)

    def _counted(self, path: tuple[str, ...]) -> Column:
        """The number of members of a list."""
        name = "_".join(filter(None, (self._column.name, _column_name(path), "count")))
        computed = Computed(self._column.name, _path(path), "INTEGER", length=True, proved=self._proved)
        return Column(name, "INTEGER", computed=computed)


def _shown(source: str) -> str:
    """What is looked at of a member's value."""
    return (
        f"CASE {source}.type WHEN 'text' THEN substr({source}.value, 1, 200) WHEN 'object' THEN NULL"
        f" WHEN 'array' THEN CASE WHEN length({source}.value) <= {_ARRAY} THEN '' || {source}.value END"
        f" ELSE {source}.value END"
    )


def _nameable(key: object) -> bool:
    return isinstance(key, str) and 0 < len(key) <= _LONGEST and _NO_PATH.search(key) is None


def _column_name(path: Sequence[str]) -> str:
    """`Content-Type` → `Content_Type`; "" where nothing is left."""
    return "_".join(filter(None, (re.sub(r"\W+", "_", part).strip("_") for part in path)))


def _path(path: Sequence[str]) -> str:
    """SQLite's JSON path of some keys: `$.unit."first name"`."""
    return "$" + "".join("." + (key if _PLAIN.fullmatch(key) else f'"{key}"') for key in path)


def _type(kinds: set[str]) -> str:
    if kinds <= {"integer", "real"}:
        return "REAL" if "real" in kinds else "INTEGER"
    return "TEXT" if kinds == {"text"} else ""
