"""A right statement is never made wrong: the corpora, and what the amendments make of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.amend_corpus.places import FOLDER, Place, Rows, load, places, same
from sqlagent.agent.agent import Agent
from sqlagent.amend.pipeline import mended, proposals
from sqlagent.amend.rules import MEANINGS, SUPPLIED
from sqlagent.linking.prompt import Turn
from tests.fake_model import FakeModel


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Place]]:
    made = places(tmp_path_factory.mktemp("amend"))
    yield made
    for place in made.values():
        place.focus.close()
        place.connection.close()


def test_no_pitfall_changes_the_rows_of_a_right_statement(found: dict[str, Place]) -> None:
    pairs = load("leave_alone")
    assert len(pairs) >= 400 and len({pair.database for pair in pairs}) >= 25
    spoilt = []
    for pair in pairs:
        place = found[pair.database]
        made, amendments = mended(pair.right, place.context(pair))
        assert (made == pair.right) is (not amendments)
        if not same(place.rows(made), place.rows(pair.right), pair.right):
            spoilt.append((pair.question, made))
    assert spoilt == []


def test_the_meanings_would_spoil_them_so_the_corpus_is_worth_its_name(found: dict[str, Place]) -> None:
    spoilt: Counter[str] = Counter()
    for pair in load("leave_alone"):
        place = found[pair.database]
        for one in proposals(pair.right, place.context(pair)):
            if not same(place.rows(one.sql), place.rows(pair.right), pair.right):
                spoilt.update({change.rule for change in one.amendments} & set(MEANINGS))
    assert set(spoilt) == set(MEANINGS)
    assert all(count >= 4 for count in spoilt.values()), spoilt


def test_what_is_supplied_leaves_the_rows_of_a_right_statement_alone(found: dict[str, Place]) -> None:
    """These outweigh a model, so they have to be right where they speak."""
    spoilt = []
    for pair in load("leave_alone"):
        place = found[pair.database]
        about = place.context(pair)
        for name, rule in SUPPLIED.items():
            made = rule(about.statements.read(pair.right), about).sql
            rows, right = place.rows(made), place.rows(pair.right)
            if name == "group_names" and made != pair.right:
                rows, right = _but_for_labels(rows or [], right or [])
            if not same(rows, right, pair.right):
                spoilt.append((name, pair.question, made))
    assert spoilt == []


def _but_for_labels(made: Rows, right: Rows) -> tuple[Rows, Rows]:
    """Two results without the columns that hold keys in the right one and texts in the other."""
    kept = [
        place
        for place in range(len(right[0]))
        if {type(row[place]) for row in made} != {str} or {type(row[place]) for row in right} != {int}
    ]
    return tuple([tuple(row[place] for place in kept) for row in rows] for rows in (made, right))  # type: ignore[return-value]


def test_what_should_fire_does(found: dict[str, Place]) -> None:
    pairs = load("fire")
    assert len(pairs) + len(load("fire_aside")) >= 300
    assert not {pair.right for pair in pairs} & {pair.right for pair in load("fire_aside")}
    right = 0
    for pair in pairs:
        place, context = found[pair.database], found[pair.database].context(pair)
        first, _ = mended(pair.wrong, context)
        offered = [first, *(one.sql for one in proposals(first, context))]
        assert not same(place.rows(pair.wrong), place.rows(pair.right), pair.right)
        right += any(same(place.rows(sql), place.rows(pair.right), pair.right) for sql in offered)
    assert right >= 0.9 * len(pairs)


def test_a_model_that_means_what_it_wrote_keeps_it(found: dict[str, Place]) -> None:
    """One right statement of each rule, through the whole agent."""
    for pair in {pair.rule: pair for pair in load("leave_alone")}.values():
        place = found[pair.database]
        with Agent(place.path, FakeModel([pair.right])) as agent:
            history = [Turn(question, sql) for question, sql in pair.history]
            answer = agent.ask(pair.question, history=history, anyway=True)
        assert (answer.sql, answer.written, answer.amendments) == (pair.right, pair.right, ())
        assert same([*map(tuple, answer.rows)], place.connection.execute(pair.right).fetchall(), pair.right)


def test_the_files_are_what_their_texts_give(tmp_path: Path) -> None:
    pytest.importorskip("sqlglot")
    from bench.amend_corpus.__main__ import main

    main(tmp_path)
    for name in ("amend_databases.json", "leave_alone.jsonl", "fire.jsonl", "fire_aside.jsonl"):
        made, stored = ((folder / name).read_text("utf-8") for folder in (tmp_path, FOLDER))
        assert made == stored, f"run `python -m bench.amend_corpus`: {name} differs"
    assert json.loads((FOLDER / "leave_alone.jsonl").read_text("utf-8").splitlines()[0])["right"]
