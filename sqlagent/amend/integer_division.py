"""Quotients of whole numbers, which SQLite cuts to whole numbers: 3 of 4 is 0.

People ask for a share, a mean or minutes, and mean the number itself: of 548 training statements (BIRD's) that divide
whole numbers, 529 make them real first. A small model often forgets to.

Invariant: only `* 1.0` is put in, before a division sign, so what comes out runs where the statement did.
"""

from __future__ import annotations

import re

from sqlagent.amend.amendment import Amended
from sqlagent.database.schema import Schema, fold
from sqlagent.sql import old_tree as tree
from sqlagent.sql.old_lexer import spliced, words
from sqlagent.sql.old_parser import Unreadable, parse

_WHOLE_CASE = re.compile(r"\bTHEN -?\d+(?: ELSE (?:-?\d+|NULL))? END\Z", re.IGNORECASE)
_STEPS = re.compile(r"/ (\d+)\)? \* \1\b|GROUP BY [^']*/")
"""Whole numbers are meant where years become decades."""
_MEANT = re.compile(r"\b(?:whole|integer|rounded down|full|decade|century|centuries)\b", re.IGNORECASE)


def exact(question: str, sql: str, schema: Schema) -> Amended:
    """The canonical statement with its divisions real, where one of them divides whole numbers."""
    if "/" not in sql or _STEPS.search(sql) or _MEANT.search(question):
        return Amended(sql)
    kinds = _Kinds(schema)
    try:
        if not kinds.cut(parse(sql)):
            return Amended(sql)
    except Unreadable:
        return Amended(sql)
    made = spliced(
        sql,
        (
            (len(sql[: word.start].rstrip()), word.start, " * 1.0 ")
            for word in words(sql)
            if word.kind == "mark" and word.text == "/"
        ),
    )
    return Amended(made, "The quotient is exact: SQLite alone would have cut it to a whole number.")


class _Kinds:
    """Which values of a statement are whole numbers."""

    def __init__(self, schema: Schema) -> None:
        self._whole: dict[str, bool] = {}
        for table in schema.tables:
            for column in table.columns:
                name = fold(column.name)
                self._whole[name] = self._whole.get(name, True) and "int" in column.type.lower()

    def cut(self, query: tree.Query) -> bool:
        """Whether a statement divides a whole number by another."""
        return any(
            isinstance(value, tree.Binary)
            and value.operator == "/"
            and self.whole(value.left)
            and self.whole(value.right)
            for value in tree.walk(query)
        )

    def whole(self, value: tree.Expr) -> bool:
        """Whether a value is a whole number for certain."""
        if isinstance(value, tree.Literal):
            return value.kind == "number" and value.text.lstrip("-").isdigit()
        if isinstance(value, tree.Col):
            return self._whole.get(fold(value.name), False)
        if isinstance(value, tree.Call):
            if value.name in ("SUM", "MIN", "MAX", "ABS"):
                return bool(value.arguments) and all(map(self.whole, value.arguments))
            return value.name in ("COUNT", "LENGTH", "UNICODE", "INSTR")
        if isinstance(value, tree.Binary):
            return (
                value.operator in ("+", "-", "*", "/", "%")
                and self.whole(value.left)
                and self.whole(value.right)
            )
        if isinstance(value, tree.Unary):
            return self.whole(value.value)
        if isinstance(value, tree.Cast):
            return "int" in value.type.lower()
        if isinstance(value, tree.Raw):
            return bool(_WHOLE_CASE.search(value.text)) and "." not in value.text.split("THEN", 1)[1]
        if isinstance(value, tree.Value):
            items = value.query.arms[0][1].items
            return len(items) == 1 and self.whole(items[0].value)
        return False
