"""A name that a statement begins to copy from the question is copied to its end, unless the model insists."""

from __future__ import annotations

import numpy as np
import pytest

from sqlagent.database import schema as schemas
from sqlagent.decoding.decoder import STRAY_NATS, Decoder
from sqlagent.decoding.hypothesis import Hypothesis
from sqlagent.decoding.layout import LayoutState
from sqlagent.decoding.literal_copy import CopySource
from sqlagent.grammar import Acceptor
from tests.test_backtrack import Letters, Pen

QUESTION = "Did the Tampa Bay Buccaneers play O'Brien's Jaén-Reus in New York, or the New Jersey Devils?"


@pytest.mark.parametrize(
    ("before", "added"),
    [
        ("x = 'tampa", " sea"),
        ("x = 'TAMPA ", "sea"),
        ("x = 'Tampa Bay Bu", "ll"),
        ("x LIKE '%Tampa", " Sea"),
        ("x = 'y' AND z = 'New", " London"),
        ("x = 'jaén", "-Rome"),
        ("x = 'tampa bay buc", "'"),  # end inside a word
        ("x = 'tampa bay", " bucc' AND y = 3"),
        ("x = 'jaén-re", "'"),
    ],
)
def test_leaving_a_name_behind_its_first_word_or_inside_another_strays(before, added):
    assert CopySource(QUESTION).strays(before.encode(), added.encode())


@pytest.mark.parametrize(
    ("before", "added"),
    [
        ("x = 'tampa", " bay"),
        ("x = 'tampa", " bay buccaneers'"),
        ("x = 'tampa bay", "'"),  # it may end behind any word, in its plural,
        ("x = 'new jersey devil", "'"),
        ("x = 'buc", "'"),  # inside the only one,
        ("x LIKE '%tampa bay buc", "%'"),  # or as a pattern,
        ("x = 'tampa", "%'"),
        ("x = 'New", " Jersey"),  # go on as any place in the question does,
        ("x = 'New", " York"),
        ("x = 'Tam", "worth"),  # be another word that begins alike,
        ("x = 'ampa", "ro"),
        ("x = 'Lon", "don"),  # or something that the question has not
        ("x = '", "Tacoma"),
        ("x", " = 'London"),
        ("x = 'tampa bay'", " AND y = 3"),
        ("", "SELECT"),
    ],
)
def test_everything_else_does_not(before, added):
    assert not CopySource(QUESTION).strays(before.encode(), added.encode())


class Torn(Pen):
    """A model that likes its first wish better than its second by so many nats."""

    lead = 0.0

    def after(self, text: bytes) -> np.ndarray:
        scores = super().after(text)
        second = self.wishes[1]
        if second.startswith(text) and len(text) < len(second):
            wanted = second[len(text)]
            scores[wanted] = max(scores[wanted], 12.0 - self.lead)
        return scores


@pytest.mark.parametrize(("lead", "right"), [(STRAY_NATS - 1, True), (STRAY_NATS + 1, False)])
def test_the_question_decides_where_the_model_is_in_two_minds(lead, right):
    wishes = [f"SELECT name FROM team WHERE name = 'tampa {word} buccaneers'" for word in ("sea", "bay")]
    pen = Torn(*wishes)
    pen.lead = lead
    decoder = Decoder(pen, Letters())
    acceptor = Acceptor(schemas.from_ddl("CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT)"))
    hypothesis = Hypothesis(0, LayoutState(acceptor.start()), 200, source=CopySource(QUESTION))
    decoder.lead(hypothesis)
    pen.cells[0] = list(hypothesis.feed)
    hypothesis.at = len(hypothesis.feed)
    decoder.run([hypothesis], pen.after(bytes(pen.cells[0])))
    assert hypothesis.layout.state.text() == wishes[right]
