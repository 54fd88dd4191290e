"""Replay a statement that is already there: its tokens, and which of them the grammar leaves no choice about.

`SELECT name FROM club` is `SELECT`, forced, ` name`, a choice, and so on, as if it were being decoded; so its
probability is the product over the same kind of tokens as a decoded statement's.

Invariant: the tokens spell the statement, whatever the grammar makes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlagent.decoding.hypothesis import Hypothesis
from sqlagent.decoding.layout import Acceptor, LayoutState

if TYPE_CHECKING:
    from sqlagent.decoding.decoder import Decoder
    from sqlagent.llama.vocab import Vocab


class Given(NamedTuple):
    """A statement's tokens, and the places in them of those that are forced."""

    ids: list[int]
    forced: frozenset[int]
    open: bool
    """Whether the model decides that the statement ends here."""


def replayed(sql: str, acceptor: Acceptor, decoder: Decoder, vocab: Vocab) -> Given:
    """The tokens that decoding the statement takes; all of them chosen where the grammar does not follow it."""
    text = sql.encode("utf-8", "replace")
    hypothesis = Hypothesis(0, LayoutState(acceptor.start()), budget=len(text) + 1)
    chosen = set[int]()
    while True:
        decoder.lead(hypothesis)
        rest = text[len(hypothesis.text) :]
        if not text.startswith(bytes(hypothesis.text)):
            break
        if not rest or not hypothesis.live:
            ids = [mark.token for mark in hypothesis.marks]
            return Given(ids, frozenset(range(len(ids))) - chosen, hypothesis.live)
        token = vocab.continuation(rest)[0]
        after = hypothesis.layout.step(vocab.bytes_of(token))
        if after is None:
            break
        chosen.add(len(hypothesis.marks))
        hypothesis.mark(token)
        hypothesis.move(after)
    return Given(list(vocab.continuation(text)), frozenset(), True)
