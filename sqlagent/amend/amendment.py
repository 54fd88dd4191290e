"""What a rule makes of a statement, and what an answer says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading


class Amended(NamedTuple):
    """A statement, and what was done to it in a sentence; "" where nothing was."""

    sql: str
    note: str = ""


def accepted(made: str, note: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """What was made of a statement, where the grammar accepts it; else the statement. made: "" for nothing."""
    return Amended(made, note) if made not in ("", reading.sql) and accepts(made) else Amended(reading.sql)


def edited(reading: Reading, edits: Edits, notes: Sequence[str], accepts: Callable[[str], bool]) -> Amended:
    """The same with edits made; each note is said once."""
    made = edits.sql() if edits else reading.sql
    return accepted(made, " ".join(dict.fromkeys(notes)), reading, accepts)


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
