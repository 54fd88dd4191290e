"""Find statements about as likely as the greedy one: each takes the second-best token at one of its decisions.

Greedy decoding takes the likeliest token and lives with what follows; a statement that begins with a less likely one
may be likelier as a whole. What it can be at the most is known where it turns off, for every further token takes from
it; so only those decisions are undone that can lead to something as likely. Draws at a temperature seldom undo them:
most write the greedy statement again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sqlagent.decoding.token_choice import TokenChoice

if TYPE_CHECKING:
    from sqlagent.decoding.decoder import Decoder
    from sqlagent.decoding.hypothesis import Hypothesis
    from sqlagent.llama.context import Llama
    from sqlagent.llama.vocab import Vocab

WIDTH = 2
"""Statements that are written at once: what the first ones came to tells whether more can be as likely."""
_SOURCE = re.compile(rb" (?:from|join) ([^ ]+)\Z")


class Fork(NamedTuple):
    """A choice that a statement did not make, and the most that ln p of what follows it can be."""

    bound: float
    hypothesis: Hypothesis
    place: int
    """Where in the statement's marks."""
    choice: TokenChoice


class AlternativeSearch:
    """A best-first search for statements as likely as a greedy one, whose first token is at `at` on the context.

    `seqs` are sequences of KV cells that nobody else uses; they keep what is found until they are forgotten.
    """

    def __init__(self, llama: Llama, decoder: Decoder, vocab: Vocab, at: int, seqs: Sequence[int]) -> None:
        self._llama, self._decoder, self._vocab, self._at = llama, decoder, vocab, at
        self._seqs = list(seqs)

    def run(
        self, first: Hypothesis, within: float, budget: int, cancelled: Callable[[], bool] | None = None
    ) -> list[Hypothesis]:
        """As many statements as there are sequences, none more than `within` nats under the likeliest known before.

        `budget`: tokens of the longest. Raises Cancelled.
        """
        open_forks, best = forks(first, self._vocab), first.logprob
        found: list[Hypothesis] = []
        while self._seqs:
            floor = best - within
            open_forks = sorted(
                (fork for fork in open_forks if fork.bound > floor), key=lambda fork: -fork.bound
            )
            width = min(WIDTH, len(self._seqs))
            batch, open_forks = open_forks[:width], open_forks[width:]
            if not batch:
                break
            written = [(fork, self._begin(fork, budget, floor)) for fork in batch]
            self._decoder.finish([hypothesis for _, hypothesis in written], cancelled)
            for fork, hypothesis in written:
                if (
                    hypothesis.finished and not hypothesis.given_up
                ):  # the end of one that was cut is nobody's choice
                    found.append(hypothesis)
                    best = max(best, hypothesis.logprob)
                    open_forks += forks(hypothesis, self._vocab, fork.place + 1)
        return found

    def _begin(self, fork: Fork, budget: int, floor: float) -> Hypothesis:
        """What a fork's statement has up to there, in cells of its own, and the other token."""
        source, seq, at = fork.hypothesis, self._seqs.pop(), self._at + fork.place
        self._llama.share(source.seq, seq, at)
        hypothesis = replace(
            source,
            seq=seq,
            budget=budget,
            floor=floor,
            text=bytearray(source.text),
            marks=list(source.marks),
            live=True,
            finished=False,
            surprise=-1,
            backtracks=0,
        )
        hypothesis.back_to(fork.place, at)
        hypothesis.margin = 0.0  # another statement was likelier here
        self._decoder.take(hypothesis, fork.choice)
        return hypothesis


def forks(hypothesis: Hypothesis, vocab: Vocab, start: int = 0) -> list[Fork]:
    """The ways off a finished statement, from a place in its marks on, but for what the grammar finds unlikely."""
    found = []
    text = bytes(hypothesis.text).lower()
    for index, mark in enumerate(hypothesis.marks[start:], start):
        made = mark.choice
        if made is None or made.other < 0:
            continue
        data = vocab.bytes_of(made.other)
        p = math.exp(made.logprob) - made.gap
        if p <= 0.0 or (data and _same(text, mark.length, data.lower())):
            continue
        after = mark.layout.step(data) if data else mark.layout.end()
        if after is not None and after.cost <= mark.layout.cost:
            choice = TokenChoice(made.other, after, math.log(p), 0.0)
            found.append(Fork(mark.logprob + choice.logprob, hypothesis, index, choice))
    return found


def _same(text: bytes, at: int, other: bytes) -> bool:
    """Whether another token at a place of a text spells the same, or takes a table first that the text joins later."""
    if text.startswith(other, at):
        return True
    source = _SOURCE.search(text[:at] + other)
    return source is not None and b" join " + source[1] in text[at:]
