"""All of them in an order, and not the first alone.

"Show all clubs, starting with the oldest" becomes `ORDER BY founded LIMIT 1`: the superlative sounds like one. No
gold statement of Spider train or BIRD train is changed, but for one by mistake.

Invariant: only a LIMIT 1 at the end goes, so what comes out runs.
"""

from __future__ import annotations

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Meaning
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Literal, Select

_END = r"(?:\w+est|(?:most|least)(?: \w+)?)"
_ORDER = Phrase(
    rf"\b(?:start|starting|begin|beginning) with (?:the |those )?{_END}\b"
    rf"|\bfrom (?:the )?{_END} to (?:the )?{_END}\b|\b{_END} (?:ones? )?first\b(?=\W*\Z|[,.;:)]| (?:and|then)\b)"
    r"|\bin (?:\w+ )?(?:ascending|descending|alphabetical) order\b"
)


def unlimited(question: str, reading: Reading) -> Amended:
    """The statement without its LIMIT 1, where the question asks for all in an order."""
    query = reading.query
    one = isinstance(query.limit, Literal) and query.limit.value == "1" and query.offset is None
    first = query.arms[0]
    if not one or not query.order or not isinstance(first, Select) or not _ORDER.search(question):
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    edits.drop(first, "limit")
    return Amended(edits.sql(), "All are shown, in that order.")


RULE = Meaning("list_not_first", lambda now, about: unlimited(about.question, now))
