"""python -m bench grammar: soundness of the SQL acceptor, and what it costs.

`--fuzz N` spreads N random statements over the databases under `--data` (Spider and BIRD layouts, and any *.sqlite)
and over hostile schemas made in code; each must prepare. `--gguf N` has models with random weights write N more,
through the decoder that questions go through. `--speed` times building and stepping. Exit code 1 on any failure.
"""

from __future__ import annotations

import argparse
import collections
import random
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tqdm import tqdm

from bench.walk import MIX, walk
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor, Options
from sqlagent.sandbox import functions as sandboxed
from sqlagent.sandbox import standins

_FEATURES = {
    "JOIN": r" JOIN ",
    "LEFT JOIN": r" LEFT JOIN ",
    "alias": r" AS T\d",
    "WHERE": r" WHERE ",
    "GROUP BY": r" GROUP BY ",
    "HAVING": r" HAVING ",
    "ORDER BY": r" ORDER BY ",
    "LIMIT": r" LIMIT ",
    "aggregate": r"\b(?:COUNT|SUM|AVG|MIN|MAX|TOTAL|GROUP_CONCAT)\(",
    "window": r" OVER \(",
    "CASE": r"\bCASE ",
    "CAST": r"\bCAST\(",
    "IN": r" IN \(",
    "EXISTS": r"EXISTS \(",
    "BETWEEN": r" BETWEEN ",
    "LIKE": r" LIKE ",
    "set operation": r" (?:UNION|INTERSECT|EXCEPT) ",
    "CTE": r"^WITH ",
    "derived table": r" FROM \(SELECT ",
    "subquery": r"\(SELECT ",
    "DISTINCT": r"DISTINCT ",
}
_MOST = 8
"""Counts above this are reported together."""
_AT_ONCE = 8
"""Statements that a model writes in one batch."""


def databases(folder: Path) -> Iterator[Path]:
    """Every SQLite file under `folder`, sorted."""
    yield from sorted(p for p in folder.rglob("*.sqlite") if p.is_file())


def hostile(folder: Path, seed: int) -> Iterator[Path]:
    """Databases with hostile names and shapes, written to `folder`."""
    from tests.hostile import build, hostile_schemas

    for n, (_, statements) in enumerate(hostile_schemas(seed)):
        path = folder / f"{n}.sqlite"
        connection = build(statements, path)
        connection.commit()
        connection.close()
        yield path


class Report:
    """Counts what statements held, and keeps those that do not prepare."""

    def __init__(self) -> None:
        self.made = 0
        self.failures: list[str] = []
        self._features: collections.Counter[str] = collections.Counter()
        self._joins: collections.Counter[int] = collections.Counter()
        self._nesting: collections.Counter[int] = collections.Counter()

    def check(self, connection: sqlite3.Connection, where: str, write: Callable[[], str]) -> None:
        """Count the statement that `write` makes; it must prepare on `connection`."""
        sql = ""
        try:
            sql = write()
            connection.execute("EXPLAIN " + sql)
        except (sqlite3.Error, sqlite3.Warning, MemoryError, AssertionError) as error:
            self.failures.append(f"{where}: {error}\n    {sql}")
        self.made += 1
        bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "''", sql)
        for name, pattern in _FEATURES.items():
            self._features[name] += bool(re.search(pattern, bare))
        self._joins[min(bare.count(" JOIN "), _MOST)] += 1
        self._nesting[min(_depth(bare), _MOST)] += 1

    def show(self, title: str) -> None:
        """Print the counts and the first failures."""
        made = max(1, self.made)
        print(f"{title}: {self.made} statements, {len(self.failures)} failures")
        shares = (f"{name} {count / made:.1%}" for name, count in self._features.most_common())
        print("share of statements with: " + ", ".join(shares))
        for what, counts in (("joins", self._joins), ("SELECTs inside one another", self._nesting)):
            parts = (f"{k}{'+' if k == _MOST else ''}: {v / made:.1%}" for k, v in sorted(counts.items()))
            print(f"{what}: " + ", ".join(parts))
        for failure in self.failures[:20]:
            print(failure)


def _depth(bare: str) -> int:
    """How many SELECTs stand inside one another below the outermost one."""
    inside: list[bool] = []
    deepest = 0
    for token in re.findall(r"\(SELECT |\(|\)", bare):
        if token == ")":
            del inside[-1:]
        else:
            inside.append(token != "(")
            deepest = max(deepest, sum(inside))
    return deepest


def _targets(paths: list[Path]) -> Iterator[tuple[Path, sqlite3.Connection, list[Acceptor]]]:
    """Each database that has tables, open, with an acceptor in each alias style."""
    for path in paths:
        schema = schemas.read(str(path))
        if not schema.tables:
            continue
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        sandboxed.register(connection)
        standins.install(connection)  # statements prepare in the sandbox, which has these
        yield path, connection, [Acceptor(schema, Options(style=style)) for style in ("names", "aliases")]
        connection.close()


