"""The question under a statement: its probability is the model's own, whatever else runs beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sqlagent.base.errors import Cancelled
from sqlagent.database.schema import Column, Schema, Table
from sqlagent.decoding import read_back
from sqlagent.decoding.chat_template import ChatTemplate
from sqlagent.decoding.model import Model
from sqlagent.linking.prompt import ANSWER, RETELL, Prompt, Turn, build, reading_back
from sqlagent.llama.context import Llama
from sqlagent.llama.vocab import Vocab
from tests.tiny_gguf import make_gguf
from tests.toys import Sums

SCHEMA = Schema("s.db", (Table("Album", "table", (Column("Id", "INT", pk=1), Column("Title", "TEXT"))),))
ASKED = build(SCHEMA, "How many different titles?", history=[Turn("All albums", "SELECT * FROM Album")])
STATEMENTS = [
    "SELECT COUNT(*) FROM Album",
    "SELECT COUNT(DISTINCT Title) FROM Album",
    "SELECT Title FROM Album WHERE Title LIKE '%x%'",
    "SELECT COUNT(Id) FROM Album",
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gguf(tmp_path_factory.mktemp("gguf") / "r.gguf", seed=5)


@pytest.fixture(autouse=True)
def _no_token_too_unlikely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights find all of them so, and no statement would be told from another."""
    monkeypatch.setattr(read_back, "LOWEST", -30.0)


def expected(path: Path, prompt: Prompt, sql: str) -> float:
    """Token by token, each text in a context of its own."""
    llama = Llama(path, n_seq=1, n_ctx=2048)
    tokens = ChatTemplate(llama, Vocab(llama)).tokens(reading_back(prompt, sql))
    total = 0.0
    for i, token in enumerate(tokens.ids[:-1]):
        assert llama.decode([(token, i, 0, True)])
        if i >= tokens.answer - 1:
            logits = llama.logits(0).astype(np.float64)
            near = logits - logits.max()
            total += max(read_back.LOWEST, float(near[tokens.ids[i + 1]] - np.log(np.exp(near).sum())))
    llama.close()
    return total


def test_the_prompt_turned_round_says_all_but_the_question_which_is_its_answer() -> None:
    told = reading_back(ASKED, "SELECT\n1")
    assert (told.system, told.context, told.answer) == (ASKED.system, ASKED.context, ASKED.question)
    assert told.request.splitlines()[:2] == ASKED.request.splitlines()[:2]
    assert told.request.splitlines()[-1] == "Query: SELECT 1"
    assert ASKED.question not in told.request


def test_it_is_what_the_model_says_of_each_text_alone(path: Path) -> None:
    with Model(path) as model:
        found = model.question_logprobs(ASKED, STATEMENTS)
        assert found == pytest.approx([expected(path, ASKED, sql) for sql in STATEMENTS], rel=1e-3)
        assert len(set(found)) == len(STATEMENTS)
        assert model.question_logprobs(ASKED, STATEMENTS[:1])[0] == pytest.approx(found[0], rel=1e-3)
        assert model.question_logprobs(ASKED, []) == []


def test_what_statements_begin_with_is_read_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, longer = STATEMENTS[2], STATEMENTS[2] + " LIMIT 5"
    with Model(path) as model:
        model.read(ASKED)
        rows: list[int] = []
        decode = model._llama.decode

        def counted(batch: list[Any], **how: Any) -> bool:
            rows.append(len(batch))
            return decode(batch, **how)

        monkeypatch.setattr(model._llama, "decode", counted)
        (alone,) = model.question_logprobs(ASKED, [longer])
        both = model.question_logprobs(ASKED, [one, longer])
        assert both[1] == pytest.approx(alone, rel=1e-3)
        begin = len(model._vocab.tokenize(f"{RETELL}\nQuery: {one}".encode()))
        assert len(rows) == 3
        assert rows[2] <= rows[0] - begin + 1 < rows[0]


def test_more_statements_than_fit_one_batch_or_the_sequences_are_run_in_turn(path: Path) -> None:
    with Model(path, n_ctx=1024, n_parallel=3) as model:
        long = [f"{sql} -- {'and more ' * 60}" for sql in STATEMENTS]
        found = model.question_logprobs(ASKED, long * 2)
        assert found == pytest.approx([expected(path, ASKED, sql) for sql in long * 2], rel=1e-3)


def test_a_context_without_room_weighs_nothing(path: Path) -> None:
    with Model(path, n_ctx=256) as model:
        assert model.question_logprobs(ASKED, [*STATEMENTS, "x" * 900]) == [0.0] * 5


def test_one_word_that_no_statement_tells_counts_only_so_much(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_back, "LOWEST", -0.5)
    with Model(path) as model:
        (found,) = model.question_logprobs(ASKED, STATEMENTS[:1])
    llama = Llama(path, n_seq=1, n_ctx=64)
    assert found == -0.5 * len(Vocab(llama).tokenize(ASKED.question.encode()))
    llama.close()


def test_damaged_weights_say_nothing(tmp_path: Path) -> None:
    with Model(make_gguf(tmp_path / "nan.gguf", scale=float("nan"))) as model:
        assert model.question_logprobs(ASKED, STATEMENTS[:2]) == [0.0, 0.0]


def test_what_is_asked_next_is_answered_as_before(path: Path) -> None:
    plain = Prompt(ASKED.system, ASKED.context, "Question: titles?", ANSWER)
    with Model(path) as model:
        (first,) = model.generate(plain, Sums(), max_tokens=48)
        model.question_logprobs(plain, STATEMENTS)
        assert model.alternatives(2, 1.0) == []
        assert model.generate(plain, Sums(), max_tokens=48) == [first]
        with pytest.raises(Cancelled):
            model.question_logprobs(plain, STATEMENTS, cancelled=lambda: True)
        assert model.generate(plain, Sums(), max_tokens=48) == [first]
