"""What a rule makes of a statement."""

from __future__ import annotations

from typing import NamedTuple


class Amended(NamedTuple):
    """A statement, and what was done to it in a sentence; "" where nothing was."""

    sql: str
    note: str = ""
