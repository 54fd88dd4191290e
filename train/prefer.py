"""Teach an adapter which of its own statements are right: `python -m train prefer` (an experiment).

    python -m train prefer --adapter-path out --data DIR/spider --output-dir better --limit 300 --max-minutes 60

The model writes statements for training questions under the grammar, the sandbox tells right from wrong
(`train.pairs`), and trl's DPO (Rafailov et al. 2023, arXiv 2305.18290) raises the probability of the right one over
the wrong one's, against the adapter as it came. pairs.jsonl gets a line a question the moment it is done, so that the
command goes on where it stopped. Invariant: prompt, statements and base weights are those of
the runtime and of training.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlagent.base import private_files
from sqlagent.base.errors import OK, UsageError
from train import evaluate, qlora, rejection
from train.pairs import Pair, lines, pair_of
from train.record import HERE

PAIRS, RECORD = "pairs.jsonl", "training.json"
LEAST = 2
"""Pairs below which there is nothing to learn from."""


@dataclass(frozen=True, slots=True)
class Stage:
    """How the preference stage learns."""

    beta: float = 0.1  # of DPO: how far from the adapter as it came
    lr: float = 5e-6
    epochs: float = 1.0
    batch_size: int = 8
    seed: int = 0


def main(argv: Sequence[str], model: Any = None) -> int:
    """`python -m train prefer`; `model` replaces what writes the statements."""
    options = _parser().parse_args(list(argv))
    adapter, output = Path(options.adapter_path), Path(options.output_dir)
    if output.resolve() == adapter.resolve():
        raise UsageError("--output-dir is the adapter itself: name another folder.")
    base = qlora.resolve(options.model_name or evaluate.base_of(adapter))
    if not base.endswith(".gguf"):
        raise UsageError(
            f"Statements are written under the grammar, by llama.cpp, and {base} is no GGUF: give --model-name one "
            "(`python -m convert gguf` makes it)."
        )
    ends = time.monotonic() + 60 * options.max_minutes if options.max_minutes else None
    output.mkdir(parents=True, exist_ok=True)
    found = _pairs(options, base, adapter, output, model, ends)
    if options.pairs_only:
        return OK
    if len(found) < LEAST:
        raise UsageError(
            f"Only {len(found)} questions have a right and a wrong statement: raise --limit or --more."
        )
    stage = Stage(options.beta, options.lr, options.epochs, options.batch_size, options.seed)
    curve = train(base, adapter, found, stage, output, threads=options.threads, ends=ends)
    _record(adapter, output, base, stage, found, curve)
    print(
        f"{len(curve)} steps over {len(found)} pairs; margin {curve[0]['margin']:.3f} → {curve[-1]['margin']:.3f}; "
        f"adapter in {output}",
        file=sys.stderr,
    )
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m train prefer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    stage = Stage()
    parser.add_argument("--adapter-path", required=True, metavar="DIR", help="the adapter to go on from")
    parser.add_argument("--model-name", metavar="FILE", help="its base, a GGUF (the one it was trained on)")
    parser.add_argument("--data", type=Path, required=True, help="questions with statements and databases")
    parser.add_argument("--split", default="train", help="which file of the folder (train)")
    parser.add_argument("--output-dir", required=True, metavar="DIR", help="the new adapter, and pairs.jsonl")
    parser.add_argument("--limit", type=int, default=300, help="so many questions, drawn by --seed (300)")
    parser.add_argument("--more", type=int, default=4, help="statements beside the likeliest (4)")
    parser.add_argument(
        "--max-minutes", type=float, default=0.0, help="of all of it; half for pairs (0: no limit)"
    )
    parser.add_argument("--pairs-only", action="store_true", help="make the pairs and stop")
    parser.add_argument("--beta", type=float, default=stage.beta, help=f"DPO's beta ({stage.beta})")
    parser.add_argument("--lr", type=float, default=stage.lr, help=f"learning rate ({stage.lr})")
    parser.add_argument("--epochs", type=float, default=stage.epochs, help="passes over the pairs (1)")
    parser.add_argument("--batch-size", type=int, default=stage.batch_size, help="pairs in a step (8)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw and the order (0)")
    parser.add_argument("--threads", type=int, help="CPU threads (its own choice)")
    return parser


def _pairs(
    options: argparse.Namespace, base: str, adapter: Path, output: Path, model: Any, ends: float | None
) -> list[Pair]:
    """The pairs of pairs.jsonl, after what is missing of them was made, for half of the minutes at most."""
    from bench.gold import datasets
    from train import tokens

    file = output / PAIRS
    everything = datasets.load(datasets.split_file(options.data, options.split), options.split)
    if not all(question.gold and question.database for question in everything):
        raise UsageError(f"{options.data} has questions without a statement or a database, which pairs need.")
    done = rejection.known(file)
    chosen = datasets.sample(everything, options.limit, options.seed)
    todo = [question for question in chosen if question.id not in done]
    loaded = model or (_model(base, adapter, options) if todo else None)
    now = time.monotonic()
    half = now + (ends - now) / 2 if ends else None
    try:
        with file.open("a", encoding="utf-8") as sink:
            settings = rejection.Settings(more=options.more)
            for line in lines(todo, loaded, tokens.load(base), settings):
                sink.write(json.dumps(line, ensure_ascii=False) + "\n")
                sink.flush()
                if half and time.monotonic() > half:
                    break
    finally:
        if model is None and loaded is not None:
            loaded.close()
    held = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    wanted = {question.id for question in chosen}
    found = [pair for line in held if line["id"] in wanted and (pair := pair_of(line))]
    why: Counter[str] = Counter()
    for line in held:
        why.update(line["why"])
    said = ", ".join(f"{number} {name}" for name, number in why.most_common())
    print(f"{len(held)} questions, {len(found)} pairs; statements: {said or 'none'}", file=sys.stderr)
    return found


def _model(base: str, adapter: Path, options: argparse.Namespace) -> Any:
    from sqlagent.decoding.model import Model
    from sqlagent.store import models

    files = models.ready(base, adapter=adapter)
    return Model.of(files, n_ctx=4096, threads=options.threads, n_parallel=max(4, options.more))


def train(
    base: str,
    adapter: Path,
    pairs: Sequence[Pair],
    stage: Stage,
    output: Path,
    *,
    threads: int | None = None,
    ends: float | None = None,
) -> list[dict[str, float]]:
    """Run DPO from an adapter and save the new one; the loss, margin and accuracy of every step."""
    try:
        import datasets
        import torch
        import trl
        from trl import DPOConfig, DPOTrainer
    except ImportError as error:
        raise UsageError(f"A preference stage needs {error.name}: run `pip install -e .[train]`.") from error
    from train.sft import _budget, _placeholder

    if int(trl.__version__.split(".")[0]) < 1:  # its rows had other names then
        raise UsageError(
            f"A preference stage needs trl 1.0 or later, not {trl.__version__}: pip install -U trl."
        )
    if threads:
        torch.set_num_threads(threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    numbers = qlora.numbers("auto", device)
    held = qlora.load_base(base, numbers=numbers, quantization="none", device=device)
    tuned = qlora.add_adapter(held, qlora.settings_of(adapter))

    class Tokenised(DPOTrainer):
        """DPO over rows that are token ids already, as the runtime lays them out."""

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    rows = datasets.Dataset.from_list(
        [
            {name: list(getattr(pair, name)) for name in ("prompt_ids", "chosen_ids", "rejected_ids")}
            for pair in pairs
        ]
    )
    micro = min(2, stage.batch_size)
    trainer = Tokenised(
        model=tuned,
        args=DPOConfig(
            output_dir=str(output / "trl"),
            beta=stage.beta,
            learning_rate=stage.lr,
            num_train_epochs=stage.epochs,
            per_device_train_batch_size=micro,
            gradient_accumulation_steps=max(1, stage.batch_size // micro),
            lr_scheduler_type="cosine",
            max_length=None,  # no row is cut
            bf16=numbers.mixed_precision == "bf16",
            fp16=numbers.mixed_precision == "fp16",
            use_cpu=device == "cpu",
            gradient_checkpointing=False,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            seed=stage.seed,
            dataloader_pin_memory=False,
            disable_tqdm=True,
        ),
        train_dataset=rows,
        processing_class=_placeholder(),
    )
    if ends:
        trainer.add_callback(_budget(ends))
    trainer.train()
    shutil.rmtree(output / "trl", ignore_errors=True)
    name = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))[
        "base_model_name_or_path"
    ]
    qlora.save_adapter(tuned, qlora.adapter_state(tuned), output, base_name=name)
    return [
        {
            "loss": entry["loss"],
            "margin": entry["rewards/margins"],
            "accuracy": entry["rewards/accuracies"],
        }
        for entry in trainer.state.log_history
        if "rewards/margins" in entry
    ]


def _record(
    adapter: Path, output: Path, base: str, stage: Stage, pairs: Sequence[Pair], curve: list[dict[str, float]]
) -> None:
    """What the new adapter came from: the record of the one before, with this stage; and where its base lies."""
    before = adapter / RECORD
    record = json.loads(before.read_text(encoding="utf-8")) if before.is_file() else {}
    record["preference"] = {"method": "dpo", **asdict(stage), "pairs": len(pairs), "curve": curve}
    here = evaluate.here(adapter) | {"model_name": str(Path(base).absolute())}
    for file, held in ((RECORD, record), (HERE, here)):
        text = json.dumps(held, indent=1, ensure_ascii=False) + "\n"
        private_files.write(output / file, text.encode(), mode=private_files.SHARED)
