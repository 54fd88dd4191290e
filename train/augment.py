"""Other ways a database could have looked, for the same question and the same SQL.

Invariant: every change is made to the schema and to the SQL together, and the caller sends the result
through the canonical form and the grammar again, so that no augmented row is trusted more than a plain one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

from sqlagent.database.schema import ForeignKey, Schema, Table, fold
from sqlagent.linking.prompt import Hint
from sqlagent.sql.edit import spliced
from sqlagent.sql.lexer import tokens, unquoted
from sqlagent.sql.names import is_bare, quote

KINDS = ("shuffle", "drop-samples", "rename", "reword")

_ALIAS = re.compile(r"[Tt][0-9]+")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^A-Za-z0-9_ ]+")


def database(schema: Schema, kinds: tuple[str, ...], rng: random.Random) -> tuple[Schema, dict[str, str]]:
    """Another look of a database, and how its identifiers are renamed (folded old name → new name)."""
    renamed: dict[str, str] = {}
    if "rename" in kinds and rng.random() < 0.5:
        found = _rename(schema, rng.choice(list(STYLES.values())))
        if found is not None:
            schema, renamed = found
    if "shuffle" in kinds:
        schema = shuffle(schema, rng)
    if "drop-samples" in kinds:
        schema = drop_samples(schema, rng)
    return schema, renamed


def shuffle(schema: Schema, rng: random.Random) -> Schema:
    """Tables, and the columns within them, in another order."""
    tables = [replace(t, columns=tuple(rng.sample(t.columns, len(t.columns)))) for t in schema.tables]
    rng.shuffle(tables)
    return replace(schema, tables=tuple(tables))


def drop_samples(schema: Schema, rng: random.Random) -> Schema:
    """Without sample values: in a third of the cases everywhere, else in some columns."""
    share = 1.0 if rng.random() < 1 / 3 else 0.3

    def thin(table: Table) -> Table:
        columns = [replace(c, samples=() if rng.random() < share else c.samples) for c in table.columns]
        return replace(table, columns=tuple(columns))

    return replace(schema, tables=tuple(thin(table) for table in schema.tables))


def _snake(parts: list[str]) -> str:
    return "_".join(part.lower() for part in parts)


def _camel(parts: list[str]) -> str:
    return parts[0].lower() + "".join(part[:1].upper() + part[1:].lower() for part in parts[1:])


def _pascal(parts: list[str]) -> str:
    return "".join(part[:1].upper() + part[1:].lower() for part in parts)


def _upper(parts: list[str]) -> str:
    return "_".join(part.upper() for part in parts)


def _spaced(parts: list[str]) -> str:
    return " ".join(part[:1].upper() + part[1:].lower() for part in parts)


STYLES: dict[str, Callable[[list[str]], str]] = {
    "snake": _snake,
    "camel": _camel,
    "pascal": _pascal,
    "upper": _upper,
    "spaced": _spaced,
}


def _rename(schema: Schema, style: Callable[[list[str]], str]) -> tuple[Schema, dict[str, str]] | None:
    """Every identifier in another style; None when two names would become one."""
    names = [t.name for t in schema.tables] + [c.name for t in schema.tables for c in t.columns]
    if any(_ALIAS.fullmatch(name) for name in names):
        return None
    new = {fold(name): style(parts) if (parts := _WORDS.findall(name)) else name for name in names}
    tables = [fold(new[fold(t.name)]) for t in schema.tables]
    if len(set(tables)) < len(tables) or any(_ALIAS.fullmatch(name) for name in new.values()):
        return None
    made = []
    for table in schema.tables:
        columns = tuple(replace(c, name=new[fold(c.name)]) for c in table.columns)
        if len({fold(c.name) for c in columns}) < len(columns):
            return None
        keys = tuple(
            ForeignKey(
                tuple(new[fold(c)] for c in key.columns),
                new[fold(key.ref_table)],
                tuple(new[fold(c)] for c in key.ref_columns),
            )
            for key in table.foreign_keys
        )
        made.append(replace(table, name=new[fold(table.name)], columns=columns, foreign_keys=keys))
    return replace(schema, tables=tuple(made)), new


def rename_sql(sql: str, renamed: dict[str, str]) -> str:
    """A statement with its identifiers renamed; keywords are none, nor are functions, which stand before `(`."""
    found = tokens(sql)
    edits = []
    for token, behind in zip(found, [*found[1:], None], strict=True):
        called = behind is not None and behind.text == "(" and behind.start == token.end
        if token.kind == "quoted" or (token.kind == "name" and is_bare(token.text) and not called):
            new = renamed.get(fold(unquoted(token)))
            if new is not None:
                edits.append((token.start, token.end, quote(new)))
    return spliced(sql, edits)


def rename_hints(hints: tuple[Hint, ...], renamed: dict[str, str]) -> tuple[Hint, ...]:
    """Value hints with the new names of their tables and columns."""
    return tuple(
        Hint(renamed.get(fold(h.table), h.table), renamed.get(fold(h.column), h.column), h.value)
        for h in hints
    )


def reword(question: str, rng: random.Random) -> str:
    """The question as people type it: no final mark, a small first letter, a polite start. Values stay as
    they are.
    """
    text = question
    if rng.random() < 0.5:
        text = text.rstrip(" ?.!")
    first = text.split(" ", 1)[0]
    if rng.random() < 0.3 and first[1:].islower():
        text = text[:1].lower() + text[1:]
    opening = text.split(" ", 1)[0].lower()
    if rng.random() < 0.15 and opening in {"list", "show", "find", "give", "return", "display", "count"}:
        text = rng.choice(("Please ", "Can you ", "I need you to ")) + text[:1].lower() + text[1:]
    return text
