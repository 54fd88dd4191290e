"""Measure what a person waits for at a terminal beside the model: a usable prompt, the rest of `ask`; and memory.

Part of `python -m bench latency`. Seconds of a processor stand beside those of the clock, since a busy machine
stretches the latter alone. Needs pexpect, and Linux for what is read from /proc.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.gold.datasets import Question
from bench.stats import percentile

ROOT = Path(__file__).resolve().parent.parent
STARTS = 5
MB = 1_000_000


class Timed:
    """A model whose own time is added up, on the clock and of the processor."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.seconds = self.processor = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._model, name)
        return self._timed(found) if name in _MODEL_CALLS else found

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            began, used = time.perf_counter(), time.process_time()
            try:
                return call(*given, **named)
            finally:
                self.seconds += time.perf_counter() - began
                self.processor += time.process_time() - used

        return timed


_MODEL_CALLS = frozenset(
    ("generate", "alternatives", "question_logprobs", "statement_logprobs", "read", "count", "unread")
)


def report(files: Any, questions: Sequence[Question]) -> list[str]:
    """The section of the report; the databases are those of the questions."""
    lines = ["## At a terminal", "", "| what | n | seconds | of a processor |", "|---|---:|---:|---:|"]
    starts = [_prompt(str(questions[0].database), str(files.model)) for _ in range(STARTS)]
    lines.append(_row("from `sqlagent DB` to a usable prompt", starts))
    outside, memory = _asked(files, questions)
    lines.append(_row("`ask` outside the model, databases seen before", outside))
    return [*lines, "", memory]


def _row(what: str, found: Sequence[tuple[float, float]]) -> str:
    clock, processor = (percentile([one[i] for one in found], 0.5) for i in (0, 1))
    return f"| {what}, median | {len(found)} | {clock:.3f} | {processor:.3f} |"


def _prompt(database: str, model: str) -> tuple[float, float]:
    """Seconds from the start of the process until it takes a line: on the clock, and of its own processor time."""
    import pexpect

    environ = {**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm", "SQLAGENT_OFFLINE": "1"}
    began = time.perf_counter()
    child = pexpect.spawn(
        sys.executable, ["-m", "sqlagent", database, "--model", model],
        env=environ, cwd=str(ROOT), encoding="utf-8", timeout=120,
    )  # fmt: skip
    try:
        child.expect("sqlagent>")
        took = time.perf_counter() - began
        fields = Path(f"/proc/{child.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return took, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    finally:
        child.close(force=True)


def _asked(files: Any, questions: Sequence[Question]) -> tuple[list[tuple[float, float]], str]:
    """(seconds outside the model for each question, memory) of agents that ask each question twice, and count once."""
    from sqlagent.agent.agent import Agent
    from sqlagent.base.errors import SqlagentError
    from sqlagent.decoding.model import Model

    found = []
    with tempfile.TemporaryDirectory() as cache, Model.of(files, cache_dir=Path(cache)) as model:
        for question in questions:
            timed = Timed(model)
            with Agent(str(question.database), timed) as agent:
                for counts in (False, True):
                    timed.seconds = timed.processor = 0.0
                    began, used = time.perf_counter(), time.process_time()
                    try:
                        agent.ask(question.question)
                    except SqlagentError:
                        continue
                    if counts:
                        outside = time.perf_counter() - began - timed.seconds
                        found.append((outside, time.process_time() - used - timed.processor))
        return found, _memory(files, model)


def _memory(files: Any, model: Any) -> str:
    """How much of this process's largest memory is neither the model's files nor its KV cells."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    weights = sum(Path(file).stat().st_size for file in (files.model, files.adapter) if file)
    llama = model._llama
    with llama.open() as lib:
        inside = llama._handles.model
        wide = lib.llama_model_n_embd(inside) // lib.llama_model_n_head(inside)
        cells = lib.llama_model_n_layer(inside) * lib.llama_model_n_head_kv(inside) * wide
        kept = 2 * 2 * cells * llama.n_ctx  # keys and values, two bytes each
    return (
        f"Memory at most {most / MB:,.0f} MB: the model's files {weights / MB:,.0f}, {llama.n_ctx:,} KV cells "
        f"{kept / MB:,.0f}, all else {(most - weights - kept) / MB:,.0f}."
    )
