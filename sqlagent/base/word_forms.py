"""Words of names, questions and stored values, brought to a form in which they can be compared.

Invariant: two texts that differ only in letter case, accents, width of characters, punctuation between
words or an English plural have the same `key`; nothing here depends on a locale or on a model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŋ": "n"}
)
"""Letters that no decomposition turns into plain ones."""

_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Scripts written without blanks between words: each character is a word."""
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])+(?:['’](?:(?![{_UNSPACED}])[^\W_])+)*")
_DOTTED = re.compile(r"\b(?:[^\W\d_]\.){2,}[^\W\d_]?(?!\w)")
_POSSESSIVE = re.compile(r"['’]s?$")
_NAME_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NAME_RUN = re.compile(r"\d+|[^\W\d_]+")

_IRREGULAR = {
    "people": "person",
    "persons": "person",
    "children": "child",
    "men": "man",
    "women": "woman",
    "criteria": "criterion",
    "indices": "index",
    "indexes": "index",
    "vertices": "vertex",
    "matrices": "matrix",
    "mice": "mouse",
    "feet": "foot",
    "teeth": "tooth",
    "lives": "life",
    "wives": "wife",
    "knives": "knife",
    "shelves": "shelf",
    "movies": "movie",
    "cookies": "cookie",
    "shoes": "shoe",
    "series": "series",
    "species": "species",
    "news": "news",
}
_KEEP_S = ("ss", "us", "is")

_STOP = """a about above after all also am an and any are as at be because been before being below between
    both but by can could did do does doing down during each either every few find for from further get give
    had has have having he her here hers him his how i if in into is it its itself just least less list
    many maximum me minimum more most much my name neither no nor not number of off on once one only or
    order other our out over own please return same she should show so some such tell than that the their
    them then there these they this those through to together too total under until up us very was we were
    what when where whether which while who whom whose why will with without would you your different
    distinct average sum count"""
STOP = frozenset(_STOP.split())
"""Words that say nothing about which table or value is meant."""
NUMBERS = dict(
    zip(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
        range(2, 13),
        strict=True,
    )
)
"""The counts that people write as words."""
_NOUNS = frozenset(["order", "list", "name", "return", "show"])
_MEASURES = frozenset(["number", "count", "sum", "average", "maximum", "minimum", "total"])
"""Stop words that name a thing where they are used as nouns: "an order", but not "order by".

Behind "the" a measure is what is computed: "the average and the maximum", "the total number".
"""
_DETERMINER_WORDS = "a an the each every per which what whose this that one another any no"
_DETERMINERS = frozenset(_DETERMINER_WORDS.split())


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a question; `start` and `end` are places in its text."""

    text: str
    folded: str
    stem: str
    start: int
    end: int
    quoted: bool
    """Inside quotation marks."""
    capital: bool
    """Written with a capital or a digit where running text would not have one."""


def fold(text: str) -> str:
    """`text` without case, accents, ligatures and full-width forms."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LETTERS)


def words(text: str) -> list[str]:
    """The folded words of a text: `U.S.A.` is one word, `Kyle's` is `kyle`, `ACCT-211` is two."""
    return list(_words(text)) if len(text) <= 1000 else list(_words.__wrapped__(text))


@lru_cache(maxsize=256)
def _words(text: str) -> tuple[str, ...]:
    """The same; kept, since many rules ask for the words of one question."""
    if "." in text:
        text = _DOTTED.sub(lambda found: found[0].replace(".", ""), text)
    found = _WORD.findall(text)
    if "'" in text or "’" in text:
        found = [_POSSESSIVE.sub("", word) for word in found]
    return tuple(map(fold, found))


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A folded word without an English plural ending; words of three letters and numbers as they are."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 3 or not word.endswith("s") or word.endswith(_KEEP_S):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("ches", "shes", "xes", "sses", "zes", "oes")) and len(word) > 4:
        return word[:-2]
    return word[:-1]


def inflections(word: str) -> list[str]:
    """What a folded word may be a form of, and its own forms: swimming ↔ swim, cancelled ↔ cancel, riding ↔ ride."""
    found = []
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) >= len(ending) + 3:
            base = word[: -len(ending)]
            found += [base, base + "e"]
            if base[-1] == base[-2]:
                found.append(base[:-1])
    if not found and len(word) >= 3 and word.isalpha():
        base = word[:-1] if word.endswith("e") else word
        bases = [base, base + base[-1]] if base == word and base[-1] not in "aeiouwxy" else [base]
        found = [one + ending for one in bases for ending in ("ing", "ed")]
    return [one for one in dict.fromkeys(found) if len(one) >= 3 and one not in STOP]


def key(text: str) -> str:
    """What texts that differ in case, accents, punctuation and plurals only have in common."""
    return " ".join(map(stem, words(text)))


def name_words(name: str) -> list[str]:
    """The folded words of an identifier: `customerID` → customer, id; `CRS_CODE` → crs, code."""
    return list(_name_words(name))


@lru_cache(maxsize=4096)
def _name_words(name: str) -> tuple[str, ...]:
    """The same; kept, since the names of a schema are asked for with each statement over it."""
    if name.isascii():
        return tuple(part.lower() for part in _NAME_PART.findall(name))
    parts: list[str] = []
    for run in _NAME_RUN.findall(unicodedata.normalize("NFC", name)):
        start = 0
        for at in range(1, len(run)):
            opens = run[at].isupper() and (run[at - 1].islower() or run[at + 1 : at + 2].islower())
            if opens:
                parts.append(run[start:at])
                start = at
        parts.append(run[start:])
    return tuple(word for part in parts for word in words(part))


_QUOTED = re.compile(
    r"\"([^\"\n]+)\"|“([^”\n]+)”|«([^»\n]+)»|(?<!\w)['‘`]((?:[^'’`\n]|['’](?=\w))+)['’`](?!\w)"
)
"""Quotation marks that open before a word and close behind one; an apostrophe inside a word is none."""


def quotes(question: str) -> list[tuple[int, int]]:
    """The places of what stands between quotation marks."""
    found = []
    for match in _QUOTED.finditer(question):
        group = next(i for i in range(1, 5) if match[i] is not None)
        found.append(match.span(group))
    return found


@lru_cache(maxsize=32)
def tokens(question: str, limit: int = 200) -> tuple[Token, ...]:
    """The words of a question in order, at most `limit`; kept, since linking and many rules ask for them."""
    # A dotted abbreviation keeps its length, so that places stay right.
    inside = quotes(question)
    found: list[Token] = []
    position = 0
    dotted = [match.span() for match in _DOTTED.finditer(question)]
    while len(found) < limit:
        match = _WORD.search(question, position)
        if match is None:
            break
        start, end = match.span()
        abbreviation = next((span for span in dotted if span[0] == start), None)
        if abbreviation:
            end = abbreviation[1]
        position = end
        text = question[start:end]
        folded = fold(_POSSESSIVE.sub("", text.replace(".", "")))
        before = question[:start].rstrip()
        first = not before or before[-1] in ".?!:;"
        mixed = any(c.isupper() or c.isdigit() for c in text[1:]) and len(text) > 1
        found.append(
            Token(
                text=text,
                folded=folded,
                stem=stem(folded),
                start=start,
                end=end,
                quoted=any(a <= start and end <= b for a, b in inside),
                capital=mixed or (text[0].isupper() and not first),
            )
        )
    return tuple(found)


@lru_cache(maxsize=262144)
def likeness(name: str, word: str) -> float:
    """How well a word of a name (maybe cut short: `dept`, `fname`) fits a word of a question: 0.0–1.0.

    Both are stems.
    """
    if name == word:
        return 1.0
    if name.isdigit() or word.isdigit():
        return 0.0
    shorter, longer = sorted((len(name), len(word)))
    shared = 0
    for a, b in zip(name, word, strict=False):
        if a != b:
            break
        shared += 1
    if shared >= 4 and shared >= 0.65 * longer:
        return 0.75  # manager, managed
    if shared >= 3 and shared == len(name) and len(name) <= 5:
        return 0.6 if len(word) >= 6 else 0.5  # prof, professor
    if shared >= 4 and shared == shorter and shared >= 0.5 * longer:
        return 0.5
    if 3 <= len(name) <= 6 and len(word) > 3 and name[0] == word[0] and _unvowelled(word).startswith(name):
        return 0.6  # frm, qlty
    if 3 <= len(name) <= 5 and len(word) >= 2 * len(name) - 2 and name[0] == word[0] and _within(name, word):
        return 0.45  # dept, crs
    if len(word) >= 4 and len(name) > len(word) and name.endswith(word):
        return 0.6  # lname, hometown
    return 0.0


def contracts(name: str, word: str) -> bool:
    """Whether two consonants are what is left of a short word: `fn` of fine, `wt` of weight. Both are stems."""
    if len(name) != 2 or len(word) < 4 or name[0] != word[0] or any(letter in "aeiou" for letter in name):
        return False
    plain = _unvowelled(word)
    return plain == name or (len(plain) > 2 and name == plain[0] + plain[-1])


@lru_cache(maxsize=4096)
def _unvowelled(word: str) -> str:
    """A word without its vowels, but for the first letter: `qlty` for quality."""
    return word[0] + "".join(letter for letter in word[1:] if letter not in "aeiou")


def _within(short: str, long: str) -> bool:
    """Whether the letters of `short` occur in `long` in their order."""
    rest = iter(long)
    return all(letter in rest for letter in short)


def content(found: Sequence[Token]) -> list[Token]:
    """The words of a question that may say what it is about: all but stop words that are not used as nouns.

    "Show the value of an order" says value and order; "order them", "in the order of" and "the number of" say nothing.
    A plural is a word of its own: "orders", "lists" and "returns" are things.
    """
    return [token for place, token in enumerate(found) if token.folded not in STOP or _is_noun(found, place)]


def _is_noun(found: Sequence[Token], place: int) -> bool:
    """Whether a stop word stands where a noun does: behind a determiner, and not as in "the number of"."""
    word = found[place].folded
    if word not in _NOUNS | _MEASURES or not place or found[place - 1].folded not in _DETERMINERS:
        return False
    before, behind = found[place - 1].folded, found[place + 1].folded if place + 1 < len(found) else ""
    if word in _MEASURES and (before in ("the", "what", "whose") or (behind and behind not in STOP)):
        return False
    return behind != "of" and not (word == "order" and place > 1 and found[place - 2].folded == "in")


def spans(found: Sequence[Token], longest: int) -> list[tuple[int, int]]:
    """(first, end) of every run of up to `longest` tokens, longest first."""
    return [
        (first, first + size)
        for size in range(min(longest, len(found)), 0, -1)
        for first in range(len(found) - size + 1)
    ]
