"""Write out computed columns, the last step of lowering: `attributes_temperature` is a field of JSON in `attributes`.

    SELECT AVG(attributes_temperature) FROM states
    SELECT AVG(json_extract(attributes, '$.temperature')) FROM states

Invariant: each place gives what a column of that name and type would give that held the field's values, also beside a
constant; a statement without computed columns stays the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlagent.database.schema import Column as SchemaColumn
from sqlagent.database.schema import Schema, fold
from sqlagent.lowering.constants import number_of
from sqlagent.sql import tree
from sqlagent.sql.cursor import Unreadable
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote, text_literal
from sqlagent.sql.reading import Reading, read
from sqlagent.sql.scope import Bound, Output, Reference
from sqlagent.sql.tree import Between, Binary, Column, Expr, In, Item, Literal, Query, Select, Star
from sqlagent.sql.walk import bare

_TRUTHS = {"true": "1", "yes": "1", "t": "1", "y": "1", "false": "0", "no": "0", "f": "0", "n": "0"}
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">=", "IS", "IS NOT"})
_WORD = re.compile(r"\w+")


class ComputedColumns:
    """Those of one schema; `written_out` for each statement."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._names = frozenset(
            fold(column.name) for table in schema.tables for column in table.columns if column.computed
        )
        self._words = frozenset(word for name in self._names for word in _WORD.findall(name)[:1])

    def __bool__(self) -> bool:
        return bool(self._names)

    def written_out(self, sql: str) -> tuple[str, tuple[str, ...]]:
        """The statement in columns that the file has, and a sentence for each column that was worked out."""
        if self._words.isdisjoint(map(fold, _WORD.findall(sql))):
            return sql, ()
        try:
            reading = read(sql, self._schema)
        except Unreadable:
            return sql, ()
        return _WritingOut(reading).result()


