"""The decoding loop: several statements at once, each under its own grammar state.

Invariant: every statement that leaves here under an acceptor is complete. After each token the shortest
way to finish still fits the budget; where no token can be found, or cells run out, that ending is
appended as text. Spans with one continuation are fed in one batch and never sampled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlagent.base.errors import Cancelled
from sqlagent.decoding.backtrack import SURPRISE, Rewinder
from sqlagent.decoding.drafting import draft, worthwhile
from sqlagent.decoding.hypothesis import Track
from sqlagent.decoding.layout import Cursor
from sqlagent.decoding.token_choice import Choice, Sampler
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
    rewound: int = 0


class Decoder:
    """Runs tracks to their end on one llama.cpp context."""

    def __init__(self, llama: Llama, vocab: Vocab) -> None:
        self._llama, self._vocab = llama, vocab
        self._sampler = Sampler(llama.n_vocab)
        self._rewinder = Rewinder(llama, vocab)
        self.counters = Counters()

    def lead(self, track: Track) -> Sequence[int]:
        """Put what must come first into `feed`, to be run with the end of the prompt; returns the tokens held back."""
        return self._force(track)

    def guess(self, track: Track, held: Sequence[int]) -> None:
        """Put what may follow behind the tokens held back into `draft`, within the budget.

        A blank that is not placed yet is nothing to guess behind.
        """
        left = max(0, track.budget - track.used - 1)
        track.draft, track.chances = [], []
        if left and not track.cursor.pending:
            found = draft(track.drafter, track.cursor.state, bytes(track.text), held, self._vocab)
            track.draft, track.chances = found.tokens[:left], found.chances[:left]

    def run(
        self,
        tracks: Sequence[Track],
        logits: Logits,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        """Finish all tracks from the prompt, whose `logits` they share. Raises Cancelled between two batches."""
        for track in tracks:
            if track.live:
                self._take(track, logits)
                self._prepare(track)
        self.finish(tracks, cancelled)

    def run_from(self, track: Track, row: int, cancelled: Callable[[], bool] | None = None) -> None:
        """Finish a track whose draft has been run behind the prompt, which ends at a row of the last batch."""
        track.row, track.feed = row, []
        if track.live:
            self._verify(track)
            self._prepare(track)
        self.finish([track], cancelled)

    def finish(self, tracks: Sequence[Track], cancelled: Callable[[], bool] | None = None) -> None:
        """The same for tracks that have something to feed."""
        while live := [track for track in tracks if track.live]:
            if cancelled is not None and cancelled():
                raise Cancelled("Cancelled.")
            for group in self.groups(live):
                self._step(group)

    def groups(self, live: list[Track]) -> list[list[Track]]:
        """Tracks that fit one batch together; long feeds are shortened by running their first part."""
        groups: list[list[Track]] = [[]]
        room = self._llama.n_batch
        for track in live:
            while len(track.feed) + len(track.draft) > self._llama.n_batch:
                part, track.feed = track.feed[: self._llama.n_batch], track.feed[self._llama.n_batch :]
                if not track.feed:
                    track.feed, track.draft, part = part[-1:], [], part[:-1]
                rows = [(t, track.at + i, track.seq, False) for i, t in enumerate(part)]
                if not self._llama.decode(rows):
                    self.close(track)
                    break
                track.at += len(part)
            if not track.live:
                continue
            size = len(track.feed) + len(track.draft)
            if size > room:
                groups.append([])
                room = self._llama.n_batch
            groups[-1].append(track)
            room -= size
        return [group for group in groups if group]

    def _step(self, group: list[Track]) -> None:
        """One batch: every track's sure tokens and drafts, then a choice at each row with logits."""
        sure = sum(len(track.feed) for track in group)
        worth = worthwhile(
            sure, [[track.trust * p for p in track.chances[: len(track.draft)]] for track in group]
        )
        rows: list[tuple[int, int, int, bool]] = []
        for track, tried in zip(group, worth, strict=True):
            del track.draft[tried:]
            last = len(track.feed) - 1
            track.row = len(rows) + last
            for i, token in enumerate(track.feed):
                rows.append((token, track.at + i, track.seq, i == last))
            for i, token in enumerate(track.draft, last + 1):
                rows.append((token, track.at + i, track.seq, True))
        if not self._llama.decode(rows):
            for track in group:  # no cells left: finish in text
                self.close(track)
            return
        self.counters.steps += 1
        for track in group:
            self._verify(track)
        for track in group:  # when all have read their logits: going back runs batches of its own
            self._prepare(track)

    def _verify(self, track: Track) -> None:
        """Choose after the sure tokens; keep drafts while they are what is chosen or forced."""
        track.at += len(track.feed)
        draft, kept = track.draft, 0
        while True:
            token = self._take(track, self._llama.logits(track.row + kept))
            same = track.live and kept < len(draft) and token == draft[kept]
            if not same or track.surprise >= 0 or self._join_named(track):
                break
            kept += 1
            kept += self._forced_in(track, draft[kept:])
            if not track.live or track.feed:
                break
        track.expected += sum(track.chances[: len(draft)])
        track.kept += kept
        self.counters.drafted += len(draft)
        self.counters.draft_hits += kept
        if kept < len(draft) and track.live:
            self._llama.forget(track.seq, track.at)

    def _forced_in(self, track: Track, draft: Sequence[int]) -> int:
        """Go over what is forced behind a token that has its cell; how much of it is the draft, and has one, too."""
        track.feed = []
        track.at += 1
        self._force(track)
        known = 0
        while known < min(len(track.feed), len(draft)) and track.feed[known] == draft[known]:
            known += 1
        del track.feed[:known]
        track.at += known
        return known

    def _take(self, track: Track, logits: Logits) -> int:
        """Choose one token and move the track over it; -1 when the track ended without one."""
        choice = self._choose(track, logits)
        if choice is None:
            self.close(track)
            return -1
        if (choice.refused or choice.logprob < SURPRISE) and track.surprise < 0:
            track.surprise = len(track.marks)
        track.margin = min(track.margin, choice.gap)
        self._count(track, choice)
        return choice.token

    def _count(self, track: Track, choice: Choice) -> None:
        """Move a track over a token, and feed it next; a statement that goes round in circles is ended."""
        self.counters.sampled += 1
        track.mark(choice.token, choice)
        track.used += 1
        track.logprob += choice.logprob
        track.worst = min(track.worst, choice.logprob)
        track.move(choice.cursor)
        if track.logprob < track.floor:
            track.live, track.given_up = False, True
        if track.live and track.used % LOOP_CHECK == 0 and loops(bytes(track.text)):
            self.close(track)
        if track.live:
            track.feed = [choice.token]

    def _choose(self, track: Track, logits: Logits) -> Choice | None:
        if track.used >= track.budget:
            return None
        accept, handicap = self._rules(track)
        margin = CLEAR if track.rng is None else track.margin
        return self._sampler.choose(
            logits, accept, track.settings, track.rng, margin=margin, handicap=handicap
        ) or self._search(track, logits, accept)

    def _rules(self, track: Track) -> tuple[Callable[[int], Cursor | None], Callable[[Cursor], float]]:
        """(where a token leads, or None; what is taken off its score) for the next token of a track."""
        left = track.budget - track.used - 1
        vocab, cursor, step = self._vocab, track.cursor, track.cursor.step
        bytes_of = vocab.bytes_of
        check = track.used >= track.check_at
        memo: dict[int, Cursor | None] = {}

        def accept(token: int) -> Cursor | None:
            if token in memo:
                return memo[token]
            data = bytes_of(token)
            after = step(data) if data else cursor.end() if vocab.is_end(token) else None
            if after is not None and check and not after.ended and not self._fits(track, after, left):
                after = None
            memo[token] = after
            return after

        so_far, source = cursor.cost, track.source

        def handicap(after: Cursor) -> float:
            unlikely = UNLIKELY_NATS * (after.cost - so_far)
            strays = source is not None and source.strays(track.text, after.added)
            return unlikely + STRAY_NATS * strays

        return accept, handicap

    def _search(self, track: Track, logits: Logits, accept: Callable[[int], Cursor | None]) -> Choice | None:
        """The best accepted token of all, found from the first bytes that the grammar takes."""
        step = track.cursor.step
        leads = [lead for value in range(256) if step(lead := bytes([value])) is not None]
        ids = [token for lead in leads for _, token in self._vocab.starting(lead)]
        return self._sampler.best_of(logits, ids, accept)

    def _fits(self, track: Track, cursor: Cursor, left: int) -> bool:
        """Whether the statement can still be finished in `left` tokens from `cursor`."""
        closing = cursor.closing()
        if len(closing) <= left:  # every token holds at least one byte
            track.check_at = track.used + max(1, (left - len(closing)) // GROWTH)
            return True
        tokens = self._vocab.continuation(closing)
        return bool(tokens) and len(tokens) <= left

    def close(self, track: Track) -> None:
        """Finish a statement with the shortest ending, as text: the model is not asked again."""
        self.counters.closed += 1
        ending = track.cursor.closing()
        track.text += ending
        track.cursor = track.cursor.step(ending) or track.cursor
        track.live = False

    def options(self, track: Track, logits: Logits, count: int) -> list[tuple[Choice, float]]:
        """Up to `count` tokens that a track may take, best first, with their scores."""
        if track.used >= track.budget:
            return []
        accept, handicap = self._rules(track)
        found = self._sampler.several(logits, accept, count, handicap=handicap)
        if found:
            return found
        last = self._search(track, logits, accept)
        return [(last, last.logprob)] if last is not None else []

    def take(self, track: Track, choice: Choice) -> None:
        """Move a track over a chosen token, and over what is forced behind it."""
        self._count(track, choice)
        if track.live:
            self._force(track)

    def _prepare(self, track: Track) -> None:
        """After a choice: see whether it was one, feed what is forced, then guess what may follow."""
        track.draft = []
        if not track.live:
            return
        if track.surprise >= 0:
            self.counters.rewound += self._rewinder.rewind(track)
        else:
            self._join_named(track)
        held = self._force(track)
        if track.live:
            self.guess(track, held)

    def _join_named(self, track: Track) -> bool:
        """Go back where a text has just been closed that names something in a table which FROM lacks."""
        closed = b"'" in track.cursor.added and not track.text.count(b"'") % 2
        back = closed and self._rewinder.join_named(track)
        self.counters.rewound += back
        return back

    def _force(self, track: Track) -> Sequence[int]:
        """Feed the unique continuation, if there is one; returns the tokens held back.

        What is held back is the word that a span ends in, at least its last token, for it may be the start of a longer
        token that the model would rather write: `_St`, `a` of `_Status`. Where the statement ends with the span there
        is nothing to run.
        """
        if track.cursor.pending:
            return ()
        span = track.cursor.state.forced()
        if not span:
            return ()
        end = track.cursor.step(span)
        if end is None:
            return ()
        if end.ended or (end.state.done and not end.state.forced()):
            track.move(end)
            track.live, track.finished = False, True
            return ()
        tokens = self._vocab.continuation(span)
        sure = self._sure(tokens, span, self._whole(track, span))
        for token in tokens[:sure]:
            after = track.cursor.step(self._vocab.bytes_of(token))
            if after is None:
                return ()
            track.force(token, after)
            self.counters.forced += 1
        return tokens[sure:]

    @staticmethod
    def _whole(track: Track, span: bytes) -> int:
        """How much of a span, at most, is sure because less of it would make a name: `county`, which a table that is
        not in scope has, of `county_fips`, which is."""
        meant = track.cursor.meant
        rest, begun = _NAME_START.match(span), _NAME_END.search(track.text)
        if meant is None or rest is None or begun is None:
            return len(span)
        for length in range(rest.end()):
            if meant.is_name((begun[0] + span[:length]).decode("utf-8", "replace")):
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
