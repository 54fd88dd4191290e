"""Declare a rule beside its code: its name, its kind, what it looks at, and how likely it is right.

    RULE = Supplied("running_total", lambda now, about: running(about.question, now, about.accepts), lead=3.0)

A `Pitfall` is what SQL does and nobody means, such as NOT IN over a list that holds NULL; it does not depend on the
question's words, and the database proves that it matters. A `Meaning` is one that an English word may have: "after
2018" may leave 2018 out, and "after the 2018 World Cup" does not. `Supplied` is what no small model knows: what day it
is, which functions this program brings, how a pattern of analysis that the question names is written.

Invariant: a rule makes another statement or leaves it as it was. `sqlagent.amend.rules` has all of them in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlagent.amend.amendment import Amended
from sqlagent.amend.context import Context
from sqlagent.sql.edit import Overlap
from sqlagent.sql.reading import Reading


@dataclass(frozen=True)
class Rule:
    """What a function makes of a statement, under the name that an answer's amendments give it."""

    name: str
    make: Callable[[Reading, Context], Amended]

    def __call__(self, now: Reading, about: Context) -> Amended:
        """What it makes of a statement; the statement where one thing it would change is within another."""
        try:
            return self.make(now, about)
        except Overlap:
            return Amended(now.sql)


@dataclass(frozen=True)
class Pitfall(Rule):
    """A change that is made. proved: only where the two statements are seen to give different rows."""

    proved: bool = False

    def __call__(self, now: Reading, about: Context) -> Amended:
        made = super().__call__(now, about)
        if self.proved and made.sql != now.sql and not about.differ(now.sql, made.sql):
            return Amended(now.sql)
        return made


@dataclass(frozen=True)
class Meaning(Rule):
    """A proposal. prior: ln of how much likelier it is than the model finds it."""

    prior: float = 0.0


@dataclass(frozen=True)
class Supplied(Rule):
    """A proposal. lead: ln of how much likelier it is than the statement it is made of, whatever the model finds.

    guessed: it changes which rows are meant, so what comes of it is doubtful, however likely.
    """

    lead: float = 0.0
    guessed: bool = False
