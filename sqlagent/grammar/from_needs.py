"""Collect what SELECT used and FROM has still to provide: qualifiers with their columns, and unqualified columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlagent.grammar.relation import Relation, is_numbered


@dataclass(frozen=True)
class Qualifier:
    """A qualifier that SELECT used before FROM bound it, and the columns it must have."""

    key: str
    text: bytes
    relation: Relation | None
    """The table it names; None for an alias, which may become any table that has the columns."""
    columns: frozenset[str]

    @property
    def numbered(self) -> bool:
        """Whether it is one of T1, T2 …, whose tables come in that order."""
        return self.relation is None and is_numbered(self.key)

    def fits(self, relation: Relation) -> bool:
        """Whether `relation` may take this alias."""
        return (self.numbered or self.key in relation.shorts) and self.covered_by(relation)

    def covered_by(self, relation: Relation) -> bool:
        """Whether `relation` has all its columns."""
        return all(c in relation.by_key for c in self.columns)


@dataclass(frozen=True)
class Need:
    """What SELECT used and FROM must still provide."""

    qualifiers: tuple[Qualifier, ...] = ()
    bare: tuple[str, ...] = ()

    def qualifier(self, key: str) -> Qualifier | None:
        """The waiting qualifier of that name."""
        for q in self.qualifiers:
            if q.key == key:
                return q
        return None

    @cached_property
    def next_aliases(self) -> tuple[Qualifier, ...]:
        """The waiting aliases that the next table may take: of the numbered ones the first."""
        numbered = [q for q in self.qualifiers if q.numbered]
        first = min(numbered, key=lambda q: int(q.key[1:]), default=None)
        return tuple(q for q in self.qualifiers if q.relation is None and (not q.numbered or q is first))

    def with_bare(self, key: str) -> Need:
        """One more unqualified column."""
        return self if key in self.bare else Need(self.qualifiers, (*self.bare, key))

    def with_qualified(self, key: str, text: bytes, relation: Relation | None, column: str | None) -> Need:
        """One more `qualifier.column` (or `qualifier.*` with column None)."""
        add = frozenset() if column is None else frozenset((column,))
        old = self.qualifier(key)
        if old is None:
            return Need((*self.qualifiers, Qualifier(key, text, relation, add)), self.bare)
        if add <= old.columns:
            return self
        new = Qualifier(key, text, relation, old.columns | add)
        return Need(tuple(new if q is old else q for q in self.qualifiers), self.bare)

    def with_alias(self, aliases: Sequence[bytes], alias: bytes, column: str | None) -> Need:
        """One more `alias.column`; aliases are numbered in the order of FROM, so those before it must come too."""
        need = self
        for earlier in aliases:
            last = earlier == alias
            need = need.with_qualified(earlier.decode().lower(), earlier, None, column if last else None)
            if last:
                break
        return need

    def without(self, key: str) -> Need:
        """The need once `key` is bound."""
        return Need(tuple(q for q in self.qualifiers if q.key != key), self.bare)


EMPTY = Need()
