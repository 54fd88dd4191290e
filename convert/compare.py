"""How far other models are from a reference: KL, top-1 agreement, perplexity on SQL, size, speed, accuracy.

A model is a GGUF, a GGUF with a LoRA that is applied when it is loaded, or one that transformers runs. Invariant:
every model sees the same tokens, only positions that predict a statement's tokens count, and an accuracy stands
only beside the very files that were evaluated.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convert.card import METRICS, Evaluation
from convert.samples import Sample, bar, total
from sqlagent.base import private_files
from sqlagent.base.errors import ModelError, UsageError
from sqlagent.store.adapters import Files
from sqlagent.weights.gguf_header import sha256_of
from sqlagent.weights.gguf_read import GgufFile

if TYPE_CHECKING:
    from convert.torch_model import TorchModel

Matrix = NDArray[np.float32]
MEASURES = dict(METRICS)
KEPT_EVERY = 16
"""One weight matrix of so many is looked at for what is kept of an adapter."""
GENERATED = 32
"""Tokens generated behind a sample to time generation."""
TIMED = 8
"""Samples behind which that is done: the first ones."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model against the reference. kl in nats, agreement as a share, speeds in tokens a second.

    accuracy is the share of `questions` answered right as `measure` says it (one of card.METRICS), between low and
    high with 95 % confidence, in `seconds` at the median.
    """

    name: str
    mb: float | None
    positions: int
    kl_mean: float
    kl_p99: float
    top1: float
    perplexity: float
    prompt_speed: float
    generation_speed: float | None = None
    kept: float | None = None
    """Share of what the adapter changes in the base's weights that is left in this file's, in the mean."""
    measure: str = ""
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    questions: int | None = None
    seconds: float | None = None


class Runner:
    """A model that gives logits for the statement of a sample, and measures its own speed."""

    def __init__(
        self, path: Path, samples: Sequence[Sample], threads: int | None, adapter: Path | None = None
    ) -> None:
        from sqlagent.llama.context import Llama

        self.path, self.megabytes = path, _megabytes(path, adapter)
        n_ctx = max(len(sample.ids) for sample in samples) + GENERATED
        self.llama = Llama(path, n_ctx=n_ctx, n_seq=1, threads=threads, adapter=adapter)
        self.n_vocab = self.llama.n_vocab
        self.prompt = self.generation = 0.0  # seconds
        self.prompt_tokens = self.generated = 0

    def logits(self, sample: Sample) -> Matrix:
        """(answer tokens, vocabulary) float32: row i predicts `ids[answer + i]`. Raises ModelError."""
        llama, ids = self.llama, sample.ids
        llama.clear()
        found: list[Any] = []
        began = time.perf_counter()
        for start in range(0, len(ids) - 1, llama.n_batch):
            stop = min(start + llama.n_batch, len(ids) - 1)
            wanted = [place >= sample.answer - 1 for place in range(start, stop)]
            rows = [(ids[p], p, 0, want) for p, want in zip(range(start, stop), wanted, strict=True)]
            if not llama.decode(rows):
                raise ModelError(f"{self.path.name} has no room for a prompt of {len(ids)} tokens.")
            found += [llama.logits(i).copy() for i, want in enumerate(wanted) if want]
        self.prompt += time.perf_counter() - began
        self.prompt_tokens += len(ids) - 1
        return np.stack(found)

    def generate(self, sample: Sample) -> None:
        """Continue a sample greedily, to time it. `logits` must have been called on it just before."""
        llama, at = self.llama, len(sample.ids) - 1
        began = time.perf_counter()
        token = sample.ids[-1]
        for place in range(at, min(at + GENERATED, llama.n_ctx)):
            llama.decode([(token, place, 0, True)])
            token = int(llama.logits(0).argmax())
            self.generated += 1
        self.generation += time.perf_counter() - began

    @property
    def prompt_speed(self) -> float:
        return self.prompt_tokens / max(self.prompt, 1e-9)

    @property
    def generation_speed(self) -> float:
        return self.generated / max(self.generation, 1e-9)

    def close(self) -> None:
        """Free the model."""
        self.llama.close()


@dataclass(frozen=True, slots=True)
class InTorch:
    """A base that transformers runs in float32, with a peft adapter or without."""

    base: str
    adapter: Path | None = None


def compare(
    reference: Path,
    models: Sequence[Files | InTorch],
    samples: Sequence[Sample],
    *,
    threads: int | None = None,
    quiet: bool = False,
) -> list[Row]:
    """A row for the reference and each model, in that order. Raises ModelError when vocabularies differ."""
    rows: list[Row] = []
    width = 0
    with tempfile.TemporaryFile() as spool:  # the reference's logits; a gigabyte for Qwen and 50 samples
        for number, model in enumerate([Files(reference, name=reference.stem), *models]):
            runner = _runner(model, samples, threads)
            counter = bar(_name(model), total(samples), quiet=quiet)
            tallies = []
            offset = 0
            try:
                width = width or runner.n_vocab
                if runner.n_vocab != width:
                    raise ModelError(f"{_name(model)} has another vocabulary than {reference.name}.")
                for place, sample in enumerate(samples):
                    mine = runner.logits(sample)
                    if number == 0:
                        spool.write(mine.tobytes())
                    spool.seek(offset)
                    wanted = np.frombuffer(spool.read(mine.nbytes), np.float32).reshape(mine.shape)
                    offset += mine.nbytes
                    tallies.append(tally(wanted, mine, sample.ids[sample.answer :]))
                    if place < TIMED:
                        runner.generate(sample)
                    counter.update(len(sample.ids))
            finally:
                counter.close()
                runner.close()
            rows.append(_row(_name(model), runner, tallies))
    return rows


def _runner(model: Files | InTorch, samples: Sequence[Sample], threads: int | None) -> Runner | TorchModel:
    if isinstance(model, Files):
        return Runner(model.model, samples, threads, model.adapter)
    from convert.torch_model import TorchModel

    return TorchModel(model.base, model.adapter, threads=threads)


def _megabytes(*paths: Path | None) -> float:
    return sum(path.stat().st_size for path in paths if path) / 1e6


def _name(model: Files | InTorch) -> str:
    """A merged file by its name, a base and its adapter as both."""
    if isinstance(model, InTorch):
        return f"{Path(model.base).stem}{', LoRA' if model.adapter else ''}, transformers in float32"
    return f"{model.name or model.model.stem}, LoRA at load" if model.adapter else model.model.stem


def _row(name: str, runner: Runner | TorchModel, tallies: Sequence[tuple[Any, Any, Any]]) -> Row:
    kl, same, loss = (np.concatenate(parts) for parts in zip(*tallies, strict=True))
    return Row(
        name=name,
        mb=runner.megabytes,
        positions=kl.size,
        kl_mean=float(kl.mean()),
        kl_p99=float(np.percentile(kl, 99)),
        top1=float(same.mean()),
        perplexity=float(np.exp(loss.mean())),
        prompt_speed=runner.prompt_speed,
        generation_speed=runner.generation_speed,
    )


def tally(reference: Matrix, other: Matrix, targets: Sequence[int]) -> tuple[Any, Any, Any]:
    """Per position: KL(reference ‖ other) in nats, whether the best token agrees, and the target's loss."""
    p, q = log_softmax(reference), log_softmax(other)
    kl = np.maximum((np.exp(p) * (p - q)).sum(axis=1), 0.0)
    loss = -q[np.arange(len(targets)), list(targets)]
    return kl, p.argmax(axis=1) == q.argmax(axis=1), loss


