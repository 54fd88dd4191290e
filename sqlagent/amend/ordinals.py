"""The second is one, and not the first two.

"Who has the second highest salary?", or "and the second?" in a conversation, becomes `LIMIT 2`, or the first. Of the 24
gold statements of Spider and BIRD train whose question says so, one is changed, for the sake of another part of its
question.

Invariant: only the LIMIT at the end changes, so what comes out runs.
"""

from __future__ import annotations

import re

from sqlagent.amend.amendment import Amended

_WORDS = {"second": 2, "third": 3, "fourth": 4, "fifth": 5}
_NTH = re.compile(
    r"\b(?P<nth>second|third|fourth|fifth|2nd|3rd|4th|5th)[ -](?:most|least|best|worst|\w{2,}est)\b",
    re.IGNORECASE,
)
_LIMIT = re.compile(r" LIMIT (?P<count>\d+)\Z")


def nth(question: str, sql: str) -> Amended:
    """The canonical statement with the one row that the question's ordinal means.

    Left alone: statements with a subquery, which may leave out the first ones themselves.
    """
    asked, limit = list(_NTH.finditer(question)), _LIMIT.search(sql)
    if len(asked) != 1 or limit is None or "ORDER BY" not in sql or "(SELECT" in sql:
        return Amended(sql)
    said = asked[0]["nth"].lower()
    place = _WORDS.get(said) or int(said[0])
    if int(limit["count"]) not in (1, place):
        return Amended(sql)
    return Amended(f"{sql[: limit.start()]} LIMIT 1 OFFSET {place - 1}", f"Only the {said} one is shown.")
