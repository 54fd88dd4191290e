"""How far an answer may be trusted, in 0…1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlagent.choosing import sureness

if TYPE_CHECKING:
    from sqlagent.attempt import Chosen


def confidence(chosen: Chosen) -> float:
    """The probability that the answer is right."""
    return sureness(chosen.best.candidate) * chosen.agreement
