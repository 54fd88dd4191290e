"""SQL as a normal form that no longer depends on how it was spelled.

Two statements with the same normal form mean the same: aliases, letter case of names, quotes, the order of
joins, of AND-ed conditions and of selected columns, `!=` or `<>`, `a < b` or `b > a`, BETWEEN, a comma
instead of JOIN, and which of two columns that an inner join makes equal is named, all disappear. Nothing that
changes the meaning does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from bench.gold.parsing import BASE, Node, bare, clause, core, joins_of, outputs_of, sources_of

Columns = Mapping[str, Collection[str]]
"""Lower-case table name → its lower-case column names."""

SUBQUERY = "(subquery)"

_IGNORED = frozenset({"big_int", "safe", "_type", "nested", "nulls_first", "negate", "hint"})
_COMMUTES = (exp.EQ, exp.NEQ, exp.Add, exp.Mul)
_FLIPPED = {"gt": "lt", "gte": "lte"}


@dataclass(slots=True)
class _Scope:
    """What the names in one SELECT stand for."""

    sources: dict[str, tuple[str, frozenset[str] | None]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    outputs: dict[str, Node] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Cte:
    """A named subquery of WITH."""

    query: Node
    columns: frozenset[str] | None


class Normal:
    """The normal form of one tree: `text` for equality, counters of its parts for saying what differs."""

    def __init__(self, tree: Node, columns: Columns | None = None) -> None:
        self._known = {table: frozenset(names) for table, names in (columns or {}).items()}
        self._scopes: dict[int, _Scope] = {}
        self._ctes = {
            cte.alias.lower(): _Cte(cte.this, outputs_of(cte.this, cte)) for cte in tree.find_all(exp.CTE)
        }
        self._open: set[str] = set()
        self.tables: Counter[str] = Counter()
        self.columns: Counter[str] = Counter()
        self.joins: Counter[str] = Counter()
        self.literals: Counter[str] = Counter()
        for select in tree.find_all(exp.Select):
            self._scopes[id(select)] = self._scope(select)
        self.text = self._sig(tree)

    # --- names -------------------------------------------------------------------------------------

    def _scope(self, select: exp.Select) -> _Scope:
        scope = _Scope()
        seen: Counter[str] = Counter()
        for source in sources_of(select):
            columns: frozenset[str] | None
            name = source.name.lower() if isinstance(source, exp.Table) else ""
            if name in self._ctes:
                columns, called = self._ctes[name].columns, SUBQUERY
            elif name:
                columns, called = self._known.get(name), name
                self.tables[name] += 1
            else:
                columns, called = outputs_of(source.this, source), SUBQUERY
            seen[called] += 1
            unique = called if seen[called] == 1 else f"{called}#{seen[called]}"
            scope.names[id(source)] = unique
            scope.sources[(source.alias_or_name or unique).lower()] = (unique, columns)
        for item in select.expressions:
            if isinstance(item, exp.Alias):
                scope.outputs[item.alias.lower()] = item.this
        return scope

    def _column(self, column: exp.Column) -> str:
        name = "*" if isinstance(column.this, exp.Star) else column.name.lower()
        qualifier = column.table.lower()
        select = column.find_ancestor(exp.Select)
        own = self._scopes.get(id(select))
        outer: Node | None = select
        while outer is not None:
            scope = self._scopes[id(outer)]
            for alias, (source, columns) in scope.sources.items():
                if qualifier == alias if qualifier else columns is not None and name in columns:
                    full = f"{source}.{name}"
                    full = scope.same.get(full, full)
                    self.columns[full] += 1
                    return full
            outer = outer.find_ancestor(exp.Select)
        if not qualifier and own is not None:
            if name in own.outputs and not _inside(column, own.outputs[name]):
                return self._sig(own.outputs[name])
            if isinstance(column.this, exp.Identifier) and column.this.quoted:
                return self._string(column.name)
            if len(own.sources) == 1 and name != "*":
                name = f"{next(iter(own.sources.values()))[0]}.{name}"
        full = f"{qualifier}.{name}" if qualifier else name
        self.columns[full] += 1
        return full

    def _string(self, text: str) -> str:
        literal = "'" + text + "'"
        self.literals[literal] += 1
        return literal

    # --- statements --------------------------------------------------------------------------------

    def _select(self, select: exp.Select) -> str:
        scope = self._scopes[id(select)]
        joins = list(joins_of(select))
        inner = not any(join.side or join.args.get("method") for join in joins)
        where = clause(select, "where")
        loose: list[Node] = list(_conjuncts(where.this)) if where else []
        outer_joins: list[str] = []
        pairs: list[tuple[str, str]] = []
        for join in joins:
            on = join.args.get("on")
            pairs += self._using(scope, join)
            if inner and on is not None:
                loose += _conjuncts(on)
            elif join.side or join.args.get("method"):
                kind = " ".join(str(join.args.get(part) or "") for part in ("method", "side")).strip().lower()
                conditions = self._conditions(list(_conjuncts(on))) if on is not None else ""
                outer_joins.append(f"{kind} {self._source(scope, bare(join.this))} on {conditions}")
            elif on is not None:
                loose += _conjuncts(on)
        rest: list[Node] = []
        for condition in loose:
            if isinstance(condition, exp.Boolean) and condition.this:
                continue  # sqlglot's ON TRUE for a join without a condition
            sides = (condition.this, condition.expression) if isinstance(condition, exp.EQ) else ()
            if sides and all(isinstance(side, exp.Column) for side in sides):
                kept = Counter(self.columns)
                first, second = self._column(sides[0]), self._column(sides[1])
                self.columns = kept  # a join's columns are counted as a join, not as columns
                if not (first.startswith("'") or second.startswith("'")):
                    pairs.append((first, second))
                    continue
            rest.append(condition)
        classes = _classes(pairs)
        if inner:
            scope.same.update({name: members[0] for members in classes for name in members})
            linked = [" = ".join(members) for members in classes]
        else:
            linked = [" = ".join(sorted(pair)) for pair in pairs]
        self.joins.update(linked + outer_joins)
        sources = [self._source(scope, source) for source in sources_of(select)]
        group = clause(select, "group")
        having = clause(select, "having")
        parts = [
            "select distinct" if select.args.get("distinct") else "select",
            ", ".join(sorted(self._sig(item) for item in select.expressions)),
            "from " + ", ".join(sorted(sources) + sorted(linked) + sorted(outer_joins)),
            "where " + self._conditions(rest) if rest else "",
            "group " + ", ".join(sorted(self._place(select, key) for key in group.expressions))
            if group
            else "",
            "having " + self._conditions(list(_conjuncts(having.this))) if having else "",
            self._tail(select),
        ]
        return "(" + " ".join(part for part in parts if part) + ")"

    def _source(self, scope: _Scope, source: Node) -> str:
        """A source by name, a subquery (also one of WITH) with what it says."""
        name = scope.names[id(source)]
        if not isinstance(source, exp.Table):
            return f"{name} {self._sig(source)}"
        called = source.name.lower()
        if not called:
            return f"{name} {self._sig(source.this)}"  # a table-valued function
        if called not in self._ctes:
            return name
        if called in self._open:
            return f"{name} recursive"
        self._open.add(called)
        text = f"{name} {self._sig(self._ctes[called].query)}"
        self._open.discard(called)
        return text

    def _using(self, scope: _Scope, join: exp.Join) -> Iterator[tuple[str, str]]:
        joined = scope.names[id(bare(join.this))]
        for column in join.args.get("using") or []:
            name = column.name.lower()
            for source, columns in scope.sources.values():
                if source != joined and (columns is None or name in columns):
                    yield f"{source}.{name}", f"{joined}.{name}"
                    break

    def _tail(self, node: Node) -> str:
        """ORDER BY, LIMIT and OFFSET of a SELECT or of a set operation."""
        parts = []
        order = clause(node, "order")
        if order is not None:
            keys = [
                self._place(node, key.this) + (" desc" if key.args.get("desc") else "")
                for key in order.expressions
            ]
            parts.append("order " + ", ".join(keys))
        counted = Counter(self.literals)
        for name in ("limit", "offset"):
            found = clause(node, name)
            if found is not None:
                parts.append(f"{name} {self._sig(found.expression)}")
        self.literals = counted  # LIMIT 5 is no value that a question names in a condition
        return " ".join(parts)

    def _place(self, node: Node, key: Node) -> str:
        """A sort or group key, where `1` stands for the first selected column."""
        items = core(node).expressions
        if isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit():
            place = int(key.name)
            if 1 <= place <= len(items):
                return self._sig(items[place - 1])
        if isinstance(node, exp.SetOperation) and isinstance(key, exp.Column):
            for item in items:
                if item.alias_or_name.lower() == key.name.lower():
                    return self._sig(item)
        return self._sig(key)

    # --- expressions -------------------------------------------------------------------------------

    def _conditions(self, conditions: list[Node]) -> str:
        found: set[str] = set()
        for condition in conditions:
            if isinstance(condition, exp.Between) and not condition.args.get("negate"):
                found.update(self._bounds(condition))
            else:
                found.add(self._sig(condition))
        return " and ".join(sorted(found))

    def _bounds(self, node: exp.Between) -> list[str]:
        """`x BETWEEN low AND high` as its two comparisons."""
        value, low, high = (self._sig(part) for part in (node.this, node.args["low"], node.args["high"]))
        return sorted((f"lte({low}, {value})", f"lte({value}, {high})"))

    def _sig(self, node: Node) -> str:
        if node.args.get("negate"):
            return f"not({self._plain(node)})"
        return self._plain(node)

    def _plain(self, node: Node) -> str:
        if isinstance(node, (exp.Paren, exp.Alias)):
            return self._sig(node.this)
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Star):
            return "*"
        if isinstance(node, exp.Literal):
            return self._string(node.name) if node.is_string else self._number(node.name)
        if isinstance(node, exp.Subquery):
            tail = self._tail(node)
            return f"{self._sig(node.this)} {tail}".rstrip()
        if isinstance(node, exp.Select):
            return self._select(node)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node)
        if isinstance(node, exp.Between):
            return f"({' and '.join(self._bounds(node))})"
        if isinstance(node, exp.And):
            return f"({self._conditions(list(_conjuncts(node)))})"
        if isinstance(node, exp.Or):
            return "(" + " or ".join(sorted({self._sig(part) for part in node.flatten()})) + ")"
        if isinstance(node, exp.Not):
            return self._not(node)
        if isinstance(node, exp.In):
            options = sorted(self._sig(option) for option in node.expressions)
            query = node.args.get("query")
            return f"in({self._sig(node.this)}, {self._sig(query) if query else ', '.join(options)})"
        if isinstance(node, exp.Anonymous):
            return f"{node.name.lower()}({', '.join(self._sig(part) for part in node.expressions)})"
        if isinstance(node, _COMMUTES):
            first, second = sorted((self._sig(node.this), self._sig(node.expression)))
            return f"{node.key}({first}, {second})"
        if isinstance(node, (exp.GT, exp.GTE)):
            return f"{_FLIPPED[node.key]}({self._sig(node.expression)}, {self._sig(node.this)})"
        return self._generic(node)

    def _generic(self, node: Node) -> str:
        parts = []
        for name, value in node.args.items():
            if name in _IGNORED or value is None or value is False or value == []:
                continue
            values = value if isinstance(value, list) else [value]
            parts += [self._sig(part) if isinstance(part, BASE) else str(part).lower() for part in values]
        return f"{node.key}({', '.join(parts)})"

    def _not(self, node: exp.Not) -> str:
        inner = node.this.unnest()
        if isinstance(inner, exp.EQ):
            first, second = sorted((self._sig(inner.this), self._sig(inner.expression)))
            return f"neq({first}, {second})"
        return f"not({self._sig(inner)})"

    def _number(self, text: str) -> str:
        try:
            value = float(text)
            number = str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
        except (ValueError, OverflowError):
            number = text.lower()
        self.literals[number] += 1
        return number

    def _set_operation(self, node: exp.SetOperation) -> str:
        sides = [self._sig(node.this), self._sig(node.expression)]
        if not isinstance(node, exp.Except):
            sides.sort()
        distinct = "" if node.args.get("distinct", True) else " all"
        return f"({f' {node.key}{distinct} '.join(sides)} {self._tail(node)})".replace(" )", ")")


def _inside(node: Node, tree: Node) -> bool:
    above: Node | None = node
    while above is not None:
        if above is tree:
            return True
        above = above.parent
    return False


def _conjuncts(node: Node) -> Iterator[Node]:
    node = node.unnest() if isinstance(node, exp.Paren) else node
    if isinstance(node, exp.And):
        yield from _conjuncts(node.left)
        yield from _conjuncts(node.right)
    else:
        yield node


def _classes(pairs: list[tuple[str, str]]) -> list[list[str]]:
    """Sets of names that equalities make equal, each sorted."""
    group: dict[str, set[str]] = {}
    for first, second in pairs:
        merged = group.get(first, {first}) | group.get(second, {second})
        for name in merged:
            group[name] = merged
    return sorted(
        sorted(members) for members in {id(members): members for members in group.values()}.values()
    )
