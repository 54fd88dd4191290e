"""python -m bench grammar: soundness of the SQL acceptor, and what it costs.

`--fuzz N` spreads N random statements over the databases under `--data` (Spider and BIRD layouts, and any *.sqlite)
and over hostile schemas made in code; each must prepare. `--speed` times building and stepping. Exit code 1 on any
failure.
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
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from bench.walk import TEMPERS, walk
from sqlagent import schema as schemas
from sqlagent.grammar import Acceptor, Options

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


def fuzz(paths: list[Path], total: int, seed: int) -> int:
    """Writes `total` statements over the databases; prints what they held; returns the number of failures."""
    rng = random.Random(seed)
    share = max(1, -(-total // max(1, len(paths))))
    features: collections.Counter[str] = collections.Counter()
    joins: collections.Counter[int] = collections.Counter()
    nesting: collections.Counter[int] = collections.Counter()
    failures: list[str] = []
    made = 0
    with tqdm(total=share * len(paths), unit=" statements", file=sys.stderr) as bar:
        for path in paths:
            schema = schemas.read(str(path))
            if not schema.tables:
                continue
            connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
            acceptors = [Acceptor(schema, Options(style=style)) for style in ("names", "aliases")]
            for n in range(share):
                budget = rng.choice((20, 60, 150, 300, 600))
                temper = TEMPERS[n % len(TEMPERS)]
                sql = ""
                try:
                    sql = walk(
                        acceptors[n % 2], rng, budget=budget, stop=rng.choice((0.02, 0.1, 0.3)), temper=temper
                    )
                    connection.execute("EXPLAIN " + sql)
                except (sqlite3.Error, sqlite3.Warning, AssertionError) as error:
                    failures.append(f"{path.name} ({temper}): {error}\n    {sql}")
                made += 1
                bar.update()
                _tally(sql, features, joins, nesting)
            connection.close()
    print(f"{made} statements over {len(paths)} databases, {len(failures)} failures")
    print("share of statements with: " + ", ".join(f"{k} {v / made:.1%}" for k, v in features.most_common()))
    print("joins: " + ", ".join(f"{k}: {v}" for k, v in sorted(joins.items())))
    print("nested SELECTs: " + ", ".join(f"{k}: {v}" for k, v in sorted(nesting.items())))
    for failure in failures[:20]:
        print(failure)
    return len(failures)


def _tally(
    sql: str,
    features: collections.Counter[str],
    joins: collections.Counter[int],
    nesting: collections.Counter[int],
) -> None:
    bare = re.sub(r"'(?:[^']|'')*'", "''", sql)
    for name, pattern in _FEATURES.items():
        features[name] += bool(re.search(pattern, bare))
    joins[bare.count(" JOIN ")] += 1
    depth = deepest = 0
    for token in re.findall(r"\(SELECT |\(|\)", bare):
        if token == ")":
            depth -= 1
        else:
            depth += 1
        if token == "(SELECT ":
            deepest = max(deepest, depth)
    nesting[bare.count("SELECT ") - 1] += 1


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
    parser.add_argument("--data", type=Path, action="append", default=[], help="folder with *.sqlite files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", action="store_true", help="time building and stepping")
    args = parser.parse_args(argv)
    if args.speed:
        speed()
    if not args.fuzz:
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        paths = [p for folder in args.data for p in databases(folder)]
        paths += hostile(Path(scratch), args.seed)
        return 1 if fuzz(paths, args.fuzz, args.seed) else 0