def log_softmax(logits: Matrix) -> NDArray[np.float64]:
    """Log probabilities along the last axis, in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))  # type: ignore[no-any-return]


def with_kept(rows: Sequence[Row], reference: Path, models: Sequence[Files]) -> list[Row]:
    """The rows with what each merged file keeps of the adapter whose base is compared at load; rows and models in one
    order, the reference aside.

    Least squares: the change from the base to the file, along the change from the base to the reference. Of one weight
    matrix in KEPT_EVERY, held one at a time; a file of other shapes keeps None.
    """
    bases = [files.model for files in models if files.adapter]
    if not bases:
        return list(rows)
    base, whole = GgufFile(bases[0]), GgufFile(reference)
    names = [n for n, found in whole.tensors.items() if len(found.shape) == 2 and n.startswith("blk.")]
    names = [name for name in names[::KEPT_EVERY] if name in base.tensors]
    shapes = {name: whole.tensors[name].shape for name in names}
    merged = {
        place: file
        for place, files in enumerate(models, 1)
        if not files.adapter and shapes.items() <= _shapes(file := GgufFile(files.model)).items()
    }
    square, along = 0.0, dict.fromkeys(merged, 0.0)
    for name in names:
        start = _values(base, name)
        change = _values(whole, name) - start
        square += float((change * change).sum())
        for place, file in merged.items():
            along[place] += float(((_values(file, name) - start) * change).sum())
    return [
        replace(row, kept=along[place] / square) if place in along and square else row
        for place, row in enumerate(rows)
    ]


def _shapes(file: GgufFile) -> dict[str, tuple[int, ...]]:
    return {name: tensor.shape for name, tensor in file.tensors.items()}


def _values(file: GgufFile, name: str) -> Matrix:
    return np.asarray(file.rows(name, 0, file.tensors[name].shape[0]), np.float32)


def with_accuracy(
    rows: Sequence[Row], models: Sequence[Files], evaluations: Sequence[Evaluation]
) -> list[Row]:
    """The rows with what `python -m bench accuracy` found for the same files; rows and models in one order.

    Raises UsageError for an evaluation of none of them, and for two that judge answers differently.
    """
    found = list(rows)
    hashes = [
        [sha256_of(path) if path else None for path in (files.model, files.adapter)] for files in models
    ]
    for run in evaluations:
        wanted = [run.settings.get("model_sha256"), run.settings.get("adapter_sha256")]
        places = [place for place, known in enumerate(hashes) if known == wanted]
        if not places:
            raise UsageError(
                f"The evaluation of {run.settings.get('model', 'a model')} is of none of these files: "
                "evaluate the file that is compared."
            )
        judged = run.report.get("judged_by", "correct")
        if other := {row.measure for row in found if row.measure} - {judged}:
            raise UsageError(
                f"One evaluation is judged by {MEASURES[judged]}, another by {MEASURES[other.pop()]}: compare those "
                "of one set of questions."
            )
        share = run.report["measures"][judged]
        low, high = share["by_question"]
        for place in places:
            found[place] = replace(
                found[place],
                measure=judged,
                accuracy=share["share"],
                low=low,
                high=high,
                questions=share["of"],
                seconds=run.report.get("seconds", {}).get("p50"),
            )
    return found


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table; accuracy where some row has it."""
    judged = any(row.accuracy is not None for row in rows)
    tuned = any(row.kept is not None for row in rows)
    lines = [
        "| model | MB |"
        + (" adapter kept |" if tuned else "")
        + " KL mean | KL p99 | top-1 | perplexity on SQL | prompt t/s | generation t/s |"
        + (f" {measured(rows)} (95 %) | of | s/question |" if judged else ""),
        "|---|---:|---:|---:|---:|---:|---:|---:|"
        + ("---:|" if tuned else "")
        + ("---:|---:|---:|" if judged else ""),
    ]
    lines += [
        f"| {row.name} | {_number(row.mb)} |"
        + (f" {100 * row.kept:.0f} % |" if row.kept is not None else " |" * tuned)
        + f" {row.kl_mean:.2e} | {row.kl_p99:.2e} | {100 * row.top1:.2f} % "
        f"| {row.perplexity:.3f} | {row.prompt_speed:.0f} | {_number(row.generation_speed, 1)} |"
        + (_judged(row) if judged else "")
        for row in rows
    ]
    return "\n".join([*lines, "", f"{rows[0].positions} positions." if rows else ""]).rstrip()


