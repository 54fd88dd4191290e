"""Shorten identifiers as people who design tables do: DEPT_NM, fthg, cust_no, hgl.

    names = Shortener("vowels", "upper", random.Random(0))
    names("department_name")       # DPRTMNT_NM

Invariant: within one shortener a word always becomes the same short word, so keys still look like what they refer to.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from pathlib import Path

WAYS = ("known", "vowels", "cut", "initials", "mixed")
CASES = ("snake", "upper", "joined", "camel")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ALIAS = re.compile(r"[Tt][0-9]+")

KNOWN = dict(
    line.split()
    for line in Path(__file__).with_name("short_words.txt").read_text(encoding="utf-8").splitlines()
)
"""What a word is usually cut to."""


def words(name: str) -> list[str]:
    """The words of an identifier: `homeTeam_ID2` is home, Team, ID, 2."""
    return _WORDS.findall(name)


class Shortener:
    """One designer's habit: how words are shortened, and how they are put together."""

    def __init__(self, way: str, case: str, rng: random.Random) -> None:
        self._way, self._case, self._rng = way, case, rng
        self._short: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """The short form of one identifier; itself where it has no words."""
        parts = words(name)
        if not parts:
            return name
        way = self._way
        if way == "initials":
            if len(parts) > 1 and parts[-1].lower() == "id":
                return self._put([*(part[0] for part in parts[:-1]), "id"], close=True)
            if len(parts) > 1:
                return self._put([part if part.isdigit() else part[0] for part in parts], close=True)
        return self._put([self._word(part.lower()) for part in parts])

    def _word(self, word: str) -> str:
        if word not in self._short:
            self._short[word] = self._shortened(word)
        return self._short[word]

    def _shortened(self, word: str) -> str:
        way = self._way
        if way == "mixed":
            way = self._rng.choice(("known", "vowels", "cut"))
        if way in ("known", "initials") and word in KNOWN:
            return KNOWN[word]
        if len(word) <= 3 or word.isdigit():
            return word
        if way == "cut" or (way == "initials" and self._rng.random() < 0.5):
            return word[: self._rng.choice((3, 4))]
        kept = word[0] + re.sub("[aeiou]", "", word[1:])
        return kept if len(kept) > 1 else word[:3]

    def _put(self, parts: list[str], close: bool = False) -> str:
        if self._case == "upper":
            return ("" if close else "_").join(parts).upper()
        if self._case == "camel" and not close:
            return parts[0].lower() + "".join(part[:1].upper() + part[1:] for part in parts[1:])
        return ("" if close or self._case == "joined" else "_").join(parts).lower()


def distinct(names: Iterable[str], short: Shortener) -> dict[str, str]:
    """Each name's short form, all of them different whatever their case, and none like an alias (`T1`)."""
    taken: set[str] = set()
    found: dict[str, str] = {}
    for name in names:
        made = short(name)
        if _ALIAS.fullmatch(made) or made.lower() in taken:
            made = next(
                each
                for n in range(2, 1000)
                if (each := f"{made}_{n}").lower() not in taken and not _ALIAS.fullmatch(each)
            )
        taken.add(made.lower())
        found[name] = made
    return found
