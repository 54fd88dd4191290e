"""Let the model write statements for a few validation questions during a run, and run those whose database is here.

    step 40: 5 of 8 questions right, 2 give other rows, 1 does not run
      How many singers are there?
        SELECT COUNT(*) FROM singer                                     right

Free and greedy, without the grammar, as `train evaluate` under transformers: a look at what is learnt, no score to
report. Invariant: the same questions at every look, in the runtime's prompt; statements run in the read-only sandbox.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from train.config import Config
    from train.prepared import Prepared
    from train.tokens import Tokens

LONGEST = 128
"""Tokens of a statement at most."""
SHOWN = 3
SECONDS = 5.0
"""A statement's time in the sandbox."""
RIGHT, ROWS, FAILS, SAME, OTHER = "right", "other rows", "does not run", "the same text", "other text"
"""What became of a statement; the last two where there is no database to ask."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A validation question: its prompt as token ids, the right statement, and the database where there is one."""

    question: str
    prompt: tuple[int, ...]
    gold: str
    database: Path | None = None


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of a run's looks, and the tokenizer that reads what the model writes."""

    asked: tuple[Asked, ...]
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Written:
    """What the model wrote for a question, and what became of it."""

    question: str
    gold: str
    sql: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One look."""

    written: tuple[Written, ...]

    def figures(self) -> dict[str, float]:
        """val_executed: the share of questions whose rows are right; empty where no database was at hand."""
        ran = [one for one in self.written if one.verdict in (RIGHT, ROWS, FAILS)]
        return {"val_executed": sum(one.verdict == RIGHT for one in ran) / len(ran)} if ran else {}

    def told(self) -> str:
        """The counts in a line, and the first few statements."""
        counts = Counter(one.verdict for one in self.written)
        said = ", ".join(
            f"{counts[kind]} {kind}" for kind in (RIGHT, SAME, ROWS, OTHER, FAILS) if counts[kind]
        )
        lines = [f"{len(self.written)} questions asked: {said or 'none'}"]
        for one in self.written[:SHOWN]:
            lines += [f"  {one.question[:110]}", f"    {one.sql[:160]}   [{one.verdict}]"]
        return "\n".join(lines)


def chosen(config: Config, data: Prepared) -> Questions:
    """The `config.sample` questions of a run. Raises ModelError where the model has no tokenizer."""
    from train import tokens

    tokenizer = tokens.load(config.model_name)
    found = list(_from_files(config, tokenizer)) if config.data and config.validation.files else []
    return Questions(tuple(found or _from_prepared(data, tokenizer, config.sample)), tokenizer)


def _from_files(config: Config, tokenizer: Tokens) -> Iterator[Asked]:
    """The same number of each validation file, drawn by nothing but their place in it."""
    from train import sources
    from train.checked import Databases, Dropped, check, runtime_prompt
    from train.config import Mix
    from train.tokens import encode
    from train.view import View

    held, root = config.validation, Path(config.data)
    files = [file for file in held.files if (root / file).is_file()]
    databases, view = Databases(), View(hints=config.value_hints)
    try:
        for number, file in enumerate(files):
            share = config.sample // len(files) + (number < config.sample % len(files))
            mix = Mix(file, sources.kind_of(file, root), file, held.folder)
            pairs = list(sources.read(mix, root))
            random.Random(f"sample:{number}").shuffle(pairs)
            for pair in pairs:
                if not share:
                    break
                try:
                    example = check(pair, databases, view, style=config.alias_style)
                except Dropped:
                    continue
                encoded = encode(tokenizer, runtime_prompt(example), example.sql)
                ids = (*encoded.prefix.tolist(), *encoded.request.tolist())
                if len(ids) + LONGEST <= config.max_length:
                    share -= 1
                    yield Asked(pair.question, ids, example.sql, pair.database)
    finally:
        view.close()
        databases.close()
        databases.meant.close()


def _from_prepared(data: Prepared, tokenizer: Tokens, number: int) -> Iterator[Asked]:
    """Validation rows of a prepared set, which has no databases: evenly over it."""
    items = [(group.prefix, item) for group in data.validation() for item in group.items]
    step = max(1, len(items) // number)
    for prefix, item in items[::step][:number]:
        asked = tokenizer.text(item.request.tolist())
        gold = tokenizer.text(item.target[:-1].tolist())
        yield Asked(_one_line(asked), (*prefix.tolist(), *item.request.tolist()), _statement(gold))


def look(questions: Questions, model: Any, stop: Callable[[], bool]) -> Seen:
    """Ask every question, until `stop` says so; the model is transformers' own."""
    written = []
    with Sandboxes() as sandboxes:
        for asked in questions.asked:
            if stop():
                break
            sql = _statement(questions.tokens.text(_answer(model, asked.prompt, questions.tokens.eos)))
            verdict = sandboxes.verdict(asked, sql)
            written.append(Written(asked.question, asked.gold, sql, verdict))
    return Seen(tuple(written))


def _answer(model: Any, prompt: Sequence[int], eos: int) -> list[int]:
    """The greedy continuation of a prompt, without the end of the turn."""
    import torch

    ids = torch.tensor([prompt], device=model.device)
    with torch.no_grad():
        out = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=LONGEST,
            do_sample=False,
            use_cache=True,
            eos_token_id=eos,
            pad_token_id=eos,
        )
    row: list[int] = out[0, len(prompt) :].tolist()
    return row[: row.index(eos)] if eos in row else row


class Sandboxes:
    """A sandbox for each database, until the `with` block ends; each gold statement is run once."""

    def __init__(self) -> None:
        self._open: dict[Path, Any] = {}

    def __enter__(self) -> Sandboxes:
        return self

    def __exit__(self, *_: object) -> None:
        for sandbox in self._open.values():
            sandbox.close()

    def verdict(self, asked: Asked, sql: str) -> str:
        """What became of a statement."""
        from bench import scoring

        if asked.database is None:
            return SAME if scoring.exact_match(asked.gold, sql) else OTHER
        gold, found = (self.run(asked.database, one) for one in (asked.gold, sql))
        if not found.ran:
            return FAILS
        same = scoring.same_outcome(gold, found, ordered=scoring.orders(asked.gold))
        return RIGHT if same else ROWS

    def run(self, database: Path, sql: str) -> Any:
        """The rows of a statement, or why there are none: `bench.scoring.Outcome`."""
        from bench import scoring
        from sqlagent.sandbox.sandbox import Limits, Sandbox

        if database not in self._open:
            self._open[database] = Sandbox(database, limits=Limits(timeout=SECONDS))
        return scoring.run(self._open[database], sql)


def _statement(text: str) -> str:
    """The statement of what the model wrote: up to the fence that ends it, on one line."""
    return _one_line(text.split("```", 1)[0])


def _one_line(text: str) -> str:
    return " ".join(text.split())
