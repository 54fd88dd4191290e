"""Turn a model's tokens into bytes, and text into tokens.

Invariant: text that comes from a person or a database is tokenised without special tokens, so that no
cell value can close a chat turn; and `continuation()` returns tokens whose bytes are exactly its text.
"""

from __future__ import annotations

import bisect
import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

from sqlagent.base.errors import ModelError
from sqlagent.llama.context import Llama

_NEVER = 1 | 2 | 8
"""Token attributes unknown, unused, control: such a token is never part of a statement."""
_USER_DEFINED = 16
_MARKUP = (b"<", b"[")


class Vocab:
    """Token tables of one model, filled as tokens are met (a full scan of 152k would cost 0.2 s)."""

    def __init__(self, llama: Llama) -> None:
        self._llama, self._vocab = llama, llama.vocab
        self.size = llama.n_vocab
        self._bytes: list[bytes | None] = [None] * self.size
        self._ends: dict[int, bool] = {}
        self._buffer = ctypes.create_string_buffer(512)
        self._sorted: tuple[list[bytes], list[int]] | None = None
        self._continuations: dict[bytes, tuple[int, ...]] = {}
        with llama.open() as lib:
            self.adds_bos = bool(lib.llama_vocab_get_add_bos(self._vocab))
            self.bos = int(lib.llama_vocab_bos(self._vocab))
            self.eos = int(lib.llama_vocab_eos(self._vocab))

    def bytes_of(self, token: int) -> bytes:
        """What a token adds to the text; b"" for control, unused and end-of-generation tokens."""
        known = self._bytes[token]
        if known is None:
            with self._llama.open() as lib:
                known = self._look_up(lib, token)
        return known

    def _look_up(self, lib: Any, token: int) -> bytes:
        found = self._bytes[token] = b"" if self._is_barred(lib, token) else self._piece(lib, token, False)
        return found

    def is_end(self, token: int) -> bool:
        """Whether a token ends the model's turn."""
        known = self._ends.get(token)
        if known is None:
            with self._llama.open() as lib:
                known = self._ends[token] = bool(lib.llama_vocab_is_eog(self._vocab, token))
        return known

    def _is_barred(self, lib: Any, token: int) -> bool:
        attributes = int(lib.llama_vocab_get_attr(self._vocab, token))
        if attributes & _NEVER or lib.llama_vocab_is_eog(self._vocab, token):
            return True
        # User-defined tokens are either plain text (runs of spaces) or chat markup ("<tool_call>").
        return bool(attributes & _USER_DEFINED) and self._piece(lib, token, False).startswith(_MARKUP)

    def piece(self, token: int, special: bool = False) -> bytes:
        """The bytes llama.cpp renders for a token; `special` shows control tokens as text."""
        if not 0 <= token < self.size:
            return b""
        with self._llama.open() as lib:
            return self._piece(lib, token, special)

    def _piece(self, lib: Any, token: int, special: bool) -> bytes:
        n = lib.llama_token_to_piece(self._vocab, token, self._buffer, len(self._buffer), 0, special)
        if n < 0:
            self._buffer = ctypes.create_string_buffer(-n)
            n = lib.llama_token_to_piece(self._vocab, token, self._buffer, -n, 0, special)
        return self._buffer.raw[: max(n, 0)]

    def tokenize(self, text: bytes, *, special: bool = False, bos: bool = False) -> list[int]:
        """Tokens of a text; `special` lets "<|im_end|>" be one token: only for template text."""
        if not text and not bos:
            return []
        capacity = len(text) + 8
        with self._llama.open() as lib:
            out = (lib.llama_token * capacity)()
            n = lib.llama_tokenize(self._vocab, text, len(text), out, capacity, bos, special)
            if n < 0:
                capacity = -n
                out = (lib.llama_token * capacity)()
                n = lib.llama_tokenize(self._vocab, text, len(text), out, capacity, bos, special)
        if n < 0:
            raise ModelError("the model's tokenizer cannot read the text.")
        tokens = list(out[:n])
        return tokens if special or len(text) < 2 else self._as_text(tokens)

    def _as_text(self, tokens: list[int]) -> list[int]:
        """Take apart what llama.cpp made one token although it is markup.

        It keeps control tokens out of plain text but not user-defined ones, such as "<tool_call>".
        """
        out: list[int] = []
        for token in tokens:
            markup = b"" if self.bytes_of(token) else self.piece(token, special=True)
            if len(markup) > 1 and markup.startswith(_MARKUP):
                out += self.tokenize(markup[:1]) + self.tokenize(markup[1:])
            else:
                out.append(token)
        return out

    def continuation(self, text: bytes) -> tuple[int, ...]:
        """Tokens that append exactly `text` to what was written before; () when there are none."""
        known = self._continuations.get(text)
        if known is None:
            if len(self._continuations) > 4096:
                self._continuations.clear()
            known = self._continuations[text] = self._continue(text)
        return known

    def _continue(self, text: bytes) -> tuple[int, ...]:
        tokens = self.tokenize(text)
        if self.text_of(tokens) == text:
            return tuple(tokens)
        # A sentencepiece vocabulary puts a space before the first word: hide it behind a line break.
        lead = self.tokenize(b"\n")
        tokens = self.tokenize(b"\n" + text)
        if tokens[: len(lead)] == lead and self.text_of(tokens[len(lead) :]) == text:
            return tuple(tokens[len(lead) :])
        out: list[int] = []
        rest = text
        while rest:
            token = next((t for _, t in self.prefixes(rest)), None)
            if token is None:
                return ()
            out.append(token)
            rest = rest[len(self.bytes_of(token)) :]
        return tuple(out)

    def text_of(self, tokens: Sequence[int]) -> bytes:
        """The bytes of several tokens in a row."""
        return b"".join([self.bytes_of(t) for t in tokens])

    def _table(self) -> tuple[list[bytes], list[int]]:
        """Every writable token, sorted by its bytes: made once, at the first need."""
        if self._sorted is None:
            with self._llama.open() as lib:  # once, and not for each of 150,000 tokens
                known = (self._bytes[t] or self._look_up(lib, t) for t in range(self.size))
                pairs = sorted((data, t) for t, data in enumerate(known) if data)
            self._sorted = [data for data, _ in pairs], [t for _, t in pairs]
        return self._sorted

    def prefixes(self, text: bytes) -> Iterator[tuple[bytes, int]]:
        """Tokens that are a prefix of `text`, the longest first."""
        keys, tokens = self._table()
        for size in range(min(len(text), 64), 0, -1):
            i = bisect.bisect_left(keys, text[:size])
            if i < len(keys) and keys[i] == text[:size]:
                yield keys[i], tokens[i]

    def starting(self, lead: bytes) -> Iterator[tuple[bytes, int]]:
        """Tokens whose bytes start with `lead`, in the order of their bytes."""
        keys, tokens = self._table()
        for i in range(bisect.bisect_left(keys, lead), len(keys)):
            if not keys[i].startswith(lead):
                return
            yield keys[i], tokens[i]
