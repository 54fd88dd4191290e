"""Choose how a model's adapter is applied on this processor, by trying both ways once.

At load, llama.cpp takes the adapter's products beside those of every matrix: nothing is rounded, and everything costs
more. Merged into a type that the processor multiplies by the dozen there is one product, rounded anew. Which is faster,
and by how much, differs by processor. What was found is kept beside the files that were made, and holds for the same
files, the same processor and the same llama.cpp.
"""

from __future__ import annotations

import contextlib
import functools
import json
import platform
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base import private_files
from sqlagent.base.errors import ModelError
from sqlagent.base.progress import Progress
from sqlagent.store import adapters
from sqlagent.store.adapters import FASTEST, Files, Plan

if TYPE_CHECKING:
    from sqlagent.store.registry import Entry

WORTH = 0.9
"""Share of the time at load that a merged file may take at most: it is rounded, and takes its size of disk."""
ROUNDS = 2
"""Times that each file is loaded and run."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Seconds that the tokens of a usual question took each way, and what was tried where."""

    load: float
    merge: float
    files: str
    machine: str

    @property
    def apply(self) -> str:
        """The way that is taken."""
        return "merge" if self.merge <= WORTH * self.load else "load"


def plan_of(entry: Entry, folder: Path) -> Plan | None:
    """How the adapter of a model is applied here; None for a model without one. `folder` is the cache's.

    Where nothing was tried yet, it is at load, which takes nothing that has to be made.
    """
    plan = adapters.plan_of(entry, folder)
    if plan is None or plan.apply != FASTEST:
        return plan
    found = trial(entry, folder)
    return _ways(plan)["load" if found is None else found.apply]


def trial(entry: Entry, folder: Path) -> Trial | None:
    """What was found out about a model with these files on this machine, else None."""
    try:
        found = Trial(**json.loads(_record(entry, folder).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return found if (found.files, found.machine) == (_files(entry, folder), _machine()) else None


def try_both(entry: Entry, base: Path, folder: Path, progress: Progress) -> Trial | None:
    """Make both, run both, keep the faster one and say so. None where that is not possible, which is said too."""
    plan = adapters.plan_of(entry, folder)
    assert plan is not None and plan.apply == FASTEST, entry.name
    progress.note(f"Finding out which file of {entry.name} runs fastest here; this is done once.")
    try:
        made = {way: adapters.prepare(one, base, entry.sha256, progress) for way, one in _ways(plan).items()}
        found = measured(entry, made, folder)
        private_files.write(_record(entry, folder), json.dumps(asdict(found)).encode())
    except (ModelError, OSError) as error:
        progress.note(f"The adapter of {entry.name} stays at load: {error}")
        return None
    if found.apply == "load":
        adapters.forget(_ways(plan)["merge"].stem, folder)
    progress.note(said(entry, found))
    return found


def measured(entry: Entry, made: dict[str, Files], folder: Path) -> Trial:
    """Run both files in turn, and take the best of each: others may use the processor. Raises ModelError."""
    from sqlagent.llama.rate import question_seconds

    seconds = dict.fromkeys(made, float("inf"))
    for _ in range(ROUNDS):
        for way, files in made.items():
            seconds[way] = min(seconds[way], question_seconds(files.model, files.adapter))
    return Trial(seconds["load"], seconds["merge"], _files(entry, folder), _machine())


def files_of_both(entry: Entry, base: Path, folder: Path) -> dict[str, Files] | None:
    """The files of both ways where both are there, else None. Raises ModelError."""
    plan = adapters.plan_of(entry, folder)
    if plan is None or plan.apply != FASTEST:
        return None
    found = {way: adapters.made(one, base, entry.sha256) for way, one in _ways(plan).items()}
    return {way: files for way, files in found.items() if files} if all(found.values()) else None


def said(entry: Entry, found: Trial) -> str:
    """What was found, in a sentence."""
    merged = f"merged as {entry.quantize} {found.merge:.1f} s"
    taken = "merged" if found.apply == "merge" else "at load"
    return (
        f"The adapter at load takes {found.load:.1f} s for a question's tokens, {merged}: it is used {taken}."
    )


def is_open(entry: Entry, folder: Path) -> bool:
    """Whether there are two ways and nobody knows which is faster here."""
    return entry.apply == FASTEST and trial(entry, folder) is None


def stems(entry: Entry, folder: Path) -> list[str]:
    """What the names of the files begin with that are made for a model."""
    plan = adapters.plan_of(entry, folder)
    if plan is None or plan.apply != FASTEST:
        return [entry.name]
    return [one.stem for one in _ways(plan).values()]


def forget(entry: Entry, folder: Path) -> int:
    """Delete what was made and found out for a model; returns the bytes freed. Raises ModelError."""
    with contextlib.suppress(OSError):
        _record(entry, folder).unlink(missing_ok=True)
    return sum(adapters.forget(stem, folder) for stem in stems(entry, folder))


def _ways(plan: Plan) -> dict[str, Plan]:
    """The plan of each way; what is merged has a stem of its own, so that making one does not evict the other."""
    return {
        "load": replace(plan, apply="load", quantize=""),
        "merge": replace(plan, apply="merge", variant=plan.quantize.lower()),
    }


def _record(entry: Entry, folder: Path) -> Path:
    return folder / f"{entry.name}-fastest.json"


def _files(entry: Entry, folder: Path) -> str:
    """What is compared: another adapter, base or type is tried anew."""
    assert entry.adapter_path is not None
    return f"{entry.sha256} {adapters.identity(entry.adapter_path, folder)} {entry.quantize}"


@functools.cache
def _machine() -> str:
    """What decides how fast a file runs: the processor, and the version of llama.cpp. Takes no loading of it."""
    name = platform.processor() or platform.machine()
    # Linux knows more than Python says, and says it once for each core: only the first is read.
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open(errors="replace") as lines:
        named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        name = next(named, name)
    try:
        version = metadata.version("llama-cpp-python")
    except metadata.PackageNotFoundError:
        version = "unknown"
    return f"{name}, llama-cpp-python {version}"