class _WritingOut:
    """Collects the edits of one statement."""

    def __init__(self, reading: Reading) -> None:
        self._statement = reading.statement
        self._scopes = reading.scopes
        self._edits = Edits(reading.statement)
        self._used: dict[str, SchemaColumn] = {}
        self._shown: set[tuple[Star, str]] = set()
        self._covered: list[tuple[int, int]] = []
        self._titled: dict[int, Item] = {}

    def result(self) -> tuple[str, tuple[str, ...]]:
        self._lists()
        for column, reference in self._scopes.references.items():
            if any(start <= column.start < end for start, end in self._covered):
                continue
            if reference.kind == "column" and reference.output is not None:
                self._hand_on(reference.output, 0)
                base = self._scopes.base(column)
                if base is not None and base[1].computed is not None:
                    self._compare(column, base[1])
            elif (found := _computed(reference)) is not None:
                self._write(column, reference, found)
        for item in self._titled.values():  # a result keeps its name
            self._edits.after(item.value, " AS " + quote(self._statement.text(item.value)))
        notes = tuple(
            f"{name} is read from the JSON in {column.computed.column}."
            for name, column in self._used.items()
            if column.computed is not None
        )
        return self._edits.sql(), notes

    def _write(self, column: Column, reference: Reference, found: SchemaColumn) -> None:
        """The expression in place of one column."""
        assert found.computed is not None
        self._used[found.name] = found
        self._compare(column, found)
        written = found.computed.sql(self._base(column, reference, found))
        item = self._statement.around(column, Item)
        if item is not None and item.alias is None and bare(item.value) is column:
            self._edits.replace(item.value, f"{written} AS {quote(found.name)}")
        elif not self._has_result(column):
            self._edits.replace(column, written)
            self._note_title(column)

    def _note_title(self, column: Column) -> None:
        """A result that says what is computed keeps the name that it has as written."""
        first = self._statement.query.arms[0]
        for item in first.items if isinstance(first, Select) else ():
            if item.start <= column.start < item.end and item.alias is None:
                self._titled[item.start] = item

    def _base(self, column: Column, reference: Reference, found: SchemaColumn) -> str:
        """The column with the JSON, named from where a field of it is."""
        assert found.computed is not None and reference.bound is not None
        name = quote(found.computed.column)
        if column.qualifier is not None:
            return f"{self._statement.text(column.qualifier)}.{name}"
        select = self._statement.enclosing_select(column)
        alone = select is not None and len(self._scopes.scope(select).bounds) == 1 and not reference.depth
        return name if alone else f"{quote(reference.bound.label)}.{name}"

    def _has_result(self, column: Column) -> bool:
        """Whether the bare name may stay in GROUP BY or ORDER BY, where a result is called so and is that column."""
        above = self._statement.site(column)
        if isinstance(above, tree.Term):
            above = self._statement.parent(above)
        select = self._statement.enclosing_select(column)
        sorted_or_grouped = isinstance(above, Query) or (
            isinstance(above, Select) and self._statement.clause_of(column) == "group"
        )
        if not sorted_or_grouped or select is None or column.qualifier is not None:
            return False
        return any(
            item.alias is None
            and isinstance(value := bare(item.value), Column)
            and fold(value.name.text) == fold(column.name.text)
            for item in select.items
        )

    # ---- `*` in a subquery ----

    def _hand_on(self, output: Output, depth: int) -> None:
        """A computed column that came through `*` stands beside it."""
        for part in output.made_of:
            if not isinstance(part, tuple) or depth > 50:
                continue
            bound, name = part
            inner = bound.output(name)
            if inner is not None:
                self._hand_on(inner, depth + 1)
            elif (
                bound.table is not None and (found := bound.table.column(name)) is not None and found.computed
            ):
                for item in self._stars(bound):
                    if (item, fold(name)) not in self._shown:
                        self._shown.add((item, fold(name)))
                        self._used[found.name] = found
                        base = f"{quote(bound.label)}.{quote(found.computed.column)}"
                        self._edits.after(item, f", {found.computed.sql(base)} AS {quote(found.name)}")

    def _stars(self, bound: Bound) -> Iterator[Star]:
        """The `*` that stands for a source's columns."""
        for select, scope in self._scopes.scopes.items():
            if bound in scope.bounds:
                for item in select.items:
                    value = bare(item.value)
                    if isinstance(value, Star) and (
                        value.qualifier is None or fold(value.qualifier.text) == bound.key
                    ):
                        yield value
                        break

    # ---- comparisons ----

    def _compare(self, column: Column, found: SchemaColumn) -> None:
        """Constants beside it are written in the field's type, since an expression has no affinity."""
        above = self._statement.site(column)
        others: tuple[Expr, ...] = ()
        if isinstance(above, Binary) and above.operator in _COMPARISONS:
            others = (above.left, above.right)
        elif isinstance(above, Between):
            others = (above.low, above.high)
        elif isinstance(above, In) and above.query is None and bare(above.value) is column:
            others = tuple(above.members)
        assert found.computed is not None
        for other in map(bare, others):
            if isinstance(other, Literal) and (text := _of_kind(other, found.computed.kind)) is not None:
                self._edits.replace(other, text)
                self._note_title(column)

    # ---- lists ----

    def _lists(self) -> None:
        """`json_each(CASE WHEN json_valid(field) THEN field END)` looks at the field's path itself."""
        for source in self._scopes.tables:
            arguments = source.arguments or ()
            if fold(source.name.text) != "json_each" or len(arguments) != 1:
                continue
            value = bare(arguments[0])
            if not isinstance(value, tree.Case) or len(value.whens) != 1 or value.otherwise is not None:
                continue
            field = bare(value.whens[0].result)
            reference = self._scopes.references.get(field) if isinstance(field, Column) else None
            found = _computed(reference) if reference is not None else None
            if not isinstance(field, Column) or reference is None or found is None:
                continue
            assert found.computed is not None
            self._used[found.name] = found
            self._edits.replace(value, found.computed.members(self._base(field, reference, found)))
            self._covered.append((value.start, value.end))


def _computed(reference: Reference) -> SchemaColumn | None:
    """The computed column of a table that a name means."""
    if reference.kind != "column" or reference.table is None or reference.column is None:
        return None
    return reference.column if reference.column.computed is not None else None


def _of_kind(literal: Literal, kind: str) -> str | None:
    """A constant as a value of a type; None where it is one, or none can be made of it."""
    if kind == "TEXT" and literal.kind == "number":
        return text_literal(literal.value)
    if literal.kind != "text":
        return None
    word = literal.value.strip().lower()
    if kind == "BOOLEAN":
        return _TRUTHS.get(word, word if word in ("0", "1") else None)
    return number_of(literal) if kind in ("INTEGER", "REAL") else None
