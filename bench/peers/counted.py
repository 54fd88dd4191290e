"""A model that counts what it read and sampled for the statements that it wrote."""

from __future__ import annotations

from typing import Any

from sqlagent.decoding.candidate import Candidate
from sqlagent.decoding.model import Model


class CountedModel(Model):
    """Counts in `read_tokens` and `sampled_tokens` until they are set to 0.

    What is spent on weighing a statement against others is left out.
    """

    read_tokens = 0
    sampled_tokens = 0

    def generate(self, *given: Any, **named: Any) -> list[Candidate]:
        found = super().generate(*given, **named)
        self.read_tokens += self.last_timings.prompt_tokens - self.last_timings.cached_tokens
        self.sampled_tokens += self.last_timings.sampled
        return found
