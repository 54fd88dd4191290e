"""Name how much is tried for an answer: "fast", "normal" or "high"."""

from __future__ import annotations

from dataclasses import dataclass

from sqlagent.base.errors import UsageError


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried: up to `more` statements beside the greedy one, at most `within` nats less likely than it."""

    more: int
    within: float


EFFORTS = {"fast": Effort(0, 0.0), "normal": Effort(4, 0.7), "high": Effort(7, 2.0)}


def effort_of(name: str) -> Effort:
    """The effort of that name. Raises UsageError."""
    if name not in EFFORTS:
        raise UsageError(f"There is no effort {name!r}; choose one of {', '.join(EFFORTS)}.")
    return EFFORTS[name]
