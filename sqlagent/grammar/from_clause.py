"""Accept FROM: its tables and their aliases, joins, and WHERE behind them.

Invariant: when FROM ends, everything that SELECT used is bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlagent.grammar import clauses, result_columns
from sqlagent.grammar.conditions import condition
from sqlagent.grammar.context import LOADS, clause_context
from sqlagent.grammar.expr import word
from sqlagent.grammar.group_order import group, limit, order
from sqlagent.grammar.join_on import on_left
from sqlagent.grammar.options import QUIET, STRANGE, UNLIKELY, Choice, Frame, Lit, Option, expand
from sqlagent.grammar.protocol import Grammar
from sqlagent.grammar.relation import FromItem, Relation, is_numbered
from sqlagent.grammar.scope import AFTER, Scope


def source(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """A table (or a subquery) in FROM. `arg` is (kind of join, first)."""
    join, first = arg
    cross = join == "cross"
    after = rest
    needed = env.witness
    bound = env.sources.relations
    visible, rare = grammar.join_choices(env, first)
    options: list[Option] = []

    def then_of(relations: tuple[Relation, ...]) -> Callable[[int], tuple[Frame, Scope]]:
        return lambda i: ((source_alias, (relations[i], join), after), env)

    def valid_of(relations: tuple[Relation, ...]) -> Callable[[int], bool]:
        return lambda i: grammar.can_bind(env, relations[i])

    if needed:
        # First, for `closing`: a table that brings the end nearer.
        relation = needed[0][1]
        hidden = relation not in visible and not cross and visible
        options.append(
            Choice(
                (relation.text,),
                then_of((relation,)),
                rare=_strangeness(grammar, bound, relation) if hidden else 0,
            )
        )
        visible = tuple(r for r in visible if r is not relation)
    if visible:
        texts = tuple(r.text for r in visible)
        options.append(Choice(texts, then_of(visible), valid_of(visible)))
    if rare:
        skip = set(visible) | ({needed[0][1]} if needed else set())
        keep = tuple(r for r in rare if r not in skip)
        if keep and (first or cross):
            texts = tuple(r.text for r in keep)
            level = UNLIKELY if not first or options else 0
            options.append(Choice(texts, then_of(keep), valid_of(keep), rare=level))
        elif keep:
            for level in (UNLIKELY, STRANGE):
                some = tuple(r for r in keep if _strangeness(grammar, bound, r) == level)
                if some:
                    texts = tuple(r.text for r in some)
                    options.append(Choice(texts, then_of(some), valid_of(some), rare=level))
    if first and not needed and not bound and env.depth < 4 and env.star_width is None:
        load = env.load + LOADS["derived"]
        inner = Scope(depth=env.depth + 1, ctes=env.ctes, role="derived", terms=env.terms, load=load)
        tail: Frame = (
            group,
            None,
            (clauses.compound, None, (order, None, (limit, None, (clauses.leave, env, None)))),
        )
        tail = _retarget(tail, (word, b") AS ", (derived_alias, join, after)))
        options.append(Lit(b"(SELECT ", (result_columns.items, None, tail), inner, rare=QUIET))
    return options


def _strangeness(grammar: Grammar, bound: Sequence[Relation], relation: Relation) -> int:
    """How unlikely a join with a table is that no link joins to those bound."""
    strange = bound and all(grammar.links.strangers(r, relation) for r in bound)
    return STRANGE if strange else UNLIKELY


def _retarget(tail: Frame, rest: Frame) -> Frame:
    """`tail` with `rest` behind its last frame."""
    if tail is None:
        return rest
    return (tail[0], tail[1], _retarget(tail[2], rest))


def derived_alias(grammar: Grammar, join: str, rest: Frame, env: Scope) -> list[Option]:
    """The alias of a subquery in FROM."""
    relation = env.derived
    options: list[Option] = []
    if relation is None:
        return options
    for alias in grammar.next_alias(env):
        bound = bind(grammar, env, relation, alias, True)
        if bound is not None:
            # A `*` over this subquery and more sources could pass SQLite's limit on columns.
            options.append(Lit(alias, rest, bound.change(lone=bool(env.bare_stars or env.star_qualifiers))))
    return options


def source_alias(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """Behind a table's name in FROM: an alias or not."""
    relation, join = arg
    plain: list[Option] = []
    wanted = env.need.qualifier(relation.key)
    if relation.key not in env.sources.keys and (wanted is None or wanted.relation is relation):
        bound = bind(grammar, env, relation, relation.text, False)
        if bound is not None:
            plain = _bound(grammar, join, rest, bound)
    aliases: list[Option] = []
    if wanted is None or wanted.relation is not relation or not plain:
        waiting = {q.text for q in env.need.next_aliases if not q.numbered and env.fits(q, relation)}
        for alias in grammar.aliases_in_from(env, relation):
            # `FROM Album AS T1` while `a.Title` waits would join Album to itself.
            rare = UNLIKELY if waiting and alias not in waiting else 0
            aliases += _named(grammar, env, relation, alias, join, rest, rare)
        for alias in grammar.new_shorts(env, relation):
            aliases += _named(grammar, env, relation, alias, join, rest, UNLIKELY if waiting else QUIET)
    first = env.witness[0] if env.witness else None
    if first is not None and first[1] is relation and first[0] not in ("", relation.key):
        # `closing` follows first options: the alias that is waited for comes first.
        aliases.sort(key=lambda o: not (isinstance(o, Lit) and o.spelt[4:].decode().lower() == first[0]))
        return aliases + plain
    return plain + aliases


