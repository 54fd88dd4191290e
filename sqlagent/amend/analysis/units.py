"""A measure in the unit that a question names, where a column's name says that it is held in another.

    "how many km did I run?"        SUM(distance_m)     →  SUM(distance_m) / 1000.0
    "rides longer than 40 km"       distance_m > 40     →  distance_m > 40000
    "what was the revenue in May?"  SUM(total_cents)    →  SUM(total_cents) / 100.0

Invariant: only a column whose last word is a unit changes, to a unit of the same quantity; a statement that calculates
with it already stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words
from sqlagent.database.schema import Column as DbColumn
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call, Case, Cast, Column, Expr, Literal, Node, When
from sqlagent.sql.walk import bare

_LENGTH = {"mm": 0.001, "cm": 0.01, "m": 1.0, "km": 1000.0, "mi": 1609.344}
_MASS = {"mg": 0.001, "g": 1.0, "kg": 1000.0, "t": 1_000_000.0}
_TIME = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_VOLUME = {"ml": 0.001, "cl": 0.01, "l": 1.0}
_BYTES = {"b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9}
_MONEY = {"cent": 0.01, "whole": 1.0}
_QUANTITIES = (_LENGTH, _MASS, _TIME, _VOLUME, _BYTES, _MONEY)
_NAMES = {
    "mm": "mm", "millimetre": "mm", "millimeter": "mm", "cm": "cm", "centimetre": "cm", "centimeter": "cm",
    "m": "m", "metre": "m", "meter": "m", "km": "km", "kms": "km", "kilometre": "km", "kilometer": "km", "mile": "mi",
    "mg": "mg", "milligram": "mg", "g": "g", "gram": "g", "kg": "kg", "kgs": "kg", "kilo": "kg", "kilogram": "kg",
    "tonne": "t", "ms": "ms", "msec": "ms", "millis": "ms", "millisecond": "ms", "s": "s", "sec": "s", "secs": "s",
    "second": "s", "min": "min", "mins": "min", "minute": "min", "hour": "h", "hr": "h", "hrs": "h",
    "ml": "ml", "millilitre": "ml", "milliliter": "ml", "cl": "cl", "litre": "l", "liter": "l",
    "byte": "b", "kb": "kb", "kilobyte": "kb", "mb": "mb", "megabyte": "mb", "gb": "gb", "gigabyte": "gb",
    "cent": "cent", "pence": "cent",
}  # fmt: skip
"""What units are called, in questions and in names."""
_ALONE = frozenset(("ms", "msec", "millis", "milliseconds", "sec", "secs", "seconds", "mins", "minutes"))
"""Units that a column may be called after and nothing else: no more than that they can be."""
_MOMENTS = re.compile(
    r"(?:^|_)(?:ts|at|time|epoch|stamp|date|start|end|created|updated)(?:_|$)", re.IGNORECASE
)
"""Names of moments that count from an origin: no measures."""
_MONEY_ASKED = re.compile(
    r"\b(?:revenue|turnover|sales|income|price[sd]?|costs?|amounts?|spen[dt]|spending|paid|pay|earn(?:ed|ings)?|worth"
    r"|totals?|value|fees?|expensive|cheap(?:est)?|money|euros?|dollars?|pounds?)\b|[€$£]",
    re.IGNORECASE,
)
_CURRENCY = re.compile(r"\b(?:euros?|dollars?|pounds?|francs?|eur|usd|gbp)\b|[€$£]", re.IGNORECASE)
_MEASURES = frozenset(("SUM", "AVG", "MIN", "MAX", "TOTAL", "MEDIAN"))
_COMPARISONS = frozenset(("=", "<", "<=", ">", ">="))
_COUNTING = frozenset(("many", "in", "of", "total", "average", "much", "more", "most"))
_DIVIDING = frozenset(
    (
        "per",
        "each",
        "every",
        "which",
        "what",
        "a",
        "an",
        "this",
        "last",
        "next",
        "by",
        "the",
        "at",
        "first",
        "past",
        "same",
    )
)
"""Words before a unit that is no measure: "per hour", "the last minutes"."""
_ENDINGS = re.compile(r"(?<=[a-z])s$")


def in_asked_unit(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement whose measures are in the unit that a question names.

    accepts: whether the grammar accepts a statement. Left alone: several units of one quantity, and columns of none.
    """
    asked = _asked(question)
    edits, notes = Edits(reading.statement), []
    for node in reading.statement.find(Column):
        base = reading.scopes.base(node)
        held = _held_in(base[1], question) if base is not None else ""
        quantity = next((one for one in _QUANTITIES if held in one), None)
        if base is None or quantity is None:
            continue
        wanted = [unit for unit in asked if unit in quantity]
        if quantity is _MONEY:
            wanted = [] if wanted or not _MONEY_ASKED.search(question) else ["whole"]
        if len(wanted) != 1 or wanted[0] == held:
            continue
        if _is_calculated(reading, node):
            return Amended(reading.sql)
        by = quantity[wanted[0]] / quantity[held]
        unit = "hundreds of it" if wanted[0] == "whole" else wanted[0]
        if _changed(reading, node, by, edits):
            notes.append(f"{base[0].name}.{base[1].name} is in {held}: it was turned into {unit}.")
    return edited(reading, edits, notes, accepts)


