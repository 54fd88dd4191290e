"""Rules for values and conditions.

Invariant: a column is offered only where SQLite will find exactly one column of that name; an aggregate only where
SQLite takes one. SQLite compares and calculates across types, so types play no part here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlagent.grammar import functions
from sqlagent.grammar.lexers import NUMBER, STRING, UNSIGNED
from sqlagent.grammar.machine import QUIET, Choice, Frame, Lit, Open, Option, expand
from sqlagent.grammar.scope import AFTER, SELECT, Item, Need, Scope, Source, is_numbered

AGG, WIN, IN_AGG, NO_LITERAL, NO_QUERY, COLUMNS_DOTTED, STARS = 1, 2, 4, 8, 16, 32, 64
"""What an expression may hold: aggregates, window functions; it is an aggregate's argument; it must not start with a
literal (SQLite reads a number in ORDER BY as a position); no subquery and no column of an enclosing SELECT (SQLite
looks for neither in GROUP BY and ORDER BY of a subquery); columns only with their qualifier; `t.*` too."""

ROOM = 70
"""Symbols on the stack of SQLite's parser up to which something nested may be opened. It overflows at 100; the longest
expression without anything nested in it takes 20 more."""
NEST, QUERY, WINDOW = 8, 5, 16
"""Symbols that a parenthesis, call or CASE, a subquery and a window keep on that stack, at the most."""
AND_OR, COMPARED = 4, 2
"""Symbols that wait there for the right side of a connective and of a comparison."""
MAX_TERMS = 300
"""Operators and connectives in a SELECT with those around it; SQLite takes expressions of depth 1,000."""
MAX_QUERIES = 4
"""SELECTs inside one another."""

OPERATORS = {b" + ": 2, b" - ": 2, b" * ": 4, b" / ": 4, b" % ": 4, b" || ": 6}
"""Each with what may wait on the parser's stack for its right side: itself and all that bind less."""

Context = tuple[int, int, Any]
"""(flags, symbols on the parser's stack, the column that a literal is compared with or None)"""


def word(grammar: Any, text: bytes, rest: Frame, env: Scope) -> list[Option]:
    """A fixed text."""
    return [Lit(text, rest, env)]


