"""Name how much is tried for an answer, what may be changed in a statement on the way, and how results are shown."""

from __future__ import annotations

from dataclasses import dataclass

from sqlagent.base.errors import UsageError


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried: up to `more` statements beside the greedy one, at most `within` nats less likely than it."""

    more: int
    within: float


PART = Effort(1, 0.0)
"""For each part of a question that holds several."""
EFFORTS = {"fast": Effort(0, 0.0), "normal": Effort(4, 0.7), "high": Effort(7, 2.0)}


AMENDING = {
    "off": "the model's statements run as they are",
    "pitfalls": "what SQL does and nobody means is mended, where the database proves that it matters",
    "all": "what the question's words may mean is proposed to the model, too",
}
"""How statements may be amended. Nothing is proposed where no other statements are weighed."""


DATES = {
    "local": "times are shown as dates of this machine's zone, and codes by their names",
    "stored": "results are as the file holds them",
}
"""How results show what is stored otherwise than it is meant."""


def dates_of(name: str) -> str:
    """The way to show times of that name. Raises UsageError."""
    if name not in DATES:
        raise UsageError(f"There is no way to show dates called {name!r}; choose one of {', '.join(DATES)}.")
    return name


def amending_of(name: str) -> str:
    """The way to amend of that name. Raises UsageError."""
    if name not in AMENDING:
        raise UsageError(f"There is no way to amend called {name!r}; choose one of {', '.join(AMENDING)}.")
    return name


def effort_of(name: str) -> Effort:
    """The effort of that name. Raises UsageError."""
    if name not in EFFORTS:
        raise UsageError(f"There is no effort {name!r}; choose one of {', '.join(EFFORTS)}.")
    return EFFORTS[name]
