"""Answer questions about the database itself from its schema, without the model: "what tables are there?".

The answer is a statement like any other, so that a person sees where its rows come from. Invariant: a question is
taken for one of these only as a whole, and only where the database holds no tables, columns or rows of its own by
that name (a restaurant's `tables`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlagent.base.word_forms import name_words, stem
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.names import quote, text_literal

MOST_COUNTED = 100
"""Tables whose rows are counted in one statement."""
LARGE = 2_000_000
"""Rows of a table that are not counted again: what the schema knows of it is said."""

_UNSAID = """a about all also an and any are available can could display do does each every exist exists for get give
    have has hello here hi i in inside is it its list me my now of our per please print see show tell that the their
    there this to us want was we what whats which with would you"""
UNSAID = frozenset(_UNSAID.split())
"""Words that such questions may hold or not; what is left of one must be one of the phrases below."""
_ITSELF = frozenset(("database", "db", "file"))
_NAMES = frozenset(("name", "names", "called"))
_TABLES = frozenset(("table", "tables"))
_COUNT_TABLES = frozenset(("how many tables", "how many table", "number tables", "count tables"))
_COUNT_ROWS = frozenset(
    f"{asked} {of}"
    for asked in ("how many rows", "how many records", "number rows", "number records", "row count", "row counts",
                  "rows", "records", "count rows", "size", "sizes", "how big", "how large")
    for of in ("table", "tables")
) | {"row counts", "row count", "table sizes", "table size"}  # fmt: skip
_PHRASES = """database|schema|data|information|columns|fields|describe|describe tables|explain|explain tables
    summarize|summarise|tables columns|tables fields|columns table|columns tables|fields table|fields tables
    ask|should ask|know
    contain|contains|hold|store|describe schema|explain schema|describe data|answer"""
_WHOLE = frozenset(phrase.strip() for phrase in _PHRASES.replace("\n", "|").split("|"))
_PARTS = r"(?:columns?|fields?|column names|structure|schema|definition|layout)"
_OF_A_TABLE = (
    re.compile(r"(?:describe|desc|explain) (?:the )?(?:table )?(?P<name>.+?)(?: table)?", re.I),
    re.compile(r"what (?:does|do) (?:the )?(?:table )?(?P<name>.+?)(?: table)? (?:contain|hold)", re.I),
    re.compile(
        rf"(?P<asked>.*?)\b{_PARTS} (?:are )?(?:of|in|for|from) (?:the )?(?:table )?(?P<name>.+?)(?: table)?", re.I
    ),
    re.compile(
        rf"(?P<asked>.*?)\b{_PARTS} (?:does|do) (?:the )?(?:table )?(?P<name>.+?)(?: table)? (?:have|has|contain)", re.I
    ),
)  # fmt: skip


def statement_about(question: str, schema: Schema) -> str | None:
    """A SELECT whose rows answer a question about the database itself; None for any other question."""
    asked = " ".join(question.split()).rstrip(" .!?;:")
    tables = [table for table in schema.tables if table.columns]
    if not tables:
        return None
    if (table := _described(asked, tables)) is not None:
        return _columns(table)
    said = re.findall(r"\w+", asked.lower().replace("what's", "what"))
    kept = [word for word in said if word not in UNSAID]
    core = " ".join(word for word in kept if word not in _ITSELF | _NAMES)
    own = {stem(word) for table in schema.tables for name in _names(table) for word in name_words(name)}
    if any(stem(word) in own for word in kept if word not in _NAMES) and not _ITSELF & set(kept):
        return None  # a restaurant's tables, a table called `data`
    if core in _TABLES:
        return _names_of(tables)
    if core in _COUNT_TABLES:
        return _count_of(tables)
    if core in _COUNT_ROWS and (
        len(kept) > 2 or {"each", "every", "all", "per"} & set(said) or kept[0] != "rows"
    ):
        return _counts(tables)
    if core in _WHOLE or (not core and _ITSELF & set(kept)):
        return _overview(tables)
    return None


def _described(asked: str, tables: Sequence[Table]) -> Table | None:
    """The table that a question wants described: "describe orders", "what columns does orders have?"."""
    for pattern in _OF_A_TABLE:
        found = pattern.fullmatch(asked.removeprefix("please "))
        if found is None or set(re.findall(r"\w+", found.groupdict().get("asked", "").lower())) - UNSAID:
            continue
        if (table := _named(found["name"], tables)) is not None:
            return table
    return None


def _names(table: Table) -> list[str]:
    return [table.name, *(column.name for column in table.columns)]


def _named(said: str, tables: Sequence[Table]) -> Table | None:
    """The table that is called so, exactly or in another number: "order" is `orders`."""
    said = said.strip().strip("\"'`[]“”")
    exact = [table for table in tables if fold(table.name) == fold(said)]
    if exact:
        return exact[0]
    stems = [stem(word) for word in name_words(said)]
    alike = [table for table in tables if [stem(word) for word in name_words(table.name)] == stems]
    return alike[0] if stems and len(alike) == 1 else None


def _values(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A SELECT of rows that the schema holds and no table does."""
    columns = ", ".join(f"column{i} AS {quote(head)}" for i, head in enumerate(heads, 1))
    return f"SELECT {columns} FROM (VALUES {', '.join('(' + ', '.join(row) + ')' for row in rows)})"


def _names_of(tables: Sequence[Table]) -> str:
    return _values(["table"], [[text_literal(table.name)] for table in tables])


def _count_of(tables: Sequence[Table]) -> str:
    return _values(["tables"], [[str(len(tables))]])


def _count(table: Table) -> str:
    """How many rows a table has, as SQL; NULL of a view, which may take long to make."""
    if table.kind == "view":
        return "NULL"
    if table.row_count is not None and table.row_count > LARGE:
        return str(table.row_count)
    return f"(SELECT COUNT(*) FROM {quote(table.name)})"


def _counts(tables: Sequence[Table]) -> str:
    rows = [[text_literal(table.name), _count(table)] for table in tables[:MOST_COUNTED]]
    return _values(["table", "rows"], rows)


def _overview(tables: Sequence[Table]) -> str:
    rows = [
        [
            text_literal(table.name),
            _count(table),
            text_literal(", ".join(column.name for column in table.columns)),
        ]
        for table in tables[:MOST_COUNTED]
    ]
    return _values(["table", "rows", "columns"], rows)


def _columns(table: Table) -> str:
    rows = [
        [
            text_literal(column.name),
            text_literal(column.type or ""),
            text_literal(", ".join(str(value) for value in column.samples[:3] if value is not None)[:80]),
        ]
        for column in table.columns
    ]
    return _values(["column", "type", "examples"], rows)
