"""Guess how a statement goes on, for the decoder to check in a batch that would have run anyway.

A llama.cpp batch of four tokens takes half as long again as one of a single token, so a guess that is right more often
than not is worth its rows (speculative decoding; Leviathan, Kalman and Matias, 2023). The guesses come from an n-gram
model of SQL's words, a ranking of the schema's names by the question, and the values that the question names.

Invariant: a draft never changes what is written. The decoder keeps a drafted token only where its own choice is that
very token, so a bad guess costs time and nothing else.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sqlagent.base import word_forms
from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema, fold
from sqlagent.decoding.draft_names import MOST_COLUMNS, NameRanker, Weights
from sqlagent.decoding.draft_ngrams import (
    COLUMN,
    END,
    NAMES,
    NUMBER,
    TABLE,
    TEXT,
    WORDS,
    NgramModel,
    Piece,
    pieces,
    start,
)
from sqlagent.decoding.layout import State
from sqlagent.linking.prompt import Hint
from sqlagent.sql.names import text_literal

FILE = "drafts.json"
"""The model that `python -m train drafts` makes, beside the registry."""
MOST_TOKENS = 7
MOST_BYTES = 24
"""Behind so much of a guess nothing more is guessed: it is worth as many tokens as are run at most times."""
LEAST_CHANCE = 0.08
"""Guesses less likely than this are not gone on from."""
HELD = 0.95
"""How often the model goes on with what the grammar nearly forces."""
STORED, QUOTED, NAMED, COPIED, ASKED = 0.85, 0.6, 0.4, 0.8, 0.6
"""How often a text is a stored value of its column that the question names, stands in quotation marks there, is a name
there, or goes on as the question does; and how often a number is the question's next one."""
ROWS = (0.0, 1.0, 1.38, 1.75, 1.48, 1.95, 2.28, 2.6, 2.72)
"""What a batch of so many rows takes, in times of a single one (`python -m bench batch`): the weights are multiplied
four rows at a time, and what is left over a row at a time."""
FOUR_MORE, ONE_MORE = 0.5, 0.3
"""What four rows above those take, and one that is left over."""
SAVED = 0.7
"""What a token that was drafted is worth, in the same times: later batches have more than one row, too."""


_NAMED = re.compile(r"\b[A-Z][\w.&-]*(?: [A-Z][\w.&-]*)*")
_WORD = re.compile(r"\w+|\W")
_NUMBERS = re.compile(r"\d+(?:\.\d+)?")
_FUNCTION = re.compile(r"[A-Z_]+\Z")


class TokenBytes(Protocol):
    """What is asked of a vocabulary."""

    def bytes_of(self, token: int) -> bytes: ...
    def continuation(self, text: bytes) -> tuple[int, ...]: ...
    def text_of(self, tokens: Sequence[int]) -> bytes: ...


class Draft(NamedTuple):
    """Tokens to try, and how likely each is to be kept, with all those before it."""

    tokens: list[int]
    chances: list[float]


@dataclass(frozen=True, slots=True)
class DraftModel:
    """What was learnt from statements: their words, and which names a question leads to."""

    skeleton: NgramModel
    weights: Weights


@functools.cache
def shipped() -> DraftModel | None:
    """The model that comes with the package; None where its file is missing or damaged: then nothing is drafted."""
    from sqlagent.store.registry import places_of

    for place in places_of(FILE):
        try:
            data = json.loads(place.read_text(encoding="utf-8"))
            return DraftModel(NgramModel.from_json(data["skeleton"]), data["names"])
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            continue
    return None


