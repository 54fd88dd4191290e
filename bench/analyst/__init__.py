"""Questions that analysts ask, over small made-up databases: medians, shares, ranks, periods, two questions in one.

    python -m bench analyst --out DIR --seed 1
    python -m bench accuracy --data DIR --split questions --decode agent

Written apart from what `python -m train build analysis` makes, to judge it. Invariant: every statement gives what a
second computation, over the rows in Python, gives.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Write a set."""
    from bench.analyst import generate

    return generate.main(argv)
