"""Split what holds two questions: "How many members and how many loans?", "Who is the oldest and who the youngest?".

Each part is then answered by itself, and the answers stand beside each other in one row. Invariant: a question is
split only where each part asks for something of its own; one that goes on about the same rows ("… and what are
their names?", "… in each city") is one question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlagent.agent.conversation import table_stems
from sqlagent.amend.question_phrases import COMMAND
from sqlagent.base.word_forms import stem, words
from sqlagent.database.schema import Schema

if TYPE_CHECKING:
    from sqlagent.agent.selection import Chosen

MOST = 4
"""Parts of a question that are told apart."""
_END = re.compile(rf"(?<=[?.;])\s+(?=(?:and |also )?{COMMAND}\b)", re.IGNORECASE)
_AND = re.compile(
    r",?\s+(?:and|and also|as well as)\s+(?=(?:how (?:many|much)|what(?:'s| is| are| was| were)|who(?:'s| is| was)"
    r"|which|when|where)\b)",
    re.IGNORECASE,
)
_SAME = re.compile(
    r"\b(?:its?|they|them|their|theirs|his|hers?|he|she|him|each|every|per|those|these|respectively|both|whose|that|this|by"
    r"|did the same)\b",
    re.IGNORECASE,
)
"""Words of a question whose parts are about the same rows."""
_BETWEEN = re.compile(
    r"\b(?:between|differences?|differ|gap|span|spread|range|interval|apart|ratio|elapsed|passed)\b|\bfrom (?:the )?\0",
    re.IGNORECASE,
)
"""Words of a question that takes its two ends together: the days between the earliest and the latest.

NUL stands for the two."""
_ENDS = (
    "oldest|eldest youngest|newest",
    "newest|latest|most recent earliest|oldest|first",
    "highest|greatest|biggest|largest|top lowest|smallest|least",
    "cheapest|least expensive most expensive|priciest",
    "longest|tallest shortest",
    "best worst",
    "first last|latest",
    "heaviest lightest",
    "fastest slowest",
    "most popular least popular",
    "richest poorest",
)


def _either(pair: str) -> str:
    both = [pair[: i.start()] + "\0" + pair[i.end() :] for i in re.finditer(" ", pair)]
    # The blank between the two ends is the one with no word of a two-word end on both sides.
    one, other = max((text.split("\0") for text in both), key=lambda ends: min(map(_whole, ends)))
    return rf"(?P<a>{one}) and (?:the )?(?P<b>{other})|(?P<c>{other}) and (?:the )?(?P<d>{one})"


def _whole(ends: str) -> int:
    return min(
        0 if part in ("most", "least", "recent", "expensive", "popular") else 1 for part in ends.split("|")
    )


_OPPOSITES = [re.compile(rf"\b(?:{_either(pair)})\b", re.IGNORECASE) for pair in _ENDS]
_COUNTS = re.compile(
    r"(?P<ask>how many|the number of|count(?: of)?(?: the)?) (?P<one>\w+),?(?P<more>(?:, \w+)*) and"
    r" (?:the number of |how many )?(?P<other>\w+)"
    r"(?P<rest>(?: (?:are|is|do|does|exist|there|we|have|in|total|altogether|the|database|recorded|stored))*)[ ?.!]*",
    re.IGNORECASE,
)


def parts(question: str, schema: Schema) -> tuple[str, ...]:
    """The questions that a question holds; () where it is one."""
    tables = table_stems(schema)
    found = [part.strip() for part in _END.split(question.strip()) if part.strip()]
    if len(found) == 1:
        found = _of_one(found[0], tables)
    if not 1 < len(found) <= MOST or any(_SAME.search(part) for part in found):
        return ()
    if not all(_own(part, tables) for part in found):
        return ()
    return tuple(found)


def _of_one(question: str, tables: frozenset[str]) -> list[str]:
    """The parts of a sentence."""
    counted = re.fullmatch(
        rf"(?:please |show |give |me |what is |what are |tell )*{_COUNTS.pattern}", question, re.I
    )
    if counted:
        things = [counted["one"], *re.findall(r"\w+", counted["more"]), counted["other"]]
        if all(stem(thing.lower()) in tables for thing in things):
            return [f"How many {thing} are there?" for thing in things]
    for form in _OPPOSITES:
        found = form.search(question)
        if found and _BETWEEN.search(f"{question[: found.start()]}\0{question[found.end() :]}"):
            return [question]
        if found and not re.match(r" names?\b", question[found.end() :], re.IGNORECASE):
            before, after = question[: found.start()], question[found.end() :]
            one, other = (found["a"] or found["c"]), (found["b"] or found["d"])
            return [f"{before}{end}{after}" for end in (one, other)]
    return [part.strip() for part in _AND.split(question)]


def stands_alone(part: str, schema: Schema) -> bool:
    """Whether a part names the table that it is about, so that it needs no part before it."""
    return any(stem(word) in table_stems(schema) for word in words(part))


def _own(part: str, tables: frozenset[str]) -> bool:
    """Whether a part asks for something by itself: it names a table, or an end of something."""
    said = words(part)
    return any(stem(word) in tables for word in said) or any(
        word.endswith("est") or word in ("most", "least", "first", "last") for word in said
    )


def half_answered(asked: Sequence[str], chosen: Chosen) -> str:
    """What to say where a statement has fewer columns than the question has parts; "" where all are answered."""
    if len(asked) <= len(chosen.result.columns) or any(one.rule == "parts" for one in chosen.amendments):
        return ""
    listed = " and ".join(f"{part!r}" for part in asked)
    return f"This may answer only a part of what was asked: ask {listed} one after the other."
