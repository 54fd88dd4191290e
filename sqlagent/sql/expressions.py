"""Read expressions, operators by their precedence (https://sqlite.org/lang_expr.html).

The method is Pratt's: an operand, then operators as long as they bind tighter than what stands before the operand.
"""

from __future__ import annotations

from sqlagent.sql.cursor import RESERVED, Cursor
from sqlagent.sql.lexer import Token, unquoted
from sqlagent.sql.tree import (
    Between,
    Binary,
    Call,
    Case,
    Cast,
    Collate,
    Column,
    Exists,
    Expr,
    Frame,
    In,
    Like,
    Literal,
    Name,
    NullTest,
    Parameter,
    Paren,
    Query,
    Row,
    Star,
    Subquery,
    TableRef,
    Term,
    Unary,
    When,
    Window,
)

_OR, _AND, _NOT, _EQUAL, _COMPARE, _BITS, _ADD, _MULTIPLY, _CONCAT, _COLLATE, _SIGN = range(1, 12)
_LEVELS = {
    "OR": _OR,
    "AND": _AND,
    **dict.fromkeys(("=", "==", "!=", "<>"), _EQUAL),
    **dict.fromkeys(("<", "<=", ">", ">="), _COMPARE),
    **dict.fromkeys(("&", "|", "<<", ">>"), _BITS),
    **dict.fromkeys(("+", "-"), _ADD),
    **dict.fromkeys(("*", "/", "%"), _MULTIPLY),
    **dict.fromkeys(("||", "->", "->>"), _CONCAT),
}
_SPELT = {"==": "=", "<>": "!="}
_PATTERNS = ("LIKE", "GLOB", "MATCH", "REGEXP")
_TESTS = frozenset(["IS", "NOT", "IN", "BETWEEN", "ISNULL", "NOTNULL", *_PATTERNS])
"""Operators of the level of `=` that are spelt in words; NOT begins some of them."""
_CONSTANTS = frozenset(["NULL", "TRUE", "FALSE", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"])


class Expressions(Cursor):
    """Reads expressions; queries within them are left to `query`."""

    def query(self) -> Query:
        raise NotImplementedError

    def terms(self) -> tuple[Term, ...]:
        raise NotImplementedError

    def expression(self, level: int = 0) -> Expr:
        """An expression whose operators bind at least as tight as a level."""
        self.enter()
        left = self.operand()
        keys = self.keys
        while True:
            key = keys[self.at]
            found = _LEVELS.get(key)
            if found is not None:
                if found < level:
                    break
                at = self.tokens[self.at].start
                self.at += 1
                right = self.expression(found + 1)
                left = Binary(left.start, right.end, _SPELT.get(key, key), at, left, right)
            elif key in _TESTS:
                if level > _EQUAL:
                    break
                tested = self.test(left, key)
                if tested is None:
                    break
                left = tested
            elif key == "COLLATE":
                if level > _COLLATE:
                    break
                self.at += 1
                collation = self.name()
                left = Collate(left.start, collation.end, left, collation)
            else:
                break
        self.depth -= 1
        return left

    def expressions(self) -> tuple[Expr, ...]:
        """Expressions between commas."""
        found = [self.expression()]
        while self.keys[self.at] == ",":
            self.at += 1
            found.append(self.expression())
        return tuple(found)

    # ---- operators in words ----

    def test(self, left: Expr, key: str) -> Expr | None:
        """What an operator of words makes of the operand before it; None where NOT begins no such operator."""
        at = self.tokens[self.at].start
        negated = key == "NOT"
        if negated:
            key = self.keys[self.at + 1]
            if key not in _TESTS and key != "NULL" or key in ("IS", "NOT", "ISNULL", "NOTNULL"):
                return None
            self.at += 1
        self.at += 1
        if key == "IS":
            operator = "IS NOT" if self.take("NOT") else "IS"
            if self.take("DISTINCT", "FROM"):
                operator += " DISTINCT FROM"
            right = self.expression(_EQUAL + 1)
            return Binary(left.start, right.end, operator, at, left, right)
        if key == "IN":
            return self.membership(left, at, negated)
        if key == "BETWEEN":
            low = self.expression(_NOT)
            self.expect("AND")
            high = self.expression(_EQUAL + 1)
            return Between(left.start, high.end, at, negated, left, low, high)
        if key in _PATTERNS:
            right = self.expression(_EQUAL + 1)
            escape = self.expression(_EQUAL + 1) if self.take("ESCAPE") else None
            return Like(left.start, self.end, key, at, negated, left, right, escape)
        return NullTest(left.start, self.end, left, negated or key == "NOTNULL")

    def membership(self, left: Expr, at: int, negated: bool) -> In:
        members: tuple[Expr, ...] = ()
        query: Query | None = None
        table: TableRef | None = None
        if self.take("("):
            if self.opens_query():
                query = self.query()
            elif self.keys[self.at] != ")":
                members = self.expressions()
            self.expect(")")
        else:
            table = self.table_name()
        return In(left.start, self.end, at, negated, left, members, query, table)

    def table_name(self) -> TableRef:
        """A table's name, its schema's before it and its arguments behind it where there are any."""
        start = self.tokens[self.at].start
        name = self.name()
        schema: Name | None = None
        if self.take("."):
            schema, name = name, self.name()
        arguments: tuple[Expr, ...] | None = None
        if self.take("("):
            arguments = () if self.keys[self.at] == ")" else self.expressions()
            self.expect(")")
        return TableRef(start, self.end, schema, name, arguments, None, None)

    # ---- operands ----

    def operand(self) -> Expr:
        token = self.tokens[self.at]
        kind, key = token.kind, token.key
        if kind == "name":
            if key not in RESERVED:
                following = self.keys[self.at + 1]
                if following == "(":
                    return self.cast(token) if key == "CAST" else self.call()
                if key == "CAST":
                    raise self.fail()
                if key in _CONSTANTS and following != ".":
                    self.at += 1
                    return Literal(token.start, token.end, "word", key)
                return self.column()
            if key == "NULL":
                self.at += 1
                return Literal(token.start, token.end, "word", key)
            if key == "NOT":
                self.at += 1
                value = self.expression(_NOT)
                return Unary(token.start, value.end, key, value)
            if key == "EXISTS":
                self.at += 1
                self.expect("(")
                query = self.query()
                self.expect(")")
                return Exists(token.start, self.end, query)
            if key == "CASE":
                return self.case(token)
            raise self.fail()
        if kind == "operator":
            if key == "(":
                return self.parenthesised(token)
            if key in ("-", "+", "~"):
                self.at += 1
                value = self.expression(_SIGN)
                return Unary(token.start, value.end, key, value)
            raise self.fail()
        if kind == "text" and self.keys[self.at + 1] != ".":
            self.at += 1
            return Literal(token.start, token.end, kind, unquoted(token))
        if kind == "number" or kind == "blob":
            self.at += 1
            return Literal(token.start, token.end, kind, token.text)
        if kind == "parameter":
            self.at += 1
            return Parameter(token.start, token.end, token.text)
        if kind == "quoted" and self.keys[self.at + 1] == "(":
            return self.call()
        return self.column()

    def column(self) -> Column:
        name = self.name()
        start = name.start
        schema = qualifier = None
        if self.keys[self.at] == ".":
            self.at += 1
            qualifier, name = name, self.name()
            if self.keys[self.at] == ".":
                self.at += 1
                schema, qualifier, name = qualifier, name, self.name()
        return Column(start, name.end, schema, qualifier, name)

    def parenthesised(self, token: Token) -> Expr:
        self.at += 1
        if self.opens_query():
            query = self.query()
            self.expect(")")
            return Subquery(token.start, self.end, query)
        value = self.expression()
        if self.keys[self.at] == ",":
            self.at += 1
            values = (value, *self.expressions())
            self.expect(")")
            return Row(token.start, self.end, values)
        self.expect(")")
        return Paren(token.start, self.end, value)

    def case(self, token: Token) -> Case:
        self.at += 1
        value = None if self.keys[self.at] == "WHEN" else self.expression()
        whens: list[When] = []
        while self.keys[self.at] == "WHEN" or not whens:
            start = self.tokens[self.at].start
            self.expect("WHEN")
            condition = self.expression()
            self.expect("THEN")
            result = self.expression()
            whens.append(When(start, self.end, condition, result))
        otherwise = self.expression() if self.take("ELSE") else None
        self.expect("END")
        return Case(token.start, self.end, value, tuple(whens), otherwise)

    def cast(self, token: Token) -> Cast:
        self.at += 2
        value = self.expression()
        self.expect("AS")
        start = end = self.tokens[self.at].start
        while self.keys[self.at] not in ("(", ")"):
            end = self.name().end
        if end > start and self.take("("):
            self.signed()
            if self.take(","):
                self.signed()
            self.expect(")")
            end = self.end
        self.expect(")")
        return Cast(token.start, self.end, value, self.sql[start:end])

    def signed(self) -> None:
        """A number of a type's, with its sign."""
        if not self.take("-"):
            self.take("+")
        self.expect("number")

    def call(self) -> Call:
        name = self.name()
        self.at += 1
        distinct = False
        arguments: tuple[Expr, ...] = ()
        order: tuple[Term, ...] = ()
        if self.keys[self.at] == "*":
            star = self.tokens[self.at]
            arguments = (Star(star.start, star.end, None),)
            self.at += 1
        elif self.keys[self.at] != ")":
            distinct = self.take("DISTINCT")
            if not distinct:
                self.take("ALL")
            if self.keys[self.at] != ")":
                arguments = self.expressions()
            if self.take("ORDER", "BY"):
                order = self.terms()
        self.expect(")")
        condition: Expr | None = None
        window: Window | Name | None = None
        if self.take("FILTER", "("):
            self.expect("WHERE")
            condition = self.expression()
            self.expect(")")
        if self.keys[self.at] == "OVER":
            following = self.tokens[self.at + 1]
            if following.key == "(":
                self.at += 1
                window = self.window()
            elif self.is_name(following):
                self.at += 1
                window = self.name()
        return Call(name.start, self.end, name, distinct, arguments, order, condition, window)

    # ---- windows ----

    def window(self) -> Window:
        """A window with its parentheses."""
        start = self.tokens[self.at].start
        self.expect("(")
        base: Name | None = None
        if self.keys[self.at] not in ("PARTITION", "ORDER", "RANGE", "ROWS", "GROUPS", ")"):
            base = self.name()
        partition = self.expressions() if self.take("PARTITION", "BY") else ()
        order = self.terms() if self.take("ORDER", "BY") else ()
        frame = self.frame() if self.keys[self.at] in ("RANGE", "ROWS", "GROUPS") else None
        self.expect(")")
        return Window(start, self.end, base, partition, order, frame)

    def frame(self) -> Frame:
        start, unit = self.tokens[self.at].start, self.keys[self.at]
        self.at += 1
        bounds: list[Expr] = []
        if self.take("BETWEEN"):
            self.bound(bounds)
            self.expect("AND")
        self.bound(bounds)
        if self.take("EXCLUDE") and not (
            self.take("NO", "OTHERS")
            or self.take("CURRENT", "ROW")
            or self.take("GROUP")
            or self.take("TIES")
        ):
            raise self.fail()
        return Frame(start, self.end, unit, tuple(bounds))

    def bound(self, bounds: list[Expr]) -> None:
        if self.take("CURRENT", "ROW"):
            return
        if not self.take("UNBOUNDED"):
            bounds.append(self.expression(_NOT))
        if not (self.take("PRECEDING") or self.take("FOLLOWING")):
            raise self.fail("PRECEDING")
