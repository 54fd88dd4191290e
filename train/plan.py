"""What a run is going to do: every optimiser step of every epoch, and the learning rate of each.

Invariant: a plan follows from the configuration and the data alone, whatever machine or number of processes
carries it out.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import UsageError
from train.config import Config, to_dict
from train.packing import Group, plan_epoch

if TYPE_CHECKING:
    from train.prepared import Prepared

Step = list[list[Group]]
"""One optimiser step: sequences, each a list of groups."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every step of the run, and where its epochs begin."""

    steps: list[Step]
    epoch_of: list[float]
    too_long: int
    warmup: int


def make_plan(config: Config, data: Prepared) -> Plan:
    """Lay out all epochs. Raises UsageError when nothing is left to train on, or the data is for fewer."""
    prepared_for = data.about.get("settings", {}).get("epochs")
    if prepared_for is not None and math.ceil(config.epochs) > math.ceil(prepared_for):
        raise UsageError(
            f"The data was prepared for {prepared_for:g} epochs: lower --epochs (now {config.epochs:g}) or "
            "prepare it again."
        )
    steps: list[Step] = []
    epoch_of: list[float] = []
    too_long = 0
    for epoch in range(math.ceil(config.epochs)):
        rng = random.Random(f"{config.seed}:{epoch}")
        made, dropped = plan_epoch(
            data.epoch(epoch, rng),
            questions=config.questions_per_schema,
            max_length=config.max_length,
            batch_size=config.batch_size,
            batch_tokens=config.batch_tokens,
            rng=rng,
        )
        part = min(1.0, config.epochs - epoch)
        used = made[: math.ceil(len(made) * part)]
        epoch_of += [epoch + (index + 1) / len(made) for index in range(len(used))]
        steps += used
        too_long += dropped
    if config.max_steps:
        steps = steps[: config.max_steps]
    if not steps:
        raise UsageError(
            "No row is left to train on: raise --max-length or look at `python -m train data --stats`."
        )
    return Plan(steps, epoch_of, too_long, max(1, round(config.warmup_ratio * len(steps))))


def forwards(step: Step, tokens: int) -> Step:
    """A step's sequences side by side, as many in a forward as `tokens` hold; 0: each by itself.

    No row sees another, so loss and gradients of the step stay what they are."""
    if not tokens:
        return step
    made: Step = []
    room = 0
    for sequence in step:
        length = sum(map(len, sequence))
        if length > room:
            made.append([])
            room = tokens
        made[-1] += sequence
        room -= length
    return made


def learning_rate(config: Config, plan: Plan, step: int, seconds: float) -> float:
    """Linear warm-up, then cosine to the floor, reached by the last step or by the end of the time budget."""
    done = step / len(plan.steps)
    if config.max_minutes:
        done = max(done, seconds / (60 * config.max_minutes))
    warm = min(1.0, (step + 1) / plan.warmup)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return config.lr * warm * (config.min_lr_ratio + (1 - config.min_lr_ratio) * cosine)


FREE = frozenset(
    (
        *(
            "output_dir",
            "dataset",
            "data",
            "built",
            "prepared",
            "without",
            "resume",
            "max_minutes",
            "save_minutes",
        ),
        *("keep_checkpoints", "eval_minutes", "report_to", "run_name", "project", "threads", "workers"),
        *("forward_tokens", "attention", "compile", "liger", "log_steps", "sample", "patience"),
    )
)
"""Settings that a run may change from one sitting to the next."""
MORE = ("epochs", "max_steps")
"""Settings that only say how long a run is: one that is done may get more of them."""


def deciding(config: Config) -> dict[str, Any]:
    """The settings that decide the course of a run."""
    settings = {k: v for k, v in to_dict(config).items() if k not in FREE}
    # As it was before there were these settings: runs of that time go on.
    if not settings["batch_tokens"]:
        del settings["batch_tokens"]
    for mix in settings["mix"]:
        if not mix["held_out"]:
            del mix["held_out"]
    return settings


def fingerprint(config: Config, data: Prepared) -> str:
    """Hash of what decides the course of a run: resuming with anything else would be another run."""
    return hashlib.sha256((json.dumps(deciding(config), sort_keys=True) + data.digest).encode()).hexdigest()


def course(plan: Plan, steps: int) -> str:
    """Hash of what is learnt in the first `steps` steps: two plans that agree in it are one run up to there."""
    sha = hashlib.sha256()
    for step in plan.steps[:steps]:
        for sequence in step:
            sha.update(b"sequence")
            for group in sequence:
                for part in (
                    group.prefix,
                    *(part for item in group.items for part in (item.request, item.target)),
                ):
                    sha.update(len(part).to_bytes(4, "big") + part.tobytes())
    return sha.hexdigest()


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """(before, after) of every setting that differs."""
    names = dict.fromkeys([*before, *after])
    return {n: (before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)}


def told(differs: dict[str, tuple[Any, Any]]) -> str:
    """What differs, in words: "epochs 1.0 → 2.0, lr 0.0002 → 0.001"."""
    plain = (int, float, str)
    return ", ".join(
        f"{name} {old} → {new}" if isinstance(old, plain) and isinstance(new, plain) else name
        for name, (old, new) in differs.items()
    )
