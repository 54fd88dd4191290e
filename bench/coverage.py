"""How much of a set's gold SQL the canonical form and the grammar can write.

    python -m bench coverage --data DIR [--split train] [--limit 500] [--style names]

For every gold query: does it run, has it a canonical form, does that return the same rows, does the grammar
accept it byte by byte? Invariant: every question is counted once in every table, and nothing is dropped
without a reason.

Rows are compared in order under a top-level ORDER BY, as multisets elsewhere. Where they differ only in what
SQL leaves open (the order of ties, which rows a LIMIT keeps of them), the query is counted apart as "same but
for ties".
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.gold.canonical import CanonicalError, Style, canonicalise
from bench.gold.datasets import Question, load, sample
from sqlagent.base.errors import OK
from sqlagent.database import schema as schemas

STYLES: tuple[Style, ...] = ("names", "aliases")
SECONDS = 2.0
"""How long one statement may run."""
MOST_ROWS = 200_000
"""Rows that are compared, at most; a longer result counts as too large to compare."""
EXAMPLES = 2

_LIMIT = re.compile(r"\bLIMIT\s+\d+(?:\s*(?:,|OFFSET)\s*\d+)?\s*;?\s*\Z", re.I)
_CLAUSES = re.compile(r"SELECT|FROM|JOIN|ON|WHERE|GROUP BY|HAVING|ORDER BY|LIMIT|UNION|INTERSECT|EXCEPT|OVER")
_KINDS = (
    ("string", "'"),
    ("quoted name", '"'),
    ("number", r"\d|-\d"),
    ("function", r"[A-Z_]+\("),
    ("keyword", r"[A-Z_]{2,}\b(?!\.)"),
    ("name", r"\w"),
    ("bracket", r"[()]"),
    ("symbol", ""),
)
_ORDER = re.compile(r"\bORDER\s+BY\b", re.I)


@dataclass
class Tally:
    """Outcomes of one style: counts, and a few examples of each."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, outcome: str, example: str) -> None:
        """Count `outcome`."""
        self.counts[outcome] += 1
        shown = self.examples.setdefault(outcome, [])
        if len(shown) < EXAMPLES:
            shown.append(example)


class Runner:
    """Runs statements on one read-only database, each within SECONDS."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        self.connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        self.connection.set_progress_handler(self._late, 10_000)
        self.deadline = 0.0

    def _late(self) -> bool:
        return time.monotonic() > self.deadline

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows. Raises sqlite3.Error, TimeoutError."""
        self.deadline = time.monotonic() + SECONDS
        try:
            rows = self.connection.execute(sql).fetchmany(MOST_ROWS)
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise TimeoutError from None
            raise
        if len(rows) == MOST_ROWS:
            raise TimeoutError
        return [tuple(_plain(value) for value in row) for row in rows]


def _plain(value: Any) -> Any:
    # The last digits of a sum depend on the order in which rows come.
    return f"{value:.9g}" if isinstance(value, float) else value


def compare(runner: Runner, gold: str, rows: list[tuple[Any, ...]], canonical: str) -> str:
    """ "same", "same but for ties", or what is different."""
    try:
        ours = runner.rows(canonical)
    except TimeoutError:
        return "canonical form too slow"
    except sqlite3.Error as error:
        return f"canonical form fails: {str(error).split(':')[0]}"
    ordered = _ORDER.search(_top(canonical)) is not None
    if ours == rows or (not ordered and Counter(ours) == Counter(rows)):
        return "same"
    if Counter(ours) == Counter(rows):
        return "same but for ties"
    if len(ours) == len(rows) and _LIMIT.search(gold) and _LIMIT.search(canonical):
        try:
            everything = Counter(runner.rows(_LIMIT.sub("", gold)))
            if everything == Counter(runner.rows(_LIMIT.sub("", canonical))):
                return "same but for ties"
        except (TimeoutError, sqlite3.Error):
            pass
    return "other rows"


def _top(sql: str) -> str:
    """The statement without strings and without what stands in parentheses."""
    sql = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "", sql)
    while (shorter := re.sub(r"\([^()]*\)", "", sql)) != sql:
        sql = shorter
    return sql


def _acceptor_maker() -> Callable[[schemas.Schema, Style], Any] | None:
    try:
        from sqlagent.grammar import Acceptor, Options
    except ImportError:
        return None
    return lambda schema, style: Acceptor(schema, Options(style=style))


