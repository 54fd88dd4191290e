"""The training configuration: a commented TOML recipe, overruled by command-line flags, written beside the
adapter.

Invariant: every hyperparameter is a field of `Config`; a recipe or a flag that names anything else is an
error."""

from __future__ import annotations

import dataclasses
import difflib
import json
import sys
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlagent.base.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DATASET = "b-mc2/sql-create-context"
"""What is trained on where nothing else is named."""
RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True)
class Mix:
    """One source of question/SQL pairs in the mix."""

    name: str
    kind: str = "spider"
    """`spider`: rows {question, query, db_id} and a folder of databases. `bird`: the same with `SQL` and
    `evidence`. `context`: rows {question, context, answer}, where context is CREATE TABLE text. `feedback`: what
    the page of `sqlagent web` writes down. `meant`: spider's, with statements over columns as they are meant."""
    file: str = ""
    """A path below --data (below --built where it begins with `built/`), or `hub:OWNER/NAME` for a dataset on the
    Hugging Face Hub."""
    databases: str = ""
    weight: float = 1.0
    """Share of the rows that an epoch uses; each epoch takes others. Above 1, rows are repeated."""
    where: dict[str, str] = field(default_factory=dict)
    """Keep only rows whose fields have these values."""
    evidence: str = "append"
    """BIRD's hints: `append` to the question, `drop`, or `half` (every other row)."""
    least: float = 0.0
    """Keep only rows whose `logprob` is at least this (`python -m train sample` writes one; 0: all rows)."""
    held_out: int = 0
    """Keep one row in so many for validation, `validation.slice` at most (0: none), where a set has none for it."""
    drop_validation: bool = False
    """Leave out rows of validation databases instead of refusing to start."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What must never be trained on, and what the run is judged by."""

    files: tuple[str, ...] = ()
    """Files of validation questions (any of the three kinds) below --data."""
    databases: str = ""
    """Text file with the names of the validation databases, one a line."""
    folder: str = ""
    """Folder of databases for Spider-format validation files."""
    questions: tuple[str, ...] = ()
    """More files of questions that nothing near may be trained on; they need no statements."""
    slice: int = 200
    """Questions of each validation file looked at during training."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that decides what a run produces."""

    # where from, where to
    model_name: str = ""
    output_dir: str = ""
    dataset: str = ""
    data: str = ""
    built: str = ""
    prepared: str = ""
    without: tuple[str, ...] = ()
    resume: str = "auto"
    # data
    mix: tuple[Mix, ...] = ()
    validation: Validation = field(default_factory=Validation)
    alias_style: str = "names"
    value_hints: bool = True
    augment: tuple[str, ...] = ()
    augment_copies: int = 0
    limit: int = 0
    workers: int = 0
    # packing and steps
    questions_per_schema: int = 10
    max_length: int = 2048
    batch_size: int = 32
    batch_tokens: int = 0
    epochs: float = 1.0
    max_steps: int = 0
    max_minutes: float = 0.0
    # optimiser
    lr: float = 2e-4
    min_lr_ratio: float = 0.05
    warmup_ratio: float = 0.03
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    beta2: float = 0.99
    # adapter
    lora_r: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    lora_targets: tuple[str, ...] = (
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    )
    use_dora: bool = False
    use_rslora: bool = False
    init_adapter: str = ""
    # numbers
    quantization: str = "none"
    precision: str = "auto"
    gradient_checkpointing: bool = False
    threads: int = 0
    forward_tokens: int = 0
    attention: str = "auto"
    compile: bool = False
    liger: bool = False
    # engine
    engine: str = "packed"
    # the run
    seed: int = 0
    save_minutes: float = 10.0
    keep_checkpoints: int = 2
    eval_minutes: float = 10.0
    sample: int = 0
    patience: int = 0
    log_steps: int = 0
    report_to: str = "none"
    run_name: str = ""
    project: str = "sqlagent"


