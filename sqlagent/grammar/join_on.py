"""Rules for ON: first the columns that a key links, then anything else."""

from __future__ import annotations

from typing import Any

from sqlagent.grammar.conditions import comparison, condition_tail
from sqlagent.grammar.context import COLUMNS_DOTTED, NO_QUERY, Context, clause_context
from sqlagent.grammar.expr import operand, value_tail
from sqlagent.grammar.option import UNLIKELY, UNLIKELY_END, Choice, Frame, Lit, Open, Option, expand
from sqlagent.grammar.scope import Scope


def _on(env: Scope) -> Context:
    return clause_context(COLUMNS_DOTTED | NO_QUERY, env, "on")


def on_left(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """ON: first the columns that a key links to the new source, then anything else."""
    links = grammar.links_to_last(env)
    tail = (condition_tail, _on(env), rest)
    lefts = tuple(sorted(links))
    options: list[Option] = []
    if lefts:
        options.append(Choice(lefts, lambda i: ((on_operator, (lefts[i], links[lefts[i]], tail), None), env)))
    new = env.sources.items[-1]
    pairs = []
    for s in env.sources.items:
        pairs += [
            (s.text + b"." + t, (s.key, k)) for t, k in zip(s.relation.texts, s.relation.keys, strict=True)
        ]
    others = sorted((t, c) for t, c in pairs if t not in links)
    texts = tuple(t for t, _ in others)
    here = (value_tail, _on(env), (on_comparison, None, tail))
    # Columns of the new source come last, so that `closing` starts with an earlier one.
    first = tuple(i for i, (_, c) in enumerate(others) if c[0] != new.key)
    if texts:
        options.append(
            Choice(
                texts,
                lambda i: (here, env.change(column=others[i][1])),
                rare=UNLIKELY if lefts or not first else 0,
            )
        )
    options += _rare_operands(grammar, (value_tail, _on(env), (on_comparison, None, tail)), env)
    return options


def _rare_operands(grammar: Any, rest: Frame, env: Scope) -> list[Option]:
    """Operands of ON that are no plain columns: calls, literals, CASE."""
    found = []
    for option in operand(grammar, _on(env), rest, env):
        if isinstance(option, Choice) and option.texts == env.sources.dotted[0]:
            continue
        option = _as_rare(option)
        found.append(option)
    return found


def _as_rare(option: Option) -> Option:
    if isinstance(option, Lit):
        return Lit(option.text, option.rest, option.env, rare=UNLIKELY, spelt=option.spelt)
    if isinstance(option, Choice):
        return Choice(option.texts, option.then, option.valid, rare=UNLIKELY, words=option.words)
    if isinstance(option, Open):
        return Open(option.lexer, option.then, rare=UNLIKELY, tag=option.tag)
    return UNLIKELY_END


def on_operator(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """Behind a key column in ON: `=` and its partner, or (rare) any other comparison."""
    left, partners, tail = arg
    generic = (on_comparison_but_equal, None, tail)
    return [Lit(b" = ", (on_right, (partners, tail), None), env), *_rare_tail(grammar, generic, env)]


def _rare_tail(grammar: Any, frame: Frame, env: Scope) -> list[Option]:
    return [_as_rare(o) for o in value_tail(grammar, _on(env), frame, env)]


def on_right(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """The key column's partner, or (rare) any other value."""
    partners, tail = arg
    texts = tuple(sorted(partners))

    def then(i: int) -> tuple[Frame, Scope]:
        whole = partners[texts[i]]
        return ((on_whole_key, (whole, tail), None) if whole else tail), env

    options: list[Option] = [Choice(texts, then)]
    others = []
    for s in env.sources.items:
        others += [s.text + b"." + t for t in s.relation.texts if s.text + b"." + t not in partners]
    rest_texts = tuple(sorted(others))
    after = (value_tail, _on(env), tail)
    if rest_texts:
        options.append(Choice(rest_texts, lambda i: (after, env), rare=UNLIKELY))
    return options + _rare_operands(grammar, after, env)


def on_whole_key(grammar: Any, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """Behind the first columns of a key of several: the others, or (rare) what may follow any condition.

    Rows that agree in a part of a key only belong together no more than any others do.
    """
    whole, tail = arg
    others = [_as_rare(option) for option in expand(grammar, tail, env)]
    return [Lit(whole, tail, env.change(terms=env.terms + whole.count(b" AND "))), *others]


def on_comparison(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """A comparison in ON."""
    options = comparison(grammar, _on(env), rest, env)
    equal = next(o for o in options if isinstance(o, Lit) and o.text == b" = ")
    return [equal, *(_as_rare(o) for o in options if o is not equal)]


def on_comparison_but_equal(grammar: Any, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """A comparison in ON other than the `=` that `on_operator` offers."""
    return on_comparison(grammar, arg, rest, env)[1:]
