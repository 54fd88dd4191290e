"""What each amendment mends and what it spoils, on the corpora written for that.

    python -m bench amendments
    python -m bench amendments --show leave_alone --rule years     # each statement that was changed

Every rule is played alone, then all pitfalls one after the other, which is all that happens to a statement by itself.
`leave_alone` holds right statements: what is changed there is either the same in rows, or spoilt. `fire` holds wrong
ones: a rule mends one where it gives the right rows. What a reading changes here it only proposes:
`python -m bench readings` says which proposals a model takes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.amend_corpus.pairs import Pair
from bench.amend_corpus.places import CORPORA, Place, load, places, same
from sqlagent.amend.context import Context
from sqlagent.amend.pipeline import mended
from sqlagent.amend.rules import MEANINGS, PITFALLS, SUPPLIED
from sqlagent.base.errors import OK

ALL = "all pitfalls"
RULES = {**PITFALLS, **MEANINGS, **SUPPLIED}
Play = Callable[[str, Context], str]


def main(argv: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench amendments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--show", choices=CORPORA, help="print what was changed in a corpus")
    parser.add_argument("--rule", choices=[*RULES, ALL], default=ALL, help="of which rule (all together)")
    parser.add_argument(
        "--aside", action="store_true", help="play the half that is put aside, too: at the end, once"
    )
    options = parser.parse_args(list(argv))
    plays: dict[str, Play] = {name: _alone(name) for name in RULES}
    plays[ALL] = lambda sql, about: mended(sql, about)[0]
    corpora = [name for name in CORPORA if options.aside or name != "fire_aside"]
    with tempfile.TemporaryDirectory() as folder:
        found = places(Path(folder))
        if options.show:
            print("\n".join(changes(load(options.show), plays[options.rule], found)))
        else:
            print("\n".join(table({name: load(name) for name in corpora}, plays, found)))
        for place in found.values():
            place.focus.close()
            place.connection.close()
    return OK


def _alone(name: str) -> Play:
    return lambda sql, about: RULES[name](about.statements.read(sql), about).sql


def judge(pair: Pair, play: Play, place: Place) -> tuple[str, str]:
    """What a rule makes of a pair's statement, and "", "same", "mended", "worse" or "wrong"."""
    before = pair.wrong or pair.right
    after = play(before, place.context(pair))
    if after == before:
        return after, ""
    right = place.rows(pair.right)
    was, now = (same(place.rows(sql), right, pair.right) for sql in (before, after))
    return after, {(True, True): "same", (False, True): "mended", (True, False): "worse"}.get(
        (was, now), "wrong"
    )


def table(
    corpora: Mapping[str, Sequence[Pair]], plays: Mapping[str, Play], found: Mapping[str, Place]
) -> Iterator[str]:
    """The report."""
    yield "| rule | " + " | ".join(f"{name}: {heading(name)}" for name in corpora) + " |"
    yield "|---|" + "---:|" * len(corpora)
    for rule, play in plays.items():
        cells = []
        for name, pairs in corpora.items():
            counts = Counter(judge(pair, play, found[pair.database])[1] for pair in pairs)
            changed = len(pairs) - counts[""]
            if name == "leave_alone":
                cells.append(f"{changed} / {counts['worse']} of {len(pairs)}")
            else:
                cells.append(f"{changed} / {counts['mended']} of {len(pairs)}")
        yield f"| {rule} | " + " | ".join(cells) + " |"


def heading(corpus: str) -> str:
    """What the two numbers of a corpus are."""
    return "changed / for the worse" if corpus == "leave_alone" else "changed / mended"


def changes(pairs: Sequence[Pair], play: Play, found: Mapping[str, Place]) -> Iterator[str]:
    """Each statement that was changed."""
    for pair in pairs:
        after, verdict = judge(pair, play, found[pair.database])
        if verdict:
            yield f"{verdict:<6} {pair.rule}: {pair.question}\n  - {pair.wrong or pair.right}\n  + {after}"