HELP = {
    "model_name": "Hugging Face model name, a local folder, a .gguf file, or a registry name (tiny)",
    "output_dir": "folder for the adapter, checkpoints, loss.csv and loss.png",
    "dataset": "without a recipe: rows of question, context and answer, as a file or a data set of the Hugging "
    f"Face Hub ({DATASET} where neither is given)",
    "data": "folder that the recipe's data files are relative to",
    "built": "folder of data made with `python -m train build` and `sample`, for a recipe's `built/` paths",
    "prepared": "a prepared data set (`python -m train data --save FILE`) to use instead of --data",
    "without": "sources of the recipe that are left out, by name (comma separated)",
    "resume": "auto: go on from the newest checkpoint in --output-dir; never: start afresh; or a "
    "checkpoint folder",
    "alias_style": "names (table.column) or aliases (T1.column)",
    "value_hints": "show the stored values that a question mentions, as the runtime does (--no-value-hints)",
    "augment": "any of: shuffle, drop-samples, rename, reword-case (comma separated)",
    "augment_copies": "augmented copies of every Spider or BIRD row, each seen in another epoch",
    "limit": "use only the first N rows of every source (for a try)",
    "workers": "processes that prepare the data (0: one a core; the same rows from any number)",
    "questions_per_schema": "questions that share one schema prefix in a sequence; 1 = unpacked",
    "max_length": "tokens in one sequence; longer rows are dropped, never cut",
    "batch_size": "questions in one optimiser step, over all processes",
    "batch_tokens": "tokens in one optimiser step, in place of --batch-size (0: by questions)",
    "epochs": "passes over the data; a fraction is allowed",
    "max_steps": "stop after this many optimiser steps (0: by --epochs)",
    "max_minutes": "stop cleanly after this many minutes of training, resumed time counted; the learning "
    "rate reaches its floor by then (0: no limit)",
    "lr": "peak learning rate (linear warm-up, cosine down)",
    "min_lr_ratio": "the floor of the learning rate, as a share of the peak",
    "warmup_ratio": "share of the steps spent warming up",
    "weight_decay": "AdamW weight decay",
    "max_grad_norm": "gradient clipping",
    "beta2": "AdamW's second beta",
    "lora_r": "rank of the adapter",
    "lora_alpha": "its scale",
    "lora_dropout": "its dropout",
    "lora_targets": "linear layers that get an adapter (comma separated)",
    "use_dora": "weight-decomposed LoRA (not convertible to a GGUF adapter: merge instead)",
    "use_rslora": "scale by alpha / sqrt(r)",
    "init_adapter": "start from this adapter's weights (a second stage)",
    "quantization": "none, or nf4: 4-bit base weights with double quantisation (bitsandbytes)",
    "precision": "auto, fp32, bf16 or fp16 (T4: fp16)",
    "gradient_checkpointing": "recompute activations: less memory, a third slower",
    "threads": "CPU threads (0: torch's choice)",
    "forward_tokens": "tokens in a forward, several sequences side by side (0: one; on a GPU what fits)",
    "attention": "auto: the quickest that device and run allow; or packed, flash, flex, sdpa",
    "compile": "compile the decoder layers (torch.compile): minutes at the start, worth it for long runs on a GPU",
    "liger": "Liger's kernels for norms, gates and rotation (needs liger-kernel and a GPU)",
    "engine": "packed: this project's loop; trl: trl's SFTTrainer, one row a sequence",
    "seed": "fixes the data order, the adapter's start and dropout",
    "save_minutes": "minutes between checkpoints (0: only at the end)",
    "keep_checkpoints": "how many checkpoints to keep",
    "eval_minutes": "minutes between looks at the validation slice (0: only at the end)",
    "sample": "at each look, write statements for this many validation questions and run them where their "
    "databases are at hand (0: none)",
    "patience": "stop after this many looks at the validation slice in a row without a lower loss (0: never)",
    "log_steps": "steps between two lines of the log; what lies between is read with them (0: 1, on a GPU 10)",
    "report_to": "none, or wandb (WANDB_MODE=offline works)",
    "run_name": "name of the run in reports",
    "project": "project of the run in Weights & Biases",
}
"""One line of help for every scalar field; a test checks that none is missing."""

