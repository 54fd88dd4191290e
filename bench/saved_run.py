"""Read the run that a command is given, with the questions that it was over."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.gold import datasets
from bench.gold.datasets import Question
from bench.run_folder import PREDICTIONS, read_records
from sqlagent.base.errors import UsageError


def saved_run(
    name: str, description: str | None, argv: Sequence[str]
) -> tuple[list[dict[str, Any]], dict[str, Question]]:
    """The judged records of a run that the arguments of `bench NAME` name, and its questions by their ids.

    Raises UsageError where there is no run, or it was over other questions.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m bench {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, help="folder of a run of `bench accuracy --decode agent`")
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder of questions that the run was over"
    )
    parser.add_argument("--split", default="val", help="which file of the folder (val)")
    options = parser.parse_args(list(argv))
    path = options.run / PREDICTIONS
    if not path.is_file():
        raise UsageError(f"{options.run} holds no run of `bench accuracy`.")
    found = datasets.load(datasets.split_file(options.data, options.split), options.split)
    questions = {question.id: question for question in found}
    records = [record for record in read_records(path).values() if record["correct"] is not None]
    if any(record["id"] not in questions for record in records):
        raise UsageError(
            f"{options.data} lacks questions of {options.run}: name the folder that it was made with."
        )
    return records, questions
