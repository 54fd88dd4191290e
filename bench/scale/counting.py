"""Stand in for a model: count the tokens that it would have to read, and give the statement that was laid ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlagent.decoding.candidate import Candidate, Timings
from sqlagent.decoding.model import Model
from sqlagent.linking.prompt import Prompt


class Counting:
    """A loaded model's vocabulary and word vectors, without its forward pass.

    `read_tokens`: tokens of the prompts since it was last set to 0, without those that were held from before.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self.name, self.vectors = model.name, model.vectors
        self.last_timings = Timings()
        self.statement = ""
        self.read_tokens = 0
        self._held: tuple[int, ...] = ()

    @property
    def n_ctx(self) -> int:
        return self._model.n_ctx

    def count(self, prompt: Prompt) -> int:
        """How many tokens a prompt takes."""
        return self._model.count(prompt)

    def unread(self, prompt: Prompt) -> int:
        """How many tokens of a prompt's schema are not held."""
        tokens = self._model._chat.tokens(prompt)
        return len(tokens.ids[: tokens.prefix]) - min(tokens.prefix, self._same(tokens.ids))

    def forget(self) -> None:
        """Hold nothing, as in a new process."""
        self._held, self.read_tokens = (), 0

    def read(self, prompt: Prompt, cancelled: Any = None, *, store: bool = True) -> None:
        self._read(prompt)

    def generate(self, prompt: Prompt, acceptor: Any, *, cancelled: Any = None) -> list[Candidate]:
        self._read(prompt)
        sure = Candidate(sql=self.statement, logprob=-0.05, tokens=12, margin=0.95, finished=True, forced=6)
        return [sure]

    def alternatives(
        self,
        n: int,
        within: float,
        *,
        max_tokens: int = 256,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Candidate]:
        return []

    def question_logprobs(
        self, prompt: Prompt, statements: Sequence[str], *, cancelled: Any = None
    ) -> list[float]:
        return [0.0] * len(statements)

    def statement_logprobs(
        self, prompt: Prompt, acceptor: Any, statements: Sequence[str], *, cancelled: Any = None
    ) -> list[float]:
        return [0.0] * len(statements)

    def close(self) -> None:
        self._model.close()

    def _read(self, prompt: Prompt) -> None:
        ids = tuple(self._model._chat.tokens(prompt).ids)
        self.read_tokens += len(ids) - self._same(ids)
        self._held = ids

    def _same(self, ids: Sequence[int]) -> int:
        """How many tokens at the beginning are those that are held."""
        pairs = zip(ids, self._held, strict=False)
        return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(ids), len(self._held)))
