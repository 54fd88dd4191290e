"""Beam search: the likeliest statements as wholes, where greedy decoding takes the likeliest next token.

A token that the grammar refused leaves only unlikely ones, and the statement's score says so; a statement that took
another turn earlier, and was never refused, overtakes it. That is how a choice which led nowhere is taken back.

Invariant: every live statement owns one sequence of KV cells, which shares the cells of what it has in common with
the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlagent.base.errors import Cancelled
from sqlagent.decoding.decoder import Decoder
from sqlagent.decoding.hypothesis import Track
from sqlagent.decoding.token_choice import Choice
from sqlagent.llama.context import Llama, Logits

Scored = tuple[float, Track]


class Beam:
    """Beams of `width` on one context. `seqs` are 2 * width sequences that nobody else uses."""

    def __init__(self, llama: Llama, decoder: Decoder, width: int, seqs: Sequence[int]) -> None:
        if len(seqs) < 2 * width:
            raise ValueError(f"a beam of {width} needs {2 * width} sequences, not {len(seqs)}")
        self._llama, self._decoder, self._width = llama, decoder, width
        self._free = list(seqs)

    def run(self, start: Track, logits: Logits, cancelled: Callable[[], bool] | None = None) -> list[Track]:
        """Up to `width` statements, best first, by the sum of log-probabilities less what is unlikely.

        `start` stands behind the prompt, whose `logits` these are; its sequence stays as it is. Raises Cancelled.
        """
        live: list[Scored] = [(0.0, start)]
        rows = [logits]
        ended: list[Scored] = []
        while live:
            if cancelled is not None and cancelled():
                raise Cancelled("Cancelled.")
            grown, stuck = self._grow(live, rows)
            self._end(ended, stuck)
            bar = sorted((score for score, _ in ended), reverse=True)[: self._width]
            if len(bar) == self._width:  # scores only fall
                grown = [one for one in grown if one[0] > bar[-1]]
            following = [(score, self._child(track, choice)) for score, track, choice in grown[: self._width]]
            for _, track in live:
                self._release(track, start)
            self._end(ended, [one for one in following if not one[1].live])
            live = [one for one in following if one[1].live]
            for _, track in following:
                if not track.live:
                    self._release(track, start)
            rows = self._advance([track for _, track in live])
            self._end(ended, [one for one in live if not one[1].live])  # no cells were left
            live = [one for one in live if one[1].live]
        ended.sort(key=lambda one: -one[0])
        return [track for _, track in ended[: self._width]]

    @staticmethod
    def _end(ended: list[Scored], more: list[Scored]) -> None:
        """Collect finished statements; of two ways to write one the likelier is kept."""
        for score, track in more:
            same = [i for i, (_, other) in enumerate(ended) if _said(other) == _said(track)]
            if not same:
                ended.append((score, track))
            elif score > ended[same[0]][0]:
                ended[same[0]] = score, track

    def _grow(
        self, live: list[Scored], rows: list[Logits]
    ) -> tuple[list[tuple[float, Track, Choice]], list[Scored]]:
        """Every statement with each of its likely next tokens, best first; and those that found none."""
        grown: list[tuple[float, Track, Choice]] = []
        stuck: list[Scored] = []
        for (score, track), row in zip(live, rows, strict=True):
            options = self._decoder.options(track, row, self._width)
            if not options:
                self._decoder.close(track)
                stuck.append((score, track))
            grown += [(score + gain, track, choice) for choice, gain in options]
        grown.sort(key=lambda one: -one[0])
        seen: set[bytes] = set()
        distinct = []
        for one in grown:  # other tokens for the same text are no other statement
            text = bytes(one[1].text) + one[2].cursor.added + (b";" if one[2].cursor.ended else b"")
            if text not in seen:
                seen.add(text)
                distinct.append(one)
        return distinct, stuck

    def _child(self, track: Track, choice: Choice) -> Track:
        seq = self._free.pop()
        self._llama.share(track.seq, seq)
        child = replace(track, seq=seq, text=bytearray(track.text), feed=[], draft=[], marks=[])
        self._decoder.take(child, choice)
        return child

    def _release(self, track: Track, start: Track) -> None:
        if track.seq not in (start.seq, -1):
            self._llama.forget(track.seq)
            self._free.append(track.seq)
            track.seq = -1

    def _advance(self, tracks: list[Track]) -> list[Logits]:
        """Run what each statement feeds; the logits behind it. A statement without cells is closed."""
        found: list[Logits] = []
        for group in self._decoder.groups(tracks):
            batch = [
                (token, track.at + i, track.seq, i == len(track.feed) - 1)
                for track in group
                for i, token in enumerate(track.feed)
            ]
            if not self._llama.decode(batch):
                for track in group:
                    self._decoder.close(track)
                continue
            self._decoder.counters.steps += 1
            last = -1
            for track in group:
                last += len(track.feed)
                found.append(self._llama.logits(last).copy())
                track.at += len(track.feed)
        return found


def _said(track: Track) -> str:
    return track.cursor.state.text().rstrip("; \n")
