"""Copy databases with their tables and columns renamed to abbreviations, and the questions' statements with them.

    python -m train build renamed --data DIR/spider --split train --save OUT

Rows stay as they are, so that samples and stored values tell what a column holds. Statements are renamed by what their
names mean (`sqlagent.sql`), never by their text. Invariant: a renamed statement gives on the copy what the original
gives on the original; a pair that does not is left out and counted.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.gold.datasets import Question
from sqlagent.database import schema as schemas
from sqlagent.database.schema import Schema, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.parser import Unreadable
from sqlagent.sql.reading import Reading, read
from sqlagent.sql.scope import Output
from sqlagent.sql.tree import Column, Item, Joined, Name, TableRef
from train.builders.folder import Folder, read_only
from train.builders.short_names import CASES, WAYS, Shortener, distinct

TABLES = 0.6
"""Share of the copies whose tables are renamed, too: columns always are."""
STEPS = 100
ROWS = 5000


@dataclass(frozen=True, slots=True)
class Renaming:
    """What the tables and columns of one database are called in a copy, by folded old names."""

    tables: dict[str, str]
    columns: dict[tuple[str, str], str]


class Unnameable(ValueError):
    """A statement or a database that cannot be renamed; the text says why."""


def renaming(schema: Schema, rng: random.Random) -> Renaming:
    """New names for one copy."""
    short = Shortener(rng.choice(WAYS), rng.choice(CASES), rng)
    tables = [table for table in schema.tables if table.kind == "table"]
    names = (
        distinct([t.name for t in tables], short)
        if rng.random() < TABLES
        else {t.name: t.name for t in tables}
    )
    columns = {}
    for table in tables:
        for old, new in distinct([column.name for column in table.columns], short).items():
            columns[fold(table.name), fold(old)] = new
    return Renaming({fold(old): new for old, new in names.items()}, columns)


def copy(source: Path, target: Path, schema: Schema, new: Renaming) -> None:
    """Copy a database and rename what is in it. Raises Unnameable where SQLite does not let it."""
    shutil.copyfile(source, target)
    target.chmod(0o644)
    connection = sqlite3.connect(target)
    try:
        for table in schema.tables:
            if table.kind != "table":
                continue
            here = quote(table.name)
            # Twice, since a new name may be the old one of another column.
            for number, column in enumerate(table.columns):
                connection.execute(
                    f"ALTER TABLE {here} RENAME COLUMN {quote(column.name)} TO renamed_{number}"
                )
            for number, column in enumerate(table.columns):
                name = quote(new.columns[fold(table.name), fold(column.name)])
                connection.execute(f"ALTER TABLE {here} RENAME COLUMN renamed_{number} TO {name}")
        for number, table in enumerate(t for t in schema.tables if t.kind == "table"):
            if new.tables[fold(table.name)] != table.name:
                connection.execute(f"ALTER TABLE {quote(table.name)} RENAME TO renamed_{number}")
        for number, table in enumerate(t for t in schema.tables if t.kind == "table"):
            if new.tables[fold(table.name)] != table.name:
                connection.execute(
                    f"ALTER TABLE renamed_{number} RENAME TO {quote(new.tables[fold(table.name)])}"
                )
        connection.commit()
    except sqlite3.Error as error:
        raise Unnameable(f"SQLite does not rename {source.stem}: {error}") from error
    finally:
        connection.close()


def statement(sql: str, schema: Schema, new: Renaming) -> str:
    """A statement with the new names. Raises Unnameable."""
    try:
        reading = read(sql.strip().rstrip(";"), schema)
    except Unreadable as error:
        raise Unnameable(f"unreadable: {error}") from error
    tree, scopes = reading.statement, reading.scopes
    edits = Edits(tree)

    def put(name: Name, text: str) -> None:
        edits.replace(name, quote(text))

    if any(joined.using or joined.natural for joined in tree.find(Joined)):
        raise Unnameable("joins by equal names")
    for column, means in scopes.references.items():
        if means.kind in ("ambiguous", "unknown"):
            raise Unnameable(f"a name that means nothing or two things: {column.name.text}")
        if means.kind == "column" and means.key is not None:
            name = new.columns.get(means.key)
            if name is None:
                raise Unnameable("a view's column")
            put(column.name, name)
        elif means.output is not None and (name := _named_by(means.output, reading, new)) is not None:
            put(column.name, name)
        if column.qualifier is not None and means.bound is not None and means.table is not None:
            node = means.bound.node
            if isinstance(node, TableRef) and node.alias is None:
                put(column.qualifier, new.tables[fold(means.table.name)])
    for node, table in scopes.tables.items():
        if table is None:
            continue
        if fold(table.name) not in new.tables:
            raise Unnameable("a view")
        put(node.name, new.tables[fold(table.name)])
    return edits.sql()


def _named_by(output: Output, reading: Reading, new: Renaming) -> str | None:
    """The new name of a subquery's column, where it goes by the name of a table's; None where it has its own."""
    first = output.made_of[0]  # the first arm of a compound names its columns
    if isinstance(first, tuple):
        bound, name = first
        if bound.table is not None:
            return new.columns.get((fold(bound.table.name), fold(name)))
        inner = bound.output(name)
        return _named_by(inner, reading, new) if inner is not None else None
    item = reading.statement.parent(first)
    if not isinstance(first, Column) or (isinstance(item, Item) and item.alias is not None):
        return None
    if fold(first.name.text) != fold(output.name):  # named by `WITH t(a, b)`
        return None
    means = reading.scopes.of(first)
    if means.key is not None:
        return new.columns.get(means.key)
    return _named_by(means.output, reading, new) if means.output is not None else None


def pairs(
    questions: Sequence[Question], out: Folder, *, copies: int, seed: int, prefix: str, counts: Counter[str]
) -> Iterator[dict[str, str]]:
    """The pairs of all questions on renamed copies, one database after the other."""
    by_database: dict[str, list[Question]] = {}
    for question in questions:
        by_database.setdefault(question.db, []).append(question)
    for db, asked in by_database.items():
        assert asked[0].database is not None
        schema = schemas.read(asked[0].database)
        original = read_only(asked[0].database)
        for number in range(copies):
            db_id = f"{prefix}{db}_{number}"
            target = out.database(db_id)
            new = renaming(schema, random.Random(f"{db}:{number}:{seed}"))
            try:
                copy(asked[0].database, target, schema, new)
            except Unnameable as error:
                counts[str(error).split(":")[0]] += len(asked)
                shutil.rmtree(target.parent)
                continue
            renamed = read_only(target)
            for question in asked:
                try:
                    sql = statement(question.gold, schema, new)
                except Unnameable as error:
                    counts[str(error).split(":")[0]] += 1
                    continue
                if rows(original, question.gold) != rows(renamed, sql) or rows(renamed, sql) is None:
                    counts["gives other rows"] += 1
                    continue
                counts["kept"] += 1
                yield {"question": question.question, "query": sql, "db_id": db_id, "renamed_from": db}
            renamed.close()
        original.close()


def rows(connection: sqlite3.Connection, sql: str) -> list[tuple[Any, ...]] | None:
    """What a statement gives; None where it does not run or takes too long."""
    left = iter(range(STEPS))
    connection.set_progress_handler(lambda: next(left, None) is None, 100_000)
    try:
        return connection.execute(sql.strip().rstrip(";")).fetchmany(ROWS)
    except (sqlite3.Error, sqlite3.Warning):
        return None
    finally:
        connection.set_progress_handler(None, 0)
