"""What a SELECT knows while it is being written: its sources, and the columns that still wait for one.

Invariant: a `Scope` whose FROM is not finished always has a *witness*: tables that, joined to the sources already
bound, give every waiting column exactly one meaning. An option that would leave no witness is never offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sqlagent.grammar.names import is_bare, quote
from sqlagent.schema import fold

Witness = tuple[tuple[str, "Relation"], ...]
"""Tables still to be joined: (the qualifier each is for, or "" where an unqualified column needs it; the table)."""

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NUMBERED = re.compile(r"t\d+\Z")
"""Keys of the aliases T1, T2 …, which any table may take."""

_MAX_STEPS, _STEPS_A_LEVEL = 2000, 10
"""Tables tried in one search for a witness; choosing for one more alias or column counts as ten."""

SELECT, FROM, AFTER = 0, 1, 2
"""Phases of a scope: its result columns, its FROM, everything behind."""


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
        words = [w for w in re.split(r"[^a-z0-9]+", _HUMPS.sub("_", self.name).lower()) if w[:1].isalpha()]
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
class Source:
    """A relation bound in FROM under a qualifier."""

    relation: Relation
    text: bytes
    """The qualifier as SQL writes it: the table's name or an alias."""
    key: str
    aliased: bool
    """Whether the qualifier is one of the numbered aliases."""


class Sources:
    """The sources of a FROM, with what can be referred to (computed once, shared by all scopes that follow)."""

    def __init__(self, items: tuple[Source, ...] = ()) -> None:
        self.items = items

    def add(self, source: Source) -> Sources:
        """These and one more."""
        return Sources((*self.items, source))

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

    def owner(self, key: str) -> Source | None:
        """The one source that has column `key`."""
        found = [s for s in self.items if key in s.relation.by_key]
        return found[0] if len(found) == 1 else None

    @cached_property
    def dotted(self) -> tuple[tuple[bytes, ...], tuple[Source, ...]]:
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
        return self.relation is None and _NUMBERED.match(self.key) is not None

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


@dataclass(frozen=True)
class Item:
    """A result column: the name that it can be referred to by (folded and as text), and what it holds."""

    key: str | None = None
    text: bytes | None = None
    alias: bool = False
    aggregate: bool = False
    window: bool = False
    constant: bool = False
    """Whether it names no column. GROUP BY must not point at it: SQLite would read a literal there as a position."""
    origin: tuple[str | None, str] | None = None
    """(qualifier, column) when it is a column and nothing more."""
    star: str | None = None
    """For stars: "" for `*`, the qualifier's key for `t.*`."""

    @property
    def name(self) -> str | None:
        """The name without its quotes."""
        if self.text is None:
            return None
        text = self.text.decode()
        return text[1:-1].replace('""', '"') if text.startswith('"') else text


