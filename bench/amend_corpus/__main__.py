"""Write the corpora to `tests/data`: `python -m bench.amend_corpus [FOLDER]`.

Every second block of `fire.txt` goes to `fire_aside.jsonl`, which nobody looks at while rules and priors are chosen.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.amend_corpus import databases, pairs

FOLDER = Path(__file__).parents[2] / "tests" / "data"


def main(folder: Path = FOLDER) -> None:
    """Write the four files anew."""
    scripts = databases.scripts()
    fire = pairs.read("fire.txt", scripts)
    folder.mkdir(parents=True, exist_ok=True)
    made = json.dumps(scripts, indent=0, ensure_ascii=False) + "\n"
    (folder / "amend_databases.json").write_text(made, encoding="utf-8")
    _write(folder / "leave_alone.jsonl", pairs.read("leave_alone.txt", scripts))
    _write(folder / "fire.jsonl", fire[::2])
    _write(folder / "fire_aside.jsonl", fire[1::2])


def _write(path: Path, found: Iterable[list[pairs.Pair]]) -> None:
    lines = (json.dumps(pair.record(), ensure_ascii=False) for block in found for pair in block)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
