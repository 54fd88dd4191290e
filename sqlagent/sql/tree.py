"""The nodes of a statement's tree. Each knows the place in the text that it was read from.

`SELECT name FROM t WHERE a = 1` is a Query of one Select, whose `where` is a Binary from the `a` to the `1`.

Invariant: a node lies within its parent, and its children stand in the order of the text without overlapping. Two
nodes are equal only when they are the same one, so a node may be a key; what two expressions have in common is asked
of `sqlagent.sql.statement`. Ways through a tree are in `sqlagent.sql.walk`.

The nodes stand in one module since they are one type: an expression may hold a query, which holds expressions.
"""

from __future__ import annotations

from typing import ClassVar

from sqlagent.sql.frozen import frozen


@frozen
class Node:
    """Something that stands from `start` to before `end` in the text, counted in characters."""

    start: int
    end: int

    parts: ClassVar[tuple[str, ...]] = ()
    """The fields that hold nodes, tuples of nodes, or None, in the order of the text."""


@frozen
class Name(Node):
    """An identifier; `text` is what it stands for, `quote` the character it was quoted with, or ""."""

    text: str
    quote: str


# ---- expressions ---------------------------------------------------------------------------------------------


@frozen
class Literal(Node):
    """A constant: `kind` is number, text, blob, or word (NULL, TRUE, CURRENT_DATE …).

    `value` is a text's content, a word in capitals, anything else as it is written. TRUE and FALSE are always
    constants: a column with such a name has to be quoted.
    """

    kind: str
    value: str


@frozen
class Parameter(Node):
    """`?`, `?1`, `:name`, `@name` or `$name`."""

    text: str


@frozen
class Column(Node):
    """A name that stands for a value. What it means, `sqlagent.sql.scope` says."""

    schema: Name | None
    qualifier: Name | None
    name: Name

    parts: ClassVar = ("schema", "qualifier", "name")


@frozen
class Star(Node):
    """`*` or `t.*` among the results, and what COUNT(*) counts."""

    qualifier: Name | None

    parts: ClassVar = ("qualifier",)


@frozen
class Paren(Node):
    """An expression in parentheses; `walk.bare` looks through them."""

    value: Expr

    parts: ClassVar = ("value",)


@frozen
class Row(Node):
    """A row value: `(a, b)`."""

    values: tuple[Expr, ...]

    parts: ClassVar = ("values",)


@frozen
class Unary(Node):
    """`-a`, `+a`, `~a`, `NOT a`."""

    operator: str
    value: Expr

    parts: ClassVar = ("value",)


@frozen
class Binary(Node):
    """OR, AND, a comparison (=, !=, <, <=, >, >=, IS, IS NOT, IS [NOT] DISTINCT FROM), arithmetic, || or ->.

    `operator` is in one spelling (`<>` is `!=`, `==` is `=`); it stands at `at` in the text.
    """

    operator: str
    at: int
    left: Expr
    right: Expr

    parts: ClassVar = ("left", "right")


@frozen
class NullTest(Node):
    """`a ISNULL`, `a NOTNULL`, `a NOT NULL`; `a IS NULL` is a Binary."""

    value: Expr
    negated: bool

    parts: ClassVar = ("value",)


@frozen
class Like(Node):
    """`left [NOT] LIKE right [ESCAPE escape]`, GLOB, MATCH or REGEXP; the operator, with its NOT, stands at `at`."""

    operator: str
    at: int
    negated: bool
    left: Expr
    right: Expr
    escape: Expr | None

    parts: ClassVar = ("left", "right", "escape")


@frozen
class Between(Node):
    """`value [NOT] BETWEEN low AND high`; the operator, with its NOT, stands at `at`."""

    at: int
    negated: bool
    value: Expr
    low: Expr
    high: Expr

    parts: ClassVar = ("value", "low", "high")


@frozen
class In(Node):
    """`value [NOT] IN (members)`, `(query)`, or a table; the operator, with its NOT, stands at `at`."""

    at: int
    negated: bool
    value: Expr
    members: tuple[Expr, ...]
    query: Query | None
    table: TableRef | None

    parts: ClassVar = ("value", "members", "query", "table")


@frozen
class Exists(Node):
    """`EXISTS (query)`."""

    query: Query

    parts: ClassVar = ("query",)


@frozen
class Subquery(Node):
    """A query in parentheses that stands for a value."""

    query: Query

    parts: ClassVar = ("query",)


@frozen
class When(Node):
    """`WHEN condition THEN result` of a CASE."""

    condition: Expr
    result: Expr

    parts: ClassVar = ("condition", "result")


@frozen
class Case(Node):
    """`CASE [value] WHEN … [ELSE otherwise] END`."""

    value: Expr | None
    whens: tuple[When, ...]
    otherwise: Expr | None

    parts: ClassVar = ("value", "whens", "otherwise")


