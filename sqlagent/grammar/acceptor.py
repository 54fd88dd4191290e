"""Bind the grammar to one schema, and answer what its rules ask.

Invariant: every text that the acceptor accepts as complete is one read-only SELECT that prepares on that schema.
"""

from __future__ import annotations

import re
import sqlite3
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlagent.database.schema import Schema
from sqlagent.grammar import clauses, result_columns
from sqlagent.grammar.context import MAX_ITEMS
from sqlagent.grammar.from_clause import bind
from sqlagent.grammar.from_needs import Qualifier
from sqlagent.grammar.from_search import FromSearch
from sqlagent.grammar.links import Links
from sqlagent.grammar.machine import Machine
from sqlagent.grammar.name_candidates import NameCandidates
from sqlagent.grammar.options import Frame
from sqlagent.grammar.relation import FromItem, Relation
from sqlagent.grammar.scope import Scope
from sqlagent.sql.names import KEYWORDS

MAX_SOURCES = 10
"""Sources in one FROM."""
_ALIASES = 9
_MAX_COLUMNS = 2000
"""SQLITE_MAX_COLUMN as SQLite is usually built."""
_PLAIN = re.compile(r"[^\W\d][\w ]*\Z")


@dataclass(frozen=True)
class Options:
    """How statements are to look."""

    style: str = "names"
    """"names": `table.column` in joins, aliases for self-joins; "aliases": `T1.column` in joins."""


