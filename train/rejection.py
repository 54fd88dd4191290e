"""Make training pairs out of questions with answers: keep what the model writes under the grammar and is right.

    python -m train sample --data DIR/wikitables --split train --save pairs.jsonl --max-minutes 10

Each question gets the likeliest statement and others that turn off it; those whose rows are the answer are tried in
other worlds (`train.worlds`), and what is left is put into classes that give the same there, too. The likeliest
statement of the likeliest class is kept. SAVE gets a line a question the moment it is done, so that the command goes
on where it stopped. Invariant: a line depends on its question, the model and the settings only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import OK, QueryError, QueryTimeout, SqlagentError, UsageError

if TYPE_CHECKING:
    from bench.gold.datasets import Question
    from sqlagent.decoding.candidate import Candidate
    from sqlagent.linking.prompt import Prompt

WITHIN = 4.0
"""Nats under the likeliest statement at which another one is given up."""
SHARE = 0.5
"""Of the probability of all right statements the kept class must have so much: below, who knows what is meant."""
MAX_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Settings:
    """How statements are looked for: others beside the likeliest, and tokens of one at most."""

    more: int = 4
    within: float = WITHIN
    max_tokens: int = 160


class Table:
    """One database with its questions: the runtime's view of it, its sandbox and its worlds."""

    def __init__(self, database: Path) -> None:
        from sqlagent.agent.column_meaning import ColumnMeaning
        from sqlagent.database import schema
        from sqlagent.linking.focus import Focus
        from sqlagent.sandbox.sandbox import Limits, Sandbox
        from train.worlds import Worlds

        self.sandbox = Sandbox(database, limits=Limits(timeout=2.0, max_rows=MAX_ROWS))
        self.stored = schema.read(database, sandbox=self.sandbox)
        self.meaning = ColumnMeaning(self.stored, self.sandbox)
        self.focus = Focus(database)
        self.worlds = Worlds(database, self.stored)
        self._acceptors: dict[str, Any] = {}

    def asked(self, question: str) -> tuple[Prompt, Any]:
        """The runtime's prompt for a question, and the acceptor of the tables in it."""
        from sqlagent.grammar import Acceptor
        from sqlagent.linking import prompt

        part = self.focus.part(self.meaning.meant, question)
        hints = self.focus.hints(self.meaning.meant, part, question)
        if part.fingerprint not in self._acceptors:
            self._acceptors = {part.fingerprint: Acceptor(part)}
        return prompt.build(part, question, hints=hints), self._acceptors[part.fingerprint]

    def written(self, question: str, model: Any, settings: Settings) -> list[Candidate]:
        """What the model makes of a question, the likeliest first."""
        found: list[Candidate] = model.generate(*self.asked(question), max_tokens=settings.max_tokens)
        if settings.more:
            found += model.alternatives(settings.more, settings.within, max_tokens=settings.max_tokens)
        finished = {one.sql: one for one in found if one.finished}
        return sorted(finished.values(), key=lambda one: -one.logprob)

    def close(self) -> None:
        for part in (self.worlds, self.focus, self.sandbox):
            part.close()


