"""Keys that nobody asked for, shown by the names they stand for.

"Which department has the highest average salary?" is not answered by 1. A small model often selects the key that the
tables share; the name is one join away. Where a question says nothing of ids, numbers or codes, 6 of 7,200 gold
statements of Spider train (but for those of one database, scholar, which all show keys) and 23 of 9,035 of BIRD train
select a key that is put right here.

Invariant: there are as many rows as before, DISTINCT aside, for the table that is joined is joined by its key, LEFT;
only what was grouped by the key loses the group of those that have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlagent.amend.amendment import Amended
from sqlagent.base.word_forms import name_words, stem
from sqlagent.base.word_forms import words as said_words
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.clauses import Clauses, free_alias, read
from sqlagent.sql.old_lexer import Unreadable
from sqlagent.sql.names import quote

_KEYS = frozenset(
    ["id", "ids", "code", "codes", "number", "numbers", "num", "key", "keys", "identifier", "identifiers"]
)
"""Words for keys; a question that says one of them may mean them."""
_ENDS = _KEYS | {"no", "nr", "nbr"}
"""The same in the names of columns, where "no" is no word of its own."""
_COUNT = re.compile(r"\bnumbers? of\b", re.IGNORECASE)
_WHO = re.compile(r"^\W*(?:and )?(?:who|whom|to whom)\b", re.IGNORECASE | re.MULTILINE)
"""A question for people, whatever their column is called."""
_TITLES = ("name", "title")
_FULL = ("fullname", "displayname", "companyname")
_FIRST, _LAST = ("first", "f", "fore", "given"), ("last", "l", "sur", "family")


class _Named(NamedTuple):
    """A key among the results, the table that it is a key of, and the columns that name that table's rows."""

    text: str
    of: Table
    alias: str
    """What it goes by."""
    link: str
    """How it is joined; "" where it is there."""
    names: tuple[str, ...]


def shown_by_name(asked: str, sql: str, schema: Schema, takes: Callable[[str], bool]) -> Amended:
    """A canonical statement with names in place of the keys that it shows.

    asked: the question, with those before it that it goes on from. takes: whether the grammar takes a statement.
    Left alone: statements of several SELECTs or with names for tables, and questions that may mean the keys.
    """
    if _KEYS & set(said_words(_COUNT.sub(" ", asked))):
        return Amended(sql)
    try:
        parts = read(sql, schema)
        if parts is None:
            return Amended(sql)
        keys = [key for text in parts.results if (key := _key(text, parts, schema, asked.lower()))]
        made = parts
        for key in keys:
            made = _with_names(made, key)
    except Unreadable:
        return Amended(sql)
    if not keys or not takes(made.sql()):
        return Amended(sql)
    shown = ", ".join(f"{_list(key.names)} of {key.of.name}" for key in keys)
    return Amended(made.sql(), f"Shown by name: {shown} in place of {_list([key.text for key in keys])}.")


def _key(text: str, parts: Clauses, schema: Schema, asked: str) -> _Named | None:
    """The key that a result column is, where its row has a name that is not shown anyway."""
    found = parts.column(text)
    if found is None:
        return None
    table, written = found
    column = fold(written)
    if not any(fold(c.name) == column and "int" in c.type.lower() for c in table.columns):
        return None
    whole = name_words(written)
    words = [stem(word) for word in whole if word not in _ENDS]
    if len(words) < len(whole) and column in asked:
        return None  # it is called by its very name
    reference = next((key for key in table.foreign_keys if [*map(fold, key.columns)] == [column]), None)
    of = table if reference is None else schema.table(reference.ref_table)
    if of is None or (reference is None and [*map(fold, table.primary_key)] != [column]):
        return None
    name = quote(of.name)
    if of is table and reference is None:
        alias, known = name, not words or _alike(words, of)
    elif of is not table and _alike(words, of):
        alias, known = name, True
    else:  # a manager is more than an employee: the question must say so, or ask who it is
        alias = free_alias(parts.sql(), schema)
        said = len(words) < len(whole) and set(words) <= set(map(stem, said_words(asked)))
        known = said or bool(_WHO.search(asked))
    names = names_of(of)
    shown = parts.keys(parts.select) if alias == name else ()
    if not known or not names or any((fold(of.name), fold(one)) in shown for one in names):
        return None
    link = ""
    if reference is not None and (alias != name or of not in parts.tables):
        grouped = text in parts["GROUP"].removeprefix("GROUP BY ").split(", ")
        link = (
            f" {'JOIN' if grouped else 'LEFT JOIN'} {name if alias == name else f'{name} AS {alias}'}"
            f" ON {quote(table.name)}.{quote(written)} = {alias}.{quote(reference.ref_columns[0])}"
        )
    return _Named(text, of, alias, link, names)


def _alike(words: Sequence[str], table: Table) -> bool:
    """Whether words are those of a table's name, in the singular or the plural."""
    own = name_words(table.name)
    return (
        bool(words)
        and len(words) == len(own)
        and all(
            (b.startswith(a[:-1]) and abs(len(a) - len(b)) < 3) or _short_for(a, b)
            for a, b in zip(words, own, strict=True)
        )
    )


def _short_for(word: str, whole: str) -> bool:
    """Whether a word of three letters or more is short for another: `dept`, `emp`, `cust`."""
    letters = iter(whole)
    return len(word) > 2 and word[:2] == whole[:2] and all(letter in letters for letter in word)


def names_of(table: Table) -> tuple[str, ...]:
    """The column that names a table's rows, or the two that make a person's name; () where none is sure."""
    kinds = ("char", "text")
    texts = [(c.name, name_words(c.name)) for c in table.columns if any(k in c.type.lower() for k in kinds)]
    first = [name for name, words in texts if "".join(words) in {f"{word}name" for word in _FIRST}]
    last = [name for name, words in texts if "".join(words) in {f"{word}name" for word in _LAST}]
    for found in (
        [name for name, words in texts if words == ["name"]],
        [name for name, words in texts if words[-1:] and words[-1] in _TITLES and _alike(words[:-1], table)],
        first + last if len(first) == len(last) == 1 else [],
        [name for name, words in texts if "".join(words) in _FULL],
        [name for name, words in texts if words == ["title"]],
        [name for name, words in texts if _alike(words, table)],
        [name for name, words in texts if words[-1:] and words[-1] in _TITLES],
        [name for name, words in texts if words[-1:] == ["description"] and _alike(words[:-1], table)],
    ):
        if len(found) == 1 or found == first + last != []:
            return tuple(found)
    return ()


def _with_names(parts: Clauses, key: _Named) -> Clauses:
    """The statement with a key's names in its place."""
    made = parts
    if key.link:
        made = parts.over(parts["FROM"] + key.link, (*parts.tables, key.of))
    several = len(made.tables) > 1
    names = ", ".join(f"{key.alias}.{quote(name)}" if several else quote(name) for name in key.names)
    shown = key.text if made is parts else made.own(key.text, parts)
    results = [names if text == shown else text for text in made.results]
    distinct = "DISTINCT " if made.items.startswith("DISTINCT ") else ""
    return replace(made, select=f"SELECT {distinct}{', '.join(results)}")


def _list(names: Sequence[str]) -> str:
    return " and ".join(names)
