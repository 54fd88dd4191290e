"""How long one waits: for the first token in a new process, and for each further question.

    python -m bench latency --data DIR/spider --split val --databases 3 --limit 20 --model M

First token: a new Python process opens a database and asks one question, with an empty prefix cache ("never
seen"), then once more in another new process, with the cache that the first one left ("seen before"). The
time runs from the start of the process, so imports, reading the schema and loading the model are in it. The third
row is a session, which does all that while the question is typed ("read ahead", an empty cache again): there the time
to the first token runs from the end of the line, typed after at least as long as the other columns add up to.
Further questions: one process, questions of a few databases, the grammar on. At a terminal: see `at_terminal`.

Invariant: a time is never reported without the number of measurements behind it, and the cache that is
measured is a temporary one: the user's own is neither read nor written.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import at_terminal
from bench.gold import datasets
from bench.gold.datasets import Question
from bench.stats import percentile
from sqlagent.base.errors import OK, ModelError, UsageError

if TYPE_CHECKING:
    from sqlagent.store.adapters import Files

ROOT = Path(__file__).resolve().parent.parent
PHASES = ("start", "schema", "load", "grammar", "prefill", "first_token")
AHEAD = "read ahead"
CHILD_SECONDS = 900
"""A child that takes longer than this is given up."""


def main(argv: Sequence[str], model: Any = None) -> int:
    """The command; `model` replaces the one of the second part (tests bring a scripted one)."""
    if argv and argv[0] == "--child":
        print(json.dumps(first_token(json.loads(argv[1]))))
        return OK
    options = _options(argv)
    questions = datasets.load(options.data, options.split)
    if any(question.database is None for question in questions):
        raise UsageError("latency needs databases: give a Spider-format folder.")
    first = list(_one_each(datasets.sample(questions, None, options.seed), options.databases))
    further = datasets.sample(questions, options.limit, options.seed)
    lines = [
        "# Latency",
        "",
        f"- load average at the start: {_load()}",
        f"- threads: {options.threads or 'auto'}",
    ]
    files: Files | None = None
    if model is None:
        from sqlagent.store import models

        files = models.ready(options.model, adapter=options.adapter)
        lines += [f"- model: {files.name}", "", *_starts(files, first, options.threads)]
        lines += ["", *at_terminal.report(files, first)]
    lines += ["", *_questions(files, further, options.threads, model)]
    print("\n".join(lines))
    return OK


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench latency", description="Seconds until an answer.")
    parser.add_argument("--data", type=Path, required=True, help="a Spider-format folder")
    parser.add_argument("--split", default="val", help="which file of the folder (val)")
    parser.add_argument("--databases", type=int, default=3, help="databases opened in new processes (3)")
    parser.add_argument("--limit", type=int, default=20, help="further questions in one process (20)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (0)")
    parser.add_argument("--model", help="a name from the registry or a GGUF file (the default model)")
    parser.add_argument("--adapter", type=Path, help="a LoRA adapter to apply: a peft folder or a GGUF")
    parser.add_argument("--threads", type=int, help="threads of the model (its own choice)")
    options = parser.parse_args(list(argv))
    if options.databases < 1 or options.limit < 1:
        raise UsageError("--databases and --limit want numbers of at least 1.")
    return options


def _one_each(questions: Sequence[Question], count: int) -> Iterator[Question]:
    """The first question of each of the first `count` databases."""
    seen: set[str] = set()
    for question in questions:
        if question.db not in seen and len(seen) < count:
            seen.add(question.db)
            yield question


# --- a new process ---------------------------------------------------------------------------------


def _starts(files: Files, questions: Sequence[Question], threads: int | None) -> list[str]:
    found: dict[str, list[dict[str, float]]] = {"never seen": [], "seen before": [], AHEAD: []}
    for question in questions:
        with tempfile.TemporaryDirectory() as used, tempfile.TemporaryDirectory() as empty:
            for kind in found:
                print(f"{question.db}, {kind} …", file=sys.stderr)
                cache = empty if kind == AHEAD else used
                found[kind].append(_spawn(files, question, cache, threads, ahead=kind == AHEAD))
    lines = ["## Seconds to the first token in a new process, medians", ""]
    lines += ["| database | n | " + " | ".join(PHASES) + " | prompt tokens | of them cached |"]
    lines += ["|---|" + "---:|" * (len(PHASES) + 3)]
    for kind, runs in found.items():
        times = " | ".join(f"{percentile([run[phase] for run in runs], 0.5):.2f}" for phase in PHASES)
        tokens = [percentile([run[name] for run in runs], 0.5) for name in ("prompt_tokens", "cached_tokens")]
        lines.append(f"| {kind} | {len(runs)} | {times} | {tokens[0]:.0f} | {tokens[1]:.0f} |")
    return lines


def _spawn(
    files: Files, question: Question, cache: str, threads: int | None, *, ahead: bool = False
) -> dict[str, float]:
    """Ask in a new process; raises ModelError with the child's last words when it fails."""
    job = {
        "model": str(files.model),
        "adapter": str(files.adapter) if files.adapter else None,
        "database": str(question.database),
        "question": question.question,
        "cache": cache,
        "threads": threads,
        "ahead": ahead,
        "began": time.time(),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bench", "latency", "--child", json.dumps(job)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=CHILD_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"no answer within {CHILD_SECONDS} s: try a smaller model.") from error
    if done.returncode != OK:
        words = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ModelError(f"the measured process failed: {words}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def first_token(job: dict[str, Any]) -> dict[str, float]:
    """In the child: seconds of every phase up to the first token, counted from when the parent started it."""
    marks = [job["began"], time.time()]
    from sqlagent.database import schema
    from sqlagent.linking import prompt

    read = schema.read(job["database"])
    text = prompt.build(read, job["question"])
    marks.append(time.time())
    from sqlagent.decoding.model import Model

    with Model(job["model"], adapter=job["adapter"], threads=job["threads"], cache_dir=job["cache"]) as model:
        marks.append(time.time())
        from sqlagent.grammar import Acceptor

        acceptor = Acceptor(read)
        marks.append(time.time())
        if job["ahead"]:
            model.read(text)
        read_ahead = time.time() - marks[-1]
        model.generate(text, acceptor)
        timings = model.last_timings
    spent = [after - before for before, after in zip(marks, marks[1:], strict=False)]
    return {
        **dict(zip(PHASES, spent, strict=False)),
        "prefill": read_ahead + timings.prefill,
        "first_token": timings.first_token + (0.0 if job["ahead"] else sum(spent)),
        "prompt_tokens": timings.prompt_tokens,
        "cached_tokens": timings.cached_tokens,
    }


# --- further questions -----------------------------------------------------------------------------


def _questions(
    files: Files | None, questions: Sequence[Question], threads: int | None, model: Any
) -> list[str]:
    from bench.answering import answer_all
    from bench.predict import parse_decode

    loaded = model
    if loaded is None and files is not None:
        from sqlagent.decoding.model import Model

        loaded = Model.of(files, threads=threads)
    try:
        records = list(answer_all(questions, loaded, parse_decode("greedy")))
    finally:
        if model is None and loaded is not None:
            loaded.close()
    lines = ["## Seconds a question in one process, greedy", ""]
    lines += ["| questions | n | p50 | p95 |", "|---|---:|---:|---:|"]
    for title, cold in (("the first of a database", True), ("further ones", False)):
        seconds = [record["seconds"] for record in records if record["cold"] is cold]
        if seconds:
            p50, p95 = (percentile(seconds, share) for share in (0.5, 0.95))
            lines.append(f"| {title} | {len(seconds)} | {p50:.2f} | {p95:.2f} |")
    return lines


def _load() -> str:
    """The machine's load, without which a time says little."""
    try:
        return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    except (AttributeError, OSError):
        return f"unknown on {os.cpu_count()} cores"
