"""`python -m train evaluate`: the score of an adapter under transformers, or of a GGUF under the runtime.

    python -m train evaluate --adapter-path out/tiny                       what the run kept from training
    python -m train evaluate --adapter-path out/tiny --data DIR/spider --limit 200
    python -m train evaluate --gguf FILE --data DIR/spider --split val --decode greedy
    python -m train evaluate --gguf smollm2-135m --adapter-path out/tiny --data DIR/sql_create_context

The third scores a model under the runtime, the last a base with the adapter applied at load.
Everything else (--split, --limit, --seed, --out, --resume …) is `python -m bench accuracy`'s. Under
transformers the decoding is free and greedy, without the grammar: a quick look while training. The number
to report is the GGUF's. Invariant: the statements go through the one scorer of the project,
`bench/scoring.py`."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import SqlagentError, UsageError
from train import qlora, tokens
from train.config import CHOICES
from train.record import HELD_OUT, HERE

if TYPE_CHECKING:
    from sqlagent.decoding.candidate import Candidate
    from sqlagent.linking.prompt import Prompt


def main(words: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    made = argparse.ArgumentParser(
        prog="python -m train evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument(
        "--adapter-path", metavar="DIR", help="adapter folder: under transformers, or with --gguf the runtime"
    )
    made.add_argument("--model-name", metavar="M", help="its base model (default: the one in training.json)")
    made.add_argument("--gguf", metavar="FILE", help="GGUF file or registry name, scored under the runtime")
    made.add_argument("--precision", choices=CHOICES["precision"], default="auto")
    made.add_argument("--quantization", choices=CHOICES["quantization"], default="none")
    made.add_argument(
        "--batch-size", type=int, default=16, metavar="N", help="questions generated together (16)"
    )
    options, rest = made.parse_known_args(words)
    try:
        from bench import accuracy
    except ImportError as error:
        raise UsageError(f"Scoring needs {error.name}: run `pip install -e .[train]`.") from error
    own = not any(word.split("=")[0] == "--data" for word in rest)
    if options.adapter_path and own:
        rest = [*rest, *_own_questions(Path(options.adapter_path))]
    if options.gguf:
        with_adapter = ["--adapter", options.adapter_path] if options.adapter_path else []
        return accuracy.main([*rest, "--model", options.gguf, *with_adapter])
    if not options.adapter_path and not options.model_name:
        raise UsageError(
            "Say what to score: --adapter-path DIR (under transformers) or --gguf FILE (the runtime)."
        )
    if "--decode" not in rest:
        rest = [*rest, "--decode", "free"]
    model = Tuned.load(options)
    model.look_ahead(_prompts(accuracy.options_of(rest)))
    return accuracy.main(rest, model)


def here(adapter: Path) -> dict[str, str]:
    """What the run wrote down of this machine's places; empty where it was made elsewhere."""
    path = adapter / HERE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def base_of(adapter: Path) -> str:
    """The base model an adapter was trained on: where the run found it, if that is still there."""
    known_here = here(adapter).get("model_name", "")
    if known_here and (Path(known_here).exists() or not Path(known_here).is_absolute()):
        return known_here
    for file, keys in (
        ("training.json", ("config", "model_name")),
        ("adapter_config.json", ("base_model_name_or_path",)),
    ):
        if (adapter / file).is_file():
            found = json.loads((adapter / file).read_text(encoding="utf-8"))
            for key in keys:
                found = found[key]
            return known(str(found))
    raise UsageError(f"{adapter} is no adapter folder: it has no adapter_config.json.")


def _own_questions(adapter: Path) -> list[str]:
    """--data for the questions that the run kept from training. Raises UsageError where none are here."""
    if (adapter / HELD_OUT).is_file():
        return ["--data", str(adapter / HELD_OUT)]
    root = here(adapter).get("data", "")
    if root and (adapter / "training.json").is_file():
        config = json.loads((adapter / "training.json").read_text(encoding="utf-8"))["config"]
        for file in config["validation"]["files"]:
            path = Path(root) / file
            if path.is_file():
                return ["--data", str(path.parent), "--split", path.stem]
    raise UsageError("Say which questions: --data DIR, a folder of them or a file.")


def known(base: str) -> str:
    """What `qlora.resolve` makes the base of: a record names a file without its folder.

    Raises UsageError where that is no model of the registry either.
    """
    from sqlagent.store.registry import registry

    if not base.endswith(".gguf") or Path(base).is_file():
        return base
    for entry in registry().values():
        if entry.file == base and not entry.adapter:
            return entry.name
    raise UsageError(
        f"The adapter was trained on {base}, which is not here: say where with --model-name FILE."
    )


