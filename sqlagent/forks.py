"""Other statements: each goes the way of the greedy one up to a decision, and takes the second best token there.

Greedy decoding takes the likeliest token and lives with what follows; a statement that begins with a less likely one
may be likelier as a whole. What it can be at the most is known where it turns off, for every further token takes from
it; so only those decisions are undone that can lead to something as likely. Draws at a temperature seldom undo them:
most write the greedy statement again.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlagent.sampling import Choice

if TYPE_CHECKING:
    from sqlagent.decode import Track
    from sqlagent.vocab import Vocab

Fork = tuple[int, Choice]
"""A place in a statement's marks, and the choice that was not made there."""
_SOURCE = re.compile(rb" (?:from|join) ([^ ]+)\Z")


def forks(track: Track, vocab: Vocab, most: int, floor: float) -> list[Fork]:
    """Up to `most` ways off a finished statement whose ln p can be over `floor`, the likeliest first."""
    found: list[tuple[float, Fork]] = []
    text = bytes(track.text).lower()
    for index, mark in enumerate(track.marks):
        made = mark.choice
        if made is None or made.other < 0:
            continue
        data = vocab.bytes_of(made.other)
        if data and _same(text, mark.length, data.lower()):
            continue
        p = math.exp(made.logprob) - made.gap
        bound = mark.logprob + math.log(p) if p > 0.0 else -math.inf
        after = mark.cursor.step(data) if data else mark.cursor.end()
        if after is not None and bound > floor:
            found.append((bound, (index, Choice(made.other, after, math.log(p), 0.0))))
    found.sort(key=lambda one: -one[0])
    return [fork for _, fork in found[:most]]


def _same(text: bytes, at: int, other: bytes) -> bool:
    """Whether another token at a place of a text spells the same, or takes a table first that the text joins later."""
    if text.startswith(other, at):
        return True
    source = _SOURCE.search(text[:at] + other)
    return source is not None and b" join " + source[1] in text[at:]


def begun(track: Track, index: int, seq: int, at: int, budget: int, floor: float) -> Track:
    """A statement that has the first `index` tokens of another, in `seq`, whose next position is `at`."""
    mark = track.marks[index]
    return replace(
        track,
        seq=seq,
        cursor=mark.cursor,
        budget=budget,
        floor=floor,
        at=at,
        feed=[],
        draft=[],
        text=bytearray(track.text[: mark.length]),
        used=mark.used,
        forced=mark.forced,
        logprob=mark.logprob,
        worst=mark.worst,
        margin=0.0,  # another statement was likelier here
        live=True,
        finished=False,
        check_at=0,
        marks=list(track.marks[:index]),
        surprise=-1,
        rewound=0,
    )
