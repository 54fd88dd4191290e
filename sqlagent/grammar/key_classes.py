"""Group the columns that keys make one: `Track.GenreId`, `Genre.GenreId` and whatever else references it.

To equate columns of two such classes (`Track.GenreId = Artist.ArtistId`) joins rows that have nothing to do with each
other. Of 14,680 conditions of ON in the gold statements of Spider train and BIRD train 22 do, between tables that keys
connect, and most of those are gold's own mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlagent.grammar.relation import Relation

Column = tuple[int, str]
"""Index of a table, key of a column."""


def affinity(declared: str) -> str:
    """SQLite's type affinity of a declared type (https://www.sqlite.org/datatype3.html, 3.1)."""
    upper = declared.upper()
    if "INT" in upper:
        return "integer"
    if any(word in upper for word in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if not upper or "BLOB" in upper:
        return "blob"
    if any(word in upper for word in ("REAL", "FLOA", "DOUB")):
        return "real"
    return "numeric"


class KeyClasses:
    """Which columns of a schema are values of one key, directly or through others."""

    def __init__(self, relations: Sequence[Relation], linked: Iterable[tuple[Column, Column]]) -> None:
        self._parent: dict[Column, Column] = {}
        for one, other in linked:
            self._parent[self._root(one)] = self._root(other)
        self._of: list[dict[str, Column]] = [{} for _ in relations]
        for table, key in list(self._parent):
            self._of[table][key] = self._root((table, key))
        self._classes = [frozenset(of.values()) for of in self._of]
        self._affinity = [
            {key: affinity(kind) for key, kind in zip(r.column_keys, r.types, strict=False)}
            for r in relations
        ]
        self._kinds: list[tuple[frozenset[str], frozenset[str]]] = []
        """Affinities of a table's columns that are of a class, and of those that are not."""
        for kinds, of in zip(self._affinity, self._of, strict=True):
            bound = frozenset(kind for key, kind in kinds.items() if key in of)
            self._kinds.append((bound, frozenset(kind for key, kind in kinds.items() if key not in of)))

    def _root(self, column: Column) -> Column:
        while (parent := self._parent.setdefault(column, column)) != column:
            column = parent
        return column

    def differ(self, one: Column, other: Column) -> bool:
        """Whether two columns hold values of two different keys."""
        mine, its = self._of[one[0]].get(one[1]), self._of[other[0]].get(other[1])
        return mine is not None and its is not None and mine != its

    def partner(self, left: Relation, key: str, right: Relation) -> bool:
        """Whether a table has a column that another table's may be meant to equal: one of its class, or, since not
        every key is declared, of its type and of no class where this one has one, or the other way round."""
        mine = self._of[left.index].get(key)
        if mine is not None and mine in self._classes[right.index]:
            return True
        kind = self._affinity[left.index][key]
        return kind in self._kinds[right.index][mine is not None]

    def partners(self, left: Relation, right: Relation) -> bool:
        """Whether any column of a table has such a partner in another table."""
        if self._classes[left.index] & self._classes[right.index]:
            return True
        (bound, free), (bound_there, free_there) = self._kinds[left.index], self._kinds[right.index]
        return bool(bound & free_there or free & bound_there)
