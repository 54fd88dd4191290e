"""Tell texts that are numbers: `1,234.50`, `1.234,50`, `$ 3.20`, `(45.00)`, `12 %`, `1.2M`, `350 km`, `17[2]`.

Digits that name something (`02134`, a phone number, an ISBN) are no numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from sqlagent.database.column_facts.encodings import TextNumber
from sqlagent.database.column_facts.fact import SURE, ColumnFact, Evidence
from sqlagent.database.column_facts.name_words import CODE, speaks_of
from sqlagent.database.column_facts.written_dates import MONTHS

_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)")
_POINT = re.compile(r"[+-]?\d{1,3}(?:,\d{3})*(?:\.\d+)?")
_COMMA = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})*(?:,\d+)?")
_PARTS = re.compile(r"(?P<before>[^\d+\-.,]{0,4}?\s*)(?P<number>[+-]?[\d.,]*\d)(?P<after>.*)", re.DOTALL)
_NOTE = re.compile(r"\s*(?:\[\w+\]|[*†‡]+)")
_UNIT = re.compile(r"\s*(?:%|°?[A-Za-zµ²³/]{1,6}\.?|[€£$])")
_LEADING_ZERO = re.compile(r"[+-]?0\d+")
_CURRENCY = frozenset("$€£¥₹")
_CURRENCY_WORDS = frozenset(
    {"EUR", "USD", "GBP", "CHF", "CAD", "AUD", "SEK", "NOK", "DKK", "PLN", "CZK", "R$", "kr"}
)
_THOUSANDS = (" ", "\u00a0", "\u202f", "'", "’")
"""What else than `,` and `.` parts thousands."""
_BRACKETS = re.compile(r"\(([^()]*\d[^()]*)\)")
_SIGN_BEFORE = re.compile(r"-\s*(?=[^\d\s.,])")
"""The minus of `-£3.20`."""
_NO_UNITS = frozenset(
    {"st", "nd", "rd", "th", "am", "pm", "s", "bc", "ad", "june", "july", "sept", "march", "april", *MONTHS}
)
"""What stands behind a number and makes it another thing: an ordinal, a decade, a day of a month."""
_LONGEST = 24
_FEW_PLAIN = 3
"""Numbers of each kind that say that one goes on in the other."""
_TELLING = 5
"""Numbers from which their sizes say how they are written."""
_MOST_DIGITS = 15
"""Longer whole numbers name something: a card, an account; SQLite's numbers would not keep all digits either."""
_MIXED = 8
"""Different numbers of a column of words and numbers, at the least."""
MIXED_SHARE = 0.3
"""From this share of numbers on, a column of words and numbers has the numbers compared as numbers."""


def text_number(evidence: Evidence, values: Mapping[str, int]) -> ColumnFact | None:
    """What the texts of a column mean as numbers, or None. values: without those that mean nothing."""
    if not values or speaks_of(evidence.name, CODE) or evidence.key:
        return None
    texts = list(values)
    first = _PARTS.fullmatch(_unsigned(texts[0]))
    if first is None or _PARTS.fullmatch(_unsigned(texts[-1])) is None:
        return None
    if max(map(len, texts)) > _LONGEST or any(map(_LEADING_ZERO.match, map(str.strip, texts))):
        return None
    if all(map(_PLAIN.fullmatch, texts)):
        return _plain(texts)
    if len(texts) < 2 or not _is_currency(first["before"].strip()):
        return None
    thousands = _blank_thousands(texts)
    written = [_unsigned(text) for text in texts]
    if thousands:
        written = [re.sub(rf"(?<=\d){thousands}(?=\d)", "", text) for text in written]
    parts = list(map(_PARTS.fullmatch, written))
    if all(parts):
        return _marked(texts, [part for part in parts if part], thousands)
    return None


def _unsigned(text: str) -> str:
    """A text without what makes its number one below zero, where that is no minus just before the digits."""
    text = text.strip()
    if text[-1:] in "-)":
        if text[-1:] == "-" and text[:1] not in "-+":
            return text[:-1].rstrip()
        bracketed = _BRACKETS.fullmatch(text)
        return bracketed[1].strip() if bracketed else text
    return _SIGN_BEFORE.sub("", text, count=1) if text[:1] == "-" else text


def _is_currency(mark: str) -> bool:
    return set(mark) <= _CURRENCY or mark in _CURRENCY_WORDS


def _blank_thousands(texts: list[str]) -> str:
    """The blank or apostrophe that parts thousands in `1 234,50`; "" where none does, or they are hardly numbers."""
    for mark in _THOUSANDS:
        parted = re.compile(rf"\d{mark}\d")
        whole = re.compile(rf"\D*\d{{1,3}}(?:{mark}\d{{3}})+(?!\d)(?:[.,]\d+)?\D*")
        having = [text for text in texts if parted.search(text)]
        if having:
            sizes = {len(text.partition(mark)[0].lstrip("-+")) for text in having}
            fits = len(texts) >= _TELLING and len(sizes) > 1 and all(map(whole.fullmatch, having))
            return mark if fits else ""
    return ""


def _plain(texts: list[str]) -> ColumnFact:
    """Digits and a point. Numbers of one length need no change: text order is theirs, and text equals text."""
    integer = all(map(str.isdigit, texts))
    if integer and max(map(len, texts)) > _MOST_DIGITS:
        return ColumnFact("code", note="digits that name something")
    encoding = TextNumber(integer=integer)
    alike = integer and len(set(map(len, texts))) == 1
    sample = encoding.decode(max(texts, key=len))
    return ColumnFact("number", None if alike else encoding, 0.995 if len(texts) > 1 else 0.9, sample=sample)


