"""What the grammar costs per token, beside free decoding and beside llama.cpp's own grammars.

    python -m bench speed --data DIR/sample_databases --split chinook --limit 20

One process, one GGUF, the same prompts, threads and KV settings; for each question and round, one after the other:

- free: llama-cpp-python writes the very statement that ours wrote: one greedy sample and one decode for each of its
  tokens, the statement's own token fed whatever the sample was
- GBNF: llama-cpp-python with `LlamaGrammar` (table and column names of the schema in an SQL subset); it writes a
  statement of its own, as long as ours at the most, so its time is given per token too
- ours: `Model.generate` under the acceptor, greedy
- undrafted: the same without guesses at what comes next

Prompts are evaluated before the clock starts; all times are from the first choice to the end of the statement.
"Overhead" is what ours spends outside `llama_decode`, for each token that it samples.

Invariant: every ratio compares times of one question in one round, so that a busy machine slows both sides alike.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.gbnf import gbnf
from bench.gold import datasets
from bench.stats import percentile
from sqlagent.base.errors import OK, UsageError
from sqlagent.database import schema as schemas
from sqlagent.database.schema import Schema
from sqlagent.decoding.model import Model
from sqlagent.decoding.token_choice import TokenChooser
from sqlagent.grammar import Acceptor
from sqlagent.linking import prompt as prompts
from sqlagent.llama.context import library
from sqlagent.store import models

MOST_TOKENS = 256


@dataclass
class Clock:
    """Notes when `llama_decode` runs and how many tokens are chosen between two runs."""

    gaps: list[float] = field(default_factory=list)
    """Seconds outside `llama_decode` for each chosen token."""
    _left: float = 0.0
    _chosen: int = 0

    def begin(self) -> None:
        """Start of a generation."""
        self._left, self._chosen = time.perf_counter(), 0

    def enter(self) -> None:
        """`llama_decode` is called, or the generation ends."""
        if self._chosen:
            self.gaps += [(time.perf_counter() - self._left) / self._chosen] * self._chosen
            self._chosen = 0

    def leave(self) -> None:
        """`llama_decode` returns."""
        self._left = time.perf_counter()

    def chose(self) -> None:
        """A token was chosen."""
        self._chosen += 1


class Peer:
    """The same GGUF in llama-cpp-python's own interface."""

    def __init__(self, path: Path, adapter: Path | None, n_ctx: int, threads: int) -> None:
        import llama_cpp
        from llama_cpp.llama_grammar import LlamaGrammar

        self._llama = llama_cpp.Llama(
            str(path),
            n_ctx=n_ctx,
            n_threads=threads,
            n_threads_batch=threads,
            flash_attn=True,
            verbose=False,
            lora_path=None if adapter is None else str(adapter),
        )
        self._grammar = LlamaGrammar
        self._ends = {self._llama.token_eos()}

    def tokens(self, text: str) -> list[int]:
        """The tokens of a statement."""
        return list(self._llama.tokenize(text.encode(), add_bos=False, special=False))

    def prefill(self, ids: Sequence[int]) -> None:
        """Evaluate a prompt."""
        self._llama.n_tokens = 0
        self._llama.eval(list(ids))

    def follow(self, ids: Sequence[int], statement: Sequence[int]) -> float:
        """Seconds to write `statement` behind the prompt `ids`: a sample and a decode for each token, then the end."""
        self._rewind(ids)
        sampler = self._llama._init_sampler(temp=0.0)
        self._llama._sampler = sampler
        began = time.perf_counter()
        for token in statement:
            self._llama.sample()
            self._llama.eval([token])
        self._llama.sample()
        seconds = time.perf_counter() - began
        self._llama._sampler = None
        return seconds

    def write(self, ids: Sequence[int], rules: str, most: int) -> tuple[float, int]:
        """(seconds, tokens) of a statement of at most `most` tokens under a GBNF grammar."""
        self._rewind(ids)
        self._llama._sampler = self._llama._init_sampler(
            temp=0.0, grammar=self._grammar.from_string(rules, verbose=False)
        )
        written: list[int] = []
        text = b""
        began = time.perf_counter()
        while len(written) < most:
            token = self._llama.sample()
            written.append(token)
            if token in self._ends:
                break
            text += self._llama.detokenize([token])
            if text.endswith(b"```"):
                break
            self._llama.eval([token])
        seconds = time.perf_counter() - began
        self._llama._sampler = None
        return seconds, len(written)

    def _rewind(self, ids: Sequence[int]) -> None:
        """Back to the end of the prompt, with its logits."""
        self._llama.n_tokens = len(ids) - 1
        self._llama.eval([ids[-1]])


@dataclass(frozen=True)
class Trial:
    """One question in one round: seconds and tokens of each way."""

    free: float
    gbnf: float
    gbnf_tokens: int
    ours: float
    undrafted: float
    tokens: int
    """Tokens of our statement."""
    sampled: int


