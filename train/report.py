"""What a run leaves to read: a progress bar, loss.csv, loss.png, Weights & Biases if asked.

Invariant: loss.csv holds one line for every optimiser step that the adapter has seen, also after a resume.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import UsageError
from train.config import Config

if TYPE_CHECKING:
    from train.sampling import Seen

SAMPLES = "samples.jsonl"
"""Beside an adapter: what the model wrote during the run."""
COLUMNS = (
    "step",
    "epoch",
    "seconds",
    "lr",
    "loss",
    "grad_norm",
    "tokens",
    "questions",
    "tokens_per_second",
    "questions_per_second",
    "val_loss",
    "val_exact",
    "val_executed",
)


class Report:
    """Collects one row a step; only the first process makes one."""

    def __init__(self, config: Config, output: Path, *, done: int, total: int) -> None:
        from tqdm import tqdm

        self._path = output / "loss.csv"
        self._picture = output / "loss.png"
        self._rows = [row for row in read_csv(self._path) if int(row["step"]) <= done]
        with self._path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self._rows)
        self._file = self._path.open("a", newline="", encoding="utf-8", buffering=1)
        self._writer = csv.DictWriter(self._file, COLUMNS)
        self._bar = tqdm(
            total=total, initial=done, unit="step", file=sys.stderr, dynamic_ncols=True, mininterval=1.0
        )
        self._wandb = _start_wandb(config, output) if config.report_to == "wandb" else None

    def step(self, row: dict[str, Any]) -> None:
        """Record a step. Missing columns stay empty."""
        row = {key: _short(value) for key, value in row.items()}
        self._rows.append({key: str(value) for key, value in row.items()})
        self._begun = self._path.stat().st_size
        self._writer.writerow(row)
        self._bar.update(1)
        self._bar.set_postfix_str(f"loss {row['loss']}, {row['tokens_per_second']} tok/s", refresh=False)
        if self._wandb is not None:
            self._wandb.log({k: v for k, v in row.items() if k != "step"}, step=row["step"])

    def judged(self, found: dict[str, float]) -> None:
        """Add what a look at the validation slice found to the line of the last step."""
        short = {key: _short(value) for key, value in found.items()}
        self._rows[-1] |= {key: str(value) for key, value in short.items()}
        self._file.flush()
        self._file.truncate(self._begun)
        self._writer.writerow(self._rows[-1])
        if self._wandb is not None:
            self._wandb.log(short, step=int(self._rows[-1]["step"]))

    def samples(self, step: int, seen: Seen) -> None:
        """What the model wrote at a look: in the log, in samples.jsonl, and as a table in Weights & Biases."""
        self.say(f"step {step}: {seen.told()}")
        with (self._path.parent / SAMPLES).open("a", encoding="utf-8") as file:
            for one in seen.written:
                file.write(json.dumps({"step": step, **asdict(one)}, ensure_ascii=False) + "\n")
        if self._wandb is not None and seen.written:
            import wandb

            columns: list[str | int] = list(asdict(seen.written[0]))
            table = wandb.Table(columns=columns, data=[list(asdict(one).values()) for one in seen.written])
            self._wandb.log({"samples": table}, step=step)

    def say(self, text: str) -> None:
        """A line above the progress bar, on stderr."""
        self._bar.write(text, file=sys.stderr)

    def close(self) -> None:
        """Flush everything and draw the picture."""
        self._bar.close()
        self._file.close()
        if self._rows:
            draw(self._rows, self._picture)
        if self._wandb is not None:
            self._wandb.finish()


def check_wandb() -> None:
    """Raise UsageError where Weights & Biases would ask for a key, or is not there: before anything is loaded."""
    try:
        import wandb
    except ImportError as error:
        raise UsageError("--report-to wandb needs wandb: pip install wandb, or --report-to none.") from error
    if (
        os.environ.get("WANDB_MODE", "online") not in ("offline", "disabled", "dryrun")
        and not wandb.api.api_key
    ):
        raise UsageError(
            "Weights & Biases has no key here: run `wandb login`, set WANDB_MODE=offline, or use --report-to none."
        )


def _start_wandb(config: Config, output: Path) -> Any:
    import wandb

    from train.record import public

    os.environ.setdefault("WANDB_SILENT", "true")
    kept = output / "wandb-run.txt"  # a run that goes on stays one run there, too
    known = kept.read_text(encoding="utf-8").strip() if kept.is_file() and config.resume != "never" else ""
    run = wandb.init(
        project=config.project,
        name=config.run_name or output.name,
        dir=str(output),
        config=public(config),
        id=known or None,
        resume="allow" if known else None,
    )
    kept.write_text(f"{run.id}\n", encoding="utf-8")
    return run


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a loss.csv; an unfinished last line is left out."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row.get("step", "").isdigit() and row.get("loss")]


def draw(rows: Sequence[dict[str, str]], path: Path) -> None:
    """Plot training loss (with a running mean) and validation loss and exact match over steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    steps = [int(row["step"]) for row in rows]
    losses = [float(row["loss"]) for row in rows]
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left = figure.add_subplot()
    left.plot(steps, losses, color="#9db7d5", linewidth=0.8, label="training, each step")
    left.plot(steps, running_mean(losses), color="#1f4e8c", linewidth=1.6, label="training, running mean")
    judged = [row for row in rows if row.get("val_loss")]
    at = [int(row["step"]) for row in judged]
    left.plot(at, [float(row["val_loss"]) for row in judged], "o-", color="#c0392b", label="validation")
    left.set(xlabel="optimiser step", ylabel="loss per SQL token (nats)")
    left.set_ylim(0, max(running_mean(losses)[min(5, len(losses) - 1) :]) * 1.2 + 0.05)
    right = left.twinx()
    exact = [100 * float(row["val_exact"]) for row in judged]
    right.plot(at, exact, "s--", color="#27803b", label="validation, exact (right axis)")
    right.set(ylabel="exact match (%)", ylim=(0, 100))
    lines = [line for axes in (left, right) for line in axes.get_lines()]
    left.legend(lines, [str(line.get_label()) for line in lines], fontsize=8, loc="upper right")
    figure.savefig(path, dpi=150)


def running_mean(values: Sequence[float], keep: float = 0.95) -> list[float]:
    """Exponential running mean, unbiased at the start."""
    total = weight = 0.0
    means = []
    for value in values:
        total = keep * total + (1 - keep) * value
        weight = keep * weight + (1 - keep)
        means.append(total / weight)
    return means
