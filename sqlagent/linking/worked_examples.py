"""Find a worked example for a question of a kind that a small model seldom gets right by itself.

    example_for("the 80th percentile of hours")  ->  Turn("80th percentile of parcel weights", "SELECT …")

Only how a question is put is compared: words that no wording of `worked_examples.toml` has stand for anything, so that
neither a schema nor a model is needed. What a question shares with a wording is weighed by how few wordings have it
(the cosine of their words and pairs of words; Salton and Buckley 1988). An example is a hint in the prompt: it changes
no statement. Questions that are put as a plain wording is get none.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from itertools import groupby, pairwise

from sqlagent.base import word_forms
from sqlagent.linking.prompt import Turn

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LEAST = 0.6
"""Likeness from which on an example is shown."""
ANYTHING, NUMBER, BEGINS, ENDS = "_", "#", "<", ">"
_MARKS = frozenset([ANYTHING, NUMBER, BEGINS, ENDS])

_PIECE = re.compile(r"#(?:st|nd|rd|th)?|_|%|[^\W\d_]+|\d[\d.,]*")
_ORDINAL = re.compile(r"(\d)(?:st|nd|rd|th)\b")
_LITTLE_WORDS = """
    a an the of on in at to for with from by is are was were be been do does did have has had that which who what
    when where how many much and or there their it its this they them i we me my our us you your any some
    show please all
"""
_LITTLE = frozenset(_LITTLE_WORDS.split())
"""Words that tell little of what kind a question is of, however few of the wordings have them."""
FAINT = 0.35
"""What such a word counts, and a pair of two such words, beside the others."""
_NUMERAL = re.compile(r"\b\d+(?=(?:st|nd|rd|th)?\b)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_QUANTITY = re.compile(rf"\b(\d+|{'|'.join(word_forms.NUMBERS)})(?:st|nd|rd|th)?\b(?: (\w+))?")
_UNITS = frozenset(["day", "week", "month", "year", "hour", "minute"])
_SYNONYMS = """
    highest largest greatest biggest maximum max maximal top
    lowest smallest least minimum min minimal
    percent % percentage percentual
    average mean avg
    each every per
    latest newest recent
    past last
    different distinct unique
    cumulative running accumulated
    january february march april may june july august september october november december
    show list give return display find tell print
"""
_SAME = {word: line.split()[0] for line in _SYNONYMS.strip().splitlines() for word in line.split()}


@dataclass(frozen=True, slots=True)
class Example:
    """A kind of question, and one of them with the statement that answers it, over tables that are nobody's."""

    name: str
    shown: Turn
    needs: frozenset[str]
    """Words of which a question of this kind has one; empty where any will do."""


@dataclass(frozen=True, slots=True)
class _Wording:
    """What a wording is made of, weighed, to the length of one; `example` None where it is plain."""

    weights: dict[str, float]
    example: Example | None

    @property
    def needs(self) -> frozenset[str]:
        """Words of which a question has one that may be like this wording; empty where any may."""
        return self.example.needs if self.example else frozenset()


def example_for(question: str) -> Turn | None:
    """The example whose wordings are most like the question; None where none is, or a plain wording is more so."""
    found, likeness = nearest(question)
    return _with_numbers_of(question, found.shown) if found is not None and likeness >= LEAST else None


def _with_numbers_of(question: str, shown: Turn) -> Turn:
    """The example with the question's numbers for its own: a model copies them, "the last 60 days" as `'-30 days'`.

    Only where both have as many of a kind: years, numbers of one unit, others; and where the example's statement has
    them as they are (not 3 May as '2021-05-03').
    """
    asked, own = _numbers(question), _numbers(shown.question)
    written = set(_NUMERAL.findall(shown.sql))
    put: dict[str, str] = {}
    for kind in own.keys() & asked.keys():
        if len(own[kind]) == len(asked[kind]) and written.issuperset(own[kind]):
            put |= dict(zip(own[kind], asked[kind], strict=True))
    changed = partial(_NUMERAL.sub, lambda found: put.get(found[0], found[0]))
    return Turn(changed(shown.question), changed(shown.sql))


