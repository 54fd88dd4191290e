"""Keep one statement while it is written, and how it stood before each of its tokens.

Invariant: each token has a mark, so that the statement can be as it was before any of them. Only the ending of one that
was closed for the model is text without a token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlagent.decoding.layout import LayoutState
from sqlagent.decoding.literal_copy import CopySource
from sqlagent.decoding.token_choice import Order, TokenChoice

if TYPE_CHECKING:
    from sqlagent.decoding.drafting import Drafter


GIVEN = 2.0
"""Drafted tokens that are taken for kept before any was."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A token of a statement, and how things stood before it."""

    token: int
    layout: LayoutState
    length: int
    used: int
    forced: int
    logprob: float
    min_token_logprob: float
    margin: float
    choice: TokenChoice | None
    """How it was chosen; None where there was nothing to choose."""


@dataclass(slots=True)
class Hypothesis:
    """One statement while it is written. The next batch is `feed`, from `at` on, and as much of `draft` as pays."""

    seq: int
    """The sequence of llama.cpp's KV cells that holds it."""
    layout: LayoutState
    """Where it stands in the grammar."""
    budget: int
    """Tokens that it may take."""
    order: Order | None = None
    """What its tokens are ordered by; None for the logits: the likeliest first."""
    at: int = 0
    """Cells that the sequence has: the position of the next token."""
    feed: list[int] = field(default_factory=list)
    draft: list[int] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)
    """How likely each token of the draft is to be kept."""
    expected: float = 0.0
    """How many drafted tokens should have been kept so far, going by their chances."""
    kept: int = 0
    """How many were."""
    text: bytearray = field(default_factory=bytearray)
    used: int = 0
    """Tokens of the budget so far."""
    forced: int = 0
    """Those of them that were fed because nothing else could follow."""
    logprob: float = 0.0
    """ln p of the tokens that were chosen, summed."""
    min_token_logprob: float = 0.0
    margin: float = 1.0
    """The closest decision: the lead in probability over the second-best token."""
    live: bool = True
    """Whether there is more to decode."""
    finished: bool = False
    """Whether it came to its own end, and was not cut."""
    row: int = 0
    """Which row of the last batch has its logits."""
    check_at: int = 0
    """Tokens used from which the budget is looked at again."""
    source: CopySource | None = None
    """What literals are copied from."""
    drafter: Drafter | None = None
    """What guesses how the statement goes on; without one, only what is nearly forced is tried."""
    marks: list[Mark] = field(default_factory=list)
    surprise: int = -1
    """Which token of the statement was a surprise, -1 for none; see `sqlagent.decoding.backtrack`."""
    backtracks: int = 0
    floor: float = -math.inf
    """ln p under which the statement is given up."""
    given_up: bool = False

    @property
    def trust(self) -> float:
        """What the chances of drafts are to be taken times: less where the model writes otherwise than expected."""
        return min(1.0, (self.kept + GIVEN) / (self.expected + GIVEN))

    def mark(self, token: int, choice: TokenChoice | None = None) -> None:
        """Remember how things stand before a token."""
        self.marks.append(
            Mark(
                token,
                self.layout,
                len(self.text),
                self.used,
                self.forced,
                self.logprob,
                self.min_token_logprob,
                self.margin,
                choice,
            )
        )

    def back_to(self, index: int, at: int) -> None:
        """Be as before the token of a mark, whose position was `at`; there is nothing to feed then."""
        mark = self.marks[index]
        del self.marks[index:], self.text[mark.length :]
        self.layout, self.check_at = mark.layout, 0
        self.used, self.forced = mark.used, mark.forced
        self.logprob, self.min_token_logprob, self.margin = mark.logprob, mark.min_token_logprob, mark.margin
        self.feed, self.draft, self.at = [], [], at

    def force(self, token: int, layout: LayoutState) -> None:
        """Feed a token that the model is not asked for."""
        self.mark(token)
        self.move(layout)
        self.feed.append(token)
        self.used += 1
        self.forced += 1

    def move(self, layout: LayoutState) -> None:
        """Take what leads to a layout into the text."""
        self.text += layout.added
        self.layout = layout
        if layout.ended:
            self.live, self.finished = False, True
