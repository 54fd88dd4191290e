"""Write the expressions of a bound SELECT in canonical form.

Invariant: what is written reads back, under SQLite's precedence, as the same tree; a node that is not listed
here is refused, never passed through.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from sqlglot import exp

from bench.gold.canonical_bind import Binder, only
from bench.gold.canonical_literals import affinity, number
from bench.gold.canonical_parse import is_written, unwrap
from bench.gold.canonical_scope import Query, Ref
from bench.gold.errors import CanonicalError
from sqlagent.sql.names import KEYWORDS, quote, text_literal

OR, AND, NOT, EQUAL, COMPARE, BITS, SUM, PRODUCT, CONCAT, COLLATE, UNARY, ATOM = range(1, 13)
"""SQLite's precedence, loosest first. What stands beside an operator of the levels EQUAL and COMPARE is put
in parentheses below BITS, though SQLite would read some of it without."""

_BINARY = {
    exp.EQ: ("=", EQUAL),
    exp.NEQ: ("!=", EQUAL),
    exp.NullSafeEQ: ("IS", EQUAL),
    exp.NullSafeNEQ: ("IS NOT", EQUAL),
    exp.Like: ("LIKE", EQUAL),
    exp.Glob: ("GLOB", EQUAL),
    exp.LT: ("<", COMPARE),
    exp.GT: (">", COMPARE),
    exp.LTE: ("<=", COMPARE),
    exp.GTE: (">=", COMPARE),
    exp.BitwiseAnd: ("&", BITS),
    exp.BitwiseOr: ("|", BITS),
    exp.BitwiseLeftShift: ("<<", BITS),
    exp.BitwiseRightShift: (">>", BITS),
    exp.Add: ("+", SUM),
    exp.Sub: ("-", SUM),
    exp.Mul: ("*", PRODUCT),
    exp.Div: ("/", PRODUCT),
    exp.Mod: ("%", PRODUCT),
    exp.DPipe: ("||", CONCAT),
}
_NEGATABLE = (exp.Like, exp.Glob, exp.In, exp.Between)
_MISREAD = (exp.Like, exp.Glob, exp.In, exp.Between, exp.Is, exp.Not, exp.NullSafeEQ, exp.NullSafeNEQ)
"""What sqlglot may have read in another order than SQLite where it stands beside an operator, as in
`a = b LIKE c` and `NOT a IN (1) + b`."""
_CLOCKS = {
    exp.CurrentDate: "CURRENT_DATE",
    exp.CurrentTime: "CURRENT_TIME",
    exp.CurrentTimestamp: "CURRENT_TIMESTAMP",
}


class ExpressionWriter(ABC):
    """Writes expressions; how a reference, a nested query and a sort term look is the subclass's part."""

    def __init__(self, binder: Binder) -> None:
        self.binder = binder

    @abstractmethod
    def query(self, query: Query) -> str:
        """A whole query, without parentheses."""

    @abstractmethod
    def column(self, ref: Ref) -> str:
        """A reference."""

    @abstractmethod
    def ordered(self, node: Any) -> str:
        """A sort term with its direction."""

    def expression(self, node: Any, least: int = OR) -> str:
        """An expression, in parentheses if it binds less tightly than `least`."""
        if least >= BITS and not is_written(node) and isinstance(unwrap(node), _MISREAD):
            raise CanonicalError("operator beside a comparison without parentheses")
        node = unwrap(node)
        text, level = self._write(node)
        return text if level >= least else f"({text})"

    def _write(self, node: Any) -> tuple[str, int]:
        """An expression and the precedence of its outermost operator."""
        kind = type(node)
        if isinstance(node, exp.Column):
            return self.column(self.binder.refs[id(node)]), ATOM
        if kind in _BINARY:
            return self._binary(node)
        if isinstance(node, (exp.Select, exp.SetOperation, exp.Subquery)):
            return f"({self.query(self.binder.queries[id(node)])})", ATOM
        if kind in _CLOCKS:
            only(node, set(), _CLOCKS[kind])
            return _CLOCKS[kind], ATOM
        writer = self._WRITERS.get(kind)
        if writer is None:
            raise CanonicalError(f"unsupported: {kind.__name__}")
        return writer(self, node)

    def _binary(self, node: Any, negated: str = "") -> tuple[str, int]:
        operator, level = _BINARY[type(node)]
        if node.args.get("negate"):
            negated = "" if negated else "NOT "
        if level in (EQUAL, COMPARE):
            left, right = self.expression(node.this, BITS), self.expression(node.expression, BITS)
        else:
            left, right = self.expression(node.this, level), self.expression(node.expression, level + 1)
        return f"{left} {negated}{operator} {right}", level

    def _connective(self, node: Any) -> tuple[str, int]:
        kind = type(node)
        word, level = ("AND", AND) if kind is exp.And else ("OR", OR)
        terms = self._chain(node, kind)
        return f" {word} ".join(self.expression(term, level + 1) for term in terms), level

    def _chain(self, node: Any, kind: type[Any]) -> list[Any]:
        node = unwrap(node)
        if type(node) is not kind:
            return [node]
        return self._chain(node.this, kind) + self._chain(node.expression, kind)

    def _not(self, node: Any) -> tuple[str, int]:
        inner = unwrap(node.this)
        if isinstance(inner, _NEGATABLE) and not inner.args.get("negate"):
            return self._range(inner, "NOT ")
        if isinstance(inner, exp.Escape) and not inner.this.args.get("negate"):
            return self._escape(inner, "NOT ")
        if isinstance(inner, exp.Is) and not inner.args.get("negate"):
            return self._is(inner, "NOT ")
        if isinstance(inner, exp.Exists):
            return "NOT " + self._exists(inner)[0], NOT
        return "NOT " + self.expression(inner, NOT), NOT

    def _range(self, node: Any, negated: str = "") -> tuple[str, int]:
        if isinstance(node, exp.In):
            return self._in(node, negated)
        if isinstance(node, exp.Between):
            only(node, {"this", "low", "high"}, "BETWEEN")
            this, low, high = (self.expression(node.args[part], BITS) for part in ("this", "low", "high"))
            return f"{this} {negated}BETWEEN {low} AND {high}", EQUAL
        return self._binary(node, negated)

    def _in(self, node: Any, negated: str = "") -> tuple[str, int]:
        only(node, {"this", "expressions", "query"}, "IN")
        left = self.expression(node.this, BITS)
        query = node.args.get("query")
        if query is None and len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Query):
            # `IN ((SELECT …))` is `IN (SELECT …)` to SQLite.
            query = node.expressions[0]
        if query is not None:
            return f"{left} {negated}IN {self._write(query)[0]}", EQUAL
        values = ", ".join(self.expression(value) for value in node.expressions)
        return f"{left} {negated}IN ({values})", EQUAL

    def _is(self, node: Any, negated: str = "") -> tuple[str, int]:
        if node.args.get("negate"):
            negated = "" if negated else "NOT "
        right = unwrap(node.expression)
        if isinstance(right, exp.Boolean):
            text = "TRUE" if right.this else "FALSE"
        else:
            text = self.expression(right, BITS)
        return f"{self.expression(node.this, BITS)} IS {negated}{text}", EQUAL

    def _escape(self, node: Any, negated: str = "") -> tuple[str, int]:
        text, level = self._binary(unwrap(node.this), negated)
        return f"{text} ESCAPE {self.expression(node.expression, BITS)}", level

    def _exists(self, node: Any) -> tuple[str, int]:
        text = self._write(node.this)[0]
        return "EXISTS " + text, ATOM

    def _negative(self, node: Any) -> tuple[str, int]:
        sign = "-" if isinstance(node, exp.Neg) else "~"
        text = self.expression(node.this, UNARY)
        # Two minus signs in a row start a comment, and two tildes are an operator to sqlglot.
        return sign + (f"({text})" if text[0] in "-~" else text), UNARY

    def _collate(self, node: Any) -> tuple[str, int]:
        name = node.expression.name
        return f"{self.expression(node.this, COLLATE)} COLLATE {quote(name.upper())}", COLLATE

    def _case(self, node: Any) -> tuple[str, int]:
        text = "CASE"
        if node.this is not None:
            text += " " + self.expression(node.this)
        for branch in node.args["ifs"]:
            text += f" WHEN {self.expression(branch.this)} THEN {self.expression(branch.args['true'])}"
        if node.args.get("default") is not None:
            text += " ELSE " + self.expression(node.args["default"])
        return text + " END", ATOM

    def _cast(self, node: Any) -> tuple[str, int]:
        if not isinstance(node.args["to"], exp.Var):
            raise CanonicalError("unsupported: typed literal")
        return f"CAST({self.expression(node.this)} AS {affinity(node.args['to'].name)})", ATOM

    def _function(self, node: Any) -> tuple[str, int]:
        arguments = list(node.expressions)
        distinct = ""
        if arguments and isinstance(arguments[0], exp.Distinct):
            only(arguments[0], {"expressions"}, "DISTINCT")
            distinct = "DISTINCT "
            arguments[:1] = arguments[0].expressions
        if any(isinstance(argument, exp.Order) for argument in arguments):
            raise CanonicalError("unsupported: ORDER BY in a function")
        name = node.name.upper()
        if name in KEYWORDS and name not in ("REPLACE", "IF"):
            # `GLOB(x, y)`, but also what sqlglot makes of some operators before a parenthesis.
            raise CanonicalError("unsupported: operator as a function")
        texts = ["*" if isinstance(a, exp.Star) else self.expression(a) for a in arguments]
        if name == "COUNT" and not texts:
            texts = ["*"]
        return f"{quote(name) if not name.isidentifier() else name}({distinct}{', '.join(texts)})", ATOM

    def _filter(self, node: Any) -> tuple[str, int]:
        return f"{self.expression(node.this)} FILTER (WHERE {self.expression(node.expression.this)})", ATOM

    def _window(self, node: Any) -> tuple[str, int]:
        only(node, {"this", "partition_by", "order", "spec", "over"}, "a window")
        parts = []
        if node.args.get("partition_by"):
            terms = node.args["partition_by"]
            parts.append("PARTITION BY " + ", ".join(self.expression(term) for term in terms))
        if node.args.get("order"):
            parts.append("ORDER BY " + ", ".join(self.ordered(t) for t in node.args["order"].expressions))
        if node.args.get("spec"):
            parts.append(self._frame(node.args["spec"]))
        return f"{self.expression(node.this)} OVER ({' '.join(parts)})", ATOM

    def _frame(self, node: Any) -> str:
        only(node, {"kind", "start", "start_side", "end", "end_side"}, "a window frame")
        bounds = []
        for bound in ("start", "end"):
            value = node.args.get(bound)
            if value is not None:
                text = value.upper() if isinstance(value, str) else self.expression(value)
                bounds.append(" ".join(filter(None, (text, (node.args.get(f"{bound}_side") or "").upper()))))
        frame = f"BETWEEN {bounds[0]} AND {bounds[1]}" if len(bounds) == 2 else bounds[0]
        return f"{node.args['kind'].upper()} {frame}"

    def _literal(self, node: Any) -> tuple[str, int]:
        return (text_literal(node.name) if node.is_string else number(node.name)), ATOM

    def _tuple(self, node: Any) -> tuple[str, int]:
        return f"({', '.join(self.expression(e) for e in node.expressions)})", ATOM

    _WRITERS: ClassVar[dict[type[Any], Callable[[ExpressionWriter, Any], tuple[str, int]]]] = {
        exp.And: _connective,
        exp.Or: _connective,
        exp.Not: _not,
        exp.In: _range,
        exp.Between: _range,
        exp.Is: _is,
        exp.Escape: _escape,
        exp.Exists: _exists,
        exp.Neg: _negative,
        exp.BitwiseNot: _negative,
        exp.Collate: _collate,
        exp.Case: _case,
        exp.Cast: _cast,
        exp.Anonymous: _function,
        exp.Filter: _filter,
        exp.Window: _window,
        exp.Literal: _literal,
        exp.Tuple: _tuple,
        exp.Null: lambda self, node: ("NULL", ATOM),
        exp.Boolean: lambda self, node: ("1" if node.this else "0", ATOM),
    }
