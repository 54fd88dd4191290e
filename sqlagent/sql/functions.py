"""Tell functions apart by what they give, aggregates above all: MAX finds a value, SUM adds up, GROUP_CONCAT lists.

    call.function in ADDITIVE  # COUNT(*) and SUM(price): the sum over the parts is that of the whole

What differs has a name here, so that a rule says which it means and none forgets TOTAL or MEDIAN. Names are in
capitals, as `Call.function` gives them.

MIN and MAX of several arguments are scalar, and a call with a window gives a value for each row: a rule to which that
matters looks at the call (`is_aggregate`).
"""

from __future__ import annotations

from sqlagent.sandbox import functions as sandboxed
from sqlagent.sql.tree import Call

EXTREMES = frozenset(("MIN", "MAX"))
"""They find the value of one row, however often it is there."""
SUMS = frozenset(("SUM", "TOTAL"))
ADDITIVE = SUMS | {"COUNT"}
"""What they give of the whole is the sum of what they give of its parts."""
SQLITE_AGGREGATES = EXTREMES | ADDITIVE | {"AVG", "GROUP_CONCAT"}
"""What every SQLite has; others come with the sandbox."""
ANALYSIS = frozenset(sandboxed.AGGREGATES)
AGGREGATES = SQLITE_AGGREGATES | ANALYSIS
"""One value of many rows."""
ARITHMETIC = SUMS | {"AVG"} | (ANALYSIS - {"MODE"})
"""They calculate with their argument: of texts, and of keys, the result says nothing."""
NUMBERS = ARITHMETIC | {"COUNT"}
"""They give a number whatever they are of, in which every row has its part."""
NUMERIC = NUMBERS | {"ABS", "INSTR", "JULIANDAY", "LENGTH", "ROUND", "UNIXEPOCH"}
"""All functions, scalar ones too, that give a number whatever they are of."""
MEASURES = AGGREGATES - {"GROUP_CONCAT"}
"""What they give has a more and a less: no list."""


def is_aggregate(call: Call) -> bool:
    """Whether a call makes one value of the rows of a group: not MAX(a, b), and nothing OVER a window."""
    scalar = call.function in EXTREMES and len(call.arguments) != 1
    return call.function in AGGREGATES and not scalar and call.window is None
