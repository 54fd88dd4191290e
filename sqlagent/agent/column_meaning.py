"""Keep what the columns of the open database mean, and lower statements by it.

Facts are read through the sandbox, so that no value of a stranger's file is touched outside of the confined process.
A failure to read them is no failure to answer: without facts all columns are taken as they are stored.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sqlagent.base.errors import QueryError, QueryTimeout
from sqlagent.database.column_facts import kept
from sqlagent.database.column_facts.code_tables import coded_columns
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.column_facts.json_fields import read_fields, with_fields
from sqlagent.database.column_facts.meant_schema import meant_schema
from sqlagent.database.column_facts.nothing import ALWAYS
from sqlagent.database.column_facts.sampling import Run, read_facts
from sqlagent.database.column_facts.undeclared_keys import undeclared_keys
from sqlagent.database.profile import profile_of
from sqlagent.database.schema import ForeignKey, Schema, Value, fold
from sqlagent.database.spoken_names import SpokenNames, spoken_names
from sqlagent.lowering.columns import Options
from sqlagent.lowering.computed import ComputedColumns
from sqlagent.lowering.lower import Lowered, lower
from sqlagent.lowering.stored_names import in_stored_names
from sqlagent.lowering.views import query_columns, view_facts, view_fields

if TYPE_CHECKING:
    from sqlagent.sandbox.file_state import FileState
    from sqlagent.sandbox.sandbox import Sandbox

Keys = Mapping[str, tuple[ForeignKey, ...]]
_WORD = re.compile(r"\w+")
_SECONDS = 1.0
"""A statement that reads facts may take so long."""
_ALL_SECONDS = 3.0
"""All of them together."""
_KEYS_SECONDS, _CODES_SECONDS, _FIELDS_SECONDS = 1.0, 0.5, 0.5
"""The search for keys that nobody declared, for tables of codes, and for fields of JSON."""
Made = TypeVar("Made")


class ColumnMeaning:
    """The facts of one schema's columns. `meant` is the schema as the model is shown it.

    state: of the file that the schema was read from, where what is told of it may be kept.
    """

    def __init__(
        self,
        schema: Schema,
        sandbox: Sandbox,
        options: Options = Options(local=True),  # noqa: B008
        state: FileState | None = None,
    ) -> None:
        run = _runner(sandbox)
        self.schema = schema
        self.options = options
        self.profile = profile_of(schema)
        known = kept.load(schema.path, state) if state is not None else None
        began = time.monotonic()
        cuts: list[bool] = []

        def within(seconds: float, made: Callable[[float], Made]) -> Made:
            """What is read in so much time, and whether that was too little."""
            from_ = time.monotonic()
            result = made(seconds)
            cuts.append(time.monotonic() - from_ >= seconds)
            return result

        stored_fields = (
            within(_FIELDS_SECONDS, lambda s: read_fields(run, schema.tables, seconds=s))
            if known is None
            else known[2]
        )
        views = _views(run, schema)
        fields = view_fields(schema, views, stored_fields)
        wide = with_fields(schema, fields)
        self._computed = ComputedColumns(wide)
        asked = self._run_computed(run)
        found: Keys = (
            within(_KEYS_SECONDS, lambda s: undeclared_keys(asked, wide.tables, seconds=s))
            if known is None
            else known[1]
        )
        keys = found
        if self.profile is not None:
            keys = _joined(keys, self.profile.keys)
        tables = [
            replace(table, foreign_keys=(*table.foreign_keys, *keys.get(table.name, ())))
            for table in schema.tables
        ]
        if known is not None:
            self.facts = known[0]
        else:
            self.facts = within(_ALL_SECONDS, lambda s: read_facts(run, tables, seconds=s))
            facts = self.facts
            self.facts |= within(_CODES_SECONDS, lambda s: coded_columns(run, tables, facts, seconds=s))
            if state is not None:
                seconds = time.monotonic() - began
                kept.save(schema.path, state, self.facts, found, stored_fields, seconds, cut=any(cuts))
        if self.profile is not None:
            self.facts |= self.profile.facts
        self.facts |= view_facts(schema, views, self.facts)
        self.facts |= _apart_from_keys(fields.facts, keys)
        self._by_name = {(fold(table), fold(column)): fact for (table, column), fact in self.facts.items()}
        self.stored = meant_schema(wide, self.facts, keys)
        """The schema as the columns are meant, in the names of the file; with the fields of JSON as columns."""
        self.names: SpokenNames | None = None
        self.meant = fields.shown(self.stored)
        spoken = self._lists = fields.tables
        if self.profile is not None:
            self.meant = self.profile.shown(self.meant)
            spoken = (*self.profile.tables, *spoken)
        if spoken:
            described = partial(query_columns, schema=self.stored, run=asked, facts=self.facts)
            self.names = spoken_names(self.meant, spoken, asked, described, self.stored)
            if self.names is not None:
                self.meant = self.names.schema

    def is_stored_text(self, table: str, column: str, literal: str) -> bool:
        """Whether a literal is meant as one of the texts that a column holds, so that a misspelt one can be mended.

        Not where the column is not stored as it is meant, and not where the literal stands for no value.
        """
        place = (table, column) if self.names is None else self.names.stored_place(table, column)
        fact = self._by_name.get((fold(place[0]), fold(place[1]))) if place is not None else None
        if fact is None or not fact.changes:
            return True
        return fact.encoding is None and literal.strip().lower() not in ALWAYS | {"none"}

    def lists_of(self, table: str) -> list[tuple[str, str, tuple[str, ...]]]:
        """The tables that a table's JSON is read as: the name, the column with the JSON, the columns."""
        found = []
        for one in self._lists:
            shown = self.meant.table(one.name)
            source, column = one.read_from
            known = self.names.table(one.name) if self.names is not None else None
            if shown is not None and source == table and known is not None and known.query == one.query:
                found.append((one.name, column, tuple(each.name for each in shown.columns)))
        return found

    def lower(self, sql: str, prepares: Callable[[str], bool], *, shown: bool = True) -> Lowered:
        """A statement for how the columns are stored; itself where the database does not take the other one.

        shown: its results are to be as they are meant, else as they are stored.
        """
        options = self.options if shown else replace(self.options, shown=False)
        named = sql if self.names is None else in_stored_names(sql, self.names)
        read = self._lists_in(sql) if named != sql else ()
        if not self._computed:
            lowered = lower(named, self.stored, self.facts, options=options, prepares=prepares)
            return replace(lowered, notes=(*read, *lowered.notes)) if read else lowered

        def takes(text: str) -> bool:
            return prepares(self._computed.written_out(text)[0])

        lowered = lower(named, self.stored, self.facts, options=options, prepares=takes)
        written, notes = self._computed.written_out(lowered.sql)
        return replace(lowered, sql=written, notes=(*read, *notes, *lowered.notes))

    def _lists_in(self, sql: str) -> tuple[str, ...]:
        """A sentence for each table that is a list in JSON, where a statement names it."""
        words = set(map(fold, _WORD.findall(sql)))
        return tuple(
            f"{one.name} is read from the JSON in {'.'.join(one.read_from)}."
            for one in self._lists
            if words.issuperset(map(fold, _WORD.findall(one.name)))
        )

    def _run_computed(self, run: Run) -> Run:
        """The same for statements that may name computed columns."""
        return (lambda sql: run(self._computed.written_out(sql)[0])) if self._computed else run


