"""Say what an expression may hold where it stands, and bound how deep it nests on the stack of SQLite's parser."""

from __future__ import annotations

from typing import Any

from sqlagent.grammar.scope import Scope

AGG, WIN, IN_AGG, NO_LITERAL, NO_QUERY, COLUMNS_DOTTED, STARS = 1, 2, 4, 8, 16, 32, 64
"""What an expression may hold: aggregates, window functions; it is an aggregate's argument; it must not start with a
literal (SQLite reads a number in ORDER BY as a position); no subquery and no column of an enclosing SELECT (SQLite
looks for neither in GROUP BY and ORDER BY of a subquery); columns only with their qualifier; `t.*` too."""

ROOM = 70
"""Symbols on the stack of SQLite's parser up to which something nested may be opened. It overflows at 100; the longest
expression without anything nested in it takes 20 more."""
NEST, QUERY, WINDOW = 8, 5, 16
"""Symbols that a parenthesis, call or CASE, a subquery and a window keep on that stack, at the most."""
AND_OR, COMPARED = 4, 2
"""Symbols that wait there for the right side of a connective and of a comparison."""

MAX_TERMS = 300
"""Operators and connectives in a SELECT with those around it; SQLite takes expressions of depth 1,000."""
MAX_QUERIES = 4
"""SELECTs inside one another."""
MAX_ITEMS = 24
"""Result columns, GROUP BY or ORDER BY terms."""

OPERATORS = {b" + ": 2, b" - ": 2, b" * ": 4, b" / ": 4, b" % ": 4, b" || ": 6}
"""Each with what may wait on the parser's stack for its right side: itself and all that bind less."""

LOADS = {"item": 0, "where": 1, "having": 3, "group": 5, "on": 5, "order": 7, "arm": 2, "derived": 6}
"""Symbols that a clause keeps on the stack of SQLite's parser, beside those of its SELECT (`Scope.load`)."""
WITH, BEHIND_WITH = 7, 2
"""The same for a CTE's query and for the query behind WITH."""

Context = tuple[int, int, Any]
"""(flags, symbols on the parser's stack, the column that a literal is compared with or None)"""


def clause_context(flags: int, env: Scope, clause: str) -> Context:
    """The context of an expression with `flags` that stands in `clause`, a key of `LOADS`."""
    return (flags, env.load + LOADS[clause], None)
