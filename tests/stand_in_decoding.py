"""Decode for docs/decoding.md: a stand-in for llama.cpp wants to write given statements, on the demo schema."""

from __future__ import annotations

from sqlagent.database import schema
from sqlagent.decoding.alternatives import AlternativeSearch
from sqlagent.decoding.decoder import Decoder
from sqlagent.decoding.hypothesis import Hypothesis
from sqlagent.decoding.layout import LayoutState
from sqlagent.grammar import Acceptor
from sqlagent.ui import demo_database
from tests.test_alternatives import Torn
from tests.test_backtrack import Letters, Pen, said, write, written

COMPANY = schema.from_ddl(demo_database.SCHEMA)


def decode(*wishes: str) -> tuple[str, Decoder]:
    """What comes of a model that would write one of `wishes`, whichever begins like the text so far; the decoder."""
    made, _, decoder = write(*wishes, ddl=demo_database.SCHEMA)
    return said(made[0]), decoder


def alternatives(*wishes: str, within: float) -> list[tuple[str, float]]:
    """(statement, ln p) of a model that finds each wish half as likely as the one before; the greedy one first."""
    pen: Pen = Torn(*wishes)
    decoder = Decoder(pen, Letters())
    first = Hypothesis(0, LayoutState(Acceptor(COMPANY).start()), 300)
    decoder.lead(first)
    pen.cells[0] = list(first.feed)
    first.at = len(first.feed)
    decoder.run([first], pen.after(written(pen.cells[0])))
    found = AlternativeSearch(pen, decoder, Letters(), 0, [1, 2, 3]).run(first, within, 300)
    return [(said(one), round(one.logprob, 2)) for one in (first, *found)]
