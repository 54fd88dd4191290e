"""Write a bound SELECT in canonical form.

Invariant: every reference is written so that SQLite resolves it to the source it was bound to.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from bench.gold.canonical_bind import Binder, only
from bench.gold.canonical_expr import AND, ExpressionWriter
from bench.gold.canonical_parse import unwrap
from bench.gold.canonical_scope import Block, Output, Query, Ref, Star
from bench.gold.errors import CanonicalError
from sqlagent.database.schema import fold
from sqlagent.sql.names import quote, text_literal


class Emitter(ExpressionWriter):
    """Writes the queries of one bound statement."""

    def __init__(self, binder: Binder) -> None:
        super().__init__(binder)
        self.block: Block | None = None

    def query(self, query: Query) -> str:
        """A whole query, without parentheses."""
        outer = self.block
        text = self._with(query)
        for number, block in enumerate(query.blocks):
            if number:
                text += f" {query.operators[number - 1]} "
            self.block = block
            text += self._select(block)
        self.block = query.blocks[0]
        args = query.node.args
        if args.get("order"):
            terms = args["order"].expressions
            text += " ORDER BY " + ", ".join(self.ordered(t, in_tail=True) for t in terms)
        if args.get("limit"):
            text += " LIMIT " + self.expression(args["limit"].expression)
        if args.get("offset"):
            text += " OFFSET " + self.expression(args["offset"].expression)
        self.block = outer
        return text

    def _with(self, query: Query) -> str:
        parts = []
        for cte in query.ctes:
            assert cte.body is not None
            columns = f"({', '.join(quote(c) for c in cte.columns)})" if cte.columns else ""
            parts.append(f"{quote(cte.name)}{columns} AS ({self.query(cte.body)})")
        if not parts:
            return ""
        return ("WITH RECURSIVE " if query.recursive else "WITH ") + ", ".join(parts) + " "

    def _select(self, block: Block) -> str:
        args = block.node.args
        if args.get("distinct"):
            only(args["distinct"], set(), "DISTINCT")
        text = "SELECT DISTINCT " if args.get("distinct") else "SELECT "
        text += ", ".join(self._result(result, block) for result in block.results)
        for place, join in enumerate(block.joins):
            if not place:
                text += " FROM "
            elif join.kind:
                text += f" {join.kind} JOIN "
            else:
                text += " JOIN " if join.on else " CROSS JOIN "
            source = join.source
            text += f"({self.query(source.body)})" if source.body else quote(source.name)
            if source.alias:
                text += f" AS {source.alias}"
            if join.on:
                text += " ON " + self._all(join.on)
        if block.where:
            text += " WHERE " + self._all(block.where)
        if args.get("group"):
            text += " GROUP BY " + ", ".join(self._term(t) for t in args["group"].expressions)
        if args.get("having"):
            text += " HAVING " + self.expression(args["having"].this)
        return text

    def _all(self, conditions: list[Any]) -> str:
        if len(conditions) == 1:
            return self.expression(conditions[0])
        return " AND ".join(self.expression(condition, AND) for condition in conditions)

    def _result(self, result: Output | Star, block: Block) -> str:
        if isinstance(result, Star):
            return f"{quote(result.source.qualifier)}.*" if result.source else "*"
        text = self.expression(result.node)
        return f"{text} AS {quote(result.name or '')}" if block.keeps_alias(result) else text

    def ordered(self, node: Any, *, in_tail: bool = False) -> str:
        text = self._term(node.this, in_order=in_tail)
        descending = bool(node.args.get("desc"))
        if descending:
            text += " DESC"
        nulls_first = node.args.get("nulls_first")
        if nulls_first is not None and bool(nulls_first) == descending:
            text += " NULLS FIRST" if nulls_first else " NULLS LAST"
        return text

    def _term(self, node: Any, *, in_order: bool = False) -> str:
        """A term of ORDER BY or GROUP BY."""
        output = self.binder.terms.get(id(node))
        if output is None:
            bare = unwrap(node)
            ref = self.binder.refs.get(id(bare)) if isinstance(bare, exp.Column) else None
            if in_order and ref is not None and ref.text is None:
                # An alias as a whole term comes before any column of that name.
                return self.column(ref, beside_aliases=True) if ref.source else quote(ref.name)
            if isinstance(bare, exp.Literal) and not bare.is_string:
                raise CanonicalError("constant term")
            return self.expression(node)
        if output.ref is not None:
            return self.column(output.ref, beside_aliases=in_order)
        assert self.block is not None
        if self.block.keeps_alias(output) and (in_order or not self._hides(output.name or "")):
            return quote(output.name or "")
        return self.expression(output.node)

    def _hides(self, name: str) -> bool:
        """Whether a bare name is a column of this block before it is an alias."""
        sources = self.block.sources if self.block is not None else []
        return any(fold(c.name or "") == fold(name) for source in sources for c in source.columns)

    def column(self, ref: Ref, *, beside_aliases: bool = False) -> str:
        """A reference, bare where its FROM has one source and it is this block's."""
        if ref.text is not None:
            return text_literal(ref.text)
        if not ref.name:
            raise CanonicalError("reference to an unnamed column")
        if ref.source is None:
            if self._hides(ref.name):
                raise CanonicalError("alias that a column of the same name hides")
            return quote(ref.name)
        block = self.block
        assert block is not None
        if len(block.joins) == 1 and ref.source is block.joins[0].source:
            # In ORDER BY a bare name is an alias first.
            aliases = {fold(o.name or "") for o in block.outputs if beside_aliases and block.keeps_alias(o)}
            if fold(ref.name) not in aliases:
                return quote(ref.name)
        return f"{quote(ref.source.qualifier)}.{quote(ref.name)}"
