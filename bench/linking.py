"""python -m bench linking: does what a question is linked to hold what its gold SQL uses?

Measures, on a Spider-format folder: recall of gold tables and columns at the budget, on each question's own
database and on one database made of many (`--union` tables; names that collide get a number, so no name tells
where a table came from); recall of the string values that gold SQL compares with, and false hints a question;
seconds a question; what a value index costs on the largest databases and on a table of `--rows` rows.
No language model runs.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlglot import exp
from tqdm import tqdm

from bench.gold import datasets
from bench.gold.parsing import Node, parse
from bench.united import fill, million, unite, wide
from sqlagent.base.word_forms import name_words
from sqlagent.database import schema as schemas
from sqlagent.database.schema import Schema, fold
from sqlagent.linking import prompt, schema_linker, table_costs
from sqlagent.linking.focus import Focus
from sqlagent.linking.kept_views import KeptViews, size
from sqlagent.linking.schema_linker import Linker
from sqlagent.linking.value_index import ValueIndex
from sqlagent.sql.names import quote


@dataclass(slots=True)
class Gold:
    """What a gold statement names, in folded names."""

    tables: set[str] = field(default_factory=set)
    columns: set[tuple[str, str]] = field(default_factory=set)
    values: set[tuple[str, str, str]] = field(default_factory=set)
    """(table, column, literal) of equality comparisons with a string."""


def gold(tree: Node, schema: Schema) -> Gold:
    """What a statement names; a column that several tables in scope have counts for the innermost ones."""
    found = Gold()
    for table in tree.find_all(exp.Table):
        if schema.table(table.name):
            found.tables.add(fold(table.name))
    for column in tree.find_all(exp.Column):
        found.columns |= _owners(column, schema)
    for equal in tree.find_all(exp.EQ, exp.In):
        sides = [(equal.this, equal.expression), (equal.expression, equal.this)]
        if isinstance(equal, exp.In):
            sides = [(equal.this, value) for value in equal.expressions]
        for column, value in sides:
            if not isinstance(column, exp.Column):
                continue
            if isinstance(value, exp.Literal) and value.is_string:
                literal = value.this
            elif isinstance(value, exp.Column) and value.this.quoted and not _owners(value, schema):
                literal = value.name
            else:
                continue
            found.values |= {(table, name, literal) for table, name in _owners(column, schema)}
    return found


def _owners(column: Node, schema: Schema) -> set[tuple[str, str]]:
    select = column.find_ancestor(exp.Select)
    while select is not None:
        found = set()
        for source in select.find_all(exp.Table):
            if source.find_ancestor(exp.Select) is not select:
                continue
            called = {fold(source.alias_or_name)}
            table = schema.table(source.name)
            matches = not column.table or fold(column.table) in called
            if table and matches and table.column(column.name):
                found.add((fold(table.name), fold(column.name)))
        if found:
            return found
        select = select.find_ancestor(exp.Select)
    return set()


# ---- measuring ----


@dataclass(slots=True)
class Score:
    """Counters over questions."""

    questions: int = 0
    tables: int = 0
    tables_found: int = 0
    columns: int = 0
    columns_found: int = 0
    whole: int = 0
    tokens: int = 0
    values: int = 0
    values_found: int = 0
    hints: int = 0
    false: int = 0
    wrong: int = 0
    seconds: list[float] = field(default_factory=list)
    value_seconds: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    first: Score | None = None
    """The same of what a question is shown of a database that the model has read nothing of."""
    read: list[int] = field(default_factory=list)
    """Tokens of the schema that each question has read, where what was read before it is kept."""
    corrected: dict[str, list[int]] = field(default_factory=dict)
    """Kind of error → [put right, put wrong, tried]."""

    def add_link(self, question: str, wanted: Gold, part: Schema) -> None:
        kept = {(fold(t.name), fold(c.name)) for t in part.tables for c in t.columns}
        tables = {table for table, _ in kept}
        self.questions += 1
        self.tables += len(wanted.tables)
        self.tables_found += len(wanted.tables & tables)
        self.columns += len(wanted.columns)
        self.columns_found += len(wanted.columns & kept)
        missing = [*sorted(wanted.tables - tables), *(f"{t}.{c}" for t, c in sorted(wanted.columns - kept))]
        self.whole += not missing
        self.tokens += sum(table_costs.tokens(prompt.table_line(table)) for table in part.tables)
        if missing:
            self.lost.append(f"{question} | {', '.join(missing)}")

    def add_values(
        self, wanted: Gold, hints: Sequence[prompt.Hint], stored: set[tuple[str, str, str]]
    ) -> None:
        got = {(fold(hint.table), fold(hint.column), str(hint.value)) for hint in hints}
        literals = {value.casefold() for _, _, value in wanted.values}
        self.values += len(stored)
        self.values_found += len(stored & got)
        self.hints += len(got)
        self.false += len(got - stored)
        self.wrong += sum(1 for _, _, value in got if value.casefold().strip() not in literals)


def run(
    questions: Sequence[datasets.Question],
    budget: int,
    limit: int,
    bar: str,
    union: tuple[Path, dict[str, dict[str, str]]] | None,
    cache: Path,
) -> Score:
    score, rng = Score(first=Score()), random.Random(1)
    assert score.first is not None
    kept: dict[Path, tuple[Schema, Focus, sqlite3.Connection]] = {}
    session: dict[Path, KeptViews] = {}
    originals: dict[str, Schema] = {}
    for question in tqdm(questions, desc=bar, unit=" questions", file=sys.stderr, disable=None):
        assert question.database is not None
        tree = parse(question.gold)
        if tree is None:
            continue
        path = union[0] if union else question.database
        if path not in kept:
            schema = schemas.read(path)
            focus = Focus(path, budget=budget, whole=budget, cache_dir=cache)
            while not focus.build(schema):
                pass
            kept[path] = schema, focus, sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
            session[path] = KeptViews(schema, None)
        schema, focus, connection = kept[path]
        if question.db not in originals:
            originals[question.db] = schemas.read(question.database)
        wanted = gold(tree, originals[question.db])
        if union:
            names = {old: fold(new) for old, new in union[1][question.db].items()}
            wanted = Gold(
                {names[t] for t in wanted.tables},
                {(names[t], c) for t, c in wanted.columns},
                {(names[t], c, v) for t, c, v in wanted.values},
            )
        started = time.perf_counter()
        part = focus.part(schema, question.question)
        linked = time.perf_counter()
        hints = focus.hints(schema, part, question.question, limit)
        score.seconds.append(linked - started)
        score.value_seconds.append(time.perf_counter() - linked)
        score.add_link(question.question, wanted, part)
        view, before = focus.view(schema, question.question), session[path].views
        score.first.add_link(question.question, wanted, view.schema)
        if not view.complete:
            view = session[path].best(*focus.needed(schema, question.question), schema_linker.WHOLE)
        known = max(
            (len(one.lines) for one in before if view.lines[: len(one.lines)] == one.lines), default=0
        )
        score.read.append(size(view.lines[known:]))
        session[path].keep(view)
        stored = _stored(connection, wanted)
        score.add_values(wanted, hints, stored)
        for table, column, value in sorted(stored):
            for kind, literal in spoilt(value, rng):
                counts = score.corrected.setdefault(kind, [0, 0, 0])
                if not _stored(connection, Gold(values={(table, column, literal)})):
                    found = focus.nearest(schema, table, column, literal)
                    counts[0] += found == value
                    counts[1] += found not in (value, None)
                    counts[2] += 1
    for _, focus, connection in kept.values():
        focus.close()
        connection.close()
    return score


def spoilt(value: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(kind of error, the value with it)."""
    yield "letter case", value.swapcase()
    if len(value) > 4:
        at = rng.randrange(1, len(value) - 1)
        yield "two letters exchanged", value[:at] + value[at + 1] + value[at] + value[at + 2 :]
        yield "a letter left out", value[:at] + value[at + 1 :]
    yield "another value", "".join(rng.sample("bdfgklmnprstaeiou", 9))


