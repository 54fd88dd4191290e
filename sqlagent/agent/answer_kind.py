"""Tell where the rows are not of the kind that the question asks for: no number for "how many", none but for "who".

Invariant: nothing is changed; what comes out is a doubt that is said beside the answer, and lowers how sure it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlagent.sandbox.sandbox import Result

_NUMBER = re.compile(
    r"^\W*(?:and )?(?:how many|(?:what|give|tell me|find|show)?(?: is| was)? ?the number of)\b", re.I
)
_NAME = re.compile(r"^\W*(?:and )?(?:who|whose|where)\b", re.I)
_ALSO = re.compile(r"\bhow (?:many|much|old|long|far|tall)\b|\bnumbers?\b|\bids?\b|\bwhen\b|\byears?\b", re.I)
_SPLIT = re.compile(
    r"\b(?:each|every|per|by|for all|respective(?:ly)?|group|different|and|list|which|what)\b", re.I
)
_DIGIT = re.compile(r"\d")


def unfit(question: str, result: Result) -> str:
    """What is doubtful about the kind of the rows, in a sentence; "" where there is nothing to say."""
    rows = result.rows
    cells = [cell for row in rows for cell in row if cell is not None]
    if not cells:
        return ""
    if _NUMBER.search(question):
        if not any(_is_number(cell) for cell in cells):
            return "A number was asked for, and the answer has none."
        if len(rows) > 1 and not _SPLIT.search(_NUMBER.sub("", question)):
            return f"One number was asked for, and the answer has {len(rows)} rows."
        return ""
    named = _NAME.search(question) and not _ALSO.search(question)
    if named and all(isinstance(cell, (int, float)) for cell in cells):
        return "A name was asked for, and the answer has numbers alone."
    return ""


def _is_number(cell: object) -> bool:
    """Whether a cell is a number, or a text with one in it."""
    return isinstance(cell, (int, float)) or (isinstance(cell, str) and _DIGIT.search(cell) is not None)
