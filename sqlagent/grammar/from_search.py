"""Search for tables that, joined to those already bound, give every waiting column exactly one meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlagent.grammar.from_needs import Need, Qualifier
from sqlagent.grammar.relation import Relation

Witness = tuple[tuple[str, Relation], ...]
"""Tables still to be joined: (the qualifier each is for, or "" where an unqualified column needs it; the table)."""
MOST_TABLES = 50
"""Tables in one FROM, views written out: SQLite joins 64, and subqueries in FROM may bring a few more."""
_MAX_STEPS, _STEPS_A_LEVEL = 2000, 10
"""Tables tried in one search for a witness; choosing for one more alias or column counts as ten."""


class FromSearch:
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
        if len(fixed) + len(aliases) > self._max or sum(r.reach for r in fixed) + len(aliases) > MOST_TABLES:
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
        room = MOST_TABLES - sum(r.reach for r in taken)
        for relation in self._ranked(candidates, [key for key in bare if key not in covered], taken):
            steps[0] += 1
            if steps[0] > _MAX_STEPS:
                return None
            if relation.reach > room:
                continue
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
