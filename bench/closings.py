"""Close models and agents in every order from several threads, while they are used; see whether the process lives.

    python -m bench closings --rounds 300

Each round loads a model of random weights (made here, a few kilobytes), lends it to two agents on the
demonstration database, and lets threads ask, read ahead, count tokens, compare words, change and close in a random
order. Right is: every call answers or raises one of sqlagent's errors, all threads end, and nothing aborts. The
rounds run in a process of their own, so that an abort is counted and not met.
"""

from __future__ import annotations

import argparse
import importlib
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import NO_ANSWER, OK, SqlagentError

if TYPE_CHECKING:
    from sqlagent.agent.agent import Agent
    from sqlagent.decoding.candidate import Candidate
    from sqlagent.decoding.model import Model

PATIENCE = 60.0
"""Seconds after which a round counts as hung."""
THREADS = 4
TOKENS = 12


def main(argv: list[str] | None = None) -> int:
    """Run the rounds and print what came of them; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench closings", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=300, metavar="N", help="how many orders (default 300)")
    parser.add_argument(
        "--weights", type=Path, metavar="GGUF", help="the model to close; a small one, else made here"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.inside is not None:
        return _rounds(options.inside, options.weights, options.rounds, options.seed)
    from sqlagent.ui import demo_database

    with tempfile.TemporaryDirectory(prefix="sqlagent-closings-") as folder:
        database = demo_database.build(Path(folder) / "company.db")
        weights = options.weights or _weights(Path(folder))
        line = [
            sys.executable,
            "-m",
            "bench",
            "closings",
            "--inside",
            str(database),
            "--weights",
            str(weights),
        ]
        done = subprocess.run([*line, "--rounds", str(options.rounds), "--seed", str(options.seed)])
    if done.returncode < 0:
        print(f"ABORTED by signal {-done.returncode}")
    return OK if done.returncode == OK else NO_ANSWER


def _weights(folder: Path) -> Path:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    return Path(importlib.import_module("tiny_gguf").make_gguf(folder / "random.gguf"))


def _rounds(database: Path, weights: Path, rounds: int, seed: int) -> int:
    tally: Counter[str] = Counter()
    for number in range(rounds):
        for what, times in one_round(database, weights, random.Random(f"{seed} {number}")).items():
            tally[what] += times
    for what, times in tally.most_common():
        print(f"{times:6d}  {what}")
    wrong = sum(times for what, times in tally.items() if what.startswith(("WRONG", "HUNG")))
    print(f"{rounds} rounds: " + ("nothing aborted, nothing hung" if not wrong else f"{wrong} WRONG"))
    return NO_ANSWER if wrong else OK


def one_round(database: Path, weights: Path, draw: random.Random) -> Counter[str]:
    """What came of each call of one round."""
    from sqlagent.agent.agent import Agent
    from sqlagent.decoding.model import Model

    class Brief(Model):
        """Random weights ramble: a statement is cut after a few tokens, which is enough to be in the middle of."""

        def generate(self, *given: Any, max_tokens: int = TOKENS, **named: Any) -> list[Candidate]:
            return super().generate(*given, max_tokens=min(TOKENS, max_tokens), **named)

        def alternatives(self, *given: Any, max_tokens: int = TOKENS, **named: Any) -> list[Candidate]:
            return super().alternatives(*given, max_tokens=min(TOKENS, max_tokens), **named)

    model = Brief(weights, n_ctx=2048, threads=1, n_parallel=2)
    agents = [Agent(database, model, effort=draw.choice(["fast", "normal"])) for _ in range(2)]
    agents.append(Agent(database, str(weights), effort="fast"))  # it loads a model of its own, and closes it
    calls = _calls(model, agents, draw)
    tally: Counter[str] = Counter()
    scripts = [draw.sample(calls, k=draw.randint(2, 5)) for _ in range(THREADS)]
    pauses = [[draw.choice([0.0, 0.001, 0.02]) for _ in script] for script in scripts]

    def run(script: list[tuple[str, Callable[[], object]]], waits: list[float]) -> None:
        for (name, call), wait in zip(script, waits, strict=True):
            time.sleep(wait)
            try:
                call()
                tally[f"{name}: done"] += 1
            except SqlagentError as error:
                tally[f"{name}: {type(error).__name__}"] += 1
            except Exception as error:  # whatever it is, it would have been a traceback in front of a user
                tally[f"WRONG {name}: {type(error).__name__}: {error}"] += 1

    threads = [
        threading.Thread(target=run, args=work, daemon=True) for work in zip(scripts, pauses, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        tally["HUNG"] += thread.is_alive()
    for close in draw.sample([model.close, *(agent.close for agent in agents)], k=4):
        close()
    return tally


def _calls(model: Model, agents: list[Agent], draw: random.Random) -> list[tuple[str, Callable[[], object]]]:
    from sqlagent.linking import prompt

    def compare() -> object:
        vectors = model.vectors
        return vectors and vectors.likeness([f"word{draw.random()}"], ["salary"])

    asked = prompt.build(agents[0].schema(), "Who earns the most?")
    calls: list[tuple[str, Callable[[], object]]] = [
        ("model.close", model.close),
        ("model.generate", lambda: model.generate(asked, None, max_tokens=24)),
        ("model.alternatives", lambda: model.alternatives(2, 3.0, max_tokens=24)),
        ("model.read", lambda: model.read(asked)),
        ("model.count", lambda: model.count(asked)),
        ("model.question_logprobs", lambda: model.question_logprobs(asked, ["SELECT 1"])),
        ("model.vectors", compare),
    ]
    for agent in agents:
        calls += [
            ("agent.close", agent.close),
            ("agent.warm_up", agent.warm_up),
            ("agent.cancel", agent.cancel),
            ("agent.run_sql", partial(agent.run_sql, "SELECT count(*) FROM employees")),
        ]
    for agent in agents[:2]:
        calls.append(("agent.ask", partial(agent.ask, "How many employees are there?")))
    return calls


if __name__ == "__main__":
    sys.exit(main())
