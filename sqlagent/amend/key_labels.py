"""Label rows by names in place of keys: nobody reads `department_id` in a count by department.

A key that rows are grouped by is a label, and nothing but the label changes where its name stands in its place: the
groups stay those of the key. So it is with a set of keys, `SELECT id FROM farms EXCEPT SELECT farm_id FROM visits`.

Invariant: each row stays a row, those of no key and of a key that leads nowhere, too.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.key_names import (
    WHO,
    NamedKey,
    is_unique,
    leads_nowhere,
    listed,
    named_key,
    shown_as,
    speaks_of_keys,
)
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.row_names import names_of, own_words, word_like
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import likeness, stem, words
from sqlagent.database.foreign_keys import referred_key
from sqlagent.database.schema import Table, fold
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Column, Select, Values

_WHICH = Phrase(
    r"^\W*(?:and )?(?:which|what) (?P<noun>\w+) (?:has|have|had|is|are|was|were|did|does|do|with|without|that|gets?|got"
    r"|\w+ed)\b"
)
"""A question for one of a kind, with its verb right behind the noun."""
_TERSE = Phrase(
    r"^\W*(?!(?:how|what|which|who|whose|whom|when|where|why|is|are|was|were|do|does|did|can|average|avg|mean|total|sum"
    r"|count|number|share|percentage|find|return|give|select|display)\b)"
    r"(?:(?:list|show|all|the|me) ){0,4}(?P<said>\w+(?: \w+){0,2})"
)
"""What is asked for by its noun alone, near the beginning: "employees who left", "best selling product"."""


def groups_by_name(
    asked: str, reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]
) -> Amended:
    """A statement with names in place of the references that it groups by and shows; each group stays a row.

    asked, accepts: as `key_names.shown_by_name` takes them. has_rows: whether a statement finds a row.
    """
    parts = None if speaks_of_keys(asked) else plain(reading)
    if parts is None or not parts.has("group"):
        return Amended(reading.sql)
    grouped = {parts.text(one) for one in parts.select.group}
    items = [item for item in parts.select.items if parts.text(item) in grouped]
    found = (named_key(item, parts, asked.lower(), label=True) for item in items)
    keys = [
        key._replace(link=f" LEFT{key.link}") if key.link and has_rows(key.without) else key
        for key in found
        if key is not None and (key.link or parts.several and _is_own(key, parts))
    ]
    return shown_as(parts, keys, accepts)


GROUP_NAMES = Supplied(
    "group_names",
    lambda now, about: groups_by_name(about.asked, now, about.accepts, about.has_rows),
    lead=2.5,
)


def asked_by_noun(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """The names of a table's rows in place of their keys, where the question is which of them: "Which farm has …?".

    Left alone: what has more words before its verb, "which farm reference has …?", and questions that say a word
    for keys. accepts: whether the grammar accepts a statement.
    """
    nouns = [] if speaks_of_keys(question) else _nouns(question)
    parts = plain(reading) if nouns else None
    if parts is None or len(parts.select.items) != 1 or parts.select.distinct:
        return Amended(reading.sql)
    key = named_key(parts.select.items[0], parts, question.lower(), label=True)
    if key is None or key.link or not _is_own(key, parts):
        return Amended(reading.sql)
    called = stem(own_words(key.of.name)[-1])
    if not any(likeness(called, noun) >= 0.6 or word_like(called, noun) for noun in nouns):
        return Amended(reading.sql)
    return shown_as(parts, [key], accepts)


def _nouns(question: str) -> list[str]:
    """The stems of the words that may say what a question asks for: "which farm has", "best selling product"."""
    if asked := _WHICH.search(question):
        return [stem(asked["noun"].lower())]
    terse = _TERSE.search(question)
    return [stem(word) for word in words(terse["said"])] if terse else []


ASKED_BY_NOUN = Supplied(
    "asked_by_noun", lambda now, about: asked_by_noun(about.question, now, about.accepts), lead=2.0
)


def people_by_name(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """The names of those whom a reference means, where the question is who: "Who is Abel's manager?" is no number.

    accepts: whether the grammar accepts a statement. Left alone: results of several columns, and words for keys.
    """
    asked = None if speaks_of_keys(question) else WHO.search(question)
    parts = plain(reading) if asked else None
    if parts is None or len(parts.select.items) != 1 or parts.select.distinct:
        return Amended(reading.sql)
    key = named_key(parts.select.items[0], parts, question.lower())
    return shown_as(parts, [key], accepts) if key is not None and key.link else Amended(reading.sql)


PEOPLE_BY_NAME = Supplied(
    "people_by_name", lambda now, about: people_by_name(about.question, now, about.accepts), lead=2.5
)


def sets_by_name(
    asked: str, reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]
) -> Amended:
    """A set of keys, such as `SELECT id FROM farms EXCEPT SELECT farm_id FROM visits`, by the names of their rows.

    asked, accepts, has_rows: as `groups_by_name` takes them. Left alone: what is ordered or cut, and sets with a key
    that leads nowhere.
    """
    query = reading.query
    if not query.operators or "UNION ALL" in query.operators or query.order or query.limit or query.ctes:
        return Amended(reading.sql)
    if speaks_of_keys(asked):
        return Amended(reading.sql)
    found = [_keys_of(arm, reading) for arm in query.arms]
    of, key, astray = found[0] if found[0] is not None else (None, "", "")
    if of is None or any(one is None or one[0] is not of for one in found) or (astray and has_rows(astray)):
        return Amended(reading.sql)
    names = names_of(of)
    made = (
        f"SELECT {', '.join(map(quote, names))} FROM {quote(of.name)} WHERE {quote(key)} IN ({reading.sql})"
    )
    if not names or not accepts(made):
        return Amended(reading.sql)
    return Amended(made, f"Shown by name: {listed(names)} of {of.name} in place of {key}.")


SETS_BY_NAME = Supplied(
    "sets_by_name", lambda now, about: sets_by_name(about.asked, now, about.accepts, about.has_rows), lead=2.0
)


def _keys_of(arm: Select | Values, reading: Reading) -> tuple[Table, str, str] | None:
    """The table whose keys a SELECT gives, that key, and a statement that finds a key of no row there.

    None where it gives anything else, or a key that is no number.
    """
    value = arm.items[0].value if isinstance(arm, Select) and len(arm.items) == 1 else None
    base = reading.scopes.base(value) if isinstance(value, Column) else None
    if base is None or "int" not in base[1].type.lower():
        return None
    table, column = base[0], fold(base[1].name)
    own = referred_key(table, reading.schema)
    if [*map(fold, own)] == [column]:
        return table, own[0], ""
    reference = next((key for key in table.foreign_keys if [*map(fold, key.columns)] == [column]), None)
    of = reading.schema.table(reference.ref_table) if reference is not None else None
    if reference is None or of is None or not is_unique(of, reference.ref_columns, reading.schema):
        return None
    return of, reference.ref_columns[0], leads_nowhere(table, base[1].name, of, reference.ref_columns[0])


def _is_own(key: NamedKey, parts: PlainSelect) -> bool:
    """Whether a key is shown of the very table that it is the key of."""
    found = parts.column(key.item.value)
    return found is not None and found[0] is key.of
