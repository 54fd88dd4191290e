"""Accept what stands behind WHERE: GROUP BY, HAVING, ORDER BY, LIMIT."""

from __future__ import annotations

from sqlagent.grammar.conditions import condition
from sqlagent.grammar.context import AGG, MAX_ITEMS, NO_LITERAL, NO_QUERY, clause_context
from sqlagent.grammar.expr import value_or_condition
from sqlagent.grammar.lexers import LIMIT_NUMBER
from sqlagent.grammar.options import QUIET, Choice, Frame, Lit, Open, Option, expand
from sqlagent.grammar.protocol import Grammar
from sqlagent.grammar.scope import ResultColumn, Scope


def group(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """GROUP BY or nothing."""
    options = expand(grammar, rest, env)
    if _columns(env):
        grouped = env.change(grouped=True, column=None)
        options = [*options, Lit(b" GROUP BY ", (group_term, 1, rest), grouped)]
    return options


def _columns(env: Scope) -> bool:
    return any(s.relation.columns for s in env.sources.items)


def group_term(grammar: Grammar, n: int, rest: Frame, env: Scope) -> list[Option]:
    """One GROUP BY term: a value, or a result column by alias or number."""
    after = (group_tail, n, rest)
    options = value_or_condition(grammar, clause_context(NO_LITERAL | NO_QUERY, env, "group"), after, env)
    plain = [i for i in env.items if i.star is None]
    if len(plain) == len(env.items):
        good = {str(k + 1).encode() for k, i in enumerate(plain) if _groupable(i)}
        options += _positions(good, after, env)
    aliases = tuple(sorted(i.text for i in env.items if i.alias and i.text and _groupable(i)))
    if aliases:
        options.append(Choice(aliases, lambda i: (after, env), rare=QUIET))
    return options


def _groupable(item: ResultColumn) -> bool:
    return not (item.aggregate or item.window or item.constant)


def _positions(texts: set[bytes], after: Frame, env: Scope) -> list[Option]:
    ordered = tuple(sorted(texts))
    return [Choice(ordered, lambda i: (after, env), rare=QUIET)] if ordered else []


def group_tail(grammar: Grammar, n: int, rest: Frame, env: Scope) -> list[Option]:
    """Behind a GROUP BY term."""
    plain = env.change(column=None)
    options = [
        *expand(grammar, rest, plain),
        Lit(b" HAVING ", (condition, clause_context(AGG, env, "having"), rest), plain),
    ]
    if n < MAX_ITEMS:
        options.append(Lit(b", ", (group_term, n + 1, rest), plain))
    return options


def order(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """ORDER BY or nothing."""
    options = expand(grammar, rest, env)
    if env.arms or _columns(env):
        options = [*options, Lit(b" ORDER BY ", (order_term, 1, rest), env.change(column=None))]
    return options


def order_term(grammar: Grammar, n: int, rest: Frame, env: Scope) -> list[Option]:
    """One ORDER BY term."""
    after = (order_tail, n, rest)
    options: list[Option] = []
    if env.arms:
        good = {str(k + 1).encode() for k in range(env.arms.width)}
        options += _positions(good, after, env)
        names = env.arms.names
        if names:
            options.append(Choice(names, lambda i: (after, env)))
        return options
    flags = NO_LITERAL | NO_QUERY | (AGG if env.grouped or env.has_aggregate else 0)
    options += value_or_condition(grammar, clause_context(flags, env, "order"), after, env)
    if all(i.star is None for i in env.items):
        options += _positions({str(k + 1).encode() for k in range(len(env.items))}, after, env)
    aliases = tuple(sorted({i.text for i in env.items if i.alias and i.text}))
    if aliases:
        options.append(Choice(aliases, lambda i: (after, env)))
    return options


def order_tail(grammar: Grammar, n: int, rest: Frame, env: Scope) -> list[Option]:
    """Behind an ORDER BY term."""
    plain = env.change(column=None)
    again = (order_term, n + 1, rest)
    options = [*expand(grammar, rest, plain), Lit(b" DESC", (order_nulls, n, rest), plain)]
    options.append(Lit(b" ASC", (order_nulls, n, rest), plain, rare=QUIET, spelt=b""))
    options += _nulls(grammar, n, rest, plain)
    if n < MAX_ITEMS:
        options.append(Lit(b", ", again, plain))
    return options


def order_nulls(grammar: Grammar, n: int, rest: Frame, env: Scope) -> list[Option]:
    """Behind DESC."""
    options = expand(grammar, rest, env)
    options = options + _nulls(grammar, n, rest, env)
    if n < MAX_ITEMS:
        options.append(Lit(b", ", (order_term, n + 1, rest), env))
    return options


def _nulls(grammar: Grammar, n: int, rest: Frame, env: Scope) -> list[Option]:
    if not grammar.has_nulls_order:
        return []
    after = (order_more, n, rest)
    return [Lit(text, after, env, rare=QUIET) for text in (b" NULLS LAST", b" NULLS FIRST")]


def order_more(grammar: Grammar, n: int, rest: Frame, env: Scope) -> list[Option]:
    """Behind a complete ORDER BY term."""
    options = expand(grammar, rest, env)
    if n < MAX_ITEMS:
        options = [*options, Lit(b", ", (order_term, n + 1, rest), env)]
    return options


def limit(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """LIMIT or nothing."""
    return [*expand(grammar, rest, env), Lit(b" LIMIT ", (limit_number, (limit_tail, None, rest), None), env)]


def limit_number(grammar: Grammar, frame: Frame, rest: Frame, env: Scope) -> list[Option]:
    """A count of rows."""
    return [Open(LIMIT_NUMBER, lambda q: (frame, env))]


def limit_tail(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """OFFSET or nothing."""
    return [*expand(grammar, rest, env), Lit(b" OFFSET ", (limit_number, rest, None), env)]
