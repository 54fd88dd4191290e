"""The training loop: packed sequences in, a LoRA adapter out.

Invariant: the course of a run is a function of its configuration and data alone. It is the same for any
number of processes, and the same whether it ran through or was killed and resumed
(`tests/test_train_loop.py`)."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base import private_files
from sqlagent.base.errors import UsageError
from train import checkpoint, judging, qlora, sampling
from train.checkpoint import Summary
from train.config import Config
from train.engine import Engine, Made, memory_hint
from train.errors import Diverged
from train.judging import Score
from train.pending import Pending
from train.plan import MORE, Step, changes, course, deciding, fingerprint, learning_rate, make_plan, told
from train.report import Report

if TYPE_CHECKING:
    from train.prepared import Prepared

ALLOWED_OVERFLOWS = 20
"""fp16 skips a step whose gradients overflow and halves its scale; more than this many in a row is no
accident.
"""


class Loop:
    """One run. `Loop(config, data, output).run()`."""

    def __init__(self, config: Config, data: Prepared, output: Path) -> None:
        self.began = time.monotonic()  # loading and dequantising are part of the minutes
        self.config, self.data, self.output = config, data, output
        self.plan = make_plan(config, data)
        asked = sampling.chosen(config, data) if config.sample else None
        self.engine = Engine(config, self.plan)
        self.samples = asked if self.engine.first and not self.engine.sharded else None
        self.first, self.tuned = self.engine.first, self.engine.tuned
        self.progress = checkpoint.Progress(fingerprint=fingerprint(config, data), settings=deciding(config))
        self._resume()
        self._stop = ""
        self.loading = time.monotonic() - self.began

    # -- the run ----------------------------------------------------------------------------------

    def _step(self, sequences: Step, lr: float) -> Made | None:
        """One optimiser step; None where somebody asked to stop meanwhile, as though it had not begun."""
        made = self.engine.gradients(sequences, lambda: bool(self._stop))
        if made is not None:
            self.engine.update(lr)
        return made

    def run(self) -> Summary:
        """Train until the plan, the time budget, patience or a signal ends it; leaves a usable adapter each time."""
        config, progress, plan = self.config, self.progress, self.plan
        report = (
            Report(config, self.output, done=progress.step, total=len(plan.steps)) if self.first else None
        )
        pending = Pending(self.engine.way.log_steps)
        before = progress.seconds
        saved = judged = time.monotonic()
        judging_took = 0.0
        loss, overflows, stopped = math.nan, 0, "finished"
        with self._signals():
            while progress.step < len(plan.steps):
                if self._impatient:
                    stopped = "patience"
                    break
                sequences = plan.steps[progress.step]
                lr = learning_rate(config, plan, progress.step, progress.seconds)
                stepped = time.monotonic()
                with memory_hint(config, self.engine.way.forward_tokens):
                    made = self._step(sequences, lr)
                if made is None:
                    loss = self._read(pending, report, loss)
                    self._save()
                    stopped = "interrupted"
                    break
                overflows = overflows + 1 if self.engine.skipped else 0
                if overflows > ALLOWED_OVERFLOWS:
                    raise Diverged(
                        f"fp16 overflowed {overflows} times in a row: lower --lr or use --precision bf16."
                    )
                progress.seconds = before + time.monotonic() - self.began
                row = self._count(sequences, lr)
                pending.add(row, made, stepped, strict=self.engine.accelerator.scaler is None)
                if pending.due:
                    loss = self._read(pending, report, loss)
                now = time.monotonic()
                last = progress.step == len(plan.steps)
                # Validation, as long as it took before, is part of the minutes.
                over = config.max_minutes and progress.seconds + judging_took >= 60 * config.max_minutes
                asked, over, save, judge = self.engine.agree(
                    bool(self._stop),
                    bool(over),
                    bool(config.save_minutes and now - saved >= 60 * config.save_minutes),
                    bool(config.eval_minutes and now - judged >= 60 * config.eval_minutes),
                )
                judge = (judge or over or last) and not asked and self.data.has_validation
                if asked or over or save or judge or last:
                    # Whoever asked may not wait for a validation: all there is is written first.
                    loss = self._read(pending, report, loss)
                    self._save()
                    saved = time.monotonic()
                if asked or over:
                    self._finish()
                if judge:
                    began = time.monotonic()
                    score = self.judge()
                    if score is not None:
                        self._look(score, report)
                        judged = time.monotonic()
                        judging_took = judged - began
                    (asked,) = self.engine.agree(score is None or bool(self._stop))
                if asked or over:
                    stopped = "interrupted" if asked else "time"
                    break
        if report:
            report.close()
        self._finish()
        return Summary(stopped, progress, time.monotonic() - self.began, loss)

    @property
    def _impatient(self) -> bool:
        return bool(self.config.patience) and self.progress.stale >= self.config.patience

    def _count(self, sequences: Step, lr: float) -> dict[str, Any]:
        """A step more; its row, without what only the device knows."""
        progress = self.progress
        tokens = sum(len(group) for seq in sequences for group in seq)
        questions = sum(len(group.items) for seq in sequences for group in seq)
        progress.step += 1
        progress.tokens += tokens
        progress.questions += questions
        progress.targets += sum(len(i.target) for s in sequences for g in s for i in g.items)
        return {
            "step": progress.step,
            "epoch": self.plan.epoch_of[progress.step - 1],
            "seconds": progress.seconds,
            "lr": lr,
            "tokens": tokens,
            "questions": questions,
        }

    def _read(self, pending: Pending, report: Report | None, loss: float) -> float:
        """Write the lines of the steps since the last reading; returns the last loss. Raises Diverged."""
        for row in pending.read(time.monotonic):
            loss = row["loss"]
            if report:
                report.step(row)
        return loss

    # -- looking at what was learnt -----------------------------------------------------------------

    def judge(self) -> Score | None:
        """Score the validation slice; None where somebody asks to stop meanwhile."""
        return judging.judge(self.engine, self.config, self.data, lambda: bool(self._stop))

    def _look(self, score: Score, report: Report | None) -> None:
        """Keep the adapter if it is the best so far, show what it writes, and note both in the checkpoint."""
        found = {"val_loss": score.loss, "val_exact": score.exact}
        better = self._keep_best(score)
        if report:
            report.say(
                f"step {self.progress.step}: validation loss {score.loss:.4f}, exact {100 * score.exact:.1f} %"
                + (" (best so far)" if better else "")
            )
            self._note(found, report)
        if self.samples is not None and report:
            with self.engine.plain() as model:
                seen = sampling.look(self.samples, model, lambda: bool(self._stop))
            found |= seen.figures()
            report.samples(self.progress.step, seen)
            self._note(found, report)

    def _note(self, found: dict[str, float], report: Report) -> None:
        """What a look found, in the line of its step and in the checkpoint of it."""
        report.judged(found)
        self.progress.history = {"step": self.progress.step, **found}
        checkpoint.note(self.output, self.progress)

    def _keep_best(self, score: Score) -> bool:
        progress = self.progress
        # By the loss: exact match of a slice of some hundred questions moves by more than a model does.
        better = progress.best_loss is None or score.loss <= progress.best_loss
        progress.stale = 0 if better else progress.stale + 1
        if better:
            progress.best_loss, progress.best_exact, progress.best_step = (
                score.loss,
                score.exact,
                progress.step,
            )
            state = self.engine.adapter_state()
            if self.first:
                qlora.save_adapter(self.tuned, state, self.output / "best", base_name=self.engine.base_name)
        return better

    def _finish(self) -> None:
        """The adapter of the run is the best one seen; without validation, the last."""
        state = self.engine.adapter_state()
        if self.first:
            qlora.save_adapter(self.tuned, state, self.output / "last", base_name=self.engine.base_name)
            chosen = self.output / ("best" if self.progress.best_step else "last")
            for name in ("adapter_config.json", "adapter_model.safetensors"):
                data = (chosen / name).read_bytes()
                private_files.write(self.output / name, data, mode=private_files.SHARED)
        self.engine.accelerator.wait_for_everyone()

    # -- checkpoints ------------------------------------------------------------------------------

    def _save(self) -> None:
        from accelerate.utils import gather_object

        rng = gather_object([checkpoint.rng_state()])
        adapter = self.engine.adapter_state()
        if self.first:
            self.progress.course = course(self.plan, self.progress.step)
            scaler = self.engine.accelerator.scaler
            checkpoint.save(
                self.output,
                self.progress,
                adapter=adapter,
                optimizer=self.engine.optimizer_state(),
                rng=rng,
                scaler=scaler.state_dict() if scaler is not None else None,
                keep=self.config.keep_checkpoints,
            )
        self.engine.accelerator.wait_for_everyone()

    def _resume(self) -> None:
        found = checkpoint.find(self.output, self.config.resume)
        if found is None:
            return
        from peft import set_peft_model_state_dict

        progress, adapter, state = checkpoint.load(found)
        if progress.fingerprint != self.progress.fingerprint:
            self._check_course(found, progress)
        progress.fingerprint, progress.settings = self.progress.fingerprint, self.progress.settings
        set_peft_model_state_dict(self.tuned, adapter)
        if state["optimizer"] is not None:
            self.engine.optimizer.load_state_dict(state["optimizer"])
        scaler = self.engine.accelerator.scaler
        if state["scaler"] is not None and scaler is not None:
            scaler.load_state_dict(state["scaler"])
        rank = self.engine.accelerator.process_index
        if rank < len(state["rng"]):
            checkpoint.set_rng_state(state["rng"][rank])
        self.progress = progress

    def _check_course(self, found: Path, before: checkpoint.Progress) -> None:
        """Raise UsageError where a checkpoint is of another run than this one: more steps alone make it no other."""
        differs = changes(before.settings, self.progress.settings) if before.settings else {}
        known = bool(before.course) and len(self.plan.steps) >= before.step
        if known and differs.keys() <= set(MORE) and before.course == course(self.plan, before.step):
            if self.first:
                print(
                    f"goes on after step {before.step} of now {len(self.plan.steps)}"
                    + (f" ({told(differs)})" if differs else " (other data from there on)"),
                    file=sys.stderr,
                )
            return
        why = f": {told(differs)}" if differs else ""
        raise UsageError(
            f"{found} belongs to a run with other data or settings{why}. Use the same ones (--epochs and "
            "--max-steps may grow), another --output-dir, or --resume never."
        )

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM end the run after the sequence in hand (after the step with several processes)."""

        def ask(number: int, _frame: Any) -> None:
            if self._stop and number == signal.SIGINT:
                raise KeyboardInterrupt
            self._stop = "interrupted"

        try:
            old = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not in the main thread
            yield
            return
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
