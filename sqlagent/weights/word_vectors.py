"""How near in meaning two words are, from the word vectors that a GGUF model begins with.

Invariant: only the rows that are asked for are read. Cosines are taken after the mean of all vectors is
removed: without that every two words are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sqlagent.base.errors import ModelError
from sqlagent.weights.gguf_read import GgufFile

Floats = NDArray[np.float32]
Tokenize = Callable[[bytes], list[int]]

TENSOR = "token_embd.weight"
_MEAN_PARTS, _MEAN_ROWS = 32, 64
"""The mean is that of so many stretches of so many rows."""
_KEPT = 20_000


class Vectors:
    """The word vectors of one model file."""

    def __init__(self, path: str | Path, tokenize: Tokenize) -> None:
        """Open `path`; `tokenize` turns a text's bytes into the model's tokens. Raises ModelError."""
        self._tokenize = tokenize
        self._file = GgufFile(Path(path))
        self._file.fields.clear()  # the vocabulary is of no more use here
        tensor = self._file.tensors.get(TENSOR)
        if tensor is None or len(tensor.shape) != 2:
            raise ModelError(f"{Path(path).name} holds no word vectors: take another model.")
        self._rows, self._width = tensor.shape
        last = max(0, self._rows - _MEAN_ROWS)
        starts = sorted({last * part // (_MEAN_PARTS - 1) for part in range(_MEAN_PARTS)})
        stretches = [self._file.rows(TENSOR, at, min(self._rows, at + _MEAN_ROWS)) for at in starts]
        self._mean: Floats = np.concatenate(stretches).mean(axis=0, dtype=np.float32)
        self._known: dict[str, Floats] = {}

    def likeness(self, words: Sequence[str], others: Sequence[str]) -> Floats:
        """Cosines, (words, others): over 0.3 the two mean nearly the same, under 0.15 they share nothing."""
        found: Floats = self.of(words) @ self.of(others).T
        return found

    def knows(self, word: str) -> bool:
        """Whether the model has a token of its own for a word, as it has for common ones: "order", not "ordr"."""
        return any(len(self._tokenize(f" {form}".encode())) == 1 for form in (word, word.capitalize()))

    def of(self, words: Sequence[str]) -> Floats:
        """A unit vector for each word, (words, width); a word of several tokens has their mean."""
        empty = np.zeros((0, self._width), np.float32)
        return np.stack([self._of(word) for word in words]) if words else empty

    def _of(self, word: str) -> Floats:
        known = self._known.get(word)
        if known is None:
            tokens = [token for token in self._tokenize(f" {word}".encode()) if 0 <= token < self._rows]
            known = np.zeros(self._width, np.float32)
            if tokens:
                rows = np.concatenate([self._file.rows(TENSOR, token, token + 1) for token in tokens])
                known = (rows - self._mean).mean(axis=0)
                size = float(np.linalg.norm(known))
                known = known / np.float32(size) if size > 0 else known
            if len(self._known) < _KEPT:
                self._known[word] = known
        return known
