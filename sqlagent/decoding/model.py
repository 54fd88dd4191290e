"""Run one GGUF model: a prompt and an acceptor in, complete statements out.

Invariant: one question at a time runs on a model (a lock sees to it); between questions sequence 0's KV cells hold a
prompt or the beginning of one, and behind it at most the statement in `_written`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import ModelError, UsageError
from sqlagent.decoding.alternatives import AlternativeSearch
from sqlagent.decoding.candidate import Candidate, Progress, Timings, candidate_of
from sqlagent.decoding.chat_template import ChatTemplate, PromptTokens
from sqlagent.decoding.decoder import Counters, Decoder
from sqlagent.decoding.drafting import Drafter, shipped
from sqlagent.decoding.given_statement import replayed
from sqlagent.decoding.hypothesis import Hypothesis
from sqlagent.decoding.layout import Acceptor, LayoutState, Unconstrained
from sqlagent.decoding.literal_copy import CopySource
from sqlagent.decoding.prefix_cache import PrefixCache, adapter_identity, model_identity
from sqlagent.decoding.prompt_cells import PromptCells
from sqlagent.decoding.read_back import answer_logprobs, question_logprobs
from sqlagent.decoding.token_choice import Order
from sqlagent.linking.prompt import Prompt, reading_back
from sqlagent.llama.context import Llama, version
from sqlagent.llama.vocab import Vocab

if TYPE_CHECKING:
    from typing_extensions import Self

    from sqlagent.store.adapters import Files
    from sqlagent.weights.word_vectors import Vectors

LEAST_BUDGET = 16
"""Tokens a statement needs at the least; a prompt must leave room for them."""


class Model:
    """A GGUF, loaded once."""

    def __init__(
        self,
        path: str | Path,
        *,
        n_ctx: int = 4096,
        threads: int | None = None,
        cache_dir: str | Path | None = None,
        n_parallel: int = 8,
        drafts: bool = True,
        adapter: str | Path | None = None,
        name: str = "",
    ) -> None:
        """Load `path`, and a GGUF LoRA to apply to it; prefixes are kept in `cache_dir` (nowhere when None).

        drafts: guess how statements go on, which changes only how long they take. Raises ModelError.
        """
        started = time.perf_counter()
        self._lock = threading.RLock()  # a signal handler may close the model in the middle of a question
        self._llama = Llama(path, n_ctx=n_ctx, n_seq=n_parallel + 1, threads=threads, adapter=adapter)
        self._vocab = Vocab(self._llama)
        self._chat = ChatTemplate(self._llama, self._vocab)
        self._decoder = Decoder(self._llama, self._vocab)
        self.drafts = drafts
        self._parallel = n_parallel
        self._path = Path(path)
        self._writing: Hypothesis | None = None
        self._written: tuple[int, Hypothesis] | None = None
        cache: PrefixCache | None = None
        if cache_dir is not None:
            settings = f"{model_identity(Path(path))} {version()} {self._llama.n_ctx} {self._llama.flash} f16"
            if adapter is not None:  # keys and values are its work as much as the base's
                settings += f" {adapter_identity(Path(adapter))}"
            cache = PrefixCache(Path(cache_dir), settings)
        self._cells = PromptCells(self._llama, cache, spare=n_parallel)
        self._load_seconds = time.perf_counter() - started
        self.last_timings = Timings(load=self._load_seconds)
        self.name = name or Path(path).stem

    @classmethod
    def of(cls, files: Files, **settings: Any) -> Self:
        """Load what `models.ready` made ready."""
        return cls(files.model, adapter=files.adapter, name=files.name, **settings)

    @property
    def n_ctx(self) -> int:
        """Tokens that a prompt and its answers may take together."""
        return self._llama.n_ctx

    @cached_property
    def vectors(self) -> Vectors | None:
        """How near in meaning words are to this model; None where its file does not let itself be read.

        Once the model is closed, words that were not asked for before raise ModelError.
        """
        from sqlagent.weights.word_vectors import Vectors

        try:
            return Vectors(self._path, self._vocab.tokenize)
        except ModelError:
            return None

    @property
    def progress(self) -> Progress:
        """How far the running step is; may be looked at from any thread."""
        hypothesis = self._writing
        written = "" if hypothesis is None else bytes(hypothesis.text).decode("utf-8", "replace")
        read, to_read = self._cells.progress
        return Progress(read, to_read, written)

    def count(self, prompt: Prompt) -> int:
        """How many tokens a prompt takes."""
        return len(self._chat.tokens(prompt).ids)

    def read(
        self, prompt: Prompt, cancelled: Callable[[], bool] | None = None, *, store: bool = True
    ) -> None:
        """Read the schema part of a prompt, so that a question about it need not wait for that.

        store: keep it on the disk, too. Raises Cancelled, UsageError when it does not fit, ModelError.
        """
        with self._lock:
            self._check_open()
            tokens = self._chat.tokens(prompt)
            self._budget(len(tokens.ids), 1, LEAST_BUDGET)
            self._read_schema(tokens, cancelled)
            if store:
                self._cells.store(tokens)

    def unread(self, prompt: Prompt) -> int:
        """How many tokens of a prompt's schema part are kept neither in memory nor on the disk."""
        with self._lock:
            self._check_open()
            return self._cells.unread(self._chat.tokens(prompt))

    def generate(
        self,
        prompt: Prompt,
        acceptor: Acceptor | None,
        *,
        orders: Sequence[Order | None] = (None,),
        max_tokens: int = 256,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Candidate]:
        """A statement for each of some orders in which tokens are tried; None is the likeliest first.

        Under an acceptor every one is complete, also when `max_tokens` cuts it short (finished is False then).
        Raises UsageError when the prompt does not fit, Cancelled, ModelError.
        """
        n = len(orders)
        if not 1 <= n <= self._parallel:
            raise UsageError(f"Ask for 1 to {self._parallel} candidates, not {n}.")
        with self._lock:
            self._check_open()
            tokens = self._chat.tokens(prompt)
            budget = self._budget(len(tokens.ids), n, max_tokens)
            start = LayoutState((acceptor or Unconstrained()).start())
            source = None if acceptor is None else CopySource(prompt.request)
            drafter = self._drafter(prompt, acceptor)
            hypotheses = [
                Hypothesis(i, start, budget, order, source=source, drafter=drafter)
                for i, order in enumerate(orders)
            ]
            try:
                return self._generate(tokens, hypotheses, cancelled)
            finally:
                self._writing = None
                for i in range(1, n):
                    self._llama.forget(i)
                if self._written is None:
                    self._cells.forget_answer()

    def alternatives(
        self,
        n: int,
        within: float,
        *,
        max_tokens: int = 256,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Candidate]:
        """Up to `n` more answers to the last `generate`, each one known before with another token at one decision.

        Those that could be likeliest are written first; one whose probability falls more than `within` nats below the
        best is given up and left out, and so is one that is cut. None where the last thing written was not one
        statement. Raises Cancelled, UsageError, ModelError.
        """
        if not 1 <= n <= self._parallel:
            raise UsageError(f"Ask for 1 to {self._parallel} candidates, not {n}.")
        with self._lock:
            self._check_open()
            if self._written is None:
                return []
            at, first = self._written
            budget = self._budget(at, n, max_tokens)
            began = time.perf_counter()
            seqs = range(n, 0, -1)
            try:
                search = AlternativeSearch(self._llama, self._decoder, self._vocab, at, seqs)
                hypotheses = search.run(first, within, budget, cancelled)
            finally:
                for seq in seqs:
                    self._llama.forget(seq)
            self.last_timings = Timings(decode=time.perf_counter() - began)
            return [candidate_of(hypothesis) for hypothesis in hypotheses]

    def question_logprobs(
        self, prompt: Prompt, statements: Sequence[str], *, cancelled: Callable[[], bool] | None = None
    ) -> list[float]:
        """ln p of a prompt's question under each statement: how well a statement tells what was asked.

        All 0.0 where the context has no room to find out. Raises Cancelled, ModelError.
        """
        with self._lock:
            self._check_open()
            asked = [self._chat.tokens(reading_back(prompt, statement)) for statement in statements]
            if asked:
                self._read_schema(asked[0], cancelled)
            return question_logprobs(self._llama, asked, self._parallel, cancelled)

    def statement_logprobs(
        self,
        prompt: Prompt,
        acceptor: Acceptor,
        statements: Sequence[str],
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[float]:
        """ln p of each statement as the answer to a prompt: of the tokens that the grammar leaves a choice about.

        All are forced upon the model in one batch, where they fit one. A token counts no less than `read_back.LOWEST`.
        All 0.0 where the context has no room. Raises Cancelled, ModelError.
        """
        with self._lock:
            self._check_open()
            tokens = self._chat.tokens(prompt)
            begin, asked = len(tokens.ids), []
            for sql in statements:
                given = replayed(sql, acceptor, self._decoder, self._vocab)
                ids = (*tokens.ids, *given.ids, *([self._vocab.eos] if given.open else []))
                forced = {begin + i for i in given.forced}
                asked.append((PromptTokens(ids, tokens.opening, tokens.prefix, begin), forced))
            if asked:
                self._read_schema(tokens, cancelled)
            return answer_logprobs(self._llama, asked, self._parallel, cancelled)

    def _drafter(self, prompt: Prompt, acceptor: Acceptor | None) -> Drafter | None:
        """What guesses at the answers to a prompt; None where nothing is known of the schema."""
        schema, learnt = getattr(acceptor, "schema", None), shipped() if self.drafts else None
        if schema is None or learnt is None:
            return None
        return Drafter(learnt, schema, prompt.question, prompt.hints)

    def _check_open(self) -> None:
        if self._llama.closed:
            raise ModelError("The model was closed: load it again.")

    def _budget(self, prompt: int, n: int, max_tokens: int) -> int:
        room = (self._llama.n_ctx - prompt) // n - 1
        if room < LEAST_BUDGET:
            raise UsageError(
                f"The schema and the question take {prompt} tokens and the model's context has "
                f"{self._llama.n_ctx}: ask a shorter question or name fewer tables."
            )
        return max(1, min(max_tokens, room))

    def _generate(
        self,
        tokens: PromptTokens,
        hypotheses: list[Hypothesis],
        cancelled: Callable[[], bool] | None,
    ) -> list[Candidate]:
        self._decoder.counters = Counters()
        began = time.perf_counter()
        held = [self._decoder.lead(hypothesis) for hypothesis in hypotheses]
        ids = list(tokens.ids) + hypotheses[0].feed
        self._written = None
        cached = self._cells.restore(tokens, ids)
        alone = hypotheses[0] if len(hypotheses) == 1 else None
        self._writing = hypotheses[0]
        if alone is not None:
            self._decoder.guess(alone, held[0])
        row, logits = self._cells.prefill(tokens, ids, alone, cancelled)
        ready = time.perf_counter()
        for hypothesis in hypotheses:
            hypothesis.at = len(ids)
            if hypothesis.seq:
                self._llama.share(0, hypothesis.seq)
        if alone is not None and row is not None:
            self._decoder.run_from(alone, row, cancelled)
        else:
            self._decoder.run(hypotheses, logits, cancelled)
        if alone is not None:
            self._written = len(tokens.ids), alone
        ended = time.perf_counter()
        self._cells.store(tokens)
        done = self._decoder.counters
        self.last_timings = Timings(
            load=self._load_seconds,
            prefill=ready - began,
            decode=ended - ready,
            first_token=ready - began,
            prompt_tokens=len(tokens.ids),
            cached_tokens=min(cached, len(tokens.ids)),
            steps=done.steps,
            sampled=done.sampled,
            forced=done.forced,
            drafted=done.drafted,
            draft_hits=done.draft_hits,
        )
        return [candidate_of(hypothesis) for hypothesis in hypotheses if not hypothesis.live]

    def _read_schema(self, tokens: PromptTokens, cancelled: Callable[[], bool] | None) -> None:
        """Leave nothing but a prompt's prefix in sequence 0."""
        self._written = None
        self._cells.read_prefix(tokens, cancelled)

    def close(self) -> None:
        """Free the memory; the model answers no more."""
        with self._lock:
            self._llama.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
