"""Build the pairs that teach what amendments mend: `bench.amend_corpus`'s right statements over its own databases.

    python -m train build amendments --save OUT

Of `fire.txt` the blocks that measure nothing are taken: not those put aside, and nothing of `leave_alone.txt`. A model
that was trained on these is judged by the other two alone.
"""

from __future__ import annotations

import sqlite3
from collections import Counter

from bench.amend_corpus import databases, pairs
from train.builders.folder import Folder


def build(out: Folder, counts: Counter[str]) -> int:
    """Write the set. Follow-up questions are left out: the recipe's sources have no turns before."""
    scripts = databases.scripts()
    rows: list[dict[str, str]] = []
    for block in pairs.read("fire.txt", scripts)[::2]:
        for pair in block:
            if pair.history:
                counts["goes on from another question"] += 1
                continue
            counts[pair.rule] += 1
            rows.append(
                {
                    "question": pair.question,
                    "query": pair.right,
                    "db_id": f"amend_{pair.database}",
                    "kind": pair.rule,
                }
            )
    for name in {row["db_id"] for row in rows}:
        connection = sqlite3.connect(out.database(name))
        connection.executescript(scripts[name.removeprefix("amend_")])
        connection.close()
    return out.write("train", rows)
