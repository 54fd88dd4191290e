"""Rows of another kind than the question asks for are doubted, and said to be."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fake_model import FakeModel

from sqlagent import Agent
from sqlagent.agent.answer_kind import unfit


@pytest.mark.parametrize(
    "question, rows, said",
    [
        ("How many games were won?", [("Oslo",)], "A number was asked for, and the answer has none."),
        (
            "What is the number of games?",
            [("Oslo",), ("Bergen",)],
            "A number was asked for, and the answer has none.",
        ),
        (
            "How many goals did Oslo score?",
            [(1,), (2,)],
            "One number was asked for, and the answer has 2 rows.",
        ),
        ("Who scored the most?", [(7,)], "A name was asked for, and the answer has numbers alone."),
    ],
)
def test_another_kind_of_rows_is_doubted(question, rows, said):
    assert unfit(question, SimpleNamespace(rows=rows)) == said


@pytest.mark.parametrize(
    "question, rows",
    [
        ("How many games were won?", [(3,)]),
        ("How many games were won?", [("3,204",)]),
        ("How many games did each team win?", [("Oslo", 3), ("Bergen", 2)]),
        ("How many games were won per year?", [(3,), (2,)]),
        ("How many games were won?", []),
        ("How many games were won?", [(None,)]),
        ("Who scored the most?", [("Ann",)]),
        ("Who scored the most, and how many goals?", [(7,)]),
        ("Whose id is the highest?", [(7,)]),
        ("Which games were won?", [(7,), (8,)]),
        ("Show the games and how many goals there were", [("Oslo",)]),
    ],
)
def test_rows_of_the_kind_asked_for_are_not(question, rows):
    assert unfit(question, SimpleNamespace(rows=rows)) == ""


def test_the_doubt_stands_beside_the_answer_and_lowers_its_confidence(small_database):
    shop = small_database(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bo')"
    )
    with Agent(
        shop, model=FakeModel(["SELECT name FROM customers", "SELECT COUNT(*) FROM customers"])
    ) as agent:
        names = agent.ask("How many customers are there?")
        count = agent.ask("How many customers are there in all?")
    assert "A number was asked for, and the answer has none." in names.note
    assert "was asked for" not in count.note
    assert names.evidence.doubted and not count.evidence.doubted
    assert names.confidence < count.confidence
