"""Keys that nobody asked for, shown by the names they stand for.

"Which department has the highest average salary?" is not answered by 1. A small model often selects the key that the
tables share; the name is one join away. Where a question says nothing of ids, numbers or codes, 6 of 7,200 gold
statements of Spider train (but for those of one database, scholar, which all show keys) and 23 of 9,035 of BIRD train
select a key that is put right here.

Invariant: there are as many rows as before, for the table that is joined is joined by a column that is unique in it,
LEFT, and DISTINCT becomes GROUP BY the key where two rows may have one name; only what was grouped by the key loses
the group of those that have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlagent.amend.amendment import Amended
from sqlagent.amend.plain_select import PlainSelect, free_alias, plain
from sqlagent.amend.row_names import called_like, meaning_of, names_of, own_words, word_like
from sqlagent.amend.rule import Meaning
from sqlagent.base.word_forms import name_words, stem
from sqlagent.base.word_forms import words as said_words
from sqlagent.database.foreign_keys import referred_key
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Item

_KEYS = frozenset(
    ["id", "ids", "code", "codes", "number", "numbers", "num", "key", "keys", "identifier", "identifiers"]
)
"""Words for keys; a question that says one of them may mean them."""
_ENDS = _KEYS | {"no", "nr", "nbr"}
"""The same in the names of columns, where "no" is no word of its own."""
_COUNT = re.compile(r"\bnumbers? of\b", re.IGNORECASE)
WHO = re.compile(r"^\W*(?:and )?(?:who|whom|to whom)\b", re.IGNORECASE | re.MULTILINE)
"""A question for people, whatever their column is called."""


class NamedKey(NamedTuple):
    """A key among the results, the table that it is a key of, and the columns that name that table's rows."""

    item: Item
    of: Table
    alias: str
    """What it goes by."""
    link: str
    """How it is joined; "" where it is there."""
    names: tuple[str, ...]
    without: str = ""
    """A statement that finds a row whose key leads nowhere."""