def fuzz(paths: list[Path], total: int, seed: int) -> int:
    """Writes `total` statements over the databases; prints what they held; returns the number of failures."""
    rng = random.Random(seed)
    share = max(1, -(-total // max(1, len(paths))))
    report = Report()
    with tqdm(total=share * len(paths), unit=" statements", file=sys.stderr, disable=None) as bar:
        for path, connection, acceptors in _targets(paths):
            offset = rng.randrange(2 * len(MIX))
            for n in range(offset, offset + share):
                temper = MIX[n // 2 % len(MIX)]
                budget, stop = rng.choice((20, 150, 300, 600, 1000)), rng.choice((0.02, 0.1, 0.2))
                write = partial(walk, acceptors[n % 2], rng, budget=budget, stop=stop, temper=temper)
                report.check(connection, f"{path.name} ({temper})", write)
                bar.update()
    report.show(f"random walks over {len(paths)} databases")
    return len(report.failures)


def random_weights(paths: list[Path], total: int, seed: int, scratch: Path) -> int:
    """Has models of random weights write `total` statements; prints what they held; returns the number of failures."""
    from bench.sampling import drawn
    from sqlagent.decoding.model import Model
    from sqlagent.linking.prompt import ANSWER, Prompt
    from tests.tiny_gguf import make_gguf

    rng = random.Random(seed)
    report = Report()
    kinds = [(arch, scale) for arch in ("qwen2", "llama") for scale in (0.05, 0.3, 2.0)]
    files = [
        make_gguf(scratch / f"{n}.gguf", arch, seed + n, scale=scale) for n, (arch, scale) in enumerate(kinds)
    ]
    models = [Model(file, n_parallel=_AT_ONCE) for file in files]
    rounds = max(1, -(-total // (_AT_ONCE * len(paths))))
    with tqdm(total=total, unit=" statements", file=sys.stderr, disable=None) as bar:
        for number, (path, connection, acceptors) in enumerate(_targets(paths)):
            for n in range(rounds):
                if report.made >= total:
                    break
                prompt = Prompt("You write SQL.", "", f"Question: {rng.random()}?", ANSWER)
                found = drawn(
                    models[(number + n) % len(models)],
                    prompt,
                    acceptors[(number + n) % 2],
                    n=_AT_ONCE,
                    temperature=rng.choice((0.5, 1.0, 3.0)),
                    seed=rng.randrange(1 << 30),
                    max_tokens=rng.choice((16, 60, 120, 200)),
                )
                for candidate in found:
                    report.check(
                        connection, f"{path.name} (random weights)", partial(getattr, candidate, "sql")
                    )
                bar.update(len(found))
    for model in models:
        model.close()
    report.show(f"models with random weights over {len(paths)} databases")
    return len(report.failures)


def speed() -> None:
    """Prints how long building takes and what a step costs."""
    for tables, columns in ((20, 8), (1000, 20)):
        schema = schemas.from_ddl(
            ";\n".join(
                f"CREATE TABLE table_{t} (id INTEGER PRIMARY KEY, "
                + ", ".join(f"column_{t}_{c} TEXT" for c in range(columns - 1))
                + ")"
                for t in range(tables)
            )
        )
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            acceptor = Acceptor(schema)
            acceptor.start().step(b"SELECT c")
            times.append(time.perf_counter() - begin)
        sql = (
            b"SELECT table_3.column_3_1, COUNT(*) FROM table_3 JOIN table_4 ON table_3.id = table_4.id "
            b"WHERE table_4.column_4_2 = 'x' GROUP BY table_3.column_3_1 ORDER BY COUNT(*) DESC LIMIT 5"
        )
        begin = time.perf_counter()
        state = acceptor.start()
        pieces = re.findall(rb" ?[A-Za-z]+|[^A-Za-z]", sql)
        costs = []
        for piece in pieces:
            at = time.perf_counter()
            following = state.step(piece)
            costs.append(time.perf_counter() - at)
            assert following is not None, piece
            state = following
        costs.sort()
        print(
            f"{tables} tables x {columns} columns: build {min(times) * 1e3:.1f} ms; step per piece "
            f"median {costs[len(costs) // 2] * 1e3:.3f} ms, worst {costs[-1] * 1e3:.2f} ms; "
            f"whole statement {(time.perf_counter() - begin) * 1e3:.1f} ms"
        )


def main(argv: list[str]) -> int:
    """Runs the checks that the flags ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench grammar", description=__doc__.splitlines()[0])
    parser.add_argument("--fuzz", type=int, metavar="N", default=0, help="check N random statements")
    parser.add_argument(
        "--gguf", type=int, metavar="N", default=0, help="check N statements of models with random weights"
    )
    parser.add_argument("--data", type=Path, action="append", default=[], help="folder with *.sqlite files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", action="store_true", help="time building and stepping")
    args = parser.parse_args(argv)
    if args.speed:
        speed()
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        if args.fuzz or args.gguf:
            paths = [p for folder in args.data for p in databases(folder)]
            paths += hostile(Path(scratch), args.seed)
        if args.fuzz:
            failures += fuzz(paths, args.fuzz, args.seed)
        if args.gguf:
            failures += random_weights(paths, args.gguf, args.seed, Path(scratch))
    return 1 if failures else 0
