"""Comparisons of texts with numbers, never true or always: `STRFTIME('%Y', d) = 1997`, `d >= CURRENT_DATE - 7`.

Functions have no affinity, so SQLite compares what STRFTIME gives, a text, with a number by kind alone: no text is
equal to a number, and each is greater (https://sqlite.org/datatype3.html). A date minus a number is a year minus that
number. And a modifier that SQLite does not know (`'-1 week'`, `'now -1 month'`) makes NULL of the whole. None of it
depends on the question or on the rows, and nobody means it.

Invariant: a statement whose comparisons all hold like against like, and whose modifiers SQLite knows, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.dates import is_date
from sqlagent.amend.rule import Pitfall
from sqlagent.sql.edit import Edits
from sqlagent.sql.functions import EXTREMES, NUMERIC
from sqlagent.sql.names import text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Between, Binary, Call, Column, Expr, In, Literal
from sqlagent.sql.walk import bare

_COMPARE = frozenset(("=", "!=", "<", "<=", ">", ">="))
_DATES = frozenset(("DATE", "DATETIME"))
_TIMES = _DATES | frozenset(("STRFTIME", "JULIANDAY", "TIME", "UNIXEPOCH"))
"""Functions whose arguments are a time and modifiers of it; STRFTIME has its format before them."""
_TEXTS = _DATES | frozenset(
    (
        "STRFTIME",
        "TIME",
        "SUBSTR",
        "SUBSTRING",
        "UPPER",
        "LOWER",
        "TRIM",
        "LTRIM",
        "RTRIM",
        "REPLACE",
        "TYPEOF",
    )
)
_WIDTH = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2, "%W": 2, "%j": 3, "%w": 1}
"""How many digits STRFTIME writes for a format."""
_BOUNDS = {"<": ("<", 0), ">=": (">=", 0), ">": (">=", 1), "<=": ("<", 1)}
"""What a bound by a year is as a bound by a day: the sign, and by how many years it is later."""
_BACK = re.compile(
    r"(?P<now>now|today)?\s*(?P<number>[+-]? ?\d+) (?P<unit>day|week|month|quarter|year|hour|minute)s?", re.I
)
_UNITS = {"week": ("day", 7), "quarter": ("month", 3)}
_SAID = {
    "today": "'now'",
    "current_date": "'now'",
    "yesterday": "'now', '-1 day'",
    "tomorrow": "'now', '+1 day'",
    "start of week": "'weekday 0', '-6 days'",
    "end of month": "'start of month', '+1 month', '-1 day'",
    "end of year": "'start of year', '+1 year', '-1 day'",
    "last month": "'start of month', '-1 month'",
    "last year": "'start of year', '-1 year'",
}
"""Modifiers that SQLite does not know, in its own words."""


def kind(value: Expr) -> str:
    """ "text" or "number", where an expression gives that and has no affinity; "" where that is not known."""
    value = bare(value)
    if isinstance(value, Literal):
        if value.kind == "word":
            return "text" if value.value.startswith("CURRENT_") else ""
        return value.kind if value.kind in ("text", "number") else ""
    if isinstance(value, Call):
        if value.function in EXTREMES and len(value.arguments) == 1:
            return kind(value.arguments[0])
        return "text" if value.function in _TEXTS else "number" if value.function in NUMERIC else ""
    if isinstance(value, Binary):
        return (
            "text"
            if value.operator == "||"
            else "number"
            if value.operator in ("+", "-", "*", "/", "%")
            else ""
        )
    return ""


def mismatched(reading: Reading) -> tuple[str, ...]:
    """The comparisons of a text with a number that are left, as they are written: no row tells them apart."""
    found = (
        whole for whole, _, one, other in _pairs(reading) if {kind(one), kind(other)} == {"text", "number"}
    )
    return tuple(dict.fromkeys(reading.statement.text(whole) for whole in found))


def _pairs(reading: Reading) -> Iterator[tuple[Expr, str, Expr, Expr]]:
    """(the whole, its operator, left, right) of each comparison."""
    for binary in reading.statement.find(Binary):
        if binary.operator in _COMPARE:
            yield binary, binary.operator, binary.left, binary.right
    for between in reading.statement.find(Between):
        yield between, "BETWEEN", between.value, between.low
        yield between, "BETWEEN", between.value, between.high
    for one in reading.statement.find(In):
        for member in one.members:
            yield one, "IN", one.value, member


def alike(reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """The statement with like held against like.

    accepts: whether the grammar accepts a statement.
    """
    edits, notes = Edits(reading.statement), list[str]()
    counted = _days_back(reading, edits)
    if counted:
        notes.append("A date minus a number was taken as so many days before it.")
    if _modifiers(reading, edits):
        notes.append("A time was written as SQLite reads it.")
    done: set[Expr] = set()
    for whole, sign, left, right in _pairs(reading):
        if isinstance(left, Column) and isinstance(right, Column):
            continue
        constant_first = sorted(
            ((left, right), (right, left)), key=lambda sides: not isinstance(bare(sides[0]), Literal)
        )
        for one, other in constant_first:
            if one in done or any(node.start <= one.start and one.end <= node.end for node in counted):
                continue
            if _matched(reading, edits, whole, sign, one, other):
                done |= {one, other}
                notes.append("Texts were compared with texts and numbers with numbers.")
                break
    return edited(reading, edits, notes, accepts)


RULE = Pitfall("kinds", lambda now, about: alike(now, about.accepts))


def _days_back(reading: Reading, edits: Edits) -> list[Expr]:
    """Write each date minus a number as SQLite counts days; those that were."""
    found: list[Expr] = []
    for node in reading.statement.find(Binary):
        if node.operator not in ("+", "-"):
            continue
        left, days = bare(node.left), bare(node.right)
        if not isinstance(days, Literal) or not days.value.isdigit():
            continue
        if days.kind != "number" or int(days.value) > 4000:
            continue
        modifier = f"'{node.operator}{int(days.value)} days'"
        if isinstance(left, Call) and left.function in _DATES and left.arguments:
            edits.put(left.arguments[-1].end, left.end, f", {modifier})")
            edits.put(left.end, node.end, "")
        elif isinstance(left, Literal) and left.value in ("CURRENT_DATE", "CURRENT_TIMESTAMP"):
            function = "DATE" if left.value == "CURRENT_DATE" else "DATETIME"
            edits.replace(node, f"{function}('now', {modifier})")
        elif is_date(left, reading):
            edits.replace(node, f"DATE({reading.statement.text(left)}, {modifier})")
        else:
            continue
        found.append(node)
    return found


def _modifiers(reading: Reading, edits: Edits) -> bool:
    """Write each time and modifier that SQLite does not know as it would; whether there was one."""
    some = False
    for call in reading.statement.find(Call):
        if call.function not in _TIMES:
            continue
        first = 1 if call.function == "STRFTIME" else 0
        for place, argument in enumerate(call.arguments[first:]):
            if not isinstance(argument, Literal) or argument.kind != "text":
                continue
            known = _known(argument.value.strip(), at_first=place == 0)
            if known is not None:
                edits.replace(argument, known)
                some = True
    return some


def _known(said: str, *, at_first: bool) -> str | None:
    """A time or a modifier as SQLite reads it; None where it does already, and where nobody knows what it means."""
    if said.lower() in _SAID and (at_first or said.lower() not in ("today", "current_date")):
        known = _SAID[said.lower()]
        return f"'now', {known}" if at_first and not known.startswith("'now'") else known
    found = _BACK.fullmatch(said)
    if found is None:
        return None
    unit = found["unit"].lower()
    other, times = _UNITS.get(unit, (unit, 1))
    number = int(found["number"].replace(" ", "")) * times
    modifier = f"'{number:+d} {other}s'"
    if at_first:
        return f"'now', {modifier}"
    return modifier if times > 1 or found["now"] or " " in found["number"] else None


def _matched(reading: Reading, edits: Edits, whole: Expr, sign: str, one: Expr, other: Expr) -> bool:
    """Make `one`, a constant, like `other`, or `other` like it; whether that was needed and could be done."""
    value, against = bare(one), bare(other)
    if isinstance(value, Literal) and isinstance(against, Column):
        return _year(reading, edits, whole, sign, value, against)
    kinds = kind(one), kind(other)
    if isinstance(value, Literal) and value.kind == "text" and kinds == ("text", "text"):
        width = _width(against)
        if width and value.value.isdigit() and len(value.value) < width:
            edits.replace(value, text_literal(value.value.zfill(width)))
            return True
        return False
    if set(kinds) != {"text", "number"}:
        return False
    if isinstance(value, Literal) and value.kind == "number" and isinstance(against, Call):
        if against.function in _DATES and len(value.value) == 4 and value.value.isdigit():
            arguments = [reading.statement.text(argument) for argument in against.arguments]
            edits.replace(against, f"STRFTIME('%Y', {', '.join(arguments)})")
            edits.replace(value, text_literal(value.value))
            return True
        edits.replace(
            value, text_literal(value.value.zfill(_width(against)) if value.value.isdigit() else value.value)
        )
        return True
    if isinstance(value, Literal) and value.kind == "text":
        if not re.fullmatch(r"-?\d+(?:\.\d+)?", value.value):
            return False
        edits.replace(value, value.value)
        return True
    if (
        isinstance(value, Call)
        and value.function in ("STRFTIME", "SUBSTR", "SUBSTRING")
        and kinds[0] == "text"
    ):
        edits.wrap(value, "CAST(", " AS INTEGER)")
        return True
    return False


def _width(value: Expr) -> int:
    """How many digits a call of STRFTIME or SUBSTR gives; 0 where that is not known."""
    if not isinstance(value, Call):
        return 0
    if value.function == "STRFTIME" and value.arguments and isinstance(value.arguments[0], Literal):
        return _WIDTH.get(value.arguments[0].value, 0)
    if value.function in ("SUBSTR", "SUBSTRING") and len(value.arguments) == 3:
        length = value.arguments[2]
        return (
            int(length.value)
            if isinstance(length, Literal) and length.value.isdigit() and len(length.value) == 1
            else 0
        )
    return 0


def _year(reading: Reading, edits: Edits, whole: Expr, sign: str, value: Literal, column: Column) -> bool:
    """A column of dates held against the number of a year: the year's days, where both stand alone."""
    if value.kind != "number" or not re.fullmatch(r"(?:1[5-9]|20)\d\d", value.value):
        return False
    if not isinstance(whole, Binary) or bare(whole.left) is not column or not is_date(column, reading):
        return False
    name = reading.statement.text(column)
    if sign in ("=", "!="):
        edits.replace(whole, f"STRFTIME('%Y', {name}) {sign} '{value.value}'")
        return True
    operator, later = _BOUNDS[sign]
    edits.replace(whole, f"{name} {operator} '{int(value.value) + later}-01-01'")
    return True
