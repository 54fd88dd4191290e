"""Interrupt `sqlagent ask` at random moments, from its first instruction to its last; print what came of each.

    python -m bench interrupts --moments 1000
    python -m bench interrupts --moments 200 --model tiny

Right is: exit code 130, one line on stderr and nothing else, rows on stdout whole or not at all; or, when the
answer was out before the interrupt came, exit code 0 and all rows. Exit code 1 when anything else happened.
Without --model a scripted model answers in a moment, so that opening, writing and closing are hit most often.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlagent.base.errors import INTERRUPTED, NO_ANSWER, OK

LINE = "sqlagent: Interrupted.\n"
QUESTION = "How many employees are there?"
BEFORE_US = ("<frozen site>", "<frozen importlib", "Fatal Python error: init_", "encodings/")
"""What a traceback says where the interpreter was still starting: no line of ours had run."""
OURS = re.compile(r'File "[^"]*\bsqlagent/')
"""A line of ours in a traceback; our folder is named in the interpreter's own errors, too, as it looks for modules."""

_SCRIPTED = """
import sys
from sqlagent.ui.program import run

class Scripted:
    name, vectors = "scripted", None
    def __init__(self):
        from sqlagent.decoding.candidate import Timings
        self.last_timings = Timings()
    def generate(self, prompt, acceptor, *, cancelled=None):
        from sqlagent.decoding.candidate import Candidate
        return [Candidate(sql="SELECT COUNT(*) AS n FROM employees", logprob=-0.1, tokens=9, margin=0.9, finished=True,
                          forced=5)]
    def alternatives(self, n, within, *, max_tokens=256, cancelled=None): return []
    def question_logprobs(self, prompt, statements, *, cancelled=None): return [0.0] * len(statements)
    def read(self, prompt, cancelled=None): pass
    def close(self): pass

run(model=Scripted)
"""


@dataclass(frozen=True)
class Outcome:
    """How one run ended. `what` is "interrupted", "answered", "before us" or what went wrong."""

    what: str
    moment: float
    code: int
    out: str
    err: str

    @property
    def right(self) -> bool:
        return self.what in ("interrupted", "answered", "before us")


def command(database: Path, model: str | None) -> list[str]:
    """The command line that is interrupted."""
    start = ["-m", "sqlagent"] if model else ["-c", _SCRIPTED]
    chosen = ["--model", model] if model else []
    return [sys.executable, *start, "ask", str(database), QUESTION, "-f", "csv", "--quiet", *chosen]


def interrupted(line: list[str], moment: float, rows: str) -> Outcome:
    """Start a command, interrupt it after so many seconds, and judge its end. rows: all that it prints undisturbed."""
    process = subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(moment)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return Outcome(judged(process.returncode, out, err, rows), moment, process.returncode, out, err)


def judged(code: int, out: str, err: str, rows: str) -> str:
    """What a run's end is called. rows: all that it prints undisturbed.

    The question asks for one number. A model that guesses may give another one on a busy machine, where a look at the
    data ran out of time; what counts is that no line is missing or cut.
    """
    whole = out == rows or (out.endswith("\n") and out.count("\n") == rows.count("\n"))
    if code == OK and whole and not err:
        return "answered"
    if code == INTERRUPTED and err == LINE and (whole or not out):
        return "interrupted"
    if (
        not out
        and (code == -signal.SIGINT or any(mark in err for mark in BEFORE_US))
        and not OURS.search(err)
    ):
        return "before us"
    if code < 0:
        return f"died of signal {-code}"
    if "Traceback" in err or "Exception ignored" in err:
        return "traceback"
    kept = "whole" if whole else "cut" if out else "missing"
    return f"code {code}, {len(err.splitlines())} lines, rows {kept}"


def undisturbed(line: list[str]) -> tuple[float, str]:
    """Seconds that a command takes, the longest of three, and what it prints."""
    took, rows = 0.0, ""
    for _ in range(3):
        began = time.monotonic()
        done = subprocess.run(line, capture_output=True, text=True, check=True)
        took, rows = max(took, time.monotonic() - began), done.stdout
    return took, rows


def main(argv: list[str] | None = None) -> int:
    """Interrupt as often as was asked for and print the table; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench interrupts", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--moments", type=int, default=1000, metavar="N", help="how often (default 1000)")
    parser.add_argument("--model", metavar="M", help="a real model's name or file, instead of a scripted one")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    from sqlagent.ui import demo_database

    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="sqlagent-interrupts-") as folder:
        line = command(demo_database.build(Path(folder) / "company.db"), options.model)
        took, rows = undisturbed(line)
        print(f"undisturbed: {took:.2f} s")
        outcomes = [interrupted(line, draw.uniform(0.0, took), rows) for _ in range(options.moments)]
    for what, times in Counter(outcome.what for outcome in outcomes).most_common():
        print(f"{times:6d}  {what}")
    wrong = [outcome for outcome in outcomes if not outcome.right]
    for outcome in wrong[:10]:
        print(f"\nafter {outcome.moment:.3f} s, code {outcome.code}\n{outcome.out}{outcome.err[-1500:]}")
    print("all ended as they should" if not wrong else f"{len(wrong)} WRONG")
    return NO_ANSWER if wrong else OK


if __name__ == "__main__":
    sys.exit(main())