def value(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """operand (operator operand)*"""
    return operand(grammar, ctx, (value_tail, ctx, rest), env)


def value_or_condition(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """A value, or a comparison taken as one: SUM(a = 'x')."""
    return operand(grammar, ctx, (value_tail, ctx, (maybe_comparison, ctx, rest)), env)


def maybe_comparison(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """Nothing, or a comparison; rare, so that it does not get in the way of forced text."""
    flags, load, _ = ctx
    after = (condition_tail, (flags, load, None), rest)
    return [*expand(grammar, rest, env), *_comparisons(grammar, ctx, after, env, rare=QUIET)]


def value_tail(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
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


def operator(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """An operator that has to come: behind a number that must not stand alone."""
    tail = rest
    while tail is not None and tail[0] is unnamed:
        tail = tail[2]
    if tail is None or tail[0] is not value_tail:
        return []
    return [
        o for o in value_tail(grammar, tail[1], tail[2], env) if isinstance(o, Lit) and o.text in OPERATORS
    ]


def _no_column(env: Scope) -> Scope:
    return env if env.column is None else env.change(column=None)


def operand(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """A column, literal, call, CASE, CAST, subquery or parenthesis."""
    flags, load, compared = ctx
    plain = _no_column(env)
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
        options.append(Choice(texts, lambda i: ((aggregate_start, (texts[i], ctx), rest), plain), words=True))
    if not flags & NO_QUERY and env.depth < MAX_QUERIES and load + QUERY <= ROOM:
        query = grammar.subquery(1, not flags & IN_AGG, load + QUERY, (word, b")", rest))
        options.append(Lit(b"(", query, plain))
    if not roomy:
        return options
    inner: Context = (flags & ~STARS, load + NEST, None)
    names, counts = functions.scalar()
    free: Context = (flags & ~(STARS | NO_LITERAL), load + NEST, None)
    options.append(Choice(names, lambda i: ((arguments, (counts[i], 1, free), rest), plain), words=True))
    for text, spelt, (least, most), comma in functions.FOREIGN:
        frame = (foreign_argument, ((least, most), 1, free, comma), rest)
        options.append(Lit(text, frame, plain, rare=QUIET, spelt=spelt))
    options.append(Lit(b"CASE ", (case_start, free, rest), plain))
    cast = (value_or_condition, free, (word, b" AS ", (cast_type, None, rest)))
    options.append(Lit(b"CAST(", cast, plain))
    options.append(Lit(b"(", (value, inner, (word, b")", rest)), plain))
    if flags & WIN and load + WINDOW <= ROOM:
        wnames, wcounts = functions.window()
        options.append(Choice(wnames, lambda i: ((window_start, (wcounts[i], ctx), rest), plain), words=True))
    if literal and _has_columns(env):
        options.append(Lit(b"-", (minus, inner, rest), plain, rare=QUIET))
    return options


def minus(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """What a minus sign may stand before: a column, a call, a parenthesis; never a literal (`--` opens a comment)."""
    options = operand(grammar, (ctx[0] | NO_LITERAL, ctx[1], None), (unnamed, b"", rest), env)
    # `-1` has one reading, the number: two would double with every minus sign.
    return [o for o in options if not (isinstance(o, Open) and o.lexer is UNSIGNED)]


def unnamed(grammar: Any, text: bytes, rest: Frame, env: Scope) -> list[Option]:
    """A fixed text (or none) behind which the value has no column's name any more."""
    return [Lit(text, rest, _no_column(env))] if text else expand(grammar, rest, _no_column(env))


def cast_type(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """The type and closing parenthesis of a CAST."""
    texts = functions.CAST_TYPES
    return [Choice(texts, lambda i: ((word, b")", rest), _no_column(env)), words=True)]


# -- columns ---------------------------------------------------------------------------------------------------


def columns(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
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
    sources: tuple[Source, ...], rest: Frame, env: Scope
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


def column_of(grammar: Any, source: Source, rest: Frame, env: Scope) -> list[Option]:
    """A column of a bound source."""
    relation = source.relation
    return [Choice(relation.texts, lambda i: (rest, env.change(column=(source.key, relation.keys[i]))))]


def _waiting_columns(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """Columns before FROM: each must leave a witness."""
    options: list[Option] = []
    own = _with_column(env)

    def settle(need: Need, column: tuple[str | None, str] | None) -> Scope:
        found = grammar.witnesses.find((), need, env.ctes, env.star_width)
        return own.change(need=need, witness=found, column=column)

    need = env.need
    texts, keys = grammar.bare_columns(env.ctes)

    def fits(i: int) -> bool:
        return grammar.witnesses.find((), need.with_bare(keys[i]), env.ctes, env.star_width) is not None

    def bare(i: int) -> tuple[Frame, Scope]:
        return rest, settle(need.with_bare(keys[i]), (None, keys[i]))

    options.append(Choice(texts, bare, fits))
    dotted, relations = grammar.dotted(env.ctes)

    def fits_relation(i: int) -> bool:
        r = relations[i]
        return (
            grammar.witnesses.find((), need.with_qualified(r.key, r.text, r, None), env.ctes, env.star_width)
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


def _alias_need(grammar: Any, need: Need, alias: bytes, column: str | None) -> Need:
    key = alias.decode().lower()
    if is_numbered(key):
        return need.with_alias(grammar.aliases, alias, column)
    return need.with_qualified(key, alias, None, column)


def _alias_fits(grammar: Any, env: Scope, alias: bytes) -> bool:
    """Whether some column can follow `alias.`: never offer a qualifier that leads nowhere."""
    find = grammar.witnesses.find
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


def waiting_column(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
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
        found = grammar.witnesses.find((), wanted, env.ctes, env.star_width)
        if found is None:
            return None
        return env.change(need=wanted, witness=found, column=None if column is None else (key, column))

    def then(i: int) -> tuple[Frame, Scope]:
        after = ready(keys[i])
        assert after is not None
        return rest, after

    def fits(i: int) -> bool:
        return grammar.witnesses.find((), widened(keys[i]), env.ctes, env.star_width) is not None

    # A named table's columns add nothing to what its qualifier already asked for.
    options: list[Option] = [Choice(texts, then, None if relation is not None else fits)]
    if flags & STARS:
        after = ready(None)
        if after is not None:
            options.append(Lit(b"*", (grammar.rules.star_done, key, rest), after))
    return options


# -- calls -----------------------------------------------------------------------------------------------------


def arguments(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The n-th argument of a call and what follows it."""
    counts, n, ctx = arg
    return value_or_condition(grammar, ctx, (arguments_tail, (counts, n, ctx), rest), env)


def arguments_tail(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """A closing parenthesis or one more argument."""
    (least, most), n, ctx = arg
    plain = _no_column(env)
    options: list[Option] = []
    if n >= least:
        options.append(Lit(b")", rest, plain))
    if n < most:
        options.append(
            Lit(b", ", (arguments, ((least, most), n + 1, ctx), rest), plain, rare=QUIET if n >= least else 0)
        )
    return options


def foreign_argument(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The n-th argument of another dialect's function, written as SQLite has it."""
    # `||` binds tighter than any other operator: only whole operands may stand between.
    read = operand if arg[3] == b" || " else value
    return read(grammar, arg[2], (foreign_tail, arg, rest), env)


def foreign_tail(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """A closing parenthesis or one more argument, with `comma` as SQLite writes what stands between them."""
    (least, most), n, ctx, comma = arg
    plain = _no_column(env)
    options: list[Option] = []
    if n >= least:
        options.append(Lit(b")", rest, plain))
    if n < most:
        following = (foreign_argument, ((least, most), n + 1, ctx, comma), rest)
        options.append(Lit(b", ", following, plain, rare=QUIET if n >= least else 0, spelt=comma))
    return options


def aggregate_start(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The argument of an aggregate."""
    name, (flags, load, _) = arg
    inner: Context = ((flags & ~(AGG | WIN | STARS | NO_LITERAL)) | IN_AGG, load + NEST, None)
    options: list[Option] = []
    if name == b"COUNT(":
        options.append(Lit(b"*)", (aggregate_end, (flags, load, False), rest), env))
    options += value_or_condition(grammar, inner, (aggregate_close, (name, flags, load, False), rest), env)
    distinct = (value_or_condition, inner, (aggregate_close, (name, flags, load, True), rest))
    options.append(Lit(b"DISTINCT ", distinct, env))
    return options


def aggregate_close(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The end of an aggregate's arguments: a separator for GROUP_CONCAT; MAX and MIN of several values are scalar."""
    name, flags, load, distinct = arg
    end = (aggregate_end, (flags, load, distinct), rest)
    plain = _no_column(env)
    options: list[Option] = [Lit(b")", end, plain)]
    if not distinct and name == b"GROUP_CONCAT(":
        options.append(Lit(b", ", (string_then, (word, b")", end), None), plain, rare=QUIET))
    if not distinct and name in (b"MAX(", b"MIN("):
        inner: Context = ((flags & ~(AGG | WIN | STARS | NO_LITERAL)) | IN_AGG, load + NEST, None)
        options.append(Lit(b", ", (arguments, ((2, 6), 2, inner), rest), plain, rare=QUIET))
    return options


def string_then(grammar: Any, frame: Frame, rest: Frame, env: Scope) -> list[Option]:
    """A string literal, then `frame`."""
    return [Open(STRING, lambda q: (frame, env))]


def aggregate_end(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """Behind an aggregate: FILTER, OVER, or nothing."""
    flags, load, distinct = arg
    item = Item(aggregate=True, window=env.item.window)
    options = expand(grammar, rest, env.change(has_aggregate=True, column=None, item=item))
    if load + NEST <= ROOM:
        inner: Context = ((flags & ~(AGG | WIN | STARS | NO_LITERAL)) | IN_AGG, load + NEST, None)
        close = (word, b")", (over, (flags, load, distinct), rest))
        options.append(Lit(b" FILTER (WHERE ", (condition, inner, close), env, rare=QUIET))
    options += _over(flags, load, distinct, rest, env)
    return options


def over(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """OVER behind a FILTER, or nothing."""
    flags, load, distinct = arg
    item = Item(aggregate=True, window=env.item.window)
    options = expand(grammar, rest, env.change(has_aggregate=True, column=None, item=item))
    return options + _over(flags, load, distinct, rest, env)


def _over(flags: int, load: int, distinct: bool, rest: Frame, env: Scope) -> list[Option]:
    if not flags & WIN or distinct or load + WINDOW > ROOM or not functions.window()[0]:
        return []
    inner: Context = (flags & ~(WIN | STARS | NO_LITERAL), load + WINDOW, None)
    return [Lit(b" OVER (", (window_body, (0, inner), rest), _windowed(env), rare=QUIET)]


def _windowed(env: Scope) -> Scope:
    return env.change(column=None, item=Item(aggregate=env.item.aggregate, window=True))


def window_start(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The arguments of a window function, then its window."""
    (least, most), (flags, load, _) = arg
    inner: Context = (flags & ~(WIN | STARS | NO_LITERAL), load + WINDOW, None)
    body = (word, b" OVER (", (window_body, (0, inner), rest))
    if most == 0:
        return [Lit(b") OVER (", (window_body, (0, inner), rest), _windowed(env))]
    return arguments(grammar, ((least, most), 1, inner), body, _windowed(env))


def window_body(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """PARTITION BY, ORDER BY and the closing parenthesis; stage 0 start, 1 behind PARTITION BY."""
    stage, ctx = arg
    term: Context = (ctx[0] | NO_LITERAL | NO_QUERY, ctx[1], None)
    options: list[Option] = [Lit(b")", rest, _windowed(env))]
    if not _has_columns(env):
        return options
    space = b" " if stage else b""
    if stage == 0:
        frame = (value, term, (partition_tail, ctx, rest))
        options.append(Lit(b"PARTITION BY ", frame, env))
    frame = (value, term, (window_order_tail, ctx, rest))
    options.append(Lit(space + b"ORDER BY ", frame, env))
    return options


def _has_columns(env: Scope) -> bool:
    return env.phase == SELECT or any(s.relation.columns for s in env.sources.items)


def partition_tail(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """Behind a PARTITION BY term."""
    term: Context = (ctx[0] | NO_LITERAL | NO_QUERY, ctx[1], None)
    again = (value, term, (partition_tail, ctx, rest))
    return [*window_body(grammar, (1, ctx), rest, env), Lit(b", ", again, env)]


def window_order_tail(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """Behind a term of a window's ORDER BY."""
    term: Context = (ctx[0] | NO_LITERAL | NO_QUERY, ctx[1], None)
    end = _windowed(env)
    again = (value, term, (window_order_tail, ctx, rest))
    to_here = b" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    return [
        Lit(b")", rest, end),
        Lit(b", ", again, env),
        Lit(b" DESC)", rest, end),
        Lit(b" DESC, ", again, env),
        Lit(to_here, rest, end, rare=QUIET),
        Lit(b" DESC" + to_here, rest, end, rare=QUIET),
    ]


# -- CASE ------------------------------------------------------------------------------------------------------


def case_start(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """`WHEN condition` or a value to compare with."""
    return [
        Lit(b"WHEN ", (condition, ctx, (case_then, (ctx, False), rest)), env),
        *value(grammar, ctx, (word, b" WHEN ", (value, ctx, (case_then, (ctx, True), rest))), env),
    ]


def case_then(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """THEN and its value."""
    ctx, _ = arg
    frame = (value_or_condition, ctx, (case_tail, arg, rest))
    return [Lit(b" THEN ", frame, env)]


def case_tail(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """END, ELSE or another WHEN."""
    ctx, simple = arg
    again = (value if simple else condition, ctx, (case_then, arg, rest))
    end = _no_column(env)
    return [
        Lit(b" END", rest, end),
        Lit(b" ELSE ", (value_or_condition, ctx, (word, b" END", rest)), end),
        Lit(b" WHEN ", again, end),
    ]


# -- conditions ------------------------------------------------------------------------------------------------


def condition(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """term ((AND | OR) term)*"""
    return term(grammar, ctx, (condition_tail, ctx, rest), env)


def condition_tail(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """The end of a condition, or one more term."""
    flags, load, compared = ctx
    options = expand(grammar, rest, _no_column(env))
    if env.terms >= MAX_TERMS:
        return options
    frame = (term, (flags, load + AND_OR, compared), (condition_tail, ctx, rest))
    more = env.change(column=None, terms=env.terms + 1)
    return [*options, Lit(b" AND ", frame, more), Lit(b" OR ", frame, more)]


def term(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """A comparison, EXISTS, NOT or a condition in parentheses."""
    flags, load, _ = ctx
    here: Context = (flags & ~(NO_LITERAL | STARS), load, None)
    options = operand(grammar, here, (value_tail, here, (comparison, here, rest)), env)
    if load + NEST <= ROOM:
        deeper: Context = (here[0], load + NEST, None)
        options.append(Lit(b"(", (condition, deeper, (word, b")", rest)), env))
        options.append(Lit(b"NOT ", (term, deeper, rest), env))
    if not flags & NO_QUERY and env.depth < MAX_QUERIES and load + QUERY < ROOM:
        query = grammar.subquery(None, not flags & IN_AGG, load + QUERY + 1, (word, b")", rest))
        options.append(Lit(b"EXISTS (", query, env))
    return options


def comparison(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """The right side of a comparison."""
    return _comparisons(grammar, ctx, rest, env)


def _comparisons(grammar: Any, ctx: Context, rest: Frame, env: Scope, rare: int = 0) -> list[Option]:
    flags, load, _ = ctx
    flags &= ~(NO_LITERAL | STARS)
    # `IS NOT` is two words to the parser, and a BETWEEN waits for its AND.
    right: Context = (flags, load + COMPARED + 1, env.column and grammar.origin(env))
    high: Context = (flags, load + 2 * COMPARED, right[2])
    plain = _no_column(env)
    side = (value, right, rest)
    options: list[Option] = [Lit(b" IS NULL", rest, plain, rare=rare)]
    for text in (b" = ", b" != ", b" < ", b" > ", b" <= ", b" >= ", b" LIKE ", b" NOT LIKE "):
        options.append(Lit(text, side, plain, rare=rare))
    options.append(Lit(b" <> ", side, plain, rare=max(rare, QUIET), spelt=b" != "))
    options.append(Lit(b" IS NOT NULL", rest, plain, rare=rare))
    between = (value, right, (word, b" AND ", (value, high, rest)))
    options.append(Lit(b" BETWEEN ", between, plain, rare=rare))
    options.append(Lit(b" NOT BETWEEN ", between, plain, rare=rare))
    members = (members_start, right, rest)
    options.append(Lit(b" IN (", members, plain, rare=rare))
    options.append(Lit(b" NOT IN (", members, plain, rare=rare))
    for text in (b" GLOB ", b" NOT GLOB ", b" IS ", b" IS NOT "):
        options.append(Lit(text, side, plain, rare=QUIET))
    return options


def members_start(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """The members of an IN: values or a subquery."""
    flags, load, _ = ctx
    options: list[Option] = list(_member(grammar, ctx, rest, env))
    if not flags & NO_QUERY and env.depth < MAX_QUERIES and load + QUERY <= ROOM:
        inner = grammar.subquery(1, not flags & IN_AGG, load + QUERY, (word, b")", rest))
        options += expand(grammar, inner, env)
        options += _scalar_member(grammar, ctx, rest, env)
    return options


def _scalar_member(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """A subquery of one value among the members."""
    flags, load, _ = ctx
    load += QUERY + 3
    if flags & NO_QUERY or env.depth >= MAX_QUERIES or load > ROOM:
        return []
    frame = grammar.subquery(1, not flags & IN_AGG, load, (word, b")", (members_tail, ctx, rest)))
    return [Lit(b"(", frame, env, rare=QUIET)]


def _member(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    compared = ctx[2]
    after: Callable[[Any], tuple[Frame, Scope]] = lambda q: ((members_tail, ctx, rest), env)  # noqa: E731
    return [Open(NUMBER, after, tag=("number", compared)), Open(STRING, after, tag=("string", compared))]


def members_tail(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """One more member, or the end."""
    return [Lit(b")", rest, env), Lit(b", ", (member, ctx, rest), env)]


def member(grammar: Any, ctx: Context, rest: Frame, env: Scope) -> list[Option]:
    """One literal or scalar subquery."""
    return [*_member(grammar, ctx, rest, env), *_scalar_member(grammar, ctx, rest, env)]