def _prompts(options: argparse.Namespace) -> list[Prompt]:
    """The prompts that the scorer is going to ask for, so that they can be answered in batches."""
    from bench.gold import datasets
    from bench.predict import Place

    path = datasets.split_file(options.data, options.split)
    questions = datasets.sample(datasets.load(path, options.split), options.limit, options.seed)
    found = []
    place: Place | None = None
    for question in questions:
        with contextlib.suppress(SqlagentError):  # the scorer reports it
            if place is None or (place.question.database, place.question.ddl) != (
                question.database,
                question.ddl,
            ):
                place = Place(question, options.timeout, options.style)
            found.append(place.ask(question.question)[0])
    return found


@dataclass(frozen=True, slots=True)
class Ahead:
    """Seconds that the answer to the last question took, of the batch that it was generated in."""

    ahead: float = 0.0


class Tuned:
    """A transformers model with the runtime's `generate()`: greedy and free, answers prepared in batches."""

    def __init__(
        self, model: Any, tokenizer: tokens.Tokens, name: str, *, batch: int = 16, longest: int = 192
    ) -> None:
        self._model, self._tokens, self.name = model.eval(), tokenizer, name
        self._batch, self._longest = batch, longest
        self._known: dict[Prompt, list[int]] = {}
        self._took: dict[Prompt, float] = {}
        self.last_timings = Ahead()

    @classmethod
    def load(cls, options: argparse.Namespace) -> Tuned:
        """Load a base model, with the adapter if there is one."""
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        adapter = Path(options.adapter_path) if options.adapter_path else None
        source = qlora.resolve(options.model_name or base_of(adapter))  # type: ignore[arg-type]
        model = qlora.load_base(
            source,
            numbers=qlora.numbers(options.precision, device),
            quantization=options.quantization,
            device=device,
        )
        if adapter:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(adapter))
        name = (adapter or Path(source)).name
        return cls(model, tokens.load(source), name, batch=options.batch_size)

    def look_ahead(self, prompts: Sequence[Prompt]) -> None:
        """Answer many prompts in batches of similar length; generate() then looks them up."""
        from tqdm import tqdm

        todo = list(dict.fromkeys(p for p in prompts if p not in self._known))
        encoded = sorted(((self._tokens.prompt(p)[0], p) for p in todo), key=lambda pair: len(pair[0]))
        for start in tqdm(range(0, len(encoded), self._batch), unit="batch", file=sys.stderr):
            part = encoded[start : start + self._batch]
            began = time.perf_counter()
            answers = self._answer([ids for ids, _ in part])
            took = (time.perf_counter() - began) / len(part)
            for (_, prompt), answer in zip(part, answers, strict=True):
                self._known[prompt], self._took[prompt] = answer, took

    def _answer(self, rows: list[list[int]]) -> list[list[int]]:
        """Greedy continuations of prompts, without the end of turn."""
        import torch

        longest = max(map(len, rows))
        device = next(self._model.parameters()).device
        eos = self._tokens.eos
        ids = torch.tensor([[eos] * (longest - len(row)) + row for row in rows], device=device)
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
        with torch.no_grad():
            out = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=self._longest,
                do_sample=False,
                use_cache=True,
                eos_token_id=eos,
                pad_token_id=eos,
            )
        return [row[: row.index(eos)] if eos in row else row for row in out[:, longest:].tolist()]

    def generate(
        self,
        prompt: Prompt,
        acceptor: Any = None,
        *,
        orders: Sequence[None] = (None,),
        max_tokens: int = 256,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Candidate]:
        """One candidate, as `sqlagent.decoding.model.Model` gives it."""
        from sqlagent.decoding.candidate import Candidate

        if acceptor is not None or len(orders) > 1:
            raise UsageError("Under transformers only --decode free works: score the GGUF for anything else.")
        if prompt not in self._known:
            self.look_ahead([prompt])
        ids = self._known[prompt]
        self.last_timings = Ahead(self._took[prompt])
        text = self._tokens.text(ids).split("```", 1)[0].strip()
        return [Candidate(text, 0.0, len(ids), 1.0, len(ids) < self._longest, 0)]

    def close(self) -> None:
        """Nothing to free: the model goes with the object."""
