"""A Hugging Face tokenizer as llama.cpp reads it: tokens, merges or scores, pre-tokenizer, special tokens.

Invariant: llama.cpp cuts text the way the tokenizer does, or the tokenizer is refused. One difference is
known and accepted: llama.cpp does not normalise to NFC as Qwen2's tokenizer does, so text with combining
marks apart from their letters may be cut otherwise.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
from gguf import GGUFValueType, TokenType

from sqlagent.base.errors import ModelError
from sqlagent.weights.gguf_read import Value
from sqlagent.weights.gguf_write import flag, text, texts, uint
from sqlagent.weights.safetensors import read_json

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PRE: dict[tuple[Any, ...], str] = {
    (("split", _WORDS % r"\p{N}"), ("bytes", False)): "qwen2",
    (("split", _WORDS % r"\p{N}{1,3}"), ("bytes", False)): "llama-bpe",
    (("digits", True), ("bytes", True)): "smollm",
    (("bytes", True),): "gpt-2",
}
"""How text is cut before merging, by llama.cpp's name for it."""
SPECIAL = ("bos", "eos", "unk", "sep", "pad", "eot", "eom")


def fields(folder: Path, rows: int) -> dict[str, Value]:
    """The tokenizer's GGUF metadata for a model whose embedding has `rows` rows. Raises ModelError."""
    _check_kind(folder)
    tokenizer = read_json(folder / "tokenizer.json")
    model = tokenizer.get("model") or {}
    if model.get("type", "BPE") != "BPE" or "merges" not in model:
        raise ModelError(
            f"The tokenizer is of type {model.get('type')}: only BPE tokenizers can be converted."
        )
    found = _sentencepiece(tokenizer) if model.get("byte_fallback") else _byte_level(tokenizer)
    tokens, types = _tokens(tokenizer, rows, sentencepiece=bool(model.get("byte_fallback")))
    found["tokenizer.ggml.tokens"] = texts(tokens)
    found["tokenizer.ggml.token_type"] = Value(types, GGUFValueType.ARRAY, GGUFValueType.INT32)
    if model.get("byte_fallback"):
        scores = _scores(model, tokens, types)
        found["tokenizer.ggml.scores"] = Value(scores, GGUFValueType.ARRAY, GGUFValueType.FLOAT32)
    return found | _special(folder, tokenizer, rows)


def _check_kind(folder: Path) -> None:
    """Raise ModelError for a folder whose tokenizer is there in another form than tokenizer.json alone."""
    if (folder / "tokenizer.json").is_file():
        return
    for file, kind in (("tekken.json", "Mistral's Tekken"), ("tokenizer.model", "a SentencePiece model")):
        if (folder / file).is_file():
            raise ModelError(
                f"{folder} has its tokenizer as {kind} ({file}) and no tokenizer.json: make one with transformers "
                "(AutoTokenizer.from_pretrained, then save_pretrained), and look at what it writes."
            )


