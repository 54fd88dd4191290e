"""What a name in the text stands for, by SQLite's scope rules.

Invariant: a name resolves to what SQLite resolves it to, or `CanonicalError` is raised.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from bench.gold.canonical_scope import Block, Output, Query, Ref
from bench.gold.errors import CanonicalError
from sqlagent.database.schema import fold

if TYPE_CHECKING:
    from sqlagent.database.schema import Schema

_NUMBERED = re.compile(r"[Tt][0-9]+\Z")
_ROWID = {"rowid", "oid", "_rowid_"}


class Resolver:
    """Resolves the names of one statement; `blocks` lists its SELECTs, enclosing ones first."""

    def __init__(self, schema: Schema, sql: str) -> None:
        self.schema = schema
        self.sql = sql
        self.blocks: list[Block] = []
        self.refs: dict[int, Ref] = {}
        self.terms: dict[int, Output] = {}
        self.queries: dict[int, Query] = {}
        # Entries above are keyed by id(): nodes made here must live as long as the tree does.
        self.made: list[Any] = []
        self._reserved: frozenset[str] | None = None

    def resolve(self, node: Any, block: Block) -> Ref:
        """What a column stands for, from `block` outwards. Raises CanonicalError where SQLite would."""
        name, table = node.name, node.table
        if node.args.get("db"):
            raise CanonicalError("column with a database name")
        scope: Block | None = block
        nameless = False
        while scope is not None:
            found = []
            for source in scope.sources:
                if table and fold(source.label) != fold(table):
                    continue
                column = source.column(name)
                if column is not None and (table or fold(name) not in source.joined):
                    found.append(Ref(source, column))
                nameless |= any(c.said is None for c in source.columns)
            if len(found) > 1:
                raise CanonicalError("ambiguous column", name)
            if found:
                return self._use(found[0], block)
            if not table and scope.aliases_visible:
                output = scope.alias(name)
                if output is not None:
                    if output.ref and not scope.sees_outer and output.ref.source not in scope.sources:
                        raise CanonicalError("term that stands for an outer column")
                    return self._use(output.ref or Ref(output=output), block)
            scope = scope.parent if scope.sees_outer else None
        if not table and self._in_double_quotes(node.this):
            if nameless:
                raise CanonicalError("double-quoted word beside an unnamed column", name)
            return Ref(text=name)
        raise CanonicalError("rowid" if fold(name) in _ROWID else "unknown column", name)

    def reserved(self) -> frozenset[str]:
        """The names like T1 that mean something already: no source is given one of them."""
        if self._reserved is None:
            names = [c.name for t in self.schema.tables for c in t.columns] + [
                t.name for t in self.schema.tables
            ]
            names += [cte.name for block in self.blocks for cte in block.ctes.values()]
            names += [
                o.name for block in self.blocks for o in block.outputs if o.name and block.keeps_alias(o)
            ]
            self._reserved = frozenset(fold(name) for name in names if _NUMBERED.match(name))
        return self._reserved

    def _use(self, ref: Ref, block: Block) -> Ref:
        """Note that `block` refers to `ref`."""
        assert ref.output is not None
        ref.output.used = True
        scope: Block | None = block
        while ref.source is not None and scope is not None and ref.source not in scope.sources:
            scope.outer.add(ref.source)
            scope = scope.parent
        return ref

    def _in_double_quotes(self, identifier: Any) -> bool:
        start = identifier.meta.get("start") if isinstance(identifier, exp.Identifier) else None
        return start is not None and self.sql[start : start + 1] == '"'
