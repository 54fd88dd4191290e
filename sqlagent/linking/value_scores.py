"""Score how surely words of a question mean a stored value, and keep the matches worth showing.

Invariant: a match counts by what can be seen in the question alone (its length, quotation marks, capitals, a
word of the column's or table's name nearby) and by the size of its column; a common word without any of that
scores below CUT.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

from sqlagent.base import word_forms
from sqlagent.base.word_forms import Token
from sqlagent.database.schema import Column, Schema, Table
from sqlagent.linking.prompt import Hint

SPAN_WORDS = 10
CUT = 0.55
"""Matches that score less are not shown."""
MAX_COLUMNS = 2
"""Columns shown for the same words of a question."""
CATEGORY = 60
"""A column with no more distinct values than this is a set of categories; a lower-case word may be one."""
TABLE, TABLE_MEAN = 0.3, 0.5
"""What the likeliness of its table (0.0–1.0) adds to a match, and the likeliness that adds nothing."""
COLUMN_GAP = 0.15
"""How much less sure than the best column for the same words another one may be."""
_PIECES = frozenset(
    {"contain", "contains", "containing", "substring", "letter", "letters", "start", "starts", "starting"}
    | {"begin", "begins", "beginning", "end", "ends", "ending", "prefix", "suffix", "phrase"}
    | {"include", "includes", "including"}
)
"""Words that announce a piece of a value (LIKE), not a value."""
_GENERIC = frozenset({"id", "name", "code", "type", "value", "number", "no", "num", "key", "text", "data"})
_SEX = {"female": "f", "woman": "f", "girl": "f", "male": "m", "man": "m", "boy": "m"}
_MEANING = re.compile(
    r"['\"]?([\w+-]{1,8})['\"]?\s*(?:=|:|->|→)\s*['\"]?([^\W\d][\w /-]{1,40}?)['\"]?(?=[,;)\n|]|$|\s+or\s)"
)
"""`M = male, F = female` in a column's comment."""
_WEAK_WORDS = """two three four five six seven eight nine ten second third long short high low large small big
    old young new good best great full part start belong contain star special recent current previous next
    another"""
_WEAK = frozenset(_WEAK_WORDS.split())
"""Lower-case words that describe or count more often than they name a value."""
_COMPARES_WORDS = """top than least most first last over under exceed exceeding above below between limit past
    after before"""
_COMPARES = frozenset(_COMPARES_WORDS.split())
"""A number behind one of these is compared with, not named."""


_MARKS = "+-#*"
"""Signs behind a word that make it another: `A-`, `C++`, `C#`."""
_MARKED = 0.85


