"""Tell what a part of a statement without columns is: a date, a number, or already written for a stored form."""

from __future__ import annotations

import re

from sqlagent.lowering.moments import DAY, MONTH, SECOND, YEAR, Span, computed_span, literal_span
from sqlagent.sql.functions import NUMERIC
from sqlagent.sql.statement import Statement
from sqlagent.sql.tree import Binary, Call, Cast, Column, Expr, Literal, Query, Unary
from sqlagent.sql.walk import bare, walk

_GRAINS = {"%Y": YEAR, "%Y-%m": MONTH, "%Y-%m-%d": DAY, "%Y-%m-%d %H:%M:%S": SECOND, "%F": DAY}
"""What strftime formats give that begin an ISO text."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def is_constant(node: Expr) -> bool:
    """Whether an expression names no column and asks no query."""
    return not any(isinstance(part, (Column, Query)) for part in walk(node))


def span_of(statement: Statement, node: Expr) -> Span | None:
    """The time that a constant names; None where it names none."""
    node = bare(node)
    if isinstance(node, Literal):
        if node.kind == "text":
            return literal_span(node.value)
        if node.kind == "word" and node.value in ("CURRENT_DATE", "CURRENT_TIMESTAMP"):
            return computed_span(statement.text(node), DAY if node.value == "CURRENT_DATE" else SECOND)
        return None
    grain = call_grain(node)
    if grain is None or not is_constant(node):
        return None
    return computed_span(statement.text(node), grain)


def call_grain(node: Expr) -> int | None:
    """The grain of the ISO text that a call of date, datetime or strftime gives; None for any other expression."""
    if not isinstance(node, Call) or not node.arguments:
        return None
    if node.function in ("DATE", "DATETIME"):
        return DAY if node.function == "DATE" else SECOND
    if node.function == "STRFTIME" and isinstance(node.arguments[0], Literal):
        return _GRAINS.get(node.arguments[0].value)
    return None


def number_of(node: Expr) -> str | None:
    """A number, or a text that is one, as SQL; None for anything else."""
    node = bare(node)
    sign = ""
    if isinstance(node, Unary) and node.operator in "+-":
        sign, node = node.operator, bare(node.value)
    if not isinstance(node, Literal) or node.kind not in ("number", "text"):
        return None
    # Digits of a number may be parted since SQLite 3.46; those of a text are none then.
    number = node.value.replace("_", "") if node.kind == "number" else node.value.strip()
    signed = sign and number[:1] in ("+", "-")
    return sign + number if _NUMBER.fullmatch(number) and not signed else None


def is_number(node: Expr) -> bool:
    """Whether an expression is calculated, or a number: compared with a stored number, it is meant as one."""
    node = bare(node)
    if isinstance(node, Literal):
        return node.kind == "number"
    if isinstance(node, Unary):
        return node.operator in "+-~" and is_number(node.value)
    if isinstance(node, Binary):
        return node.operator in ("+", "-", "*", "/", "%")
    if isinstance(node, Cast):
        return node.type.upper() in ("INTEGER", "INT", "REAL", "FLOAT", "NUMERIC")
    return isinstance(node, Call) and node.function in NUMERIC