def judged(question: Question, table: Table, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """The line of a question: its statement, or why there is none."""
    from bench.denotation import matches
    from sqlagent.agent.column_meaning import prepares

    why: Counter[str] = Counter()
    classes: dict[Any, list[tuple[Candidate, str]]] = defaultdict(list)
    for one in candidates:
        lowered = table.meaning.lower(one.sql, prepares(table.sandbox)).sql
        try:
            result = table.sandbox.execute(lowered)
        except (QueryError, QueryTimeout):
            why["does not run"] += 1
            continue
        if result.truncated or not matches(question.answer, result.rows):
            why["other values"] += 1
            continue
        verdict = table.worlds.judge(lowered)
        if verdict.why:
            why[verdict.why] += 1
        else:
            classes[verdict.elsewhere].append((one, lowered))
    line: dict[str, Any] = {
        "id": question.id,
        "question": question.question,
        "db_id": question.db,
        "query": "",
        "candidates": len(candidates),
        "dropped": dict(why),
    }
    if not classes:
        return line
    mass = {key: sum(math.exp(one.logprob) for one, _ in group) for key, group in classes.items()}
    best = max(classes, key=lambda key: mass[key])
    one, lowered = max(classes[best], key=lambda pair: pair[0].logprob)
    share = mass[best] / sum(mass.values())
    if share < SHARE:
        return line | {"dropped": dict(why + Counter({"right in several ways": 1}))}
    return line | {
        "query": one.sql,
        "lowered": lowered if lowered != one.sql else "",
        "logprob": round(one.logprob, 3),
        "rank": candidates.index(one),
        "share": round(share, 3),
    }


def lines(
    questions: Sequence[Question], model: Any, settings: Settings, minutes: float = 0.0
) -> Iterator[dict[str, Any]]:
    """The lines of questions, one after the other, until the minutes are over."""
    ends = time.monotonic() + 60 * minutes if minutes else math.inf
    with contextlib.closing(with_tables(questions)) as pairs:
        for question, table in pairs:
            if time.monotonic() > ends:
                return
            try:
                yield judged(question, table, table.written(question.question, model, settings))
            except SqlagentError as error:
                yield {
                    "id": question.id,
                    "question": question.question,
                    "db_id": question.db,
                    "query": "",
                    "candidates": 0,
                    "dropped": {type(error).__name__: 1},
                }


def with_tables(questions: Sequence[Question]) -> Generator[tuple[Question, Table], None, None]:
    """Each question with its table, which is open until one of another database comes, or the end."""
    table: Table | None = None
    here: Path | None = None
    try:
        for question in questions:
            assert question.database is not None
            if table is None or question.database != here:
                if table is not None:
                    table.close()
                table, here = Table(question.database), question.database
            yield question, table
    finally:
        if table is not None:
            table.close()


def known(path: Path) -> set[str]:
    """The ids in a file of lines; a torn last line is cut off."""
    if not path.exists():
        return set()
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        path.write_bytes(whole)
    return {json.loads(line)["id"] for line in whole.splitlines()}


def main(argv: Sequence[str], model: Any = None) -> int:
    """`python -m train sample`; `model` replaces the one that --model names."""
    parser = argparse.ArgumentParser(
        prog="python -m train sample",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="a folder of questions with answers, or one file"
    )
    parser.add_argument("--split", default="train", help="which file of the folder (train)")
    parser.add_argument("--save", type=Path, required=True, metavar="FILE.jsonl", help="a line a question")
    parser.add_argument("--limit", type=int, help="so many questions, drawn by --seed (all)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (0)")
    parser.add_argument("--max-minutes", type=float, default=0.0, help="stop after so many (0: when done)")
    parser.add_argument("--model", help="a name from the registry or a GGUF file (the default model)")
    parser.add_argument("--threads", type=int, help="threads of the model (its own choice)")
    parser.add_argument(
        "--more", type=int, default=Settings().more, help="statements beside the likeliest (4)"
    )
    options = parser.parse_args(list(argv))
    from bench.gold import datasets

    everything = datasets.load(datasets.split_file(options.data, options.split), options.split)
    if not all(question.answer and question.database for question in everything):
        raise UsageError(f"{options.data} has questions without answers: sampling needs a set of answers.")
    done = known(options.save)
    questions = datasets.sample(everything, options.limit, options.seed)
    todo = [question for question in questions if question.id not in done]
    loaded = model
    if todo and loaded is None:
        from sqlagent.decoding.model import Model
        from sqlagent.store import models

        loaded = Model.of(
            models.ready(options.model), n_ctx=4096, threads=options.threads, n_parallel=max(4, options.more)
        )
    kept = 0
    options.save.parent.mkdir(parents=True, exist_ok=True)
    try:
        with options.save.open("a", encoding="utf-8") as sink:
            for number, line in enumerate(
                lines(todo, loaded, Settings(more=options.more), options.max_minutes), 1
            ):
                sink.write(json.dumps(line, ensure_ascii=False) + "\n")
                sink.flush()
                kept += bool(line["query"])
                if number % 10 == 0:
                    print(f"{number} of {len(todo)}: {kept} kept", file=sys.stderr)
    finally:
        if model is None and loaded is not None:
            loaded.close()
    print(f"{len(known(options.save))} of {len(questions)} questions done; {kept} kept now", file=sys.stderr)
    return OK
