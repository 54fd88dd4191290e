"""What is asked for is counted, where the statement counts the rows of what it belongs to.

"How many people work in each city?" is not how many departments a city has. A small model often counts the rows of the
table that holds what it groups by, though the thing asked about is in another one, each of whose rows belongs to one
of these. Of 16,599 gold statements (Spider train, BIRD train) 9 are changed: in 4 of them it is the gold statement that
counts something else than its question says.

Invariant: tables are only joined by foreign keys, each row to the one that it belongs to, so none is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.question_phrases import ASKED, OTHERS, counting, counts
from sqlagent.amend.rule import Meaning
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.database.foreign_keys import above, once
from sqlagent.database.schema import ForeignKey, Schema, Table, fold
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading

_PEOPLE = frozenset(("person", "people", "staff", "worker", "employee", "personnel", "colleague"))
"""One word for another, where a database has one table of people."""
_STEPS = 4
"""Tables that are joined at most; a longer way says little of what belongs to what."""

Step = tuple[Table, ForeignKey]
"""A table and the key by which its rows belong to those of the table before it."""


def joined(asked: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that counts the rows of the table asked about.

    asked: the question, with those before it that it goes on from. accepts: whether the grammar accepts a statement.
    Left alone: statements of several SELECTs or counts, and tables with two ways to them.
    """
    wanted = _asked_for(asked, reading.schema) if len(counts(reading)) == 1 else []
    parts = plain(reading) if len(wanted) == 1 else None
    if parts is None:
        return Amended(reading.sql)
    parts = plain(reading.another(counting(reading, "COUNT(*)")))
    assert parts is not None
    parts = _without_stranger(parts, wanted[0], asked)
    way = _way(wanted[0], parts.tables, reading.schema)
    made = _over(parts, way).sql if way else ""
    if not way or not accepts(made):
        return Amended(reading.sql)
    return Amended(made, f"The rows of {wanted[0].name} are counted.")


RULE = Meaning("counted_table", lambda now, about: joined(about.asked, now, about.accepts))


def _asked_for(asked: str, schema: Schema) -> list[Table]:
    """The tables whose rows a question wants to know the number of, or else the one that it goes on from."""
    for question in asked.splitlines():
        found: dict[str, Table] = {}
        for match in ASKED.finditer(question):
            said = [word for word in words(match[1]) if stem(word) not in OTHERS]
            table = _called(said, schema)
            if table is not None:
                found[fold(table.name)] = table
        if found:
            return list(found.values())
        spoken = set(map(stem, words(question)))
        names = ({stem(word) for word in name_words(table.name)} for table in schema.tables)
        if any(name <= spoken for name in names if name):
            return []
    return []


def _called(said: Sequence[str], schema: Schema) -> Table | None:
    """The table whose name some words begin with, in the plural; for words for people the only one of people."""
    stems = [stem(word) for word in said]
    named = [(table, [stem(word) for word in name_words(table.name)]) for table in schema.tables]
    exact = [
        (len(name), table)
        for table, name in named
        if name and stems[: len(name)] == name and said[len(name) - 1] != name[-1]
    ]
    if exact:
        longest = max(length for length, _ in exact)
        best = [table for length, table in exact if length == longest]
        return best[0] if len(best) == 1 else None
    people = [table for table, name in named if len(name) == 1 and name[0] in _PEOPLE]
    return people[0] if len(people) == 1 and stems[:1] and stems[0] in _PEOPLE else None


def _without_stranger(parts: PlainSelect, wanted: Table, asked: str) -> PlainSelect:
    """The statement without a table that is only there to be counted, though nobody spoke of it.

    "Who handled the most orders?" is not how many territories each one has.
    """
    if len(parts.tables) != 2 or wanted in parts.tables:
        return parts
    said = {stem(word) for word in words(asked)}
    used = {table for table, _ in parts.keys_of("items", "where", "group", "having", "order", "limit")}
    for stranger, owner in (parts.tables, parts.tables[::-1]):
        references = {fold(key.ref_table) for key in stranger.foreign_keys}
        name, its = ({stem(word) for word in name_words(table.name)} for table in (stranger, owner))
        if (
            fold(owner.name) in references
            and fold(wanted.name) not in references
            and fold(stranger.name) not in used
            and not said & (name - its)
        ):
            return parts.over(f"FROM {quote(owner.name)}", (owner,))
    return parts


def _way(wanted: Table, tables: Sequence[Table], schema: Schema) -> list[Step]:
    """The tables between those of a statement and the one asked about, this one last; [] where it is none's child."""
    there = {fold(table.name) for table in tables}
    if any(fold(wanted.name) in above(table, schema) | {fold(table.name)} for table in tables):
        return []
    ways: list[list[Step]] = [[(wanted, key)] for key in _belongs(wanted)]
    for _ in range(_STEPS):
        ends = [way for way in ways if fold(way[0][1].ref_table) in there]
        if ends:
            owner = next(table for table in tables if fold(table.name) == fold(ends[0][0][1].ref_table))
            own, its = ([stem(word) for word in name_words(table.name)] for table in (wanted, owner))
            unsure = len(ends) > 1 or not once(owner, tables, schema) or own[-len(its) :] == its
            return [] if unsure else ends[0]
        ways = [
            [(between, key), *way]
            for way in ways
            if (between := schema.table(way[0][1].ref_table)) is not None
            for key in _belongs(between)
            if all(fold(key.ref_table) != fold(table.name) for table, _ in way)
        ]
    return []


def _belongs(table: Table) -> list[ForeignKey]:
    """The keys by which many rows of a table belong to one of another."""
    own = [*map(fold, table.primary_key)]
    return [
        key
        for key in table.foreign_keys
        if len(key.columns) == 1
        and fold(key.ref_table) != fold(table.name)
        and [*map(fold, key.columns)] != own
    ]


def _over(parts: PlainSelect, way: Sequence[Step]) -> PlainSelect:
    """The statement with the tables of a way joined."""
    links = "".join(
        f" JOIN {quote(table.name)} ON {quote(key.ref_table)}.{quote(key.ref_columns[0])}"
        f" = {quote(table.name)}.{quote(key.columns[0])}"
        for table, key in way
    )
    return parts.over(parts.clause("sources") + links, (*parts.tables, *(table for table, _ in way)))