def shown_by_name(asked: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement with names in place of the keys that it shows.

    asked: the question, with those before it that it goes on from. accepts: whether the grammar accepts a statement.
    Left alone: statements of several SELECTs or with names for tables, and questions that may mean the keys.
    """
    parts = None if speaks_of_keys(asked) else plain(reading)
    if parts is None:
        return Amended(reading.sql)
    keys = [key for item in parts.select.items if (key := named_key(item, parts, asked.lower()))]
    return shown_as(parts, keys, accepts)


RULE = Meaning("key_names", lambda now, about: shown_by_name(about.asked, now, about.accepts))


def shown_as(parts: PlainSelect, keys: Sequence[NamedKey], accepts: Callable[[str], bool]) -> Amended:
    """The statement with the names of some keys, and what is said of it."""
    made = _with_names(parts, keys) if keys else ""
    if not keys or not accepts(made):
        return Amended(parts.sql)
    shown = ", ".join(f"{listed(key.names)} of {key.of.name}" for key in keys)
    return Amended(
        made, f"Shown by name: {shown} in place of {listed([parts.text(key.item) for key in keys])}."
    )


def speaks_of_keys(asked: str) -> bool:
    """Whether a question says a word for keys, and so may mean them."""
    return bool(_KEYS & set(said_words(_COUNT.sub(" ", asked))))


def named_key(item: Item, parts: PlainSelect, asked: str, *, label: bool = False) -> NamedKey | None:
    """The key that a result column is, where its row has a name that is not shown anyway.

    label: it only tells groups apart, so whatever it refers to by may be named, and a code by what it stands for.
    """
    found = parts.column(item.value)
    if found is None:
        return None
    table, written = found
    column = fold(written)
    declared = table.column(written)
    if declared is None:
        return None
    whole = name_words(written)
    words = [stem(word) for word in whole if word not in _ENDS]
    if len(words) < len(whole) and column in asked:
        return None  # it is called by its very name
    reference = next((key for key in table.foreign_keys if [*map(fold, key.columns)] == [column]), None)
    of = table if reference is None else parts.reading.schema.table(reference.ref_table)
    schema = parts.reading.schema
    if of is None or (reference is None and [*map(fold, referred_key(table, schema))] != [column]):
        return None
    if reference is not None and not is_unique(of, reference.ref_columns, schema):
        return None
    integer = "int" in declared.type.lower()
    meaning = meaning_of(of) if label and reference is not None and not integer else ()
    if not meaning and not integer:
        return None
    if label and of is not table and of in parts.tables and not called_like(words, of):
        return None  # it is joined by another key, or shown by this one
    name = quote(of.name)
    if of is table and reference is None:
        alias, known = name, not words or _ends_like(words, of)
    elif of is not table and _ends_like(words, of):
        alias, known = name, True
    else:  # a manager is more than an employee: the question must say so, or ask who it is
        alias = free_alias(parts.reading)
        said = len(words) < len(whole) and set(words) <= set(map(stem, said_words(asked)))
        known = label or said or bool(WHO.search(asked))
    names = meaning or names_of(of)
    if (
        parts.select.distinct
        and not _grouped(parts)
        and not any(is_unique(of, [one], schema) for one in names)
    ):
        return None  # two rows of one name would become one
    shown = parts.keys_of("items") if alias == name or label else ()
    if not known or not names or any((fold(of.name), fold(one)) in shown for one in names):
        return None
    link = without = ""
    if reference is not None and (alias != name or of not in parts.tables):
        grouped = any(parts.text(one) == parts.text(item) for one in parts.select.group)
        link = (
            f" {'JOIN' if grouped else 'LEFT JOIN'} {name if alias == name else f'{name} AS {alias}'}"
            f" ON {quote(table.name)}.{quote(written)} = {alias}.{quote(reference.ref_columns[0])}"
        )
        without = leads_nowhere(table, written, of, reference.ref_columns[0])
    return NamedKey(item, of, alias, link, names, without)


def _ends_like(words: Sequence[str], table: Table) -> bool:
    """Whether words are those that a table's name ends with: `emp_id` of hr_emp."""
    own = own_words(table.name)
    return called_like(words, table) or (
        bool(words) and all(map(word_like, words, own[-len(words) :])) and len(words) < len(own)
    )


def _grouped(parts: PlainSelect) -> bool:
    """Whether DISTINCT may be written as GROUP BY: it shows what it is grouped by, or nothing but columns."""
    if parts.has("group"):
        return {parts.text(one) for one in parts.select.group} <= set(parts.results)
    return all(parts.column(item.value) for item in parts.select.items)


def is_unique(table: Table, columns: Sequence[str], schema: Schema) -> bool:
    """Whether a table has one row at most for each value of a column."""
    column = table.column(columns[0])
    key = [*map(fold, referred_key(table, schema))]
    return column is not None and (column.unique or key == [fold(column.name)])


def _with_names(parts: PlainSelect, keys: Sequence[NamedKey]) -> str:
    """The statement with the names of keys in their places."""
    links = "".join(dict.fromkeys(key.link for key in keys))
    several = parts.several or bool(links)
    edits = parts.edits()
    edits.after(parts.select.sources[-1], links)
    put = {key.item for key in keys}
    if parts.select.distinct and not all(
        any(is_unique(key.of, [name], parts.reading.schema) for name in key.names) for key in keys
    ):
        # Rows are told apart by their keys, as before: two of one name stay two.
        edits.put(parts.select.start, parts.select.items[0].start, "SELECT ")
        if not parts.has("group"):
            group = ", ".join(parts.named(item, several) for item in parts.select.items)
            edits.after(parts.select.where or parts.select.sources[-1], f" GROUP BY {group}")
    for key in keys:
        names = (f"{key.alias}.{quote(name)}" if several else quote(name) for name in key.names)
        edits.replace(key.item, ", ".join(names))
    for column in parts.columns(parts.reading.query):
        outside = parts.reading.statement.clause_of(column) != "sources"
        if outside and parts.reading.statement.parent(column) not in put:
            edits.replace(column, parts.name_of(column, several))
    return edits.sql()


def listed(names: Sequence[str]) -> str:
    return " and ".join(names)


def leads_nowhere(table: Table, column: str, of: Table, key: str) -> str:
    """A statement that finds a row whose reference leads nowhere."""
    return (
        f"SELECT 1 FROM {quote(table.name)} WHERE {quote(column)} IS NULL"
        f" OR {quote(column)} NOT IN (SELECT {quote(key)} FROM {quote(of.name)}) LIMIT 1"
    )
