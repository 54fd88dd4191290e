"""All of them in an order, and not the first alone.

"Show all clubs, starting with the oldest" becomes `ORDER BY founded LIMIT 1`: the superlative sounds like one. No
gold statement of Spider train or BIRD train is changed, but for one by mistake.

Invariant: only a LIMIT 1 at the end goes, so what comes out runs.
"""

from __future__ import annotations

import re

from sqlagent.amend.amendment import Amended

_END = r"(?:\w+est|(?:most|least)(?: \w+)?)"
_ORDER = re.compile(
    rf"\b(?:start|starting|begin|beginning) with (?:the |those )?{_END}\b"
    rf"|\bfrom (?:the )?{_END} to (?:the )?{_END}\b|\b{_END} (?:ones? )?first\b(?=\W*\Z|[,.;:)]| (?:and|then)\b)"
    r"|\bin (?:\w+ )?(?:ascending|descending|alphabetical) order\b",
    re.IGNORECASE,
)
_ONE = " LIMIT 1"


def unlimited(question: str, sql: str) -> Amended:
    """The canonical statement without its LIMIT 1, where the question asks for all in an order."""
    if not sql.endswith(_ONE) or "ORDER BY" not in sql or not _ORDER.search(question):
        return Amended(sql)
    return Amended(sql.removesuffix(_ONE), "All are shown, in that order.")
