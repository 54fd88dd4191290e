"""The second is one, and not the first two.

"Who has the second highest salary?", or "and the second?" in a conversation, becomes `LIMIT 2`, or the first. Of the 24
gold statements of Spider and BIRD train whose question says so, one is changed, for the sake of another part of its
question.

Invariant: only the LIMIT at the end changes, so what comes out runs.
"""

from __future__ import annotations

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Meaning
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Literal, Query

_WORDS = {"second": 2, "third": 3, "fourth": 4, "fifth": 5}
_NTH = Phrase(
    r"\b(?P<nth>second|third|fourth|fifth|2nd|3rd|4th|5th)[ -](?:most|least|best|worst|\w{2,}est)\b"
)


def nth(question: str, reading: Reading) -> Amended:
    """The statement with the one row that the question's ordinal means.

    Left alone: statements with a subquery, which may leave out the first ones themselves.
    """
    query = reading.query
    limit = query.limit
    if not isinstance(limit, Literal) or query.offset is not None or not query.order:
        return Amended(reading.sql)
    asked = list(_NTH.matches(question))
    if len(asked) != 1:
        return Amended(reading.sql)
    if any(inner is not query for inner in reading.statement.find(Query)):
        return Amended(reading.sql)
    said = asked[0]["nth"].lower()
    place = _WORDS.get(said) or int(said[0])
    if limit.value not in ("1", str(place)):
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    edits.replace(limit, f"1 OFFSET {place - 1}")
    return Amended(edits.sql(), f"Only the {said} one is shown.")


RULE = Meaning("ordinals", lambda now, about: nth(about.question, now))
