"""Say which columns of which tables a join may equate.

Invariant: links are symmetric; what is declared goes before what names only suggest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlagent.database.schema import Schema, fold
from sqlagent.grammar.key_classes import KeyClasses, affinity
from sqlagent.grammar.keys import ANY, named
from sqlagent.grammar.relation import Relation

_COMMON = 6
"""A column name that more tables than this share (id, name …) links none of them by itself."""

_LONG = 8
"""Columns of the longest key that ON spells out."""

Pairs = tuple[tuple[str, str], ...]
"""(column key here, column key there) pairs."""
Columns = tuple[str, ...]
"""Keys of columns."""


class Links:
    """Foreign keys first; keys that their names tell of; columns that reference the same key and are called alike;
    columns of one name and type where no key leads.
    """

    def __init__(self, schema: Schema, relations: Sequence[Relation]) -> None:
        self._relations = relations
        self._direct: dict[tuple[int, int], set[tuple[str, str]]] = {}
        self._near: dict[int, set[int]] = {}
        self._keys: dict[tuple[int, int], list[Pairs]] = {}
        index = {relation.key: relation.index for relation in relations}
        referenced: dict[tuple[int, Columns], list[tuple[int, Columns]]] = {}
        for i, table in enumerate(schema.tables):
            for fk in table.foreign_keys:
                j = index.get(fold(fk.ref_table))
                if j is None:
                    continue
                pairs = list(zip(map(fold, fk.columns), map(fold, fk.ref_columns), strict=False))
                here, there = tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
                self._link(i, here, j, there)
                referenced.setdefault((j, there), []).append((i, here))
        declared = set(self._direct)
        for i, a, j, b in named(schema):
            if (i, j) not in declared:
                self._link(i, (a,), j, (b,))
                referenced.setdefault((j, (b,)), []).append((i, (a,)))
        linked = set(self._direct)
        for holders in referenced.values():
            if len(holders) <= _COMMON:
                for n, (i, here) in enumerate(holders):
                    for j, there in holders[n + 1 :]:
                        if i != j and (i, j) not in linked and _alike(here, there):
                            self._link(i, here, j, there)
        self._names: dict[tuple[str, str], list[int]] = {}
        for relation in relations:
            for key, kind in zip(relation.column_keys, relation.types, strict=False):
                if key != ANY:
                    self._names.setdefault((key, affinity(kind)), []).append(relation.index)
        self._named: dict[int, set[int]] = {}
        self._island = self._islands(len(relations))
        self._classes = KeyClasses(
            relations,
            (((i, a), (j, b)) for (i, j), pairs in self._direct.items() for a, b in pairs),
        )

    def _islands(self, count: int) -> list[int]:
        """For each table, a number shared by all tables that keys connect it to."""
        island = [-1] * count
        for start in range(count):
            if island[start] >= 0:
                continue
            island[start] = start
            reached = [start]
            while reached:
                for j in self._near.get(reached.pop(), ()):
                    if island[j] < 0:
                        island[j] = start
                        reached.append(j)
        return island

    def _link(self, i: int, here: Columns, j: int, there: Columns) -> None:
        for one, other, pairs in (
            (i, j, tuple(zip(here, there, strict=True))),
            (j, i, tuple(zip(there, here, strict=True))),
        ):
            self._direct.setdefault((one, other), set()).update(pairs)
            self._keys.setdefault((one, other), []).append(pairs)
            self._near.setdefault(one, set()).add(other)

    def neighbours(self, relation: Relation) -> set[int]:
        """Indexes of the tables that a link joins to `relation`; empty for CTEs and subqueries."""
        i = relation.index
        if i < 0:
            return set()
        near = self._near.get(i, set())
        if i not in self._named:
            named: set[int] = set()
            for key, kind in zip(relation.column_keys, relation.types, strict=False):
                holders = self._names.get((key, affinity(kind)), [])
                if 1 < len(holders) <= _COMMON:
                    # Where keys lead from one table to the other, a shared name is no link.
                    named.update(j for j in holders if self._island[j] != self._island[i])
            self._named[i] = named
        return near | self._named[i]

    def toward(self, bound: Iterable[Relation], wanted: Iterable[Relation]) -> set[int]:
        """Indexes of the tables that a shortest way of keys from those bound to one of those wanted begins with."""
        reached = {r.index for r in bound if r.index >= 0}
        targets = {r.index for r in wanted if r.index >= 0}
        first = {j: {j} for i in reached for j in self._near.get(i, ()) if j not in reached}
        while first and not targets & first.keys():
            reached |= first.keys()
            further: dict[int, set[int]] = {}
            for i, begun in first.items():
                for j in self._near.get(i, set()) - reached:
                    further.setdefault(j, set()).update(begun)
            first = further
        return set[int]().union(*(first[j] for j in targets & first.keys()))

    def strange(self, left: Relation, key: str, right: Relation) -> bool:
        """Whether nothing in a table can be meant to equal a column of another one that keys connect with it."""
        return self._connected(left, right) and not self._classes.partner(left, key, right)

    def strangers(self, left: Relation, right: Relation) -> bool:
        """Whether that holds of all columns."""
        return self._connected(left, right) and not self._classes.partners(left, right)

    def differ(self, left: Relation, key: str, right: Relation, other: str) -> bool:
        """Whether two columns of tables that keys connect are values of different keys."""
        return self._connected(left, right) and self._classes.differ((left.index, key), (right.index, other))

    def _connected(self, left: Relation, right: Relation) -> bool:
        """Whether keys lead, over others perhaps, from a table to another."""
        i, j = left.index, right.index
        return i != j and min(i, j) >= 0 and self._island[i] == self._island[j]

    def pairs(self, left: Relation, right: Relation) -> Pairs:
        """Column pairs that link the two, the strongest kind only."""
        direct = self._direct.get((left.index, right.index)) if left.index >= 0 and right.index >= 0 else None
        if direct:
            return tuple(sorted(direct))
        if left is right or self._connected(left, right):  # where keys lead, a shared name is no link
            return ()
        types = dict(zip(right.column_keys, right.types, strict=False))
        found = []
        for k, key in enumerate(left.column_keys):
            if key not in right.by_key or (key == ANY and min(left.index, right.index) >= 0):
                continue
            if left.index < 0 or right.index < 0 or affinity(left.types[k]) == affinity(types[key]):
                found.append((key, key))
        return tuple(found)

    def rest_of_key(self, left: Relation, right: Relation, pair: tuple[str, str]) -> Pairs:
        """What else must be equal where `pair` is part of a key of several columns; () where it is a key by itself."""
        keys = [key for key in self._keys.get((left.index, right.index), ()) if pair in key]
        shortest = min(keys, key=len, default=())
        return tuple(other for other in shortest if other != pair) if len(shortest) <= _LONG else ()


def _alike(here: Columns, there: Columns) -> bool:
    """Whether the columns are called so much alike that they seem to mean the same."""
    return all(a in b or b in a for a, b in zip(here, there, strict=True))
