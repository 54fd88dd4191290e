"""Accept whole queries: SELECT with its clauses in their order, set operations, WITH.

`clauses.py`, `result_columns.py` and `from_clause.py` refer to each other: they import each other whole.
"""

from __future__ import annotations

from typing import Any

from sqlagent.grammar import result_columns
from sqlagent.grammar.context import BEHIND_WITH, LOADS, WITH
from sqlagent.grammar.expr import word
from sqlagent.grammar.group_order import group, limit, order
from sqlagent.grammar.lexers import IdentLexer
from sqlagent.grammar.options import Frame, Lit, Open, Option, expand
from sqlagent.grammar.protocol import Grammar
from sqlagent.grammar.relation import Relation
from sqlagent.grammar.scope import Arm, Scope
from sqlagent.sql.names import TRUTHS

MAX_ARMS = 5
"""SELECTs joined by set operations."""


def statement(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """A query, with WITH before it or not."""
    return [
        *query(grammar, (None, False, "top", 0), rest, env),
        Lit(b"WITH ", (cte, None, rest), env),
    ]


def cte(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """name AS (query), then another one or the main query."""
    taken = {c.key for c in env.ctes}
    lexer = IdentLexer(lambda name: name in taken or grammar.is_taken(name))

    def then(q: bytes) -> tuple[Frame, Scope]:
        body = (
            query,
            (None, False, "named:" + q.decode("ascii"), WITH),
            (word, b")", (cte_tail, None, rest)),
        )
        return (word, b" AS (", body), env

    return [Open(lexer, then)]


def cte_tail(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """Behind a CTE."""
    options: list[Option] = [Lit(b" ", (query, (None, False, "top", BEHIND_WITH), rest), env)]
    if len(env.ctes) < 4:
        options.append(Lit(b", ", (cte, None, rest), env))
    return options


def query(grammar: Grammar, arg: Any, rest: Frame, env: Scope) -> list[Option]:
    """A SELECT with set operations, ORDER BY and LIMIT, in a scope of its own.

    `arg` is (width or None, may refer to `env`, role, load); role is "top", "value" or "named:<name>".
    """
    width, correlated, role, load = arg
    inner = Scope(
        outer=env if correlated else None,
        depth=env.depth + 1,
        ctes=env.ctes,
        width=width,
        role=role,
        terms=env.terms,
        load=load,
    )
    tail = (group, None, (compound, None, (order, None, (limit, None, (leave, env, rest)))))
    return [Lit(b"SELECT ", (result_columns.items, None, tail), inner)]


def leave(grammar: Grammar, outer: Scope, rest: Frame, env: Scope) -> list[Option]:
    """Back to the enclosing scope."""
    if env.role.startswith("named:"):
        relation = _as_relation(env, env.role[6:])
        back = outer.change(ctes=(*outer.ctes, relation))
    elif env.role == "derived":
        back = outer.change(derived=_as_relation(env, ""))
    elif env.role == "value":
        back = outer.change(column=None, has_query=True)
    else:
        back = outer
    return expand(grammar, rest, back)


def _as_relation(env: Scope, name: str) -> Relation:
    """A finished query as something to select from: its nameable columns."""
    first = env.arms.items if env.arms else env.items
    sources = env.arms.sources if env.arms else env.sources
    names: dict[str, str] = {}

    def add(text: str, key: str) -> None:
        # Of two columns of one name SQLite gives the second another one, and any that is called like a truth value.
        if key.upper() not in TRUTHS:
            names.setdefault(key, text)

    for item in first:
        if item.star is not None:
            for source in sources.items:
                if item.star in ("", source.key):
                    for column, key in zip(source.relation.columns, source.relation.column_keys, strict=True):
                        add(column, key)
        elif item.key is not None and item.name is not None:
            add(item.name, item.key)
    columns = tuple(names.values())
    width = env.arms.width if env.arms else env.total_width()
    return Relation(name, columns, width=width, reach=max(1, sum(r.reach for r in env.sources.relations)))


def compound(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """A set operation and its next SELECT, or nothing."""
    options = expand(grammar, rest, env)
    width = env.arms.width if env.arms else env.total_width()
    count = env.arms.count if env.arms else 1
    if width is None or width == 0 or count >= MAX_ARMS:
        return options
    starred = bool(env.bare_stars) and not env.plain and not env.star_qualifiers
    first = env.arms or Arm(width, _order_names(env), env.items, env.sources, starred)
    arm = Scope(
        outer=env.outer,
        depth=env.depth,
        ctes=env.ctes,
        role=env.role,
        terms=env.terms,
        load=env.load if env.arms else env.load + LOADS["arm"],
        arms=first.next(),
    )
    frame = (arm_items, None, (group, None, (compound, None, rest)))
    words = (b" UNION SELECT ", b" UNION ALL SELECT ", b" INTERSECT SELECT ", b" EXCEPT SELECT ")
    return [*options, *(Lit(text, frame, arm) for text in words)]


def arm_items(grammar: Grammar, arg: None, rest: Frame, env: Scope) -> list[Option]:
    """The result columns of a later arm."""
    return result_columns.items(grammar, None, rest, env)


def _order_names(env: Scope) -> tuple[bytes, ...]:
    """What ORDER BY may say behind a set operation: aliases and unambiguous columns of the first SELECT."""
    names: set[bytes] = set()
    for i in env.items:
        if i.text is None or i.key is None or i.star is not None:
            continue
        if i.alias or env.sources.owner(i.key) is not None:
            names.add(i.text)
    return tuple(sorted(names))
