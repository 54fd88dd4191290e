"""List the SQL functions that a statement may call, with the number of arguments each takes.

Invariant: only functions that the SQLite library in use has are ever offered (some builds lack the maths functions).
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache

from sqlagent.sandbox import functions as sandboxed
from sqlagent.sql.functions import SQLITE_AGGREGATES

SCALAR: dict[str, tuple[int, int]] = {
    "ABS": (1, 1),
    "CEIL": (1, 1),
    "CEILING": (1, 1),
    "COALESCE": (2, 8),
    "DATE": (1, 5),
    "DATETIME": (1, 5),
    "EXP": (1, 1),
    "FLOOR": (1, 1),
    "IFNULL": (2, 2),
    "IIF": (3, 3),
    "INSTR": (2, 2),
    "JULIANDAY": (1, 5),
    "LENGTH": (1, 1),
    "LN": (1, 1),
    "LOG": (1, 2),
    "LOG10": (1, 1),
    "LOG2": (1, 1),
    "LOWER": (1, 1),
    "LTRIM": (1, 2),
    "MOD": (2, 2),
    "NULLIF": (2, 2),
    "POW": (2, 2),
    "POWER": (2, 2),
    "REPLACE": (3, 3),
    "ROUND": (1, 2),
    "RTRIM": (1, 2),
    "SIGN": (1, 1),
    "SQRT": (1, 1),
    "STRFTIME": (2, 6),
    "SUBSTR": (2, 3),
    "SUBSTRING": (2, 3),
    "TIME": (1, 5),
    "TRIM": (1, 2),
    "TRUNC": (1, 1),
    "TYPEOF": (1, 1),
    "UNIXEPOCH": (1, 5),
    "UPPER": (1, 1),
}
"""Scalar functions: name → (least, most arguments)."""

AGGREGATES = tuple(sorted(SQLITE_AGGREGATES))
"""Aggregate functions of one argument; COUNT also takes `*`, GROUP_CONCAT a separator."""

ANALYSIS = tuple(sandboxed.AGGREGATES)
"""Aggregates that the sandbox brings (`sandbox.functions`); they stand over no window."""
WITH_SHARE = frozenset(name for name, (_, count) in sandboxed.AGGREGATES.items() if count == 2)
"""Those that take a number behind the column: PERCENTILE(x, 90)."""

WINDOW: dict[str, tuple[int, int]] = {
    "CUME_DIST": (0, 0),
    "DENSE_RANK": (0, 0),
    "FIRST_VALUE": (1, 1),
    "LAG": (1, 3),
    "LAST_VALUE": (1, 1),
    "LEAD": (1, 3),
    "NTH_VALUE": (2, 2),
    "NTILE": (1, 1),
    "PERCENT_RANK": (0, 0),
    "RANK": (0, 0),
    "ROW_NUMBER": (0, 0),
}
"""Functions that only exist over a window."""

FOREIGN: tuple[tuple[bytes, bytes, tuple[int, int], bytes], ...] = (
    (b"CHAR_LENGTH(", b"LENGTH(", (1, 1), b", "),
    (b"CONCAT(", b"(", (2, 9), b" || "),
    (b"DAY(", b"STRFTIME('%d', ", (1, 1), b", "),
    (b"LEN(", b"LENGTH(", (1, 1), b", "),
    (b"MONTH(", b"STRFTIME('%m', ", (1, 1), b", "),
    (b"NVL(", b"IFNULL(", (2, 2), b", "),
    (b"YEAR(", b"STRFTIME('%Y', ", (1, 1), b", "),
)
"""Functions of other dialects that models write out of habit: (as written, as SQLite has it, argument counts, what
stands between arguments)."""

CAST_TYPES = (b"DATE", b"FLOAT", b"INT", b"INTEGER", b"NUMERIC", b"REAL", b"TEXT")
"""Types that CAST may name, sorted."""


@lru_cache(maxsize=1)
def _built_in() -> frozenset[str] | None:
    """Names of the functions of this SQLite, upper case; None where it cannot say (before 3.30)."""
    connection = sqlite3.connect(":memory:")
    try:
        rows = connection.execute("SELECT DISTINCT name FROM pragma_function_list").fetchall()
    except sqlite3.Error:
        return None
    finally:
        connection.close()
    return frozenset(name.upper() for (name,) in rows)


@lru_cache(maxsize=1)
def scalar() -> tuple[tuple[bytes, ...], tuple[tuple[int, int], ...]]:
    """(texts such as b"ABS(", argument counts) of the scalar functions at hand, sorted by text."""
    return _offer({**SCALAR, **dict.fromkeys(sandboxed.SCALARS, (1, 1))})


@lru_cache(maxsize=1)
def window() -> tuple[tuple[bytes, ...], tuple[tuple[int, int], ...]]:
    """The same for the window functions; none before SQLite 3.32.

    There are some since 3.25, but up to 3.31 an aggregate beside or within one is often a "misuse of aggregate".
    """
    return _offer(WINDOW if sqlite3.sqlite_version_info >= (3, 32) else {})


def _offer(functions: dict[str, tuple[int, int]]) -> tuple[tuple[bytes, ...], tuple[tuple[int, int], ...]]:
    have = _built_in()
    # Maths functions are a compile-time choice; without a list to look at, leave out what may be missing.
    optional = {"CEIL", "CEILING", "EXP", "FLOOR", "LN", "LOG", "LOG10", "LOG2", "MOD", "POW", "POWER"}
    optional |= {"SIGN", "SQRT", "TRUNC", "SUBSTRING", "IIF", "UNIXEPOCH"}
    pairs = sorted(
        (name.encode() + b"(", counts)
        for name, counts in functions.items()
        if name in sandboxed.SCALARS or (name in have if have is not None else name not in optional)
    )
    return tuple(t for t, _ in pairs), tuple(c for _, c in pairs)


AGGREGATE_TEXTS = tuple(sorted(name.encode() + b"(" for name in (*AGGREGATES, *ANALYSIS)))
ANALYSIS_TEXTS = frozenset(name.encode() + b"(" for name in ANALYSIS)
WITH_SHARE_TEXTS = frozenset(name.encode() + b"(" for name in WITH_SHARE)
