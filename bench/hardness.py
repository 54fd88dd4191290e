"""Spider's difficulty classes, counted on sqlglot trees.

The rules are those of the Spider paper's evaluation (Yu et al. 2018), quirks included: only the leftmost
SELECT of a set operation is counted, a negated condition counts like an aggregate, and a subquery in FROM
counts for nothing.
"""

from __future__ import annotations

from sqlglot import exp

from bench.gold.parsing import Node, clause, core, joins_of, parse, shallow

CLASSES = ("easy", "medium", "hard", "extra", "unparsed")


def hardness(sql: str) -> str:
    """One of `CLASSES`; "unparsed" when the statement is not a SELECT that can be read."""
    tree = parse(sql)
    return "unparsed" if tree is None else hardness_of(tree)


def hardness_of(tree: Node) -> str:
    """The class of a parsed statement."""
    select = core(tree)
    conditions = _conditions(select)
    clauses = _clauses(select, conditions)
    nested = sum(
        isinstance(node, exp.Query) and not isinstance(node, exp.Subquery)
        for condition in conditions
        for node in shallow(condition)
    )
    nested += isinstance(_bare(tree), exp.SetOperation)
    others = _others(select)
    if clauses <= 1 and others == 0 and nested == 0:
        return "easy"
    if nested == 0 and ((others <= 2 and clauses <= 1) or (clauses <= 2 and others < 2)):
        return "medium"
    if (
        (others > 2 and clauses <= 2 and nested == 0)
        or (2 < clauses <= 3 and others <= 2 and nested == 0)
        or (clauses <= 1 and others == 0 and nested <= 1)
    ):
        return "hard"
    return "extra"


def _bare(tree: Node) -> Node:
    while isinstance(tree, (exp.Subquery, exp.Paren)):
        tree = tree.this
    return tree


def _conditions(select: Node) -> list[Node]:
    """The trees under ON, WHERE and HAVING."""
    found = [join.args["on"] for join in joins_of(select) if join.args.get("on") is not None]
    found += [part.this for part in (clause(select, "where"), clause(select, "having")) if part is not None]
    return found


def _clauses(select: Node, conditions: list[Node]) -> int:
    count = sum(clause(select, name) is not None for name in ("where", "group", "order", "limit"))
    count += sum(1 for _ in joins_of(select))
    for condition in conditions:
        count += sum(isinstance(node, (exp.Or, exp.Like)) for node in shallow(condition))
    return count


def _others(select: Node) -> int:
    aggregates = sum(
        any(isinstance(node, exp.AggFunc) for node in shallow(item)) for item in select.expressions
    )
    order = clause(select, "order")
    if order is not None:
        aggregates += sum(isinstance(node, exp.AggFunc) for node in shallow(order))
    where, having, group = clause(select, "where"), clause(select, "having"), clause(select, "group")
    for part in (where, having):
        if part is not None:
            aggregates += sum(_negated(node) for node in shallow(part))
    return (
        (aggregates > 1)
        + (len(select.expressions) > 1)
        + (where is not None and sum(1 for node in shallow(where) if isinstance(node, (exp.And, exp.Or))) > 0)
        + (group is not None and len(group.expressions) > 1)
    )


def _negated(node: Node) -> bool:
    if isinstance(node, exp.Not):
        return not isinstance(node.this, exp.Is)
    return bool(node.args.get("negate")) and not isinstance(node, exp.Is)
