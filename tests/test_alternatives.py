"""Statements that turn off the greedy one: the likeliest first, complete, and none that cannot be as likely."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sqlagent.base.errors import Cancelled, UsageError
from sqlagent.database import schema as schemas
from sqlagent.decoding.alternatives import AlternativeSearch
from sqlagent.decoding.decoder import Decoder
from sqlagent.decoding.hypothesis import Hypothesis
from sqlagent.decoding.layout import LayoutState
from sqlagent.decoding.model import Model
from sqlagent.grammar import Acceptor
from tests.test_backtrack import END, SCHOOL, Letters, Pen, said
from tests.test_model import ASK, NAMES
from tests.tiny_gguf import make_gguf
from tests.toys import Sums

FIRST = "SELECT surname FROM student"


class Torn(Pen):
    """A pen that is torn between its wishes: each has half of the odds of the one before it."""

    def after(self, text: bytes) -> np.ndarray:
        scores = np.full(self.n_vocab, -9.0, np.float32)
        for rank, wish in enumerate(self.wishes):
            if wish.startswith(text):
                token = wish[len(text)] if len(text) < len(wish) else END
                scores[token] = max(scores[token], 9.0 - rank * math.log(2))
        return scores

    def share(self, source: int, target: int, end: int) -> None:
        assert end <= len(self.cells[source])
        self.cells[target] = self.cells[source][:end]


def turn_off(*wishes: str, most: int = 4, within: float = 3.0) -> tuple[Hypothesis, list[Hypothesis]]:
    """The greedy statement of a torn pen, and what is found beside it."""
    pen = Torn(*wishes)
    decoder = Decoder(pen, Letters())
    hypothesis = Hypothesis(0, LayoutState(Acceptor(schemas.from_ddl(SCHOOL)).start()), 200)
    decoder.lead(hypothesis)
    pen.cells[0] = list(hypothesis.feed)
    hypothesis.at = len(hypothesis.feed)
    decoder.run([hypothesis], pen.after(bytes(pen.cells[0])))
    made = AlternativeSearch(pen, decoder, Letters(), 0, range(1, most + 1)).run(hypothesis, within, 100)
    for one in made:
        written = [mark.token for mark in one.marks]
        assert pen.cells[one.seq] == written[: len(pen.cells[one.seq])]
    return hypothesis, made


def test_the_second_best_way_at_a_decision_is_gone_to_its_end():
    second = "SELECT id FROM student WHERE surname = 'Ann'"
    hypothesis, made = turn_off(FIRST, second)
    assert said(hypothesis) == FIRST
    assert [said(one) for one in made] == [second]
    assert all(one.finished for one in made)
    assert math.exp(made[0].logprob) == pytest.approx(1 / 3, abs=0.01)
    assert math.exp(hypothesis.logprob) == pytest.approx(2 / 3, abs=0.01)
    assert made[0].margin == 0.0


def test_several_ways_come_by_what_they_can_be_at_the_most():
    wishes = [FIRST, "SELECT surname FROM room", "SELECT id FROM student"]
    _, made = turn_off(*wishes)
    assert {said(one) for one in made} == set(wishes[1:])
    assert [one.logprob for one in made] == sorted((one.logprob for one in made), reverse=True)
    _, made = turn_off(*wishes, most=1)
    assert len(made) == 1


def test_what_cannot_be_as_likely_is_not_begun_and_what_is_no_longer_is_given_up():
    ann = "SELECT id FROM student WHERE surname = 'Ann'"
    assert turn_off(FIRST, ann, within=0.5)[1] == []
    # Torn again further on: of a third, two thirds are Ann's, and that is less than is asked for.
    bob = ann.replace("Ann", "Bob")
    assert turn_off(FIRST, ann, bob, within=0.8)[1] == []
    assert [said(one) for one in turn_off(FIRST, ann, bob, within=1.5)[1]] == [ann]
    assert [said(one) for one in turn_off(FIRST, ann, bob, within=2.0)[1]] == [ann, bob]


def test_what_turned_off_turns_off_again():
    """`WHERE` is the second best way from the first statement, `Bob` from there."""
    wishes = [FIRST, FIRST + " WHERE surname = 'Ann'", FIRST + " WHERE surname = 'Bob'"]
    _, made = turn_off(*wishes)
    assert [said(one) for one in made] == wishes[1:]


def test_another_spelling_or_order_of_tables_is_no_other_statement():
    assert turn_off(FIRST, FIRST.lower())[1] == []
    by = "SELECT student.surname FROM "
    one = f"{by}student JOIN enroll ON student.id = enroll.student_id"
    two = f"{by}enroll JOIN student ON enroll.student_id = student.id"
    assert turn_off(one, two)[1] == []
    (_, (made,)) = turn_off(one, two, f"{by}student WHERE student.id = 1")
    assert said(made) == f"{by}student WHERE student.id = 1"


@pytest.fixture(scope="module", params=["qwen2", "llama"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(make_gguf(tmp_path_factory.mktemp("gguf") / f"{request.param}.gguf", request.param, seed=3))


@pytest.mark.parametrize("budget", [1, 8, 40])
def test_every_other_statement_is_complete(model: Model, budget: int) -> None:
    for acceptor in (Sums(), NAMES, Acceptor(schemas.from_ddl(SCHOOL))):
        (greedy,) = model.generate(ASK, acceptor, max_tokens=budget)
        for one in model.alternatives(4, 50.0, max_tokens=budget):
            assert greedy.logprob - 50.0 <= one.logprob
            state = acceptor.start().step(one.sql.encode())
            assert state is not None
            assert state.accepting or state.done


def test_others_of_a_small_language_are_in_it_and_leave_nothing_behind(model: Model) -> None:
    (greedy,) = model.generate(ASK, NAMES)
    found = model.alternatives(4, 50.0)
    assert found
    assert {one.sql.encode() for one in found} <= set(NAMES.texts) - {greedy.sql.encode()}
    for _ in range(30):  # cells or sequences that leak would run out
        assert model.generate(ASK, NAMES) == [greedy]
        assert model.alternatives(4, 50.0) == found
    assert model.alternatives(1, 50.0) == found[:1]
    assert model.alternatives(4, 0.0) == []


def test_without_one_greedy_statement_there_are_no_others(model: Model) -> None:
    model.generate(ASK, NAMES, orders=(None, None))
    assert model.alternatives(4, 50.0) == []
    model.generate(ASK, NAMES)
    model.read(ASK)
    assert model.alternatives(4, 50.0) == []
    model.generate(ASK, None, max_tokens=24)
    with pytest.raises(UsageError):
        model.alternatives(0, 50.0)
    with pytest.raises(Cancelled):
        model.alternatives(4, 50.0, cancelled=lambda: True)
