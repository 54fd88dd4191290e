"""Promises of the tokenizer conversion: llama.cpp cuts text into the ids that the tokenizer itself gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gguf", reason="the convert extra is not installed")

import convert_tiny as tiny

from convert import gguf, tokenizer
from sqlagent.base.errors import ModelError
from sqlagent.base.progress import Progress
from sqlagent.llama.context import Llama
from sqlagent.llama.vocab import Vocab
from sqlagent.weights.gguf_read import GgufFile

QUIET = Progress(quiet=True)


def ids_of(path: Path) -> Any:
    """A function from text to llama.cpp's token ids, with what the file says is added."""
    llama = Llama(path, n_ctx=64, n_seq=1, threads=1)
    vocab = Vocab(llama)

    def ids(text: str) -> list[int]:
        raw = text.encode()
        return list(vocab.tokenize(raw, special=True, bos=True)) if raw or vocab.adds_bos else []

    return ids


def corpus() -> Iterator[str]:
    """Text to learn merges from: the hard texts and much SQL."""
    for _ in range(20):
        yield from tiny.HARD
    for i in range(300):
        yield f"SELECT name, COUNT(*) FROM city WHERE population > {i * 37} GROUP BY name ORDER BY 2 DESC"


def trained(pre: str, *, bos: bool = False) -> dict[str, Any]:
    """A tokenizer.json with merges that `tokenizers` learnt, and the tiny one's special tokens."""
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed (extra train)")
    empty = tiny.tokenizer_json(pre, tokens=list(tiny_bytes()), merges=[]) | {"added_tokens": []}
    learner = tokenizers.Tokenizer.from_str(json.dumps(empty))
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=1500, initial_alphabet=sorted(tiny_bytes()), show_progress=False
    )
    learner.train_from_iterator(corpus(), trainer)
    learnt = json.loads(learner.to_str())["model"]
    tokens = sorted(learnt["vocab"], key=learnt["vocab"].get)
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in learnt["merges"]]
    return tiny.tokenizer_json(pre, tokens=tokens, merges=merges, bos=bos)


def tiny_bytes() -> list[str]:
    from tiny_gguf import byte_letters

    return [byte_letters()[value] for value in range(256)]


@pytest.mark.parametrize("pre", tiny.PRE_TOKENIZERS)
def test_ids_equal_those_of_tokenizers(tmp_path: Path, pre: str) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed (extra train)")
    spec = trained(pre, bos=pre == "llama-bpe")
    folder = tiny.hf_folder(tmp_path / "hf", "qwen2" if pre == "qwen2" else "llama", tokenizer=spec)
    gguf.convert(folder, tmp_path / "out.gguf", progress=QUIET)
    assert GgufFile(tmp_path / "out.gguf").get("tokenizer.ggml.pre") == pre
    reference = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    ours = ids_of(tmp_path / "out.gguf")
    for text in tiny.HARD:
        assert ours(text) == reference.encode(text).ids, text
    longer = "\n".join(tiny.HARD)
    assert ours(longer) == reference.encode(longer).ids


@pytest.mark.parametrize("pre", ["qwen2", "llama-bpe"])
def test_ids_equal_those_of_transformers(tmp_path: Path, pre: str) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed (extra train)")
    spec = trained(pre, bos=pre == "llama-bpe")
    folder = tiny.hf_folder(tmp_path / "hf", "qwen2" if pre == "qwen2" else "llama", tokenizer=spec)
    gguf.convert(folder, tmp_path / "out.gguf", progress=QUIET)
    reference, ours = transformers.AutoTokenizer.from_pretrained(folder), ids_of(tmp_path / "out.gguf")
    for text in tiny.HARD:
        assert ours(text) == reference(text).input_ids, text


