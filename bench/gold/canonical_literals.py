"""Spell numbers and types as the canonical form does.

Invariant: SQLite reads the spelling as the same value, of the same storage class, as the one that was given.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from bench.gold.errors import CanonicalError

_LONGEST_NUMBER = 40
"""Digits a number in scientific notation may take when written out."""


def number(text: str) -> str:
    """The number in plain digits: `.5` → `0.5`, `5.` → `5.0`, `1e3` → `1000.0` (a real number stays one)."""
    if text.isdigit():
        return text.lstrip("0") or "0"
    try:
        plain = format(Decimal(text), "f")
    except InvalidOperation:
        raise CanonicalError("unsupported: number", text) from None
    if len(plain) > _LONGEST_NUMBER:
        raise CanonicalError("unsupported: number", text)
    return plain if "." in plain else plain + ".0"


def affinity(type_name: str) -> str:
    """The type that CAST to `type_name` comes to (https://sqlite.org/datatype3.html, section 3.1)."""
    words = type_name.upper()
    for marks, name in (
        (("INT",), "INTEGER"),
        (("CHAR", "CLOB", "TEXT"), "TEXT"),
        (("BLOB",), "BLOB"),
        (("REAL", "FLOA", "DOUB"), "REAL"),
    ):
        if any(mark in words for mark in marks):
            return name
    return "NUMERIC" if words else "BLOB"