def steps(part: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """A pre-tokenizer as a flat tuple that can be looked up in PRE."""
    if part is None:
        return ()
    kind = part.get("type")
    if kind == "Sequence":
        return tuple(step for inner in part["pretokenizers"] for step in steps(inner))
    if kind == "Split" and part.get("behavior") == "Isolated" and not part.get("invert"):
        return (("split", part["pattern"].get("Regex")),)
    if kind == "Digits":
        return (("digits", bool(part.get("individual_digits"))),)
    if kind == "ByteLevel" and not part.get("add_prefix_space"):
        return (("bytes", bool(part.get("use_regex", True))),)
    return ((str(kind), json.dumps(part, sort_keys=True)),)


def _byte_level(tokenizer: Mapping[str, Any]) -> dict[str, Value]:
    normalizer = tokenizer.get("normalizer")
    pre = PRE.get(steps(tokenizer.get("pre_tokenizer")))
    if pre is None:
        raise ModelError(
            f"The tokenizer cuts text in a way that is not known here: {', '.join(PRE.values())} "
            "and SentencePiece are supported."
        )
    kinds = [
        part.get("type") for part in (normalizer or {}).get("normalizers", [normalizer] if normalizer else [])
    ]
    if any(kind != "NFC" for kind in kinds):
        raise ModelError(
            f"The tokenizer normalises text ({', '.join(map(str, kinds))}), which llama.cpp does not do."
        )
    if tokenizer["model"].get("ignore_merges") and pre != "llama-bpe":
        raise ModelError(
            f"The tokenizer ignores its merges for whole words, which llama.cpp does not do for {pre}."
        )
    merges = [pair.split(" ", 1) if isinstance(pair, str) else pair for pair in tokenizer["model"]["merges"]]
    return {
        "tokenizer.ggml.model": text("gpt2"),
        "tokenizer.ggml.pre": text(pre),
        "tokenizer.ggml.merges": texts([f"{left} {right}" for left, right in merges]),
    }


def _sentencepiece(tokenizer: Mapping[str, Any]) -> dict[str, Value]:
    normalizer, before = tokenizer.get("normalizer"), tokenizer.get("pre_tokenizer")
    parts = (normalizer or {}).get("normalizers", [normalizer] if normalizer else [])
    kinds = [part.get("type") for part in parts]
    if before is not None and before.get("type") != "Metaspace" or set(kinds) - {"Prepend", "Replace"}:
        raise ModelError(
            "The tokenizer changes text before cutting it in a way that llama.cpp does not know."
        )
    prefix = "Prepend" in kinds or (before or {}).get("prepend_scheme", "never") in ("first", "always")
    return {
        "tokenizer.ggml.model": text("llama"),
        "tokenizer.ggml.pre": text("default"),
        "tokenizer.ggml.add_space_prefix": flag(prefix),
    }


def _tokens(tokenizer: Mapping[str, Any], rows: int, *, sentencepiece: bool) -> tuple[list[str], list[int]]:
    """A text and a type for every row of the embedding; rows without a token are padding."""
    vocab: dict[str, int] = tokenizer["model"]["vocab"]
    added = tokenizer.get("added_tokens") or []
    highest = max([*vocab.values(), *(token["id"] for token in added)], default=-1)
    if highest >= rows:
        raise ModelError(
            f"The tokenizer has {highest + 1} tokens, but the model has embeddings for {rows}: "
            "they do not belong together."
        )
    tokens = [f"[PAD{index}]" for index in range(rows)]
    types = [int(TokenType.UNUSED)] * rows
    unknown = tokenizer["model"].get("unk_token")
    for token, index in vocab.items():
        tokens[index], types[index] = token, int(TokenType.NORMAL)
        if sentencepiece and len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
            types[index] = int(TokenType.BYTE)
    for token in added:
        if types[token["id"]] != TokenType.UNUSED and tokens[token["id"]] != token["content"]:
            raise ModelError(  # tokenizers gives an id of its own count, taken or not, where ids have gaps
                f"The tokenizer gives {tokens[token['id']]!r} and {token['content']!r} one id, {token['id']}: "
                "a model file holds one token for each, so number the added token anew."
            )
        tokens[token["id"]] = token["content"]
        types[token["id"]] = int(TokenType.CONTROL if token.get("special") else TokenType.USER_DEFINED)
    if sentencepiece and unknown in vocab:
        types[vocab[unknown]] = int(TokenType.UNKNOWN)
    if len(set(tokens)) != rows:  # llama.cpp would end the process
        twice = next(token for index, token in enumerate(tokens) if token in tokens[:index])
        raise ModelError(f"The tokenizer has two tokens {twice!r}, which llama.cpp cannot tell apart.")
    return tokens, types


def _scores(model: Mapping[str, Any], tokens: list[str], types: list[int]) -> list[float]:
    """SentencePiece scores that order merges as the merge list does.

    llama.cpp joins two neighbours whenever their join is a token, best score first; that is the same as a
    merge list only when the list has every such pair, those that make one token together. Raises ModelError.
    """
    vocab = model["vocab"]
    merges = [tuple(pair.split(" ", 1)) if isinstance(pair, str) else tuple(pair) for pair in model["merges"]]
    made = ["".join(pair) for pair in merges]
    ranks: dict[str, int] = {}
    for rank, token in enumerate(made):
        if token in ranks and made[rank - 1] != token:
            raise ModelError(
                "The tokenizer's merges are not in SentencePiece's order: it cannot be converted."
            )
        ranks.setdefault(token, rank)
    known = set(merges)
    for token in (token for token, kind in zip(tokens, types, strict=True) if kind == TokenType.NORMAL):
        for cut in range(1, len(token)):
            if token[:cut] in vocab and token[cut:] in vocab and (token[:cut], token[cut:]) not in known:
                raise ModelError(
                    "The tokenizer's merges do not come from SentencePiece: it cannot be converted."
                )
    worst = -float(len(merges) + 1)
    return [
        -float(ranks[token]) if token in ranks else (0.0 if len(token) == 1 else worst) for token in tokens
    ]


def _special(folder: Path, tokenizer: Mapping[str, Any], rows: int) -> dict[str, Value]:
    """Ids of special tokens, whether they are added, and the chat template."""
    logging.getLogger("gguf").setLevel(logging.ERROR)
    special = gguf.SpecialVocab(folder, special_token_types=SPECIAL, n_vocab=rows)
    keys = {"unk": "unknown", "pad": "padding", "sep": "seperator"}  # llama.cpp's spelling
    found = {
        f"tokenizer.ggml.{keys.get(name, name)}_token_id": uint(index)
        for name, index in special.special_token_ids.items()
    }
    if "tokenizer.ggml.eos_token_id" not in found:
        raise ModelError(
            f"{folder} does not say which token ends an answer (eos_token): complete tokenizer_config.json."
        )
    added = {name: bool(special.add_special_token.get(name)) for name in ("bos", "eos")}
    if template := _template(tokenizer.get("post_processor")):
        # The template is what the tokenizer does; tokenizer_config.json says what it once was told to do.
        added = {"bos": template[0] != "A", "eos": template[-1] != "A"}
    found |= {f"tokenizer.ggml.add_{name}_token": flag(value) for name, value in added.items()}
    chat = special.chat_template
    if isinstance(chat, list):
        chat = next((item["template"] for item in chat if item.get("name") == "default"), None)
    if chat:
        found["tokenizer.chat_template"] = text(str(chat))
    return found


def _template(processor: Mapping[str, Any] | None) -> list[str]:
    """What a TemplateProcessing puts around a text: its special tokens, with "A" for the text itself."""
    for part in (processor or {}).get("processors", [processor] if processor else []):
        if part.get("type") == "TemplateProcessing":
            pieces = part.get("single", [])
            return [p["SpecialToken"]["id"] if "SpecialToken" in p else p["Sequence"]["id"] for p in pieces]
    return []
