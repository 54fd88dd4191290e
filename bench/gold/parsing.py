"""Reading SQL into sqlglot's trees, and finding one's way in them whatever the version of sqlglot.

Invariant: a text that is not one SELECT statement (or a set operation of such) has no tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlglot
from sqlglot import exp

Node = Any
"""A sqlglot tree; the name of its base class differs between the versions of sqlglot."""

BASE: Any = getattr(exp, "Expr", exp.Expression)


def parse(sql: str) -> Node | None:
    """The tree of one SELECT statement (or set operation), or None when it is not one."""
    try:
        trees = sqlglot.parse(sql, dialect="sqlite", error_level=sqlglot.ErrorLevel.RAISE)
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None
    statements = [tree for tree in trees if tree is not None]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        return None
    return statements[0]


def core(tree: Node) -> Node:
    """The leftmost SELECT below set operations and parentheses."""
    while isinstance(tree, (exp.SetOperation, exp.Subquery, exp.Paren)):
        tree = tree.this
    return tree


def clause(node: Node, name: str) -> Node | None:
    """A clause by its plain name: sqlglot renamed `from` and `with` to `from_` and `with_`."""
    found = node.args.get(name) or node.args.get(f"{name}_")
    return found if isinstance(found, BASE) else None


def joins_of(select: Node) -> Iterator[Node]:
    """The joins of a SELECT in order, also those in `FROM (a JOIN b ON …)`, which hang below a."""
    start = clause(select, "from")
    if start is not None:
        yield from _hanging(bare(start.this))
    for join in select.args.get("joins") or []:
        yield join
        yield from _hanging(bare(join.this))


def _hanging(source: Node) -> Iterator[Node]:
    if isinstance(source, exp.Table):
        for join in source.args.get("joins") or []:
            yield join
            yield from _hanging(bare(join.this))


def bare(source: Node) -> Node:
    """A source of FROM without parentheses around it."""
    while isinstance(source, (exp.Subquery, exp.Paren)) and isinstance(
        source.this, (exp.Table, exp.Subquery)
    ):
        if source.alias:
            break
        source = source.this
    return source


def shallow(node: Node) -> Iterator[Node]:
    """`node` and everything below it that is not inside a subquery of it; a subquery itself is yielded."""
    yield node
    if isinstance(node, exp.Query) and not isinstance(node, exp.Subquery):
        return
    for child in node.iter_expressions():
        yield from shallow(child)


def outputs_of(query: Node, named: Node) -> frozenset[str] | None:
    """The column names that a subquery gives out; None when they cannot be told, as for `*`."""
    columns = named.args["alias"].args.get("columns") if named.args.get("alias") else None
    if columns:
        return frozenset(column.name.lower() for column in columns)
    if not isinstance(query, (exp.Select, exp.SetOperation)):
        return None
    names = [item.alias_or_name.lower() for item in core(query).expressions]
    return None if "*" in names else frozenset(names)


def sources_of(select: exp.Select) -> Iterator[Node]:
    start = clause(select, "from")
    if start is not None:
        yield bare(start.this)
    for join in joins_of(select):
        yield bare(join.this)