@frozen
class Cast(Node):
    """`CAST(value AS type)`; `type` is written as in the text."""

    value: Expr
    type: str

    parts: ClassVar = ("value",)


@frozen
class Collate(Node):
    """`value COLLATE collation`."""

    value: Expr
    collation: Name

    parts: ClassVar = ("value", "collation")


@frozen
class Call(Node):
    """A function's call. COUNT(*) has a Star as its one argument."""

    name: Name
    distinct: bool
    arguments: tuple[Expr, ...]
    order: tuple[Term, ...]
    """`GROUP_CONCAT(a ORDER BY b)`, since SQLite 3.44."""
    filter: Expr | None
    window: Window | Name | None
    """What follows OVER."""

    parts: ClassVar = ("name", "arguments", "order", "filter", "window")

    @property
    def function(self) -> str:
        """The name in capitals."""
        return self.name.text.upper()


@frozen
class Frame(Node):
    """`ROWS BETWEEN 2 PRECEDING AND CURRENT ROW EXCLUDE TIES`: its expressions alone are nodes."""

    unit: str
    bounds: tuple[Expr, ...]

    parts: ClassVar = ("bounds",)


@frozen
class Window(Node):
    """What stands in the parentheses behind OVER, or behind AS in a WINDOW clause, with them."""

    base: Name | None
    partition: tuple[Expr, ...]
    order: tuple[Term, ...]
    frame: Frame | None

    parts: ClassVar = ("base", "partition", "order", "frame")


# ---- queries -------------------------------------------------------------------------------------------------


@frozen
class Item(Node):
    """A result column."""

    value: Expr
    alias: Name | None

    parts: ClassVar = ("value", "alias")


@frozen
class TableRef(Node):
    """A table, a view, a CTE or a table-valued function that FROM names; also the table of `a IN t`."""

    schema: Name | None
    name: Name
    arguments: tuple[Expr, ...] | None
    alias: Name | None
    index: Name | None
    """INDEXED BY."""

    parts: ClassVar = ("schema", "name", "arguments", "alias", "index")


@frozen
class Derived(Node):
    """A query in FROM."""

    query: Query
    alias: Name | None

    parts: ClassVar = ("query", "alias")


@frozen
class Nested(Node):
    """Joined sources in parentheses."""

    sources: tuple[Joined, ...]
    alias: Name | None

    parts: ClassVar = ("sources", "alias")


@frozen
class Joined(Node):
    """A source with the join before it and the condition behind it.

    `operator` is "" for the first, else `,`, `JOIN`, `LEFT JOIN`, `RIGHT JOIN`, `FULL JOIN` or `CROSS JOIN`
    (INNER and OUTER are left out); NATURAL is a flag of its own.
    """

    operator: str
    natural: bool
    source: Source
    on: Expr | None
    using: tuple[Name, ...]

    parts: ClassVar = ("source", "on", "using")


@frozen
class Term(Node):
    """A term of ORDER BY, its direction included; `nulls` is "", FIRST or LAST."""

    value: Expr
    descending: bool
    nulls: str

    parts: ClassVar = ("value",)


@frozen
class NamedWindow(Node):
    """`name AS (…)` of a WINDOW clause."""

    name: Name
    window: Window

    parts: ClassVar = ("name", "window")


@frozen
class Select(Node):
    """One SELECT, from its keyword to the end of its HAVING or WINDOW; ORDER BY and LIMIT are the Query's."""

    distinct: bool
    items: tuple[Item, ...]
    sources: tuple[Joined, ...]
    where: Expr | None
    group: tuple[Expr, ...]
    having: Expr | None
    windows: tuple[NamedWindow, ...]

    parts: ClassVar = ("items", "sources", "where", "group", "having", "windows")


@frozen
class Values(Node):
    """`VALUES (1, 2), (3, 4)`."""

    rows: tuple[Row, ...]

    parts: ClassVar = ("rows",)


@frozen
class Cte(Node):
    """`name (columns) AS [NOT] MATERIALIZED (query)` of a WITH."""

    name: Name
    columns: tuple[Name, ...]
    query: Query

    parts: ClassVar = ("name", "columns", "query")


@frozen
class Query(Node):
    """SELECTs or VALUES with the set operations between them, and the order and limit of the whole.

    `operators` has UNION, UNION ALL, INTERSECT or EXCEPT, one fewer than there are `arms`.
    """

    recursive: bool
    ctes: tuple[Cte, ...]
    arms: tuple[Select | Values, ...]
    operators: tuple[str, ...]
    order: tuple[Term, ...]
    limit: Expr | None
    """How many rows, also where it is written second: `LIMIT 5, 10`."""
    offset: Expr | None

    parts: ClassVar = ("ctes", "arms", "order", "limit", "offset")


Source = TableRef | Derived | Nested
Expr = (
    Literal | Parameter | Column | Star | Paren | Row | Unary | Binary | NullTest | Like | Between | In | Exists
    | Subquery | Case | Cast | Collate | Call
)  # fmt: skip
