"""Accept ON: first the columns that a key links, then anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlagent.grammar.conditions import comparison, condition_tail
from sqlagent.grammar.context import COLUMNS_DOTTED, NO_QUERY, Context, clause_context
from sqlagent.grammar.expr import operand, value_tail
from sqlagent.grammar.options import STRANGE, UNLIKELY, UNLIKELY_END, Choice, Frame, Lit, Open, Option, expand
from sqlagent.grammar.protocol import Grammar
from sqlagent.grammar.scope import Scope

Column = tuple[str, str]
"""Keys of a source and of a column of it."""


def _on(env: Scope) -> Context:
    return clause_context(COLUMNS_DOTTED | NO_QUERY, env, "on")


def on_left(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """ON: first the columns that a key links to the new source, then anything else."""
    links = grammar.links_to_last(env)
    tail = (condition_tail, _on(env), rest)
    lefts = tuple(sorted(links))
    options: list[Option] = []
    if lefts:
        options.append(Choice(lefts, lambda i: ((on_operator, (lefts[i], links[lefts[i]], tail), None), env)))
    others = [(text, column) for text, column in _columns(env) if text not in links]
    here = (value_tail, _on(env), (on_comparison, None, tail))
    plain = UNLIKELY if lefts else 0
    levels = [STRANGE if _strange(grammar, env, column, bool(lefts)) else plain for _, column in others]
    options += _by_level(others, levels, _then(here, env))
    options += _rare_operands(grammar, (value_tail, _on(env), (on_comparison, None, tail)), env)
    return options


def _by_level(
    columns: Sequence[tuple[bytes, Column]],
    levels: Sequence[int],
    then: Callable[[Column], tuple[Frame, Scope]],
) -> list[Option]:
    """Columns, sorted by their texts, as one choice for each level."""
    found: list[Option] = []
    for level in sorted(set(levels)):
        some = [column for column, its in zip(columns, levels, strict=True) if its == level]
        found.append(_choice(some, level, then))
    return found


def _choice(
    columns: Sequence[tuple[bytes, Column]], level: int, then: Callable[[Column], tuple[Frame, Scope]]
) -> Choice:
    return Choice(tuple(text for text, _ in columns), lambda i: then(columns[i][1]), rare=level)


def _strange(grammar: Grammar, env: Scope, column: Column, linked: bool) -> bool:
    """Whether a column of a source can hardly be meant to equal one of the others.

    linked: a key joins the new source, so that nothing but another key is expected.
    """
    new = env.sources.items[-1]
    own = next(s for s in env.sources.items if s.key == column[0])
    for other in [s for s in env.sources.items if s is not own] if own is new else [new]:
        if not grammar.links.strange(own.relation, column[1], other.relation):
            return False
        if not linked and column[1] in other.relation.by_key:
            return False
    return True


def _rare_operands(grammar: Grammar, rest: Frame, env: Scope) -> list[Option]:
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


def on_operator(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """Behind a key column in ON: `=` and its partner, or (rare) any other comparison."""
    left, partners, tail = arg
    generic = (on_comparison_but_equal, None, tail)
    return [Lit(b" = ", (on_right, (partners, tail), None), env), *_rare_tail(grammar, generic, env)]


def _rare_tail(grammar: Grammar, frame: Frame, env: Scope) -> list[Option]:
    return [_as_rare(o) for o in value_tail(grammar, _on(env), frame, env)]


def on_right(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
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


def on_whole_key(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """Behind the first columns of a key of several: the others, or (rare) what may follow any condition.

    Rows that agree in a part of a key only belong together no more than any others do.
    """
    whole, tail = arg
    others = [_as_rare(option) for option in expand(grammar, tail, env)]
    return [Lit(whole, tail, env.change(terms=env.terms + whole.count(b" AND "))), *others]


def on_comparison(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """A comparison in ON."""
    options = comparison(grammar, _on(env), rest, env)
    equal = next(o for o in options if isinstance(o, Lit) and o.text == b" = ")
    others = [_as_rare(o) for o in options if o is not equal]
    return [Lit(b" = ", (on_equal, (equal.rest, env.column), None), equal.env), *others]


def on_equal(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """What equals a value in ON: any other, but that a column of another key than the value's is strange."""
    frame, column = arg
    options = expand(grammar, frame, env)
    own = next((s for s in env.sources.items if column is not None and s.key == column[0]), None)
    if own is None:
        return options
    found: list[Option] = []
    for option in options:
        if isinstance(option, Choice) and option.texts == env.sources.dotted[0]:
            naming, behind = option.then(0)
            assert naming is not None  # the rule that names the column of a source
            columns = _columns(env)
            by_key = {s.key: s.relation for s in env.sources.items}
            levels = [
                STRANGE if grammar.links.differ(own.relation, column[1], by_key[key], other) else 0
                for _, (key, other) in columns
            ]
            found += _by_level(columns, levels, _then(naming[2], behind))
        else:
            found.append(option)
    return found


def _then(rest: Frame, env: Scope) -> Callable[[Column], tuple[Frame, Scope]]:
    return lambda column: (rest, env.change(column=column))


def _columns(env: Scope) -> list[tuple[bytes, Column]]:
    """All columns of the sources with their qualifiers, sorted by their texts."""
    return sorted(
        (s.text + b"." + text, (s.key, key))
        for s in env.sources.items
        for text, key in zip(s.relation.texts, s.relation.keys, strict=True)
    )


def on_comparison_but_equal(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """A comparison in ON other than the `=` that `on_operator` offers."""
    return on_comparison(grammar, arg, rest, env)[1:]
