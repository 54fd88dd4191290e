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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base import private_files
from sqlagent.base.errors import UsageError
from train import checkpoint, fused, memory, origin, qlora
from train.checkpoint import Summary
from train.config import Config
from train.errors import Diverged, OutOfMemory
from train.objective import exact_questions, forward
from train.packing import Group, fill, pack, split_group
from train.plan import MORE, changes, course, deciding, fingerprint, learning_rate, make_plan, told
from train.report import Report

if TYPE_CHECKING:
    from train.prepared import Prepared

ALLOWED_OVERFLOWS = 20
"""fp16 skips a step whose gradients overflow and halves its scale; more than this many in a row is no
accident.
"""


@dataclass(frozen=True, slots=True)
class Score:
    """Validation on the packed slice."""

    loss: float  # nats a target token
    exact: float  # share of questions greedy decoding would get token for token


class Loop:
    """One run. `Loop(config, data, output).run()`."""

    def __init__(self, config: Config, data: Prepared, output: Path) -> None:
        import torch
        from accelerate import Accelerator
        from accelerate.utils import DistributedType, set_seed

        if config.threads:
            torch.set_num_threads(config.threads)
        self.config, self.data, self.output = config, data, output
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.numbers = qlora.numbers(config.precision, device)
        self.accelerator = Accelerator(cpu=device == "cpu", mixed_precision=self.numbers.mixed_precision)
        self.first = self.accelerator.is_main_process
        # Under FSDP every process holds a part of the optimiser's state: checkpoints leave it out, and a
        # resumed run starts it afresh. Everything else resumes exactly.
        self._sharded = self.accelerator.distributed_type == DistributedType.FSDP
        self.plan = make_plan(config, data)
        source = qlora.resolve(config.model_name)
        self.base_name = origin.of(source).called(source)
        set_seed(config.seed)
        base = qlora.load_base(
            source,
            numbers=self.numbers,
            quantization=config.quantization,
            device=device,
        )
        self.tuned = qlora.add_adapter(base, config)
        self._fused = not self._sharded and fused.fits(self.tuned, config, device)
        if self._fused:
            fused.fuse(self.tuned)
            memory.keep()
        trainable = [p for p in self.tuned.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            trainable, lr=config.lr, betas=(0.9, config.beta2), weight_decay=config.weight_decay, foreach=True
        )
        self.model, self.optimizer = self.accelerator.prepare(self.tuned, optimizer)
        self.trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.progress = checkpoint.Progress(fingerprint=fingerprint(config, data), settings=deciding(config))
        # Dropout differs between processes on purpose; the data order does not.
        torch.manual_seed(config.seed * 1000 + self.accelerator.process_index)
        self._resume()
        self._stop = ""

    # -- one step ---------------------------------------------------------------------------------

    def _share(self, sequences: list[list[Group]]) -> Iterator[tuple[list[Group], float, bool]]:
        """This process's sequences of a step: (sequence, weight, is the last). Weight 0 keeps processes in
        step.
        """
        world, rank = self.accelerator.num_processes, self.accelerator.process_index
        rounds = math.ceil(len(sequences) / world)
        for number in range(rounds):
            index = number * world + rank
            real = index < len(sequences)
            yield sequences[index if real else 0], float(real), number == rounds - 1

    def _step(self, sequences: list[list[Group]], lr: float) -> tuple[float, float] | None:
        """One optimiser step; returns the loss a target token, and the gradient norm before clipping.

        None where somebody asked to stop meanwhile: on a CPU a step takes minutes, and a scheduler kills after
        half of one. The step is given up as though it had not begun, so that a resumed run makes it again.
        """
        import torch

        targets = sum(len(item.target) for seq in sequences for group in seq for item in group.items)
        for setting in self.optimizer.param_groups:
            setting["lr"] = lr
        total = torch.zeros((), device=self.accelerator.device)
        drawn = checkpoint.rng_state()
        self.model.train()
        for sequence, weight, last in self._share(sequences):
            sync = contextlib.nullcontext() if last else self.accelerator.no_sync(self.model)
            with sync:
                nll = forward(self.model, pack(sequence), self.accelerator.device).nll * weight
                # DDP averages gradients over processes; the step's loss is a sum over all of them.
                self.accelerator.backward(nll * (self.accelerator.num_processes / targets))
            total += nll.detach()
            if self._stop and not last and self.accelerator.num_processes == 1:
                self.optimizer.zero_grad(set_to_none=True)
                checkpoint.set_rng_state(drawn)
                return None
        norm = self.accelerator.clip_grad_norm_(self.trainable, self.config.max_grad_norm)
        loss = float(self.accelerator.reduce(total, "sum")) / targets
        norm = float(norm)
        if self.accelerator.scaler is None and not (math.isfinite(loss) and math.isfinite(norm)):
            raise Diverged(
                f"The loss became {loss} (gradient norm {norm}) at step {self.progress.step + 1}: lower --lr "
                "or use another --precision; the last checkpoint is from before it."
            )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self._fused:
            memory.trim()
        return loss, norm

    # -- the run ----------------------------------------------------------------------------------

    def run(self) -> Summary:
        """Train until the plan, the time budget or a signal ends it; leaves a usable adapter each time."""
        config, progress, plan = self.config, self.progress, self.plan
        report = (
            Report(config, self.output, done=progress.step, total=len(plan.steps)) if self.first else None
        )
        before = progress.seconds
        started = time.monotonic()
        saved = judged = started
        judging = 0.0
        loss, overflows, stopped = math.nan, 0, "finished"
        with self._signals():
            while progress.step < len(plan.steps):
                sequences = plan.steps[progress.step]
                lr = learning_rate(config, plan, progress.step, progress.seconds)
                stepped = time.monotonic()
                with _memory_hint(config):
                    made = self._step(sequences, lr)
                if made is None:
                    self._save()
                    stopped = "interrupted"
                    break
                loss, norm = made
                skipped = self.accelerator.scaler is not None and self.optimizer.step_was_skipped
                overflows = overflows + 1 if skipped else 0
                if overflows > ALLOWED_OVERFLOWS:
                    raise Diverged(
                        f"fp16 overflowed {overflows} times in a row: lower --lr or use --precision bf16."
                    )
                now = time.monotonic()
                took = before + (now - started) - progress.seconds
                tokens = sum(len(group) for seq in sequences for group in seq)
                questions = sum(len(group.items) for seq in sequences for group in seq)
                progress.step += 1
                progress.seconds += took
                progress.tokens += tokens
                progress.questions += questions
                progress.targets += sum(len(i.target) for s in sequences for g in s for i in g.items)
                row = {
                    "step": progress.step,
                    "epoch": plan.epoch_of[progress.step - 1],
                    "seconds": progress.seconds,
                    "lr": lr,
                    "loss": loss,
                    "grad_norm": norm,
                    "tokens": tokens,
                    "questions": questions,
                    "tokens_per_second": tokens / (now - stepped),
                    "questions_per_second": questions / (now - stepped),
                }
                # Validation, as long as it took before, is part of the minutes.
                over = config.max_minutes and progress.seconds + judging >= 60 * config.max_minutes
                last = progress.step == len(plan.steps)
                asked, over, save, judge = self._agree(
                    bool(self._stop),
                    bool(over),
                    bool(config.save_minutes and now - saved >= 60 * config.save_minutes),
                    bool(config.eval_minutes and now - judged >= 60 * config.eval_minutes),
                )
                if (
                    asked or over
                ):  # whoever asked may not wait for a validation: all there is is written first
                    self._save()
                    self._finish()
                if (judge or over or last) and not asked and self.data.has_validation:
                    began = time.monotonic()
                    score = self.judge()
                    asked = score is None
                    if score is not None:
                        row.update(val_loss=score.loss, val_exact=score.exact)
                        judged = time.monotonic()
                        judging = judged - began
                        self._keep_best(score, report)
                if report:
                    report.step(row)
                if save or last or over or asked:
                    self._save()
                    saved = time.monotonic()
                if asked or over:
                    stopped = "interrupted" if asked else "time"
                    break
        if report:
            report.close()
        self._finish()
        return Summary(stopped, progress, time.monotonic() - started, loss)

    def _agree(self, *flags: bool) -> tuple[bool, ...]:
        """The first process's clock decides for all."""
        if self.accelerator.num_processes == 1:
            return flags
        import torch
        from accelerate.utils import broadcast

        return tuple(bool(x) for x in broadcast(torch.tensor(flags, device=self.accelerator.device).int()))

    def judge(self) -> Score | None:
        """Score the validation slice with the packed forward pass; None where somebody asks to stop meanwhile."""
        import torch

        groups: list[Group] = []
        for group in self.data.validation():
            pieces, _ = split_group(
                group, questions=self.config.questions_per_schema, max_length=self.config.max_length
            )
            groups += pieces
        sums = torch.zeros(4, device=self.accelerator.device)
        self.model.eval()
        with torch.no_grad():
            for sequence, weight, _ in self._share(fill(groups, self.config.max_length)):
                if self._agree(bool(self._stop))[0]:
                    return None
                packed = pack(sequence)
                outcome = forward(self.model, packed, self.accelerator.device)
                found = [
                    float(outcome.nll),
                    len(packed.labels),
                    exact_questions(outcome, packed),
                    packed.questions,
                ]
                sums += weight * torch.tensor(found, device=sums.device)
        nll, targets, exact, questions = self.accelerator.reduce(sums, "sum").tolist()
        return Score(nll / max(1, targets), exact / max(1, questions))

    def _keep_best(self, score: Score, report: Report | None) -> None:
        progress = self.progress
        progress.history = {"step": progress.step, "val_loss": score.loss, "val_exact": score.exact}
        # By the loss: exact match of a slice of some hundred questions moves by more than a model does.
        better = progress.best_loss is None or score.loss <= progress.best_loss
        if better:
            progress.best_loss, progress.best_exact, progress.best_step = (
                score.loss,
                score.exact,
                progress.step,
            )
            state = self._adapter_state()
            if self.first:
                qlora.save_adapter(self.tuned, state, self.output / "best", base_name=self.base_name)
        if report:
            report.say(
                f"step {progress.step}: validation loss {score.loss:.4f}, exact {100 * score.exact:.1f} %"
                + (" (best so far)" if better else "")
            )

    def _finish(self) -> None:
        """The adapter of the run is the best one seen; without validation, the last."""
        state = self._adapter_state()
        if self.first:
            qlora.save_adapter(self.tuned, state, self.output / "last", base_name=self.base_name)
            chosen = self.output / ("best" if self.progress.best_step else "last")
            for name in ("adapter_config.json", "adapter_model.safetensors"):
                data = (chosen / name).read_bytes()
                private_files.write(self.output / name, data, mode=private_files.SHARED)
        self.accelerator.wait_for_everyone()

    # -- checkpoints ------------------------------------------------------------------------------

    def _adapter_state(self) -> dict[str, Any]:
        return qlora.adapter_state(self.tuned)

    def _save(self) -> None:
        from accelerate.utils import gather_object

        rng = gather_object([checkpoint.rng_state()])
        adapter = self._adapter_state()
        if self.first:
            self.progress.course = course(self.plan, self.progress.step)
            scaler = self.accelerator.scaler
            checkpoint.save(
                self.output,
                self.progress,
                adapter=adapter,
                optimizer=None if self._sharded else self.optimizer.state_dict(),
                rng=rng,
                scaler=scaler.state_dict() if scaler is not None else None,
                keep=self.config.keep_checkpoints,
            )
        self.accelerator.wait_for_everyone()

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
            self.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"] is not None and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        rank = self.accelerator.process_index
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


@contextlib.contextmanager
def _memory_hint(config: Config) -> Iterator[None]:
    import torch

    try:
        yield
    except (torch.cuda.OutOfMemoryError, MemoryError, RuntimeError) as error:
        text = str(error)
        if (
            isinstance(error, RuntimeError)
            and "out of memory" not in text
            and "can't allocate memory" not in text
        ):
            raise
        extra = "" if config.gradient_checkpointing else " or use --gradient-checkpointing"
        raise OutOfMemory(
            f"Out of memory: lower --max-length (now {config.max_length}) or --lora-r "
            f"(now {config.lora_r}){extra}."
        ) from error