def test_a_sentencepiece_tokenizer_becomes_scores(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed (extra train)")
    spec = sentencepiece()
    folder = tiny.hf_folder(tmp_path / "hf", "llama", tokenizer=spec, bos_token_id=1, eos_token_id=2)
    gguf.convert(folder, tmp_path / "out.gguf", progress=QUIET)
    file = GgufFile(tmp_path / "out.gguf")
    assert file.get("tokenizer.ggml.model") == "llama"
    reference, ours = (
        tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")),
        ids_of(tmp_path / "out.gguf"),
    )
    for text in tiny.HARD:
        if text and "\x00" not in text:
            assert ours(text) == reference.encode(text).ids, text
    spec["model"]["merges"] = spec["model"]["merges"][1:]
    with pytest.raises(ModelError, match="do not come from SentencePiece"):
        gguf.convert(
            tiny.hf_folder(tmp_path / "bad", "llama", tokenizer=spec), tmp_path / "no.gguf", progress=QUIET
        )


def sentencepiece() -> dict[str, Any]:
    """A Llama-2-like tokenizer: bytes as fallback, ▁ for a blank, merges in the order of scores."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{value:02X}>" for value in range(256))]
    words = ["▁SELECT", "▁FROM", "▁WHERE", "▁name", "▁COUNT", "▁the", "▁a", "▁café", "日本", "▁▁", "▁▁▁▁"]
    grown = [word[:end] for word in words for end in range(2, len(word) + 1)]
    pieces += list(
        dict.fromkeys(
            [*grown, *sorted({c for text in [*words, *tiny.HARD] for c in text if c.isalpha()}), "▁"]
        )
    )
    vocab = {piece: i for i, piece in enumerate(pieces)}
    merges = [
        [piece[:cut], piece[cut:]]
        for piece in pieces[259:]
        for cut in range(1, len(piece))
        if piece[:cut] in vocab and piece[cut:] in vocab
    ]
    spec = tiny.tokenizer_json("gpt-2")
    spec["added_tokens"] = [
        {
            "id": i,
            "content": pieces[i],
            "special": True,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
        }
        for i in range(3)
    ]
    spec["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ],
    }
    spec["pre_tokenizer"] = spec["post_processor"] = None
    spec["decoder"] = {"type": "ByteFallback"}
    spec["model"] |= {
        "unk_token": "<unk>",
        "fuse_unk": True,
        "byte_fallback": True,
        "vocab": vocab,
        "merges": merges,
    }
    return spec


def test_token_types_say_what_is_special(tmp_path: Path) -> None:
    folder = tiny.hf_folder(tmp_path / "hf", pad_rows=3)
    spec = json.loads((folder / "tokenizer.json").read_text())
    ids = {token["content"]: token["id"] for token in spec["added_tokens"]}
    rows = max(ids.values()) + 1 + 3
    fields = tokenizer.fields(folder, rows)
    types, tokens = fields["tokenizer.ggml.token_type"].value, fields["tokenizer.ggml.tokens"].value
    assert types[0] == 1
    assert types[ids["<|im_end|>"]] == 3
    assert types[ids["</tool_call>"]] == 4
    assert types[-3:] == [5, 5, 5] and len(set(tokens)) == len(tokens) == rows
    assert fields["tokenizer.ggml.eos_token_id"].value == ids["<|im_end|>"]
    assert fields["tokenizer.ggml.padding_token_id"].value == ids["<|endoftext|>"]


def test_a_leading_token_is_added_when_the_tokenizer_adds_one(tmp_path: Path) -> None:
    for name, bos in (("with", True), ("without", False)):
        folder = tiny.hf_folder(tmp_path / name, tokenizer=tiny.tokenizer_json(bos=bos))
        assert tokenizer.fields(folder, 900)["tokenizer.ggml.add_bos_token"].value is bos


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": {"type": "Unigram", "vocab": []}}, "of type Unigram: only BPE"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "cuts text in a way that is not known.*qwen2"),
        ({"normalizer": {"type": "Lowercase"}}, r"normalises text \(Lowercase\)"),
        ({"added_tokens": [{"id": 800, "content": "SELECT", "special": True}]}, "two tokens 'SELECT'"),
        # tokenizers 0.23.3 numbers an added token so, where a vocabulary's ids have gaps
        ({"added_tokens": [{"id": 65, "content": "<new>", "special": True}]}, "and '<new>' one id, 65"),
        ({"pre_tokenizer": tiny.PRE_TOKENIZERS["gpt-2"] | {"add_prefix_space": True}}, "not known"),
    ],
)
def test_a_tokenizer_that_llama_cpp_cannot_follow_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    folder = tiny.hf_folder(tmp_path / "hf")
    spec = json.loads((folder / "tokenizer.json").read_text()) | change
    (folder / "tokenizer.json").write_text(json.dumps(spec))
    with pytest.raises(ModelError, match=words):
        tokenizer.fields(folder, 900)


def test_a_tokenizer_without_an_end_is_refused(tmp_path: Path) -> None:
    folder = tiny.hf_folder(tmp_path / "hf")
    for name in ("tokenizer_config.json", "config.json"):
        kept = {
            k: v for k, v in json.loads((folder / name).read_text()).items() if not k.startswith("eos_token")
        }
        (folder / name).write_text(json.dumps(kept))
    with pytest.raises(ModelError, match="which token ends an answer"):
        tokenizer.fields(folder, 900)
