"""Put the conditions of a FROM where the canonical form has them.

Invariant: the rows of the join are the same before and after; only inner joins ever give up or take a
condition.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from bench.gold.canonical_bind import Binder
from bench.gold.canonical_parse import unwrap
from bench.gold.canonical_scope import Block, Join, Source
from bench.gold.errors import CanonicalError


def arrange(block: Block, binder: Binder) -> None:
    """Rewrite `block.joins` and `block.where`. Raises CanonicalError for joins without a canonical form."""
    if any(join.kind == "RIGHT" for join in block.joins):
        _turn_right(block)
    for join in block.joins:
        if join.kind == "LEFT" and not join.on:
            raise CanonicalError("LEFT JOIN without ON")
    _place(block, binder)
    if any(not join.on and not join.kind for join in block.joins[1:]):
        _reorder(block, binder)
    for place, join in enumerate(block.joins):
        join.on = [_oriented(c, block.joins[:place], binder) for c in join.on]


def _turn_right(block: Block) -> None:
    if len(block.joins) != 2:
        raise CanonicalError("RIGHT JOIN of more than two tables")
    if block.has_star:
        raise CanonicalError("RIGHT JOIN with *")
    first, second = block.joins
    block.joins = [Join(second.source), Join(first.source, "LEFT", second.on)]


def _place(block: Block, binder: Binder) -> None:
    """Give every condition of an inner join's ON to the join that completes it, or to WHERE."""
    rank = {source: place for place, source in enumerate(block.sources)}
    moved: list[Any] = []
    placed: list[tuple[int, Any]] = []
    for place, join in enumerate(block.joins):
        if join.kind:
            last = max((rank[s] for c in join.on for s in sources_of(c, block, binder)), default=0)
            if last > place:
                raise CanonicalError("ON refers to a later table")
            continue
        for condition in join.on:
            sources = sources_of(condition, block, binder)
            last = max((rank[s] for s in sources), default=0)
            if len(sources) > 1 and not block.joins[last].kind:
                placed.append((last, condition))
            else:
                moved.append(condition)
        join.on = []
    for place, condition in placed:
        block.joins[place].on.append(condition)
    block.where = moved + block.where
    for place, join in enumerate(block.joins):
        if place and not join.kind and not join.on:
            _take(block, join, {s for s in block.sources[: place + 1]}, binder)


def _take(block: Block, join: Join, known: set[Source], binder: Binder) -> None:
    """Move into `join` the equalities of WHERE that link it to the sources before it."""
    rest: list[Any] = []
    for condition in block.where:
        sources = sources_of(condition, block, binder)
        links = is_link(condition) and len(sources) == 2 and sources <= known and join.source in sources
        (join.on if links else rest).append(condition)
    block.where = rest


def _reorder(block: Block, binder: Binder) -> None:
    """Put the sources in an order with fewer CROSS JOINs, if one is found and the order is ours to choose."""
    if block.has_star or any(join.kind for join in block.joins):
        return
    pool = [(c, sources_of(c, block, binder)) for join in block.joins for c in join.on]
    pool += [(c, s) for c in block.where if len(s := sources_of(c, block, binder)) == 2 and is_link(c)]
    order, remaining = [block.joins[0].source], block.sources[1:]
    crosses = 0
    while remaining:
        known = set(order)
        linked = [r for r in remaining if any(r in s and s <= known | {r} for _, s in pool)]
        crosses += not linked
        order.append((linked or remaining)[0])
        remaining.remove(order[-1])
    if crosses >= sum(not join.on for join in block.joins[1:]):
        return
    conditions = [c for join in block.joins for c in join.on]
    block.joins = [Join(source) for source in order]
    block.joins[0].on = conditions
    _place(block, binder)


def is_link(condition: Any) -> bool:
    """Whether a condition is an equality of two columns."""
    return (
        isinstance(condition, exp.EQ)
        and isinstance(unwrap(condition.this), exp.Column)
        and isinstance(unwrap(condition.expression), exp.Column)
    )


def sources_of(node: Any, block: Block, binder: Binder) -> set[Source]:
    """The sources of `block` that an expression refers to, also from queries inside it."""
    mine = set(block.sources)
    found = {
        ref.source
        for column in node.find_all(exp.Column)
        if (ref := binder.refs.get(id(column))) is not None and ref.source in mine
    }
    return {source for source in found if source is not None}


def _oriented(condition: Any, earlier: list[Join], binder: Binder) -> Any:
    """The condition with the column of an earlier source on the left, if it is an equality of two columns."""
    if not is_link(condition):
        return condition
    left, right = unwrap(condition.this), unwrap(condition.expression)
    known = {join.source for join in earlier}
    if binder.refs[id(left)].source in known or binder.refs[id(right)].source not in known:
        return condition
    turned = exp.EQ()
    # Not through the constructor: it would take the columns out of the tree they stand in.
    turned.args = {"this": right, "expression": left}
    binder.made.append(turned)
    return turned
