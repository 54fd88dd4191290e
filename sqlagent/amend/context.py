"""Hold what the rules look at beside a statement: the question, what its database says, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from sqlagent.amend.held_rows import Values
from sqlagent.amend.stored_values import Nearest
from sqlagent.linking.prompt import Hint, Turn, spoken
from sqlagent.sql.reading import Readings


@dataclass(frozen=True)
class Context:
    """What the rules look at beside the statement.

    statements: those of the question, each read once. history: the turns that the question goes on from. nearest: the
    stored value that a text means. accepts: whether the grammar accepts a statement. has_rows: whether a statement
    finds a row. differ: whether two statements are seen to give different rows. today: the day on which it is asked.
    values: the first column of a statement's rows. hints: the stored values that the question mentions.
    """

    question: str
    statements: Readings
    history: Sequence[Turn]
    nearest: Nearest
    accepts: Callable[[str], bool]
    has_rows: Callable[[str], bool]
    differ: Callable[[str, str], bool]
    today: date = field(default_factory=date.today)
    values: Values = lambda _: ()
    hints: Sequence[Hint] = ()

    @cached_property
    def asked(self) -> str:
        """The question, and those that it goes on from."""
        return spoken(self.question, self.history)

    @cached_property
    def before(self) -> list[str]:
        """The statements that the question goes on from, oldest first."""
        return [turn.sql for turn in self.history]
