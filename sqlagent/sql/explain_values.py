"""Columns, values and conditions of a statement in English.

Invariant: as in `explain`: nothing is said that the statement does not do; what there are no words for stays SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlagent.database.schema import Column, Table, fold
from sqlagent.sql.old_tree import (
    Between,
    Binary,
    Call,
    Cast,
    Col,
    Exists,
    Expr,
    In,
    Item,
    Literal,
    Query,
    Raw,
    Star,
    Unary,
    Value,
)

AGGREGATES = {
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
    "GLOB": "matches the pattern",
    "NOT GLOB": "does not match the pattern",
}
_DATES = {"<": "is before", ">": "is after", "<=": "is on or before", ">=": "is on or after"}
_PARTS = {"%Y": "year", "%m": "month", "%d": "day", "%H": "hour", "%w": "weekday", "%Y-%m": "year and month"}
_DATE = re.compile(r"\d{4}-\d\d(-\d\d.*)?")
_PLAIN_WORD = re.compile(r"[A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*")


@dataclass(frozen=True, slots=True)
class Bound:
    """A source of FROM: what it is called in the sentence, and its table where it is one."""

    key: str
    label: str
    table: Table | None


@dataclass(frozen=True)
class Scope:
    """The sources of one SELECT and those around it."""

    sources: tuple[Bound, ...]
    items: tuple[Item, ...]
    outer: Scope | None

    def find(self, qualifier: str) -> Bound | None:
        key = fold(qualifier)
        own = next((source for source in self.sources if source.key == key), None)
        return own or (self.outer.find(qualifier) if self.outer else None)


class Values:
    """Puts columns, values and conditions into words; a subquery is left to `query`."""

    def query(self, query: Query, outer: Scope | None) -> str:
        raise NotImplementedError

    # ---- columns ----

    def owner(self, value: Expr, scope: Scope) -> Bound | None:
        """The source that a column belongs to, when that is certain."""
        if not isinstance(value, Col):
            return None
        if value.qualifier is not None:
            return scope.find(value.qualifier)
        having = [s for s in scope.sources if s.table is not None and s.table.column(value.name)]
        return having[0] if len(having) == 1 and all(s.table for s in scope.sources) else None

    def column(self, value: Expr, scope: Scope) -> Column | None:
        owner = self.owner(value, scope)
        return owner.table.column(value.name) if owner and owner.table and isinstance(value, Col) else None

    def name(self, value: Col, scope: Scope) -> str:
        """A column: alone where only one source can be meant, else with its table's name before it."""
        owner = self.owner(value, scope)
        if owner is None:
            return value.name if value.qualifier is None else f"{value.qualifier}.{value.name}"
        column = owner.table.column(value.name) if owner.table else None
        name = column.name if column else value.name
        return name if scope.sources == (owner,) else f"{owner.label}.{name}"

    # ---- values ----

    def value(self, value: Expr, scope: Scope) -> str:
        if isinstance(value, Col):
            return self.name(value, scope)
        if isinstance(value, Star):
            found = scope.find(value.qualifier) if value.qualifier else None
            whose = found.label if found else value.qualifier
            return f"every column of {whose}" if whose else "every column"
        if isinstance(value, Literal):
            return _literal(value)
        if isinstance(value, Raw):
            return value.text
        if isinstance(value, Call):
            return self.call(value, scope)
        if isinstance(value, Cast):
            return f"{self.operand(value.value, scope)} as {value.type}"
        if isinstance(value, Value):
            return f"({self.query(value.query, scope)})"
        if isinstance(value, Unary) and value.operator in "-+":
            return f"{value.operator}{self.operand(value.value, scope)}"
        if isinstance(value, Binary) and value.operator in ("+", "-", "*", "/", "%", "||"):
            sign = "followed by" if value.operator == "||" else value.operator
            return f"{self.operand(value.left, scope)} {sign} {self.operand(value.right, scope)}"
        return f"({self.condition(value, scope)})"

    def operand(self, value: Expr, scope: Scope) -> str:
        said = self.value(value, scope)
        return f"({said})" if isinstance(value, (Binary, Cast)) and not said.startswith("(") else said

    def call(self, call: Call, scope: Scope) -> str:
        name, arguments = call.name, call.arguments
        only = f" (only where {self.condition(call.filter, scope)})" if call.filter is not None else ""
        if name == "COUNT" and arguments and isinstance(arguments[0], Star):
            return f"number of rows{only}"
        said = [self.value(argument, scope) for argument in arguments]
        if name in AGGREGATES and len(said) == 1:
            if call.distinct:
                word = "number of" if name == "COUNT" else AGGREGATES[name]
                return f"{word} different {said[0]}{only}"
            return f"{AGGREGATES[name]} {said[0]}{only}"
        plain = [self.operand(argument, scope) for argument in arguments]
        if name == "ROUND" and plain:
            to = f" to {said[1]} decimals" if len(said) > 1 else ""
            return f"{plain[0]} rounded{to}"
        if name == "STRFTIME" and len(said) == 2 and isinstance(arguments[0], Literal):
            part = _PARTS.get(arguments[0].text)
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
        if isinstance(value, Binary) and value.operator in ("AND", "OR"):
            parts = flat(value, value.operator)
            word = f" {value.operator.lower()} "
            said = word.join(self.condition(part, scope, inside=True) for part in parts)
            return f"({said})" if inside else said
        if isinstance(value, Unary) and value.operator == "NOT":
            if isinstance(value.value, Exists):
                return f"there is none of ({self.query(value.value.query, scope)})"
            return f"not ({self.condition(value.value, scope)})"
        if isinstance(value, Exists):
            return f"there is at least one of ({self.query(value.query, scope)})"
        if isinstance(value, Between):
            low, high = self.value(value.low, scope), self.value(value.high, scope)
            word = "is not from" if value.negated else "is from"
            return f"{self.value(value.value, scope)} {word} {low} to {high}"
        if isinstance(value, In):
            return self.member(value, scope)
        if isinstance(value, Binary) and value.operator in ("LIKE", "NOT LIKE"):
            return self.like(value, scope)
        if isinstance(value, Binary) and value.operator in _COMPARES:
            return self.compare(value, scope)
        return f"{self.value(value, scope)} is true"

    def compare(self, value: Binary, scope: Scope) -> str:
        left, right = self.value(value.left, scope), self.value(value.right, scope)
        word = _COMPARES[value.operator]
        if isinstance(value.right, Literal):
            if value.operator in ("IS", "IS NOT") and value.right.text == "NULL":
                return f"{left} {word} missing"
            if value.right.kind == "text" and _DATE.fullmatch(value.right.text):
                word = _DATES.get(value.operator, word)
        elif value.operator in ("=", "!="):
            word = "equals" if value.operator == "=" else "does not equal"
        if isinstance(value.right, (Binary, In, Between, Exists)) and not right.startswith("("):
            right = f"({right})"
        return f"{left} {word} {right}"

    def member(self, value: In, scope: Scope) -> str:
        left = self.value(value.value, scope)
        if isinstance(value.members, Query):
            return f"{left} is {'not ' if value.negated else ''}among ({self.query(value.members, scope)})"
        members = listed([self.value(m, scope) for m in value.members], "or")
        if value.negated:
            return f"{left} is not {members}" if len(value.members) == 1 else f"{left} is neither {members}"
        return f"{left} is {members}"

    def like(self, value: Binary, scope: Scope) -> str:
        left = self.value(value.left, scope)
        negated = value.operator == "NOT LIKE"
        words = ("contains", "starts with", "ends with", "is like")
        if negated:
            words = ("does not contain", "does not start with", "does not end with", "is not like")
        if isinstance(value.right, Literal) and value.right.kind == "text":
            pattern = value.right.text
            bare = pattern.strip("%")
            if bare and "%" not in bare and "_" not in bare:
                ends = (pattern.startswith("%"), pattern.endswith("%"))
                kinds = {(True, True): 0, (False, True): 1, (True, False): 2, (False, False): 3}
                return f"{left} {words[kinds[ends]]} {_quoted(bare)}"
        word = "does not match the pattern" if negated else "matches the pattern"
        return f"{left} {word} {self.value(value.right, scope)}"


# ---- small things --------------------------------------------------------------------------------------------


def listed(parts: Iterable[str], last: str = "and") -> str:
    """a, b and c"""
    parts = list(parts)
    return f" {last} ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _literal(value: Literal) -> str:
    if value.kind != "text":
        return value.text
    return value.text if _PLAIN_WORD.fullmatch(value.text) else _quoted(value.text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def flat(value: Expr, operator: str) -> list[Expr]:
    if isinstance(value, Binary) and value.operator == operator:
        return [*flat(value.left, operator), *flat(value.right, operator)]
    return [value]
