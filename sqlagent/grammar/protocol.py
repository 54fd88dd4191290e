"""Say what the rules ask of the grammar that they are part of; `Acceptor` is one.

A rule is `rule(grammar, argument, rest, scope) -> options`. It knows no schema: which columns there are, which tables a
join may take next and which names are taken, it asks the grammar. The machine that drives the rules
asks less: `Counter`.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Protocol

from sqlagent.grammar.options import Counter, Frame

if TYPE_CHECKING:
    from sqlagent.grammar.from_search import FromSearch
    from sqlagent.grammar.links import Links
    from sqlagent.grammar.relation import Relation
    from sqlagent.grammar.scope import Scope


class Grammar(Counter, Protocol):
    """What the rules ask: names of a schema as they are written, and what may still be bound by FROM."""

    max_sources: int
    """Sources in one FROM."""
    has_nulls_order: bool
    """Whether this SQLite knows NULLS FIRST and NULLS LAST."""
    has_filter: bool
    """Whether it knows FILTER behind an aggregate without a window."""
    has_odd_names: bool
    """Whether a column's name could be the text of an expression."""
    relations: tuple[Relation, ...]
    links: Links
    from_search: FromSearch
    aliases: tuple[bytes, ...]
    """T1, T2, …"""
    numbered: tuple[bytes, ...]
    """The same with their dots, sorted."""

    @property
    def rules(self) -> ModuleType:
        """Where the rules for expressions find the one that ends `t.*`."""

    def subquery(self, width: int | None, correlated: bool, load: int, rest: Frame) -> Frame: ...
    def is_taken(self, name: str) -> bool: ...
    def bare_columns(self, ctes: tuple[Relation, ...]) -> tuple[tuple[bytes, ...], tuple[str, ...]]: ...
    def dotted(self, ctes: tuple[Relation, ...]) -> tuple[tuple[bytes, ...], tuple[Relation, ...]]: ...
    def is_wide(self, env: Scope) -> bool: ...
    def shorts(self, ctes: tuple[Relation, ...]) -> tuple[bytes, ...]: ...
    def next_alias(self, env: Scope) -> tuple[bytes, ...]: ...
    def aliases_in_from(self, env: Scope, relation: Relation) -> tuple[bytes, ...]: ...
    def new_shorts(self, env: Scope, relation: Relation) -> tuple[bytes, ...]: ...
    def can_bind(self, env: Scope, relation: Relation) -> bool: ...
    def can_join(self, env: Scope) -> bool: ...
    def join_choices(self, env: Scope, first: bool) -> tuple[tuple[Relation, ...], tuple[Relation, ...]]: ...
    def links_to_last(self, env: Scope) -> dict[bytes, dict[bytes, bytes]]: ...
    def spelling(self, column: tuple[str | None, str], env: Scope) -> bytes: ...
    def origin(self, env: Scope) -> tuple[str, str] | None: ...
