"""What a rule makes of a statement, and what an answer says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Amended(NamedTuple):
    """A statement, and what was done to it in a sentence; "" where nothing was."""

    sql: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Amendment:
    """One change of a statement: which rule made it, of what, into what, and why in a sentence."""

    rule: str
    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A statement that may be meant in place of the model's own, and by which amendments it came about.

    `prior` is ln of how much likelier such a proposal is than the model finds it. `lead`, where it is not None, is ln
    of how much likelier it is than the statement it was made of, whatever the model finds.
    """

    sql: str
    amendments: tuple[Amendment, ...]
    prior: float = 0.0
    lead: float | None = None
