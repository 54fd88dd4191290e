"""Ordinary SQL → the one form that training targets and constrained decoding share.

Invariant: `canonicalise` returns a statement with the same meaning on the schema it was given (same rows,
same order where ORDER BY fixes it), or raises `CanonicalError`; and it is idempotent.

The form, beyond spelling (upper-case keywords, single spaces, `!=`, `JOIN`, names as declared):

- Every column is resolved by scope and written bare where its FROM has one source, qualified where it has
  several. Style "names" qualifies with the table's own name, style "aliases" with T1, T2 … in the order of
  that FROM. Derived tables always, and tables that occur twice in a FROM, get T1, T2 … in both styles.
- A reference to an enclosing query is always qualified. Where an inner source would hide the outer one that
  the inner query refers to, the *inner* one gets an alias (T1, T2 …), skipping the outer aliases that it
  refers to. Subqueries that refer to nothing outside start again at T1.
- ON of an inner join holds conditions that link two or more sources; conditions on one source go to the front
  of WHERE. A join without a link takes the equalities of WHERE that link it; without any it is a CROSS JOIN.
  The sources are put in another order only where that saves a CROSS JOIN, there is no `*` and there are only
  inner joins. An equality of two columns in ON names the earlier source first.
- A derived table whose columns are used, or that is joined, becomes a common table expression under its own alias,
  or `sub`, `sub2` … where that one will not do.
- No T1, T2 … is the name of a table or column of the schema, or of a CTE or result column of the statement.
- Result columns have an alias only where something refers to it. A reference to an alias of a plain column,
  and `ORDER BY 2`, become what they stand for; so does the outer query's reference to a column that a derived
  table renames, unless two columns would then have one name.
- "Double-quoted" words that name no column are strings, as in SQLite. CAST names one of the five affinities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bench.gold.errors import CanonicalError as CanonicalError

if TYPE_CHECKING:
    from sqlagent.database.schema import Schema

Style = Literal["names", "aliases"]


def canonicalise(sql: str, schema: Schema, *, style: Style = "names") -> str:
    """The canonical form of one SELECT statement on `schema`.

    Raises CanonicalError for anything that is not one SELECT, that names what the schema lacks, or that has
    no canonical form. Needs sqlglot, which is imported here (it is not a runtime dependency of sqlagent).
    """
    from bench.gold.canonical_bind import Binder
    from bench.gold.canonical_emit import Emitter
    from bench.gold.canonical_hoist import hoist
    from bench.gold.canonical_joins import arrange
    from bench.gold.canonical_parse import parse
    from bench.gold.canonical_scope import Block

    if style not in ("names", "aliases"):
        raise ValueError(f"style is 'names' or 'aliases', not {style!r}")
    binder = Binder(schema, sql)
    try:
        query = binder.query(parse(sql), None, "top")
        for block in binder.blocks:
            arrange(block, binder)
        settled: set[Block] = set()
        for block in binder.blocks:
            block.settle(settled)
        hoist(query, binder)
        for block in binder.blocks:
            block.name_sources(style, binder.reserved())
        return Emitter(binder).query(query)
    except RecursionError:
        raise CanonicalError("nested too deep") from None