def _number(value: float | None, places: int = 0) -> str:
    return "" if value is None else f"{value:.{places}f}"


def _judged(row: Row) -> str:
    if row.accuracy is None or row.low is None or row.high is None:
        return " | | |"
    share = f"{100 * row.accuracy:.1f} % ({100 * row.low:.1f} – {100 * row.high:.1f})"
    return f" {share} | {row.questions} | {row.seconds or 0:.2f} |"


def measured(rows: Sequence[Row]) -> str:
    """What the accuracy of the rows is."""
    return next((MEASURES[row.measure] for row in rows if row.measure), "accuracy")


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw `figure_of` the rows to a file."""
    with private_files.draft(path, mode=private_files.SHARED) as draft:
        figure_of(rows).savefig(draft, dpi=110, format=path.suffix.lstrip(".") or "png")


def figure_of(rows: Sequence[Row]) -> Any:
    """A picture: accuracy with its interval (where evaluated) above KL, each against size and generation speed.

    A model without an accuracy stands in the lower row alone; what has no size or no speed says so by its name.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    judged = [row for row in rows if row.accuracy is not None]
    panels = [(f"{measured(rows)}, %", "accuracy", 100.0)] if judged else []
    if len(judged) < len(rows):
        panels.append(("KL from the reference, nats", "kl_mean", 1.0))
    looks: list[dict[str, Any]] = [
        {"color": f"C{n % 10}", "marker": "osD^v<>pXP"[n % 10], "linestyle": "none"} for n in range(len(rows))
    ]
    figure = Figure(figsize=(11, 4 * len(panels) + 0.15 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    across = (("size, MB", "mb"), ("tokens generated a second", "generation_speed"))
    for number, ((title, high, scale), (label, right)) in enumerate(itertools.product(panels, across), 1):
        axes = figure.add_subplot(len(panels), 2, number)
        for row, look in zip(rows, looks, strict=True):
            x, y = getattr(row, right), getattr(row, high)
            if x is None or y is None:
                continue
            axes.plot(x, scale * y, label=row.name, **look)
            if high == "accuracy" and row.low is not None and row.high is not None:
                axes.vlines(x, 100 * row.low, 100 * row.high, color=look["color"], alpha=0.4)
        axes.set_xlabel(label)
        axes.set_ylabel(title)
    keys = [Line2D([], [], label=_drawn_name(row), **look) for row, look in zip(rows, looks, strict=True)]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _drawn_name(row: Row) -> str:
    """A model's name, and what is not known of it."""
    known = {"size": row.mb, "generation speed": row.generation_speed}
    absent = [label for label, value in known.items() if value is None]
    return f"{row.name} (no {', no '.join(absent)})" if absent else row.name
