"""How much is tried for an answer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlagent.errors import UsageError


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried: `more` statements beside the greedy one, when it is in doubt or `always`."""

    more: int
    always: bool = False


EFFORTS = {"fast": Effort(0), "normal": Effort(4), "high": Effort(7, always=True)}


def effort_of(name: str) -> Effort:
    """The effort of that name. Raises UsageError."""
    if name not in EFFORTS:
        raise UsageError(f"There is no effort {name!r}; choose one of {', '.join(EFFORTS)}.")
    return EFFORTS[name]
