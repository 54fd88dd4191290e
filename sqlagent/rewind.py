"""Going back, when the column that the model wants is not there because of a table that it named, or did not.

SQL names tables before it uses them. Behind `AVG(enroll.` the grammar leaves the columns of enroll only, and a model
that wants the grade average, which student has, ends with `AVG(enroll.number)`; behind `FROM enroll WHERE` likewise.
So do columns without their tables in a list that needs two tables which share one of the names. That shows: the token
that the model likes best is refused. Then the model is asked for the whole name, the table is put right (or joined, or
named), and decoding goes on from there.

Invariant: a statement is only ever left with text that its acceptor took; where nothing better is known, it goes on
as if it had not been asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlagent.cursor import Cursor
    from sqlagent.decode import Track
    from sqlagent.llama import Llama
    from sqlagent.sampling import Choice
    from sqlagent.vocab import Vocab

SURPRISE = -4.0
"""ln p of a token that the model would hardly have written by itself."""
TIMES = 2
"""How often one statement goes back."""
LONGEST = 32
"""Tokens of the longest name that the model is asked for."""

LETTER = rb"[\w$\x80-\xff]"
_OPEN = re.compile(
    rb'(?<![\w$\x80-\xff."])((?:' + LETTER + rb'+|"(?:[^"]|"")+")\.)(' + LETTER + rb'*|"[^"]*)\Z'
)
"""A qualifier with its dot, and as much of its column as has been written."""
_BARE = re.compile(rb"(?<=[ (])" + LETTER + rb"*\Z")
_LIST = re.compile(
    rb"(SELECT (?:DISTINCT )?)((?:(?:" + LETTER + rb'+|"(?:[^"]|"")+"), )+)(' + LETTER + rb"*)"
)
"""The columns of a statement that has only just begun, without their tables, and as much of one more."""
_CLAUSE = re.compile(rb" (?:WHERE|GROUP BY|ORDER BY) ")
_NAME = re.compile(rb'"((?:[^"]|"")+)"|(' + LETTER + rb"+)")


@dataclass(frozen=True, slots=True)
class Mark:
    """A token of a statement, and how things stood before it."""

    token: int
    cursor: Cursor
    length: int
    used: int
    forced: int
    logprob: float
    worst: float
    margin: float
    choice: Choice | None
    """How it was chosen; None where there was nothing to choose."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column is being written: offsets in the text."""

    start: int
    """Where the text begins that may have to be another: the qualifier, the clause behind FROM, SELECT's list."""
    column: int
    """Where the column's name begins."""
    begun: bool
    """Whether some of it has been written."""
    named: bytes
    """The qualifier without its dot, the sources between FROM and the clause, or the columns before this one."""
    kind: str
    """"qualified", "joined" or "listed"."""


def _qualified(before: bytes) -> Place | None:
    found = _OPEN.search(before)
    if found is None:
        return None
    return Place(found.start(1), found.end(1), bool(found[2]), found[1][:-1], "qualified")


def _bare(before: bytes) -> Place | None:
    """A column without a table behind FROM, in a statement (or a part of one) without anything nested there."""
    at = before.rfind(b" FROM ")
    clause = _CLAUSE.search(before, at)
    found = _BARE.search(before)
    if at < 0 or clause is None or found is None or before.count(b"'") % 2 or b"(" in before[at:]:
        return None
    return Place(clause.start(), found.start(), bool(found[0]), before[at + 6 : clause.start()], "joined")


def _listed(before: bytes) -> Place | None:
    """A column without a table in a list of such columns that the statement begins with."""
    found = _LIST.fullmatch(before)
    if found is None:
        return None
    return Place(found.end(1), found.start(3), bool(found[3]), found[2], "listed")


def _better(state: Any, place: Place, wanted: str, before: bytes) -> bytes | None:
    """What should stand from the place on so that the model's column can follow, or does."""
    found: bytes | None
    if place.kind == "qualified":
        found = state.column_called(wanted, place.named, before)
        return found
    if place.kind == "listed":
        found = state.columns_qualified(wanted, place.named)
        return found
    found = state.table_joined(wanted, place.named)
    return None if found is None else b" JOIN " + found


class Rewinder:
    """Takes statements back on one llama.cpp context. Its batches make the logits of earlier ones invalid."""

    def __init__(self, llama: Llama, vocab: Vocab) -> None:
        self._llama, self._vocab = llama, vocab

    def rewind(self, track: Track) -> bool:
        """Take a statement back to what the model's own column wants, if that is known: another table, or one more.

        To be called when the track's `feed` is its last token. Its `feed` is what follows then, in any case.
        """
        index, track.surprise = track.surprise, -1
        state = track.cursor.state
        if track.rewound >= TIMES or not hasattr(state, "column_called"):
            return False
        mark = track.marks[index]
        chosen, before = self._vocab.bytes_of(mark.token), bytes(track.text[: mark.length])
        blank = chosen[: len(chosen) - len(chosen.lstrip())]
        before += blank
        place = _qualified(before) or _bare(before) or _listed(before)
        if place is None or (place.begun and not re.match(LETTER, chosen)):
            return False
        kept = self._last(track, min(place.column, mark.length))
        if kept < 1:
            return False
        wanted = self._wanted(track, kept, before[track.marks[kept].length : place.column])
        text = _better(state, place, wanted, before) if wanted else None
        if text is not None and self._replace(track, place.start, before, text):
            track.rewound += 1
            return True
        position = self._position(track, kept)
        self._llama.forget(track.seq, position)
        track.feed, track.at = [mark.token for mark in track.marks[kept:]], position
        return False

    @staticmethod
    def _last(track: Track, length: int) -> int:
        """How many of the first tokens write no more than `length` bytes."""
        kept = 0
        while kept + 1 < len(track.marks) and track.marks[kept + 1].length <= length:
            kept += 1
        return kept

    @staticmethod
    def _position(track: Track, index: int) -> int:
        return track.at - (len(track.marks) - 1 - index)

    def _wanted(self, track: Track, kept: int, said: bytes) -> str:
        """The name that the model writes by itself after the first `kept` tokens and `said`; "" for none.

        A table's ends with its dot.
        """
        token, text = track.marks[kept - 1].token, b""
        position = self._position(track, kept - 1)
        self._llama.forget(track.seq, position)
        found = None
        for i in range(LONGEST):
            if not self._llama.decode([(token, position + i, track.seq, True)]):
                return ""
            token = int(self._llama.logits(0).argmax())
            piece = self._vocab.bytes_of(token)
            text += piece
            if not said.startswith(text[: len(said)]):
                return ""
            found = _NAME.match(text, len(said))
            if not piece or (found is not None and found.end() < len(text)):
                break
        else:
            return ""
        following = b"" if found is None else text[found.end() : found.end() + 1]
        if found is None or following == b"(":
            return ""
        return (found[1] or found[2]).decode("utf-8", "replace") + "." * (following == b".")

    def _replace(self, track: Track, start: int, before: bytes, column: bytes) -> bool:
        """Write `column` where the qualifier began; False where the grammar refuses it."""
        kept = self._last(track, start)
        mark = track.marks[kept]
        cursors = [mark.cursor]
        tokens = self._vocab.continuation(before[mark.length : start] + column)
        for token in tokens:
            after = cursors[-1].step(self._vocab.bytes_of(token))
            if after is None:
                return False
            cursors.append(after)
        position = self._position(track, kept)
        self._llama.forget(track.seq, position)
        track.back_to(kept, position)
        for token, after in zip(tokens, cursors[1:], strict=True):
            track.force(token, after)
        return True
