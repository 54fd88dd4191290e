"""Show a schema as it is meant: types and sample values of columns whose facts change statements, keys nobody declared.

    visit_date INTEGER, samples 1714694400000000  →  visit_date DATETIME, samples '2024-05-03 00:00:00'

Invariant: a schema of which all is plain is handed back as it is, and its fingerprint with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlagent.database.column_facts.encodings import Duration, Flag, Named, TextNumber
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.column_facts.written_dates import MixedDate
from sqlagent.database.schema import Column, ForeignKey, Schema, Table, Value, keep_sound_keys

_CODES = 12
"""Names of codes that are shown all; of more, those that occur."""
_WORDS = 6
"""Words that are shown of a column of words and numbers, the frequent ones."""
_TYPES = {"date": "DATE", "datetime": "DATETIME", "month": "TEXT", "boolean": "BOOLEAN"}


def meant_schema(
    schema: Schema,
    facts: Mapping[tuple[str, str], ColumnFact],
    keys: Mapping[str, Sequence[ForeignKey]] | None = None,
) -> Schema:
    """The schema as the columns are meant. keys: table → keys that nobody declared."""
    tables = tuple(_table(table, facts, (keys or {}).get(table.name, ())) for table in schema.tables)
    if all(new is old for new, old in zip(tables, schema.tables, strict=True)):
        return schema
    return replace(schema, tables=keep_sound_keys(tables))


def _table(table: Table, facts: Mapping[tuple[str, str], ColumnFact], keys: Sequence[ForeignKey]) -> Table:
    known = {
        column.name: fact
        for column in table.columns
        if (fact := facts.get((table.name, column.name))) is not None and fact.changes
    }
    timed = any(
        fact.meaning in ("date", "datetime") and not fact.key
        for column in table.columns
        if (fact := facts.get((table.name, column.name))) is not None
    )
    columns = tuple(_column(column, known.get(column.name), timed) for column in table.columns)
    if not keys and all(new is old for new, old in zip(columns, table.columns, strict=True)):
        return table
    return replace(table, columns=columns, foreign_keys=(*table.foreign_keys, *keys))


def _column(column: Column, fact: ColumnFact | None, timed: bool) -> Column:
    """The column as it is meant. timed: another column of the table says when; a key need not."""
    if fact is None or (fact.key and (timed or not column.pk)):
        return column
    encoding = fact.encoding
    if encoding is None:
        samples = tuple(value for value in column.samples if value not in fact.nothing)
        return column if samples == column.samples else replace(column, samples=samples)
    if isinstance(encoding, TextNumber) and encoding.mixed:
        words = tuple(word for word in fact.exceptions if isinstance(word, str))[:_WORDS]
        return replace(column, codes=(*words, str(fact.sample)))  # words are among its values
    if isinstance(encoding, Named):
        names = [name for stored, name in encoding.names if stored in column.samples] or [
            encoding.names[0][1]
        ]
        every = tuple(name for _, name in encoding.names) if len(encoding.names) <= _CODES else ()
        return replace(column, type="TEXT", samples=tuple(names), codes=every)
    decoded = (encoding.decode(value) for value in column.samples if value not in fact.nothing)
    samples = tuple(dict.fromkeys(value for value in decoded if value is not None))
    if isinstance(encoding, MixedDate):
        samples = tuple(
            sorted(samples, key=lambda date: -len(str(date)))
        )  # a day shows how dates are written
    unit = "seconds" if isinstance(encoding, Duration) or fact.meaning == "duration" else ""
    note = "; ".join(filter(None, [unit, column.note]))
    return replace(column, type=_type(fact, samples) or column.type, samples=samples, note=note)


def _type(fact: ColumnFact, samples: Sequence[Value]) -> str:
    if fact.meaning in ("number", "duration"):
        return "REAL" if any(isinstance(value, float) for value in samples) else "INTEGER"
    return "BOOLEAN" if isinstance(fact.encoding, Flag) else _TYPES.get(fact.meaning, "")
