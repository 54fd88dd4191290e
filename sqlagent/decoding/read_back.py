"""Score a statement by the log-probability of the question, given the statement (the noisy channel).

p(statement | question) is high for what people usually ask for, and says little about words of the question that the
statement leaves out. p(question | statement) says just that: of "how many different orders", COUNT(*) does not tell
the "different". The product of the two, the second one to a power, is the channel model of Yee et al. 2019
(arXiv:1908.05731), here with one model for both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np

from sqlagent.decoding.chat_template import PromptTokens
from sqlagent.llama.context import Llama, Logits

LOWEST = -6.0
"""ln p that a token has at the least: a word that no statement tells would drown what the others do."""


def question_logprobs(
    llama: Llama, asked: Sequence[PromptTokens], n_seq: int, cancelled: Callable[[], bool] | None = None
) -> list[float]:
    """ln p of each prompt's answer, a token's at least LOWEST. See `answer_logprobs`."""
    return answer_logprobs(llama, [(tokens, frozenset()) for tokens in asked], n_seq, cancelled)


def answer_logprobs(
    llama: Llama,
    asked: Sequence[tuple[PromptTokens, AbstractSet[int]]],
    n_seq: int,
    cancelled: Callable[[], bool] | None = None,
) -> list[float]:
    """ln p of each prompt's answer but for its tokens at some places, which count for nothing.

    All 0.0 where the context has no room for one. The prompts have one prefix, and its cells are all that sequence 0
    has. As many prompts run together as fit, in sequences 1 to `n_seq`, which are forgotten. Raises Cancelled,
    ModelError.
    """
    found: list[float] = []
    while len(found) < len(asked):
        room, several = llama.n_ctx - asked[0][0].prefix, list[_Text]()
        for tokens, given in asked[len(found) : len(found) + n_seq]:
            text = _after(tokens, given, several)
            room -= len(text.rows)
            if room < 0:
                break
            several.append(text)
        if not several:
            return [0.0] * len(asked)
        try:
            found += _together(llama, several, cancelled)
        finally:
            for text in several:
                llama.forget(text.seq)
    return found


class _Text(NamedTuple):
    """A prompt and its answer in a sequence of its own, which goes on from the first `start` cells of another's."""

    seq: int
    tokens: PromptTokens
    source: int
    start: int
    turn: int
    """In which of the batches, one after the other, its own cells are computed."""
    given: AbstractSet[int]
    """Places of tokens that the model is not asked for."""

    @property
    def rows(self) -> list[tuple[int, int, int, bool]]:
        """What has to run; with logits where a token of the answer follows."""
        ids, answer = self.tokens.ids, self.tokens.answer
        return [(ids[i], i, self.seq, i >= answer - 1) for i in range(self.start, len(ids) - 1)]


def _after(tokens: PromptTokens, given: AbstractSet[int], several: Sequence[_Text]) -> _Text:
    """A text behind those it can share cells with: statements of one search begin alike."""
    seq = len(several) + 1
    best = _Text(seq, tokens, 0, tokens.prefix, 0, given)
    for other in several:
        most = min(tokens.answer, other.tokens.answer) - 1  # from there on logits are wanted
        same = zip(tokens.ids[:most], other.tokens.ids, strict=False)
        common = next((i for i, (mine, its) in enumerate(same) if mine != its), most)
        if common > best.start:
            best = _Text(seq, tokens, other.seq, common, other.turn + 1, given)
    return best


def _together(llama: Llama, several: Sequence[_Text], cancelled: Callable[[], bool] | None) -> list[float]:
    sums = dict.fromkeys((text.seq for text in several), 0.0)
    for turn in range(1 + max(text.turn for text in several)):
        rows = []
        for text in several:
            if text.turn == turn:
                llama.share(text.source, text.seq, text.start)
                rows += text.rows
        for start in range(0, len(rows), llama.n_batch):
            batch = rows[start : start + llama.n_batch]
            if not llama.decode(batch, cancelled=cancelled):
                return [0.0] * len(several)
            for i, (_, at, seq, wanted) in enumerate(batch):
                if wanted and at + 1 not in several[seq - 1].given:
                    said = several[seq - 1].tokens.ids[at + 1]
                    sums[seq] += max(LOWEST, _logprob(llama.logits(i), said))
    return list(sums.values())


def _logprob(logits: Logits, token: int) -> float:
    peak = logits.max()
    if not np.isfinite(peak):
        return 0.0  # a damaged model says nothing
    return float(logits[token] - peak) - float(np.log(np.exp(logits - peak).sum()))
