"""Checkpoints that a kill -9 cannot spoil, from which a run goes on as if it had never stopped.

Invariant: a folder named `step-N` is complete. It is written under another name, flushed, then renamed.
"""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sqlagent.base import private_files
from sqlagent.base.errors import UsageError

if TYPE_CHECKING:
    import torch


@dataclass(slots=True)
class Progress:
    """How far a run has come; all that is needed, beside tensors, to go on."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    questions: int = 0
    targets: int = 0
    best_step: int = 0
    best_exact: float | None = None
    best_loss: float | None = None
    fingerprint: str = ""
    """Hash of the data and of every setting that changes the course of the run."""
    stale: int = 0
    """Looks at the validation slice in a row that were no better."""
    history: dict[str, float] = field(default_factory=dict)
    """The last validation scores."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Every setting that changes the course of the run."""
    course: str = ""
    """Hash of what was learnt so far."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run ended."""

    stopped: str  # finished, time, patience or interrupted
    progress: Progress
    seconds: float
    loss: float


def folder(output: Path) -> Path:
    """Where the checkpoints of a run are."""
    return output / "checkpoints"


def save(
    output: Path,
    progress: Progress,
    *,
    adapter: dict[str, torch.Tensor],
    optimizer: dict[str, Any] | None,
    rng: list[dict[str, Any]],
    scaler: dict[str, Any] | None,
    keep: int,
) -> Path:
    """Write a checkpoint and drop all but the newest `keep`. `rng` has one entry a process."""
    import torch
    from safetensors.torch import save_file

    root = folder(output)
    root.mkdir(parents=True, exist_ok=True)
    final = root / f"step-{progress.step:06d}"
    draft = root / f".writing-{progress.step:06d}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    save_file({k: v.contiguous() for k, v in adapter.items()}, draft / "adapter.safetensors")
    torch.save({"optimizer": optimizer, "rng": rng, "scaler": scaler}, draft / "state.pt")
    (draft / "progress.json").write_text(json.dumps(asdict(progress), indent=1), encoding="utf-8")
    for path in (*draft.iterdir(), draft):
        private_files.flush(path)
    if final.exists():
        shutil.rmtree(final)
    draft.rename(final)
    private_files.flush(root)
    for old in every(output)[: -max(1, keep)]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def note(output: Path, progress: Progress) -> None:
    """Write what a look at the validation slice found into the checkpoint of this very step, which it came after."""
    path = folder(output) / f"step-{progress.step:06d}" / "progress.json"
    private_files.write(path, json.dumps(asdict(progress), indent=1).encode(), mode=private_files.SHARED)


def every(output: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    return sorted(path for path in folder(output).glob("step-*") if (path / "progress.json").is_file())


def find(output: Path, resume: str) -> Path | None:
    """The checkpoint to go on from: `auto`, `never`, or a folder."""
    if resume == "never":
        return None
    if resume == "auto":
        found = every(output)
        return found[-1] if found else None
    path = Path(resume)
    if not (path / "progress.json").is_file():
        raise UsageError(f"{resume} is not a checkpoint (a folder with progress.json).")
    return path


def load(path: Path) -> tuple[Progress, dict[str, torch.Tensor], dict[str, Any]]:
    """Read a checkpoint: progress, adapter tensors, and {optimizer, rng, scaler}."""
    import torch
    from safetensors.torch import load_file

    progress = Progress(**json.loads((path / "progress.json").read_text(encoding="utf-8")))
    # The file is our own and holds optimiser tensors and plain Python values.
    state = torch.load(path / "state.pt", map_location="cpu", weights_only=False)
    return progress, load_file(path / "adapter.safetensors"), state


def rng_state() -> dict[str, Any]:
    """Every random generator that training draws from, in this process."""
    import torch

    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_rng_state(state: dict[str, Any]) -> None:
    """Put the generators back where `rng_state` found them."""
    import torch

    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
