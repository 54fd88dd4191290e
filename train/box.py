"""Train on a machine that can fetch nothing: pack what a run needs, run it there for some minutes, bring it back.

    python -m train pack --recipe qwen2.5-coder-1.5b-box --prepared FILE.npz --init-adapter DIR --save PARTS
    python parts.py PARTS --to BOX                     # there; parts may come in several goes
    cd BOX && python -m train box --minutes 8 --save OUT
    python -m train unpack OUT --to DIR                # here: the adapter, its record and its curve

The box gets the base, the data, the starting adapter, the code and, where they are named, wheels. Invariant: the box
needs no network and no file but those; a run that ends early leaves what its last checkpoint had.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import INTERRUPTED, OK, UsageError
from train import parts
from train.config import Config, load, to_dict

if TYPE_CHECKING:
    from train.prepared import Prepared

ROOT = Path(__file__).resolve().parents[1]
CODE = ("sqlagent", "train", "bench")
RECIPE = "box.json"
"""The whole configuration of the run, in the box."""
RESULTS = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "training.json",
    "README.md",
    "loss.csv",
    "loss.png",
)
MEGABYTE = 1 << 20


def pack(argv: Sequence[str]) -> int:
    """`python -m train pack`."""
    parser = argparse.ArgumentParser(
        prog="python -m train pack", description="Cut what a run needs into parts that travel."
    )
    parser.add_argument("--recipe", required=True, help="a TOML file or the name of a recipe")
    parser.add_argument(
        "--prepared", type=Path, required=True, metavar="FILE.npz", help="`train data --save` made it"
    )
    parser.add_argument("--model-name", help="the base: a .gguf, a folder, or a registry name (the recipe's)")
    parser.add_argument(
        "--init-adapter", type=Path, metavar="DIR", help="the adapter that the run starts from"
    )
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="wheels that the box lacks")
    parser.add_argument("--part-mb", type=int, default=60, help="largest part in MiB (60)")
    parser.add_argument("--save", type=Path, required=True, metavar="FOLDER", help="where the parts go")
    options = parser.parse_args(list(argv))
    from train import prepared, qlora

    config = load(options.recipe, {})
    base = Path(qlora.resolve(options.model_name or config.model_name))
    if not base.exists():
        raise UsageError(
            f"{base} is no file: a box cannot fetch a base from the hub. Give --model-name a file."
        )
    if options.save.exists() and any(options.save.iterdir()):
        raise UsageError(f"{options.save} is not empty: give --save another folder.")
    data = prepared.load(options.prepared)
    files = {"data.npz": options.prepared, **_below(base, f"base/{base.name}")}
    changes: dict[str, Any] = {"model_name": f"base/{base.name}", "prepared": "data.npz", "init_adapter": ""}
    if options.init_adapter:
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            if not (options.init_adapter / name).is_file():
                raise UsageError(
                    f"{options.init_adapter} has no {name}: --init-adapter wants an adapter's folder."
                )
            files[f"adapter/{name}"] = options.init_adapter / name
        changes["init_adapter"] = "adapter"
    for package in CODE:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in (".py", ".toml", ".txt", ".json") and "__pycache__" not in path.parts:
                files[path.relative_to(ROOT).as_posix()] = path
    if options.wheels:
        files |= {f"wheels/{path.name}": path for path in sorted(options.wheels.glob("*.whl"))}
    settled = dataclasses.replace(config, **changes, mix=(), data="", built="")
    print(plan(settled, data), file=sys.stderr)
    options.save.mkdir(parents=True, exist_ok=True)
    recipe = options.save / RECIPE
    recipe.write_text(json.dumps(to_dict(settled), indent=1), encoding="utf-8")
    files[RECIPE] = recipe
    number = parts.cut(files, options.save, options.part_mb * MEGABYTE)
    recipe.unlink()
    size = sum((options.save / f"part-{n:03}.bin").stat().st_size for n in range(number))
    print(f"{number} parts, {size / MEGABYTE:.0f} MiB, in {options.save}", file=sys.stderr)
    return OK


def _below(path: Path, name: str) -> dict[str, Path]:
    if path.is_file():
        return {name: path}
    return {
        f"{name}/{one.relative_to(path).as_posix()}": one for one in sorted(path.rglob("*")) if one.is_file()
    }


def plan(config: Config, data: Prepared, tokens_per_second: float = 0.0, minutes: float = 0.0) -> str:
    """What a run is going to do, in words: steps, tokens and, where the speed is known, the epochs that fit."""
    from train.plan import make_plan

    steps = make_plan(config, data).steps
    tokens = sum(len(group) for step in steps for sequence in step for group in sequence)
    epoch = tokens / config.epochs
    said = (
        f"{len(steps)} steps of {config.batch_size} questions, {tokens:,} tokens in {config.epochs:g} epochs "
        f"({tokens // len(steps):,} a step)"
    )
    if tokens_per_second:
        fit = 60 * minutes * tokens_per_second / epoch
        said += f"; at {tokens_per_second:,.0f} tokens a second {minutes:g} minutes hold {fit:.2f} epochs"
    return said


def run(argv: Sequence[str]) -> int:
    """`python -m train box`, in the folder that the parts were put together in."""
    parser = argparse.ArgumentParser(
        prog="python -m train box", description="Train what was packed, for some minutes, and cut the result."
    )
    parser.add_argument(
        "--minutes", type=float, default=8.0, help="all of it: loading, training, writing (8)"
    )
    parser.add_argument(
        "--save", type=Path, required=True, metavar="FOLDER", help="where the result's parts go"
    )
    parser.add_argument("--part-mb", type=int, default=15, help="largest part in MiB (15)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: torch's choice)")
    options = parser.parse_args(list(argv))
    began = time.monotonic()
    if not Path(RECIPE).is_file():
        raise UsageError(f"There is no {RECIPE} here: go to the folder that parts.py filled.")
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    from train import config as configuration
    from train import prepared, record
    from train.loop import Loop

    held = json.loads(Path(RECIPE).read_text(encoding="utf-8"))
    work = Path("run")
    config = configuration.from_dict(
        held | {"output_dir": str(work), "save_minutes": 1.0, "threads": options.threads, "report_to": "none"}
    )
    data = prepared.load(Path(config.prepared))
    work.mkdir(exist_ok=True)
    print(plan(config, data), file=sys.stderr)
    record.start(config, data, work)
    # Reading the data was part of the minutes; the loop counts loading, dequantising and the writing at the end.
    left = options.minutes - (time.monotonic() - began) / 60
    loop = Loop(dataclasses.replace(config, max_minutes=max(left, 1e-9)), data, work)
    if loop.loading / 60 >= left:
        took = options.minutes - left + loop.loading / 60
        raise UsageError(f"Loading alone took {took:.1f} minutes: give --minutes more.")
    summary = loop.run()
    record.finish(summary, work)
    speed = summary.progress.tokens / max(summary.progress.seconds - loop.loading, 1e-9)
    print(plan(config, data, speed, options.minutes), file=sys.stderr)
    done = bring(work, options.save, options.part_mb)
    print(
        f"{summary.stopped} after {summary.progress.step} steps; {done} parts in {options.save}",
        file=sys.stderr,
    )
    return INTERRUPTED if summary.stopped == "interrupted" else OK


def bring(work: Path, folder: Path, part_mb: int) -> int:
    """Cut a run's results into parts; how many."""
    files = {name: work / name for name in RESULTS if (work / name).is_file()}
    if folder.exists():
        shutil.rmtree(folder)
    return parts.cut(files, folder, part_mb * MEGABYTE)


def unpack(argv: Sequence[str]) -> int:
    """`python -m train unpack`: what parts.py does, here."""
    return parts.main(argv)
