"""Accept calls: the arguments of functions and aggregates."""

from __future__ import annotations

from typing import Any

from sqlagent.grammar import conditions, expr, functions, windows
from sqlagent.grammar.context import AGG, IN_AGG, NEST, NO_LITERAL, ROOM, STARS, WIN, Context
from sqlagent.grammar.lexers import NUMBER, STRING, UNSIGNED
from sqlagent.grammar.options import QUIET, Frame, Lit, Open, Option, expand
from sqlagent.grammar.protocol import Grammar
from sqlagent.grammar.scope import ResultColumn, Scope


def arguments(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The n-th argument of a call and what follows it."""
    counts, n, ctx = arg
    return expr.value_or_condition(grammar, ctx, (arguments_tail, (counts, n, ctx), rest), env)


def arguments_tail(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """A closing parenthesis or one more argument."""
    (least, most), n, ctx = arg
    plain = expr.no_column(env)
    options: list[Option] = []
    if n >= least:
        options.append(Lit(b")", rest, plain))
    if n < most:
        options.append(
            Lit(b", ", (arguments, ((least, most), n + 1, ctx), rest), plain, rare=QUIET if n >= least else 0)
        )
    return options


def foreign_argument(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The n-th argument of another dialect's function, written as SQLite has it."""
    # `||` binds tighter than any other operator: only whole operands may stand between.
    read = expr.operand if arg[3] == b" || " else expr.value
    return read(grammar, arg[2], (foreign_tail, arg, rest), env)


def foreign_tail(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """A closing parenthesis or one more argument, with `comma` as SQLite writes what stands between them."""
    (least, most), n, ctx, comma = arg
    plain = expr.no_column(env)
    options: list[Option] = []
    if n >= least:
        options.append(Lit(b")", rest, plain))
    if n < most:
        following = (foreign_argument, ((least, most), n + 1, ctx, comma), rest)
        options.append(Lit(b", ", following, plain, rare=QUIET if n >= least else 0, spelt=comma))
    return options


def aggregate_start(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The argument of an aggregate."""
    name, (flags, load, _) = arg
    inner: Context = ((flags & ~(AGG | WIN | STARS | NO_LITERAL)) | IN_AGG, load + NEST, None)
    options: list[Option] = []
    if name == b"COUNT(":
        options.append(Lit(b"*)", (aggregate_end, (flags, load, False), rest), env))
    value = expr.value_or_condition(grammar, inner, (aggregate_close, (name, flags, load, False), rest), env)
    if name in functions.ANALYSIS_TEXTS:
        # The median of a constant is that constant. A number in this place is the share of
        # `PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY x)`, and what follows it can only be wrong here.
        value = [o for o in value if not (isinstance(o, Open) and o.lexer in (NUMBER, UNSIGNED, STRING))]
    options += value
    if name not in functions.WITH_SHARE_TEXTS:
        distinct = (expr.value_or_condition, inner, (aggregate_close, (name, flags, load, True), rest))
        options.append(Lit(b"DISTINCT ", distinct, env))
    return options


def aggregate_close(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The end of an aggregate's arguments: a separator for GROUP_CONCAT; MAX and MIN of several values are scalar."""
    name, flags, load, distinct = arg
    # What the sandbox brings stands over no window, as DISTINCT does not.
    end = (aggregate_end, (flags, load, distinct or name in functions.ANALYSIS_TEXTS), rest)
    plain = expr.no_column(env)
    if name in functions.WITH_SHARE_TEXTS:
        share: Frame = (share_of, b"100" if name == b"PERCENTILE(" else b"1", end)
        return [Lit(b", ", share, plain)]
    options: list[Option] = [Lit(b")", end, plain)]
    if not distinct and name == b"GROUP_CONCAT(":
        options.append(Lit(b", ", (string_then, (expr.word, b")", end), None), plain, rare=QUIET))
    if not distinct and name in (b"MAX(", b"MIN("):
        inner: Context = ((flags & ~(AGG | WIN | STARS | NO_LITERAL)) | IN_AGG, load + NEST, None)
        options.append(Lit(b", ", (arguments, ((2, 6), 2, inner), rest), plain, rare=QUIET))
    return options


def share_of(grammar: Grammar, whole: bytes, rest: Frame, env: Scope) -> list[Option]:
    """The share of a percentile, of 100 or of 1, and the closing parenthesis."""
    close = (expr.word, b")", rest)
    if whole == b"1":
        return [Lit(b"1", close, env, rare=QUIET), Lit(b"0.", (digits, (2, False), close), env)]
    return [Lit(b"100", close, env, rare=QUIET), *digits(grammar, (2, False), close, env)]


def digits(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """One to so many digits."""
    most, some = arg
    options: list[Option] = expand(grammar, rest, env) if some else []
    if most:
        options += [Lit(b"%d" % n, (digits, (most - 1, True), rest), env) for n in range(10)]
    return options


def string_then(grammar: Grammar, frame: Frame, rest: Frame, env: Scope) -> list[Option]:
    """A string literal, then `frame`."""
    return [Open(STRING, lambda q: (frame, env))]


def aggregate_end(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """Behind an aggregate: FILTER, OVER, or nothing."""
    flags, load, distinct = arg
    item = ResultColumn(aggregate=True, window=env.item.window)
    options = expand(grammar, rest, env.change(has_aggregate=True, column=None, item=item))
    if grammar.has_filter and load + NEST <= ROOM:
        inner: Context = ((flags & ~(AGG | WIN | STARS | NO_LITERAL)) | IN_AGG, load + NEST, None)
        close = (expr.word, b")", (windows.over, (flags, load, distinct), rest))
        options.append(Lit(b" FILTER (WHERE ", (conditions.condition, inner, close), env, rare=QUIET))
    options += windows.with_over(flags, load, distinct, rest, env)
    return options
