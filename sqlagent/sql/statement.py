"""A statement that has been read: its text, its tree, and the way from a node to what is around it.

    statement = parse("SELECT a FROM t WHERE b = 1 AND c = 2")
    statement.text(statement.query.arms[0].where)  # "b = 1 AND c = 2"

Invariant: it is read once and handed on; what takes time (parents, tokens) is made when it is first asked for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from sqlagent.database.schema import fold
from sqlagent.sql.lexer import Token, unquoted
from sqlagent.sql.tree import Binary, Expr, Node, Paren, Query, Select
from sqlagent.sql.walk import flat, inner, single

Kind = TypeVar("Kind", bound=Node)


@dataclass(frozen=True, eq=False)
class Statement:
    """The text of a statement and the query that it is."""

    sql: str
    query: Query
    tokens: list[Token]
    """Without the comments, and one of the kind "end" behind them."""

    @property
    def select(self) -> Select | None:
        """Its one SELECT; None where it has set operations, WITH or VALUES."""
        return single(self.query)

    def text(self, node: Node | None = None) -> str:
        """What a node was read from; the whole text without one."""
        return self.sql if node is None else self.sql[node.start : node.end]

    # ---- tokens ----

    @cached_property
    def _starts(self) -> list[int]:
        return [token.start for token in self.tokens]

    @cached_property
    def _ends(self) -> list[int]:
        return [token.end for token in self.tokens]

    def tokens_of(self, node: Node) -> list[Token]:
        """The tokens that a node consists of."""
        return self.tokens[bisect_left(self._starts, node.start) : bisect_right(self._ends, node.end)]

    def token_before(self, place: int) -> Token:
        """The last token that ends at a place or before it. Raises IndexError where there is none."""
        at = bisect_right(self._ends, place) - 1
        if at < 0:
            raise IndexError(f"no token before {place}")
        return self.tokens[at]

    def form(self, node: Node) -> str:
        """A node as text in one spelling: the same for two that only blanks, quotes and capitals tell apart."""
        words = []
        for token in self.tokens_of(node):
            if token.kind in ("name", "quoted"):
                words.append('"' + fold(unquoted(token)) + '"')
            else:
                words.append(token.text)
        return " ".join(words)

    # ---- what is around a node ----

    @cached_property
    def _index(self) -> tuple[dict[Node, Node], dict[type[Node], list[Node]]]:
        """Each node's parent, and all nodes by their kind, each kind in the order of the text; without names."""
        parents: dict[Node, Node] = {}
        kinds: dict[type[Node], list[Node]] = {}
        todo: list[Node] = [self.query]
        while todo:
            node = todo.pop()
            kinds.setdefault(node.__class__, []).append(node)
            within = inner(node)
            if within:
                for child in within:
                    parents[child] = node
                within.reverse()
                todo += within
        return parents, kinds

    def parent(self, node: Node) -> Node | None:
        """The node that a node is part of; None for the query of the whole, and for a name."""
        return self._index[0].get(node)

    def ancestors(self, node: Node) -> Iterator[Node]:
        """What a node stands in, from the inside out."""
        parents = self._index[0]
        above = parents.get(node)
        while above is not None:
            yield above
            above = parents.get(above)

    def around(self, node: Node, kind: type[Kind]) -> Kind | None:
        """The innermost node of a kind that a node stands in."""
        return next((one for one in self.ancestors(node) if isinstance(one, kind)), None)

    def enclosing_select(self, node: Node) -> Select | None:
        """The SELECT whose FROM a node sees first: for a term of ORDER BY that of the query's first arm."""
        for one in self.ancestors(node):
            if isinstance(one, Select):
                return one
            if isinstance(one, Query):
                first = one.arms[0]
                return first if isinstance(first, Select) else None
        return None

    def clause_of(self, node: Node) -> str:
        """The part of its SELECT or query in which a node stands: items, sources, where, order … ; "" for none."""
        inner = node
        for one in self.ancestors(node):
            if isinstance(one, (Select, Query)):
                for part in one.parts:
                    value = getattr(one, part)
                    if value is inner or (isinstance(value, tuple) and any(each is inner for each in value)):
                        return part
            inner = one
        return ""

    def site(self, node: Node) -> Node | None:
        """What an expression takes part in: its parent, parentheses left out."""
        above = self.parent(node)
        while isinstance(above, Paren):
            above = self.parent(above)
        return above

    def find(self, kind: type[Kind], within: Node | None = None) -> Iterator[Kind]:
        """The nodes of a kind, which is not Name, in the order of the text, subqueries' too."""
        nodes = cast("list[Kind] | None", self._index[1].get(kind))
        if nodes is None:
            return iter(())
        if within is None:
            return iter(nodes)
        start, end = within.start, within.end
        return (node for node in nodes if start <= node.start and node.end <= end)

    # ---- clauses ----

    def clause(self, select: Select, part: str) -> tuple[int, int]:
        """Start, at its keyword, and end of a clause (sources, where, group, having, order, limit) that is there.

        ORDER BY and LIMIT are those of the query that the SELECT is an arm of. Raises KeyError where it is not there.
        """
        first, last = self._extent(select, part)
        if first is None or last is None:
            raise KeyError(part)
        keyword = self.token_before(first.start)
        if keyword.key == "BY":
            keyword = self.token_before(keyword.start)
        return keyword.start, last.end

    def _extent(self, select: Select, part: str) -> tuple[Node | None, Node | None]:
        value: Expr | tuple[Node, ...] | None
        if part in ("order", "limit"):
            query = self.parent(select)
            if not isinstance(query, Query):
                raise KeyError(part)
            if part == "limit":
                ends = [node for node in (query.limit, query.offset) if node is not None]
                ends.sort(key=lambda node: node.start)
                return (ends[0], ends[-1]) if ends else (None, None)
            value = query.order
        else:
            value = getattr(select, part)
        if isinstance(value, tuple):
            return (value[0], value[-1]) if value else (None, None)
        return value, value

    def conjuncts(self, select: Select) -> list[Expr]:
        """The conditions that its WHERE joins by AND, each without its own parentheses."""
        return [] if select.where is None else flat(select.where, "AND")

    def conjunct(self, condition: Expr) -> str:
        """The text of a condition as it may stand beside AND."""
        text = self.text(condition)
        return f"({text})" if isinstance(condition, Binary) and condition.operator == "OR" else text
