"""Read the facts of all columns through any function that runs a SELECT, e.g. in the confined process.

Invariant: what is read of a table is bounded by LIMITs, not by its rows; nothing that a view, a generated column or a
module of a virtual table computes is asked for.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import cast

from sqlagent.database.column_facts.decide import column_fact
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.column_facts.written_dates import TextDate
from sqlagent.database.ddl_comments import quote
from sqlagent.database.schema import Column, Table, Value

Run = Callable[[str], "Sequence[Sequence[Value | None]] | None"]
"""Runs a SELECT; None where it cannot be run or takes too long."""
Places = tuple[int, int, int]
"""How many rows at the head of a table, at how many other places, how many at each of them."""

ROWS, DEEP = (64, 8, 16), (300, 4, 75)
"""Rows read of each table: so many first ones, at so many places spread over the rowids, of each; deep: of the
columns whose facts change statements."""
MANY, FEW, FEW_DEEP = 2_000, (12, 2, 4), (60, 2, 20)
"""In a schema of more columns than MANY."""
WHOLE = 50_000
"""Rows in which a day above twelve is looked for, where a date may be read in two ways."""
TEXT = 200
"""Characters of a text that are read."""


def read_facts(
    run: Run, tables: Iterable[Table], *, today: int | None = None, seconds: float = 0.5
) -> dict[tuple[str, str], ColumnFact]:
    """(table, column) → fact of every stored column that there is something to say of.

    today: Unix seconds. seconds: after which no more tables are read.
    """
    until = time.monotonic() + seconds
    tables = list(tables)
    many = sum(len(table.columns) for table in tables) > MANY
    rows, deep = (FEW, FEW_DEEP) if many else (ROWS, DEEP)
    found: dict[tuple[str, str], ColumnFact] = {}
    for table in tables:
        if time.monotonic() > until:
            break
        if table.kind == "table":
            found |= {
                (table.name, name): fact for name, fact in _facts(run, table, today, rows, deep).items()
            }
    return found


def _facts(run: Run, table: Table, today: int | None, rows: Places, deep: Places) -> dict[str, ColumnFact]:
    """The facts of one table's columns by name."""
    columns = [column for column in table.columns if not column.generated]
    first = _read(run, table, columns, *rows)
    if not first:
        return {}
    facts = {}
    for column, evidence in zip(columns, _evidence(table, columns, first), strict=True):
        fact = column_fact(evidence, today)
        if fact is not None:
            facts[column.name] = fact
    doubtful = [column for column in columns if column.name in facts and _worth(facts[column.name])]
    if not doubtful or len(first) < rows[0]:
        return facts
    more = _read(run, table, doubtful, *deep) or []
    for column, evidence in zip(doubtful, _evidence(table, doubtful, more), strict=True):
        deeper = column_fact(evidence, today) if evidence.values else facts[column.name]
        if deeper is None:
            del facts[column.name]
        else:
            facts[column.name] = _settled(run, table, column, deeper)
    return facts


def _worth(fact: ColumnFact) -> bool:
    """Whether more rows may change what is done with a statement."""
    return fact.encoding is not None or bool(fact.nothing)


def _read(
    run: Run, table: Table, columns: Sequence[Column], head: int, spots: int, spot: int
) -> Sequence[Sequence[Value | None]]:
    """Rows of the columns: the first `head`, and `spot` at each of `spots` places; the first ones without rowids."""
    name = quote(table.name)
    return read_rows(run, table, [_value(name, column) for column in columns], head, spots, spot)


def read_rows(
    run: Run, table: Table, expressions: Sequence[str], head: int, spots: int, spot: int
) -> Sequence[Sequence[Value | None]]:
    """What expressions over a table's columns, qualified by its name, give in such rows."""
    name = quote(table.name)
    values = ", ".join(expressions)
    select = f"SELECT {{}} FROM {name} NOT INDEXED"
    whole = table.row_count is not None and table.row_count_exact and table.row_count <= head + spots * spot
    rowid = next((word for word in ("rowid", "_rowid_", "oid") if table.column(word) is None), None)
    if rowid is not None and not whole:
        # The row numbers first: what is read of a row is then compiled once and not once a place.
        low, high = (f"(SELECT {bound}({rowid}) FROM {name})" for bound in ("min", "max"))
        numbers = select.format(f"{rowid} AS n")
        places = [
            f"{rowid} >= {low} + {head} + ({high} - {low} - {head}) / {spots} * {step} LIMIT {spot}"
            for step in range(spots)
        ]
        parts = [f"SELECT n FROM ({numbers} LIMIT {head})"]
        parts += [f"SELECT n FROM ({numbers} WHERE {place})" for place in places]
        chosen = " UNION ALL ".join(parts)
        rows = run(f"SELECT {values} FROM ({chosen}) AS c CROSS JOIN {name} ON {name}.{rowid} = c.n")
        if rows is not None:
            return rows
    return run(f"{select.format(values)} LIMIT {head + spots * spot}") or []


def _value(table: str, column: Column) -> str:
    name = f"{table}.{quote(column.name)}"
    return f"CASE typeof({name}) WHEN 'text' THEN substr({name}, 1, {TEXT}) WHEN 'blob' THEN NULL ELSE {name} END"


def _evidence(
    table: Table, columns: Sequence[Column], rows: Sequence[Sequence[Value | None]]
) -> list[Evidence]:
    neighbours = tuple(column.name for column in table.columns)
    referring = {name for key in table.foreign_keys for name in key.columns}
    found = []
    for column, cells in zip(columns, zip(*rows, strict=True) if rows else ((),) * len(columns), strict=True):
        counted: dict[Value | None, int] = Counter(cells)
        nulls = counted.pop(None, 0)
        values = cast("dict[Value, int]", counted)
        key = column.pk > 0 or column.name in referring
        found.append(Evidence(table.name, column.name, column.type, values, nulls, neighbours, key))
    return found


def _settled(run: Run, table: Table, column: Column, fact: ColumnFact) -> ColumnFact:
    """A date that may be day or month first, told by a day above twelve anywhere in many more rows."""
    if not (fact.others and isinstance(fact.encoding, TextDate)):
        return fact
    name = quote(column.name)
    between = fact.encoding.format[2:3]
    second = f"substr(v, instr(v, '{between}') + 1)"
    rows = run(
        f"SELECT max(CAST(v AS INTEGER)), max(CAST({second} AS INTEGER))"
        f" FROM (SELECT {name} AS v FROM {quote(table.name)} LIMIT {WHOLE})"
    )
    if not rows or not all(isinstance(number, int) for number in rows[0]):
        return fact
    first_field, second_field = (int(str(number)) for number in rows[0])
    order = "%d%m" if first_field > 12 >= second_field else "%m%d" if second_field > 12 >= first_field else ""
    start = fact.encoding.format[:5].replace(between, "")
    if not order:
        return fact
    format = fact.encoding.format
    if start != order:
        format = order[:2] + between + order[2:] + format[5:]
    encoding = TextDate(format, fact.encoding.fixed)
    return replace(fact, encoding=encoding, certainty=0.99, others=())
