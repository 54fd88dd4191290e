"""Describe what a model hands back: a statement with its log-probabilities, and what writing it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlagent.decoding.layout import Unconstrained

if TYPE_CHECKING:
    from sqlagent.decoding.hypothesis import Hypothesis


@dataclass(frozen=True, slots=True)
class Candidate:
    """One statement. `logprob` sums ln p of the sampled tokens, `margin` is the closest decision.

    `min_token_logprob` is the ln p of the least likely token chosen; probabilities are those of the model alone, so a
    low one says that the grammar kept it from what it would have written. `question_logprob` is ln p of the question
    under the statement, where it was read back.
    """

    sql: str
    logprob: float
    tokens: int
    margin: float
    finished: bool
    forced: int
    min_token_logprob: float = 0.0
    question_logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds and token counts of the last `generate()`."""

    load: float = 0.0
    prefill: float = 0.0
    decode: float = 0.0
    first_token: float = 0.0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    steps: int = 0
    sampled: int = 0
    forced: int = 0
    drafted: int = 0
    draft_hits: int = 0


def candidate_of(hypothesis: Hypothesis) -> Candidate:
    """What a hypothesis came to."""
    state = hypothesis.layout.state
    if isinstance(state, Unconstrained):
        sql = bytes(hypothesis.text).decode("utf-8", "replace").split("```", 1)[0]
    else:
        sql = state.text()
    return Candidate(
        sql=sql.strip().rstrip(";").rstrip(),
        logprob=hypothesis.logprob,
        tokens=hypothesis.used,
        margin=max(0.0, hypothesis.margin),
        finished=hypothesis.finished,
        forced=hypothesis.forced,
        min_token_logprob=hypothesis.min_token_logprob,
    )
