"""The noisy channel: how likely the question is, were a statement what was meant.

p(statement | question) is high for what people usually ask for, and says little about words of the question that the
statement leaves out. p(question | statement) says just that: of "how many different orders", COUNT(*) does not tell
the "different". The product of the two, the second one to a power, is the channel model of Yee et al. 2019
(arXiv:1908.05731), here with one model for both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sqlagent.chat import Tokens
from sqlagent.llama import Llama, Logits

LOWEST = -6.0
"""ln p that a token has at the least: a word that no statement tells would drown what the others do."""


def question_logprobs(
    llama: Llama, asked: Sequence[Tokens], n_seq: int, cancelled: Callable[[], bool] | None = None
) -> list[float]:
    """ln p of each prompt's answer, a token's at least LOWEST; all 0.0 where the context has no room for one.

    The prompts have one prefix, and its cells are all that sequence 0 has. As many prompts run together as fit,
    in sequences 1 to `n_seq`, which are forgotten. Raises Cancelled, ModelError.
    """
    found: list[float] = []
    while len(found) < len(asked):
        prefix = asked[0].prefix
        room, several = llama.n_ctx - prefix, list[Tokens]()
        for tokens in asked[len(found) : len(found) + n_seq]:
            room -= len(tokens.ids) - prefix
            if room < 0:
                break
            several.append(tokens)
        if not several:
            return [0.0] * len(asked)
        try:
            found += _together(llama, several, cancelled)
        finally:
            for seq in range(1, len(several) + 1):
                llama.forget(seq)
    return found


def _together(llama: Llama, several: Sequence[Tokens], cancelled: Callable[[], bool] | None) -> list[float]:
    rows: list[tuple[int, int, int, bool]] = []
    says: list[int] = []  # the token that a row should tell
    for seq, tokens in enumerate(several, 1):
        llama.share(0, seq, tokens.prefix)
        ids, last = tokens.ids, len(tokens.ids) - 1
        for i in range(tokens.prefix, last):
            rows.append((ids[i], i, seq, i >= tokens.answer - 1))
            says.append(ids[i + 1])
    sums = [0.0] * len(several)
    for start in range(0, len(rows), llama.n_batch):
        batch = rows[start : start + llama.n_batch]
        if not llama.decode(batch, cancelled=cancelled):
            return [0.0] * len(several)
        for i, (_, _, seq, wanted) in enumerate(batch):
            if wanted:
                sums[seq - 1] += max(LOWEST, _logprob(llama.logits(i), says[start + i]))
    return sums


def _logprob(logits: Logits, token: int) -> float:
    peak = logits.max()
    if not np.isfinite(peak):
        return 0.0  # a damaged model says nothing
    return float(logits[token] - peak) - float(np.log(np.exp(logits - peak).sum()))
