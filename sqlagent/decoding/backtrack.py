"""Going back, when a name cannot stand where it is being written because of a table that was named, or was not.

That shows: the token that the model likes best is refused, or a key that is a number is compared with a text. Then the
model is asked for what it wants, the table is put right (or joined, or named; `name_sites` knows), and
decoding goes on from there.

Invariant: a statement is only ever left with text that its acceptor took; where nothing better is known, it goes on
as if it had not been asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

from sqlagent.decoding.name_sites import Asked, behind_key, instead, places
from sqlagent.sql.names import LETTER

if TYPE_CHECKING:
    from sqlagent.decoding.hypothesis import Track
    from sqlagent.llama.context import Llama
    from sqlagent.llama.vocab import Vocab

SURPRISE = -4.0
"""ln p of a token that the model would hardly have written by itself."""
TIMES = 2
"""How often one statement goes back."""
LONGEST = 32
"""Tokens of the longest name that the model is asked for."""
_LEAD = re.compile(rb" +|\.")
"""What a token may begin with before the name."""


class Rewinder:
    """Takes statements back on one llama.cpp context. Its batches make the logits of earlier ones invalid."""

    def __init__(self, llama: Llama, vocab: Vocab) -> None:
        self._llama, self._vocab = llama, vocab

    def rewind(self, track: Track) -> bool:
        """Take a statement back to what the model's own name wants, if that is known.

        To be called when the track's `feed` is its last token. Its `feed` is what follows then, in any case.
        """
        index, track.surprise = track.surprise, -1
        meant = track.cursor.meant
        if track.rewound >= TIMES or meant is None:
            return False
        mark = track.marks[index]
        chosen, before = self._vocab.bytes_of(mark.token), bytes(track.text[: mark.length])
        lead = _LEAD.match(chosen)
        before += lead[0] if lead is not None else b""
        goes_on = re.match(LETTER, chosen) is not None
        found = [place for place in places(before) if goes_on or place.may_end or place.name == len(before)]
        if not found:
            return False
        name = found[0].name
        kept = self._last(track, min(name, mark.length))
        if kept < 1:
            return False
        said = before[track.marks[kept].length : name]
        wanted = self._wanted(track, kept, said, found[0].asked)
        texts = (instead(meant, place, wanted, before) for place in found if wanted)
        if self._replace(track, chain.from_iterable(texts), before):
            return True
        position = self._position(track, kept)
        self._llama.forget(track.seq, position)
        track.feed, track.at = [mark.token for mark in track.marks[kept:]], position
        return False

    def join_named(self, track: Track) -> bool:
        """Take a statement that compares a key with a text back to FROM, which lacks the table that has the text.

        To be called as `rewind`.
        """
        meant = track.cursor.meant
        if track.rewound >= TIMES or meant is None:
            return False
        before = bytes(track.text[: track.text.rfind(b"'") + 1])
        return self._replace(track, behind_key(meant, before), before)

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

    def _wanted(self, track: Track, kept: int, said: bytes, asked: Asked) -> str:
        """What the model writes by itself after the first `kept` tokens and `said`; "" for what was not asked for."""
        token, text = track.marks[kept - 1].token, b""
        position = self._position(track, kept - 1)
        self._llama.forget(track.seq, position)
        for i in range(LONGEST):
            if not self._llama.decode([(token, position + i, track.seq, True)]):
                return ""
            token = int(self._llama.logits(0).argmax())
            piece = self._vocab.bytes_of(token)
            text += piece or b"\n"
            if not said.startswith(text[: len(said)]):
                return ""
            found = asked.pattern.match(text, len(said))
            if found is not None:
                return found[1].decode("utf-8", "replace")
            if not piece or asked.otherwise.match(text, len(said)):
                return ""
        return ""

    def _replace(self, track: Track, texts: Iterable[tuple[int, bytes]], before: bytes) -> bool:
        """Write the first of some texts, each from an offset on, that the grammar takes; False where it takes none."""
        for start, text in texts:
            kept = self._last(track, start)
            mark = track.marks[kept]
            cursors = [mark.cursor]
            tokens = self._vocab.continuation(before[mark.length : start] + text)
            for token in tokens:
                after = cursors[-1].step(self._vocab.bytes_of(token))
                if after is None:
                    break
                cursors.append(after)
            if len(cursors) > len(tokens):
                position = self._position(track, kept)
                self._llama.forget(track.seq, position)
                track.back_to(kept, position)
                for token, after in zip(tokens, cursors[1:], strict=True):
                    track.force(token, after)
                track.rewound += 1
                return True
        return False
