"""How many questions that a database cannot answer are refused, and how many answerable ones are lost.

    python -m bench refusal --data DIR/spider             # through the whole agent
    python -m bench refusal --data DIR/spider --words     # by the words of the question alone: seconds
    python -m bench refusal --data DIR/spider --bird DIR/bird --fit   # the weights in scope_check.py again

The 100 unanswerable questions are `bench/unanswerable.json`, written over the validation databases; the answerable
ones are drawn from the validation questions. The weights are fitted on databases of the training split only
(`bench/refusal_examples.py`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.gold import datasets
from bench.refusal_examples import Example, Source, asked, examples, visible
from bench.stats import wilson
from sqlagent.agent import scope_check
from sqlagent.agent.agent import Agent
from sqlagent.agent.scope_check import ScopeCheck
from sqlagent.base import word_forms
from sqlagent.base.errors import OK, OutOfScope, SqlagentError
from sqlagent.database import schema as schemas
from sqlagent.linking.focus import Focus

WRITTEN = Path(__file__).with_name("unanswerable.json")
ANSWERABLE = "answerable"
COUNTS = {"plain": 1.0, "reworded": 0.6, "without its column": 0.5, "small talk": 8.0}
"""How much an example of a kind counts in the fit (1.0 where nothing is said): small talk is common and its list
short; a question without its column can often be answered from another one, and rewordings are sometimes odd."""
RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Judged:
    """A question and whether it was refused; `score` is that of its words, `why` the refusal."""

    kind: str
    db: str
    question: str
    refused: bool
    score: float
    why: str
    doubted: bool = False
    """It was answered with a sentence on the words that nothing there seems to be about."""

    @property
    def answerable(self) -> bool:
        return self.kind == ANSWERABLE or self.kind.startswith("BIRD")


def written(data: Path, limit: int, seed: int) -> list[tuple[str, str, Path, str]]:
    """(kind, database's name, its file, question) of the evaluation, those of one database together."""
    everything = datasets.load(data, "val")
    files = {q.db: q.database for q in everything if q.database is not None}
    found = [
        (row["kind"], row["db_id"], files[row["db_id"]], row["question"])
        for row in json.loads(WRITTEN.read_text(encoding="utf-8"))
    ]
    for question in datasets.sample(everything, limit, seed):
        assert question.database is not None
        found.append((ANSWERABLE, question.db, question.database, question.question))
    return sorted(found, key=lambda row: row[1])


def judge(rows: Iterable[tuple[str, str, Path, str]], model: Any, *, whole: bool) -> Iterator[Judged]:
    """Ask every question; `whole`: through the agent, else only its words are looked at."""
    agent: Agent | None = None
    last = None
    for kind, db, path, question in rows:
        if path != last:
            if agent is not None:
                agent.close()
            agent, last = Agent(path, model), path
            schema = schemas.read(path)
            focus = Focus(path)
            gate = ScopeCheck(schema, lambda: model.vectors)
        assert agent is not None
        evidence = gate.look(question, focus.explained(schema, question))
        why = ""
        if whole:
            try:
                agent.ask(question)
            except OutOfScope as refusal:
                why = str(refusal)
            except SqlagentError:
                pass  # another way of having no answer is not a refusal
        elif evidence.refused:
            why = evidence.sentence(gate.nearest(focus.ranked(schema, question)))
        doubted = not why and bool(evidence.doubt)
        yield Judged(kind, db, question, bool(why), evidence.score, why, doubted)
    if agent is not None:
        agent.close()


def judge_bird(folder: Path, limit: int, seed: int, likeness: Any) -> Iterator[Judged]:
    """BIRD's training questions by their words, first as they are, then with their hints."""
    for hints in (False, True):
        source = Source(folder, "train", emptied=True, hints=hints)
        kind = "BIRD, with its hints" if hints else "BIRD"
        for example, _, evidence in looked(source, asked(kind, source, limit, seed), likeness):
            doubted = not evidence.refused and bool(evidence.doubt)
            database = example.database.stem
            yield Judged(kind, database, example.question, evidence.refused, evidence.score, "", doubted)


def lines(found: Sequence[Judged]) -> Iterator[str]:
    """The report: unanswerable questions refused, answerable ones lost, by kind."""

    def line(name: str, some: Sequence[Judged]) -> str:
        refused = sum(one.refused for one in some)
        low, high = wilson(refused, len(some))
        share = 100 * refused / max(1, len(some))
        doubted = sum(one.doubted for one in some)
        return (
            f"{name}: {refused} of {len(some)} refused, {share:.1f} % ({100 * low:.1f} – {100 * high:.1f}), "
            f"{doubted} answered with the doubt said"
        )

    kinds = {one.kind: one.answerable for one in found}
    yield line("unanswerable", [one for one in found if not one.answerable])
    for kind in sorted(kind for kind, answerable in kinds.items() if not answerable):
        yield "  " + line(kind, [one for one in found if one.kind == kind])
    for kind in sorted(kind for kind, answerable in kinds.items() if answerable):
        yield line(f"{kind} (lost)", [one for one in found if one.kind == kind])


# ---- fitting -------------------------------------------------------------------------------------------------


def looked(
    source: Source, some: Iterable[Example], likeness: Any
) -> Iterator[tuple[Example, ScopeCheck, scope_check.ScopeEvidence]]:
    """What the gate sees in each example; those of one database together."""
    gates: dict[tuple[Path, tuple[str, str] | None], tuple[schemas.Schema, Focus, ScopeCheck]] = {}
    for example in some:
        key = example.database, example.without
        if key not in gates:
            gates.clear()
            schema = visible(source.schema(example.database), example.without)
            gates[key] = schema, Focus(example.database), ScopeCheck(schema, lambda: likeness)
        schema, focus, gate = gates[key]
        places = focus.explained(schema, example.question)
        if example.stored:
            words = enumerate(word_forms.tokens(example.question, scope_check.MOST_WORDS))
            places = (places or set()) | {place for place, token in words if token.stem in example.stored}
        yield example, gate, gate.look(example.question, places)


def table(source: Source, some: Sequence[Example], likeness: Any) -> Any:
    """The examples' features, (examples, features)."""
    rows = [
        list(scope_check.features(gate.names, evidence.words).values())
        for _, gate, evidence in looked(source, some, likeness)
    ]
    return np.asarray(rows, float)


def fit(features: Any, marks: Any, counts: Any) -> Any:
    """Logistic regression with a ridge on all but the constant, by Newton's method: (1 + features,)."""
    wide = np.c_[np.ones(len(features)), features]
    ridge = RIDGE * np.eye(wide.shape[1])
    ridge[0, 0] = 0.0
    weights = np.zeros(wide.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-wide @ weights))
        slope = wide.T @ (counts * (chance - marks)) + ridge @ weights
        bend = (wide * (counts * chance * (1 - chance))[:, None]).T @ wide + ridge
        weights -= np.linalg.solve(bend, slope)
    return weights


