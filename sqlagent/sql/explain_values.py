"""Columns, values and conditions of a statement in English.

Invariant: as in `explain`: nothing is said that the statement does not do; what there are no words for stays SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlagent.database.schema import Column as Declared
from sqlagent.database.schema import fold
from sqlagent.sql import tree
from sqlagent.sql.names import text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.scope import Bound, Scope
from sqlagent.sql.tree import (
    Between,
    Binary,
    Call,
    Cast,
    Column,
    Exists,
    Expr,
    In,
    Like,
    Literal,
    Query,
    Star,
    Subquery,
    Unary,
)
from sqlagent.sql.walk import bare, flat

AGGREGATE_WORDS = {
    "AVG": "average of",
    "SUM": "sum of",
    "TOTAL": "sum of",
    "MIN": "minimum of",
    "MAX": "maximum of",
    "COUNT": "count of",
    "GROUP_CONCAT": "list of",
}
_COMPARES = {
    "=": "is",
    "!=": "is not",
    "<": "is less than",
    ">": "is more than",
    "<=": "is at most",
    ">=": "is at least",
    "IS": "is",
    "IS NOT": "is not",
}
_DATES = {"<": "is before", ">": "is after", "<=": "is on or before", ">=": "is on or after"}
_PARTS = {"%Y": "year", "%m": "month", "%d": "day", "%H": "hour", "%w": "weekday", "%Y-%m": "year and month"}
_DATE = re.compile(r"\d{4}-\d\d(-\d\d.*)?")
_PLAIN_WORD = re.compile(r"[A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*")


class Values:
    """Puts columns, values and conditions into words; a subquery is left to `query`."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.scopes = reading.scopes

    def query(self, query: Query, nested: bool = True) -> str:
        raise NotImplementedError

    # ---- sources ----

    def label(self, bound: Bound, scope: Scope) -> str:
        """What a source is called: by its table's own name, which is clearer than T1, unless that is there twice."""
        node = bound.node
        if isinstance(node, tree.Derived):
            return node.alias.text if node.alias else "it"
        name = bound.table.name if bound.table else node.name.text
        if node.alias is None:
            return name
        home: Scope | None = scope
        while home is not None and bound not in home.bounds:
            home = home.outer
        there: list[str] = []
        while home is not None:
            there += [
                fold(one.node.name.text)
                for one in home.bounds
                if isinstance(one.node, tree.TableRef) and (one.table or bound in home.bounds)
            ]
            home = home.outer
        return node.alias.text if there.count(fold(node.name.text)) > 1 else name

    # ---- columns ----

    def owner(self, value: Expr, scope: Scope) -> Bound | None:
        """The source that a column belongs to, when that is certain."""
        if not isinstance(value, Column):
            return None
        if value.qualifier is not None:
            return scope.bound(value.qualifier.text)
        found = self.scopes.of(value)
        certain = found.depth == 0 and all(bound.table for bound in scope.bounds)
        return found.bound if certain and found.kind == "column" else None

    def column(self, value: Expr, scope: Scope) -> Declared | None:
        owner = self.owner(value, scope)
        return (
            owner.table.column(value.name.text)
            if owner and owner.table and isinstance(value, Column)
            else None
        )

    def name(self, value: Column, scope: Scope) -> str:
        """A column: alone where only one source can be meant, else with its table's name before it."""
        owner, written = self.owner(value, scope), value.name.text
        if owner is None:
            return written if value.qualifier is None else f"{value.qualifier.text}.{written}"
        column = owner.table.column(written) if owner.table else None
        name = column.name if column else written
        return name if scope.bounds == (owner,) else f"{self.label(owner, scope)}.{name}"

    # ---- values ----

    def value(self, value: Expr, scope: Scope) -> str:
        value = bare(value)
        if isinstance(value, Column):
            return self.name(value, scope)
        if isinstance(value, Star):
            label = value.qualifier.text if value.qualifier else ""
            found = scope.bound(label) if label else None
            whose = self.label(found, scope) if found else label
            return f"every column of {whose}" if whose else "every column"
        literal = constant(value)
        if literal is not None:
            return _literal(literal)
        if isinstance(value, Call) and value.window is None and not value.order:
            return self.call(value, scope)
        if isinstance(value, Cast):
            return f"{self.operand(value.value, scope)} as {value.type}"
        if isinstance(value, Subquery):
            return f"({self.query(value.query)})"
        if isinstance(value, Unary) and value.operator in ("-", "+"):
            return f"{value.operator}{self.operand(value.value, scope)}"
        if isinstance(value, Binary) and value.operator in ("+", "-", "*", "/", "%", "||"):
            sign = "followed by" if value.operator == "||" else value.operator
            return f"{self.operand(value.left, scope)} {sign} {self.operand(value.right, scope)}"
        if _is_condition(value):
            return f"({self.condition(value, scope)})"
        return self.reading.statement.text(value)

    def operand(self, value: Expr, scope: Scope) -> str:
        said = self.value(value, scope)
        return f"({said})" if isinstance(bare(value), (Binary, Cast)) and not said.startswith("(") else said

    def call(self, call: Call, scope: Scope) -> str:
        name, arguments = call.function, [bare(argument) for argument in call.arguments]
        only = f" (only where {self.condition(call.filter, scope)})" if call.filter is not None else ""
        if name == "COUNT" and arguments and isinstance(arguments[0], Star):
            return f"number of rows{only}"
        said = [self.value(argument, scope) for argument in arguments]
        if name in AGGREGATE_WORDS and len(said) == 1:
            if call.distinct:
                word = "number of" if name == "COUNT" else AGGREGATE_WORDS[name]
                return f"{word} different {said[0]}{only}"
            return f"{AGGREGATE_WORDS[name]} {said[0]}{only}"
        plain = [self.operand(argument, scope) for argument in arguments]
        if name == "ROUND" and plain:
            to = f" to {said[1]} decimals" if len(said) > 1 else ""
            return f"{plain[0]} rounded{to}"
        if name == "STRFTIME" and len(said) == 2 and isinstance(arguments[0], Literal):
            part = _PARTS.get(arguments[0].value)
            if part:
                return f"{part} of {plain[1]}"
        if name in ("UPPER", "LOWER") and len(said) == 1:
            return f"{plain[0]} in {'capitals' if name == 'UPPER' else 'small letters'}"
        if name in ("LENGTH", "ABS") and len(said) == 1:
            return f"{'length' if name == 'LENGTH' else 'absolute value'} of {plain[0]}"
        if name in ("IFNULL", "COALESCE") and len(said) == 2:
            return f"{plain[0]} (or {said[1]} where it is missing)"
        return f"{name}({'DISTINCT ' if call.distinct else ''}{', '.join(said)}){only}"

    # ---- conditions ----

    def condition(self, value: Expr, scope: Scope, inside: bool = False) -> str:
        """A condition; `inside` another one, so that OR needs its parentheses."""
        value = bare(value)
        if isinstance(value, Binary) and value.operator in ("AND", "OR"):
            parts = flat(value, value.operator)
            word = f" {value.operator.lower()} "
            said = word.join(self.condition(part, scope, inside=True) for part in parts)
            return f"({said})" if inside else said
        if isinstance(value, Unary) and value.operator == "NOT":
            inner = bare(value.value)
            if isinstance(inner, Exists):
                return f"there is none of ({self.query(inner.query)})"
            return f"not ({self.condition(inner, scope)})"
        if isinstance(value, Exists):
            return f"there is at least one of ({self.query(value.query)})"
        if isinstance(value, Between):
            low, high = self.value(value.low, scope), self.value(value.high, scope)
            word = "is not from" if value.negated else "is from"
            return f"{self.value(value.value, scope)} {word} {low} to {high}"
        if isinstance(value, In):
            return self.member(value, scope)
        if isinstance(value, Like):
            return self.like(value, scope)
        if isinstance(value, tree.NullTest):
            return f"{self.value(value.value, scope)} is {'not ' if value.negated else ''}missing"
        if isinstance(value, Binary) and value.operator in _COMPARES:
            return self.compare(value, scope)
        return f"{self.value(value, scope)} is true"

    def compare(self, value: Binary, scope: Scope) -> str:
        left, right = self.value(value.left, scope), self.value(value.right, scope)
        word = _COMPARES[value.operator]
        other, literal = bare(value.right), constant(value.right)
        if literal is not None:
            if value.operator in ("IS", "IS NOT") and literal.value == "NULL" and literal.kind == "word":
                return f"{left} {word} missing"
            if literal.kind == "text" and _DATE.fullmatch(literal.value):
                word = _DATES.get(value.operator, word)
        elif value.operator in ("=", "!="):
            word = "equals" if value.operator == "=" else "does not equal"
        if isinstance(other, (Binary, Like, In, Between, Exists)) and not right.startswith("("):
            right = f"({right})"
        return f"{left} {word} {right}"

    def member(self, value: In, scope: Scope) -> str:
        left = self.value(value.value, scope)
        if value.query is not None:
            return f"{left} is {'not ' if value.negated else ''}among ({self.query(value.query)})"
        if value.table is not None or not value.members:
            text = self.reading.statement.sql
            return f"{left} {text[value.at : value.end]}"
        members = listed([self.value(m, scope) for m in value.members], "or")
        if value.negated:
            return f"{left} is not {members}" if len(value.members) == 1 else f"{left} is neither {members}"
        return f"{left} is {members}"

    def like(self, value: Like, scope: Scope) -> str:
        left = self.value(value.left, scope)
        if value.operator not in ("LIKE", "GLOB") or value.escape is not None:
            return f"{left} {self.reading.sql[value.at : value.end]}"
        if value.operator == "GLOB":
            word = "does not match the pattern" if value.negated else "matches the pattern"
            return f"{left} {word} {self.value(value.right, scope)}"
        words = ("contains", "starts with", "ends with", "is like")
        if value.negated:
            words = ("does not contain", "does not start with", "does not end with", "is not like")
        right = bare(value.right)
        if isinstance(right, Literal) and right.kind == "text":
            pattern = right.value
            plain = pattern.strip("%")
            if plain and "%" not in plain and "_" not in plain:
                ends = (pattern.startswith("%"), pattern.endswith("%"))
                kinds = {(True, True): 0, (False, True): 1, (True, False): 2, (False, False): 3}
                return f"{left} {words[kinds[ends]]} {text_literal(plain)}"
        word = "does not match the pattern" if value.negated else "matches the pattern"
        return f"{left} {word} {self.value(value.right, scope)}"


# ---- small things --------------------------------------------------------------------------------------------


def listed(parts: Iterable[str], last: str = "and") -> str:
    """a, b and c"""
    parts = list(parts)
    return f" {last} ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def constant(value: Expr) -> Literal | None:
    """The literal that an expression is; a number's sign is part of it."""
    value = bare(value)
    if isinstance(value, Unary) and value.operator in ("-", "+"):
        inner = bare(value.value)
        if isinstance(inner, Literal) and inner.kind == "number":
            return Literal(value.start, value.end, "number", value.operator.strip("+") + inner.value)
    return value if isinstance(value, Literal) else None


def _is_condition(value: Expr) -> bool:
    """Whether there are words for an expression as a condition."""
    if isinstance(value, Binary):
        return value.operator in ("AND", "OR") or value.operator in _COMPARES
    if isinstance(value, Unary):
        return value.operator == "NOT"
    return isinstance(value, (Exists, Between, In, Like, tree.NullTest))


def _literal(value: Literal) -> str:
    if value.kind != "text":
        return value.value
    return value.value if _PLAIN_WORD.fullmatch(value.value) else text_literal(value.value)
