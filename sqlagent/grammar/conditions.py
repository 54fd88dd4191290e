"""Accept conditions: comparisons, IN, EXISTS, and what AND, OR and NOT make of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlagent.grammar import expr
from sqlagent.grammar.context import (
    AND_OR,
    COMPARED,
    IN_AGG,
    MAX_QUERIES,
    MAX_TERMS,
    NEST,
    NO_LITERAL,
    NO_QUERY,
    QUERY,
    ROOM,
    STARS,
    Context,
)
from sqlagent.grammar.lexers import NUMBER, STRING
from sqlagent.grammar.options import QUIET, Frame, Lit, Open, Option, expand
from sqlagent.grammar.protocol import Grammar
from sqlagent.grammar.scope import Scope


def maybe_comparison(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """Nothing, or a comparison; rare, so that it does not get in the way of forced text."""
    flags, load, _ = ctx
    after = (condition_tail, (flags, load, None), rest)
    return [*expand(grammar, rest, env), *_comparisons(grammar, ctx, after, env, rare=QUIET)]


def condition(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """term ((AND | OR) term)*"""
    return term(grammar, ctx, (condition_tail, ctx, rest), env)


def condition_tail(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """The end of a condition, or one more term."""
    flags, load, compared = ctx
    options = expand(grammar, rest, expr.no_column(env))
    if env.terms >= MAX_TERMS:
        return options
    frame = (term, (flags, load + AND_OR, compared), (condition_tail, ctx, rest))
    more = env.change(column=None, terms=env.terms + 1)
    return [*options, Lit(b" AND ", frame, more), Lit(b" OR ", frame, more)]


def term(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """A comparison, EXISTS, NOT or a condition in parentheses."""
    flags, load, _ = ctx
    here: Context = (flags & ~(NO_LITERAL | STARS), load, None)
    options = expr.operand(grammar, here, (expr.value_tail, here, (comparison, here, rest)), env)
    if load + NEST <= ROOM:
        deeper: Context = (here[0], load + NEST, None)
        options.append(Lit(b"(", (condition, deeper, (expr.word, b")", rest)), env))
        options.append(Lit(b"NOT ", (term, deeper, rest), env))
    if not flags & NO_QUERY and env.depth < MAX_QUERIES and load + QUERY < ROOM:
        query = grammar.subquery(None, not flags & IN_AGG, load + QUERY + 1, (expr.word, b")", rest))
        options.append(Lit(b"EXISTS (", query, env))
    return options


def comparison(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """The right side of a comparison."""
    return _comparisons(grammar, ctx, rest, env)


def _comparisons(grammar: Grammar, ctx: Context, rest: Frame, env: Scope, rare: int = 0) -> list[Option]:
    flags, load, _ = ctx
    flags &= ~(NO_LITERAL | STARS)
    # `IS NOT` is two words to the parser, and a BETWEEN waits for its AND.
    right: Context = (flags, load + COMPARED + 1, env.column and grammar.origin(env))
    high: Context = (flags, load + 2 * COMPARED, right[2])
    plain = expr.no_column(env)
    side = (expr.value, right, rest)
    options: list[Option] = [Lit(b" IS NULL", rest, plain, rare=rare)]
    for text in (b" = ", b" != ", b" < ", b" > ", b" <= ", b" >= ", b" LIKE ", b" NOT LIKE "):
        options.append(Lit(text, side, plain, rare=rare))
    options.append(Lit(b" <> ", side, plain, rare=max(rare, QUIET), spelt=b" != "))
    options.append(Lit(b" IS NOT NULL", rest, plain, rare=rare))
    between = (expr.value, right, (expr.word, b" AND ", (expr.value, high, rest)))
    options.append(Lit(b" BETWEEN ", between, plain, rare=rare))
    options.append(Lit(b" NOT BETWEEN ", between, plain, rare=rare))
    members = (members_start, right, rest)
    options.append(Lit(b" IN (", members, plain, rare=rare))
    options.append(Lit(b" NOT IN (", members, plain, rare=rare))
    for text in (b" GLOB ", b" NOT GLOB ", b" IS ", b" IS NOT "):
        options.append(Lit(text, side, plain, rare=QUIET))
    return options


def members_start(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """The members of an IN: values or a subquery."""
    flags, load, _ = ctx
    options: list[Option] = list(_member(grammar, ctx, rest, env))
    if not flags & NO_QUERY and env.depth < MAX_QUERIES and load + QUERY <= ROOM:
        inner = grammar.subquery(1, not flags & IN_AGG, load + QUERY, (expr.word, b")", rest))
        options += expand(grammar, inner, env)
        options += _scalar_member(grammar, ctx, rest, env)
    return options


def _scalar_member(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """A subquery of one value among the members."""
    flags, load, _ = ctx
    load += QUERY + 3
    if flags & NO_QUERY or env.depth >= MAX_QUERIES or load > ROOM:
        return []
    frame = grammar.subquery(1, not flags & IN_AGG, load, (expr.word, b")", (members_tail, ctx, rest)))
    return [Lit(b"(", frame, env, rare=QUIET)]


def _member(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    compared = ctx[2]
    after: Callable[[Any], tuple[Frame, Scope]] = lambda q: ((members_tail, ctx, rest), env)  # noqa: E731
    return [Open(NUMBER, after, tag=("number", compared)), Open(STRING, after, tag=("string", compared))]


def members_tail(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """One more member, or the end."""
    return [Lit(b")", rest, env), Lit(b", ", (member, ctx, rest), env)]


def member(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """One literal or scalar subquery."""
    return [*_member(grammar, ctx, rest, env), *_scalar_member(grammar, ctx, rest, env)]
