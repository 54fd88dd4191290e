"""Accept the result columns of a SELECT and their aliases.

Invariant: result columns are as many as the place asks for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlagent.grammar import from_clause
from sqlagent.grammar.context import AGG, MAX_ITEMS, STARS, WIN, clause_context
from sqlagent.grammar.expr import value_or_condition
from sqlagent.grammar.from_needs import EMPTY
from sqlagent.grammar.lexers import IdentLexer
from sqlagent.grammar.options import QUIET, Frame, Lit, Open, Option, expand
from sqlagent.grammar.protocol import Grammar
from sqlagent.grammar.scope import AFTER, FROM, ResultColumn, Scope


def items(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """The result columns, DISTINCT or not."""
    return [*item(grammar, None, rest, env), Lit(b"DISTINCT ", (item, None, rest), env)]


def item(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """One result column."""
    env = env.change(item=ResultColumn(), item_column=False, column=None)
    options: list[Option] = []
    if env.width is None and not env.bare_stars and not env.arms and not (env.items and grammar.is_wide(env)):
        wide = grammar.is_wide(env)
        star = env.change(
            bare_stars=1,
            items=(*env.items, ResultColumn(star="")),
            has_column=True,
            item=ResultColumn(star=""),
            lone=wide,
        )
        options.append(Lit(b"*", (item_end, None, rest), star))
    if env.arms and not env.items and not env.bare_stars and env.arms.starred:
        # SELECT * FROM a UNION SELECT * FROM b: the second source must be as wide as the first arm.
        found = grammar.from_search.find((), EMPTY, env.ctes, env.arms.width)
        if found is not None:
            star = env.change(
                bare_stars=1,
                items=(ResultColumn(star=""),),
                has_column=True,
                item=ResultColumn(star=""),
                star_width=env.arms.width,
                witness=found,
            )
            options.append(Lit(b"*", (item_end, None, rest), star))
    stars = env.width is None and not env.arms and not grammar.is_wide(env)
    ctx = clause_context(AGG | WIN | STARS if stars else AGG | WIN, env, "item")
    return options + value_or_condition(grammar, ctx, (item_end, None, rest), env)


def star_done(grammar: Grammar, key: str, rest: Frame, env: Scope) -> list[Option]:
    """Behind `t.*`: nothing can be added to it."""
    while rest is not None and rest[0] is not item_end:
        rest = rest[2]
    starred = env.change(
        items=(*env.items, ResultColumn(star=key)),
        star_qualifiers=(*env.star_qualifiers, key),
        item=ResultColumn(star=key),
    )
    return expand(grammar, rest, starred)


def item_end(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """Behind a result column."""
    current = env.item
    if current.star is None:
        if not current.alias and env.column is not None:
            key = env.column[1]
            current = ResultColumn(
                key, grammar.spelling(env.column, env), False, current.aggregate, current.window
            )
        current = replace(current, constant=not env.item_column, origin=env.column)
        repeated = env.column is not None and any(i.origin == env.column for i in env.items)
        done = env.change(items=(*env.items, current), plain=env.plain + 1, column=None)
    else:
        done = env.change(column=None)
        repeated = False
    named = env.role == "derived" or env.role.startswith("named:")
    may_alias = current.star is None and not current.alias and env.role != "value" and not env.arms
    if named and current.star is None and current.key is None and may_alias:
        # Without a name it could not be referred to: it gets one, unless something else is written. SQLite would name
        # it by its text, which must not be the name of a column.
        alias = _alias(grammar, rest, env)
        if grammar.has_odd_names:
            return [alias]
        return [alias, *_as_quiet(_behind_item(grammar, rest, env, done, repeated))]
    options = _behind_item(grammar, rest, env, done, repeated)
    if may_alias:
        options.append(_alias(grammar, rest, env))
    return options


def _as_quiet(options: list[Option]) -> list[Option]:
    """The same, accepted when written."""
    return [
        Lit(o.text, o.rest, o.env, rare=max(o.rare, QUIET), spelt=o.spelt)
        for o in options
        if isinstance(o, Lit)
    ]


def _behind_item(grammar: Grammar, rest: Frame, env: Scope, done: Scope, repeated: bool) -> list[Option]:
    """FROM or one more result column; `done` is `env` with the column just written among its items."""
    options: list[Option] = []
    count = done.plain
    wanted = env.width if env.width is not None else (env.arms.width if env.arms else None)
    full = wanted is None or count == wanted or done.star_width is not None
    more = (count < wanted if wanted is not None else len(done.items) < MAX_ITEMS) and done.star_width is None
    # A column that is listed twice is the start of a loop: let the list end here.
    more = more and not done.lone and not (repeated and wanted is None)
    if full:
        options.append(
            Lit(
                b" FROM ",
                (from_clause.source, ("", True), (from_clause.joins, None, rest)),
                done.change(phase=FROM),
            )
        )
        if not done.has_column and done.has_query and not done.has_aggregate and not done.need.qualifiers:
            options += _without_from(grammar, rest, done)
    if more:
        options.append(Lit(b", ", (item, None, rest), done))
    return options


def _without_from(grammar: Grammar, rest: Frame, env: Scope) -> list[Option]:
    """SELECT (query) / (query): no FROM, so no WHERE or GROUP BY either."""
    if rest is None:
        return []
    return expand(grammar, rest[2], env.change(phase=AFTER))


def _alias(grammar: Grammar, rest: Frame, env: Scope) -> Lit:
    taken = {i.key for i in env.items}
    lexer = IdentLexer(lambda name: name in taken or grammar.is_taken(name))
    flags = env.item

    def then(q: bytes) -> tuple[Frame, Scope]:
        name = q.decode("ascii")
        named = ResultColumn(name.lower(), q, True, flags.aggregate, flags.window)
        return (item_end, None, rest), env.change(item=named, column=None)

    return Lit(b" AS ", (new_name, (lexer, then), None), env)


def new_name(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """A new identifier."""
    lexer, then = arg
    return [Open(lexer, then)]
