"""Accept values: operands, operators, CASE and CAST.

Invariant: an aggregate is offered only where SQLite takes one. SQLite compares and calculates across types, so types
play no part here.

Rules of `expr.py`, `calls.py`, `windows.py` and `conditions.py` refer to each other: they import each other whole.
"""

from __future__ import annotations

from typing import Any

from sqlagent.grammar import calls, conditions, functions, windows
from sqlagent.grammar.columns import columns, has_columns
from sqlagent.grammar.context import (
    AGG,
    IN_AGG,
    MAX_QUERIES,
    MAX_TERMS,
    NEST,
    NO_LITERAL,
    NO_QUERY,
    OPERATORS,
    QUERY,
    ROOM,
    STARS,
    WIN,
    WINDOW,
    Context,
)
from sqlagent.grammar.lexers import NUMBER, STRING, UNSIGNED
from sqlagent.grammar.options import QUIET, Choice, Frame, Lit, Open, Option, expand
from sqlagent.grammar.protocol import Grammar
from sqlagent.grammar.scope import SELECT, Scope


def word(grammar: Grammar, text: bytes, rest: Frame, env: Scope) -> list[Option]:
    """A fixed text."""
    return [Lit(text, rest, env)]


def value(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """operand (operator operand)*"""
    return operand(grammar, ctx, (value_tail, ctx, rest), env)


def value_or_condition(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """A value, or a comparison taken as one: SUM(a = 'x')."""
    return operand(grammar, ctx, (value_tail, ctx, (conditions.maybe_comparison, ctx, rest)), env)


def value_tail(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """The end of a value, or an operator and the next operand."""
    flags, load, compared = ctx
    options = expand(grammar, rest, env)
    if env.terms >= MAX_TERMS:
        return options
    flags &= ~(NO_LITERAL | STARS)
    tail = (unnamed, b"", (value_tail, (flags, load, compared), rest))
    more = env.change(column=None, terms=env.terms + 1)
    return options + [
        Lit(text, (operand, (flags, load + waiting, compared), tail), more)
        for text, waiting in OPERATORS.items()
    ]


def operator(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """An operator that has to come: behind a number that must not stand alone."""
    tail = rest
    while tail is not None and tail[0] is unnamed:
        tail = tail[2]
    if tail is None or tail[0] is not value_tail:
        return []
    return [
        o for o in value_tail(grammar, tail[1], tail[2], env) if isinstance(o, Lit) and o.text in OPERATORS
    ]


def no_column(env: Scope) -> Scope:
    """The scope behind a value that is no plain column."""
    return env if env.column is None else env.change(column=None)


def operand(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """A column, literal, call, CASE, CAST, subquery or parenthesis."""
    flags, load, compared = ctx
    plain = no_column(env)
    options: list[Option] = []
    literal = not flags & NO_LITERAL
    if literal:
        options.append(
            Open(
                NUMBER,
                lambda q: (rest, plain),
                rare=QUIET if env.phase == SELECT else 0,
                tag=("number", compared),
            )
        )
    options += columns(grammar, ctx, rest, env)
    if not literal:
        options.append(Open(UNSIGNED, lambda q: ((operator, ctx, rest), plain), rare=QUIET))
    if literal:
        options.append(
            Open(
                STRING,
                lambda q: (rest, plain),
                rare=QUIET if env.phase == SELECT else 0,
                tag=("string", compared),
            )
        )
        options.append(Lit(b"NULL", rest, plain, rare=QUIET))
        options.append(Lit(b"CURRENT_TIMESTAMP", rest, plain, rare=QUIET))
        options.append(Lit(b"CURRENT_DATE", rest, plain, rare=QUIET))
    roomy = load + NEST <= ROOM
    if flags & AGG and roomy:
        texts = functions.AGGREGATE_TEXTS
        options.append(
            Choice(texts, lambda i: ((calls.aggregate_start, (texts[i], ctx), rest), plain), words=True)
        )
    if not flags & NO_QUERY and env.depth < MAX_QUERIES and load + QUERY <= ROOM:
        query = grammar.subquery(1, not flags & IN_AGG, load + QUERY, (word, b")", rest))
        options.append(Lit(b"(", query, plain))
    if not roomy:
        return options
    inner: Context = (flags & ~STARS, load + NEST, None)
    names, counts = functions.scalar()
    free: Context = (flags & ~(STARS | NO_LITERAL), load + NEST, None)
    options.append(
        Choice(names, lambda i: ((calls.arguments, (counts[i], 1, free), rest), plain), words=True)
    )
    for text, spelt, (least, most), comma in functions.FOREIGN:
        frame = (calls.foreign_argument, ((least, most), 1, free, comma), rest)
        options.append(Lit(text, frame, plain, rare=QUIET, spelt=spelt))
    options.append(Lit(b"CASE ", (case_start, free, rest), plain))
    cast = (value_or_condition, free, (word, b" AS ", (cast_type, None, rest)))
    options.append(Lit(b"CAST(", cast, plain))
    options.append(Lit(b"(", (value, inner, (word, b")", rest)), plain))
    if flags & WIN and load + WINDOW <= ROOM:
        wnames, wcounts = functions.window()
        options.append(
            Choice(wnames, lambda i: ((windows.window_start, (wcounts[i], ctx), rest), plain), words=True)
        )
    if literal and has_columns(env):
        options.append(Lit(b"-", (minus, inner, rest), plain, rare=QUIET))
    return options


def minus(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """What a minus sign may stand before: a column, a call, a parenthesis; never a literal (`--` opens a comment)."""
    options = operand(grammar, (ctx[0] | NO_LITERAL, ctx[1], None), (unnamed, b"", rest), env)
    # `-1` has one reading, the number: two would double with every minus sign.
    return [o for o in options if not (isinstance(o, Open) and o.lexer is UNSIGNED)]


def unnamed(grammar: Grammar, text: bytes, rest: Frame, env: Scope) -> list[Option]:
    """A fixed text (or none) behind which the value has no column's name any more."""
    return [Lit(text, rest, no_column(env))] if text else expand(grammar, rest, no_column(env))


def cast_type(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """The type and closing parenthesis of a CAST."""
    texts = functions.CAST_TYPES
    return [Choice(texts, lambda i: ((word, b")", rest), no_column(env)), words=True)]


# -- CASE ------------------------------------------------------------------------------------------------------


def case_start(grammar: Grammar, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """`WHEN condition` or a value to compare with."""
    return [
        Lit(b"WHEN ", (conditions.condition, ctx, (case_then, (ctx, False), rest)), env),
        *value(grammar, ctx, (word, b" WHEN ", (value, ctx, (case_then, (ctx, True), rest))), env),
    ]


def case_then(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """THEN and its value."""
    ctx, _ = arg
    frame = (value_or_condition, ctx, (case_tail, arg, rest))
    return [Lit(b" THEN ", frame, env)]


def case_tail(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """END, ELSE or another WHEN."""
    ctx, simple = arg
    again = (value if simple else conditions.condition, ctx, (case_then, arg, rest))
    end = no_column(env)
    return [
        Lit(b" END", rest, end),
        Lit(b" ELSE ", (value_or_condition, ctx, (word, b" END", rest)), end),
        Lit(b" WHEN ", again, end),
    ]
