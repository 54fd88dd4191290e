"""Take a statement back where the name the model wants cannot stand because of a table that FROM has, or lacks.

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

from sqlagent.decoding.name_sites import Asked, behind_key, instead, name_sites
from sqlagent.sql.names import LETTER

if TYPE_CHECKING:
    from sqlagent.decoding.hypothesis import Hypothesis
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


class Backtracker:
    """Takes statements back on one llama.cpp context. Its batches make the logits of earlier ones invalid."""

    def __init__(self, llama: Llama, vocab: Vocab) -> None:
        self._llama, self._vocab = llama, vocab

    def backtrack(self, hypothesis: Hypothesis) -> bool:
        """Take a statement back to what the model's own name wants, if that is known.

        To be called when the hypothesis's `feed` is its last token. Its `feed` is what follows then, in any case.
        """
        index, hypothesis.surprise = hypothesis.surprise, -1
        name_candidates = hypothesis.layout.name_candidates
        if hypothesis.backtracks >= TIMES or name_candidates is None:
            return False
        mark = hypothesis.marks[index]
        chosen, before = self._vocab.bytes_of(mark.token), bytes(hypothesis.text[: mark.length])
        lead = _LEAD.match(chosen)
        before += lead[0] if lead is not None else b""
        goes_on = re.match(LETTER, chosen) is not None
        found = [site for site in name_sites(before) if goes_on or site.may_end or site.name == len(before)]
        if not found:
            return False
        name = found[0].name
        kept = self._last(hypothesis, min(name, mark.length))
        if kept < 1:
            return False
        said = before[hypothesis.marks[kept].length : name]
        wanted = self._wanted(hypothesis, kept, said, found[0].asked)
        texts = (instead(name_candidates, site, wanted, before) for site in found if wanted)
        if self._replace(hypothesis, chain.from_iterable(texts), before):
            return True
        position = self._position(hypothesis, kept)
        self._llama.forget(hypothesis.seq, position)
        hypothesis.feed, hypothesis.at = [mark.token for mark in hypothesis.marks[kept:]], position
        return False

    def join_named(self, hypothesis: Hypothesis) -> bool:
        """Take a statement that compares a key with a text back to FROM, which lacks the table that has the text.

        To be called as `rewind`.
        """
        name_candidates = hypothesis.layout.name_candidates
        if hypothesis.backtracks >= TIMES or name_candidates is None:
            return False
        before = bytes(hypothesis.text[: hypothesis.text.rfind(b"'") + 1])
        return self._replace(hypothesis, behind_key(name_candidates, before), before)

    @staticmethod
    def _last(hypothesis: Hypothesis, length: int) -> int:
        """How many of the first tokens write no more than `length` bytes."""
        kept = 0
        while kept + 1 < len(hypothesis.marks) and hypothesis.marks[kept + 1].length <= length:
            kept += 1
        return kept

    @staticmethod
    def _position(hypothesis: Hypothesis, index: int) -> int:
        return hypothesis.at - (len(hypothesis.marks) - 1 - index)

    def _wanted(self, hypothesis: Hypothesis, kept: int, said: bytes, asked: Asked) -> str:
        """What the model writes by itself after the first `kept` tokens and `said`; "" for what was not asked for."""
        token, text = hypothesis.marks[kept - 1].token, b""
        position = self._position(hypothesis, kept - 1)
        self._llama.forget(hypothesis.seq, position)
        for i in range(LONGEST):
            if not self._llama.decode([(token, position + i, hypothesis.seq, True)]):
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

    def _replace(self, hypothesis: Hypothesis, texts: Iterable[tuple[int, bytes]], before: bytes) -> bool:
        """Write the first of some texts, each from an offset on, that the grammar takes; False where it takes none."""
        for start, text in texts:
            kept = self._last(hypothesis, start)
            mark = hypothesis.marks[kept]
            layouts = [mark.layout]
            tokens = self._vocab.continuation(before[mark.length : start] + text)
            for token in tokens:
                after = layouts[-1].step(self._vocab.bytes_of(token))
                if after is None:
                    break
                layouts.append(after)
            if len(layouts) > len(tokens):
                position = self._position(hypothesis, kept)
                self._llama.forget(hypothesis.seq, position)
                hypothesis.back_to(kept, position)
                for token, after in zip(tokens, layouts[1:], strict=True):
                    hypothesis.force(token, after)
                hypothesis.backtracks += 1
                return True
        return False
