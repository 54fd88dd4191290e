"""What a query's names stand for: sources, scopes and result columns.

Invariant: a `Source` belongs to one `Block`; `Block.name_sources` gives every source of a block a qualifier
that is unique in its FROM and hides no outer source that the block, or a query inside it, refers to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from sqlagent.database.schema import fold


@dataclass(eq=False)
class Output:
    """One column of a source or of a result; a name is None where SQLite would make one up."""

    said: str | None
    """Its name in the text that was given."""
    name: str | None
    """Its name in the text that is written."""
    node: Any = None
    ref: Ref | None = None
    aliased: bool = False
    used: bool = False


@dataclass(eq=False)
class Source:
    """One item of a FROM: a table (or view), a CTE, or a derived table with its `body`."""

    label: str
    name: str
    columns: list[Output]
    body: Query | None = None
    block: Block | None = None
    """The SELECT whose result columns these are, unless they are a table's or were named in a list."""
    joined: set[str] = field(default_factory=set)
    """Columns (lower case) that USING or NATURAL merged into an earlier source's."""
    alias: str | None = None
    qualifier: str = ""

    def column(self, name: str) -> Output | None:
        """The column that the given text calls `name`; the first where several have it, as SQLite does."""
        folded = fold(name)
        return next((c for c in self.columns if c.said is not None and fold(c.said) == folded), None)


@dataclass(frozen=True, eq=False)
class Ref:
    """What a column in the text stands for: a source's column, a result alias of `block`, or a string."""

    source: Source | None = None
    output: Output | None = None
    text: str | None = None

    @property
    def name(self) -> str:
        """The column's or alias's name; "" where it has none."""
        return (self.output.name if self.output is not None else None) or ""


@dataclass(eq=False)
class Join:
    """A source in its place in FROM; `kind` is "" (inner), "LEFT" or "RIGHT"; `on` holds conjuncts."""

    source: Source
    kind: str = ""
    on: list[Any] = field(default_factory=list)


@dataclass(eq=False)
class Block:
    """One SELECT with its scope."""

    node: Any
    parent: Block | None
    ctes: Mapping[str, Cte]
    """The common table expressions in view, by folded name."""
    role: str
    """One of "top", "value" (a subquery in an expression) and, where the names of its columns matter, "table"
    (a derived table or common table expression) and "fixed" (one whose names must stay)."""
    joins: list[Join] = field(default_factory=list)
    where: list[Any] = field(default_factory=list)
    results: list[Output | Star] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    aliases_visible: bool = False
    sees_outer: bool = True
    """Off while ORDER BY and GROUP BY are bound: SQLite resolves their columns in their own SELECT only."""
    has_star: bool = False
    """Whether a `*` fixes the order of the sources."""
    outer: set[Source] = field(default_factory=set)
    """Sources of enclosing blocks that this block, or a query inside it, refers to."""

    @property
    def sources(self) -> list[Source]:
        return [join.source for join in self.joins]

    def alias(self, name: str) -> Output | None:
        """The result column whose explicit alias is `name`; the first where several have it."""
        folded = fold(name)
        return next((o for o in self.outputs if o.aliased and fold(o.said or "") == folded), None)

    def keeps_alias(self, output: Output) -> bool:
        """Whether a result column of this block is written with its alias. To be asked after `settle`.

        What refers to the alias of a plain column refers to the column, except from outside the block.
        """
        if output.ref is None:
            # Of two equal aliases the second can only be referred to by its place.
            return output.aliased and output.used and self.alias(output.said or "") is output
        return self.role in ("table", "fixed") and fold(output.ref.name) != fold(output.name or "")

    def settle(self, done: set[Block]) -> None:
        """Choose the names of the result columns, those of the sources first.

        A result column that renames a plain column takes that column's name, unless another one has it. Every
        name that is referred to then still means the column that it meant.
        """
        if self in done:
            return
        done.add(self)
        for source in self.sources:
            if source.block is not None:
                source.block.settle(done)
        renamed = [o for o in self.outputs if o.ref is not None and self.role != "fixed"]
        kept: set[Output] = set()
        while True:
            names: dict[str, list[Output]] = {}
            for output in self.outputs:
                if output in renamed and output not in kept and output.ref is not None:
                    output.name = output.ref.name or None
                else:
                    output.name = output.said
                if output.name is not None and (output.ref is not None or output.used):
                    names.setdefault(fold(output.name), []).append(output)
            back = {
                output
                for group in names.values()
                if len(group) > 1
                for output in group
                if output in renamed and fold(output.name or "") != fold(output.said or "")
            }
            if not back:
                return
            kept |= back

    def name_sources(self, style: str, reserved: Set[str]) -> None:
        """Set `alias` and `qualifier` of every source, no alias being in `reserved` (folded names).

        Enclosing blocks must have been named before.
        """
        hidden = {fold(source.qualifier) for source in self.outer}
        counts = Counter(fold(source.name) for source in self.sources)
        numbered = [
            not s.name
            or counts[fold(s.name)] > 1
            or fold(s.name) in hidden
            or (style == "aliases" and len(self.joins) > 1)
            for s in self.sources
        ]
        taken = hidden | reserved
        number = 0
        for source, is_numbered in zip(self.sources, numbered, strict=True):
            source.alias, source.qualifier = None, source.name
            if is_numbered:
                number += 1
                while f"t{number}" in taken:
                    number += 1
                source.alias = source.qualifier = f"T{number}"


@dataclass(frozen=True, eq=False)
class Star:
    """`*` (no source) or `t.*` among the result columns."""

    source: Source | None = None


@dataclass(eq=False)
class Query:
    """SELECTs joined by set operators (none: a plain SELECT), with what stands before and after them all."""

    blocks: list[Block]
    operators: list[str]
    node: Any
    ctes: list[Cte] = field(default_factory=list)
    recursive: bool = False


@dataclass(eq=False)
class Cte:
    """A common table expression; `columns` is its explicit list, as written."""

    name: str
    columns: list[str]
    body: Query | None = None
    outputs: list[Output] = field(default_factory=list)