@dataclass(frozen=True, slots=True)
class Match:
    """A stored value that the words `first` to `end` (excluded) of a question seem to mention."""

    hint: Hint
    score: float
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column that values were collected from."""

    table: str
    column: str
    size: int
    whole: bool
    words: tuple[str, ...]
    table_words: tuple[str, ...]


def score(
    tokens: Sequence[Token],
    first: int,
    end: int,
    place: StoredColumn,
    value: str,
    names: Set[str],
    misspelt: bool = False,
) -> float:
    """How sure it is that these words mean this value of this column: 0.0 (not at all) to about 1.6.

    names: the stems of every word in the schema's names. misspelt: the words are known not to be the value's.
    """
    span = tokens[first:end]
    near = nearness(tokens, first, end, place.words)
    table = nearness(tokens, first, end, place.table_words)
    affinity = 0.3 * near + 0.12 * table
    whole_quote = span[0].quoted and span[-1].quoted and _fills_quotes(tokens, first, end)
    category = place.size <= CATEGORY
    said = " ".join(token.folded for token in span)
    same = said == " ".join(word_forms.words(value))
    if whole_quote:
        base = 0.9
    elif len(span) == 1:
        base = _single(tokens, first, span[0], near, category, names)
    else:
        content = [token for token in span if token.stem not in word_forms.STOP]
        if not content:
            return 0.0
        named = all(token.stem in names or token.stem in word_forms.STOP for token in span)
        proper = any(token.capital or token.quoted for token in content)
        base = 0.75 if proper else 0.4 if named else 0.65
        base += 0.05 * min(4, len(span) - 2)
    if base <= 0 or (len(said) <= 2 and value.casefold().strip() != said):
        return 0.0  # `A` is not `A+`
    if not same and not misspelt and len(span) == 1 and (span[0].capital or span[0].quoted):
        base -= 0.2  # Edwards is not Edward
    if any(token.folded in _PIECES for token in tokens[max(0, first - 5) : first]):
        base, affinity = base - 0.5, 0.0
    return base + affinity + (0.05 if same else 0.0) + (0.05 if category else 0.0)


def _single(
    tokens: Sequence[Token], at: int, token: Token, near: float, category: bool, names: Set[str]
) -> float:
    """What a single word without quotation marks is worth as a value."""
    if token.folded.isdigit():
        before = {t.folded for t in tokens[max(0, at - 2) : at]}
        return 0.35 if near >= 0.5 and not before & _COMPARES else 0.0
    if len(token.folded) == 1:
        return 0.3 if near >= 0.5 and token.text.isupper() and token.text != "I" else 0.0
    if token.stem in word_forms.STOP or token.folded in word_forms.STOP:
        return 0.4 if token.capital and token.text.isupper() else 0.0
    if any(c.isdigit() for c in token.folded):
        return 0.7
    if token.capital:
        return 0.35 if token.stem in names else 0.65
    if token.text[0].isupper():  # opens a sentence
        return 0.2 if token.stem in names else 0.45
    if token.stem in names or token.stem in _WEAK:
        return 0.15
    if not any((other.capital and other.text != "I") or other.quoted for other in tokens):
        return 0.5  # a person who types no capitals at all
    return 0.47 if category else 0.25


def chosen(found: list[Match], limit: int, columns: int) -> list[Match]:
    """The best matches: one per value and column, longer spans before those inside them."""
    best: dict[Hint, Match] = {}
    for match in found:
        if match.score >= CUT and (match.hint not in best or best[match.hint].score < match.score):
            best[match.hint] = match
    ranked = sorted(best.values(), key=lambda m: (-m.score, m.first, m.hint.table, m.hint.column))
    kept: list[Match] = []
    for match in ranked:
        inside = any(
            other.first <= match.first
            and match.end <= other.end
            and other.end - other.first > match.end - match.first
            and other.score >= match.score - 0.3
            for other in ranked
        )
        same = [other for other in kept if (other.first, other.end) == (match.first, match.end)]
        if inside or len({(o.hint.table, o.hint.column) for o in same}) >= columns:
            continue
        if same and columns <= MAX_COLUMNS and match.score < same[0].score - COLUMN_GAP:
            continue
        kept.append(match)
    return kept[:limit]


def nearness(tokens: Sequence[Token], first: int, end: int, names: tuple[str, ...]) -> float:
    """How well the words of a name occur in the question outside of a span, near ones more: 0.0–1.0."""
    best = 0.0
    for at, token in enumerate(tokens):
        if first <= at < end or token.folded in word_forms.STOP and token.folded != "name":
            continue
        distance = first - at if at < first else at - end + 1
        weight = 1.0 if distance <= 3 else 0.7 if distance <= 7 else 0.5
        for name in names:
            like = word_forms.likeness(name, token.stem) * weight
            best = max(best, like * 0.7 if name in _GENERIC else like)
    return best


def _fills_quotes(tokens: Sequence[Token], first: int, end: int) -> bool:
    """Whether a span is all that stands between a pair of quotation marks."""
    return (first == 0 or not tokens[first - 1].quoted) and (end == len(tokens) or not tokens[end].quoted)


def with_marks(question: str, tokens: Sequence[Token], found: list[Match]) -> list[Match]:
    """The matches of `A-` in a question: that with the mark in each column that has one, and not 'A' beside it."""
    marked: dict[tuple[int, int, str, str], Match] = {}
    for match in found:
        written = _with_mark(question, tokens[match.first].start, tokens[match.end - 1].end)
        if written is not None and str(match.hint.value).casefold() == written.casefold():
            place = (match.first, match.end, match.hint.table, match.hint.column)
            marked[place] = replace(match, score=max(match.score, _MARKED))
    if not marked:
        return found
    kept = [m for m in found if (m.first, m.end, m.hint.table, m.hint.column) not in marked]
    return [*kept, *marked.values()]


def _with_mark(question: str, start: int, end: int) -> str | None:
    """What stands in a question with the signs that are written to it, `C++`; None where there are none."""
    marks = len(question[end:]) - len(question[end:].lstrip(_MARKS))
    behind = question[end + marks : end + marks + 1]
    return question[start : end + marks] if marks and not behind.isalnum() else None


def mentions(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Runs of quoted words, and of words written like names."""
    first: int | None = None
    for at, token in enumerate([*tokens, None]):
        joined = token is not None and (token.quoted or token.capital)
        if joined and first is None:
            first = at
        elif not joined and first is not None:
            yield first, at
            first = None