@dataclass(eq=False)
class Scope:
    """Everything known about the SELECT being written. Treated as immutable: `change` makes a new one."""

    outer: Scope | None = None
    """The enclosing SELECT when this one may refer to it."""
    depth: int = 0
    phase: int = SELECT
    need: Need = EMPTY
    sources: Sources = field(default_factory=Sources)
    ctes: tuple[Relation, ...] = ()
    width: int | None = None
    """Number of result columns asked for, or None."""
    items: tuple[Item, ...] = ()
    item: Item = field(default_factory=Item)
    """The result column being written."""
    star_width: int | None = None
    """Width that the only source must have (a `*` in a later arm of a set operation)."""
    lone: bool = False
    """Whether FROM must stay one source, because `*` over a join could pass SQLite's limit on columns."""
    plain: int = 0
    """Result columns other than stars."""
    star_qualifiers: tuple[str, ...] = ()
    bare_stars: int = 0
    has_aggregate: bool = False
    has_column: bool = False
    has_query: bool = False
    item_column: bool = False
    """Whether the result column being written names a column."""
    grouped: bool = False
    arms: Arm | None = None
    """The first arm of a set operation, as `Arm`; None outside one."""
    terms: int = 0
    """Operators and connectives so far, those of enclosing SELECTs too."""
    load: int = 0
    """Symbols on the stack of SQLite's parser at the start of a result column."""
    column: tuple[str | None, str] | None = None
    """(qualifier key, column key) when the value just written is one column."""
    witness: tuple[tuple[str, Relation], ...] = ()
    """(qualifier key or "", relation) still to be joined; what the class invariant promises."""
    role: str = "top"
    """What the SELECT is for: "top", "value", "derived" or "named:<name>"."""
    derived: Relation | None = None
    """The subquery in FROM that has just been closed."""

    def change(self, **fields: Any) -> Scope:
        """A copy with some fields replaced."""
        new = copy(self)
        for name, value in fields.items():
            setattr(new, name, value)
        return new

    def fits(self, q: Qualifier, relation: Relation) -> bool:
        """Whether `relation` may take the waiting alias `q`.

        Joined to itself, a table may go by any letter: `m` for the employee who is the manager."""
        if q.fits(relation):
            return True
        if len(q.key) != 1 or q.relation is not None or not q.covered_by(relation):
            return False
        others = (o for o in self.need.qualifiers if o is not q and not o.numbered)
        return relation in self.sources.relations or any(
            o.relation is relation or (o.relation is None and o.fits(relation)) for o in others
        )

    def total_width(self) -> int | None:
        """The number of result columns, once FROM is known; None when a source's width is not."""
        total = self.plain
        widths = [s.relation.width for s in self.sources.items]
        if self.bare_stars:
            if any(w is None for w in widths):
                return None
            total += self.bare_stars * sum(w or 0 for w in widths)
        for key in self.star_qualifiers:
            width = next((s.relation.width for s in self.sources.items if s.key == key), None)
            if width is None:
                return None
            total += width
        return total


@dataclass(frozen=True)
class Arm:
    """What the first arm of a set operation fixes: the width, and the names ORDER BY may use."""

    width: int
    names: tuple[bytes, ...]
    items: tuple[Item, ...]
    sources: Sources
    starred: bool
    """Whether it is a lone `SELECT *`."""
    count: int = 1

    def next(self) -> Arm:
        """The same, one arm further."""
        return replace(self, count=self.count + 1)


