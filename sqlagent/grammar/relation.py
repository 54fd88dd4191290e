"""Describe what may stand in FROM, and what stands there: tables, CTEs and subqueries under their qualifiers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from sqlagent.database.schema import fold
from sqlagent.sql.names import is_bare, quote

HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Where a new word begins in `someName`."""
_NUMBERED = re.compile(r"t\d+\Z")
"""Keys of the aliases T1, T2 …, which any table may take."""


def is_numbered(key: str) -> bool:
    """Whether a qualifier's key is T1, T2 …"""
    return _NUMBERED.match(key) is not None


@dataclass(frozen=True, eq=False)
class Relation:
    """Something that may stand in FROM: a table, a view, a CTE or a subquery."""

    name: str
    columns: tuple[str, ...]
    """Names as declared, in order."""
    types: tuple[str, ...] = ()
    width: int | None = None
    """Number of columns that `*` gives."""
    index: int = -1
    """Place in the schema; -1 for CTEs and subqueries."""
    reach: int = 1
    """Tables that it comes to once SQLite has written out what it is made of."""

    @cached_property
    def key(self) -> str:
        """The folded name."""
        return fold(self.name)

    @cached_property
    def text(self) -> bytes:
        """The name as SQL writes it."""
        return quote(self.name).encode()

    @cached_property
    def shorts(self) -> frozenset[str]:
        """Aliases that people give such a table: the first letters of its name, its words' initials."""
        words = [w for w in re.split(r"[^a-z0-9]+", HUMPS.sub("_", self.name).lower()) if w[:1].isalpha()]
        found = {w[:n] for w in words[:1] for n in range(1, 5)}
        if len(words) > 1:
            found.add("".join(w[0] for w in words)[:4])
        found |= {alias + digit for alias in found if len(alias) == 1 for digit in "12"}
        return frozenset(alias for alias in found if is_bare(alias) and not _NUMBERED.match(alias))

    @cached_property
    def column_keys(self) -> tuple[str, ...]:
        """Folded column names, in order."""
        return tuple(fold(name) for name in self.columns)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Folded column names, sorted by their text."""
        return tuple(key for _, key in self._sorted)

    @cached_property
    def texts(self) -> tuple[bytes, ...]:
        """Column names as SQL writes them, sorted."""
        return tuple(text for text, _ in self._sorted)

    @cached_property
    def _sorted(self) -> list[tuple[bytes, str]]:
        return sorted((quote(name).encode(), fold(name)) for name in self.columns)

    @cached_property
    def by_key(self) -> dict[str, bytes]:
        """Folded column name → text."""
        return {key: text for text, key in self._sorted}


@dataclass(frozen=True, eq=False)
class FromItem:
    """A relation bound in FROM under a qualifier."""

    relation: Relation
    text: bytes
    """The qualifier as SQL writes it: the table's name or an alias."""
    key: str
    aliased: bool
    """Whether the qualifier is one of the numbered aliases."""


class FromItems:
    """The sources of a FROM, with what can be referred to (computed once, shared by all scopes that follow)."""

    def __init__(self, items: tuple[FromItem, ...] = ()) -> None:
        self.items = items

    def add(self, source: FromItem) -> FromItems:
        """These and one more."""
        return FromItems((*self.items, source))

    @cached_property
    def keys(self) -> frozenset[str]:
        """The qualifiers in use, folded."""
        return frozenset(s.key for s in self.items)

    @cached_property
    def bare(self) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
        """(texts, keys) of the columns that need no qualifier, sorted by text."""
        seen: dict[str, bytes | None] = {}
        for source in self.items:
            for key, text in source.relation.by_key.items():
                seen[key] = None if key in seen else text
        pairs = sorted((text, key) for key, text in seen.items() if text is not None)
        return tuple(t for t, _ in pairs), tuple(k for _, k in pairs)

    def owner(self, key: str) -> FromItem | None:
        """The one source that has column `key`."""
        found = [s for s in self.items if key in s.relation.by_key]
        return found[0] if len(found) == 1 else None

    @cached_property
    def dotted(self) -> tuple[tuple[bytes, ...], tuple[FromItem, ...]]:
        """(texts, sources) of the qualifiers with their dot, sorted; relations without columns left out."""
        pairs = sorted(
            ((s.text + b".", i) for i, s in enumerate(self.items) if s.relation.columns),
        )
        return tuple(t for t, _ in pairs), tuple(self.items[i] for _, i in pairs)

    @cached_property
    def aliased(self) -> int:
        """How many of them have an alias."""
        return sum(s.aliased for s in self.items)

    @cached_property
    def relations(self) -> tuple[Relation, ...]:
        """Their relations, in order."""
        return tuple(s.relation for s in self.items)
