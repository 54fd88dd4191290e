"""Accept window functions and the windows behind OVER."""

from __future__ import annotations

from typing import Any

from sqlagent.grammar import calls, expr, functions
from sqlagent.grammar.columns import has_columns
from sqlagent.grammar.context import AGG, NO_LITERAL, NO_QUERY, ROOM, STARS, WIN, WINDOW, Context
from sqlagent.grammar.options import QUIET, Frame, Lit, Option, expand
from sqlagent.grammar.protocol import Grammar
from sqlagent.grammar.scope import ResultColumn, Scope


def over(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """OVER behind a FILTER, or nothing."""
    flags, load, distinct = arg
    item = ResultColumn(aggregate=True, window=env.item.window)
    options = expand(grammar, rest, env.change(has_aggregate=True, column=None, item=item))
    return options + with_over(flags, load, distinct, rest, env)


def with_over(flags: int, load: int, distinct: bool, rest: Frame, env: Scope) -> list[Option]:
    """OVER and its window, where one may stand."""
    if not flags & WIN or distinct or load + WINDOW > ROOM or not functions.window()[0]:
        return []
    inner: Context = (_within(flags, env), load + WINDOW, None)
    return [Lit(b" OVER (", (window_body, (0, inner), rest), _windowed(env), rare=QUIET)]


def _within(flags: int, env: Scope) -> int:
    """The flags of what stands in a window."""
    flags &= ~(WIN | STARS | NO_LITERAL)
    # SQLite pushes a constant condition into a subquery in FROM as HAVING, and refuses it where nothing but a
    # partitioned window aggregates ("HAVING clause on a non-aggregate query").
    in_from = env.role == "derived" or env.role.startswith("named:")
    return flags & ~AGG if in_from and not env.has_aggregate else flags


def _windowed(env: Scope) -> Scope:
    return env.change(column=None, item=ResultColumn(aggregate=env.item.aggregate, window=True))


def window_start(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The arguments of a window function, then its window."""
    (least, most), (flags, load, _) = arg
    inner: Context = (_within(flags, env), load + WINDOW, None)
    body = (expr.word, b" OVER (", (window_body, (0, inner), rest))
    if most == 0:
        return [Lit(b") OVER (", (window_body, (0, inner), rest), _windowed(env))]
    return calls.arguments(grammar, ((least, most), 1, inner), body, _windowed(env))


def window_body(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """PARTITION BY, ORDER BY and the closing parenthesis; stage 0 start, 1 behind PARTITION BY."""
    stage, ctx = arg
    term: Context = (ctx[0] | NO_LITERAL | NO_QUERY, ctx[1], None)
    options: list[Option] = [Lit(b")", rest, _windowed(env))]
    if not has_columns(env):
        return options
    space = b" " if stage else b""
    if stage == 0:
        frame = (expr.value, term, (partition_tail, ctx, rest))
        options.append(Lit(b"PARTITION BY ", frame, env))
    frame = (expr.value, term, (window_order_tail, ctx, rest))
    options.append(Lit(space + b"ORDER BY ", frame, env))
    return options


def partition_tail(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """Behind a PARTITION BY term."""
    term: Context = (ctx[0] | NO_LITERAL | NO_QUERY, ctx[1], None)
    again = (expr.value, term, (partition_tail, ctx, rest))
    return [*window_body(grammar, (1, ctx), rest, env), Lit(b", ", again, env)]


def window_order_tail(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """Behind a term of a window's ORDER BY."""
    term: Context = (ctx[0] | NO_LITERAL | NO_QUERY, ctx[1], None)
    end = _windowed(env)
    again = (expr.value, term, (window_order_tail, ctx, rest))
    to_here = b" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    return [
        Lit(b")", rest, end),
        Lit(b", ", again, env),
        Lit(b" DESC)", rest, end),
        Lit(b" DESC, ", again, env),
        Lit(to_here, rest, end, rare=QUIET),
        Lit(b" DESC" + to_here, rest, end, rare=QUIET),
    ]
