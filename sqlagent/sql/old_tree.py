"""The parse tree of a SELECT statement: what `sql_parse.parse` makes and `explain` puts into words.

Invariant: a tree stands for its statement exactly; rare constructs (CASE, windows) are kept as their text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Col:
    """A column, with the qualifier it was written with."""

    qualifier: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Star:
    """`*` or `t.*`."""

    qualifier: str | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, or a keyword such as NULL. `text` is a text's content, anything else as written."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Raw:
    """A part that is kept as it was written."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function's call; COUNT(*) has a Star as its argument."""

    name: str
    arguments: tuple[Expr, ...]
    distinct: bool = False
    filter: Expr | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """CAST(value AS type)."""

    value: Expr
    type: str


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, comparison (=, !=, <, >, <=, >=, LIKE, GLOB, IS, each with NOT before it), AND, OR."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Unary:
    """NOT or a minus sign."""

    operator: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Between:
    value: Expr
    low: Expr
    high: Expr
    negated: bool


@dataclass(frozen=True, slots=True)
class In:
    value: Expr
    members: tuple[Expr, ...] | Query
    negated: bool


@dataclass(frozen=True, slots=True)
class Exists:
    query: Query


@dataclass(frozen=True, slots=True)
class Value:
    """A subquery that stands for a value."""

    query: Query


@dataclass(frozen=True, slots=True)
class Item:
    value: Expr
    alias: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """What FROM names; `join` is "", JOIN, LEFT JOIN or CROSS JOIN."""

    join: str
    table: str | Query
    alias: str | None
    on: Expr | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """A term of ORDER BY; `nulls` is "", FIRST or LAST."""

    value: Expr
    descending: bool
    nulls: str


@dataclass(frozen=True, slots=True)
class Select:
    items: tuple[Item, ...]
    distinct: bool = False
    sources: tuple[Source, ...] = ()
    where: Expr | None = None
    group: tuple[Expr, ...] = ()
    having: Expr | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """SELECTs joined by set operations; the operator of the first is ""."""

    arms: tuple[tuple[str, Select], ...]
    order: tuple[Term, ...] = ()
    limit: str | None = None
    offset: str | None = None
    named: tuple[tuple[str, Query], ...] = ()
    """What WITH names."""


Expr = (
    Col | Star | Literal | Raw | Call | Cast | Binary | Unary | Between | In | Exists | Value
)  # fmt: skip


def children(node: Any) -> Iterator[Any]:
    """The parts of a node that are nodes themselves, in the order they are written in."""
    for field in fields(node):
        yield from _nodes(getattr(node, field.name))


def walk(node: Any) -> Iterator[Any]:
    """A node and all that is in it, subqueries too."""
    yield node
    for child in children(node):
        yield from walk(child)


def _nodes(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for each in value:
            yield from _nodes(each)
    elif not isinstance(value, str | bool | None):
        yield value
