"""The command `bench peers`: load each way, ask, judge, and print the table."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.answering import is_right
from bench.gold import datasets
from bench.gold.datasets import Question
from bench.peers import floor
from bench.peers.table import Trial, table
from bench.peers.ways import NAMES, Missing, Way, ways
from bench.predict import Place
from sqlagent.base.errors import OK, UsageError
from sqlagent.store import models


def main(argv: Sequence[str]) -> int:
    """Ask every question of every way; returns the exit code. Raises UsageError."""
    options = _options(argv)
    questions = datasets.sample(datasets.load(options.data, options.split), None, options.seed)
    database = questions[0].database
    if database is None:
        raise UsageError("peers needs a database: give a folder that has them.")
    asked = [question for question in questions if question.database == database][: options.limit + 1]
    files = models.ready(options.model)
    chosen = options.ways.split(",") if options.ways else list(NAMES)
    found: list[Way] = []
    for way in ways(chosen, files, database, options.threads):
        if isinstance(way, Missing):
            print(f"{way.name} is left out: {way.why}", file=sys.stderr)
        else:
            found.append(way)
    if not found:
        raise UsageError("None of these ways can be had here: install their packages.")
    try:
        trials = _asked(found, asked)
    finally:
        for way in found:
            way.close()
    lowest = None if options.no_floor else floor.measured(files, options.threads)
    print("\n".join(table(files.name, database.name, trials, lowest)))
    return OK


def _asked(found: Sequence[Way], questions: Sequence[Question]) -> list[Trial]:
    place = Place(questions[0])
    trials = []
    try:
        for number, (question, way) in enumerate(itertools.product(questions, found)):
            reply = way.ask(question.question)
            right = reply.error is None and is_right(question, place, place.outcome(reply.sql))
            if number >= len(found):  # the first question reads the schema
                trials.append(Trial(question.id, way.name, reply, right))
            print(f"{number // len(found)}/{len(questions) - 1} {way.name}: {reply.seconds:.2f} s {reply.sql[:80]}",
                  file=sys.stderr)  # fmt: skip
    finally:
        place.close()
    return trials


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench peers", description="From question to rows, beside others on the same file."
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder of questions with databases")
    parser.add_argument("--split", default="chinook", help="which file of the folder (chinook)")
    parser.add_argument("--limit", type=int, default=100, help="questions of one database that count (100)")
    parser.add_argument("--seed", type=int, default=0, help="of their order (0)")
    parser.add_argument("--ways", metavar="A,B", help=f"which ways ({','.join(NAMES)})")
    parser.add_argument("--model", help="a name from the registry (the default model)")
    parser.add_argument("--threads", type=int, help="threads of every way (our own choice)")
    parser.add_argument("--no-floor", action="store_true", help="do not measure memory and prompt speed")
    options = parser.parse_args(list(argv))
    if options.limit < 1:
        raise UsageError("--limit wants a number of at least 1.")
    unknown = set((options.ways or "").split(",")) - {"", *NAMES}
    if unknown:
        raise UsageError(f"There is no way called {sorted(unknown)[0]}: choose of {', '.join(NAMES)}.")
    return options
