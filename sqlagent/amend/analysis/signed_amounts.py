"""Money spent and money received, in one column of amounts with a sign, as a bank exports them.

    "how much did I spend at Rewe?"   SUM(amount)      →  … WHERE amount < 0
    "what was my biggest expense?"    MAX(amount)      →  MIN(amount)
    "payments over 1000"              amount > 1000    →  amount < -1000

Invariant: only a column of which the database holds amounts on both sides of zero is taken so, and one that no
condition of the statement bounds on that side already.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem
from sqlagent.database.column_kinds import is_key
from sqlagent.database.schema import Column as DbColumn
from sqlagent.database.schema import Table
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call, Column, Literal, Select, Term
from sqlagent.sql.walk import bare

_SPENT = Phrase(
    r"\b(?:spen[dt]|spends|spending|expenses?|expenditures?|outgoings?|outflows?|withdrew|withdrawn|withdrawals?"
    r"|debits?|paid(?! (?:to me|by|in\b))|payments?(?! (?:received|from|by))|pay(?:ing)?)\b"
)
_RECEIVED = Phrase(
    r"\b(?:incomes?|earn(?:ed|ings?)?|received?|receipts|incoming|inflows?|deposit(?:s|ed)?|credits?|credited)\b"
)
_MOST = Phrase(r"\b(?:biggest|largest|highest|greatest|most|top|max(?:imum)?|dearest|costliest)\b")
_LEAST = Phrase(r"\b(?:smallest|lowest|cheapest|least|min(?:imum)?)\b")
_NET = Phrase(r"\b(?:net|balance|difference|saved?|savings|versus|vs|compare[ds]?|against|both)\b")
_AMOUNTS = frozenset(
    map(
        stem,
        ["amount", "amt", "value", "sum", "betrag", "umsatz", "montant", "importe", "bedrag", "transaction"],
    )
)
_ADDED = frozenset(("SUM", "AVG", "TOTAL", "MEDIAN"))
_BELOW, _ABOVE = ("<", "<="), (">", ">=")
_TURNED = {">": "<", ">=": "<="}


def on_one_side(
    question: str, reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]
) -> Amended:
    """A statement over the amounts that are on the side of zero which the question names.

    accepts: whether the grammar accepts a statement; has_rows: whether one finds a row. Left alone: questions about
    both sides, and statements that compute nothing of such a column.
    """
    spent, received = _SPENT.search(question) is not None, _RECEIVED.search(question) is not None
    select = reading.select
    if spent == received or select is None or _NET.search(question):
        return Amended(reading.sql)
    found = {
        (table.name, column.name): (table, column, node)
        for node in reading.statement.find(Column)
        if (base := reading.scopes.base(node)) is not None
        for table, column in [base]
        if _is_amount(table, column) and reading.statement.enclosing_select(node) is select
    }
    if len(found) != 1:
        return Amended(reading.sql)
    table, column, node = next(iter(found.values()))
    rows = f"SELECT 1 FROM {quote(table.name)} WHERE {quote(column.name)}"
    if not (has_rows(f"{rows} < 0 LIMIT 1") and has_rows(f"{rows} > 0 LIMIT 1")):
        return Amended(reading.sql)
    name = reading.statement.text(node)
    edits = Edits(reading.statement)
    bounded = _bound(reading, select, column, spent, edits)
    if bounded is None:
        return Amended(reading.sql)
    turned = _turn(question, reading, column, edits) if spent else False
    used = bounded or turned or _is_computed(reading, column)
    if not used:
        return Amended(reading.sql)
    if not bounded:
        edits.add_condition(select, f"{name} {'<' if spent else '>'} 0")
    side = "spent is below zero" if spent else "received is above zero"
    return edited(reading, edits, [f"What was {side} in {table.name}.{column.name}."], accepts)


RULE = Supplied(
    "signed_amounts",
    lambda now, about: on_one_side(about.question, now, about.accepts, about.has_rows),
    lead=3.0,
)


def _is_amount(table: Table, column: DbColumn) -> bool:
    named = bool({stem(word) for word in name_words(column.name)} & _AMOUNTS)
    return named and not is_key(table, column)


def _bound(reading: Reading, select: Select, column: DbColumn, spent: bool, edits: Edits) -> bool | None:
    """Turn a bound above zero on what was spent; whether there was one, None where the side is told already."""
    turned = False
    for condition in reading.statement.conjuncts(select):
        columns = [reading.scopes.base(one) for one in reading.statement.find(Column, condition)]
        if not any(base is not None and base[1] is column for base in columns):
            continue
        node = bare(condition)
        if not isinstance(node, Binary) or not spent or turned:
            return None
        right = bare(node.right)
        if node.operator not in _TURNED or not isinstance(right, Literal) or right.kind != "number":
            return None
        if float(right.value) == 0:
            return None
        text = reading.statement.text(node.left)
        edits.replace(node, f"{text} {_TURNED[node.operator]} -{right.value}")
        turned = True
    return turned


def _turn(question: str, reading: Reading, column: DbColumn, edits: Edits) -> bool:
    """Take the other end of amounts below zero: the biggest expense is the least of them."""
    most, least = _MOST.search(question) is not None, _LEAST.search(question) is not None
    turned = False
    for node in [*reading.statement.find(Call), *reading.statement.find(Term)]:
        inner = node.arguments[0] if isinstance(node, Call) and len(node.arguments) == 1 else None
        value = bare(node.value) if isinstance(node, Term) else bare(inner) if inner is not None else None
        summed = isinstance(value, Call) and value.function in _ADDED and len(value.arguments) == 1
        place = bare(value.arguments[0]) if isinstance(value, Call) and summed else value
        base = reading.scopes.base(place) if isinstance(place, Column) else None
        if base is None or base[1] is not column:
            continue
        if isinstance(node, Call) and node.function in ("MIN", "MAX"):
            if most == least or (node.function == "MAX") != most:
                continue
            edits.replace(node.name, "MIN" if most else "MAX")
            turned = True
        elif isinstance(node, Term) and most != least and node.descending == most:
            edits.put(node.value.end, node.end, "" if most else " DESC")
            turned = True
    return turned


def _is_computed(reading: Reading, column: DbColumn) -> bool:
    """Whether amounts are added up, or put in an order."""
    for node in reading.statement.find(Column):
        base = reading.scopes.base(node)
        call = reading.statement.around(node, Call)
        if base is None or base[1] is not column:
            continue
        if call is not None and call.function in _ADDED | {"MIN", "MAX"}:
            return True
        if reading.statement.clause_of(node) == "order":
            return True
    return False
