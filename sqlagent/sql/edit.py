"""Change a statement by spans: collect what goes where, then make the new text at once.

    edits = Edits(statement)
    edits.replace(select.where, "b = 2")
    edits.add_condition(select, "c IS NOT NULL")
    edits.sql()

Invariant: every character that no edit covers stays as it was, comments and blanks too.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlagent.database.schema import fold
from sqlagent.sql.statement import Statement
from sqlagent.sql.tree import Binary, Column, Node, Select, TableRef

Edit = tuple[int, int, str]
"""Start, end, and what stands there instead; an insertion where the two are the same."""


class Overlap(ValueError):
    """Two edits want the same characters: one of two changes that cannot both be made by spans."""


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """A text with edits made. Insertions at one place stand in the order given. Raises Overlap."""
    made: list[str] = []
    at = 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        if start < at:
            raise Overlap(f"two edits overlap at {start}")
        made += (text[at:start], new)
        at = end
    return "".join([*made, text[at:]])


class Edits:
    """Changes to one statement that are yet to be made."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self._edits: list[Edit] = []
        self._conditions: dict[Select, int] = {}

    def __bool__(self) -> bool:
        return bool(self._edits)

    def sql(self) -> str:
        """The new text. Raises Overlap."""
        return spliced(self.statement.sql, self._edits)

    # ---- anywhere ----

    def put(self, start: int, end: int, text: str) -> None:
        """Another text in place of some characters."""
        self._edits.append((start, end, text))

    def replace(self, node: Node, text: str) -> None:
        """Another text in place of a node."""
        self._edits.append((node.start, node.end, text))

    def before(self, node: Node, text: str) -> None:
        self._edits.append((node.start, node.start, text))

    def after(self, node: Node, text: str) -> None:
        self._edits.append((node.end, node.end, text))

    def put_table(self, ref: TableRef, name: str) -> None:
        """Another table in place of one that a statement names once; its columns are qualified by it, too."""
        self.replace(ref.name, name)
        if ref.alias is None:
            for column in self.statement.find(Column):
                if column.qualifier is not None and fold(column.qualifier.text) == fold(ref.name.text):
                    self.replace(column.qualifier, name)

    def wrap(self, node: Node, opening: str, closing: str) -> None:
        """Text before and behind a node: `wrap(value, "LOWER(", ")")`."""
        self.before(node, opening)
        self.after(node, closing)

    # ---- clauses ----

    def add_condition(self, select: Select, condition: str) -> None:
        """Another condition that must hold too; one with OR brings its own parentheses."""
        where = select.where
        if where is not None:
            if isinstance(where, Binary) and where.operator == "OR" and select not in self._conditions:
                self.wrap(where, "(", ")")
            self.after(where, f" AND {condition}")
        else:
            last: Node = (select.sources or select.items)[-1]
            self.after(last, f" {'AND' if select in self._conditions else 'WHERE'} {condition}")
        self._conditions[select] = 1

    def drop(self, select: Select, part: str) -> None:
        """Take out a clause (where, group, having, order, limit) that is there, with the blanks before it."""
        start, end = self.statement.clause(select, part)
        self._edits.append((self.statement.token_before(start).end, end, ""))

    def add_join(self, select: Select, join: str) -> None:
        """A join behind the last source: `add_join(select, "JOIN t ON t.id = s.t_id")`. FROM must be there."""
        self.after(select.sources[-1], f" {join}")

    def add_item(self, select: Select, item: str, *, first: bool = False) -> None:
        """Another result column, behind the last one or before the first."""
        if first:
            self.before(select.items[0], f"{item}, ")
        else:
            self.after(select.items[-1], f", {item}")

    def add_alias(self, node: Node, alias: str) -> None:
        """A name for a result or a source that has none."""
        self.after(node, f" AS {alias}")
