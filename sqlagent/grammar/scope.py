"""Keep what a SELECT knows while it is written: its tables, and the columns that still wait for one.

Invariant: a `Scope` whose FROM is not finished always has a *witness*: tables that, joined to the sources already
bound, give every waiting column exactly one meaning. An option that would leave no witness is never offered.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from sqlagent.grammar.from_needs import EMPTY, Need, Qualifier
from sqlagent.grammar.relation import FromItems, Relation

SELECT, FROM, AFTER = 0, 1, 2
"""Phases of a scope: its result columns, its FROM, everything behind."""


@dataclass(frozen=True)
class ResultColumn:
    """A result column: the name that it can be referred to by (folded and as text), and what it holds."""

    key: str | None = None
    text: bytes | None = None
    alias: bool = False
    aggregate: bool = False
    window: bool = False
    constant: bool = False
    """Whether it names no column. GROUP BY must not point at it: SQLite would read a literal there as a position."""
    origin: tuple[str | None, str] | None = None
    """(qualifier, column) when it is a column and nothing more."""
    star: str | None = None
    """For stars: "" for `*`, the qualifier's key for `t.*`."""

    @property
    def name(self) -> str | None:
        """The name without its quotes."""
        if self.text is None:
            return None
        text = self.text.decode()
        return text[1:-1].replace('""', '"') if text.startswith('"') else text


@dataclass(eq=False)
class Scope:
    """Everything known about the SELECT being written. Treated as immutable: `change` makes a new one."""

    outer: Scope | None = None
    """The enclosing SELECT when this one may refer to it."""
    depth: int = 0
    phase: int = SELECT
    need: Need = EMPTY
    sources: FromItems = field(default_factory=FromItems)
    ctes: tuple[Relation, ...] = ()
    width: int | None = None
    """Number of result columns asked for, or None."""
    items: tuple[ResultColumn, ...] = ()
    item: ResultColumn = field(default_factory=ResultColumn)
    """The result column being written."""
    star_width: int | None = None
    """Width that the only source must have (a `*` in a later arm of a set operation)."""
    lone: bool = False
    """Whether FROM must stay one source, because `*` over a join could pass SQLite's limit on columns."""
    plain: int = 0
    """Result columns other than stars."""
    star_qualifiers: tuple[str, ...] = ()
    bare_stars: int = 0
    has_aggregate: bool = False
    has_column: bool = False
    has_query: bool = False
    item_column: bool = False
    """Whether the result column being written names a column."""
    grouped: bool = False
    arms: Arm | None = None
    """The first arm of a set operation, as `Arm`; None outside one."""
    terms: int = 0
    """Operators and connectives so far, those of enclosing SELECTs too."""
    load: int = 0
    """Symbols on the stack of SQLite's parser at the start of a result column."""
    column: tuple[str | None, str] | None = None
    """(qualifier key, column key) when the value just written is one column."""
    witness: tuple[tuple[str, Relation], ...] = ()
    """(qualifier key or "", relation) still to be joined; what the class invariant promises."""
    role: str = "top"
    """What the SELECT is for: "top", "value", "derived" or "named:<name>"."""
    derived: Relation | None = None
    """The subquery in FROM that has just been closed."""

    def change(self, **fields: Any) -> Scope:
        """A copy with some fields replaced."""
        new = copy(self)
        for name, value in fields.items():
            setattr(new, name, value)
        return new

    def fits(self, q: Qualifier, relation: Relation) -> bool:
        """Whether `relation` may take the waiting alias `q`.

        Joined to itself, a table may go by any letter: `m` for the employee who is the manager."""
        if q.fits(relation):
            return True
        if len(q.key) != 1 or q.relation is not None or not q.covered_by(relation):
            return False
        others = (o for o in self.need.qualifiers if o is not q and not o.numbered)
        return relation in self.sources.relations or any(
            o.relation is relation or (o.relation is None and o.fits(relation)) for o in others
        )

    def total_width(self) -> int | None:
        """The number of result columns, once FROM is known; None when a source's width is not."""
        total = self.plain
        widths = [s.relation.width for s in self.sources.items]
        if self.bare_stars:
            if any(w is None for w in widths):
                return None
            total += self.bare_stars * sum(w or 0 for w in widths)
        for key in self.star_qualifiers:
            width = next((s.relation.width for s in self.sources.items if s.key == key), None)
            if width is None:
                return None
            total += width
        return total


@dataclass(frozen=True)
class Arm:
    """What the first arm of a set operation fixes: the width, and the names ORDER BY may use."""

    width: int
    names: tuple[bytes, ...]
    items: tuple[ResultColumn, ...]
    sources: FromItems
    starred: bool
    """Whether it is a lone `SELECT *`."""
    count: int = 1

    def next(self) -> Arm:
        """The same, one arm further."""
        return replace(self, count=self.count + 1)
