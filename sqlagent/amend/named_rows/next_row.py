"""Give the one row before or after another: "what song was previous to hot thing?", "who is listed after him?".

A small model gives all that come before (`WHERE num < (SELECT num …)`), the row itself, or what follows in the
alphabet. The nearest one is meant: of the column that it compares, or of the order in which the rows were entered.

Invariant: the statement keeps what it shows; only one row comes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.held_rows import Values
from sqlagent.amend.named_rows.mentions import only_table
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.base import word_forms
from sqlagent.base.word_forms import Token
from sqlagent.database.schema import Table
from sqlagent.sql.functions import AGGREGATES
from sqlagent.sql.names import quote, text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call, Column, Expr, Like, Literal, Query, Subquery
from sqlagent.sql.walk import bare, single

_AFTER_WORDS = "after next follow follows followed following below behind succeeded succeeds"
_BEFORE_WORDS = "before previous prior precede precedes preceded preceding above ahead"
_AFTER, _BEFORE = frozenset(_AFTER_WORDS.split()), frozenset(_BEFORE_WORDS.split())
_LISTED = frozenset(("listed", "list", "table", "chart", "row", "appears", "comes", "come", "came"))
_SEVERAL = Phrase(
    r"\b(?:were|are|have|all|list|names|how (?:many|much|far|long|old)|numbers? of|total|average|those|each|every)\b"
    r"|\bfollowing\b.*:"
)
_ONE = Phrase(r"^\W*(?:and )?(?:what|which)(?: was| is)?(?: the)? (?P<noun>\w+)\b")
"""A question for one of a kind, whose noun says whether it is one."""
_NEAR = 4
"""Words between the one that says the direction and the value that it starts from."""
_TIMES = frozenset(("year", "date", "season"))


def next_row(question: str, reading: Reading, accepts: Callable[[str], bool], values: Values) -> Amended:
    """A statement that gives the one row next to the one that the question starts from.

    accepts: whether the grammar accepts a statement. values: the first column of a statement's rows. Left alone:
    questions for several rows, or for a number.
    """
    tokens = word_forms.tokens(question)
    said = {token.folded for token in tokens}
    select, query = reading.select, reading.query
    if (
        not said & (_AFTER | _BEFORE)
        or _SEVERAL.search(question)
        or select is None
        or query.offset is not None
    ):
        return Amended(reading.sql)
    if select.group or select.distinct or any(_is_aggregate(reading, item.value) for item in select.items):
        return Amended(reading.sql)
    conditions, table = reading.statement.conjuncts(select), only_table(reading)
    if not conditions or table is None:
        return Amended(reading.sql)
    made = _of_its_column(tokens, reading, conditions[0]) if len(conditions) == 1 else ""
    made = made or _of_its_values(question, tokens, reading, conditions, table, values)
    if not made:
        found = (_of_the_rows(tokens, reading, one, table, values) for one in conditions)
        made = next(filter(None, found), "")
    return accepted(made, "Only the one next to it is shown.", reading, accepts)


RULE = Supplied(
    "next_row", lambda now, about: next_row(about.question, now, about.accepts, about.values), lead=2.0
)


def _of_its_column(tokens: Sequence[Token], reading: Reading, condition: Expr) -> str:
    """The nearest of the rows that lie on one side of another row's value; "" where none are looked for so."""
    if not isinstance(condition, Binary) or condition.operator not in ("<", "<=", ">", ">="):
        return ""
    column, inner = bare(condition.left), bare(condition.right)
    if not isinstance(column, Column) or not isinstance(inner, Subquery) or reading.query.limit is not None:
        return ""
    one = single(inner.query)
    if one is None or one.where is None or len(one.items) != 1 or not _is_said(reading, one.where, tokens):
        return ""
    same = {reading.scopes.of(found).key for found in reading.statement.find(Column, one.items[0])}
    if same != {reading.scopes.of(column).key} or holds_words(reading, column):
        return ""
    start = reading.sql[: reading.query.order[0].start].rstrip() if reading.query.order else reading.sql
    if reading.query.order:
        start = start[: start.upper().rindex("ORDER")].rstrip()
    down = " DESC" if condition.operator.startswith("<") else ""
    return f"{start} ORDER BY {reading.statement.text(column)}{down} LIMIT 1"


def _of_its_values(
    question: str,
    tokens: Sequence[Token],
    reading: Reading,
    conditions: Sequence[Expr],
    table: Table,
    values: Values,
) -> str:
    """The nearest value of the column that is shown, on one side of a stored one; "" where several are asked for.

    "What season came before 2003-04?" is one season, `season < '2003-04'` are all.
    """
    select, asked = reading.select, _ONE.search(question)
    found = _compared(conditions[0]) if len(conditions) == 1 else None
    if (
        asked is None
        or found is None
        or select is None
        or len(select.items) != 1
        or reading.query.limit is not None
    ):
        return ""
    operator, column, literal = found
    shown = bare(select.items[0].value)
    if operator not in ("<", ">") or not isinstance(shown, Column) or reading.query.order:
        return ""
    if reading.scopes.of(shown).key != reading.scopes.of(column).key or holds_words(reading, column):
        return ""
    at, noun = _place(tokens, literal.value), word_forms.tokens(asked["noun"])
    if at is None or not noun or noun[0].stem != noun[0].folded:
        return ""
    if noun[0].stem not in map(word_forms.stem, word_forms.name_words(column.name.text)):
        return ""
    if not {token.folded for token in tokens[max(0, at - _NEAR) : at]} & (_AFTER | _BEFORE):
        return ""
    name, text = reading.statement.text(column), reading.statement.text(literal)
    if not values(f"SELECT 1 FROM {quote(table.name)} WHERE {quote(column.name.text)} = {text} LIMIT 1"):
        return ""
    return f"{reading.sql} ORDER BY {name}{' DESC' if operator == '<' else ''} LIMIT 1"


