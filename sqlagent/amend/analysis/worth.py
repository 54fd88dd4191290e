"""What things are worth is how many there are times what one costs: stock value, revenue of order lines.

    "stock value by warehouse"
    SELECT whs, SUM(qty) FROM inv GROUP BY whs
    SELECT inv.whs, SUM(inv.qty * items.unit_cost) FROM inv JOIN items ON inv.item_no = items.item_no GROUP BY inv.whs

Invariant: a sum of one column of quantities becomes that of its products with the one column of prices that stands
beside it, or one key away; the rest stays.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem
from sqlagent.database.column_kinds import amounts
from sqlagent.database.schema import Column as DbColumn
from sqlagent.database.schema import Table
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column
from sqlagent.sql.walk import bare

_WORTH = Phrase(r"\b(?:values?|worth|valuation|valued|revenues?|turnover|sales|takings)\b")
_COUNTED = Phrase(r"\b(?:how many|number of|quantit(?:y|ies)|units?|pieces|items sold|average|count)\b")
_QUANTITIES = frozenset(map(stem, ("qty", "quantity", "quant", "units", "pieces", "pcs", "stock", "onhand")))
_PRICES = frozenset(map(stem, ("price", "prc", "cost", "cst", "rate")))
_TOLD = frozenset(map(stem, ("value", "revenue", "total", "turnover", "amount")))
"""Words of columns that hold what is asked for themselves."""


def priced(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that adds up quantities times prices.

    accepts: whether the grammar accepts a statement. Left alone: questions for quantities, tables that hold the product
    in a column, and where several prices may be meant.
    """
    parts = plain(reading) if _WORTH.search(question) and not _COUNTED.search(question) else None
    call = _summed(parts) if parts is not None else None
    if parts is None or call is None:
        return Amended(reading.sql)
    of = parts.column(bare(call.arguments[0]))
    found = _price(parts, of[0]) if of is not None else None
    if of is None or found is None:
        return Amended(reading.sql)
    table, price, on = found
    made = parts
    if on:
        made = parts.over(
            f"{parts.clause('sources')} JOIN {quote(table.name)} ON {on}", [*parts.tables, table]
        )
    again = _summed(made)
    if again is None:
        return Amended(reading.sql)
    owner = f"{quote(table.name)}." if made.several else ""
    quantity = made.text(again.arguments[0])
    edits = made.edits()
    edits.replace(again, f"SUM({quantity} * {owner}{quote(price.name)})")
    sql = edits.sql()
    if not accepts(sql):
        return Amended(reading.sql)
    return Amended(sql, f"What they are worth: {of[1]} times {table.name}.{price.name}.")


RULE = Supplied("worth", lambda now, about: priced(about.question, now, about.accepts), lead=2.0)


def _summed(parts: PlainSelect) -> Call | None:
    """The one sum of a column of quantities."""
    sums = [
        call
        for call in parts.reading.statement.find(Call)
        if call.function == "SUM" and len(call.arguments) == 1 and not call.distinct and not call.window
    ]
    value = bare(sums[0].arguments[0]) if len(sums) == 1 else None
    found = parts.column(value) if isinstance(value, Column) else None
    return sums[0] if found is not None and _is_quantity(found[1]) else None


def _is_quantity(name: str) -> bool:
    said = {stem(word) for word in name_words(name)}
    return bool(said & _QUANTITIES) and not said & _PRICES


def _price(parts: PlainSelect, of: Table) -> tuple[Table, DbColumn, str] | None:
    """The price of what a table counts, and how to get to it; None where there is none, several, or the product itself.

    The condition is "" where the price stands in a table of the statement already.
    """
    if any(_words(column) & _TOLD for column in amounts(of)):
        return None
    for table in (of, *(one for one in parts.tables if one is not of)):
        prices = _prices(table)
        if prices:
            return (table, prices[0], "") if len(prices) == 1 else None
    away = []
    for key in of.foreign_keys:
        other = parts.reading.schema.table(key.ref_table)
        if other is None or len(key.columns) != 1 or other in parts.tables or other is of:
            continue
        prices = _prices(other)
        left, right = (
            f"{quote(of.name)}.{quote(key.columns[0])}",
            f"{quote(other.name)}.{quote(key.ref_columns[0])}",
        )
        away += [(other, price, f"{left} = {right}") for price in prices]
    return away[0] if len(away) == 1 else None


def _prices(table: Table) -> list[DbColumn]:
    return [column for column in amounts(table) if _words(column) & _PRICES]


def _words(column: DbColumn) -> set[str]:
    return {stem(word) for word in name_words(column.name)}