class Drafter:
    """Guesses for the statements that answer one question."""

    def __init__(self, model: DraftModel, schema: Schema, question: str, hints: Sequence[Hint] = ()) -> None:
        self._model, self._question, self._hints = model, question, hints
        few = sum(len(table.columns) for table in schema.tables) <= MOST_COLUMNS
        self._names = NameRanker(schema, question, hints) if few else None
        self._start = start(question)
        self._numbers = _NUMBERS.findall(question)
        self._texts = [(question[a:b], QUOTED) for a, b in word_forms.quotes(question)]
        self._texts += [(found, NAMED) for found in _NAMED.findall(question[1:])]

    def guess(self, sql: str, state: State) -> list[tuple[bytes, float]]:
        """What may follow a statement's text, piece by piece, each with the chance that all is right up to there.

        state: the grammar's behind that text.
        """
        before, begun = self._as_words(*pieces(sql))
        found: list[tuple[bytes, float]] = []
        chance = 1.0
        while sum(len(more) for more, _ in found) < MOST_BYTES:
            guessed = self._words(before, begun) if _wants_words(before) else self._name(before, begun)
            if guessed is None:
                break
            piece, likely = guessed
            chance *= likely
            if chance < LEAST_CHANCE:
                break
            ended = piece.kind == WORDS and piece.text.endswith(END)
            more = piece.text[len(begun) :].removesuffix(END if ended else "").encode()
            after = state.step(more)
            if after is None:
                break
            if more:
                found.append((more, chance))
            if ended or (piece.kind == TEXT and not piece.text.endswith("'")):
                break
            before, begun, state = [*before, piece], "", after
            if forced := state.forced():
                found.append((forced, chance))
                sql = "".join(piece.text for piece in before) + forced.decode("utf-8", "replace")
                before, begun = self._as_words(*pieces(sql))
                behind = state.step(forced)
                if behind is None:
                    break
                state = behind
        return found

    def _keys(self, before: Sequence[Piece]) -> list[str]:
        return [self._start, *(piece.key for piece in before)]

    def _as_words(self, before: list[Piece], begun: str) -> tuple[list[Piece], str]:
        """The same, but that a function's name that has been begun belongs to the words: `COUNT` of `COUNT(*)`."""
        if begun and before and before[-1].kind == WORDS and _FUNCTION.match(begun):
            words = before[-1].text + begun
            if any(key.startswith(words) for key in self._model.skeleton.chances(self._keys(before[:-1]))):
                return before[:-1], words
        return before, begun

    def _words(self, before: Sequence[Piece], begun: str) -> tuple[Piece, float] | None:
        """The likeliest words that go on from those begun."""
        chances = self._model.skeleton.chances(self._keys(before))
        able = {key: p for key, p in chances.items() if key.startswith(begun)}
        more = [key for key in able if key != begun + END]
        if not more:
            return None
        best = max(more, key=able.__getitem__)
        return Piece(WORDS, best), able[best] / sum(able.values())

    def _name(self, before: Sequence[Piece], begun: str) -> tuple[Piece, float] | None:
        """The likeliest name or value that goes on from the one begun."""
        chances = self._model.skeleton.chances(self._keys(before))
        kinds = sorted(_kinds_of(begun), key=lambda kind: -chances.get(kind, 0.0))
        for kind in kinds if begun else kinds[:1]:
            found = self._of_kind(kind, before, begun)
            if found is not None and found[0].lower().startswith(begun.lower()):
                return Piece(kind, found[0]), found[1] * (1.0 if begun else chances.get(kind, 0.0))
        return None

    def _of_kind(self, kind: str, before: Sequence[Piece], begun: str) -> tuple[str, float] | None:
        if kind in (TABLE, COLUMN):
            return self._names.best(before, kind, begun, self._model.weights) if self._names else None
        return self._number(before, begun) if kind == NUMBER else self._text(before, begun)

    def _number(self, before: Sequence[Piece], begun: str) -> tuple[str, float] | None:
        used = sum(piece.kind == NUMBER for piece in before)
        left = [number for number in self._numbers[used:] if number.startswith(begun)]
        return (left[0], ASKED) if left else None

    def _text(self, before: Sequence[Piece], begun: str) -> tuple[str, float] | None:
        """A text that the column before it is likely to be compared with."""
        column = next((fold(unquote(piece.text)) for piece in reversed(before) if piece.kind == COLUMN), "")
        used = {piece.text for piece in before if piece.kind == TEXT}
        stored = [
            (h.value, STORED) for h in self._hints if fold(h.column) == column and isinstance(h.value, str)
        ]
        for value, chance in (*stored, *self._texts):
            literal = text_literal(value)
            if literal.startswith(begun or "'") and literal not in used:
                return literal, max(chance, COPIED) if len(begun) > 1 else chance
        at = self._question.lower().find(begun[1:].lower()) if len(begun) > 2 else -1
        behind = _WORD.match(self._question, at + len(begun) - 1) if at >= 0 else None
        return (begun + behind[0], COPIED) if behind is not None else None


def _wants_words(before: Sequence[Piece]) -> bool:
    return not before or before[-1].kind != WORDS


def _kinds_of(begun: str) -> Sequence[str]:
    if not begun:
        return NAMES
    return (TEXT,) if begun[0] == "'" else (NUMBER,) if begun[0].isdigit() else (TABLE, COLUMN)


def draft(drafter: Drafter | None, state: State, sql: bytes, held: Sequence[int], vocab: TokenBytes) -> Draft:
    """What may follow a statement's text and the tokens `held`, which the grammar nearly forces behind it.

    The guess and what is held are one text, cut into tokens as the model would. state: the grammar's behind `sql`.
    """
    said = vocab.text_of(held)
    after = state.step(said)
    guessed: list[tuple[bytes, float]] = []
    if drafter is not None and after is not None:
        guessed = drafter.guess((sql + said).decode("utf-8", "replace"), after)
    if not guessed and not said[-1:].isalnum():
        return Draft([], [])
    ends = [(len(said), HELD)]
    for more, chance in guessed:
        said += more
        ends.append((len(said), chance))
    tokens, chances, at = list(vocab.continuation(said.rstrip(b" "))[:MOST_TOKENS]), [], 0
    for token in tokens:
        at += len(vocab.bytes_of(token))
        chances.append(next(chance for end, chance in ends if at <= end))
    return Draft(tokens, chances)


def cost(rows: int) -> float:
    """What a batch of so many rows takes, in times of a batch of one."""
    if rows < len(ROWS):
        return ROWS[rows]
    fours, ones = divmod(rows - len(ROWS) + 1, 4)
    return ROWS[-1] + FOUR_MORE * fours + ONE_MORE * ones


def worthwhile(sure: int, chances: Sequence[Sequence[float]]) -> list[int]:
    """How many tokens of each draft to run in a batch of `sure` other rows.

    chances: of each draft's tokens, falling. The likeliest come first, as many as gain most.
    """
    queue = sorted(((-p, n, i) for n, row in enumerate(chances) for i, p in enumerate(row)))
    taken, best, gain, most = [0] * len(chances), [0] * len(chances), 0.0, 0.0
    for more, (p, n, _) in enumerate(queue, 1):
        taken[n] += 1
        gain -= p * SAVED
        if gain - (cost(sure + more) - cost(sure)) > most:
            most, best = gain - (cost(sure + more) - cost(sure)), list(taken)
    return best
