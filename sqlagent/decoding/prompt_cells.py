"""Keep what is read of prompts in the KV cells of sequence 0, and a schema's part of it on the disk.

    cells = PromptCells(llama, cache, spare=8)
    cells.read_prefix(tokens, cancelled)          # the schema, so that a question about it need not wait for that
    row, logits = cells.prefill(tokens, tokens.ids, None, cancelled)

Invariant: sequence 0 begins with the tokens in `_held`; a cache that is missing or damaged changes how long an answer
takes, never the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlagent.base.errors import ModelError
from sqlagent.decoding.drafting import worthwhile

if TYPE_CHECKING:
    from sqlagent.decoding.chat_template import PromptTokens
    from sqlagent.decoding.hypothesis import Hypothesis
    from sqlagent.decoding.prefix_cache import PrefixCache
    from sqlagent.llama.context import Llama, Logits

WORTH_LOADING = 32
"""A stored prefix is read when it saves at least this many tokens of prefill."""


class PromptCells:
    """Those of one model. `spare`: a sequence that is free between questions."""

    def __init__(self, llama: Llama, cache: PrefixCache | None, spare: int) -> None:
        self._llama = llama
        self._cache = cache
        self._spare = spare
        self._held: list[int] = []
        self._reading = 0
        self._logits: Logits | None = None

    @property
    def progress(self) -> tuple[int, int]:
        """How many tokens of the prompt that is read have cells, and how many it has; from any thread."""
        return min(len(self._held), self._reading), self._reading

    def unread(self, tokens: PromptTokens) -> int:
        """How many tokens of a prompt's prefix are kept neither in memory nor on the disk."""
        common = _common(self._held, tokens.ids[: tokens.prefix])
        held = max(cut for cut in _cuts(tokens) if cut <= common)
        return tokens.prefix - max(held, self._stored(tokens, held + WORTH_LOADING))

    def forget_answer(self) -> None:
        """Leave nothing in sequence 0 behind the prompt."""
        self._llama.forget(0, len(self._held))

    def read_prefix(self, tokens: PromptTokens, cancelled: Callable[[], bool] | None) -> None:
        """Leave nothing but a prompt's prefix in sequence 0. Raises Cancelled, ModelError."""
        schema = list(tokens.ids[: tokens.prefix])
        self.restore(tokens, schema)
        self._run(tokens, schema, cancelled)

    def restore(self, tokens: PromptTokens, ids: list[int]) -> int:
        """Keep the cells that the prompt shares with the last one, or read its prefix, or the start of it, from disk.

        Cells are only kept up to a cut of the prompt or a line of its schema, so that the batches that computed them,
        and with them the rounding, are the same whatever was asked about the same schema before. Returns how many
        tokens are kept.
        """
        self.forget_answer()
        common = _common(self._held, ids)
        if common == len(ids) == len(self._held) and self._logits is not None:
            return common
        kept = max(cut for cut in _cuts(tokens) if cut <= common)
        stored = self._stored(tokens, kept + WORTH_LOADING)
        state = self._cache.load(ids[:stored]) if self._cache is not None and stored else None
        if state is not None:
            self._llama.forget(0)
            self._held = []
            if self._llama.set_state(0, state):
                self._held = ids[:stored]
            elif self._cache is not None:
                self._cache.drop(ids[:stored])
            kept = len(self._held)
        self._held = self._held[:kept]
        self._llama.forget(0, kept)
        return kept

    def prefill(
        self,
        tokens: PromptTokens,
        ids: list[int],
        hypothesis: Hypothesis | None,
        cancelled: Callable[[], bool] | None,
    ) -> tuple[int | None, Logits]:
        """Run what of `ids` has no cells yet, and behind it as much of the hypothesis's draft as pays.

        Returns the row of the last of `ids` (None where nothing had to run) and its logits. Raises as `read_prefix`.
        """
        if len(self._held) == len(ids) and self._logits is not None:
            return None, self._logits
        row = self._run(tokens, ids, cancelled, wanted=len(ids) - 1, hypothesis=hypothesis)
        self._logits = self._llama.logits(row).copy()
        return row, self._logits

    def store(self, tokens: PromptTokens) -> None:
        """Write the prefix's state, when no file has it yet, in place of those of schemas that it grew from."""
        cache, prefix = self._cache, tokens.prefix
        if cache is None or prefix < WORTH_LOADING or cache.has(tokens.ids[:prefix]):
            return
        self._llama.share(0, self._spare, prefix)
        try:
            cache.save(tokens.ids[:prefix], self._llama.get_state(self._spare))
        finally:
            self._llama.forget(self._spare)
        for cut in _cuts(tokens)[:-1]:
            cache.drop(tokens.ids[:cut])

    def _stored(self, tokens: PromptTokens, least: int) -> int:
        """How many of a prompt's first tokens have a state on the disk, if at least so many; else 0."""
        if self._cache is None:
            return 0
        places = (cut for cut in reversed(_cuts(tokens)) if cut >= least)
        return next((cut for cut in places if self._cache.has(tokens.ids[:cut])), 0)

    def _run(
        self,
        tokens: PromptTokens,
        ids: list[int],
        cancelled: Callable[[], bool] | None,
        wanted: int = -1,
        hypothesis: Hypothesis | None = None,
    ) -> int:
        """Run what of `ids` has no cells yet, in batches that end at the cuts; the last token's row in its batch.

        wanted: the place whose logits are kept. hypothesis: whose draft goes with the last batch.
        """
        self._logits = None
        self._reading = len(ids)
        cuts = sorted({tokens.opening, tokens.prefix, len(ids)})
        row = 0
        while (at := len(self._held)) < len(ids):
            end = min(at + self._llama.n_batch, next(cut for cut in cuts if cut > at))
            rows = [(token, i, 0, i == wanted) for i, token in enumerate(ids[at:end], at)]
            if hypothesis is not None and end == len(ids):
                chances = hypothesis.chances[: self._llama.n_batch - len(rows)]
                del hypothesis.draft[worthwhile(len(rows), [chances])[0] :]
                rows += [(token, i, 0, True) for i, token in enumerate(hypothesis.draft, end)]
            if not self._llama.decode(rows, cancelled=cancelled):
                raise ModelError("llama.cpp has no room for the prompt: close other programs or restart.")
            self._held = ids[:end]
            row = end - at - 1
        return row


def _cuts(tokens: PromptTokens) -> list[int]:
    """The places up to which cells may be kept, in order: the opening, each line of the schema, the prefix."""
    return sorted({0, tokens.opening, *tokens.lines, tokens.prefix})


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the longest common prefix."""
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return n
