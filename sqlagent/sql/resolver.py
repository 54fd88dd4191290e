"""Walk a statement and note what its names mean; `sqlagent.sql.scope` has what is found, and the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlagent.database import schema as db
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql import tree
from sqlagent.sql.scope import ROWIDS, Bound, Output, Reference, Scope, Scopes
from sqlagent.sql.statement import Statement
from sqlagent.sql.tree import (
    Column,
    Cte,
    Derived,
    Expr,
    Item,
    Joined,
    Name,
    Nested,
    Node,
    Query,
    Select,
    Star,
)
from sqlagent.sql.walk import bare, inner


@dataclass(slots=True)
class _Named:
    """A CTE in the making. `outputs` are known once its first arm has been read: a recursive one asks for them."""

    cte: Cte
    outer: Scope | None
    around: Environment
    outputs: tuple[Output, ...] | None = None
    begun: bool = False


_OF_JSON = frozenset({"json_each", "json_tree"})
_MEMBERS = tuple(
    Output(name, ()) for name in ("key", "value", "type", "atom", "id", "parent", "fullkey", "path")
)
"""What the table-valued functions of JSON give."""
Environment = Mapping[str, _Named]
"""The CTEs in sight, by folded name."""


def resolve(statement: Statement, schema: Schema) -> Scopes:
    """What all names of a statement mean over a schema. It never fails: what is not known is said to be so."""
    resolver = _Resolver(statement, schema)
    resolver.query(statement.query, None, {})
    return resolver.found


class _Resolver:
    """Fills `found`."""

    def __init__(self, statement: Statement, schema: Schema) -> None:
        self._schema = schema
        self._open: set[Select] = set()
        """The SELECTs of which the aliases are in sight where the walk is."""
        self.found = Scopes(statement, schema, {}, {}, {})

    def query(
        self, query: Query, outer: Scope | None, ctes: Environment, of: _Named | None = None
    ) -> tuple[Output, ...] | None:
        """Read a query; the columns of its result, None where they are not known."""
        if query.ctes:
            own: dict[str, _Named] = dict(ctes)
            made = [_Named(cte, outer, own) for cte in query.ctes]
            own.update((fold(named.cte.name.text), named) for named in made)
            ctes = own
            for named in made:
                self._name(named)
        results: list[tuple[Output, ...] | None] = []
        scopes: list[Scope | None] = []
        for number, arm in enumerate(query.arms):
            if isinstance(arm, Select):
                scope = self._select(arm, outer, ctes)
                scopes.append(scope)
                results.append(_outputs(scope))
            else:
                scopes.append(None)
                self._visit(arm, outer, ctes)
                results.append(_of_values(arm))
            if number == 0 and of is not None:
                of.outputs = _renamed(results[0], of.cte.columns)
        for term in query.order:
            self._ordering(term.value, query, scopes, outer, ctes)
        for bound in (query.limit, query.offset):
            if bound is not None:
                self._visit(bound, outer, ctes)
        return _united(results)

    def _name(self, named: _Named) -> None:
        if named.begun:
            return
        named.begun = True
        outputs = self.query(named.cte.query, named.outer, named.around, named)
        named.outputs = _renamed(outputs, named.cte.columns)

    # ---- SELECT ----

    def _select(self, select: Select, outer: Scope | None, ctes: Environment) -> Scope:
        bounds: list[Bound] = []
        merged: set[str] = set()
        joins = list(self._sources(select.sources, bounds, merged, outer, ctes))
        scope = Scope(select, tuple(bounds), outer, frozenset(merged))
        self.found.scopes[select] = scope
        for item in select.items:
            self._visit(item.value, scope, ctes)
        self._open.add(select)
        for part in (*joins, select.where, *select.group, select.having, *select.windows):
            if part is not None:
                self._visit(part, scope, ctes)
        self._open.discard(select)
        return scope

    def _sources(
        self,
        sources: Sequence[Joined],
        bounds: list[Bound],
        merged: set[str],
        outer: Scope | None,
        ctes: Environment,
    ) -> Iterator[Expr]:
        """Add the sources of a FROM; yields the expressions in it, which are read when all of it is known."""
        for joined in sources:
            source = joined.source
            before = len(bounds)
            if isinstance(source, Nested):
                yield from list(self._sources(source.sources, bounds, merged, outer, ctes))
            elif isinstance(source, Derived):
                outputs = self.query(source.query, outer, ctes)
                label = source.alias.text if source.alias else ""
                bounds.append(Bound(source, label, fold(label), None, source.query, outputs))
            else:
                bounds.append(self._table(source, ctes))
                yield from source.arguments or ()
            merged.update(fold(name.text) for name in joined.using)
            if joined.natural:
                merged |= _shared(bounds[:before], bounds[before:])
            if joined.on is not None:
                yield joined.on

    def _table(self, node: tree.TableRef, ctes: Environment) -> Bound:
        label = (node.alias or node.name).text
        named = ctes.get(fold(node.name.text)) if node.schema is None else None
        if named is not None:
            self._name(named)
            self.found.tables[node] = None
            return Bound(node, label, fold(label), None, named.cte.query, named.outputs)
        table = self._schema.table(node.name.text) if node.arguments is None else None
        self.found.tables[node] = table
        members = _MEMBERS if node.arguments is not None and fold(node.name.text) in _OF_JSON else None
        return Bound(node, label, fold(label), table, None, members)

    # ---- expressions ----

    def _visit(self, node: Node, scope: Scope | None, ctes: Environment) -> None:
        """Note what the columns in an expression mean."""
        todo = [node]
        while todo:
            node = todo.pop()
            kind = node.__class__
            if kind is Column:
                assert isinstance(node, Column)
                self.found.references[node] = self._lookup(node, scope)
            elif kind is Query:
                assert isinstance(node, Query)
                self.query(node, scope, ctes)
            elif kind is tree.TableRef:
                assert isinstance(node, tree.TableRef)
                self._table(node, ctes)
                todo += reversed(node.arguments or ())
            else:
                todo += reversed(inner(node))

    def _ordering(
        self,
        value: Expr,
        query: Query,
        scopes: Sequence[Scope | None],
        outer: Scope | None,
        ctes: Environment,
    ) -> None:
        """A term of ORDER BY: an alias comes first, and behind a set operation a result of any arm."""
        inner = bare(value)
        while isinstance(inner, tree.Collate):
            inner = bare(inner.value)
        first = scopes[0]
        if isinstance(inner, Column):
            item = self._ordered_item(inner, query)
            if item is not None:
                self.found.references[inner] = Reference("alias", item=item)
                return
        if first is not None:
            self._open.add(first.select)
        self._visit(value, first or outer, ctes)
        if first is not None:
            self._open.discard(first.select)

    def _ordered_item(self, column: Column, query: Query) -> Item | None:
        first = query.arms[0]
        for arm in query.arms:
            if not isinstance(arm, Select):
                continue
            places = _places(arm, column, aliases_only=len(query.arms) == 1)
            if places and isinstance(first, Select) and places[0] < len(first.items):
                return first.items[places[0]]
        return None

    def _lookup(self, column: Column, scope: Scope | None) -> Reference:
        name = column.name.text
        key = fold(name)
        qualifier = fold(column.qualifier.text) if column.qualifier else None
        depth = 0
        while scope is not None:
            bounds: Sequence[Bound] = scope.bounds
            if qualifier is not None:
                bounds = [one for one in bounds if one.key == qualifier]
            holders = [one for one in bounds if one.has(name)]
            if holders:
                if len(holders) > 1 and qualifier is None and key not in scope.merged:
                    return Reference("ambiguous", depth=depth)
                return _reference(holders[0], name, depth)
            unknown = [one for one in bounds if not one.known]
            if unknown:
                return Reference("unknown", unknown[0] if len(unknown) == 1 else None, depth=depth)
            if key in ROWIDS:
                rows = [one for one in bounds if one.table is not None and one.table.kind == "table"]
                if len(rows) == 1:
                    return Reference("rowid", rows[0], rows[0].table, _key_column(rows[0].table), depth=depth)
            if qualifier is None and scope.select in self._open:
                item = _aliased(scope.select, key)
                if item is not None:
                    return Reference("alias", item=item, depth=depth)
            scope = scope.outer
            depth += 1
        return Reference("text" if column.name.quote == '"' and qualifier is None else "unknown")


# ---- small things --------------------------------------------------------------------------------------------


def _reference(bound: Bound, name: str, depth: int) -> Reference:
    if bound.table is not None:
        return Reference("column", bound, bound.table, bound.table.column(name), depth=depth)
    return Reference("column", bound, output=bound.output(name), depth=depth)


def _key_column(table: Table | None) -> db.Column | None:
    """The column that the rowid of a table goes by: its INTEGER PRIMARY KEY."""
    keys = [column for column in table.columns if column.pk] if table else []
    return keys[0] if len(keys) == 1 and keys[0].type.upper() == "INTEGER" else None


def _aliased(select: Select, key: str) -> Item | None:
    return next((item for item in select.items if item.alias and fold(item.alias.text) == key), None)


def _places(select: Select, column: Column, aliases_only: bool) -> list[int]:
    """The places among the results of what a term of ORDER BY names: by an alias, else by a column's name."""
    key = fold(column.name.text)
    if column.qualifier is None:
        found = [n for n, item in enumerate(select.items) if item.alias and fold(item.alias.text) == key]
        if found or aliases_only:
            return found
    if aliases_only:
        return []
    return [
        n
        for n, item in enumerate(select.items)
        if isinstance(value := bare(item.value), Column)
        and fold(value.name.text) == key
        and (column.qualifier is None or _label(value) in ("", fold(column.qualifier.text)))
    ]