def _of_the_rows(
    tokens: Sequence[Token], reading: Reading, condition: Expr, table: Table, values: Values
) -> str:
    """The row that was entered before or after the one that the statement finds; "" where none is asked for."""
    found, select = _compared(condition), reading.select
    key = row_number(table)
    if (
        found is None
        or select is None
        or not key
        or any(one is not reading.query for one in reading.statement.find(Query))
    ):
        return ""
    operator, column, literal = found
    at = _place(tokens, literal.value)
    if at is None or (operator in "<>" and (literal.kind != "text" or any(map(str.isdigit, literal.value)))):
        return ""
    near = [token.folded for token in tokens[max(0, at - _NEAR) : at]]
    words = [word for word in near if word in _AFTER | _BEFORE]
    if not words:
        return ""
    later = words[-1] in _AFTER
    if not {token.folded for token in tokens} & _LISTED and _newest_first(table, key, values):
        later = not later
    where = _row(reading, column, literal, table, values)
    others = [one for one in reading.statement.conjuncts(select) if one is not condition]
    if not where or any(_is_said(reading, one, tokens) for one in others):
        return ""
    items = ", ".join(map(reading.statement.text, select.items))
    sign, down = (">", "") if later else ("<", " DESC")
    name, rows, nearest = quote(key), quote(table.name), "MAX" if later else "MIN"
    return (
        f"SELECT {items} FROM {rows} WHERE {name} {sign} (SELECT {nearest}({name}) FROM {rows} WHERE {where})"
        f" ORDER BY {name}{down} LIMIT 1"
    )


def _compared(condition: Expr) -> tuple[str, Column, Literal] | None:
    """The sign, the column and the constant of a comparison."""
    if isinstance(condition, Like):
        operator, left, right = "LIKE", condition.left, condition.right
        if condition.negated or condition.operator != "LIKE":
            return None
    elif isinstance(condition, Binary) and condition.operator in ("=", "<", ">"):
        operator, left, right = condition.operator, condition.left, condition.right
    else:
        return None
    column, literal = bare(left), bare(right)
    if isinstance(column, Column) and isinstance(literal, Literal) and literal.kind in ("text", "number"):
        return operator, column, literal
    return None


def _row(reading: Reading, column: Column, literal: Literal, table: Table, values: Values) -> str:
    """The condition of the rows to start from: with the text as it is, or as part of one longer one; "" for none."""
    name, rows = reading.statement.text(column), quote(table.name)
    conditions = [f"{name} = {reading.statement.text(literal)}"]
    if literal.kind == "text":
        conditions.append(f"{name} LIKE {text_literal('%' + literal.value.strip('%').strip() + '%')}")
    for condition in conditions:
        found = values(f"SELECT 1 FROM {rows} WHERE {condition} LIMIT 2")
        if found:
            return condition if len(found) == 1 or condition is conditions[0] else ""
    return ""


def _is_said(reading: Reading, condition: Expr, tokens: Sequence[Token]) -> bool:
    """Whether a question names all that a condition compares with."""
    literals = [one for one in reading.statement.find(Literal, condition) if one.kind in ("text", "number")]
    return all(_place(tokens, one.value.strip("%")) is not None for one in literals)


def _place(tokens: Sequence[Token], value: str) -> int | None:
    """Where a question names a value; None where it does not."""
    stems = [word_forms.stem(word) for word in word_forms.words(value)]
    for at in range(len(tokens) - len(stems) + 1):
        if stems and [token.stem for token in tokens[at : at + len(stems)]] == stems:
            return at
    return None


def row_number(table: Table) -> str:
    """The key by which rows are numbered as they are entered; "" where there is none."""
    column = table.column(table.primary_key[0]) if len(table.primary_key) == 1 else None
    return column.name if column is not None and "int" in column.type.lower() else ""


def _newest_first(table: Table, key: str, values: Values) -> bool:
    """Whether a table begins with its latest year or date."""
    for column in table.columns:
        if _TIMES & set(word_forms.name_words(column.name)):
            name = quote(column.name)
            listed = values(
                f"SELECT {name} FROM {quote(table.name)} WHERE {name} IS NOT NULL ORDER BY {quote(key)} LIMIT 100"
            )
            years = [int(found[0]) for one in listed if (found := re.search(r"\b\d{4}\b", str(one)))]
            return len(years) > 1 and years[0] > years[-1]
    return False


def holds_words(reading: Reading, column: Column) -> bool:
    """Whether a column holds words, of which none lies nearest to another."""
    found = reading.scopes.of(column).column
    known = [value for value in found.samples if value is not None] if found is not None else []
    return bool(known) and not any(
        isinstance(value, (int, float)) or re.search(r"\d", str(value)) for value in known
    )


def _is_aggregate(reading: Reading, value: Expr) -> bool:
    return any(call.function in AGGREGATES for call in reading.statement.find(Call, value))
