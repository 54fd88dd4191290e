"""Resolve every name of a parsed SELECT by SQLite's scope rules.

Invariant: after `Binder.query`, every column node of the tree has an entry in `refs` (or, for a term that
stands for a result column, in `terms`), and every nested query an entry in `queries`. The tree itself is
never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from bench.gold.canonical_parse import conjuncts, unwrap
from bench.gold.canonical_resolve import Resolver
from bench.gold.canonical_scope import Block, Cte, Join, Output, Query, Ref, Source, Star
from bench.gold.errors import CanonicalError
from sqlagent.database.schema import fold

_SELECT_PARTS = {"expressions", "from_", "joins", "where", "group", "having", "distinct"}
_TAIL_PARTS = {"with_", "order", "limit", "offset"}
_SET_PARTS = {"this", "expression", "distinct", "by_name"}


class Binder(Resolver):
    """Binds one statement; `blocks` lists its SELECTs, an enclosing one before those inside it."""

    def query(
        self, node: Any, parent: Block | None, role: str, ctes: Mapping[str, Cte] | None = None
    ) -> Query:
        """Bind a SELECT or a set operation. `role` as in Block; `parent` is the enclosing block."""
        while isinstance(node, exp.Subquery):
            only(node, {"this"}, "a query in parentheses")
            node = node.this
        query = Query([], [], node)
        view = dict(ctes or {})
        if node.args.get("with_"):
            self._with(query, node.args["with_"], parent, view)
        selects: list[Any] = []
        self._flatten(node, selects, query.operators, outermost=True)
        for number, select in enumerate(selects):
            block = Block(select, parent, view, role if number == 0 or role == "top" else "value")
            self.blocks.append(block)
            query.blocks.append(block)
            self._block(block)
        if len({len(block.outputs) for block in query.blocks}) > 1:
            raise CanonicalError("set operation of unequal widths")
        self._tail(query)
        return query

    def expression(self, node: Any, block: Block) -> None:
        """Bind every column and query inside an expression of `block`."""
        if isinstance(node, exp.Column):
            if not isinstance(node.this, exp.Star):
                self.refs[id(node)] = self.resolve(node, block)
        elif isinstance(node, (exp.Select, exp.SetOperation, exp.Subquery)):
            self.queries[id(node)] = self.query(node, block, "value", block.ctes)
        else:
            for child in node.iter_expressions():
                self.expression(child, block)

    def _with(self, query: Query, node: Any, parent: Block | None, view: dict[str, Cte]) -> None:
        for item in node.expressions:
            only(item, {"this", "alias"}, "a common table expression")
            cte = Cte(item.alias, [column.name for column in item.args["alias"].args.get("columns") or []])
            query.ctes.append(cte)
            cte.outputs = [Output(name, name) for name in cte.columns]
            role = "value" if cte.columns else "table"
            if any(fold(table.name) == fold(cte.name) for table in item.this.find_all(exp.Table)):
                if not isinstance(item.this, exp.SetOperation):
                    raise CanonicalError("common table expression that refers to itself")
                query.recursive = True
                # Its columns are referred to before they are bound, so they keep their names.
                role = "value" if cte.columns else "fixed"
                cte.outputs = cte.outputs or self._first_outputs(item.this)
                view[fold(cte.name)] = cte
            cte.body = self.query(item.this, parent, role, view)
            width = cte.body.blocks[0].outputs
            if not cte.columns:
                cte.outputs = width
            elif len(width) != len(cte.columns):
                raise CanonicalError("common table expression of another width")
            view[fold(cte.name)] = cte

    def _first_outputs(self, node: Any) -> list[Output]:
        """The columns of a recursive common table expression before it is bound: its first SELECT's names."""
        while isinstance(node, exp.SetOperation):
            node = node.this
        names = [e.alias_or_name or None for e in getattr(node, "expressions", [])]
        return [Output(name, name) for name in names]

    def _flatten(self, node: Any, selects: list[Any], operators: list[str], *, outermost: bool) -> None:
        tail = _TAIL_PARTS if outermost else set()
        if isinstance(node, exp.SetOperation):
            only(node, _SET_PARTS | tail, "a set operation")
            left = node.this
            while isinstance(left, exp.Subquery) and isinstance(left.this, exp.SetOperation):
                # sqlglot's own parentheses: SQLite has none there and reads from left to right.
                only(left, {"this"}, "a query in parentheses")
                left = left.this
            self._flatten(left, selects, operators, outermost=False)
            operator = type(node).__name__.upper()
            operators.append(operator if node.args.get("distinct") else f"{operator} ALL")
            if operators[-1] not in ("UNION", "UNION ALL", "INTERSECT", "EXCEPT"):
                raise CanonicalError(f"unsupported: {operators[-1]}")
            self._flatten(node.expression, selects, operators, outermost=False)
        elif isinstance(node, exp.Select):
            only(
                node, _SELECT_PARTS | tail, "a SELECT inside a set operation" if not outermost else "a SELECT"
            )
            selects.append(node)
        else:
            raise CanonicalError(f"unsupported: {type(node).__name__} as a query")

    def _block(self, block: Block) -> None:
        node = block.node
        if node.args.get("from_"):
            block.joins.append(Join(self._source(node.args["from_"].this, block)))
        for join in node.args.get("joins") or []:
            self._join(join, block)
        for item in node.expressions:
            self._result(item, block)
        block.aliases_visible = True
        for join in block.joins:
            for condition in join.on:
                if id(condition) not in self.refs:
                    self.expression(condition, block)
        if node.args.get("where"):
            block.where = conjuncts(node.args["where"].this)
        for condition in block.where:
            self.expression(condition, block)
        group = node.args.get("group")
        if group:
            only(group, {"expressions"}, "GROUP BY")
            for term in group.expressions:
                self._term(term, block, in_order=False)
        if node.args.get("having"):
            self.expression(node.args["having"].this, block)

    def _tail(self, query: Query) -> None:
        """ORDER BY, LIMIT and OFFSET of a whole query."""
        args = query.node.args
        block = query.blocks[0]
        for ordered in args["order"].expressions if args.get("order") else []:
            if query.operators:
                self._compound_term(ordered.this, query)
            else:
                self._term(ordered.this, block, in_order=True)
        for part in ("limit", "offset"):
            if args.get(part):
                only(args[part], {"expression"}, part.upper())
                self.expression(args[part].expression, block)

    def _source(self, node: Any, block: Block) -> Source:
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            only(node, {"this", "alias"}, "a derived table")
            body = self.query(node.this, block.parent, "table", block.ctes)
            return Source(self._alias(node), "", body.blocks[0].outputs, body, body.blocks[0])
        if not isinstance(node, exp.Table):
            raise CanonicalError("unsupported: parentheses in FROM")
        only(node, {"this", "alias", "db"}, "a table in FROM")
        if not isinstance(node.this, exp.Identifier):
            raise CanonicalError("unsupported: table function")
        if node.args.get("db") and fold(node.db) != "main":
            raise CanonicalError("unknown table", f"{node.db}.{node.name}")
        cte = None if node.args.get("db") else block.ctes.get(fold(node.name))
        if cte is not None:
            named = cte.body.blocks[0] if cte.body is not None and not cte.columns else None
            return Source(self._alias(node) or cte.name, cte.name, cte.outputs, None, named)
        table = self.schema.table(node.name)
        if table is None:
            raise CanonicalError("unknown table", node.name)
        columns = [Output(column.name, column.name) for column in table.columns]
        return Source(self._alias(node) or table.name, table.name, columns)

    def _alias(self, node: Any) -> str:
        alias = node.args.get("alias")
        if alias is not None and alias.args.get("columns"):
            raise CanonicalError("unsupported: column list after a table alias")
        return str(node.alias)

    def _join(self, node: Any, block: Block) -> None:
        only(node, {"this", "side", "kind", "method", "on", "using"}, "a join")
        kind, side, method = node.kind, node.side, node.method
        if (
            side not in ("", "LEFT", "RIGHT")
            or kind not in ("", "INNER", "CROSS", "OUTER")
            or method
            not in (
                "",
                "NATURAL",
            )
        ):
            raise CanonicalError(f"unsupported: {side or method or kind} JOIN")
        source = self._source(node.this, block)
        join = Join(source, side)
        names = [identifier.name for identifier in node.args.get("using") or []]
        if method:
            names = [
                c.said for c in source.columns if c.said and any(s.column(c.said) for s in block.sources)
            ]
        if len({fold(name) for name in names}) < len(names):
            raise CanonicalError("join on a name that two columns have")
        if side == "RIGHT" and names:
            raise CanonicalError("unsupported: RIGHT JOIN with USING")
        for name in names:
            join.on.append(self._using(name, source, block))
            source.joined.add(fold(name))
        if node.args.get("on") is not None:
            join.on.extend(c for c in conjuncts(node.args["on"]) if not is_true(c))
        block.joins.append(join)

    def _using(self, name: str, source: Source, block: Block) -> Any:
        """The equality that `USING (name)` stands for."""
        sides = []
        earlier = next((s for s in block.sources if s.column(name) and fold(name) not in s.joined), None)
        for side in (earlier, source):
            column = side.column(name) if side is not None else None
            if side is None or column is None:
                raise CanonicalError("unknown column", name)
            column.used = True
            node = exp.column(name)
            self.refs[id(node)] = Ref(side, column)
            sides.append(node)
        equality = exp.EQ(this=sides[0], expression=sides[1])
        # Known already: marks the condition as bound.
        self.refs[id(equality)] = self.refs[id(sides[0])]
        self.made += [*sides, equality]
        return equality

    def _result(self, item: Any, block: Block) -> None:
        node = unwrap(item.this if isinstance(item, exp.Alias) else item)
        if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
            self._star(node, block)
            return
        self.expression(node, block)
        ref = self.refs.get(id(node))
        if ref is not None and (ref.source is None or ref.text is not None):
            ref = None
        if isinstance(item, exp.Alias):
            output = Output(item.alias, item.alias, node, ref, aliased=True)
        else:
            output = Output(node.name if ref else None, ref.name if ref else None, node, ref)
        block.outputs.append(output)
        block.results.append(output)

    def _star(self, node: Any, block: Block) -> None:
        label = node.table if isinstance(node, exp.Column) else ""
        sources = [s for s in block.sources if not label or fold(s.label) == fold(label)]
        if not sources or (label and len(sources) > 1):
            raise CanonicalError("unknown table", f"{label}.*")
        if not label and any(s.joined for s in sources):
            raise CanonicalError("* over USING or NATURAL")
        for source in sources:
            if source.block is not None:
                source.block.role = "fixed"
            for column in source.columns:
                column.used = True
                block.outputs.append(Output(column.said, column.name, None, Ref(source, column)))
        block.has_star |= not label and len(sources) > 1
        block.results.append(Star(sources[0] if label and len(block.joins) > 1 else None))

    def _term(self, node: Any, block: Block, *, in_order: bool) -> None:
        """A term of the GROUP BY, or (`in_order`) the ORDER BY, of one SELECT."""
        bare = unwrap(node)
        number = integer(bare)
        output: Output | None = None
        if number is not None:
            if not 1 <= number <= len(block.outputs):
                raise CanonicalError("term out of range")
            output = self.terms[id(node)] = block.outputs[number - 1]
        elif isinstance(bare, exp.Column) and not bare.table:
            # In ORDER BY an alias comes before a column of that name, in GROUP BY after it.
            if in_order or not any(s.column(bare.name) for s in block.sources):
                output = block.alias(bare.name)
            if output is not None:
                self.refs[id(bare)] = self._use(output.ref or Ref(output=output), block)
        if output is None:
            block.sees_outer = False
            self.expression(node, block)
            block.sees_outer = True
        elif self._is_outer(output, block, by_number=number is not None):
            raise CanonicalError("term that stands for an outer column")

    def _is_outer(self, output: Output, block: Block, *, by_number: bool) -> bool:
        """Whether what is written for a term that stands for `output` would refer to an enclosing query."""
        if output.ref is not None:
            return output.ref.source not in block.sources
        if not by_number or output.node is None:
            return False
        refs = [self.refs.get(id(column)) for column in output.node.find_all(exp.Column)]
        return any(ref is not None and ref.source in block.outer for ref in refs)

    def _compound_term(self, node: Any, query: Query) -> None:
        """A term of ORDER BY after a set operation: it stands for a result column of one of the SELECTs."""
        bare = unwrap(node)
        number = integer(bare)
        if number is None:
            number = next((n for block in query.blocks if (n := self._match(bare, block))), 0)
        outputs = query.blocks[0].outputs
        if not 1 <= number <= len(outputs):
            raise CanonicalError("ORDER BY names no result column of the set operation")
        if self._is_outer(outputs[number - 1], query.blocks[0], by_number=True):
            raise CanonicalError("term that stands for an outer column")
        outputs[number - 1].used = True
        self.terms[id(node)] = outputs[number - 1]

    def _match(self, node: Any, block: Block) -> int | None:
        """The place (from 1) of the result column of `block` that `node` stands for."""
        if isinstance(node, exp.Column) and not node.table:
            output = block.alias(node.name)
            if output is not None:
                return block.outputs.index(output) + 1
        block.sees_outer = False
        try:
            self.expression(node, block)
        except CanonicalError:
            return None
        finally:
            block.sees_outer = True
        ref = self.refs.get(id(node))
        for place, output in enumerate(block.outputs, 1):
            if ref is not None and ref.source is not None:
                same = output.ref is not None and (output.ref.source, output.ref.output) == (
                    ref.source,
                    ref.output,
                )
            else:
                same = output.node is not None and output.node == node
            if same:
                return place
        return None


def only(node: Any, parts: set[str], what: str) -> None:
    """Raise CanonicalError where `node` has a part that is not in `parts`."""
    for part, value in node.args.items():
        if value and part not in parts:
            raise CanonicalError(f"unsupported: {part.rstrip('_')} in {what}")


def integer(node: Any) -> int | None:
    """The value of an integer literal, else None."""
    if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
        return int(node.name)
    return None


def is_true(node: Any) -> bool:
    """Whether a condition is the constant 1 or TRUE."""
    return integer(node) == 1 or (isinstance(node, exp.Boolean) and bool(node.this))