class Witnesses:
    """Finds the tables that would complete a FROM. Refuses sometimes where a completion exists, never the reverse."""

    def __init__(
        self, relations: Sequence[Relation], max_sources: int, near: Callable[[Relation], set[int]]
    ) -> None:
        """`near(relation)` gives the indexes of the tables that a key links to it: such tables are tried first."""
        self._relations = tuple(relations)
        self._max = max_sources
        self._near = near
        self._holders: dict[str, list[Relation]] = {}
        for relation in relations:
            for key in relation.by_key:
                self._holders.setdefault(key, []).append(relation)
        self._by_short: dict[str, list[Relation]] | None = None
        self._memo: dict[Any, Witness | None] = {}

    def holders(self, key: str, ctes: Iterable[Relation]) -> list[Relation]:
        """The relations that have column `key`."""
        return [*(c for c in ctes if key in c.by_key), *self._holders.get(key, ())]

    def rarest(self, keys: Iterable[str]) -> str:
        """The column name of `keys` that the fewest tables have."""
        return min(keys, key=lambda key: len(self._holders.get(key, ())))

    def find(
        self,
        bound: tuple[Relation, ...],
        need: Need,
        ctes: tuple[Relation, ...] = (),
        width: int | None = None,
    ) -> Witness | None:
        """(qualifier or "", relation) still to join so that `need` is met, or None.

        :param need: unbound qualifiers, and every unqualified column that SELECT used.
        :param width: when set, the whole FROM must be one source of this width.
        """
        memo_key = (bound, need, ctes, width)
        try:
            return self._memo[memo_key]
        except KeyError:
            pass
        if len(self._memo) > 20_000:
            self._memo.clear()
        found = self._search(bound, need, ctes)
        if found is not None and width is not None:
            found = self._exact(bound, found, ctes, width)
        self._memo[memo_key] = found
        return found

    def _search(self, bound: tuple[Relation, ...], need: Need, ctes: tuple[Relation, ...]) -> Witness | None:
        named = [q for q in need.qualifiers if q.relation is not None]
        fixed = [*bound, *(q.relation for q in named if q.relation is not None)]
        covered: frozenset[str] = frozenset()
        for relation in fixed:
            hits = {key for key in need.bare if key in relation.by_key}
            if hits & covered:
                return None
            covered |= hits
        chosen = tuple((q.key, q.relation) for q in named if q.relation is not None)
        aliases = [q for q in need.qualifiers if q.relation is None]
        if len(fixed) + len(aliases) > self._max:
            return None
        for key in need.bare:
            # An alias whose columns include an unqualified one settles that one; two would make it ambiguous.
            if sum(key in q.columns for q in aliases) + (key in covered) > 1:
                return None
        steps = [0]
        return self._choose(aliases, fixed, chosen, covered, need.bare, ctes, steps)

    def _choose(
        self,
        aliases: list[Qualifier],
        taken: list[Relation],
        chosen: Witness,
        covered: frozenset[str],
        bare: tuple[str, ...],
        ctes: tuple[Relation, ...],
        steps: list[int],
    ) -> Witness | None:
        """Depth-first: a table for each alias, then for each unqualified column that none has yet."""
        steps[0] += _STEPS_A_LEVEL
        if steps[0] > _MAX_STEPS:
            return None
        if aliases:
            name, candidates = aliases[0].key, self._candidates(aliases[0], ctes, taken)
        else:
            missing = next((key for key in bare if key not in covered), None)
            if missing is None:
                return chosen
            name, candidates = "", self.holders(missing, ctes)
        if len(taken) + max(1, len(aliases)) > self._max:
            return None
        for relation in self._ranked(candidates, [key for key in bare if key not in covered], taken):
            steps[0] += 1
            if steps[0] > _MAX_STEPS:
                return None
            hits = {key for key in bare if key in relation.by_key} if bare else covered
            if bare and hits & covered:
                continue
            found = self._choose(
                aliases[1:],
                [*taken, relation],
                (*chosen, (name, relation)),
                covered | hits,
                bare,
                ctes,
                steps,
            )
            if found is not None:
                return found
        return None

    def _ranked(
        self, candidates: Sequence[Relation], wanted: Sequence[str], taken: Sequence[Relation]
    ) -> Iterator[Relation]:
        """First those with most of the `wanted` columns, among them first those that a key links to the `taken`.

        Nearly always the first one will do, and there may be a thousand: none is looked at before it is needed.
        """
        near = set().union(*(self._near(r) for r in taken)) if taken else set()
        first: list[Relation] = []
        if wanted and len(candidates) > 1:
            hits = {r: n for r in candidates if (n := sum(key in r.by_key for key in wanted))}
            first = sorted(hits, key=lambda r: (-hits[r], r.index not in near))
            yield from first
            if len(first) == len(candidates):
                return
        seen = set(first)
        if near:
            close = [r for r in candidates if r.index in near and r not in seen]
            yield from close
            seen.update(close)
        yield from (r for r in candidates if r not in seen) if seen else candidates

    def _candidates(
        self, q: Qualifier, ctes: tuple[Relation, ...], taken: Sequence[Relation]
    ) -> Sequence[Relation]:
        """The relations that alias `q` may become next to those `taken`."""
        if q.numbered:
            found = self.holders(self.rarest(q.columns), ctes) if q.columns else [*ctes, *self._relations]
            return [r for r in found if q.covered_by(r)] if len(q.columns) > 1 else found
        own = [r for r in self._called(q.key, ctes) if q.covered_by(r)]
        if len(q.key) > 1:
            return own
        return own + [r for r in taken if r not in own and q.covered_by(r)]

    def _called(self, alias: str, ctes: tuple[Relation, ...]) -> list[Relation]:
        """The relations whose short alias may be `alias`."""
        if self._by_short is None:
            self._by_short = {}
            for relation in self._relations:
                for short in relation.shorts:
                    self._by_short.setdefault(short, []).append(relation)
        return [*(c for c in ctes if alias in c.shorts), *self._by_short.get(alias, ())]

    def _exact(
        self, bound: tuple[Relation, ...], found: Witness, ctes: tuple[Relation, ...], width: int
    ) -> Witness | None:
        everything = [*bound, *(r for _, r in found)]
        if len(everything) == 1:
            return found if everything[0].width == width else None
        if everything:
            return None
        for relation in (*ctes, *self._relations):
            if relation.width == width:
                return (("", relation),)
        return None