def _stored(connection: sqlite3.Connection, wanted: Gold) -> set[tuple[str, str, str]]:
    """The gold comparisons whose literal does occur, as a text, in its column."""
    return {
        (table, column, value)
        for table, column, value in wanted.values
        if connection.execute(
            f"SELECT 1 FROM {quote(table)} WHERE {quote(column)} = ? "
            f"AND typeof({quote(column)}) = 'text' LIMIT 1",
            (value,),
        ).fetchone()
    }


def vocabulary(data: Path) -> list[str]:
    """The words that the names in a folder's databases are made of, each as often as it occurs."""
    found: list[str] = []
    for file in sorted(data.rglob("*.sqlite")):
        for table in schemas.read(file).tables:
            for name in (table.name, *(column.name for column in table.columns)):
                found += name_words(name)
    return found


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def lines(name: str, score: Score) -> Iterator[str]:
    def share(part: int, whole: int) -> str:
        return f"{100 * part / whole:.2f} % of {whole}" if whole else "none"

    yield f"### {name} ({score.questions} questions)"
    yield f"- gold tables kept: {share(score.tables_found, score.tables)}"
    yield f"- gold columns kept: {share(score.columns_found, score.columns)}"
    yield f"- questions with everything kept: {share(score.whole, score.questions)}"
    yield f"- tokens of the part, mean: {score.tokens / max(1, score.questions):.0f}"
    yield f"- gold values found with their column: {share(score.values_found, score.values)}"
    each = max(1, score.questions)
    yield (
        f"- hints a question: {score.hints / each:.2f}; not in the gold: {score.false / each:.3f}; "
        f"with a value the gold does not name: {score.wrong / each:.3f}"
    )
    if score.first is not None:
        first = score.first
        yield (
            f"- a first question: gold tables {share(first.tables_found, first.tables)}, everything "
            f"{share(first.whole, first.questions)}, tokens {first.tokens / each:.0f}"
        )
        yield (
            f"- tokens that a question reads, one after the other: mean {sum(score.read) / each:.0f}, "
            f"p50 {quantile(score.read, 0.5):.0f}, p95 {quantile(score.read, 0.95):.0f}"
        )
    for kind, (right, wrong, total) in score.corrected.items():
        yield f"- literals put right, {kind}: {share(right, total)}; put wrong: {share(wrong, total)}"
    for what, seconds in (("the part", score.seconds), ("its hints", score.value_seconds)):
        middle, late = 1e3 * quantile(seconds, 0.5), 1e3 * quantile(seconds, 0.95)
        yield f"- {what}: p50 {middle:.2f} ms, p95 {late:.2f} ms"


