"""Write the set: small databases and `questions.json`, as `bench accuracy` reads them."""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any

from bench import analyst as package
from bench.analyst import ranks, series, sets, spans, statistics_of, times  # noqa: F401  (they register their kinds)
from bench.analyst.question import KINDS, Question, Rows, words
from bench.analyst.worlds import domains, save, world
from sqlagent.sandbox.functions import register


def generate(out: Path, *, worlds: int, limit: int, seed: int, today: date) -> Counter[str]:
    """Write so many worlds and questions; how many there are of each kind, and what was left out, counted.

    Of each world, all kinds are drawn in turn, so that a small set has many.
    """
    rng = random.Random(seed)
    known = rng.sample(domains(), len(domains()))
    found: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    for number in range(worlds):
        domain = known[number % len(known)]
        here = world(domain, rng, today)
        name = f"{domain['events'][0]}_{number:02}"
        path = out / "database" / name / f"{name}.sqlite"
        save(here, path)
        connection = sqlite3.connect(path)
        register(connection)
        for kind in sorted(KINDS):
            for question in KINDS[kind](here, rng):
                if why := _unfit(connection, question):
                    counts[why] += 1
                    continue
                said = _said(rng.choice(question.wordings), {**words(here), **question.more}, rng)
                found.append({"db_id": name, "question": said, "query": question.sql, "kind": kind})
        connection.close()
    taken = _drawn(found, limit, rng)
    counts.update(one["kind"] for one in taken)
    (out / "questions.json").write_text(json.dumps(taken, indent=1) + "\n", encoding="utf-8")
    return counts


def _drawn(found: Sequence[dict[str, Any]], limit: int, rng: random.Random) -> list[dict[str, Any]]:
    """So many questions, of every kind about as many."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for one in rng.sample(found, len(found)):
        by_kind.setdefault(one["kind"], []).append(one)
    turns = [one for turn in zip_longest(*by_kind.values()) for one in turn if one is not None]
    return turns[:limit]


def _said(wording: str, named: dict[str, Any], rng: random.Random) -> str:
    """A wording with the world's words; now and then without its capital or its last mark, as people type."""
    text = wording.format(**named, Total=named["total"][0].upper() + named["total"][1:])
    text = text[0].upper() + text[1:] if wording[0].isupper() or rng.random() < 0.3 else text
    return text.rstrip("?.") if rng.random() < 0.15 else text


def _unfit(connection: sqlite3.Connection, question: Question) -> str:
    """Why a question is not taken: most often rows tie, or anybody would get the empty answer right."""
    rows = connection.execute(question.sql).fetchall()
    if question.rows is not None and not _alike(rows, question.rows):
        return "left out: the second computation gives other rows"
    if not any(cell for row in rows for cell in row):
        return "left out: nothing but zero or NULL"
    return ""


def _alike(rows: Rows, others: Rows) -> bool:
    """Whether two results hold the same rows, numbers but for rounding."""
    if len(rows) != len(others):
        return False
    key = [
        tuple(f"{cell:.6g}" if isinstance(cell, (int, float)) else str(cell) for cell in row) for row in rows
    ]
    other = [
        tuple(f"{cell:.6g}" if isinstance(cell, (int, float)) else str(cell) for cell in row)
        for row in others
    ]
    return sorted(key) == sorted(other)


def main(argv: Sequence[str] | None = None) -> int:
    """Write a set and say what is in it."""
    parser = argparse.ArgumentParser(
        prog="python -m bench analyst",
        description=package.__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--worlds", type=int, default=12, help="databases (12)")
    parser.add_argument("--limit", type=int, default=150, help="questions (150)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn (1)")
    options = parser.parse_args(argv)
    made = generate(
        options.out, worlds=options.worlds, limit=options.limit, seed=options.seed, today=date.today()
    )
    for what, number in made.most_common():
        print(f"{number:6} {what}")
    return 0
