"""Lower conditions and calculation: a column beside constants, beside another column, or beside a query's result."""

from __future__ import annotations

from sqlagent.database.column_facts.encodings import Duration, Flag, Named, Scaled, TextNumber
from sqlagent.lowering.calls import Calls
from sqlagent.lowering.comparisons import between, compared, like, member
from sqlagent.lowering.constants import is_constant
from sqlagent.sql.tree import (
    Between,
    Binary,
    Call,
    Column,
    Expr,
    In,
    Like,
    Literal,
    Node,
    NullTest,
    Select,
    Subquery,
    Unary,
)
from sqlagent.sql.walk import bare

_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "IS", "IS NOT", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
_ARITHMETIC = ("+", "-", "*", "/", "%", "&", "|", "<<", ">>")
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_DECIDING = (Binary, Between, In, Like)
"""Conditions that choose a row only where they are true, and look at no other condition within them."""


class Conditions(Calls):
    """Each rule says whether it has dealt with the node."""

    def chosen_by(self, node: Expr) -> None:
        """A condition that chooses rows, or one of several that do."""
        inner = bare(node)
        if isinstance(inner, Binary) and inner.operator in ("AND", "OR"):
            self.chosen_by(inner.left)
            self.chosen_by(inner.right)
            return
        before, self.strict = self.strict, not isinstance(inner, _DECIDING)
        self.condition(node)
        self.strict = before

    def condition(self, node: Expr) -> None:
        """An expression of which only the truth counts."""
        inner = bare(node)
        if isinstance(inner, Binary) and inner.operator in ("AND", "OR"):
            self.condition(inner.left)
            self.condition(inner.right)
        elif isinstance(inner, Unary) and inner.operator == "NOT":
            self.condition(inner.value)
        else:
            column = self.stored(inner)
            if column is not None and isinstance(column.encoding, Flag):
                self.put(inner, inner, column.meaning())
            elif column is None:
                self.value(node, meant=True)

    def binary(self, node: Binary, meant: bool) -> bool:
        if node.operator in ("AND", "OR"):
            self.condition(node.left)
            self.condition(node.right)
            return True
        if node.operator in _ARITHMETIC:
            return self.arithmetic(node)
        if node.operator not in _COMPARISONS:
            return False
        for left, right, operator in (
            (node.left, node.right, node.operator),
            (node.right, node.left, _TURNED.get(node.operator, node.operator)),
        ):
            if self.compared_with_constant(node, left, operator, right):
                return True
        return self.compared_columns(node)

    def arithmetic(self, node: Binary) -> bool:
        """Calculation: with numbers as they are meant; a time that is counted is taken as stored."""
        for side in (node.left, node.right):
            column = self.stored(side)
            if column is None:
                self.value(side, meant=True)
            elif isinstance(column.encoding, (TextNumber, Scaled, Duration)) and not column.fact.key:
                self.put(side, side, column.meaning())
        return True

    def compared_with_constant(self, node: Node, left: Expr, operator: str, right: Expr) -> bool:
        """`column op constant`, `date(column) op constant`."""
        if not is_constant(right):
            return False
        found = self.cut(left)
        if found is None:
            return False
        column, grain, value = found
        text = compared(self.statement, column, operator, right, grain, self.strict)
        if text is not None:
            self.put(node, value, text)
            return True
        return grain is None

    def compared_columns(self, node: Binary) -> bool:
        """Two expressions with columns: alike where both are stored alike, else as they are meant."""
        self.strict = True
        left, right = self.physical(node.left), self.physical(node.right)
        if left is not None and right is not None and left.encoding == right.encoding:
            exact = node.operator in ("=", "!=", "IS", "IS NOT")
            if left.injective if exact else left.monotone and not left.fact.nothing:
                for side in (node.left, node.right):
                    self.as_stored(side)
                return True
        for side, other in ((node.left, node.right), (node.right, node.left)):
            column = self.stored(side)
            if column is None:
                self.value(side, meant=True)
            elif isinstance(column.encoding, Named) and isinstance(bare(other), Column):
                continue  # a code beside another column: that of the table which says what it means
            elif not column.fact.key and not self.quoted_text(other) and column.encoding is not None:
                self.put(side, side, column.meaning())
        return True

    def as_stored(self, node: Expr) -> None:
        """Read an expression that `physical` knows: its own value stays as it is stored."""
        inner = bare(node)
        if isinstance(inner, Subquery):
            self.query(inner.query, stored=True)
        elif isinstance(inner, Call):
            argument = inner.arguments[0]
            column = self.stored(argument)
            if column is not None and column.fact.nothing:
                self.put(argument, argument, column.clean)
        else:
            column = self.stored(inner)
            if column is not None and column.fact.nothing and not column.fact.key:
                self.put(inner, inner, column.clean)

    def between(self, node: Between, meant: bool) -> bool:
        if not (is_constant(node.low) and is_constant(node.high)):
            return False
        found = self.cut(node.value)
        if found is None:
            return False
        column, grain, value = found
        text = between(self.statement, column, node, grain, self.strict)
        if text is not None:
            self.put(node, value, text)
            return True
        return grain is None

    def member(self, node: In, meant: bool) -> bool:
        if node.query is not None:
            left = self.stored(node.value)
            arm = node.query.arms[0]
            right = (
                self.stored(arm.items[0].value)
                if isinstance(arm, Select) and len(node.query.arms) == 1 and len(arm.items) == 1
                else None
            )
            if left is not None and right is not None and left.encoding == right.encoding and left.injective:
                self.as_stored(node.value)
                self.query(node.query, stored=True)
                return True
            if left is None:
                self.value(node.value, meant=True)
            elif not left.fact.key and not (isinstance(left.encoding, Named) and right is None):
                self.put(node.value, node.value, left.meaning())
            self.query(node.query, meant=True)
            if right is not None and not right.fact.key and not (right.is_time and right.encoding):
                assert isinstance(arm, Select)
                self.put(arm.items[0].value, arm.items[0].value, right.meaning())
            return True
        if not all(map(is_constant, node.members)):
            return False
        found = self.cut(node.value)
        if found is None:
            return False
        column, grain, value = found
        text = member(self.statement, column, node, grain, self.strict)
        if text is not None:
            self.put(node, value, text)
            return True
        return grain is None

    def like(self, node: Like, meant: bool) -> bool:
        column = self.stored(node.left)
        if column is None:
            return False
        if node.operator == "LIKE" and node.escape is None and isinstance(node.right, Literal):
            text = like(column, node.right.value, node.negated, self.strict)
            if text is not None:
                self.put(node, node.left, text)
        return True

    def null_test(self, node: NullTest, meant: bool) -> bool:
        column = self.stored(node.value)
        if column is None:
            return False
        if column.fact.nothing:
            self.put(node, node.value, column.is_nothing(node.negated))
        return True
