"""Find questions that a database answers, from its schema alone: each with a statement, and no model needed.

    proposed(schema)  →  ("How many orders are there for each city?", "SELECT city, COUNT(*) FROM orders …"), …

Invariant: the statements are of the kind that the grammar writes, over columns as they are meant; whether one gives
rows is for whoever runs it to see.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from sqlagent.base.word_forms import name_words
from sqlagent.database.column_kinds import holds_numbers, shows_dates
from sqlagent.database.schema import Column, Schema, Table
from sqlagent.sql.names import quote

MOST_TABLES = 12
"""Tables that are asked about, the largest first."""
_LABELS = ("name", "title", "label", "subject", "username", "description", "email", "url", "path")
_CATEGORIES = {
    "type",
    "kind",
    "status",
    "state",
    "category",
    "city",
    "country",
    "genre",
    "language",
    "level",
    "role",
}
_CATEGORIES |= {"currency", "gender", "method", "colour", "color", "region", "department", "department_id"}
_SEVERAL = (
    "people",
    "children",
    "men",
    "data",
    "media",
    "staff",
    "news",
    "information",
    "equipment",
    "series",
)
"""Ends of names that mean several already."""
_NO_MEASURES = {
    "id",
    "key",
    "no",
    "nr",
    "code",
    "zip",
    "pk",
    "number",
    "year",
    "flags",
    "version",
    "index",
    "position",
}


def proposed(schema: Schema) -> Iterator[tuple[str, str]]:
    """Questions and statements, the most telling of each table first; tables take turns."""
    tables = [table for table in schema.tables if table.kind != "view" and table.row_count != 0]
    tables.sort(key=lambda table: -(table.row_count or 0))
    seen: set[str] = set()
    for turn in zip_longest(*(_about(schema, table) for table in tables[:MOST_TABLES])):
        for pair in turn:
            if pair is not None and pair[1] not in seen:
                seen.add(pair[1])
                yield pair


def _about(schema: Schema, table: Table) -> Iterator[tuple[str, str]]:
    name, said = quote(table.name), several(table.name)
    label, dates = _label(table), [column for column in table.columns if shows_dates(column)]
    measures = [column for column in table.columns if _is_measure(table, column)]
    categories = [column for column in table.columns if _is_category(column, label)]
    yield from _parents(schema, table)
    for column in categories[:1]:
        yield _for_each(name, said, column)
    for column in dates[:1]:
        year = f"strftime('%Y', {quote(column.name)})"
        yield (
            f"How many {said} were there in each year, by {words(column.name)}?",
            f"SELECT {year}, COUNT(*) FROM {name} GROUP BY {year} ORDER BY {year}",
        )
    for column in measures[:1]:
        if label is not None:
            yield f"Which {said} have the highest {words(column.name)}?", _top(name, label, column, 1)
        yield (
            f"What is the average {words(column.name)} of {said}?",
            f"SELECT AVG({quote(column.name)}) FROM {name}",
        )
    for column in dates[:1]:
        if label is not None:
            yield f"Which five {said} have the latest {words(column.name)}?", _top(name, label, column, 5)
    yield f"How many {said} are there?", f"SELECT COUNT(*) FROM {name}"
    for column in categories[1:3]:
        yield _for_each(name, said, column)
    for column in measures[1:3]:
        yield (
            f"What is the total {words(column.name)} of {said}?",
            f"SELECT SUM({quote(column.name)}) FROM {name}",
        )
    for column in table.columns:
        if column is not label and not column.pk and isinstance(next(iter(column.samples), None), str):
            yield (
                f"How many different {words(column.name)} do {said} have?",
                f"SELECT COUNT(DISTINCT {quote(column.name)}) FROM {name}",
            )
    for column in measures[3:]:
        yield (
            f"What is the highest {words(column.name)} of {said}?",
            f"SELECT MAX({quote(column.name)}) FROM {name}",
        )


def _top(name: str, label: Column, column: Column, rows: int) -> str:
    """The rows with the most in a column, by what they are known by."""
    place = quote(column.name)
    return f"SELECT {quote(label.name)}, {place} FROM {name} ORDER BY {place} DESC LIMIT {rows}"


def _for_each(name: str, said: str, column: Column) -> tuple[str, str]:
    place = quote(column.name)
    return (
        f"How many {said} are there for each {words(column.name)}?",
        f"SELECT {place}, COUNT(*) FROM {name} GROUP BY {place} ORDER BY COUNT(*) DESC LIMIT 10",
    )


def _parents(schema: Schema, table: Table) -> Iterator[tuple[str, str]]:
    """Of what a table refers to, whatever it refers to most."""
    for key in table.foreign_keys:
        parent = schema.table(key.ref_table)
        label = _label(parent) if parent is not None else None
        if parent is None or label is None or len(key.columns) != 1 or parent.name == table.name:
            continue
        one, other = quote(table.name), quote(parent.name)
        place, shown = f"{other}.{quote(key.ref_columns[0])}", f"{other}.{quote(label.name)}"
        yield (
            f"Which {several(parent.name)} have the most {several(table.name)}?",
            f"SELECT {shown}, COUNT(*) FROM {one} JOIN {other} ON {one}.{quote(key.columns[0])} = {place} "
            f"GROUP BY {place} ORDER BY COUNT(*) DESC LIMIT 5",
        )


def words(name: str) -> str:
    """A name as a person says it."""
    return " ".join(name_words(name)) or name


def several(name: str) -> str:
    """A table's name as a person says it of several of its rows: "invoice lines" for InvoiceLine."""
    said = words(name)
    if said.endswith(_SEVERAL) or (said.endswith("s") and not said.endswith("ss")) or not said[-1:].isalpha():
        return said
    if said.endswith("person"):
        return said.removesuffix("person") + "people"
    if said.endswith("y") and said[-2:-1] not in "aeiou":
        return f"{said[:-1]}ies"
    return said + ("es" if said.endswith(("ss", "x", "z", "ch", "sh")) else "s")


def _label(table: Table | None) -> Column | None:
    """The column that a person knows a row by; None where there is none."""
    texts = [
        c
        for c in (table.columns if table is not None else ())
        if isinstance(next(iter(c.samples), None), str)
    ]
    texts = [column for column in texts if not shows_dates(column)]
    for wanted in _LABELS:
        for column in texts:
            if name_words(column.name)[-1:] == [wanted]:
                return column
    return next((column for column in texts if column.unique), None)


def _is_measure(table: Table, column: Column) -> bool:
    keys = {name for key in table.foreign_keys for name in key.columns}
    if column.pk or column.unique or column.name in keys or not holds_numbers(column):
        return False
    if not column.samples or not all(isinstance(one, int | float) for one in column.samples):
        return False
    return len(set(column.samples)) > 1 and not _NO_MEASURES & set(name_words(column.name)[-1:])


def _is_category(column: Column, label: Column | None) -> bool:
    if column is label or column.unique or column.pk or shows_dates(column):
        return False
    if column.codes:
        return True
    texts = column.samples and all(isinstance(one, str) and 0 < len(one) <= 30 for one in column.samples)
    return bool(texts) and bool(_CATEGORIES & set(name_words(column.name)))