def _label(column: Column) -> str:
    return fold(column.qualifier.text) if column.qualifier else ""


def _shared(left: Sequence[Bound], right: Sequence[Bound]) -> set[str]:
    """The columns that NATURAL joins by."""
    return {fold(name) for one in left for name in _columns(one)} & {
        fold(name) for one in right for name in _columns(one)
    }


def _columns(bound: Bound) -> list[str]:
    if bound.table is not None:
        return [column.name for column in bound.table.columns]
    return [output.name for output in bound.outputs or ()]


def _outputs(scope: Scope) -> tuple[Output, ...] | None:
    """The result columns of a SELECT, `*` written out; None where a source is not known."""
    found: list[Output] = []
    for item in scope.select.items:
        value = item.value
        if isinstance(value, Star):
            label = fold(value.qualifier.text) if value.qualifier else None
            seen: set[str] = set()
            for bound in scope.bounds:
                if label is not None and bound.key != label:
                    continue
                if bound.table is None and bound.outputs is None:
                    return None
                for name in _columns(bound):
                    if label is None and fold(name) in scope.merged and fold(name) in seen:
                        continue
                    seen.add(fold(name))
                    found.append(Output(name, ((bound, name),)))
        elif item.alias is not None:
            found.append(Output(item.alias.text, (value,)))
        else:
            inner = bare(value)
            found.append(Output(inner.name.text if isinstance(inner, Column) else "", (value,)))
    return tuple(found)


def _of_values(values: tree.Values) -> tuple[Output, ...]:
    """VALUES has the columns column1, column2 …"""
    columns = zip(*(row.values for row in values.rows), strict=False)
    return tuple(Output(f"column{n}", made) for n, made in enumerate(columns, 1))


def _united(results: Sequence[tuple[Output, ...] | None]) -> tuple[Output, ...] | None:
    """The columns of a set operation: the first arm's names over what all arms have."""
    first = results[0]
    if first is None or len(results) == 1:
        return first
    return tuple(
        Output(one.name, tuple(part for arm in results if arm and n < len(arm) for part in arm[n].made_of))
        for n, one in enumerate(first)
    )


def _renamed(outputs: tuple[Output, ...] | None, names: Sequence[Name]) -> tuple[Output, ...] | None:
    """The columns under the names that a CTE gives them."""
    if not names:
        return outputs
    if outputs is None:
        return tuple(Output(name.text, ()) for name in names)
    return tuple(Output(name.text, one.made_of) for name, one in zip(names, outputs, strict=False))
