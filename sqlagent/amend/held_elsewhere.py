"""Look for a text that its column does not hold where it is: in another column, or in what the whole table is about.

"What is the unit for street X?" compares the wrong column; of a table called `data`, "how many races did soviet song
compete in?" names what every row is about. In both a condition stands that no row can fulfil.

Invariant: only a comparison with a text changes that its column holds nowhere, whole or in part. One is left out only
where no column holds the text, and the table has a name that does not say what it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.held_rows import Values, is_held
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem
from sqlagent.database.schema import Column as DbColumn
from sqlagent.database.schema import Table, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote, text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column, Expr, Like, Literal, Select
from sqlagent.sql.walk import bare

_UNTELLING_WORDS = (
    "data dataset table tbl list info information record row sheet result main temp file page csv"
)
UNTELLING = frozenset(map(stem, _UNTELLING_WORDS.split()))
"""Words of table names that do not say what a table holds."""
SHORTEST = 3
"""Letters of the shortest text that is looked for: codes may stand anywhere."""
MOST_COLUMNS = 24
LARGEST = 100_000
"""Rows of a table that is looked through."""


def elsewhere(reading: Reading, accepts: Callable[[str], bool], values: Values) -> Amended:
    """The statement with comparisons moved to the one column that holds their text, in a table of its SELECT.

    accepts: whether the grammar accepts a statement. values: the first column of a statement's rows.
    """
    edits, notes = Edits(reading.statement), list[str]()
    for _, node, column, text, table in _lacking(reading, values):
        others = [one for one in texts_of(table) if fold(one.name) != fold(column.name.text)]
        holding = [one for one in others if _holds(table, one, text, values)]
        if len(holding) != 1:
            continue
        name = quote(holding[0].name)
        if column.qualifier is not None:
            name = f"{reading.statement.text(column.qualifier)}.{name}"
        whole, part = f"= {text_literal(text)}", f"LIKE {text_literal(f'%{text}%')}"
        test = whole if is_held(table, f"{quote(holding[0].name)} {whole}", values) else part
        edits.replace(node, f"{name} {test}")
        notes.append(f"{text!r} is in {table.name}.{holding[0].name}, and not in {column.name.text}.")
    return edited(reading, edits, notes, accepts)


ELSEWHERE = Supplied(
    "elsewhere", lambda now, about: elsewhere(now, about.accepts, about.values), lead=1.0, guessed=True
)


def of_the_whole(reading: Reading, accepts: Callable[[str], bool], values: Values) -> Amended:
    """The statement without comparisons with a text that is nowhere in a table whose name says nothing."""
    edits, notes = Edits(reading.statement), list[str]()
    left_out: dict[Select, list[Expr]] = {}
    for select, node, column, text, table in _lacking(reading, values):
        telling = {stem(word) for word in name_words(table.name)} - UNTELLING
        if any(len(word) > 1 and not word.isdigit() for word in telling) or len(reading.schema.tables) != 1:
            continue
        if any(_holds(table, one, text, values) for one in texts_of(table) if one.name != column.name.text):
            continue
        left_out.setdefault(select, []).append(node)
        notes.append(
            f"Nothing in {table.name} is called {text!r}, which was taken for what all of it is about."
        )
    for select, nodes in left_out.items():
        if any(_is_within(select, other) for other in left_out):
            continue
        kept = [node for node in reading.statement.conjuncts(select) if node not in nodes]
        if kept and select.where is not None:
            edits.replace(select.where, " AND ".join(reading.statement.conjunct(node) for node in kept))
        else:
            edits.drop(select, "where")
    return edited(reading, edits, notes, accepts)


OF_THE_WHOLE = Supplied(
    "of_the_whole", lambda now, about: of_the_whole(now, about.accepts, about.values), lead=1.0, guessed=True
)


def _is_within(select: Select, other: Select) -> bool:
    """Whether a SELECT stands in the WHERE of another."""
    return other.where is not None and other.where.start <= select.start < other.where.end


def _lacking(reading: Reading, values: Values) -> Iterator[tuple[Select, Expr, Column, str, Table]]:
    """The comparisons with a text that WHEREs join by AND, of a column that holds the text nowhere."""
    for select in reading.statement.find(Select):
        for node in reading.statement.conjuncts(select):
            found = _compared(node)
            if found is None:
                continue
            column, text = found
            meaning = reading.scopes.of(column)
            table = meaning.table
            if meaning.kind != "column" or table is None or meaning.column is None or meaning.depth:
                continue
            if (
                table.kind == "view"
                or (table.row_count or 0) > LARGEST
                or sum(map(str.isalpha, text)) < SHORTEST
            ):
                continue
            if not _holds(table, meaning.column, text, values):
                yield select, node, column, text, table


def _compared(node: Expr) -> tuple[Column, str] | None:
    """The column and the text of `column = 'text'` and `column LIKE '%text%'`."""
    if isinstance(node, Like):
        if node.negated or node.operator != "LIKE":
            return None
    elif not isinstance(node, Binary) or node.operator != "=":
        return None
    column, text = bare(node.left), bare(node.right)
    if not isinstance(column, Column) or not isinstance(text, Literal) or text.kind != "text":
        return None
    plain = text.value.strip("%").strip()
    return None if {"%", "_"} & set(plain) else (column, plain)


def texts_of(table: Table) -> list[DbColumn]:
    """The columns that may hold texts."""
    return [column for column in table.columns if "int" not in column.type.lower()][:MOST_COLUMNS]


def _holds(table: Table, column: DbColumn, text: str, values: Values) -> bool:
    """Whether a column holds a text, whole or in part."""
    return is_held(table, f"{quote(column.name)} LIKE {text_literal(f'%{text}%')}", values)
