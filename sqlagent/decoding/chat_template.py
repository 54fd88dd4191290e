"""Turn a `Prompt` into tokens through the GGUF's own chat template.

Invariant: only the template's own text may hold special tokens. Contents are put in as placeholders,
the rendered text is cut at them, and each content is tokenised as plain text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlagent.base.errors import ModelError
from sqlagent.linking.prompt import Prompt
from sqlagent.llama.context import Llama
from sqlagent.llama.vocab import Vocab

SYSTEM, USER = "Xq7SYSTEMq7X", "Xq7USERq7X"
_PLAIN = f"{SYSTEM}\n\n### Input\n{USER}\n\n### Response\n"


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A prompt's tokens: up to `opening` the same for every database, up to `prefix` for every question.

    From `answer` on they are what the reply opens with. `lines` are the places before the ends of the schema's lines:
    another schema that begins with the same lines has the same tokens up to there. The last one is `prefix`.
    """

    ids: tuple[int, ...]
    opening: int
    prefix: int
    answer: int
    lines: tuple[int, ...] = ()


class ChatTemplate:
    """Renders prompts for one model."""

    def __init__(self, llama: Llama, vocab: Vocab) -> None:
        self._vocab = vocab
        bos = vocab.piece(vocab.bos, special=True).decode("utf-8", "replace") if vocab.bos >= 0 else ""
        eos = vocab.piece(vocab.eos, special=True).decode("utf-8", "replace") if vocab.eos >= 0 else ""
        self._pieces = pieces(partial(_rendered, llama.chat_template(), bos, eos))

    def tokens(self, prompt: Prompt) -> PromptTokens:
        """Tokens of a prompt: template pieces with special tokens, contents without."""
        vocab = self._vocab
        ids: list[int] = []
        lines: list[int] = []
        opening = prefix = 0
        for piece in self._pieces:
            if piece == SYSTEM:
                ids += vocab.tokenize(prompt.system.encode("utf-8", "replace"))
            elif piece == USER:
                opening = len(ids)
                ids += vocab.tokenize(prompt.context.encode("utf-8", "replace"))
                broken = [b"\n" in vocab.bytes_of(token) for token in ids]
                lines = [
                    i for i in range(opening, len(ids)) if broken[i] and not (i > opening and broken[i - 1])
                ]
                prefix = lines[-1] if lines else len(ids)
                ids += vocab.tokenize(prompt.request.encode("utf-8", "replace"))
            else:
                ids += vocab.tokenize(piece.encode("utf-8", "replace"), special=True)
        answer = len(ids)
        ids += vocab.tokenize(prompt.answer.encode("utf-8", "replace"))
        if vocab.adds_bos and vocab.bos >= 0 and ids[:1] != [vocab.bos]:
            ids.insert(0, vocab.bos)
            opening, prefix, answer = opening + 1, prefix + 1, answer + 1
            lines = [place + 1 for place in lines]
        return PromptTokens(tuple(ids), opening, prefix, answer, tuple(lines))


Messages = list[dict[str, str]]


def pieces(render: Callable[[Messages], str]) -> list[str]:
    """What a template writes around SYSTEM and USER, which stand for the contents and are pieces of their own.

    render: a conversation as the template writes it; "" where it cannot. A template without a system role gets both in
    one message; one that loses either is not used.
    """
    apart = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}]
    merged = [{"role": "user", "content": f"{SYSTEM}\n\n{USER}"}]
    for messages in (apart, merged):
        text = render(messages)
        if text.count(SYSTEM) == 1 and text.count(USER) == 1 and text.index(SYSTEM) < text.index(USER):
            return _split(text)
    return _split(_PLAIN)


def _rendered(template: str, bos: str, eos: str, messages: Messages) -> str:
    """Run somebody else's jinja in a sandbox; "" when it fails (no system role, unknown filter), or there is none."""
    if not template:
        return ""
    try:
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter
    except ImportError as exc:
        raise ModelError("llama-cpp-python lacks its chat formatter: reinstall it.") from exc
    any_messages: Any = messages
    try:
        return str(Jinja2ChatFormatter(template, eos, bos)(messages=any_messages).prompt)
    except Exception:  # jinja, or whatever the template's own code raised: it is not ours
        return ""


def _split(text: str) -> list[str]:
    """The rendered text cut at its placeholders, which stay as pieces of their own."""
    before, rest = text.split(SYSTEM, 1)
    between, after = rest.split(USER, 1)
    return [piece for piece in (before, SYSTEM, between, USER, after) if piece]
