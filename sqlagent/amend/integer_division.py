"""Quotients of whole numbers, which SQLite cuts to whole numbers: 3 of 4 is 0.

People ask for a share, a mean or minutes, and mean the number itself: of 548 training statements (BIRD's) that divide
whole numbers, 529 make them real first. A small model often forgets to.

Invariant: only `* 1.0` is put in, before a division sign, so what comes out runs where the statement did.
"""

from __future__ import annotations

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Meaning
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call, Case, Cast, Column, Expr, Literal, Select, Subquery, Unary
from sqlagent.sql.walk import bare

_MEANT = Phrase(r"\b(?:whole|integer|rounded down|full|decade|century|centuries)\b")


def exact(question: str, reading: Reading) -> Amended:
    """The statement with its divisions real, where one of them divides whole numbers."""
    if "/" not in reading.sql or _MEANT.search(question):
        return Amended(reading.sql)
    quotients = [node for node in reading.statement.find(Binary) if node.operator == "/"]
    if _steps(reading, quotients) or not any(
        _whole(node.left, reading) and _whole(node.right, reading) for node in quotients
    ):
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    for node in quotients:
        edits.put(node.left.end, node.at, " * 1.0 ")
    return Amended(edits.sql(), "The quotient is exact: SQLite alone would have cut it to a whole number.")


RULE = Meaning("exact_quotient", lambda now, about: exact(about.question, now))


def _steps(reading: Reading, quotients: list[Binary]) -> bool:
    """Whether whole numbers are meant: where years become decades, and in what is grouped by and stands behind it."""
    groups = [select.group[0].start for select in reading.statement.find(Select) if select.group]
    if any(start < node.at for start in groups for node in quotients):
        return True
    for node in reading.statement.find(Binary):
        divided = bare(node.left)
        if node.operator == "*" and isinstance(divided, Binary) and divided.operator == "/":
            by, times = bare(divided.right), bare(node.right)
            if isinstance(by, Literal) and isinstance(times, Literal) and by.value == times.value:
                return by.kind == "number"
    return False


def _whole(value: Expr, reading: Reading) -> bool:
    """Whether a value is a whole number for certain."""
    value = bare(value)
    if isinstance(value, Literal):
        return value.kind == "number" and value.value.isdigit()
    if isinstance(value, Column):
        base = reading.scopes.base(value)
        return base is not None and "int" in base[1].type.lower()
    if isinstance(value, Call):
        if value.window is not None:
            return False
        if value.function in ("SUM", "MIN", "MAX", "ABS"):
            return bool(value.arguments) and all(_whole(one, reading) for one in value.arguments)
        return value.function in ("COUNT", "LENGTH", "UNICODE", "INSTR")
    if isinstance(value, Binary):
        arithmetic = value.operator in ("+", "-", "*", "/", "%")
        return arithmetic and _whole(value.left, reading) and _whole(value.right, reading)
    if isinstance(value, Unary):
        return _whole(value.value, reading)
    if isinstance(value, Cast):
        return "int" in value.type.lower()
    if isinstance(value, Case):
        results = [when.result for when in value.whens]
        if value.otherwise is not None and not _is_null(value.otherwise):
            results.append(value.otherwise)
        return all(isinstance(bare(one), (Literal, Unary)) and _whole(one, reading) for one in results)
    if isinstance(value, Subquery):
        arm = value.query.arms[0]
        return isinstance(arm, Select) and len(arm.items) == 1 and _whole(arm.items[0].value, reading)
    return False


def _is_null(value: Expr) -> bool:
    return isinstance(value, Literal) and value.kind == "word" and value.value == "NULL"
