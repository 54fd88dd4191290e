"""Go through a statement's tree: what a node holds, an expression without its parentheses, the operands of an AND.

    flat(where, "AND")  # of `a = 1 AND (b = 2 AND c = 3)` the three comparisons

Invariant: nodes come in the order of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

from sqlagent.sql.tree import Binary, Expr, Node, Paren, Query, Select

_GETTERS: dict[type[Node], Callable[[Node], Any]] = {}
"""How to get the values of the fields of `parts`; one for each kind of node takes half the time of a loop."""


def children(node: Node) -> list[Node]:
    """The nodes directly within a node, in the order of the text."""
    kind, parts = node.__class__, node.parts
    getter = _GETTERS.get(kind)
    if getter is None:
        getter = _GETTERS[kind] = attrgetter(*parts) if parts else lambda node: ()
    values: Any = getter(node)
    if len(parts) == 1:  # the getter of one field gives its value, that of several a tuple
        if values.__class__ is tuple:
            return list(values)
        return [] if values is None else [values]
    found: list[Node] = []
    for value in values:
        if value is None:
            continue
        if value.__class__ is tuple:
            found += value
        else:
            found.append(value)
    if node.__class__ is Query and len(found) > 1 and found[-1].start < found[-2].start:
        found[-2:] = found[:-3:-1]  # LIMIT 5, 10
    return found


def walk(node: Node) -> Iterator[Node]:
    """A node and all that is in it, subqueries too, each before what is in it."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        if node.parts:
            todo += reversed(children(node))


def bare(node: Expr) -> Expr:
    """An expression without the parentheses around it."""
    while node.__class__ is Paren:
        node = node.value
    return node


def flat(node: Expr, operator: str) -> list[Expr]:
    """The operands of AND or OR, of those within them too, without their own parentheses."""
    found: list[Expr] = []
    todo = [node]
    while todo:
        part = bare(todo.pop())
        if isinstance(part, Binary) and part.operator == operator:
            todo += (part.right, part.left)
        else:
            found.append(part)
    return found


def single(query: Query) -> Select | None:
    """The one SELECT of a query without WITH and set operations; None where there is more."""
    first = query.arms[0]
    return first if isinstance(first, Select) and len(query.arms) == 1 and not query.ctes else None
