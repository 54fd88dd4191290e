"""Estimate the probability that the rows of an answer are right.

A logistic regression on what is known once the rows are there. `python -m bench calibrate` fits the weights and
prints the calibration error on questions that they were not fitted to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlagent.agent.selection import Chosen
    from sqlagent.decoding.candidate import Candidate

LOWEST = -10.0
"""ln p under which one token is as unlikely as another."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an answer. `agreement` is 1 where nothing was weighed."""

    sureness: float  # mean probability of a token, 0…1
    margin: float  # lead at the closest decision, 0…1
    min_token_logprob: float  # ln p of the least likely token, at least LOWEST
    agreement: float  # share of the probability of all statements that were weighed, 0…1
    weighed: bool  # whether there was more than one
    empty: bool  # no rows, or NULL alone
    cut: bool  # the statement was ended for it
    unmet: bool = False  # it says what cannot be meant
    doubted: bool = False  # a doubt about it was said

    def features(self) -> tuple[float, ...]:
        """The regression's inputs, each about 0…1."""
        return (
            self.sureness,
            math.sqrt(self.margin),
            self.min_token_logprob / LOWEST,
            self.agreement,
            float(self.weighed),
            float(self.empty),
            float(self.cut),
            float(self.unmet),
            float(self.doubted),
        )


BIAS = -3.477
WEIGHTS = (1.660, 1.446, -0.379, 2.680, 0.129, -0.520, -0.342, -1.500, -1.200)
"""Fitted to 1,087 answers of one model, 79 % of them right. None was cut, and what stands behind that was not looked at
then: the last three are guesses."""
FITTED_TO = "qwen2.5-coder-1.5b-sql"
"""That model: another one's probabilities mean something else, so its confidence only orders its answers."""


def sureness(candidate: Candidate) -> float:
    """The geometric mean of the probabilities of the tokens that were chosen, in 0…1."""
    chosen = max(1, candidate.tokens - candidate.forced)
    return math.exp(min(0.0, candidate.logprob) / chosen)


def evidence(chosen: Chosen, *, doubted: bool = False) -> Evidence:
    """What is known of a chosen statement. doubted: whether a doubt about it was said."""
    best = chosen.best
    return Evidence(
        sureness(best.candidate),
        best.candidate.margin,
        max(LOWEST, best.candidate.min_token_logprob),
        chosen.agreement,
        len(chosen.tried) > 1,
        best.empty,
        not best.candidate.finished,
        bool(best.faults),
        doubted,
    )


def is_calibrated(model: str) -> bool:
    """Whether a model's confidence is a probability: whether the weights were fitted to its answers."""
    return model == FITTED_TO


def confidence(found: Evidence) -> float:
    """The probability that the answer is right, where `is_calibrated`; else a score, 0…1, higher for surer answers."""
    total = BIAS + sum(w * x for w, x in zip(WEIGHTS, found.features(), strict=True))
    return 1.0 / (1.0 + math.exp(-total))
