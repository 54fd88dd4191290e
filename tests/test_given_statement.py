"""The probability of a statement that is already there: the same tokens count as when it is decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sqlagent.database import schema as schemas
from sqlagent.decoding import read_back
from sqlagent.decoding.chat_template import ChatTemplate
from sqlagent.decoding.given_statement import replayed
from sqlagent.decoding.model import Model
from sqlagent.grammar import Acceptor
from sqlagent.linking.prompt import build
from sqlagent.llama.context import Llama
from sqlagent.llama.vocab import Vocab
from tests.tiny_gguf import make_gguf

SCHEMA = schemas.from_ddl(
    """CREATE TABLE Artist (ArtistId INTEGER PRIMARY KEY, Name TEXT);
    CREATE TABLE Album (Id INTEGER PRIMARY KEY, Title TEXT, ArtistId INTEGER REFERENCES Artist(ArtistId));"""
)
JOINED = (
    "SELECT Album.Title FROM Album JOIN Artist ON Album.ArtistId = Artist.ArtistId WHERE Artist.Name = 'x'"
)
ASKED = build(SCHEMA, "How many different titles?")
STATEMENTS = [
    "SELECT COUNT(*) FROM Album",
    "SELECT COUNT(DISTINCT Title) FROM Album",
    "SELECT Title FROM Album WHERE Title LIKE '%größe%' ORDER BY Id DESC LIMIT 5",
    JOINED,
    "SELECT nothing of the kind",
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gguf(tmp_path_factory.mktemp("gguf") / "g.gguf", seed=5)


@pytest.fixture(autouse=True)
def _no_token_too_unlikely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights find all of them so."""
    monkeypatch.setattr(read_back, "LOWEST", -30.0)


def expected(path: Path, ids: list[int], forced: frozenset[int]) -> float:
    """Token by token behind the prompt, in a context of its own."""
    llama = Llama(path, n_seq=1, n_ctx=2048)
    prompt = list(ChatTemplate(llama, Vocab(llama)).tokens(ASKED).ids)
    total = 0.0
    for i, token in enumerate([*prompt, *ids][:-1]):
        assert llama.decode([(token, i, 0, True)])
        place = i + 1 - len(prompt)
        if place >= 0 and place not in forced:
            logits = llama.logits(0).astype(np.float64)
            near = logits - logits.max()
            total += max(read_back.LOWEST, float(near[ids[place]] - np.log(np.exp(near).sum())))
    llama.close()
    return total


def test_the_tokens_spell_the_statement_and_what_the_grammar_forces_is_free(path: Path) -> None:
    with Model(path) as model:
        for sql in STATEMENTS:
            given = replayed(sql, Acceptor(SCHEMA), model._decoder, model._vocab)
            spelt = b"".join(map(model._vocab.bytes_of, given.ids)).decode()
            assert sql.startswith(spelt) and (spelt == sql) is given.open
            assert given.forced < set(range(len(given.ids)))
            free = b"".join(model._vocab.bytes_of(given.ids[i]) for i in sorted(given.forced)).decode()
            assert ("ON Album" in free) is (sql == JOINED)


def test_it_is_what_the_model_says_token_by_token(path: Path) -> None:
    with Model(path) as model:
        acceptor = Acceptor(SCHEMA)
        found = model.statement_logprobs(ASKED, acceptor, STATEMENTS)
        for sql, logprob in zip(STATEMENTS, found, strict=True):
            given = replayed(sql, acceptor, model._decoder, model._vocab)
            ids = [*given.ids, *([model._vocab.eos] if given.open else [])]
            assert logprob == pytest.approx(expected(path, ids, given.forced), rel=1e-3)
        assert model.statement_logprobs(ASKED, acceptor, []) == []
        assert model.statement_logprobs(ASKED, acceptor, STATEMENTS[:1])[0] == pytest.approx(
            found[0], rel=1e-3
        )


def test_what_was_decoded_is_about_as_likely_when_it_is_given(path: Path) -> None:
    with Model(path) as model:
        acceptor = Acceptor(SCHEMA)
        (written,) = model.generate(ASKED, acceptor, max_tokens=40)
        (given,) = model.statement_logprobs(ASKED, acceptor, [written.sql])
        again = model.generate(ASKED, acceptor, max_tokens=40)
    assert given < 0.0
    (anew,) = again  # nothing is left behind, but for what the width of a batch rounds
    assert (anew.sql, anew.tokens, anew.forced) == (written.sql, written.tokens, written.forced)
    assert anew.logprob == pytest.approx(written.logprob, rel=1e-4)


def test_a_context_without_room_weighs_nothing(path: Path) -> None:
    with Model(path, n_ctx=256) as model:
        long = [STATEMENTS[0], "SELECT Title FROM Album WHERE Title = '" + "x" * 900 + "'"]
        assert model.statement_logprobs(ASKED, Acceptor(SCHEMA), long) == [0.0, 0.0]