def accepts(acceptor: Any, text: str) -> tuple[str, str]:
    """("accepted", text), or the clause and kind of lexeme that the grammar refuses, and where (at "⟂")."""
    state = acceptor.start()
    data = text.encode("utf-8", "surrogateescape")
    after = state.step(data)
    if after is not None:
        return ("accepted", text) if after.accepting else ("refused: the end", text)
    place = 0
    while (after := state.step(data[place : place + 1])) is not None:
        state, place = after, place + 1
    before, rest = (part.decode("utf-8", "replace") for part in (data[:place], data[place:]))
    clause = _CLAUSES.findall(_top(before).replace("(", " ( "))
    # Back to the start of the lexeme that was refused, if it was refused half-way.
    lexeme = (re.findall(r"\w*\Z", before) or [""])[0] + rest
    kind = next(name for name, pattern in _KINDS if re.match(pattern, lexeme))
    return f"refused in {clause[-1] if clause else 'SELECT'}: {kind}", f"{before}⟂{rest}"


def measure(
    questions: Iterable[Question], styles: tuple[Style, ...], note: Callable[[str], None]
) -> tuple[Counter[str], dict[Style, Tally], dict[Style, Tally]]:
    """Count the gold statements that run, and per style their round trips and what the grammar says of
    them."""
    runs: Counter[str] = Counter()
    trips: dict[Style, Tally] = {style: Tally() for style in styles}
    grammar: dict[Style, Tally] = {style: Tally() for style in styles}
    make_acceptor = _acceptor_maker()
    opened: Path | None = None
    for number, question in enumerate(questions):
        if number % 1000 == 999:
            note(f"{number + 1} questions")
        if question.database is None:
            runs["no database"] += 1
            continue
        if question.database != opened:
            opened = question.database
            runner = Runner(opened)
            schema = schemas.read(opened, samples=0)
            acceptors = {style: make_acceptor(schema, style) for style in styles} if make_acceptor else {}
        try:
            rows = runner.rows(question.gold)
        except TimeoutError:
            runs["too slow or too large"] += 1
            rows = None
        except sqlite3.Error as error:
            runs[f"fails: {str(error).split(':')[0]}"] += 1
            continue
        else:
            runs["runs"] += 1
        for style in styles:
            outcome, canonical = round_trip(runner, schema, question.gold, rows, style)
            trips[style].add(outcome, f"{question.db}: {question.gold} → {canonical or '-'}")
            if acceptors and canonical:
                verdict, marked = accepts(acceptors[style], canonical)
                grammar[style].add(verdict, f"{question.db}: {marked}")
    return runs, trips, grammar


def round_trip(
    runner: Runner, schema: schemas.Schema, gold: str, rows: list[tuple[Any, ...]] | None, style: Style
) -> tuple[str, str | None]:
    """The outcome for one statement, and its canonical form if it has one. `rows` None: not to be
    compared."""
    try:
        canonical = canonicalise(gold, schema, style=style)
    except CanonicalError as error:
        return f"no form: {error.reason}", None
    except Exception as error:  # whatever it is, it is ours, and counted
        return f"bug: {type(error).__name__}", None
    try:
        if canonicalise(canonical, schema, style=style) != canonical:
            return "not idempotent", canonical
    except CanonicalError as error:
        return f"not idempotent: {error.reason}", canonical
    if rows is None:
        return "not compared", canonical
    return compare(runner, gold, rows, canonical), canonical


def _table(title: str, counts: Counter[str], examples: dict[str, list[str]] | None = None) -> list[str]:
    total = sum(counts.values())
    lines = [f"| {title} | queries | share |", "|---|---:|---:|"]
    lines += [f"| {name} | {count} | {count / total:.2%} |" for name, count in counts.most_common()]
    lines.append("")
    for name in counts if examples else ():
        if name not in ("same", "accepted", "not compared"):
            lines.append(f"{name}:")
            lines += [
                "- `" + " ".join(text.split()).replace("`", "ˋ") + "`" for text in (examples or {})[name]
            ]
            lines.append("")
    return lines


def main(argv: list[str]) -> int:
    """Print the tables in Markdown; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench coverage", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of a question set, or its file")
    parser.add_argument("--split", default="train", help="which split (default: train)")
    parser.add_argument("--limit", type=int, help="only so many questions, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--style", choices=STYLES, help="only this style (default: both)")
    options = parser.parse_args(argv)
    questions = sample(load(options.data, options.split), options.limit, options.seed)
    styles: tuple[Style, ...] = (options.style,) if options.style else STYLES

    def note(text: str) -> None:
        print(text, file=sys.stderr)

    runs, trips, grammar = measure(questions, styles, note)
    lines = [f"# Coverage of {len(questions)} gold queries", "", *_table("gold", runs)]
    for style in styles:
        lines += [f"## Style {style}", "", *_table("round trip", trips[style].counts, trips[style].examples)]
        if grammar[style].counts:
            lines += _table("grammar", grammar[style].counts, grammar[style].examples)
    print("\n".join(lines))
    return OK
