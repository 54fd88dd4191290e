"""Go through a statement's tree: what a node holds, an expression without its parentheses, the operands of an AND.

    flat(where, "AND")  # of `a = 1 AND (b = 2 AND c = 3)` the three comparisons

Invariant: nodes come in the order of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

from sqlagent.sql.tree import Binary, Column, Expr, Item, Name, Node, Paren, Query, Select

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


_INNER: dict[type[Node], Callable[[Node], list[Node]]] = {}


def inner(node: Node) -> list[Node]:
    """The same without the names, which hold nothing: what is to be gone through, in half the time."""
    kind = node.__class__
    found = _INNER.get(kind)
    if found is None:
        found = _INNER[kind] = _inner_of(kind)
    return found(node)


def _inner_of(kind: type[Node]) -> Callable[[Node], list[Node]]:
    """What gives the nodes within a node of a kind that are no names, as its fields are declared."""
    declared = {part: kind.__annotations__[part] for part in kind.parts}
    fields = [
        part for part in kind.parts if declared[part] not in ("Name", "Name | None", "tuple[Name, ...]")
    ]
    if not fields:
        return lambda node: []
    if not any(re.search(r"\bName\b", declared[part]) for part in kind.parts):
        return children
    return lambda node: [child for child in children(node) if child.__class__ is not Name]


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


def result_name(item: Item) -> str:
    """What a result is called: its alias, or the column that it is; "" for what is computed, and for `*`."""
    value = bare(item.value)
    if item.alias is not None:
        return item.alias.text
    return value.name.text if isinstance(value, Column) else ""
