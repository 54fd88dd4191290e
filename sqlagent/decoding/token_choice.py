"""Choose the likeliest token that the grammar accepts, looking at the best logits first.

Invariant: the token chosen is exactly the one that masking every refused token would have given — the
masked argmax — without ever computing the mask. Where tokens are put in another order than that of their logits
(`Order`), it is the best of that order; probabilities are those of the logits all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sqlagent.decoding.layout import LayoutState
from sqlagent.llama.context import Logits

Ids = NDArray[np.intp]
Accept = Callable[[int], LayoutState | None]
Order = Callable[[Logits], Logits]
"""Scores that put tokens in another order than their logits do, such as logits with noise."""

NEAR = 16.0
"""Tokens more than this below the best one hold under 2 % of the mass even of a flat 152k vocabulary."""
STEPS = (3.0, 7.0, NEAR)
MANY = 4000
"""How many tokens are tried by score before asking the grammar what it would take."""


class TokenChoice(NamedTuple):
    """A token, where it leads, its log-probability, and its lead over the next allowed token."""

    token: int
    layout: LayoutState
    logprob: float
    gap: float
    refused: bool = False
    """Whether the first token in the order of choice was refused."""
    other: int = -1
    """That next allowed token, where the gap was worked out."""


def _no_handicap(layout: LayoutState) -> float:
    return 0.0


class TokenChooser:
    """Scratch space for one vocabulary; its methods hold no state between calls."""

    def __init__(self, size: int) -> None:
        self._mask = np.empty(size, bool)

    def choose(
        self,
        logits: Logits,
        accept: Accept,
        *,
        order: Order | None = None,
        margin: float = 1.0,
        handicap: Callable[[LayoutState], float] = _no_handicap,
    ) -> TokenChoice | None:
        """The best token that `accept` takes, or None when none of the first `MANY` is taken.

        logits: (n_vocab,), not changed. `order`: what the tokens are ordered by in place of the logits.
        `handicap` is taken off the score of a token that leads to a layout. A gap is only worked out when it
        can be under `margin`.
        """
        view = self._view(logits)
        if view is None:
            return None
        top, ids, near, total = view
        scores = logits if order is None else order(logits)
        ordered = view if order is None else self._view(scores)
        if ordered is None:
            return None
        best: tuple[int, LayoutState] | None = None
        best_score = -math.inf
        refused: bool | None = None
        for token in self._ranked(scores, *ordered[:3]):
            score = float(scores[token])
            if score <= best_score:
                break
            layout = accept(token)
            if refused is None:
                refused = layout is None
            if layout is None:
                continue
            fine = handicap(layout)
            if score - fine > best_score:
                best, best_score = (token, layout), score - fine
            if fine <= 0.0:
                break
        if best is None:
            return None
        token, layout = best
        logprob = float(logits[token]) - total
        gap, other = self._gap(token, math.exp(logprob), total, logits, top, ids, near, accept, margin)
        return TokenChoice(token, layout, logprob, gap, bool(refused), other)

    def several(
        self,
        logits: Logits,
        accept: Accept,
        count: int,
        *,
        handicap: Callable[[LayoutState], float] = _no_handicap,
    ) -> list[tuple[TokenChoice, float]]:
        """Up to `count` likely tokens that `accept` takes, with their scores: log-probability less handicap.

        Best first. logits: (n_vocab,), not changed. Empty when none of the first `MANY` is taken.
        """
        view = self._view(logits)
        if view is None:
            return []
        top, ids, near, total = view
        found: list[tuple[TokenChoice, float]] = []
        for token in self._ranked(logits, top, ids, near):
            logprob = float(logits[token]) - total
            if len(found) >= count and logprob <= found[count - 1][1]:
                break
            layout = accept(token)
            if layout is not None:
                found.append((TokenChoice(token, layout, logprob, 1.0), logprob - handicap(layout)))
                found.sort(key=lambda pair: -pair[1])
        return found[:count]

    def _view(self, logits: Logits) -> tuple[int, Ids, Logits, float] | None:
        """(best token, ids within NEAR of it, their logits, ln of the softmax's sum); None for unusable logits."""
        top = int(logits.argmax())
        peak = float(logits[top])
        if not math.isfinite(peak):
            return None  # NaN or infinite logits of a damaged model: the grammar goes on alone
        np.greater(logits, np.float32(peak - NEAR), out=self._mask)
        ids = self._mask.nonzero()[0]
        near = logits[ids]
        return top, ids, near, peak + math.log(float(np.exp(near - np.float32(peak)).sum()))

    def best_of(self, logits: Logits, ids: list[int], accept: Accept) -> TokenChoice | None:
        """The best accepted token among `ids`: for when scores lead nowhere."""
        if not ids:
            return None
        table = np.asarray(ids, np.intp)
        scores = np.nan_to_num(logits[table], nan=-1e30)
        for i in np.argsort(-scores, kind="stable"):
            layout = accept(int(table[i]))
            if layout is not None:
                return TokenChoice(
                    int(table[i]), layout, float(min(scores[i] - scores.max(), 0.0)) - NEAR, 0.0
                )
        return None

    def _ranked(self, logits: Logits, top: int, ids: Ids, near: Logits) -> Iterator[int]:
        """Token ids by falling logit: `top`, those near it in three widening rings, then more."""
        yield top
        peak = float(logits[top])
        above = np.inf
        for width in STEPS:
            ring = (near > peak - width) & (near <= above)
            above = peak - width
            chosen = ids[ring]
            for i in np.argsort(-near[ring], kind="stable"):
                token = int(chosen[i])
                if token != top:
                    yield token
        if len(ids) < MANY:
            yield from self._rest(logits, above)

    def _rest(self, logits: Logits, above: float) -> Iterator[int]:
        """The best `MANY` tokens that are at most `above`, best first."""
        count = min(MANY, logits.size)
        best = np.argpartition(logits, logits.size - count)[-count:]
        for i in np.argsort(-logits[best], kind="stable"):
            token = int(best[i])
            if logits[token] <= above:
                yield token

    def _gap(
        self,
        token: int,
        p: float,
        total: float,
        logits: Logits,
        top: int,
        ids: Ids,
        near: Logits,
        accept: Accept,
        margin: float,
    ) -> tuple[float, int]:
        """p(token) - p(best other allowed token), and that token; 1.0 and -1 when it cannot be under `margin`."""
        if p - (1.0 - p) >= margin:
            return 1.0, -1
        for other in self._ranked(logits, top, ids, near):
            if other == token:
                continue
            q = math.exp(min(0.0, float(logits[other]) - total))
            if p - q >= margin or q < 1e-3:
                break
            if accept(other) is not None:
                return p - q, other
        return 1.0 if p >= margin else p, -1
