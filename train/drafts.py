"""Learn what SQL looks like, for the drafts that decoding tries (`sqlagent.decoding.drafting`).

    python -m train drafts --recipe qwen2.5-coder-1.5b-cpu-third --data DIR --save models/drafts.json

Counts the n-grams of words in canonical statements and fits, for each kind of name in each clause, which name of the
schema a question leads to. Takes some minutes on one core; the same data gives the same file.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sqlagent.base.errors import OK
from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import fold
from sqlagent.decoding.draft_names import NameRanker, clause
from sqlagent.decoding.draft_ngrams import COLUMN, TABLE, count, whole
from sqlagent.decoding.drafting import FILE
from train.checked import Example

TokenChoice = tuple[NDArray[np.float64], int]
"""The features of all names that could have stood somewhere, (names, features), and which one did."""
MOST_CHOICES = 3000
"""Of one kind in one clause."""
STEPS, RATE, DECAY = 300, 0.1, 1e-3


def main(words: Sequence[str]) -> int:
    """The command."""
    from train import config as configuration
    from train.data import Pipeline

    made = argparse.ArgumentParser(
        prog="python -m train drafts", description="Learn what drafts are made of."
    )
    made.add_argument("--recipe", required=True, help="whose data mix is used")
    made.add_argument("--data", required=True, help="folder that the recipe's data files are relative to")
    made.add_argument("--save", default=f"models/{FILE}", metavar="FILE", help=f"default models/{FILE}")
    options = made.parse_args(words)
    config = configuration.load(options.recipe, {"data": options.data})
    examples = list(Pipeline(config, None).examples())
    learnt = learn(examples)
    Path(options.save).write_text(
        json.dumps(learnt, separators=(",", ":"), ensure_ascii=False) + "\n", "utf-8"
    )
    print(f"{len(examples)} statements; {options.save}", file=sys.stderr)
    return OK


def learn(examples: Sequence[Example]) -> dict[str, object]:
    """What `sqlagent.decoding.drafting` reads."""
    skeleton = count((example.question, example.sql) for example in examples)
    mixed = random.Random(0).sample(examples, len(examples))
    found = choices(mixed)
    names = {kind: [round(w, 3) for w in fit(found[kind])] for kind in sorted(found) if found[kind]}
    return {"skeleton": skeleton.to_json(), "names": names}


def choices(examples: Iterable[Example]) -> dict[str, list[TokenChoice]]:
    """Every place of a name in the statements, by kind and clause, where it is one of the options."""
    found: dict[str, list[TokenChoice]] = defaultdict(list)
    for example in examples:
        names = NameRanker(example.schema, example.question, example.hints)
        pieces = whole(example.sql)
        for at, piece in enumerate(pieces):
            if piece.kind not in (TABLE, COLUMN):
                continue
            kept = found[f"{piece.kind} {clause(pieces[:at])}"]
            if len(kept) >= MOST_CHOICES:
                continue
            options = names.options(pieces[:at], piece.kind)
            key = fold(unquote(piece.text))
            place = next((n for n, option in enumerate(options) if option.key == key), -1)
            if place >= 0:
                kept.append((np.array([option.features for option in options]), place))
    return found


def fit(found: Sequence[TokenChoice]) -> list[float]:
    """The weights of a conditional logit (McFadden, 1974), by Adam on all choices at once."""
    rows = np.concatenate([features for features, _ in found])
    sizes = np.array([len(features) for features, _ in found])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    chosen = rows[starts + np.array([place for _, place in found])].mean(axis=0)
    weights, first, second = (np.zeros(rows.shape[1]) for _ in range(3))
    for step in range(1, STEPS + 1):
        scores = rows @ weights
        scores = np.exp(scores - np.repeat(np.maximum.reduceat(scores, starts), sizes))
        chances = scores / np.repeat(np.add.reduceat(scores, starts), sizes)
        slope = chosen - chances @ rows / len(found) - DECAY * weights
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope * slope
        weights = weights + RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return [float(weight) for weight in weights]
