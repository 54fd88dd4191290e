"""What a model hands back: a statement with what is known of it, and what writing it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlagent.decoding.layout import Free

if TYPE_CHECKING:
    from sqlagent.decoding.hypothesis import Track


@dataclass(frozen=True, slots=True)
class Candidate:
    """One statement. `logprob` sums ln p of the sampled tokens, `margin` is the closest decision.

    `worst` is the ln p of the least likely token chosen; probabilities are those of the model alone, so a low
    one says that the grammar kept it from what it would have written. `told` is ln p of the question under the
    statement, where it was read back.
    """

    sql: str
    logprob: float
    tokens: int
    margin: float
    finished: bool
    forced: int
    worst: float = 0.0
    told: float | None = None


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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a model is: tokens of the prompt read, of so many; what is written of the statement."""

    read: int
    to_read: int
    written: str


def candidate_of(track: Track) -> Candidate:
    """What a track came to."""
    state = track.cursor.state
    if isinstance(state, Free):
        sql = bytes(track.text).decode("utf-8", "replace").split("```", 1)[0]
    else:
        sql = state.text()
    return Candidate(
        sql=sql.strip().rstrip(";").rstrip(),
        logprob=track.logprob,
        tokens=track.used,
        margin=max(0.0, track.margin),
        finished=track.finished,
        forced=track.forced,
        worst=track.worst,
    )
