"""Decode several statements at once, each under its own grammar state.

Invariant: every statement that leaves here under an acceptor is complete. After each token the shortest
way to finish still fits the budget; where no token can be found, or cells run out, that ending is
appended as text. Spans with one continuation are fed in one batch and never sampled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlagent.base.errors import Cancelled
from sqlagent.decoding.backtrack import SURPRISE, Backtracker
from sqlagent.decoding.drafting import draft, worthwhile
from sqlagent.decoding.hypothesis import Hypothesis
from sqlagent.decoding.layout import LayoutState
from sqlagent.decoding.token_choice import TokenChoice, TokenChooser
from sqlagent.llama.context import Llama, Logits
from sqlagent.llama.vocab import Vocab
from sqlagent.sql.names import LETTER

GROWTH = 16
"""Tokens by which one token can make the way to the end longer, as a rule: how long the budget need not be checked."""
LOOP_CHECK = 8
"""Every so many tokens a statement is looked at for going round in circles."""
LOOP_TIMES = 4
LOOP_LENGTHS = range(4, 81)
"""A statement whose end is the same 4 to 80 bytes, so many times over, will not come to its own end."""
_WORD = re.compile(rb"[^A-Za-z0-9\x80-\xff\r\n]?[A-Za-z\x80-\xff]+\Z")
"""The word at the end of a text, with the sign before it: what tokenizers keep together."""
_NAME_START = re.compile(LETTER + rb"+")
_NAME_END = re.compile(LETTER + rb"+\Z")
UNLIKELY_NATS = 3.0
"""By how much the model must prefer what the grammar finds unlikely, such as a join along no key."""
CLEAR = 0.95
"""A lead in probability from which nobody asks which token came second."""
STRAY_NATS = 8.0
"""By how much it must prefer to leave a name of the question that it has begun to copy."""


@dataclass(slots=True)
class Counters:
    """What a decoding run did."""

    steps: int = 0
    sampled: int = 0
    forced: int = 0
    drafted: int = 0
    draft_hits: int = 0
    closed: int = 0
    backtracks: int = 0


class Decoder:
    """Runs hypotheses to their end on one llama.cpp context."""

    def __init__(self, llama: Llama, vocab: Vocab) -> None:
        self._llama, self._vocab = llama, vocab
        self._chooser = TokenChooser(llama.n_vocab)
        self._backtracker = Backtracker(llama, vocab)
        self.counters = Counters()

    def lead(self, hypothesis: Hypothesis) -> Sequence[int]:
        """Put what must come first into `feed`, to be run with the end of the prompt; returns the tokens held back."""
        return self._force(hypothesis)

    def guess(self, hypothesis: Hypothesis, held: Sequence[int]) -> None:
        """Put what may follow behind the tokens held back into `draft`, within the budget.

        A blank that is not placed yet is nothing to guess behind.
        """
        left = max(0, hypothesis.budget - hypothesis.used - 1)
        hypothesis.draft, hypothesis.chances = [], []
        if left and not hypothesis.layout.pending:
            found = draft(
                hypothesis.drafter, hypothesis.layout.state, bytes(hypothesis.text), held, self._vocab
            )
            hypothesis.draft, hypothesis.chances = found.tokens[:left], found.chances[:left]

    def run(
        self,
        hypotheses: Sequence[Hypothesis],
        logits: Logits,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        """Finish all hypotheses from the prompt, whose `logits` they share. Raises Cancelled between two batches."""
        for hypothesis in hypotheses:
            if hypothesis.live:
                self._take(hypothesis, logits)
                self._prepare(hypothesis)
        self.finish(hypotheses, cancelled)

    def run_from(self, hypothesis: Hypothesis, row: int, cancelled: Callable[[], bool] | None = None) -> None:
        """Finish a hypothesis whose draft has been run behind the prompt, which ends at a row of the last batch."""
        hypothesis.row, hypothesis.feed = row, []
        if hypothesis.live:
            self._verify(hypothesis)
            self._prepare(hypothesis)
        self.finish([hypothesis], cancelled)

    def finish(self, hypotheses: Sequence[Hypothesis], cancelled: Callable[[], bool] | None = None) -> None:
        """The same for hypotheses that have something to feed."""
        while live := [hypothesis for hypothesis in hypotheses if hypothesis.live]:
            if cancelled is not None and cancelled():
                raise Cancelled("Cancelled.")
            for group in self.groups(live):
                self._step(group)

    def groups(self, live: list[Hypothesis]) -> list[list[Hypothesis]]:
        """Hypotheses that fit one batch together; long feeds are shortened by running their first part."""
        groups: list[list[Hypothesis]] = [[]]
        room = self._llama.n_batch
        for hypothesis in live:
            while len(hypothesis.feed) + len(hypothesis.draft) > self._llama.n_batch:
                part, hypothesis.feed = (
                    hypothesis.feed[: self._llama.n_batch],
                    hypothesis.feed[self._llama.n_batch :],
                )
                if not hypothesis.feed:
                    hypothesis.feed, hypothesis.draft, part = part[-1:], [], part[:-1]
                rows = [(t, hypothesis.at + i, hypothesis.seq, False) for i, t in enumerate(part)]
                if not self._llama.decode(rows):
                    self.close(hypothesis)
                    break
                hypothesis.at += len(part)
            if not hypothesis.live:
                continue
            size = len(hypothesis.feed) + len(hypothesis.draft)
            if size > room:
                groups.append([])
                room = self._llama.n_batch
            groups[-1].append(hypothesis)
            room -= size
        return [group for group in groups if group]

    def _step(self, group: list[Hypothesis]) -> None:
        """One batch: every hypothesis's sure tokens and drafts, then a choice at each row with logits."""
        sure = sum(len(hypothesis.feed) for hypothesis in group)
        worth = worthwhile(
            sure,
            [
                [hypothesis.trust * p for p in hypothesis.chances[: len(hypothesis.draft)]]
                for hypothesis in group
            ],
        )
        rows: list[tuple[int, int, int, bool]] = []
        for hypothesis, tried in zip(group, worth, strict=True):
            del hypothesis.draft[tried:]
            last = len(hypothesis.feed) - 1
            hypothesis.row = len(rows) + last
            for i, token in enumerate(hypothesis.feed):
                rows.append((token, hypothesis.at + i, hypothesis.seq, i == last))
            for i, token in enumerate(hypothesis.draft, last + 1):
                rows.append((token, hypothesis.at + i, hypothesis.seq, True))
        if not self._llama.decode(rows):
            for hypothesis in group:  # no cells left: finish in text
                self.close(hypothesis)
            return
        self.counters.steps += 1
        for hypothesis in group:
            self._verify(hypothesis)
        for hypothesis in group:  # when all have read their logits: going back runs batches of its own
            self._prepare(hypothesis)

    def _verify(self, hypothesis: Hypothesis) -> None:
        """Choose after the sure tokens; keep drafts while they are what is chosen or forced."""
        hypothesis.at += len(hypothesis.feed)
        draft, kept = hypothesis.draft, 0
        while True:
            token = self._take(hypothesis, self._llama.logits(hypothesis.row + kept))
            same = hypothesis.live and kept < len(draft) and token == draft[kept]
            if not same or hypothesis.surprise >= 0 or self._join_named(hypothesis):
                break
            kept += 1
            kept += self._forced_in(hypothesis, draft[kept:])
            if not hypothesis.live or hypothesis.feed:
                break
        hypothesis.expected += sum(hypothesis.chances[: len(draft)])
        hypothesis.kept += kept
        self.counters.drafted += len(draft)
        self.counters.draft_hits += kept
        if kept < len(draft) and hypothesis.live:
            self._llama.forget(hypothesis.seq, hypothesis.at)

    def _forced_in(self, hypothesis: Hypothesis, draft: Sequence[int]) -> int:
        """Go over what is forced behind a token that has its cell; how much of it is the draft, and has one, too."""
        hypothesis.feed = []
        hypothesis.at += 1
        self._force(hypothesis)
        known = 0
        while known < min(len(hypothesis.feed), len(draft)) and hypothesis.feed[known] == draft[known]:
            known += 1
        del hypothesis.feed[:known]
        hypothesis.at += known
        return known

    def _take(self, hypothesis: Hypothesis, logits: Logits) -> int:
        """Choose one token and move the hypothesis over it; -1 when the hypothesis ended without one."""
        choice = self._choose(hypothesis, logits)
        if choice is None:
            self.close(hypothesis)
            return -1
        if (choice.refused or choice.logprob < SURPRISE) and hypothesis.surprise < 0:
            hypothesis.surprise = len(hypothesis.marks)
        hypothesis.margin = min(hypothesis.margin, choice.gap)
        self._count(hypothesis, choice)
        return choice.token

    def _count(self, hypothesis: Hypothesis, choice: TokenChoice) -> None:
        """Move a hypothesis over a token, and feed it next; a statement that goes round in circles is ended."""
        self.counters.sampled += 1
        hypothesis.mark(choice.token, choice)
        hypothesis.used += 1
        hypothesis.logprob += choice.logprob
        hypothesis.min_token_logprob = min(hypothesis.min_token_logprob, choice.logprob)
        hypothesis.move(choice.layout)
        if hypothesis.logprob < hypothesis.floor:
            hypothesis.live, hypothesis.given_up = False, True
        if hypothesis.live and hypothesis.used % LOOP_CHECK == 0 and loops(bytes(hypothesis.text)):
            self.close(hypothesis)
        if hypothesis.live:
            hypothesis.feed = [choice.token]

    def _choose(self, hypothesis: Hypothesis, logits: Logits) -> TokenChoice | None:
        if hypothesis.used >= hypothesis.budget:
            return None
        accept, handicap = self._rules(hypothesis)
        margin = CLEAR if hypothesis.order is None else hypothesis.margin
        return self._chooser.choose(
            logits, accept, order=hypothesis.order, margin=margin, handicap=handicap
        ) or self._search(hypothesis, logits, accept)

    def _rules(
        self, hypothesis: Hypothesis
    ) -> tuple[Callable[[int], LayoutState | None], Callable[[LayoutState], float]]:
        """(where a token leads, or None; what is taken off its score) for the next token of a hypothesis."""
        left = hypothesis.budget - hypothesis.used - 1
        vocab, layout, step = self._vocab, hypothesis.layout, hypothesis.layout.step
        bytes_of = vocab.bytes_of
        check = hypothesis.used >= hypothesis.check_at
        memo: dict[int, LayoutState | None] = {}

        def accept(token: int) -> LayoutState | None:
            if token in memo:
                return memo[token]
            data = bytes_of(token)
            after = step(data) if data else layout.end() if vocab.is_end(token) else None
            if after is not None and check and not after.ended and not self._fits(hypothesis, after, left):
                after = None
            memo[token] = after
            return after

        so_far, source = layout.cost, hypothesis.source

        def handicap(after: LayoutState) -> float:
            unlikely = UNLIKELY_NATS * (after.cost - so_far)
            strays = source is not None and source.strays(hypothesis.text, after.added)
            return unlikely + STRAY_NATS * strays

        return accept, handicap

    def _search(
        self, hypothesis: Hypothesis, logits: Logits, accept: Callable[[int], LayoutState | None]
    ) -> TokenChoice | None:
        """The best accepted token of all, found from the first bytes that the grammar takes."""
        step = hypothesis.layout.step
        leads = [lead for value in range(256) if step(lead := bytes([value])) is not None]
        ids = [token for lead in leads for _, token in self._vocab.starting(lead)]
        return self._chooser.best_of(logits, ids, accept)

    def _fits(self, hypothesis: Hypothesis, layout: LayoutState, left: int) -> bool:
        """Whether the statement can still be finished in `left` tokens from `layout`."""
        closing = layout.closing()
        if len(closing) <= left:  # every token holds at least one byte
            hypothesis.check_at = hypothesis.used + max(1, (left - len(closing)) // GROWTH)
            return True
        tokens = self._vocab.continuation(closing)
        return bool(tokens) and len(tokens) <= left

    def close(self, hypothesis: Hypothesis) -> None:
        """Finish a statement with the shortest ending, as text: the model is not asked again."""
        self.counters.closed += 1
        ending = hypothesis.layout.closing()
        hypothesis.text += ending
        hypothesis.layout = hypothesis.layout.step(ending) or hypothesis.layout
        hypothesis.live = False

    def options(self, hypothesis: Hypothesis, logits: Logits, count: int) -> list[tuple[TokenChoice, float]]:
        """Up to `count` tokens that a hypothesis may take, best first, with their scores."""
        if hypothesis.used >= hypothesis.budget:
            return []
        accept, handicap = self._rules(hypothesis)
        found = self._chooser.several(logits, accept, count, handicap=handicap)
        if found:
            return found
        last = self._search(hypothesis, logits, accept)
        return [(last, last.logprob)] if last is not None else []

    def take(self, hypothesis: Hypothesis, choice: TokenChoice) -> None:
        """Move a hypothesis over a chosen token, and over what is forced behind it."""
        self._count(hypothesis, choice)
        if hypothesis.live:
            self._force(hypothesis)

    def _prepare(self, hypothesis: Hypothesis) -> None:
        """After a choice: see whether it was one, feed what is forced, then guess what may follow."""
        hypothesis.draft = []
        if not hypothesis.live:
            return
        if hypothesis.surprise >= 0:
            self.counters.backtracks += self._backtracker.backtrack(hypothesis)
        else:
            self._join_named(hypothesis)
        held = self._force(hypothesis)
        if hypothesis.live:
            self.guess(hypothesis, held)

    def _join_named(self, hypothesis: Hypothesis) -> bool:
        """Go back where a text has just been closed that names something in a table which FROM lacks."""
        closed = b"'" in hypothesis.layout.added and not hypothesis.text.count(b"'") % 2
        back = closed and self._backtracker.join_named(hypothesis)
        self.counters.backtracks += back
        return back

    def _force(self, hypothesis: Hypothesis) -> Sequence[int]:
        """Feed the unique continuation, if there is one; returns the tokens held back.

        What is held back is the word that a span ends in, at least its last token, for it may be the start of a longer
        token that the model would rather write: `_St`, `a` of `_Status`. Where the statement ends with the span there
        is nothing to run.
        """
        if hypothesis.layout.pending:
            return ()
        span = hypothesis.layout.state.forced()
        if not span:
            return ()
        end = hypothesis.layout.step(span)
        if end is None:
            return ()
        if end.ended or (end.state.done and not end.state.forced()):
            hypothesis.move(end)
            hypothesis.live, hypothesis.finished = False, True
            return ()
        tokens = self._vocab.continuation(span)
        sure = self._sure(tokens, span, self._whole(hypothesis, span))
        for token in tokens[:sure]:
            after = hypothesis.layout.step(self._vocab.bytes_of(token))
            if after is None:
                return ()
            hypothesis.force(token, after)
            self.counters.forced += 1
        return tokens[sure:]

    @staticmethod
    def _whole(hypothesis: Hypothesis, span: bytes) -> int:
        """How much of a span, at most, is sure because less of it would make a name: `county`, which a table that is
        not in scope has, of `county_fips`, which is."""
        name_candidates = hypothesis.layout.name_candidates
        rest, begun = _NAME_START.match(span), _NAME_END.search(hypothesis.text)
        if name_candidates is None or rest is None or begun is None:
            return len(span)
        for length in range(rest.end()):
            if name_candidates.is_name((begun[0] + span[:length]).decode("utf-8", "replace")):
                return length
        return len(span)

    def _sure(self, tokens: Sequence[int], span: bytes, most: int) -> int:
        """How many tokens of a forced span lie in its first `most` bytes and hold no part of the word it ends in."""
        found = _WORD.search(span)
        word = min(most, len(span) if found is None else found.start())
        sure = length = 0
        while sure < len(tokens) - 1 and (length := length + len(self._vocab.bytes_of(tokens[sure]))) <= word:
            sure += 1
        return sure


def loops(text: bytes) -> bool:
    """Whether the text ends in the same words again and again."""
    for length in LOOP_LENGTHS:
        if len(text) < LOOP_TIMES * length:
            return False
        end = text[-length:]
        if text.endswith(end * LOOP_TIMES) and end.strip(b"0123456789. '"):
            return True
    return False
