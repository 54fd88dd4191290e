"""What the rules, the caution and the sentence make of gold statements, and how long that takes.

    python -m bench reading --data DIR --split train [--limit 500] [--before CHECKOUT]

Each gold statement, in its canonical form, goes with its question through all that happens between decoding and the
sandbox. Every third one goes on from the question before it of the same database. With --before the code of another
checkout does the same, in a process of its own; the two take turns at each statement, so that what else the machine
does falls on both. Every text that differs is shown, and both medians are printed.

Invariant: both are given the same cases and the same answers of the databases.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SHOWN = 40
PLAYER = Path(__file__).with_name("reading_player.py")

Case = dict[str, Any]
Result = dict[str, Any]


class Player:
    """A process that plays cases by the code of one checkout."""

    def __init__(self, checkout: Path) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')",
                PLAYER,
            ],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def play(self, case: Case) -> Result:
        """What becomes of a case, and the seconds of the processor that it took."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a player ended: {case['sql']}")
        result: Result = json.loads(line)
        return result

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()


def played(cases: Sequence[Case], checkouts: Sequence[Path]) -> list[list[Result]]:
    """The results of each checkout's code. They take turns at each case, and at who is first."""
    players = [Player(checkout) for checkout in checkouts]
    results: list[list[Result]] = [[] for _ in players]
    turns = list(zip(players, results, strict=True))
    try:
        for case in cases:
            for player, found in turns:
                found.append(player.play(case))
            turns.reverse()
    finally:
        for player in players:
            player.close()
    return results


def write_cases(data: Path, splits: Sequence[str], limit: int | None, path: Path) -> int:
    """The canonical gold statements with their questions, grouped by database; how many there are."""
    from bench.gold.canonical import CanonicalError, canonicalise
    from bench.gold.datasets import load, sample
    from sqlagent.database import schema as schemas

    written = 0
    with path.open("w") as target:
        for split in splits:
            known: dict[Path, Any] = {}
            last: tuple[str, str, str] | None = None
            for question in sample(load(data, split, hints=False), limit, 1):
                if question.database is None:
                    continue
                if question.database not in known:
                    known[question.database] = schemas.read(question.database, samples=0)
                try:
                    sql = canonicalise(question.gold, known[question.database])
                except CanonicalError:
                    continue
                history = [last[1:]] if last and last[0] == question.db and written % 3 == 2 else []
                case = {"database": str(question.database), "question": question.question, "sql": sql}
                target.write(json.dumps({**case, "history": history}) + "\n")
                last = (question.db, question.question, sql)
                written += 1
    return written


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench reading", description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of questions with databases")
    parser.add_argument("--split", action="append", help="its split; may be given several times")
    parser.add_argument("--limit", type=int, help="questions of a split, drawn at random; all without it")
    parser.add_argument("--cases", type=Path, help="statements written by an earlier run with --keep")
    parser.add_argument(
        "--keep", type=Path, help="where the canonical statements are written for another run"
    )
    parser.add_argument("--before", type=Path, help="a checkout whose code is to be compared with")
    options = parser.parse_args(argv)
    if not (options.data or options.cases):
        parser.error("give --data, or --cases from an earlier run")
    with tempfile.TemporaryDirectory() as folder:
        path = options.cases or options.keep or Path(folder) / "cases.jsonl"
        if options.cases is None:
            count = write_cases(options.data, options.split or ["train"], options.limit, path)
            print(f"{count} statements have a canonical form", file=sys.stderr)
        cases = [json.loads(line) for line in path.read_text().splitlines()]
    checkouts = [Path(__file__).resolve().parent.parent]
    if options.before is not None:
        checkouts.append(options.before.resolve())
    here, *others = played(cases, checkouts)
    _report("now", here)
    for there in others:
        _report("before", there)
        print(f"time of now / before: {_median(here) / _median(there):.2f}")
        return _compared(here, there)
    return 0


def _median(results: Sequence[Result]) -> float:
    return float(statistics.median(one["seconds"] for one in results))


def _report(name: str, results: Sequence[Result]) -> None:
    amended = sum(one["made"] != one["sql"] for one in results)
    said = sum(bool(one["words"]) for one in results)
    print(
        f"{name}: {len(results)} statements, {amended} amended, {sum(bool(one['caution']) for one in results)} with "
        f"a caution, {said} explained; {1000 * _median(results):.3f} ms of processor at the median to read, "
        "amend and explain one"
    )


def _compared(here: Sequence[Result], there: Sequence[Result]) -> int:
    """1 where a text differs."""
    different = 0
    for now, before in zip(here, there, strict=True):
        for key in ("made", "notes", "caution", "words"):
            if now[key] != before[key]:
                different += 1
                if different <= SHOWN:
                    print(f"{key} of {now['sql']}\n  before: {before[key]}\n  now:    {now[key]}")
                break
    print(f"{different} of {len(here)} statements come to another text")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
