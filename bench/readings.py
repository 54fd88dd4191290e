"""Which readings of a question a model takes of those that the rules propose, and what prior each earns.

    python -m bench readings --limit 3 --seed 1 --out weights.jsonl     # weigh pairs of the tuning half
    python -m bench readings --fit weights.jsonl                        # the priors that they give
    python -m bench readings --corpus fire_aside --limit 3 --seed 1     # at the end

A pair's statement stands for what the model wrote, right or wrong; a `Meaning` proposes, the model weighs. Of
`leave_alone` only statements that one would change are drawn: with all others nothing is weighed. Records hold
what the model said of each statement, so that priors can be tried without it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.amend_corpus.pairs import Pair
from bench.amend_corpus.places import CORPORA, Place, load, places, same
from sqlagent.agent.selection import CHANNEL
from sqlagent.amend.pipeline import mended, proposals
from sqlagent.amend.rules import MEANINGS
from sqlagent.base.errors import OK
from sqlagent.decoding.model import Model
from sqlagent.linking import prompt

STEP, MOST = 0.5, 12.0
"""Priors are tried from -MOST to MOST nats in such steps."""
SHRINK = 0.15
"""What a nat of a prior costs in pairs, so that a few pairs give no extreme one."""


def main(argv: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench readings",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--corpus", choices=CORPORA, action="append", help="what is drawn from (fire, leave_alone)"
    )
    parser.add_argument("--limit", type=int, help="pairs that are drawn of each rule of a corpus (all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", help="a model's name or a .gguf file")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, help="where the records go, a line each")
    parser.add_argument("--fit", type=Path, nargs="+", help="fit priors to records of earlier runs, and stop")
    options = parser.parse_args(list(argv))
    if options.fit:
        records = [json.loads(line) for path in options.fit for line in path.read_text("utf-8").splitlines()]
        print("\n".join(fitted(records)))
        return OK
    corpora = options.corpus or ["fire", "leave_alone"]
    with tempfile.TemporaryDirectory() as folder:
        found = places(Path(folder))
        drawn = [one for name in corpora for one in _drawn(name, found, options.limit, options.seed)]
        records = []
        with _model(options) as model:
            for pair in sorted(drawn, key=lambda pair: pair.database):
                records.append(weighed(pair, found[pair.database], model))
                print(json.dumps(records[-1], ensure_ascii=False), file=sys.stderr, flush=True)
                if options.out:
                    with options.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(records[-1], ensure_ascii=False) + "\n")
    print("\n".join(report(records)))
    return OK


def _model(options: argparse.Namespace) -> Model:
    from sqlagent.base import paths
    from sqlagent.store import models

    return Model.of(
        models.ready(options.model, quiet=True),
        threads=options.threads,
        cache_dir=paths.cache_dir() / "prefixes",
    )


def _drawn(corpus: str, found: Mapping[str, Place], limit: int | None, seed: int) -> list[Pair]:
    pairs = load(corpus)
    if corpus == "leave_alone":
        pairs = [pair for pair in pairs if proposals(pair.right, found[pair.database].context(pair))]
    random.Random(seed).shuffle(pairs)
    counts = Counter[str]()
    kept = []
    for pair in pairs:
        counts[pair.rule] += 1
        kept += [pair] if limit is None or counts[pair.rule] <= limit else []
    return kept


def weighed(pair: Pair, place: Place, model: Model) -> dict[str, Any]:
    """What came of a pair: its statements, the first one as it was written, and what the model says of each."""
    context = place.context(pair)
    wrote = pair.wrong or pair.right
    first, mends = mended(wrote, context)
    offered = proposals(first, context)
    hints = place.focus.hints(place.schema, place.schema, context.asked)
    asked = prompt.build(place.schema, pair.question, history=context.history, hints=hints)
    texts = [first, *(one.sql for one in offered)]

    written = model.statement_logprobs(asked, place.acceptor, texts) if offered else [0.0]
    told = model.question_logprobs(asked, texts) if offered else [0.0]
    right = place.rows(pair.right)
    return {
        "rule": pair.rule,
        "database": pair.database,
        "question": pair.question,
        "wrong": bool(pair.wrong),
        "right": same(place.rows(wrote), right, pair.right),
        "pitfalls": [one.rule for one in mends],
        "statements": [
            {
                "sql": sql,
                "rules": [] if n == 0 else [one.rule for one in offered[n - 1].amendments],
                "logprob": logprob,
                "told": ln_p,
                "right": same(place.rows(sql), right, pair.right),
            }
            for n, (sql, logprob, ln_p) in enumerate(zip(texts, written, told, strict=True))
        ],
    }


def taken(record: Mapping[str, Any], priors: Mapping[str, float]) -> bool:
    """Whether the statement that is taken with some priors is right."""
    return bool(max(record["statements"], key=lambda one: score(one, priors))["right"])


def score(statement: Mapping[str, Any], priors: Mapping[str, float]) -> float:
    """What speaks for a statement, in nats."""
    prior = sum(priors.get(rule, 0.0) for rule in statement["rules"])
    return float(statement["logprob"]) + CHANNEL * float(statement["told"]) + prior


def report(records: Sequence[Mapping[str, Any]], priors: Mapping[str, float] | None = None) -> Iterator[str]:
    """How many are right as written, with the pitfalls mended, as the old rules had it, and as weighed.

    priors: by rule; those that the rules have, where it is None.
    """
    if priors is None:
        priors = {name: rule.prior for name, rule in MEANINGS.items()}
    yield "| pairs | | as written | pitfalls mended | every reading taken | weighed |"
    yield "|---|---:|---:|---:|---:|---:|"
    for wrong, name in ((True, "wrong as written"), (False, "right as written")):
        some = [one for one in records if one["wrong"] is wrong]
        counts = (
            sum(one["right"] for one in some),
            sum(one["statements"][0]["right"] for one in some),
            sum(one["statements"][-1]["right"] for one in some),
            sum(taken(one, priors) for one in some),
        )
        yield f"| {name} | {len(some)} | " + " | ".join(map(str, counts)) + " |"


def fitted(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The prior that gets most pairs right, for each reading that proposes, and how many it gains and loses."""
    rules = sorted({rule for one in records for each in one["statements"] for rule in each["rules"]})
    steps = [step * STEP for step in range(-round(MOST / STEP), round(MOST / STEP) + 1)]
    priors: dict[str, float] = {}
    yield "| reading | pairs | prior | right without it | with prior 0 | with its prior | spoilt | mended |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for rule in rules:
        some = [
            {**one, "statements": [s for s in one["statements"] if s["rules"] in ([], [rule])]}
            for one in records
            if any(s["rules"] == [rule] for s in one["statements"])
        ]
        best = max(
            steps, key=lambda prior: sum(taken(one, {rule: prior}) for one in some) - SHRINK * abs(prior)
        )
        priors[rule] = best
        plain = sum(one["statements"][0]["right"] for one in some)
        marks = [(one["statements"][0]["right"], taken(one, {rule: best})) for one in some]
        yield (
            f"| {rule} | {len(some)} | {best:+g} | {plain} | {sum(taken(one, {}) for one in some)} "
            f"| {sum(now for _, now in marks)} | {marks.count((True, False))} | {marks.count((False, True))} |"
        )
    yield ""
    yield from report(records, priors)
    yield ""
    yield repr(priors)
