"""What is wrong with a wrong statement, from comparing its parse tree with the gold one.

A statement may get several labels; each says one thing that a reader of both would name first.
"""

from __future__ import annotations

from collections import Counter

from sqlglot import exp

from bench.gold.parsing import Node, clause, core, parse
from bench.gold.trees import Columns, Normal

LABELS = (
    "no statement",
    "does not parse",
    "wrong table",
    "missing table",
    "extra table",
    "join condition",
    "missing columns",
    "extra columns",
    "wrong column",
    "aggregate",
    "DISTINCT",
    "value",
    "condition",
    "GROUP BY",
    "ORDER BY or LIMIT",
    "nesting or set operation",
    "other",
    "same statement",
)

_COMPARISONS = (
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.Like,
    exp.In,
    exp.Between,
    exp.Is,
    exp.Glob,
)


def differences(gold: str, predicted: str, columns: Columns | None = None) -> list[str]:
    """Labels of what differs, in the order of `LABELS`; empty when the gold itself cannot be parsed."""
    gold_tree, predicted_tree = parse(gold), parse(predicted)
    if gold_tree is None:
        return []
    if predicted_tree is None:
        return ["does not parse" if predicted.strip() else "no statement"]
    first, second = Normal(gold_tree, columns), Normal(predicted_tree, columns)
    if first.text == second.text:
        return ["same statement"]
    found: set[str] = set()
    missing, extra = first.tables - second.tables, second.tables - first.tables
    if missing and extra:
        found.add("wrong table")
    elif missing or extra:
        found.add("missing table" if missing else "extra table")
    elif first.joins != second.joins:
        found.add("join condition")
    selected = [len(core(tree).expressions) for tree in (gold_tree, predicted_tree)]
    if selected[0] != selected[1]:
        found.add("missing columns" if selected[0] > selected[1] else "extra columns")
    if set(first.columns) - set(second.columns) and set(second.columns) - set(first.columns):
        found.add("wrong column")
    if _aggregates(gold_tree) != _aggregates(predicted_tree):
        found.add("aggregate")
    if _distincts(gold_tree) != _distincts(predicted_tree):
        found.add("DISTINCT")
    if set(first.literals) != set(second.literals):
        found.add("value")
    if _operators(gold_tree) != _operators(predicted_tree):
        found.add("condition")
    if _groups(gold_tree) != _groups(predicted_tree):
        found.add("GROUP BY")
    if _ordering(gold_tree) != _ordering(predicted_tree):
        found.add("ORDER BY or LIMIT")
    if _structure(gold_tree) != _structure(predicted_tree):
        found.add("nesting or set operation")
    return [label for label in LABELS if label in found] or ["other"]


def _aggregates(tree: Node) -> Counter[str]:
    return Counter(node.key for node in tree.find_all(exp.AggFunc))


def _distincts(tree: Node) -> int:
    return sum(1 for _ in tree.find_all(exp.Distinct))


def _operators(tree: Node) -> Counter[str]:
    """Comparison operators below WHERE and HAVING (a join's equality is no condition)."""
    found: Counter[str] = Counter()
    for part in tree.find_all(exp.Where, exp.Having):
        for node in part.walk():
            if isinstance(node, (*_COMPARISONS, exp.Or, exp.Not)):
                found[node.key] += 1
    return found


def _groups(tree: Node) -> int:
    return sum(len(group.expressions) for group in tree.find_all(exp.Group))


def _ordering(tree: Node) -> list[str]:
    """Direction and kind of every sort key, and every limit; which column it is, "wrong column" says."""
    found: list[str] = []
    for node in tree.find_all(exp.Query):
        order, limit = clause(node, "order"), clause(node, "limit")
        if order is not None:
            found += [
                ("desc " if key.args.get("desc") else "asc ") + key.this.key for key in order.expressions
            ]
        if limit is not None:
            found.append(f"limit {limit.expression.sql()}")
    return sorted(found)


def _structure(tree: Node) -> Counter[str]:
    return Counter(node.key for node in tree.find_all(exp.Select, exp.SetOperation))