def refit(data: Path, bird: Path | None, each: int, seed: int, likeness: Any) -> Iterator[str]:
    """The weights, and what they are worth on databases that they were not fitted on (5 parts)."""
    source = Source(data, "train")
    some = examples(source, each, seed)
    features = table(source, some, likeness)
    if bird is not None:
        source = Source(bird, "train", emptied=True)
        more = examples(source, each, seed, "BIRD")
        some, features = some + more, np.concatenate([features, table(source, more, likeness)])
    kinds = np.array([example.kind for example in some])
    marks = np.array([float(not example.answerable) for example in some])
    counts = np.array([COUNTS.get(kind, 1.0) for kind in kinds])
    names = sorted({str(example.database) for example in some})
    np.random.default_rng(seed).shuffle(names)
    parts = np.array([names.index(str(example.database)) % 5 for example in some])
    scores = np.zeros(len(some))
    for part in range(5):
        weights = fit(features[parts != part], marks[parts != part], counts[parts != part])
        scores[parts == part] = weights[0] + features[parts == part] @ weights[1:]
    own = [kind for kind in dict.fromkeys(kinds) if kind.endswith("plain")]
    yield "left out in turn, a fifth of the databases; share refused at a given loss of plain questions, the worst kind"
    for loss in (0.005, 0.01, 0.02, 0.03, 0.05):
        cut = max(np.quantile(scores[kinds == kind], 1 - loss) for kind in own)
        shares = {str(kind): float((scores[kinds == kind] > cut).mean()) for kind in dict.fromkeys(kinds)}
        yield f"{loss:.1%} from {cut:.2f}: " + ", ".join(f"{k} {100 * v:.0f} %" for k, v in shares.items())
    weights = fit(features, marks, counts)
    empty: Mapping[str, float] = scope_check.features(
        ScopeCheck(source.schema(source.files[0]), lambda: None).names, ()
    )
    for name, weight in zip(["", *empty], weights, strict=True):
        yield f'    "{name}": {weight:.2f},'


def main(argv: Sequence[str], model: Any = None) -> int:
    """The command; `model` replaces the one that `--model` names (tests bring a scripted one)."""
    parser = argparse.ArgumentParser(
        prog="python -m bench refusal",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="a Spider-format folder")
    parser.add_argument("--limit", type=int, default=100, help="answerable questions (100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--words", action="store_true", help="look at the question's words only")
    parser.add_argument("--fit", action="store_true", help="fit the weights again, on the training split")
    parser.add_argument(
        "--bird",
        type=Path,
        help="BIRD's folder: its training questions, of which none should be refused, too",
    )
    parser.add_argument("--each", type=int, default=500, help="with --fit: examples of each kind (500)")
    parser.add_argument("--model", help="a name from the registry or a GGUF file (the default model)")
    parser.add_argument("--out", type=Path, help="write every question to this file as JSON lines")
    options = parser.parse_args(list(argv))
    loaded = model
    if loaded is None:
        from sqlagent.base import paths
        from sqlagent.decoding.model import Model
        from sqlagent.store import models

        loaded = Model.of(models.ready(options.model), cache_dir=paths.cache_dir() / "prefix")
    try:
        if options.fit:
            print("\n".join(refit(options.data, options.bird, options.each, options.seed, loaded.vectors)))
            return OK
        from tqdm import tqdm

        rows = written(options.data, options.limit, options.seed)
        bar = tqdm(rows, unit="question", file=sys.stderr, disable=None)
        found = list(judge(bar, loaded, whole=not options.words))
        if options.bird:
            found += judge_bird(options.bird, options.limit, options.seed, loaded.vectors)
    finally:
        if model is None:
            loaded.close()
    if options.out:
        fields = Judged.__dataclass_fields__
        records = "".join(
            json.dumps({name: getattr(one, name) for name in fields}, ensure_ascii=False) + "\n"
            for one in found
        )
        options.out.write_text(records, encoding="utf-8")
    print("\n".join(lines(found)))
    for one in found:
        if one.refused == one.answerable:
            print(
                f"- {'lost' if one.refused else 'kept'} ({one.kind}, {one.db}, {one.score:.1f}): {one.question}"
            )
    return OK
