"""Propose the table or column that a name may be meant for which cannot stand where it was written.

Invariant: a guess, made only where one answer stands out. It never changes what the grammar takes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from difflib import get_close_matches
from functools import cached_property

from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema, fold
from sqlagent.grammar.key_classes import affinity
from sqlagent.grammar.keys import squeezed, words_of
from sqlagent.grammar.links import Links
from sqlagent.grammar.relation import Relation
from sqlagent.sql.names import WRITTEN

_ALIKE = 0.8
"""How alike two names are of which one may be meant for the other, as difflib counts it."""
_NAME = re.compile(WRITTEN)
_PART = re.compile(rb"'(?:[^']|'')*'|" + WRITTEN)
"""A literal or a name."""


class NameCandidates:
    """The tables of one schema (`relations`), what joins them (`links`), and the names in it (`names`, folded)."""

    def __init__(self, schema: Schema, relations: Sequence[Relation], links: Links, names: Set[str]) -> None:
        self._relations, self._links, self._names = relations, links, names
        self._keys = [tuple(map(fold, table.primary_key)) for table in schema.tables]

    @cached_property
    def _own(self) -> list[frozenset[str]]:
        return [_own_words(relation) for relation in self._relations]

    def is_name(self, word: str) -> bool:
        """Whether a table or a column is called so."""
        return fold(word) in self._names

    def column_of(self, name: str, table: bytes, before: bytes) -> bytes | None:
        """What `table.name` is meant for: `table.column` where the table has the column by a like name, else another
        table, whose column is still to be chosen: with the table, the model's own words change.

        That is the one that the text `before` speaks of, else the one that a link joins to `table`. None where
        that leaves none or several, and where `table` is no table.
        """
        own = next((r for r in self._relations if r.text == table), None)
        if own is None:
            return None
        column = self._alike(own, name)
        if column is not None:
            return own.text + b"." + column
        holders = self._holders(name, self._relations) or self._holders_of_like(name, own)
        near = self._links.neighbours(own)
        for group in (
            [r for r in holders if r.text + b"." in before],
            [r for r in holders if r.index in near],
            holders,
        ):
            if group:
                return group[0].text if len(group) == 1 else None
        column = _closest(own, name)
        return None if column is None else own.text + b"." + column

    def column_anywhere(self, name: str, sources: bytes | None = None) -> bytes | None:
        """The one column that a name without a table is meant for, of the tables in `sources` or of all."""
        relations = self._relations if sources is None else self._bound(sources)
        if self._holders(name, relations):
            return None
        for rule in (self._alike, _closest):
            found = {rule(relation, name) for relation in relations} - {None}
            if found:
                return found.pop() if len(found) == 1 else None
        return None

    def joined(self, name: str, sources: bytes) -> bytes | None:
        """The one table that a link joins to those in `sources`, FROM's text so far, and that `name` is about.

        With a dot at its end it is the table's name, else a column's. None where several have such a column, or a
        source has it.
        """
        bound = self._bound(sources)
        near = self._near(bound)
        if name.endswith("."):
            holders = [r for r in near if squeezed(r.name) == squeezed(name)]
        else:
            holders = self._holders(name, (*bound, *near))
        return holders[0].text if len(holders) == 1 and holders[0] in near else None

    def referenced(self, table: bytes, column: bytes, sources: bytes) -> bytes | None:
        """The table behind a number that is a key of it, when it is compared with a text: the text is in that table.

        `table` is b"" where the column stands alone.
        """
        key = fold(_plain(column))
        holders = [r for r in self._bound(sources) if key in r.by_key and table in (b"", r.text)]
        if len(holders) != 1:
            return None
        own = holders[0]
        declared = own.types[own.column_keys.index(key)]
        if affinity(declared) not in ("integer", "real", "numeric") or self._keys[own.index] == (key,):
            return None
        found = [
            r
            for r in self._near(self._bound(sources))
            if any(here == key for here, _ in self._links.pairs(own, r))
            and any(affinity(kind) == "text" for kind in r.types)
        ]
        return found[0].text if len(found) == 1 else None

    def with_tables(self, name: str, items: bytes) -> bytes | None:
        """SELECT's columns so far (`items`, each with its comma) and `name`, with their tables.

        One table has all items, another, linked to it, has `name`.

        Without their tables the columns cannot stand together where both tables have one of the items. None where no
        two tables, or several, are like that.
        """
        said = [fold(_plain(item)) for item in _NAME.findall(items)]
        found = []
        for own in self._relations:
            joined = self.joined(name, own.text) if all(key in own.by_key for key in said) else None
            other = next((r for r in self._relations if r.text == joined and fold(name) in r.by_key), None)
            if other is not None:
                found.append(self.qualified(items, own.text) + other.text + b"." + other.by_key[fold(name)])
        return found[0] if len(found) == 1 else None

    def qualified(self, items: bytes, sources: bytes) -> bytes:
        """`items`, SELECT's columns or any other expressions, with the tables of those that `sources` has once."""
        bound = self._bound(sources)

        def named(found: re.Match[bytes]) -> bytes:
            part, follows = found[0], items[found.end() : found.end() + 1]
            if part.startswith(b"'") or follows in (b".", b"(") or items[: found.start()].endswith(b"."):
                return part
            key = fold(_plain(part))
            owners = [r for r in bound if key in r.by_key]
            return owners[0].text + b"." + owners[0].by_key[key] if len(owners) == 1 else part

        return _PART.sub(named, items)

    # ---- tables ----

    def _bound(self, sources: bytes) -> list[Relation]:
        words = set(_NAME.findall(sources))
        return [r for r in self._relations if r.text in words]

    def _near(self, bound: Iterable[Relation]) -> list[Relation]:
        near = {j for r in bound for j in self._links.neighbours(r)}
        return [r for r in self._relations if r.index in near and r not in bound]

    @staticmethod
    def _holders(name: str, relations: Iterable[Relation]) -> list[Relation]:
        """The tables that have a column of that name."""
        wanted = squeezed(name)
        return [r for r in relations if any(squeezed(key) == wanted for key in r.keys)]

    def _holders_of_like(self, name: str, own: Relation) -> list[Relation]:
        """The other tables that have a column called so, but for what says whose it is: emp_office, prof_office."""
        wanted = {*words_of(name)} - self._own[own.index]
        return [
            r
            for r in self._relations
            if wanted
            and r is not own
            and any({*words_of(column)} - self._own[r.index] == wanted for column in r.columns)
        ]

    def _alike(self, relation: Relation, name: str) -> bytes | None:
        """The table's one column of that name, but for case, signs, and words of its own.

        `name` is customer_name in a table of customers, and log_id is problem_log_id in a problem log.
        """
        for key in relation.keys:
            if squeezed(key) == squeezed(name):
                return relation.by_key[key]
        own, wanted = self._own[relation.index], {*words_of(name)}
        found = [
            column
            for column in relation.columns
            if wanted & (has := {*words_of(column)}) and (wanted ^ has) <= own
        ]
        return relation.by_key[fold(found[0])] if len(found) == 1 else None


def _plain(name: bytes) -> str:
    return unquote(name.decode("utf-8", "replace"))


def _own_words(relation: Relation) -> frozenset[str]:
    """Words that say no more than the table's name does: those of the name, and what its columns begin with for it."""
    words = words_of(relation.name)
    own = {form for word in words for form in (word, word.removesuffix("s"))}
    first = Counter(parts[0] for name in relation.columns if len(parts := words_of(name)) > 1)
    for word, count in first.items():
        short = len(word) > 2 and any(one.startswith(word) for one in words)
        if short or (count > 2 and count > len(relation.columns) / 2):
            own.add(word)
    return frozenset(own)


def _closest(relation: Relation, name: str) -> bytes | None:
    """The table's one column that shares the last word of a name and most of its others, else one spelt alike."""
    wanted = words_of(name)
    shared = {
        fold(column): len({*wanted} & {*words})
        for column in relation.columns
        if (words := words_of(column))[-1:] == wanted[-1:]
    }
    most = max(shared.values(), default=0)
    found = [key for key, count in shared.items() if count == most > 1]
    if not found:
        found = get_close_matches(fold(name), relation.keys, 1, _ALIKE)
    return relation.by_key[found[0]] if len(found) == 1 else None