def _numbers(text: str) -> dict[str, list[str]]:
    """The different numbers of a text, in digits and in order, by what they are: years, those of a unit, others."""
    found: dict[str, list[str]] = {}
    for number, unit in _QUANTITY.findall(word_forms.fold(text)):
        digits, counted = str(word_forms.NUMBERS.get(number, number)), word_forms.stem(unit)
        kind = "year" if _YEAR.fullmatch(digits) else counted if counted in _UNITS else ""
        if digits not in found.setdefault(kind, []):
            found[kind].append(digits)
    return found


def examples() -> tuple[Example, ...]:
    """All of them, as the file has them."""
    return _bank().examples


def nearest(question: str) -> tuple[Example | None, float]:
    """The example of the wording most like the question (None: a plain one), and the cosine of the two."""
    bank = _bank()
    asked = bank.weighed(question)
    words = set(_words(question))
    fit = [one for one in bank.wordings if not one.needs or one.needs & words]
    return max(((one.example, _cosine(asked, one.weights)) for one in fit), key=lambda found: found[1])


class _Bank:
    """All wordings, and how much each word and pair of words tells."""

    def __init__(self, examples: list[tuple[Example, list[str]]], plain: list[str]) -> None:
        self.examples = tuple(example for example, _ in examples)
        said = [(line, example) for example, lines in examples for line in lines] + [
            (line, None) for line in plain
        ]
        self._known = {word for line, _ in said for word in _words(line)} | {ANYTHING, NUMBER}
        features = [Counter(self._features(line)) for line, _ in said]
        seen = Counter(feature for found in features for feature in found)
        self._weight = {
            feature: _tells(feature) * math.log((1 + len(said)) / n) for feature, n in seen.items()
        }
        self.wordings = [
            _Wording(self._normal(found), example) for found, (_, example) in zip(features, said, strict=True)
        ]

    def weighed(self, text: str) -> dict[str, float]:
        """What a text is made of, weighed, to the length of one."""
        return self._normal(Counter(self._features(text)))

    def _features(self, text: str) -> Iterator[str]:
        """The known words, and all pairs of neighbours; what is not known in between is one word for anything."""
        known = [word if word in self._known else ANYTHING for word in _words(text)]
        line = [word for word, _ in groupby(known)]
        yield from (word for word in line if word != ANYTHING)
        yield from (f"{a} {b}" for a, b in pairwise([BEGINS, *line, ENDS]))

    def _normal(self, found: Counter[str]) -> dict[str, float]:
        """Their weights, as a vector of length one."""
        weights = {f: self._weight.get(f, 0.0) for f in found}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {feature: weight / length for feature, weight in weights.items()}


def _tells(feature: str) -> float:
    """What a word or a pair of words counts."""
    return FAINT if all(word in _LITTLE or word in _MARKS for word in feature.split()) else 1.0


def _words(text: str) -> list[str]:
    """The words of a text as they are compared: numbers are `#`, synonyms one word."""
    found = []
    for piece in _PIECE.findall(_ORDINAL.sub(r"\1", word_forms.fold(text))):
        word = word_forms.stem(piece)
        if piece[0].isdigit() or piece[0] == NUMBER or piece in word_forms.NUMBERS:
            word = NUMBER
        found.append(_SAME.get(word, word))
    return found


def _cosine(some: dict[str, float], others: dict[str, float]) -> float:
    return sum(weight * others[feature] for feature, weight in some.items() if feature in others)


@cache
def _bank() -> _Bank:
    """The bank that the package brings."""
    text = resources.files("sqlagent.linking").joinpath("worked_examples.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    examples = [
        (
            Example(
                one["name"], Turn(one["question"], one["query"]), frozenset(_words(one.get("needs", "")))
            ),
            one["asked"].strip().splitlines(),
        )
        for one in data["example"]
    ]
    return _Bank(examples, data["plain"]["asked"].strip().splitlines())
