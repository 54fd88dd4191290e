"""Train on the same rows with trl's SFTTrainer, one row a sequence: `--engine trl`.

Why the packed loop is the default: SFTTrainer has no shared-prefix packing (its own packing never lets rows
share a prompt, and wants FlashAttention), so on the same machine it sees a third to a fifth of the
questions. It is kept as a second opinion on the loop and as the way to trl's other features. Saves into the
same files.

Invariant: rows, prompt, targets, adapter and base weights are those of the packed loop; the loss is on the
SQL only."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from sqlagent.base.errors import UsageError
from train import origin, qlora
from train.checkpoint import Progress, Summary
from train.config import Config
from train.prepared import Prepared


def dataset(data: Prepared, config: Config) -> Any:
    """The rows to train on, tokenised: `input_ids`, and `labels` with -100 on everything but the SQL."""
    import datasets

    rows: dict[str, list[list[int]]] = {"input_ids": [], "labels": []}
    for row in np.flatnonzero(~data.held_out & (data.copy == 0)):
        item, prefix = data.items[row], data.prefixes[data.prefix_of[row]]
        ids = [*prefix.tolist(), *item.request.tolist(), *item.target.tolist()]
        if len(ids) > config.max_length:
            continue
        rows["input_ids"].append(ids)
        rows["labels"].append([-100] * (len(ids) - len(item.target)) + item.target.tolist())
    return datasets.Dataset.from_dict(rows)


def run(config: Config, data: Prepared, output: Path) -> Summary:
    """Train with SFTTrainer; resumes from its own checkpoints."""
    import torch
    import transformers
    from trl import SFTConfig, SFTTrainer

    if config.threads:
        torch.set_num_threads(config.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    numbers = qlora.numbers(config.precision, device)
    source = qlora.resolve(config.model_name)
    base_name = origin.of(source).called(source)
    transformers.set_seed(config.seed)
    tuned = qlora.add_adapter(
        qlora.load_base(source, numbers=numbers, quantization=config.quantization, device=device), config
    )
    rows = dataset(data, config)
    if not len(rows):
        raise UsageError("No row is left to train on: raise --max-length.")
    micro = min(4, config.batch_size)
    folder = output / "trl"
    settings = SFTConfig(
        output_dir=str(folder),
        max_length=None,  # rows that are too long were dropped; the default would cut at 1024
        packing=False,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=max(1, config.batch_size // micro),
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        learning_rate=config.lr,
        lr_scheduler_type="cosine",
        warmup_steps=math.ceil(
            config.warmup_ratio * (config.max_steps or config.epochs * len(rows) / config.batch_size)
        ),
        weight_decay=config.weight_decay,
        adam_beta2=config.beta2,
        max_grad_norm=config.max_grad_norm,
        # The trainer's own defaults are bf16, which a T4 lacks.
        bf16=numbers.mixed_precision == "bf16",
        fp16=numbers.mixed_precision == "fp16",
        use_cpu=device == "cpu",
        gradient_checkpointing=config.gradient_checkpointing,
        dataset_kwargs={"skip_prepare_dataset": True},
        logging_steps=1,
        save_strategy="steps",
        save_steps=200,
        save_total_limit=config.keep_checkpoints,
        report_to=["wandb"] if config.report_to == "wandb" else [],
        run_name=config.run_name or None,
        seed=config.seed,
        dataloader_pin_memory=False,
        include_num_input_tokens_seen="non_padding",
    )
    trainer = SFTTrainer(
        model=tuned,
        args=settings,
        train_dataset=rows,
        processing_class=_placeholder(),
        data_collator=collate,
    )
    started = time.monotonic()
    if config.max_minutes:
        trainer.add_callback(_budget(started + 60 * config.max_minutes))
    resume = config.resume == "auto" and any(folder.glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=True if resume else None)
    seconds = time.monotonic() - started
    if trainer.is_world_process_zero():
        qlora.save_adapter(tuned, qlora.adapter_state(tuned), output, base_name=base_name)
        _write_curve(trainer.state.log_history, output)
    steps = trainer.state.global_step
    progress = Progress(
        step=steps,
        seconds=seconds,
        questions=steps * config.batch_size,
        tokens=int(trainer.state.num_input_tokens_seen or 0),
    )
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    over = bool(config.max_minutes) and steps < trainer.state.max_steps
    return Summary("time" if over else "finished", progress, seconds, losses[-1] if losses else math.nan)


def _budget(ends: float) -> Any:
    """A callback that stops the trainer at a time of the monotonic clock."""
    from transformers import TrainerCallback

    class Budget(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> Any:
            if time.monotonic() >= ends:
                control.should_training_stop = True
            return control

    return Budget()


def collate(rows: list[dict[str, list[int]]]) -> dict[str, Any]:
    """Pad a batch on the right."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)

    def padded(key: str, fill: int) -> torch.Tensor:
        return torch.tensor([[*row[key], *[fill] * (longest - len(row[key]))] for row in rows])

    lengths = torch.tensor([[len(row["input_ids"])] for row in rows])
    return {
        "input_ids": padded("input_ids", 0),
        "labels": padded("labels", -100),
        "attention_mask": (torch.arange(longest)[None] < lengths).long(),
    }


def _placeholder() -> Any:
    # The trainer insists on a tokenizer, though the rows are token ids already.
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 1}, unk_token="<pad>"))
    return PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>")


def _write_curve(history: list[dict[str, float]], output: Path) -> None:
    import csv

    from train.report import COLUMNS, draw, read_csv

    with (output / "loss.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for entry in history:
            if "loss" in entry:
                writer.writerow(
                    {
                        "step": entry["step"],
                        "epoch": entry["epoch"],
                        "lr": entry["learning_rate"],
                        "loss": entry["loss"],
                        "grad_norm": entry.get("grad_norm", ""),
                    }
                )
    if rows := read_csv(output / "loss.csv"):
        draw(rows, output / "loss.png")
