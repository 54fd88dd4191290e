"""Questions with their SQL as token sequences, made by the very code that asks questions at run time."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import SqlagentError, UsageError

if TYPE_CHECKING:
    from sqlagent.database.schema import Schema


@dataclass(frozen=True, slots=True)
class Sample:
    """Tokens of a prompt and its statement; `ids[answer:]` is the statement with the end of the turn."""

    ids: tuple[int, ...]
    answer: int


def load(
    model: Path, data: Path, split: str, *, limit: int, seed: int = 0, n_ctx: int = 2048
) -> list[Sample]:
    """`limit` questions of a data set (see bench/gold/datasets.py) as tokens of `model`, those that fit n_ctx.

    Raises UsageError when there are none.
    """
    from bench.gold import datasets
    from bench.predict import Place
    from sqlagent.decoding.chat_template import ChatTemplate
    from sqlagent.llama.context import Llama
    from sqlagent.llama.vocab import Vocab

    llama = Llama(model, n_ctx=64, n_seq=1, n_batch=64)
    try:
        vocab = Vocab(llama)
        chat = ChatTemplate(llama, vocab)
        found: list[Sample] = []
        for question in datasets.sample(datasets.load(datasets.split_file(data, split), split), limit, seed):
            try:
                place = Place(question)
                asked, _ = place.ask(question.question)
            except SqlagentError:
                continue  # a database that cannot be read has no prompt
            before = chat.tokens(asked).ids
            after = [*vocab.tokenize(f"{_canonical(question.gold, place.schema)}\n```".encode()), vocab.eos]
            if len(before) + len(after) <= n_ctx:
                found.append(Sample((*before, *after), len(before)))
    finally:
        llama.close()
    if not found:
        raise UsageError(f"No question of {data} fits {n_ctx} tokens: give a larger --n-ctx or other data.")
    return found


def _canonical(sql: str, shown: Schema) -> str:
    """The form that the grammar writes; a statement outside the grammar as it is."""
    from bench.gold.canonical import CanonicalError, canonicalise

    try:
        return canonicalise(sql, shown)
    except CanonicalError:  # its words will do
        return sql


def total(samples: Sequence[Sample]) -> int:
    """Tokens in all samples."""
    return sum(len(sample.ids) for sample in samples)


def data_name(data: Path) -> str:
    """What a data set is called in metadata: its last name, never its place."""
    return data.resolve().stem


def bar(label: str, tokens: int, *, quiet: bool) -> Any:
    """A progress bar on stderr that counts tokens; in a log it speaks up every half minute."""
    from tqdm import tqdm

    pause = 0.1 if sys.stderr.isatty() else 30.0
    return tqdm(
        desc=label,
        total=tokens,
        unit=" tokens",
        disable=quiet,
        file=sys.stderr,
        mininterval=pause,
        leave=False,
    )