class Acceptor(Machine):
    """Accepts the statements that a schema allows, byte by byte.

    :raises ValueError: for a schema without tables: there is nothing to select from.
    """

    def __init__(self, schema: Schema, options: Options | None = None) -> None:
        if not schema.tables:
            raise ValueError("the schema has no tables")
        super().__init__((clauses.statement, None, None), Scope())
        self.schema = schema
        self.options = options or Options()
        self.rules = result_columns
        """Where the rules for expressions find the one that ends `t.*`."""
        self.max_sources = MAX_SOURCES
        self.has_nulls_order = self.has_filter = sqlite3.sqlite_version_info >= (3, 30)
        self.relations = tuple(
            Relation(
                table.name,
                tuple(column.name for column in table.columns),
                tuple(column.type for column in table.columns),
                len(table.columns),
                i,
                table.reach,
            )
            for i, table in enumerate(schema.tables)
        )
        self._widest = max(len(table.columns) for table in schema.tables)
        self.links = Links(schema, self.relations)
        self.from_search = FromSearch(self.relations, MAX_SOURCES, self.links.neighbours)
        self._by_text = tuple(sorted(self.relations, key=lambda r: r.text))
        self._names = {r.key for r in self.relations} | {k for r in self.relations for k in r.column_keys}
        self.name_candidates = NameCandidates(schema, self.relations, self.links, self._names)
        """What is asked where a name cannot stand; the grammar itself never does."""
        self.aliases = tuple(f"T{n}".encode() for n in range(1, _ALIASES + 20) if f"t{n}" not in self._names)[
            :_ALIASES
        ]
        self.numbered = tuple(sorted(alias + b"." for alias in self.aliases))
        names = {column.name for table in schema.tables for column in table.columns}
        self.has_odd_names = any(not _PLAIN.match(name) or name.upper() in KEYWORDS for name in names)
        """Whether a column's name could be the text of an expression."""
        self._bare: dict[Any, tuple[tuple[bytes, ...], tuple[str, ...]]] = {}
        self._shorts: dict[Any, tuple[bytes, ...]] = {}
        self._dotted: dict[Any, tuple[tuple[bytes, ...], tuple[Relation, ...]]] = {}

    # -- what the rules ask ------------------------------------------------------------------------------------

    def subquery(self, width: int | None, correlated: bool, load: int, rest: Frame) -> Frame:
        """A frame that reads a query of `width` columns; `load` as in Scope."""
        return (clauses.query, (width, correlated, "value", load), rest)

    def is_taken(self, name: str) -> bool:
        """Whether a new name would be a keyword, a name of the schema, or an alias of ours."""
        if name.upper() in KEYWORDS or name in self._names:
            return True
        return name[0] == "t" and name[1:].isdigit() or name in ("rowid", "oid", "_rowid_", "true", "false")

    def bare_columns(self, ctes: tuple[Relation, ...]) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
        """(texts, keys) of all column names, sorted by text."""
        if ctes not in self._bare:
            if len(self._bare) > 64:
                self._bare.clear()
            pairs = sorted({p for r in (*ctes, *self.relations) for p in zip(r.texts, r.keys, strict=True)})
            self._bare[ctes] = (tuple(t for t, _ in pairs), tuple(k for _, k in pairs))
        return self._bare[ctes]

    def dotted(self, ctes: tuple[Relation, ...]) -> tuple[tuple[bytes, ...], tuple[Relation, ...]]:
        """(texts such as b"singer.", relations) of all relations with columns, sorted by text."""
        if self.options.style == "aliases":
            return (), ()
        if ctes not in self._dotted:
            if len(self._dotted) > 64:
                self._dotted.clear()
            found = sorted(
                ((r.text + b".", n) for n, r in enumerate((*ctes, *self.relations)) if r.columns),
            )
            everything = (*ctes, *self.relations)
            self._dotted[ctes] = (tuple(t for t, _ in found), tuple(everything[n] for _, n in found))
        return self._dotted[ctes]

    def is_wide(self, env: Scope) -> bool:
        """Whether `*` over as many sources as FROM takes could pass SQLite's limit of 2,000 result columns."""
        widest = max([self._widest, *(c.width or _MAX_COLUMNS for c in env.ctes)])
        return widest * self.max_sources + MAX_ITEMS > _MAX_COLUMNS

    def shorts(self, ctes: tuple[Relation, ...]) -> tuple[bytes, ...]:
        """Short aliases such as b"c." for customers that SELECT may use before FROM binds them, sorted."""
        if ctes not in self._shorts:
            if len(self._shorts) > 64:
                self._shorts.clear()
            found = {a for r in (*ctes, *self.relations) if r.columns for a in r.shorts}
            found |= set(string.ascii_lowercase)
            found -= self._names | {c.key for c in ctes}
            self._shorts[ctes] = tuple(sorted(a.encode() + b"." for a in found))
        return self._shorts[ctes]

    def next_alias(self, env: Scope) -> tuple[bytes, ...]:
        """The alias that the next aliased source of this FROM takes; none when they are used up."""
        n = env.sources.aliased
        return self.aliases[n : n + 1]

    def aliases_in_from(self, env: Scope, relation: Relation) -> tuple[bytes, ...]:
        """The aliases that `relation` may take now: those that SELECT used and that fit, and the next number."""
        found = [
            q.text
            for q in env.need.qualifiers
            if q.relation is None and not q.numbered and env.fits(q, relation)
        ]
        following = self.next_alias(env)
        waiting = env.need.qualifier(following[0].decode().lower()) if following else None
        again = any(s.relation is relation for s in env.sources.items)
        wanted = env.need.qualifier(relation.key) is not None
        styled = self.options.style == "aliases" or not env.sources.items or env.sources.aliased > 0
        if waiting is not None:
            found += following if env.fits(waiting, relation) else ()
        elif again or (styled and not wanted):
            found += following
        return tuple(found)

    def new_shorts(self, env: Scope, relation: Relation) -> tuple[bytes, ...]:
        """Short aliases that `relation` may take although nothing has used them yet."""
        if env.need.qualifier(relation.key) is not None:
            return ()
        again = any(s.relation is relation for s in env.sources.items)
        return tuple(
            alias.encode()
            for alias in sorted(relation.shorts | set(string.ascii_lowercase) if again else relation.shorts)
            if alias not in self._names
            and alias not in env.sources.keys
            and env.need.qualifier(alias) is None
            and all(c.key != alias for c in env.ctes)
        )

    def can_bind(self, env: Scope, relation: Relation) -> bool:
        """Whether `relation` may come next in FROM, by its name or by an alias."""
        wanted = env.need.qualifier(relation.key)
        if (
            relation.key not in env.sources.keys
            and (wanted is None or wanted.relation is relation)
            and bind(self, env, relation, relation.text, False) is not None
        ):
            return True
        return any(
            bind(self, env, relation, alias, True) is not None
            for alias in self.aliases_in_from(env, relation)
        )

    def can_join(self, env: Scope) -> bool:
        """Whether any table at all may be joined to the sources bound so far."""
        if len(env.sources.items) >= self.max_sources:
            return False
        # A table that has an unqualified column too would make it ambiguous: not worth a closer look.
        return any(
            self.can_bind(env, relation)
            for relation in (*env.ctes, *self.relations)
            if not any(key in relation.by_key for key in env.need.bare)
        )

    def join_choices(self, env: Scope, first: bool) -> tuple[tuple[Relation, ...], tuple[Relation, ...]]:
        """(offered, accepted too) relations for the next place in FROM, each sorted by text."""
        needed = [r for _, r in env.witness]
        if env.ctes:
            everything = tuple(sorted((*env.ctes, *self.relations), key=lambda r: r.text))
        else:
            everything = self._by_text
        if first and not needed:
            return everything, ()
        offered: set[Relation] = set()
        if first:
            later = {q.key for q in env.need.qualifiers if q.numbered} - {
                q.key for q in env.need.next_aliases
            }
            offered.update(r for key, r in env.witness if key not in later)
            for key in env.need.bare:
                holders = self.from_search.holders(key, env.ctes)
                if not any(q.relation in holders for q in env.need.qualifiers):
                    offered.update(holders[:50])
            for q in env.need.next_aliases:
                offered.update(r for r in self._holding(q, everything, env) if env.fits(q, r))
            if not any(q.numbered for q in env.need.qualifiers):  # T1 is the first table, not one on the way
                offered |= self._bridges(needed, needed)
        else:
            bound = env.sources.relations
            linked = {self.relations[j] for r in bound for j in self.links.neighbours(r)} | set(env.ctes)
            if not needed:
                offered = linked
            else:
                able = set(needed) | self._able(env, everything)
                far = {r.index for r in able if r not in linked}
                offered = {r for r in able if r in linked}
                if far and (not offered or any(q.relation is None for q in env.need.qualifiers)):
                    # What is needed may be two joins away.
                    offered |= {r for r in linked if far & self.links.neighbours(r)}
                if not offered:  # it is further away, or no key leads there
                    offered = {self.relations[j] for j in self.links.toward(bound, needed)} or set(needed)
        visible = tuple(r for r in everything if r in offered)
        return visible, tuple(r for r in everything if r not in offered)

    def _able(self, env: Scope, relations: Sequence[Relation]) -> set[Relation]:
        """Tables that a waiting alias may become, or that hold a waiting unqualified column."""
        found: set[Relation] = set()
        for q in env.need.next_aliases:
            if q.columns:
                found.update(r for r in self._holding(q, relations, env) if env.fits(q, r))
        for key in env.need.bare:
            if not any(key in r.by_key for r in env.sources.relations):
                found.update(self.from_search.holders(key, env.ctes)[:50])
        return found

    def _holding(self, q: Qualifier, relations: Sequence[Relation], env: Scope) -> Sequence[Relation]:
        """Those of all `relations` that have a column that `q` asks for."""
        return (
            self.from_search.holders(self.from_search.rarest(q.columns), env.ctes) if q.columns else relations
        )

    def _bridges(self, some: list[Relation], others: list[Relation]) -> set[Relation]:
        """Tables that link two of the given ones that no link joins directly."""
        found: set[Relation] = set()
        for n, a in enumerate(some):
            near = self.links.neighbours(a)
            for b in others[n + 1 :]:
                if b.index not in near:
                    found |= {self.relations[j] for j in near & self.links.neighbours(b)}
        return found

    def links_to_last(self, env: Scope) -> dict[bytes, dict[bytes, bytes]]:
        """Earlier source's column → the new source's columns that a link pairs with it, both with qualifiers.

        With each of those goes what completes the key behind it: ` AND a.y = b.y`, mostly nothing.
        """
        new = env.sources.items[-1]
        found: dict[bytes, dict[bytes, bytes]] = {}

        def sides(old: FromItem, pair: tuple[str, str]) -> tuple[bytes, bytes]:
            a, b = pair
            return old.text + b"." + old.relation.by_key[a], new.text + b"." + new.relation.by_key[b]

        for old in env.sources.items[:-1]:
            for pair in self.links.pairs(old.relation, new.relation):
                left, right = sides(old, pair)
                others = self.links.rest_of_key(old.relation, new.relation, pair)
                whole = b"".join(b" AND %b = %b" % sides(old, other) for other in others)
                found.setdefault(left, {})[right] = whole
        return found

    def spelling(self, column: tuple[str | None, str], env: Scope) -> bytes:
        """How column (qualifier, key) is written."""
        qualifier, key = column
        wanted = env.need.qualifier(qualifier) if qualifier else None
        if wanted is not None and wanted.relation is not None:
            return wanted.relation.by_key[key]
        for source in env.sources.items:
            if source.key == qualifier:
                return source.relation.by_key[key]
        return self.from_search.holders(key, env.ctes)[0].by_key[key]

    def origin(self, env: Scope) -> tuple[str, str] | None:
        """(table, column) of the column just written, by their names in the schema; None when it has no one home."""
        if env.column is None:
            return None
        qualifier, key = env.column
        scope: Scope | None = env
        while scope is not None:
            for source in scope.sources.items:
                if source.key == qualifier and key in source.relation.by_key:
                    relation = source.relation
                    at = relation.column_keys.index(key)
                    return relation.name, relation.columns[at]
            scope = scope.outer
        return None
