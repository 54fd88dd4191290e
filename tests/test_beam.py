"""Beam search: complete statements, likelier than the greedy one, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlagent.base.errors import Cancelled, UsageError
from sqlagent.database import schema
from sqlagent.decoding.model import Model
from sqlagent.grammar import Acceptor
from tests.test_model import ASK, NAMES
from tests.tiny_gguf import make_gguf
from tests.toys import Sums

SHOP = "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE b (id INTEGER, a_id INTEGER REFERENCES a(id))"


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(make_gguf(tmp_path_factory.mktemp("gguf") / f"{request.param}.gguf", request.param, seed=3))


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("budget", [1, 8, 40])
def test_every_statement_of_a_beam_is_complete_and_they_differ(model: Model, width: int, budget: int) -> None:
    read = schema.from_ddl(SHOP)
    for acceptor in (Sums(), NAMES, Acceptor(read)):
        found = model.generate(ASK, acceptor, n=width, beam=True, max_tokens=budget)
        assert 1 <= len(found) <= width
        assert len({candidate.sql for candidate in found}) == len(found) or budget == 1
        for candidate in found:
            state = acceptor.start().step(candidate.sql.encode())
            assert state is not None
            assert state.accepting or state.done


def test_a_beam_of_one_is_greedy(model: Model) -> None:
    (greedy,) = model.generate(ASK, NAMES)
    (beam,) = model.generate(ASK, NAMES, n=1, beam=True)
    assert beam.sql == greedy.sql
    assert beam.logprob == pytest.approx(greedy.logprob, abs=0.05)


def test_a_wider_beam_finds_every_statement_of_a_small_language_in_order(model: Model) -> None:
    found = model.generate(ASK, NAMES, n=4, beam=True)
    assert {candidate.sql.encode() for candidate in found} <= set(NAMES.texts)
    assert [c.logprob for c in found] == sorted((c.logprob for c in found), reverse=True)
    (greedy,) = model.generate(ASK, NAMES)
    assert found[0].logprob >= greedy.logprob - 0.05


def test_a_beam_leaves_nothing_behind(model: Model) -> None:
    before = model.generate(ASK, Sums(), max_tokens=24)
    for _ in range(30):  # cells or sequences that leak would run out
        model.generate(ASK, Sums(), n=4, beam=True, max_tokens=24)
    assert model.generate(ASK, Sums(), max_tokens=24) == before


def test_a_beam_can_be_cancelled_and_is_not_too_wide(model: Model) -> None:
    with pytest.raises(Cancelled):
        model.generate(ASK, Sums(), n=4, beam=True, cancelled=lambda: True)
    with pytest.raises(UsageError, match="1 to 4"):
        model.generate(ASK, Sums(), n=5, beam=True)


def test_real_weights_of_a_damaged_file_end_in_statements(tmp_path: Path) -> None:
    with Model(make_gguf(tmp_path / "nan.gguf", scale=float("nan"))) as model:
        for candidate in model.generate(ASK, NAMES, n=3, beam=True):
            assert candidate.sql.encode() in NAMES.texts
