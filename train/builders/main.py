"""`python -m train build`: make training data that needs no model, from the published sets or from nothing.

    python -m train build renamed --data DIR/spider --save OUT      Spider's or BIRD's databases under short names
    python -m train build analysis --save OUT --count 60            analysts' questions over invented databases
    python -m train build analysis --data DIR/bird --save OUT       the same over published databases
    python -m train build encoded --save OUT --count 60             the same over columns stored otherwise than meant
    python -m train build amendments --save OUT                     what amendments mend, over invented databases

Invariant: the same command makes the same set.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.gold.datasets import Question
from sqlagent.base.errors import OK, UsageError


def main(argv: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m train build",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=sorted(BUILDERS), help="what to make")
    parser.add_argument("--data", type=Path, help="the published set: a folder of questions and databases")
    parser.add_argument("--split", default="train", help="which file of it (train)")
    parser.add_argument("--save", type=Path, required=True, metavar="FOLDER", help="where the set goes")
    parser.add_argument("--copies", type=int, default=1, help="of each database (1)")
    parser.add_argument("--count", type=int, default=60, help="databases to invent (60)")
    parser.add_argument("--seed", type=int, default=0, help="fixes every choice (0)")
    options = parser.parse_args(list(argv))
    counts: Counter[str] = Counter()
    made = BUILDERS[options.kind](options, counts)
    for why, number in counts.most_common():
        print(f"{number:7}  {why}", file=sys.stderr)
    print(f"{made} pairs in {options.save}", file=sys.stderr)
    return OK


def _questions(options: argparse.Namespace) -> list[Question]:
    from bench.gold import datasets

    if options.data is None:
        raise UsageError(f"build {options.kind} wants --data: a folder such as DIR/spider or DIR/bird.")
    return datasets.load(datasets.split_file(options.data, options.split), options.split, hints=False)


def _renamed(options: argparse.Namespace, counts: Counter[str]) -> int:
    from train.builders import renamed
    from train.builders.folder import folder

    questions = _questions(options)
    with folder(options.save) as out:
        pairs = renamed.pairs(
            questions, out, copies=options.copies, seed=options.seed, prefix="short_", counts=counts
        )
        return out.write("train", pairs)


def _analysis(options: argparse.Namespace, counts: Counter[str]) -> int:
    from train.builders import analysed
    from train.builders.folder import folder

    with folder(options.save) as out:
        if options.data is not None:
            return analysed.observe(out, _questions(options), seed=options.seed, counts=counts)
        return analysed.build(out, count=options.count, seed=options.seed, counts=counts)


def _encoded(options: argparse.Namespace, counts: Counter[str]) -> int:
    from train.builders import encoded
    from train.builders.folder import folder

    with folder(options.save) as out:
        return encoded.build(out, count=options.count, seed=options.seed, counts=counts)


def _amendments(options: argparse.Namespace, counts: Counter[str]) -> int:
    from train.builders import amendments
    from train.builders.folder import folder

    with folder(options.save) as out:
        return amendments.build(out, counts)


BUILDERS: dict[str, Callable[[argparse.Namespace, Counter[str]], int]] = {
    "amendments": _amendments,
    "analysis": _analysis,
    "encoded": _encoded,
    "renamed": _renamed,
}