def aliases(schema: Schema) -> Iterator[tuple[tuple[str, ...], str, str, str]]:
    """(words of the meaning, table, column, key of the code) for the codes that a schema explains."""
    for table in schema.tables:
        for column in table.columns:
            for meaning, code in _codes(table, column):
                yield tuple(word_forms.key(meaning).split()), table.name, column.name, word_forms.key(code)


def named_codes(schema: Schema) -> Iterator[tuple[tuple[str, ...], str, str, str]]:
    """(words of the name, table, column, name) for the codes that go by names, of which the index holds the codes."""
    for table in schema.tables:
        for column in table.columns:
            for name in column.codes:
                words = tuple(word_forms.key(name).split())
                if words and not any(word.isdigit() for word in words):
                    yield words, table.name, column.name, name


def _codes(table: Table, column: Column) -> Iterator[tuple[str, str]]:
    if {"sex", "gender"} & set(word_forms.name_words(column.name)):
        yield from _SEX.items()
    for code, meaning in _MEANING.findall(column.comment):
        yield meaning, code


# ---- correcting ----


def only(values: list[str], literal: str) -> str | None:
    """The one value; of several the one that differs in case only, if there is one."""
    if len(values) == 1:
        return values[0]
    folded = [value for value in values if value.casefold() == literal.casefold()]
    return folded[0] if len(folded) == 1 else None


def nearest(values: list[tuple[str, str]], norm: str) -> str | None:
    """The one value clearly nearer to `norm` than every other. Digits must agree: 162 is not 163."""
    from rapidfuzz.distance import OSA

    if len(norm) < 4:
        return None
    digits = re.sub(r"\D", "", norm)
    errors = 1 if len(norm) < 8 else 2 if len(norm) < 16 else 3
    near: list[tuple[int, str]] = []
    for value, other in values:
        if abs(len(other) - len(norm)) <= errors + 1 and re.sub(r"\D", "", other) == digits:
            distance = OSA.distance(norm, other, score_cutoff=errors + 1)
            if distance <= errors + 1:
                near.append((distance, value))
    near.sort()
    if near and near[0][0] <= errors:
        return near[0][1] if len(near) == 1 or near[1][0] > near[0][0] else None
    words = norm.split()
    holding = [value for value, other in values if f" {norm} " in f" {other} "]
    if len(holding) == 1 and len(norm) >= 0.4 * len(word_forms.key(holding[0])):
        return holding[0]
    shuffled = [value for value, other in values if len(words) > 1 and sorted(other.split()) == sorted(words)]
    return shuffled[0] if len(shuffled) == 1 else None
