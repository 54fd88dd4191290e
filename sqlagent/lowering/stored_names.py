"""Write a statement in the names of the file: the first step of lowering, where tables go by a person's words.

    SELECT COUNT(*) FROM reviews WHERE reviewed_at > '2024'  →  SELECT COUNT(*) FROM revlog WHERE id > '2024'

Invariant: each name means in the new statement what it means in the old one; a table that stands for some of the rows
of another gives those rows, whatever join it stands in.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlagent.database.schema import fold
from sqlagent.database.spoken_names import SpokenNames, SpokenTable
from sqlagent.sql.cursor import Unreadable
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.parser import parse
from sqlagent.sql.reading import Reading, read
from sqlagent.sql.scope import Bound, Reference
from sqlagent.sql.tree import Column, Item, Joined, Node, Select, Star, TableRef
from sqlagent.sql.walk import bare, result_name


def in_stored_names(sql: str, names: SpokenNames) -> str:
    """The statement in the names of the file; itself where it has none of the spoken names or cannot be read."""
    try:
        reading = read(sql, names.schema)
        return _Translation(reading, names).sql()
    except Unreadable:
        return sql


class _Translation:
    """Collects the edits of one statement."""

    def __init__(self, reading: Reading, names: SpokenNames) -> None:
        self._reading = reading
        self._statement = reading.statement
        self._scopes = reading.scopes
        self._names = names
        self._edits = Edits(reading.statement)
        self._aliases = self._clashing_aliases()
        self._stars_of_tables = any(star.qualifier is not None for star in reading.statement.find(Star))

    def sql(self) -> str:
        self._tables()
        self._columns()
        return self._edits.sql()

    # ---- sources ----

    def _tables(self) -> None:
        for node, table in self._scopes.tables.items():
            known = self._names.table(table.name) if table is not None else None
            if known is None:
                continue
            joined = self._statement.parent(node)
            label = node.alias.text if node.alias else known.name
            if known.query:
                self._instead(node, f"({self._asked_of(node, known.query)})", known)
            elif not known.only or isinstance(joined, Joined) and self._narrowed(node, joined, known, label):
                self._rename(node, known)
            else:
                rows = known.only.replace("{t}", quote(known.stored))
                self._instead(node, f"(SELECT * FROM {quote(known.stored)} WHERE {rows})", known)

    def _instead(self, node: TableRef, text: str, known: SpokenTable) -> None:
        self._edits.replace(node.name, text if node.alias else f"{text} AS {quote(known.name)}")

    def _rename(self, node: TableRef, known: SpokenTable) -> None:
        """The stored name; the spoken one stays as the alias where columns are qualified by it."""
        text = quote(known.stored)
        if node.alias is None and text != quote(known.name) and (self._qualifies(node) or known.only):
            text += f" AS {quote(known.name)}"
        self._edits.replace(node.name, text)

    def _qualifies(self, node: TableRef) -> bool:
        columns = any(
            column.qualifier is not None and reference.bound is not None and reference.bound.node is node
            for column, reference in self._scopes.references.items()
        )
        return columns or self._stars_of_tables

    def _asked_of(self, node: TableRef, query: str) -> str:
        """The query without the results that nothing in the statement asks for."""
        whole = parse(query)
        select = whole.select
        if select is None or select.distinct or select.group or self._stars_of_tables:
            return query
        here = self._statement.enclosing_select(node)
        if here is not None and any(isinstance(bare(item.value), Star) for item in here.items):
            return query
        asked = {
            fold(column.name.text)
            for column, reference in self._scopes.references.items()
            if reference.bound is not None and reference.bound.node is node
        }
        kept = [item for item in select.items if fold(result_name(item)) in asked] or [select.items[0]]
        items = ", ".join(whole.text(item) for item in kept)
        edits = Edits(whole)
        edits.put(select.items[0].start, select.items[-1].end, items)
        _drop_lookups(edits, select, kept)
        return edits.sql()

    def _narrowed(self, node: TableRef, joined: Joined, known: SpokenTable, label: str) -> bool:
        """Whether the rows could be chosen by a condition of the SELECT."""
        select = self._statement.parent(joined)
        if not isinstance(select, Select):
            return False
        if any(one.operator.startswith(("LEFT", "RIGHT", "FULL")) for one in select.sources):
            return False
        self._edits.add_condition(select, known.only.replace("{t}", quote(label)))
        return True

    # ---- columns ----

    def _columns(self) -> None:
        for column, reference in self._scopes.references.items():
            new = self._aliases.get(reference.item) if reference.item is not None else None
            new = new or self._stored_name(column, reference)
            if new is None or new == column.name.text:
                continue
            item = self._statement.site(column)
            spoken = ""
            if isinstance(item, Item) and item.alias is None and bare(item.value) is column:
                spoken = f" AS {quote(column.name.text)}"
            self._edits.replace(column.name, quote(new) + spoken)
        for select in self._statement.find(Select):
            for item in select.items:
                if item.alias is not None and item in self._aliases:
                    self._edits.replace(item.alias, quote(self._aliases[item]))

    def _stored_name(self, column: Column, reference: Reference) -> str | None:
        if reference.kind != "column" or reference.bound is None:
            return None
        return self._of(reference.bound, column.name.text, 0)

    def _of(self, bound: Bound, name: str, depth: int) -> str | None:
        """What a source's column is called once the names are the file's."""
        if bound.table is not None:
            known = self._names.table(bound.table.name)
            return known.stored_column(name) if known is not None and known.stored else None
        output = bound.output(name)
        if output is None or depth > 20:
            return None
        first = output.made_of[0] if output.made_of else None
        if isinstance(first, tuple):  # it came through `*`
            return self._of(first[0], first[1], depth + 1)
        if first is not None:
            item = self._statement.site(first)
            if isinstance(item, Item) and item in self._aliases:
                return self._aliases[item]
        return None

    def _clashing_aliases(self) -> dict[Item, str]:
        """Aliases of results that are called like a column of the file's table, which would be taken in their place."""
        found: dict[Item, str] = {}
        for select in self._statement.find(Select):
            hidden = set()
            for bound in self._scopes.scope(select).bounds:
                known = self._names.table(bound.table.name) if bound.table is not None else None
                if known is not None and known.stored:
                    hidden |= {fold(real) for name, real in known.columns.items() if fold(name) != fold(real)}
            for item in select.items:
                if item.alias is not None and fold(item.alias.text) in hidden:
                    found[item] = item.alias.text + "_"
        return found


def _drop_lookups(edits: Edits, select: Select, items: Sequence[Item]) -> None:
    """Take out the LEFT JOINs that no result, condition or other join asks for."""
    statement = edits.statement
    needed: list[Node] = [*items, *([select.where] if select.where is not None else [])]
    for place in range(len(select.sources) - 1, 0, -1):
        joined = select.sources[place]
        source = joined.source
        label = source.alias.text if isinstance(source, TableRef) and source.alias else ""
        asked = any(
            column.qualifier is None or column.qualifier.text == label
            for node in needed
            for column in statement.find(Column, node)
        )
        if joined.operator == "LEFT JOIN" and label and not asked:
            edits.put(select.sources[place - 1].end, joined.end, "")
        elif joined.on is not None:
            needed.append(joined.on)
