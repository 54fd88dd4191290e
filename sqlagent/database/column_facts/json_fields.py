"""Find what JSON objects in a column's cells hold, and offer it as columns: `attributes_temperature REAL`.

    attributes  {"temperature": 21.5, "unit": {"name": "°C"}, "tags": ["a", "b"]}
    →  attributes_temperature, attributes_unit_name, attributes_tags, and attributes_tags_count for their number

Invariant: what is read is bounded (cells, characters, fields), nothing is offered where this SQLite has no JSON
functions, and no expression fails on a cell that is no JSON.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlagent.database.column_facts.decide import column_fact
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.column_facts.json_lists import list_table
from sqlagent.database.column_facts.json_members import (
    ENTRIES,
    ROWS,
    Members,
    Path,
    Seen,
    cell_text,
    column_name,
    path_text,
    shown,
    type_of,
)
from sqlagent.database.column_facts.sampling import Run, read_rows
from sqlagent.database.ddl_comments import quote
from sqlagent.database.sample_rows import choose
from sqlagent.database.schema import Column, Computed, Schema, Table, Value, fold
from sqlagent.database.spoken_names import SpokenTable

_OF_TABLE = 24
"""Fields of a table's columns at most."""
_PROVED_ROWS = 5_000
"""In a table of so many rows each cell is looked at, so that no expression has to ask whether it is JSON."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Computed columns of some tables, and their facts by (table, column)."""

    columns: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)
    facts: Mapping[tuple[str, str], ColumnFact] = field(default_factory=dict)
    covered: frozenset[tuple[str, str]] = frozenset()
    """(table, column) of JSON of which all that was seen is a computed column: the JSON itself need not be shown."""
    tables: tuple[SpokenTable, ...] = ()
    """A table for each list of objects, with a row for each of them."""

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
    """The fields of all columns whose samples begin as JSON does, and the tables that their lists are.

    today: Unix seconds. seconds: after which no more columns are read, and after as many again no more lists.
    """
    until = time.monotonic() + seconds
    columns: dict[str, tuple[Column, ...]] = {}
    facts: dict[tuple[str, str], ColumnFact] = {}
    covered: set[tuple[str, str]] = set()
    listing: list[tuple[Table, Column, Sequence[Path], bool]] = []
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
            listing.append((table, column, fields.lists, whole and fields.covers))
    lists: list[SpokenTable] = []
    until = time.monotonic() + seconds
    for table, column, paths, covers in listing:
        for path in paths:
            late = time.monotonic() > until
            listed, told = (None, False) if late else list_table(run, table, column, path)
            lists += [listed] if listed is not None else []
            covers = covers and told
        if covers:
            covered.add((table.name, column.name))
    return Fields(columns, facts, frozenset(covered), tuple(lists))


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
        self._members = Members()
        self._arrays = self._cells = 0
        self._proved = False
        self.covers = False
        """Whether, once all are found, nothing that was seen in the cells is left out but for `lists`."""
        self.lists: list[Path] = []
        """Once all are found: the paths of lists that hold something else than texts, numbers and truths."""

    def found(self) -> Iterator[tuple[Column, ColumnFact | None]]:
        """The computed columns in the order of the objects' members, each with its fact."""
        self._read()
        members = self._members
        self._proved = self._arrays + members.objects >= 2 and self._is_proved()
        if self._arrays >= 2 and 2 * self._arrays >= self._cells:
            self.lists.append(())
            self.covers = self._arrays == self._cells
            yield self._counted(()), None
        if members.objects < 2 or 2 * members.objects < self._cells:
            return
        chosen = members.in_order(self._answering(members.telling()))
        nested = {path[:1] for path in chosen if len(path) == 2}
        left = [p for p, seen in members.seen.items() if seen.present and p not in chosen and p not in nested]
        self.covers = members.objects == self._cells and not left and not members.unnamed
        for path in chosen:
            seen = members.seen[path]
            made = list(self._made(path, seen))
            deep = len(path) == 2 and seen.kinds["object"]
            if seen.mostly("array") and len(made) == 1:
                self.lists.append(path)
            elif seen.kinds["array"] and len(made) == 1:
                self.covers = False
            self.covers = self.covers and not deep
            yield from made

    # ---- what the cells hold ----

    def _read(self) -> None:
        cell = cell_text(quote(self._table.name), quote(self._column.name))
        name = f"{quote(self._table.name)}.{quote(self._column.name)}"
        members = f"(SELECT key, type, value FROM json_each({cell}) LIMIT {ENTRIES}) AS _e"
        inner = "json_each(CASE _e.type WHEN 'object' THEN _e.value END) AS _i"
        outer_ones = f"(SELECT json_group_array(json_array(_e.key, _e.type, {shown('_e')})) FROM {members})"
        inner_ones = (
            f"(SELECT json_group_array(json_array(_e.key, _i.key, _i.type, {shown('_i')}))"
            f" FROM {members} CROSS JOIN {inner})"
        )
        present = f"CASE WHEN {name} IS NOT NULL AND {name} != '' THEN 1 END"
        values = [present, f"json_type({cell})", outer_ones, inner_ones]
        for there, kind, *found in read_rows(self._run, self._table, values, *ROWS):
            self._cells += there is not None
            self._arrays += kind == "array"
            if kind == "object":
                self._members.add(*(json.loads(str(text)) for text in found))

    def _answering(self, paths: Sequence[Path]) -> Sequence[Path]:
        """Paths that find something: `ö` may be written `\\u00f6` in a cell, which an older SQLite does not read so."""
        if all(part.isascii() for path in paths for part in path):
            return paths
        name = quote(self._column.name)
        counts = ", ".join(f"count({Computed('', path_text(path)).sql('v')})" for path in paths)
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

    def _made(self, path: Path, seen: Seen) -> Iterator[tuple[Column, ColumnFact | None]]:
        name = f"{self._column.name}_{column_name(path)}"
        values = seen.values
        evidence = Evidence(
            self._table.name, path[-1], values=values, neighbours=tuple(one[-1] for one in self._members.seen)
        )
        fact = column_fact(evidence, self._today) if values else None
        if seen.mostly("array"):
            if fact is not None and fact.changes:  # a list of texts
                yield self._column_of(name, path, "TEXT", values), fact
            yield self._counted(path), None
            return
        kinds = {kind for kind in seen.kinds if kind != "null"}
        type_ = "BOOLEAN" if kinds <= {"true", "false"} else type_of(kinds)
        if type_ == "BOOLEAN":
            fact = None
        meant = {"date": "DATE", "datetime": "DATETIME"}.get(fact.meaning, "") if fact is not None else ""
        made = self._column_of(name, path, type_, values)
        yield replace(made, type=meant or type_ or "TEXT"), fact

    def _column_of(self, name: str, path: Path, kind: str, values: Counter[Value]) -> Column:
        computed = Computed(self._column.name, path_text(path), kind, proved=self._proved)
        return Column(name, kind, samples=choose(list(values.elements()), 3), computed=computed)

    def _counted(self, path: Path) -> Column:
        """The number of members of a list."""
        name = "_".join(filter(None, (self._column.name, column_name(path), "count")))
        computed = Computed(self._column.name, path_text(path), "INTEGER", length=True, proved=self._proved)
        return Column(name, "INTEGER", computed=computed)