RULE = Supplied("units", lambda now, about: in_asked_unit(about.question, now, about.accepts), lead=3.0)


def _asked(question: str) -> set[str]:
    """The units that measures are asked for in: "how many hours", "in km", "40 km", and not "per hour"."""
    words = ["", *re.findall(r"[a-z]+|\d+", question.lower())]
    found = set()
    for before, word in pairwise(words):
        unit = _unit_of(word) if len(word) > 1 else ""
        counted = before in _COUNTING or before.isdigit()
        several = word.endswith("s") or unit not in ("s", "min", "h")
        if unit and (counted or (several and before not in _DIVIDING)):
            found.add(unit)
    return found


def _unit_of(word: str) -> str:
    return _NAMES.get(word, "") or _NAMES.get(_ENDINGS.sub("", word), "")


def _held_in(column: DbColumn, question: str) -> str:
    """The unit that the last word of a column's name is; "" for none, and for moments.

    `fine_p` and `price_c` are in hundredths of a currency that the question names.
    """
    words = name_words(column.name)
    kind = column.type.lower()
    alone = len(words) == 1 and words[0] in _ALONE
    if (len(words) < 2 and not alone) or _MOMENTS.search(column.name) or "date" in kind or "time" in kind:
        return ""
    if words[-1] in ("p", "c") and "int" in kind and _CURRENCY.search(question):
        return "cent"
    return _unit_of(words[-1])


def _is_calculated(reading: Reading, node: Column) -> bool:
    """Whether a statement multiplies or divides what a column gives."""
    above = [one for one in reading.statement.ancestors(node) if isinstance(one, (Binary, Cast))]
    return any(isinstance(one, Cast) or one.operator in ("*", "/") for one in above)


def _changed(reading: Reading, node: Column, by: float, edits: Edits) -> bool:
    """Put the number beside a column, or what is made of the column, into the other unit; whether anything was."""
    parent = reading.statement.parent(node)
    if isinstance(parent, Binary) and parent.operator in _COMPARISONS:
        other = bare(parent.right if parent.left is node else parent.left)
        if isinstance(other, Literal) and other.kind == "number":
            edits.replace(other, _number(float(other.value) * by))
            return True
        return False
    if reading.statement.clause_of(node) not in ("items", "having"):
        return False
    whole: Expr = node
    case = False
    below: Node = node
    while isinstance(parent, (When, Case)):  # SUM(CASE WHEN … THEN secs ELSE 0 END)
        case = True
        if isinstance(parent, When) and parent.result is not below:
            return False
        if isinstance(parent, Case) and parent.otherwise is not None and not _is_zero(parent.otherwise):
            return False
        below, parent = parent, reading.statement.parent(parent)
    if case and not isinstance(parent, Call):
        return False
    if isinstance(parent, Call):
        if parent.function not in _MEASURES or parent.window:
            return False
        whole = parent
        beside = reading.statement.parent(parent)
        if isinstance(beside, Binary) and beside.operator in _COMPARISONS:
            other = bare(beside.right if beside.left is parent else beside.left)
            if not isinstance(other, Literal) or other.kind != "number":
                return False
            edits.replace(other, _number(float(other.value) * by))
            return True
    if reading.statement.clause_of(node) != "items":
        return False
    text = reading.statement.text(whole)
    edits.replace(whole, f"{text} / {_number(by, exact=True)}" if by > 1 else f"{text} * {_number(1 / by)}")
    return True


def _is_zero(value: Expr) -> bool:
    value = bare(value)
    return isinstance(value, Literal) and value.value in ("0", "NULL")


def _number(value: float, *, exact: bool = False) -> str:
    """A number as SQL; exact: with a point, so that a whole number is divided without loss."""
    if float(value).is_integer():
        return f"{int(value)}.0" if exact else str(int(value))
    return repr(round(value, 9))