def _named(
    grammar: Grammar, env: Scope, relation: Relation, alias: bytes, join: str, rest: Frame, rare: int
) -> list[Option]:
    """`relation` under an alias, with AS or without."""
    bound = bind(grammar, env, relation, alias, True)
    if bound is None:
        return []
    frame = (after_source, join, rest)
    spelt = b" AS " + alias
    return [
        Lit(spelt, frame, bound, rare=rare),
        Lit(b" " + alias, frame, bound, rare=max(rare, QUIET), spelt=spelt),
    ]


def after_source(grammar: Grammar, join: str, rest: Frame, env: Scope) -> list[Option]:
    """Behind a source and its alias."""
    return _bound(grammar, join, rest, env)


def _bound(grammar: Grammar, join: str, rest: Frame, env: Scope) -> list[Option]:
    if join in ("", "cross"):
        return expand(grammar, rest, env)
    return [Lit(b" ON ", (on_left, None, rest), env)]


def bind(grammar: Grammar, env: Scope, relation: Relation, text: bytes, aliased: bool) -> Scope | None:
    """The scope with one more source, or None where that would leave no witness."""
    key = text.decode().lower() if aliased else relation.key
    wanted = env.need.qualifier(key)
    if wanted is not None and wanted.relation is None and not env.fits(wanted, relation):
        return None
    if key in env.sources.keys:
        return None
    need = env.need.without(key)
    sources = env.sources.add(FromItem(relation, text, key, aliased and is_numbered(key)))
    rest = _take(env.witness, key, relation)
    if rest is None:
        rest = grammar.from_search.find(sources.relations, need, env.ctes, env.star_width)
        if rest is None:
            return None
    return env.change(need=need, sources=sources, witness=rest)


def _take(
    witness: tuple[tuple[str, Relation], ...], key: str, relation: Relation
) -> tuple[tuple[str, Relation], ...] | None:
    """The witness without the element that this source fulfils; None when it is none of them."""
    for i, (wanted, candidate) in enumerate(witness):
        if candidate is relation and wanted in ("", key):
            others = witness[:i] + witness[i + 1 :]
            # An unqualified column's table may not stand in for a qualifier that is still waited for.
            if wanted == key or all(k != key for k, _ in others):
                return others
    return None


def joins(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """Behind a source: more sources while any are needed, then WHERE."""
    options: list[Option] = []
    waiting = bool(env.witness)
    if not waiting:
        after = env.change(phase=AFTER, column=None)
        options += where(grammar, rest, after)
    if env.star_width is None and not env.lone and (waiting or grammar.can_join(env)):
        again = (joins, None, rest)
        options.append(Lit(b" CROSS JOIN ", (source, ("cross", False), again), env, rare=UNLIKELY))
        options.append(Lit(b" JOIN ", (source, ("join", False), again), env))
        options.append(Lit(b" LEFT JOIN ", (source, ("left", False), again), env))
        inner, left = (source, ("join", False), again), (source, ("left", False), again)
        options.append(Lit(b" INNER JOIN ", inner, env, rare=QUIET, spelt=b" JOIN "))
        options.append(Lit(b" LEFT OUTER JOIN ", left, env, rare=QUIET, spelt=b" LEFT JOIN "))
    return options


def where(grammar: Grammar, rest: Frame, env: Scope) -> list[Option]:
    """WHERE or nothing."""
    return [
        *expand(grammar, rest, env),
        Lit(b" WHERE ", (condition, clause_context(0, env, "where"), rest), env),
    ]