def _apart_from_keys(
    facts: Mapping[tuple[str, str], ColumnFact], keys: Keys
) -> dict[tuple[str, str], ColumnFact]:
    """Facts of columns of which some are found to be keys: those join as they are stored."""
    own = {(table, name) for table, held in keys.items() for key in held for name in key.columns}
    return {place: replace(fact, key=True) if place in own else fact for place, fact in facts.items()}


def _joined(found: Keys, known: Keys) -> Keys:
    """The keys of both, the known one where both have one for a column."""
    joined = dict(found)
    for table, keys in known.items():
        named = {key.columns for key in keys}
        joined[table] = (*keys, *(key for key in found.get(table, ()) if key.columns not in named))
    return joined


def _views(run: Run, schema: Schema) -> dict[str, str]:
    """The CREATE VIEW of each view; nothing is asked where there is none."""
    names = {table.name for table in schema.tables if table.kind == "view"}
    rows = run("SELECT name, sql FROM sqlite_master WHERE type = 'view'") if names else ()
    return {str(name): str(text) for name, text in rows or () if name in names}


def _runner(sandbox: Sandbox) -> Run:
    def run(sql: str) -> Sequence[Sequence[Value | None]] | None:
        try:
            return sandbox.execute(sql, timeout=_SECONDS, max_rows=0).rows
        except (QueryError, QueryTimeout):
            return None

    return run


def prepares(sandbox: Sandbox) -> Callable[[str], bool]:
    """Whether the database takes a statement."""

    def takes(sql: str) -> bool:
        try:
            sandbox.prepare(sql)
        except QueryError:
            return False
        return True

    return takes
