"""Offer columns in expressions, before FROM and behind it.

Invariant: a column is offered only where SQLite will find exactly one column of that name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlagent.grammar.context import COLUMNS_DOTTED, IN_AGG, NO_QUERY, STARS, Context
from sqlagent.grammar.from_needs import Need
from sqlagent.grammar.options import QUIET, Choice, Frame, Lit, Option
from sqlagent.grammar.protocol import Grammar
from sqlagent.grammar.relation import FromItem, is_numbered
from sqlagent.grammar.scope import AFTER, SELECT, Scope


def columns(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """The columns that may be named here."""
    if env.phase == SELECT:
        return _waiting_columns(grammar, ctx, rest, env)
    flags = ctx[0]
    options: list[Option] = []
    own = _with_column(env)
    if not flags & COLUMNS_DOTTED:
        texts, keys = env.sources.bare
        if texts:
            sources = env.sources

            def bare(i: int) -> tuple[Frame, Scope]:
                owner = sources.owner(keys[i])
                return rest, own.change(column=(owner.key if owner else None, keys[i]))

            options.append(Choice(texts, bare))
    dotted, owners = env.sources.dotted
    if dotted:
        options.append(Choice(dotted, lambda i: ((column_of, owners[i], rest), own)))
    if not flags & (IN_AGG | NO_QUERY):
        options += _outer_columns(rest, env)
    return options


def _with_column(env: Scope) -> Scope:
    return env if env.has_column and env.item_column else env.change(has_column=True, item_column=True)


def _column_then(
    sources: tuple[FromItem, ...], rest: Frame, env: Scope
) -> Callable[[int], tuple[Frame, Scope]]:
    return lambda i: ((column_of, sources[i], rest), env)


def _outer_columns(rest: Frame, env: Scope) -> list[Option]:
    """Columns of enclosing SELECTs whose FROM is complete, where no inner qualifier hides theirs."""
    options: list[Option] = []
    hidden = set(env.sources.keys)
    outer = env.outer
    while outer is not None:
        if outer.phase == AFTER:
            texts, owners = outer.sources.dotted
            keep = [i for i in range(len(texts)) if owners[i].key not in hidden]
            if keep:
                kept = tuple(texts[i] for i in keep)
                sources = tuple(owners[i] for i in keep)
                options.append(Choice(kept, _column_then(sources, rest, env), rare=QUIET))
        hidden |= outer.sources.keys
        outer = outer.outer
    return options


def column_of(grammar: Grammar, source: FromItem, rest: Frame, env: Scope) -> list[Option]:
    """A column of a bound source."""
    relation = source.relation
    return [Choice(relation.texts, lambda i: (rest, env.change(column=(source.key, relation.keys[i]))))]


def _waiting_columns(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """Columns before FROM: each must leave a witness."""
    options: list[Option] = []
    own = _with_column(env)

    def settle(need: Need, column: tuple[str | None, str] | None) -> Scope:
        found = grammar.from_search.find((), need, env.ctes, env.star_width)
        return own.change(need=need, witness=found, column=column)

    need = env.need
    texts, keys = grammar.bare_columns(env.ctes)

    def fits(i: int) -> bool:
        return grammar.from_search.find((), need.with_bare(keys[i]), env.ctes, env.star_width) is not None

    def bare(i: int) -> tuple[Frame, Scope]:
        return rest, settle(need.with_bare(keys[i]), (None, keys[i]))

    options.append(Choice(texts, bare, fits))
    dotted, relations = grammar.dotted(env.ctes)

    def fits_relation(i: int) -> bool:
        r = relations[i]
        return (
            grammar.from_search.find(
                (), need.with_qualified(r.key, r.text, r, None), env.ctes, env.star_width
            )
            is not None
        )

    options.append(
        Choice(
            dotted,
            lambda i: (
                (waiting_column, (relations[i].key, relations[i].text, relations[i], ctx[0]), rest),
                own,
            ),
            fits_relation,
        )
    )
    if env.star_width is None:
        shorts = grammar.shorts(env.ctes)

        def fits_short(i: int) -> bool:
            return _alias_fits(grammar, env, shorts[i][:-1])

        def short(i: int) -> tuple[Frame, Scope]:
            alias = shorts[i][:-1]
            return (waiting_column, (alias.decode(), alias, None, ctx[0]), rest), own

        options.append(Choice(shorts, short, fits_short, rare=QUIET))
        numbered = grammar.numbered

        def number(i: int) -> tuple[Frame, Scope]:
            alias = numbered[i][:-1]
            return (waiting_column, (alias.decode().lower(), alias, None, ctx[0]), rest), own

        options.append(Choice(numbered, number, lambda i: _alias_fits(grammar, env, numbered[i][:-1])))
    return options


def _alias_need(grammar: Grammar, need: Need, alias: bytes, column: str | None) -> Need:
    key = alias.decode().lower()
    if is_numbered(key):
        return need.with_alias(grammar.aliases, alias, column)
    return need.with_qualified(key, alias, None, column)


def _alias_fits(grammar: Grammar, env: Scope, alias: bytes) -> bool:
    """Whether some column can follow `alias.`: never offer a qualifier that leads nowhere."""
    find = grammar.from_search.find
    old = env.need.qualifier(alias.decode().lower())
    if old is not None and old.columns:
        return True
    found = find((), _alias_need(grammar, env.need, alias, None), env.ctes, env.star_width)
    if found is None:
        return False
    likely = next((r.keys for key, r in found if key == alias.decode().lower()), ())
    return any(
        find((), _alias_need(grammar, env.need, alias, column), env.ctes, env.star_width) is not None
        for column in (*likely, *grammar.bare_columns(env.ctes)[1])
    )


def waiting_column(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The column after a qualifier that FROM has still to bind; or its `*`."""
    key, text, relation, flags = arg
    need = env.need
    texts, keys = grammar.bare_columns(env.ctes) if relation is None else (relation.texts, relation.keys)

    def widened(column: str | None) -> Need:
        if relation is None:
            return _alias_need(grammar, need, text, column)
        return need.with_qualified(key, text, relation, column)

    def ready(column: str | None) -> Scope | None:
        wanted = widened(column)
        found = grammar.from_search.find((), wanted, env.ctes, env.star_width)
        if found is None:
            return None
        return env.change(need=wanted, witness=found, column=None if column is None else (key, column))

    def then(i: int) -> tuple[Frame, Scope]:
        after = ready(keys[i])
        assert after is not None
        return rest, after

    def fits(i: int) -> bool:
        return grammar.from_search.find((), widened(keys[i]), env.ctes, env.star_width) is not None

    # A named table's columns add nothing to what its qualifier already asked for.
    options: list[Option] = [Choice(texts, then, None if relation is not None else fits)]
    if flags & STARS:
        after = ready(None)
        if after is not None:
            options.append(Lit(b"*", (grammar.rules.star_done, key, rest), after))
    return options


def has_columns(env: Scope) -> bool:
    """Whether there is any column to name."""
    return env.phase == SELECT or any(s.relation.columns for s in env.sources.items)