def main(argv: Sequence[str]) -> int:
    """The command."""
    options = _options(argv)
    questions = datasets.sample(datasets.load(options.data, options.split), options.limit, options.seed)
    lib = library()  # before llama_cpp.Llama: it chooses kernels that do not crash
    if options.model is not None and Path(options.model).is_file():
        path, adapter = Path(options.model), None
    else:
        files = models.ready(options.model)
        path, adapter = Path(files.model), files.adapter
    model = Model(path, adapter=adapter, n_ctx=options.n_ctx, threads=options.threads)
    peer = Peer(path, adapter, options.n_ctx, model._llama.threads)
    clock = Clock()
    _watch(lib, clock)
    trials: list[Trial] = []
    for number, question in enumerate(questions):
        if question.database is None:
            raise UsageError("speed needs databases: give a folder that has them.")
        schema = schemas.read(str(question.database))
        print(f"{number + 1}/{len(questions)} {question.question[:70]}", file=sys.stderr)
        trials += _rounds(model, peer, clock, schema, question.question, options)
    print("\n".join(_report(path, len(questions), options, trials, clock)))
    return OK


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench speed", description="Ours, free decoding and GBNF, side by side."
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder of questions with databases")
    parser.add_argument("--split", default="chinook", help="which file of the folder (chinook)")
    parser.add_argument("--limit", type=int, default=20, help="questions (20)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="times that each question is written each way (3)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draw (0)")
    parser.add_argument("--model", help="a name from the registry or a GGUF file (the default model)")
    parser.add_argument("--threads", type=int, help="threads of the model (its own choice)")
    parser.add_argument("--n-ctx", type=int, default=4096, help="context (4096)")
    options = parser.parse_args(list(argv))
    if options.limit < 1 or options.rounds < 1:
        raise UsageError("--limit and --rounds want numbers of at least 1.")
    return options


def _watch(lib: Any, clock: Clock) -> None:
    """Let `clock` see every decode and every choice of this process."""
    decode, choose = lib.llama_decode, TokenChooser.choose

    def timed(*arguments: Any) -> Any:
        clock.enter()
        try:
            return decode(*arguments)
        finally:
            clock.leave()

    def counted(self: TokenChooser, *arguments: Any, **options: Any) -> Any:
        clock.chose()
        return choose(self, *arguments, **options)

    lib.llama_decode = timed
    TokenChooser.choose = counted  # type: ignore[method-assign]


def _rounds(
    model: Model, peer: Peer, clock: Clock, schema: Schema, question: str, options: argparse.Namespace
) -> list[Trial]:
    prompt = prompts.build(schema, question)
    ids = model._chat.tokens(prompt).ids
    rules = gbnf(schema)
    acceptor = Acceptor(schema)
    model.generate(prompt, acceptor, max_tokens=MOST_TOKENS)  # evaluates the prompt
    # Again, from the prompt's kept logits as below: in other batches a close decision may fall otherwise.
    statement = model.generate(prompt, acceptor, max_tokens=MOST_TOKENS)[0].sql
    tokens = peer.tokens(statement)
    peer.prefill(ids)
    found = []
    for _ in range(options.rounds):
        free = peer.follow(ids, tokens)
        gbnf_seconds, gbnf_tokens = peer.write(ids, rules, len(tokens) + 1)
        # A new acceptor: nobody asks the same question twice.
        fresh = Acceptor(schema)
        clock.begin()
        again = model.generate(prompt, fresh, max_tokens=MOST_TOKENS)[0].sql
        clock.enter()
        assert again == statement, (again, statement)
        done, known = model.last_timings, len(clock.gaps)
        model.drafts = False
        model.generate(prompt, Acceptor(schema), max_tokens=MOST_TOKENS)
        model.drafts = True
        del clock.gaps[known:]  # the overhead is that of the way people get
        undrafted = model.last_timings.decode
        found.append(
            Trial(free, gbnf_seconds, gbnf_tokens, done.decode, undrafted, len(tokens), done.sampled)
        )
    return found


def _report(
    path: Path, questions: int, options: argparse.Namespace, trials: Sequence[Trial], clock: Clock
) -> list[str]:
    def median(values: Sequence[float]) -> float:
        return percentile(list(values), 0.5)

    count = sum(t.tokens for t in trials)
    gbnf_count = sum(t.gbnf_tokens for t in trials)
    lines = [
        f"# Speed: {path.name}, {questions} questions, {options.rounds} rounds",
        "",
        "| way | seconds a query (median) | ms per statement token |",
        "|---|---:|---:|",
        f"| free, the same statement | {median([t.free for t in trials]):.3f} "
        f"| {sum(t.free for t in trials) / count * 1e3:.1f} |",
        f"| GBNF, its own statement | {median([t.gbnf for t in trials]):.3f} "
        f"| {sum(t.gbnf for t in trials) / gbnf_count * 1e3:.1f} |",
        f"| ours | {median([t.ours for t in trials]):.3f} | {sum(t.ours for t in trials) / count * 1e3:.1f} |",
        "",
        f"- ours / free, the same statement: median {median([t.ours / t.free for t in trials]):.3f}, "
        f"in all {sum(t.ours for t in trials) / sum(t.free for t in trials):.3f}",
        "- ours / GBNF, per statement token: median "
        f"{median([(t.ours / t.tokens) / (t.gbnf / t.gbnf_tokens) for t in trials]):.3f}",
        f"- ours / undrafted: median {median([t.ours / t.undrafted for t in trials]):.3f}, "
        f"in all {sum(t.ours for t in trials) / sum(t.undrafted for t in trials):.3f}",
        f"- tokens of a statement: {count / len(trials):.1f}, of them sampled by ours: "
        f"{sum(t.sampled for t in trials) / len(trials):.1f}",
        f"- overhead outside llama_decode per sampled token ({len(clock.gaps)} tokens): "
        f"median {median(clock.gaps) * 1e3:.3f} ms, p99 {percentile(clock.gaps, 0.99) * 1e3:.2f} ms",
    ]
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