def index_cost(path: Path, cache: Path) -> str:
    schema = schemas.read(path)
    started, calls = time.perf_counter(), 1
    index = ValueIndex(path, schema, cache)
    while not index.build():
        calls += 1
    seconds = time.perf_counter() - started
    index.close()
    size = sum(file.stat().st_size for file in cache.glob("*.db"))
    return f"- {path.name} ({path.stat().st_size / 1e6:.1f} MB): {seconds:.2f} s in {calls} calls, " + (
        f"{size / 1e6:.1f} MB kept" if size else "too quick to be worth keeping"
    )


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench linking", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a Spider-format folder")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, help="questions (all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=int, default=schema_linker.BUDGET, help="tokens (%(default)s)")
    parser.add_argument("--union", type=int, default=300, help="tables of the union (%(default)s)")
    parser.add_argument("--hints", type=int, default=5, help="hints a question, at most (%(default)s)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large table; 0: none")
    parser.add_argument("--lost", type=int, default=0, help="questions to list whose part lacks something")
    arguments = parser.parse_args(argv)
    questions = datasets.sample(
        datasets.load(arguments.data, arguments.split), arguments.limit, arguments.seed
    )
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        own = run(questions, arguments.budget, arguments.hints, "own", None, work / "values")
        print("\n".join(lines(f"{arguments.split}, each its own database, {arguments.budget} tokens", own)))
        if arguments.union:
            files = list(dict.fromkeys(q.database for q in questions if q.database))
            chosen = fill(files, arguments.union, arguments.seed)
            names = unite(chosen, work / "union.sqlite")
            there = [q for q in questions if q.db in names]
            one = run(
                there,
                arguments.budget,
                arguments.hints,
                "union",
                (work / "union.sqlite", names),
                work / "values",
            )
            tables = sum(map(len, names.values()))
            print(
                "\n".join(
                    lines(
                        f"one database of {tables} tables from {len(chosen)}, {arguments.budget} tokens", one
                    )
                )
            )
            print("\n".join(f"  - lost: {text}" for text in one.lost[: arguments.lost]))
        print("### Cost")
        large = wide(1000, 20, arguments.seed, vocabulary(arguments.data))
        started = time.perf_counter()
        linker = Linker(large)
        built = time.perf_counter() - started
        seconds = []
        for question in questions[:100]:
            started = time.perf_counter()
            linker.link(question.question, budget=arguments.budget)
            seconds.append(time.perf_counter() - started)
        middle, late, most = (
            1e3 * value for value in (quantile(seconds, 0.5), quantile(seconds, 0.95), max(seconds))
        )
        print(f"- 1,000 tables of 20 columns: index {built:.2f} s")
        print(f"- a question to it: p50 {middle:.1f} ms, p95 {late:.1f} ms, most {most:.1f} ms")
        largest = sorted(set(arguments.data.rglob("*.sqlite")), key=lambda file: -file.stat().st_size)[:5]
        for number, file in enumerate(largest):
            print(index_cost(file, work / f"cost{number}"))
        if arguments.rows:
            million(work / "large.sqlite", arguments.rows, arguments.seed)
            time.sleep(2.1)  # the index of a file that was written just now is not kept
            print(index_cost(work / "large.sqlite", work / "cost"))
    return 0
