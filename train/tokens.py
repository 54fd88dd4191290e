"""Prompts and SQL as token ids, laid out exactly as the runtime lays them out.

Invariant: for a GGUF, the ids come from the runtime's own code (`decoding.chat_template`, `llama.vocab`) and
llama.cpp's tokenizer. Hugging Face's conversion of a GGUF tokenizer is not used: it loses the
pre-tokenizer, so that SmolLM2 reads "count(*)  >=  3" differently from what it will meet when it runs."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sqlagent.base.errors import ModelError

if TYPE_CHECKING:
    from sqlagent.linking.prompt import Prompt

Ids = np.ndarray
"""int32 [n]"""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One training row: prefix + request is the prompt, target is what to learn."""

    prefix: Ids
    request: Ids
    target: Ids


class Tokens(Protocol):
    """What training needs of a tokenizer."""

    name: str
    eos: int

    def prompt(self, prompt: Prompt) -> tuple[list[int], int]:
        """The prompt's ids, and how many of them depend on the schema alone."""
        ...

    def plain(self, text: str) -> list[int]:
        """Ids of a text in which nothing is a special token."""
        ...

    def text(self, ids: list[int]) -> str:
        """What ids stand for, special tokens shown."""
        ...


def encode(tokens: Tokens, prompt: Prompt, sql: str) -> Encoded:
    """Encode a row; the target is what is left of the statement, and the end of the turn.

    The prompt already opens the answer ("```sql\\n"); where that opening holds the statement's first word
    too, the word is not learnt."""
    ids, cut = tokens.prompt(prompt)
    given = max((n for n in range(len(sql) + 1) if prompt.answer.endswith(sql[:n])), default=0)
    target = [*tokens.plain(sql[given:]), tokens.eos]
    return Encoded(np.array(ids[:cut], np.int32), np.array(ids[cut:], np.int32), np.array(target, np.int32))


class GgufTokens:
    """llama.cpp's tokenizer of a GGUF, through the runtime's own layout."""

    def __init__(self, path: Path) -> None:
        from sqlagent.decoding.chat_template import ChatTemplate
        from sqlagent.llama.vocab import Vocab

        self._file = _VocabOnly(path)
        self._vocab = Vocab(self._file)  # type: ignore[arg-type]
        self._chat = ChatTemplate(self._file, self._vocab)  # type: ignore[arg-type]
        self.name = path.name
        self.eos = self._vocab.eos

    def prompt(self, prompt: Prompt) -> tuple[list[int], int]:
        found = self._chat.tokens(prompt)
        return list(found.ids), found.prefix

    def plain(self, text: str) -> list[int]:
        return self._vocab.tokenize(text.encode("utf-8", "replace"))

    def text(self, ids: list[int]) -> str:
        return b"".join(self._vocab.piece(int(i), special=True) for i in ids).decode("utf-8", "replace")


class _VocabOnly:
    """The part of a GGUF that tokenising needs: loads in milliseconds and holds no weights."""

    def __init__(self, path: Path) -> None:
        from sqlagent.llama.context import check_gguf, library

        check_gguf(path)
        self.lib = library()
        params = self.lib.llama_model_default_params()
        params.vocab_only = True
        params.n_gpu_layers = 0
        self._model = self.lib.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            raise ModelError(f"llama.cpp cannot read the vocabulary of {path.name}.")
        self.vocab = self.lib.llama_model_get_vocab(self._model)
        self.n_vocab = int(self.lib.llama_vocab_n_tokens(self.vocab))

    def open(self) -> contextlib.AbstractContextManager[Any]:
        """llama.cpp's functions; nobody closes this one."""
        return contextlib.nullcontext(self.lib)

    def chat_template(self) -> str:
        raw = self.lib.llama_model_chat_template(self._model, None)
        return raw.decode("utf-8", "replace") if raw else ""


class HubTokens:
    """A Hugging Face tokenizer with a chat template; llama.cpp is not needed."""

    def __init__(self, source: str, tokenizer: Any = None) -> None:
        from sqlagent.decoding.chat_template import pieces

        if tokenizer is None:
            from transformers import AutoTokenizer

            try:
                tokenizer = AutoTokenizer.from_pretrained(source)
            except (OSError, ValueError) as error:
                raise ModelError(
                    f"Cannot load the tokenizer of {source}: {str(error).splitlines()[0]}"
                ) from error
        self._tokenizer = tokenizer
        self.name = source
        self.eos = tokenizer.eos_token_id
        self._pieces = pieces(self._rendered)

    def _rendered(self, messages: list[dict[str, str]]) -> str:
        """A conversation as the model's template writes it; "" where it has none, or one that refuses a system turn."""
        from jinja2 import TemplateError

        try:
            return str(
                self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            )
        except (ValueError, TypeError, OverflowError, TemplateError):
            return ""

    def _special(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []

    def prompt(self, prompt: Prompt) -> tuple[list[int], int]:
        from sqlagent.decoding.chat_template import SYSTEM, USER

        ids: list[int] = []
        cut = 0
        for piece in self._pieces:
            if piece == SYSTEM:
                ids += self.plain(prompt.system)
            elif piece == USER:
                ids += self.plain(prompt.context)
                cut = len(ids)
                ids += self.plain(prompt.request)
            else:
                ids += self._special(piece)
        return ids + self.plain(prompt.answer), cut

    def plain(self, text: str) -> list[int]:
        if not text:
            return []
        found = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        ids: list[int] = found["input_ids"]
        return ids

    def text(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids))


def digest(tokens: Tokens) -> str:
    """What tells two tokenizers apart, the first 16 digits of a sha256 (hex).

    It is of ids that they give, since the same one goes by several names: a GGUF's and a hub folder's are one.
    """
    from sqlagent.linking.prompt import Prompt

    asked = Prompt(system=_PROBE, context=_PROBE, request=_PROBE, answer="```sql\nSELECT ")
    ids, cut = tokens.prompt(asked)
    parts = (*ids, cut, *tokens.plain(_PROBE), tokens.eos)
    return hashlib.sha256(",".join(map(str, parts)).encode()).hexdigest()[:16]


_PROBE = "SELECT count(*)  >=  3.14159, 'naïve — 東京' FROM T1 WHERE zweiundvierzig != \"Straße\";\n\t-- 20240503\n"
"""Words, digits, blanks and letters that tokenizers cut at different places."""


def load(source: str) -> Tokens:
    """The tokenizer of a model: llama.cpp's for a .gguf file, Hugging Face's for a folder or a hub name."""
    return GgufTokens(Path(source)) if source.endswith(".gguf") else HubTokens(source)
