"""Quantises a GGUF through llama.cpp, in a process of its own.

Invariant: llama.cpp may abort or be interrupted without harm: the output appears when it is complete, and
what it complained about becomes one sentence.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from sqlagent.base.errors import ModelError, UsageError
from sqlagent.base.progress import Progress
from sqlagent.weights.files import atomic, refuse_same
from sqlagent.weights.gguf_read import GgufFile

TYPES = {
    "F32": 0,
    "F16": 1,
    "Q4_0": 2,
    "Q4_1": 3,
    "Q8_0": 7,
    "Q5_0": 8,
    "Q5_1": 9,
    "Q2_K": 10,
    "Q3_K_S": 11,
    "Q3_K_M": 12,
    "Q3_K_L": 13,
    "Q4_K_S": 14,
    "Q4_K_M": 15,
    "Q5_K_S": 16,
    "Q5_K_M": 17,
    "Q6_K": 18,
    "IQ4_NL": 25,
    "IQ3_S": 26,
    "IQ3_M": 27,
    "IQ4_XS": 30,
    "BF16": 32,
}
"""llama.cpp's file types that make sense for a model of this size, by name."""
_FLOATS = {0, 1, 32}
_KEEPING = {"F32", "F16", "BF16", "Q8_0", "Q6_K", "Q4_0"}
"""Types that keep an adapter: their steps are small beside what it changes, or lie elsewhere than the K types' do."""
_STEP = re.compile(r"\[\s*(\d+)/\s*(\d+)\]")


def parse_type(name: str) -> str:
    """The type a user means, in capitals. Raises UsageError."""
    wanted = name.strip().upper().replace("-", "_")
    if wanted not in TYPES:
        raise UsageError(f"There is no type {name!r}: choose one of {', '.join(TYPES)}.")
    return wanted


def type_for_merging(base: GgufFile) -> str:
    """The type to write a merge in when none is named: one in which the adapter is still there."""
    own = int(base.get("general.file_type", 1))
    if own in _FLOATS:
        return next(name for name, number in TYPES.items() if number == own)
    return "F16" if own == TYPES["Q8_0"] else "Q8_0"


def warn_of_rounding(base: GgufFile, kind: str, progress: Progress) -> None:
    """Say so when an adapter that is merged into a quantised base would hardly survive in type `kind`.

    The base's weights lie on the grid of its type, and an adapter moves them by less than half a step of it: rounded
    to the same grid, they are the base's again (bench/NOTES.md has the measurement).
    """
    own = int(base.get("general.file_type", 1))
    if own not in _FLOATS and (kind not in _KEEPING or TYPES[kind] == own):
        progress.note(
            f"Rounding to {kind} takes most of the adapter away again, because {base.path.name} is quantised "
            f"already: take {type_for_merging(base)}, or apply the adapter at load."
        )


def quantize(
    source: Path,
    out: Path,
    kind: str,
    *,
    imatrix: Path | None = None,
    requantize: bool = False,
    threads: int | None = None,
    progress: Progress,
) -> None:
    """Write `source` as `kind` (a key of TYPES) to `out`.

    imatrix: a file that `convert imatrix` (or llama-imatrix, as GGUF) wrote.
    requantize: take a source that is quantised already, which loses quality twice.
    Raises ModelError and UsageError.
    """
    refuse_same(source, out)
    model = GgufFile(source)
    if model.get("general.type", "model") != "model":
        raise ModelError(
            f"{source} is no model but of type {model.get('general.type')}: it cannot be quantised."
        )
    if int(model.get("general.file_type", 1)) not in _FLOATS and not requantize:
        raise UsageError(
            f"{source.name} is quantised already: start from an F16, BF16 or F32 file, or give --requantize."
        )
    if imatrix is not None:
        from sqlagent.weights.importance import read

        read(imatrix)  # whether it is one, before the long part
    from sqlagent.base.cpu_threads import physical_cores

    with atomic(out) as draft:
        job = {
            "source": str(source.absolute()),
            "out": str(draft.absolute()),
            "ftype": TYPES[kind],
            "imatrix": str(imatrix.absolute()) if imatrix else None,
            "requantize": requantize,
            "threads": threads or physical_cores(),
        }
        complaint = _run(job, f"{out.name}", source.stat().st_size, progress)
        if complaint is not None or not draft.stat().st_size:
            raise ModelError(
                f"llama.cpp cannot quantise {source.name} to {kind}: {complaint or 'no file came out'}."
            )


def _run(job: dict[str, object], label: str, total: int, progress: Progress) -> str | None:
    """Run a job in a child process; what went wrong, or None."""
    root = Path(__file__).resolve().parents[2]  # where the child finds this package
    child = subprocess.Popen(
        [sys.executable, "-m", "sqlagent.weights.quantize_worker", json.dumps(job)],
        cwd=root,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    last = ""
    progress.start(label, total=total)
    try:
        assert child.stderr is not None
        for line in child.stderr:
            if found := _STEP.search(line):
                progress.update(total * int(found[1]) // int(found[2]))
            elif line.strip(". =\n"):
                last = line.strip()
        code = child.wait()
    finally:
        progress.stop()
        if child.poll() is None:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
    if code == 0:
        return None
    return last.removeprefix("llama_model_quantize: failed to quantize: ") or f"it stopped with code {code}"