def _marked(texts: list[str], parts: list[re.Match[str]], thousands: str) -> ColumnFact | None:
    """Numbers with a sign before or a unit behind, one for all; the thousands' mark decided by the column.

    thousands: the mark that was taken out of the numbers already.
    """
    befores = {part["before"].strip() for part in parts}
    afters = {_NOTE.sub("", part["after"]).strip() for part in parts}
    numbers = [part["number"] for part in parts]
    prefixes = befores - {""}
    if len(prefixes) > 1 or not all(map(_is_currency, prefixes)):
        return None
    stripped = [text.strip() for text in texts]
    brackets = sum(map(bool, map(_BRACKETS.fullmatch, stripped)))
    behind = sum(text.endswith("-") for text in stripped)
    if brackets == len(texts) or behind == len(texts) or (brackets and behind):
        return None  # `(1)` and `(2)` are notes
    letters = {after.lower() for after in afters}
    multiplied = letters <= {"", "k", "m", "b", "bn"} and len(letters) > 1
    units = afters - {""}
    if not multiplied and (len(units) > 1 or not all(_UNIT.fullmatch(unit) for unit in units)):
        return None
    style = _marks(numbers)
    if style is None:
        return None
    if units and not multiplied and (len(afters) > 1 or next(iter(units)).lower() in _NO_UNITS):
        return None  # `1,282` among `3.9%` is another kind of number
    encoding = replace(
        style,
        thousands=thousands or style.thousands,
        brackets=brackets > 0,
        minus_behind=behind > 0,
        prefix=next(iter(prefixes), ""),
        suffix="" if multiplied else next(iter(units), ""),
        multiplied=multiplied,
    )
    decoded = [encoding.decode(text) for text in texts]
    if any(number is None for number in decoded):
        return None
    whole = all(float(number).is_integer() for number in decoded if number is not None)
    encoding = replace(encoding, integer=whole and not multiplied)
    sure = len(texts) >= 3 and (
        bool(encoding.thousands or encoding.decimal == "," or brackets or behind) or bool(prefixes or units)
    )
    return ColumnFact(
        "number", encoding, 0.99 if sure else 0.9, sample=encoding.decode(texts[len(texts) // 2])
    )


def _marks(numbers: list[str]) -> TextNumber | None:
    """Which of `,` and `.` parts thousands; None where the column does not say."""
    point = all(_POINT.fullmatch(n) or _PLAIN.fullmatch(n) for n in numbers)
    comma = all(_COMMA.fullmatch(n) or n.isdigit() or re.fullmatch(r"[+-]?\d+,\d+", n) for n in numbers)
    if not any("," in n for n in numbers):
        # `1.234` may be either; `12.5` and `1.234.567` may not
        return TextNumber() if point else TextNumber(thousands=".", decimal=",") if comma else None
    if point and comma:  # `1,659` may be either, but hardly all of `9,102`, `12,440` and `804`
        return TextNumber(thousands=",") if _in_thousands(numbers) else None
    if point:
        return TextNumber(thousands=",")
    if not comma or sum("," in n for n in numbers) * 4 < len(numbers):
        return None  # a few commas among plain numbers are slips
    return TextNumber(thousands="." if any("." in n for n in numbers) else "", decimal=",")


def _in_thousands(numbers: list[str]) -> bool:
    """Whether numbers with three digits behind a comma are of several sizes, and none of them is below 1."""
    parted = [number.lstrip("+-").split(",") for number in numbers]
    sizes = {len(parts[0]) for parts in parted if len(parts) > 1}
    if len(numbers) < _TELLING or any(parts[0].startswith("0") for parts in parted):
        return False
    return len(sizes) > 1 or _goes_on(numbers)


def _goes_on(numbers: list[str]) -> bool:
    """Whether `804` and `987` stand beside `1,002` and `1,659`: below a thousand there is nothing to part."""
    plain = [number.lstrip("+-") for number in numbers if "," not in number]
    return (
        len(numbers) - len(plain) >= _FEW_PLAIN
        and all(number.isdigit() and len(number) <= 3 for number in plain)
        and sum(len(number) == 3 for number in plain) >= _FEW_PLAIN
    )


def mixed_number(evidence: Evidence, values: Mapping[str, int]) -> ColumnFact | None:
    """A column of words and numbers (`21.5`, `unavailable`, `on`; `87%`, `absent`): its numbers compare as numbers."""
    if speaks_of(evidence.name, CODE) or evidence.key:
        return None
    numbers = list(filter(_PLAIN.fullmatch, values))
    fact = ColumnFact("number", TextNumber(), 0.99, sample=float(numbers[0])) if numbers else None
    if len(numbers) < _MIXED:
        digits = {text: count for text, count in values.items() if re.search(r"\d", text)}
        numbers, fact = list(digits), text_number(evidence, digits)
        if not numbers or len(numbers) > len(values) - 1 or fact is None or fact.certainty < SURE:
            return None
    if len(numbers) < _MIXED or fact is None or not isinstance(fact.encoding, TextNumber):
        return None
    if fact.encoding.multiplied or fact.encoding.minus_behind:
        return None
    written = set(numbers)
    words = sorted((text for text in values if text not in written), key=lambda word: -values[word])
    if any(_LEADING_ZERO.match(text) for text in numbers) or any(re.search(r"\d", word) for word in words):
        return None
    share = sum(values[text] for text in numbers) / sum(values.values())
    if share < MIXED_SHARE:
        return None
    return replace(
        fact, encoding=replace(fact.encoding, mixed=True), certainty=0.99, exceptions=tuple(words[:8])
    )
