"""sqlglot's parser, held to what SQLite reads.

Invariant: the tree keeps every function under the name that was written, and nothing was rewritten on the
way: sqlglot's own SQLite dialect turns STRFTIME, SUBSTR, IIF and others into nodes that forget their
spelling.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from sqlglot import TokenType, exp
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import SqlglotError
from sqlglot.parsers.sqlite import SQLiteParser

from bench.gold.errors import CanonicalError

_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*([A-Za-z]*)", re.S)


class _Parser(SQLiteParser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CAST": lambda self: self.cast()}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CASE": lambda self: self._parse_case()}
    UNARY_PARSERS: ClassVar[dict[Any, Any]] = {
        **SQLiteParser.UNARY_PARSERS,
        TokenType.PLUS: lambda self: self.plus(),
    }

    def _parse_paren(self) -> exp.Expr | None:
        paren = super()._parse_paren()
        if isinstance(paren, exp.Paren):
            paren.meta["written"] = True
        return paren

    def cast(self) -> exp.Expr:
        """`CAST(x AS any words(1, 2))`: SQLite takes any words for a type, and so must we."""
        this = self._parse_disjunction()
        if not self._match(TokenType.ALIAS):
            self.raise_error("Expected AS after CAST")
        words, depth = [], 0
        while self._curr and (depth or self._curr.token_type != TokenType.R_PAREN):
            depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(self._curr.token_type, 0)
            words.append(self._curr.text)
            self._advance()
        return self.expression(exp.Cast(this=this, to=exp.Var(this=" ".join(words))))

    def plus(self) -> exp.Expr:
        # Unary plus takes a column's affinity away, so it cannot simply be dropped.
        raise CanonicalError("unary plus")


class _Dialect(SQLite):
    Parser = _Parser


def parse(sql: str) -> exp.Expr:
    """The tree of the one SELECT in `sql`. Raises CanonicalError for anything else."""
    word = _FIRST_WORD.match(sql)
    if word is None or word.group(1).upper() not in ("SELECT", "WITH"):
        raise CanonicalError("not a SELECT")
    try:
        statements = [tree for tree in _Dialect().parse(sql) if tree is not None]
    except SqlglotError as error:
        raise CanonicalError("parse error", str(error).split("\n")[0]) from None
    if len(statements) != 1:
        raise CanonicalError("more than one statement")
    return statements[0]


def is_written(node: Any) -> bool:
    """Whether parentheses stand in the text: sqlglot adds some of its own where it doubts an operator."""
    return isinstance(node, exp.Paren) and "written" in node.meta


def unwrap(node: Any) -> Any:
    """The expression inside any number of parentheses."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def conjuncts(node: Any) -> list[Any]:
    """The terms of a conjunction, parentheses opened, in the order written."""
    node = unwrap(node)
    if isinstance(node, exp.And):
        return conjuncts(node.this) + conjuncts(node.expression)
    return [node]