GROUPS = {
    "what is trained, from what, to where": (
        *("model_name", "output_dir", "dataset", "data", "built", "prepared", "without", "limit", "resume"),
    ),
    "how long": (
        *("epochs", "max_steps", "max_minutes", "save_minutes", "keep_checkpoints", "eval_minutes"),
        *("sample", "patience"),
    ),
    "steps": (
        *(
            "batch_size",
            "batch_tokens",
            "lr",
            "min_lr_ratio",
            "warmup_ratio",
            "weight_decay",
            "max_grad_norm",
            "beta2",
            "seed",
        ),
        *("questions_per_schema", "max_length"),
    ),
    "the adapter": (
        *("lora_r", "lora_alpha", "lora_dropout", "lora_targets", "use_dora", "use_rslora", "init_adapter"),
    ),
    "memory and speed": (
        *("quantization", "precision", "gradient_checkpointing", "forward_tokens", "attention"),
        *("compile", "liger", "threads", "workers", "engine"),
    ),
    "how rows look": ("alias_style", "value_hints", "augment", "augment_copies"),
    "reports": ("report_to", "project", "run_name", "log_steps"),
}
"""The flags in the order and under the titles of the help; a test checks that each setting is in one."""

METAVARS = {
    **dict.fromkeys(("output_dir", "data", "built", "init_adapter"), "DIR"),
    **dict.fromkeys(("model_name", "dataset", "run_name", "project"), "NAME"),
    **dict.fromkeys(("without", "lora_targets", "augment"), "A,B"),
    "prepared": "FILE",
    "resume": "auto|never|DIR",
}

CHOICES = {
    "quantization": ("none", "nf4"),
    "precision": ("auto", "fp32", "bf16", "fp16"),
    "attention": ("auto", "packed", "flash", "flex", "sdpa"),
    "engine": ("packed", "trl"),
    "report_to": ("none", "wandb"),
    "alias_style": ("names", "aliases"),
}


def load(recipe: str | None, overrides: dict[str, Any]) -> Config:
    """Read a recipe (a file, or a name below `train/recipes`) and lay flags over it."""
    values: dict[str, Any] = {}
    if recipe:
        values = _read_toml(_recipe_path(recipe))
    values.update(overrides)
    return from_dict(values)


def from_dict(values: dict[str, Any]) -> Config:
    """Build a `Config`; raises UsageError for an unknown name or a value of the wrong kind."""
    values = dict(values)
    mix = tuple(_build(Mix, entry, "mix") for entry in values.pop("mix", ()))
    validation = _build(Validation, values.pop("validation", {}), "validation")
    config: Config = _build(Config, {**values, "mix": mix, "validation": validation}, "recipe")
    for name, allowed in CHOICES.items():
        if getattr(config, name) not in allowed:
            raise UsageError(f"{name} must be one of {', '.join(allowed)}, not {getattr(config, name)!r}.")
    for name in ("batch_size", "questions_per_schema", "max_length", "lora_r"):
        if getattr(config, name) < 1:
            raise UsageError(f"{name} must be at least 1.")
    if config.patience and not config.eval_minutes:
        raise UsageError("--patience counts looks at the validation slice: give --eval-minutes, too.")
    if config.engine == "trl":
        for name in ("batch_tokens", "forward_tokens", "compile", "liger", "sample", "patience"):
            if getattr(config, name):
                flag = name.replace("_", "-")
                raise UsageError(
                    f"--{flag} is of the packed loop, not of --engine trl: leave one of them out."
                )
    if config.compile and config.gradient_checkpointing:
        raise UsageError("--compile and --gradient-checkpointing do not go together: leave one out.")
    return config


def to_dict(config: Config) -> dict[str, Any]:
    """The configuration as plain JSON values; `from_dict` reads it back."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return plain


def recipes() -> list[str]:
    """Names of the recipes that come with the project."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def _recipe_path(recipe: str) -> Path:
    for path in (Path(recipe), RECIPES / f"{recipe}.toml"):
        if path.is_file():
            return path
    raise UsageError(f"No recipe {recipe!r}: give a file, or one of {', '.join(recipes())}.")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return found
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name} is not valid TOML: {error}.") from error


def _build(cls: type[Any], values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise UsageError(f"{where} must be a table of names and values.")
    hints = typing.get_type_hints(cls)
    made: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in hints:
            near = difflib.get_close_matches(name, hints, n=1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"{where} has no setting {key!r}.{meant}")
        made[name] = _coerce(value, hints[name], f"{where}: {key}")
    return cls(**made)


def _coerce(value: Any, kind: Any, where: str) -> Any:
    if typing.get_origin(kind) is tuple:
        if isinstance(value, str):
            value = [part for part in value.split(",") if part]
        return tuple(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = typing.get_origin(kind) or kind
    if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
        raise UsageError(f"{where} must be a {getattr(plain, '__name__', plain)}, not {value!r}.")
    return value
