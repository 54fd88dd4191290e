"""What drafts are made of is learnt from the same checked statements as the adapter."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("sqlglot", reason="sqlglot is not installed: it is in the train and test extras")

from sqlagent.database import schema as schemas
from sqlagent.decoding.draft_names import FEATURES
from sqlagent.decoding.draft_ngrams import NgramModel
from sqlagent.decoding.drafting import Drafter, DraftModel
from sqlagent.grammar import Acceptor
from train import cli, drafts
from train.checked import Example

MUSIC = """
CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, name TEXT, age INTEGER, country TEXT);
CREATE TABLE song (song_id INTEGER PRIMARY KEY, title TEXT, singer_id INTEGER REFERENCES singer(singer_id));
"""


def examples() -> list[Example]:
    schema = schemas.from_ddl(MUSIC)
    asked = [
        (f"What is the {column} of each {table}?", f"SELECT {column} FROM {table}")
        for table, columns in (("singer", ("name", "age", "country")), ("song", ("title", "song_id")))
        for column in columns
    ]
    return [Example(question, sql, schema, "music") for question, sql in asked * 3]


def test_what_was_learnt_guesses_statements_on_another_schema():
    data = json.loads(json.dumps(drafts.learn(examples())))
    model = DraftModel(NgramModel.from_json(data["skeleton"]), data["names"])
    schema = schemas.from_ddl("CREATE TABLE ship (ship_id INTEGER PRIMARY KEY, tonnage REAL, flag TEXT)")
    made = Drafter(model, schema, "What is the tonnage of each ship?").guess(
        "SELECT", Acceptor(schema).start().step(b"SELECT")
    )
    assert b"".join(more for more, _ in made) == b" tonnage FROM ship"


def test_the_same_statements_give_the_same_file():
    assert drafts.learn(examples()) == drafts.learn(examples())


def test_the_weights_are_those_of_the_choices_that_were_made():
    rng = np.random.default_rng(0)
    true, found = np.array([2.0, -1.0, 0.0]), []
    for _ in range(3000):
        features = rng.normal(size=(6, 3))
        found.append((features, int((features @ true + rng.gumbel(size=6)).argmax())))
    assert drafts.fit(found) == pytest.approx(true, abs=0.12)


def test_only_places_with_a_choice_are_learnt_from():
    found = drafts.choices(examples())
    assert set(found) == {"C SELECT", "T FROM"}
    for name, kept in found.items():
        assert len(kept) == 15
        assert all(
            features.shape[1] == len(FEATURES[name[0]]) and place < len(features) for features, place in kept
        )


def test_the_command_says_what_is_missing(capsys, tmp_path):
    assert cli.main(["drafts", "--recipe", "smollm2-135m-cpu", "--data", str(tmp_path)]) == 2
    assert "No data file" in capsys.readouterr().err
