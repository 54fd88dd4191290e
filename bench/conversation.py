"""How well follow-ups are answered: written conversations, played through the whole agent.

    python -m bench conversation --data DIR/sample_databases

Every turn is asked with the agent's *own* earlier answers, and whether it goes on from them is decided as in
the prompt of the product; so a first turn that went wrong usually costs the turns behind it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.scoring import Outcome, orders, run, same_outcome
from bench.stats import percentile, wilson
from sqlagent.agent.agent import Agent
from sqlagent.agent.conversation import Conversation
from sqlagent.base.errors import OK, SqlagentError, UsageError
from sqlagent.sandbox.sandbox import Limits, Sandbox

CASES = Path(__file__).resolve().parent.parent / "tests" / "conversations.json"
FIRST, NEXT, NEW = "first", "follow-up", "new subject"


@dataclass(frozen=True, slots=True)
class Played:
    """One turn: what was asked, what came of it, and whether it was rightly taken for a follow-up or not."""

    db: str
    kind: str
    question: str
    gold: str
    sql: str
    correct: bool
    understood: bool
    seconds: float
    error: str


def play(case: Mapping[str, Any], database: Path, model: Any, effort: str) -> Iterator[Played]:
    """The turns of one conversation."""
    talk = Conversation()
    with (
        Agent(database, model, effort=effort) as agent,
        Sandbox(database, limits=Limits(max_rows=200_000)) as sandbox,
    ):
        for number, turn in enumerate(case["turns"]):
            kind = FIRST if number == 0 else NEW if turn.get("new") else NEXT
            question = turn["question"]
            history = talk.history(question, agent.schema())
            sql, error, began = "", "", time.perf_counter()
            try:
                sql = agent.ask(question, history=history).sql
                talk.add(question, sql, history)
            except SqlagentError as problem:
                error = str(problem)
            seconds = time.perf_counter() - began
            accepted = [turn["query"], *turn.get("or", ())]
            outcome = run(sandbox, sql) if sql else Outcome(error="no statement")
            correct = any(
                same_outcome(run(sandbox, gold), outcome, ordered=orders(gold)) for gold in accepted
            )
            yield Played(
                case["db"],
                kind,
                question,
                turn["query"],
                sql,
                correct,
                bool(history) == (kind == NEXT),
                seconds,
                error,
            )


def lines(played: Sequence[Played]) -> Iterator[str]:
    """The report."""
    for kind in (FIRST, NEXT, NEW):
        turns = [turn for turn in played if turn.kind == kind]
        right = sum(turn.correct for turn in turns)
        low, high = wilson(right, len(turns))
        known = sum(turn.understood for turn in turns)
        yield (
            f"{kind}: {right} of {len(turns)} right ({100 * low:.1f} – {100 * high:.1f} %), "
            f"{known} rightly taken for what they are, p50 {percentile([t.seconds for t in turns], 0.5):.1f} s"
        )
    right = sum(turn.correct for turn in played)
    low, high = wilson(right, len(played))
    yield f"every turn: {right} of {len(played)} right ({100 * low:.1f} – {100 * high:.1f} %)"


def main(argv: Sequence[str], model: Any = None) -> int:
    """The command; `model` replaces the one that `--model` names (tests bring a scripted one)."""
    parser = argparse.ArgumentParser(prog="python -m bench conversation", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with chinook.sqlite and northwind.sqlite"
    )
    parser.add_argument(
        "--cases", type=Path, default=CASES, help="the conversations (tests/conversations.json)"
    )
    parser.add_argument("--model", help="a name from the registry or a GGUF file (the default model)")
    parser.add_argument("--adapter", type=Path, help="a LoRA adapter to apply: a peft folder or a GGUF")
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--out", type=Path, help="write every turn to this file as JSON lines")
    options = parser.parse_args(list(argv))
    cases = json.loads(options.cases.read_text(encoding="utf-8"))
    files = {name: options.data / f"{name}.sqlite" for name in {case["db"] for case in cases}}
    for path in files.values():
        if not path.is_file():
            raise UsageError(f"There is no {path}: --data wants the folder with that database.")
    loaded = model
    if loaded is None:
        from sqlagent.base import paths
        from sqlagent.decoding.model import Model
        from sqlagent.store import models

        loaded = Model.of(
            models.ready(options.model, adapter=options.adapter), cache_dir=paths.cache_dir() / "prefix"
        )
    played: list[Played] = []
    try:
        from tqdm import tqdm

        for case in tqdm(cases, unit="conversation", file=sys.stderr, disable=None):
            played += play(case, files[case["db"]], loaded, options.effort)
    finally:
        if model is None:
            loaded.close()
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(_record(turn), ensure_ascii=False) + "\n" for turn in played)
        options.out.write_text(text, encoding="utf-8")
    print("\n".join(lines(played)))
    for turn in played:
        if not turn.correct:
            print(f"- wrong ({turn.kind}, {turn.db}): {turn.question} | {turn.sql or turn.error}")
    return OK


def _record(turn: Played) -> dict[str, Any]:
    return {name: getattr(turn, name) for name in Played.__dataclass_fields__}
