"""Decide whether a question goes on from the turns before ("and in Paris?") or stands on its own, and keep the turns.

Invariant: a question that stands on its own is asked as if nothing had been said before it; only one that points
back (a pronoun, an ellipsis, "only", "what about …") is given the earlier turns. No model decides this.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlagent.amend.follow_up_order import names_an_order
from sqlagent.amend.question_phrases import COMMAND
from sqlagent.base import word_forms
from sqlagent.database.schema import Schema
from sqlagent.linking.prompt import HISTORY_TURNS, Turn

_CONTINUES = """and or but also plus now then just only instead same again sort order group rank limit with without
    by per in for from of on before after since until over under above below between more fewer less except
    excluding including those these them they it its their that cheapest most least highest lowest biggest
    smallest largest oldest youngest newest latest earliest first last top not no ordered sorted grouped reverse
    starting beginning ending named called as alphabetically ascending descending"""
CONTINUES = frozenset(_CONTINUES.split())
"""A question that begins with one of these goes on, unless it is whole."""
SUPERLATIVES = frozenset(word for word in CONTINUES if word.endswith("est")) | {
    "most",
    "top",
    "first",
    "last",
}
_OPENS = re.compile(
    r"(?:(?:and|but|so|ok|okay|now|then)\b,?\s*)?"
    r"(?:what|how) about\b|(?:and|but|ok|okay|now|then)\b,?\s|the same\b|same\b|instead\b|also\b"
    r"|(?:only|just) (?:those|these|the ones|ones)\b|(?:and )?add (?!up\b)"
    r"|(?:now |then |please |can you )*(?:sort|order|group|rank|arrange|limit) "
    r"(?:by|them|it|that|these|those|this|to)\b",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\bthem\b|^(?:these|those)\b"
    r"|\b(?:(?:which|many|any|all|some|none|both) of (?:these|those)\b"
    r"|(?:these|those)(?= (?:with|in|from|for)\b|[.?!]*$)"
    r"|(?:this|that) (?:list|result|query|answer|table|one)|(?:is|was|does) (?:that|this)"
    r"|(?:of|from|among|with|than|by|sort|order|group) (?:that|this)(?= by\b|[.?!]*$)"
    r"|the (?:same|others?|rest)(?= (?:for|but|in|of|with)\b|[.?!]*$)|each(?=[.?!]*$))",
    re.IGNORECASE,
)
"""Words that point at something said before, if the question has not said it itself long before."""
_ADDS = re.compile(
    r"\b(?:instead|as well|too|again)[.?!]*$|\binstead of\b|\b(?:previous|above) (?:query|result|question|answer)\b"
    r"|^(?:and )?how (?:many|much)\b[^,]{0,60}\beach[.?!]*$",
    re.I,
)
"""Words that change the answer before, wherever they stand."""
_WEAK = re.compile(r"\b(?:their|theirs|its|it|they|he|she|him|his|her|hers|ones)\b", re.IGNORECASE)
"""Words that point back unless the question itself has named what they stand for."""
_POSSESSIVE = re.compile(r"(?:their|its|his|her) \w", re.IGNORECASE)
_BINDS = re.compile(
    r"\b(?:whose|(?:any|every|some|no)(?:one|body|thing))\b"
    r"|\b(?:who|which|what|how many)\b.*?\b(?:than|as|exceeds?|equals?)\b",
    re.IGNORECASE,
)
"""What gives a possessive behind it a meaning: "Whose bonus exceeds their salary?", "Who is older than their boss?".

"Who is their boss?" and "Who earns more than her?" have nothing of the kind: they ask about what was said before.
"""
_LONG = 5
"""Words before a pronoun among which its meaning may be found in the same question."""
_ASKS = re.compile(
    rf"(?:(?:and|but|so|ok|okay|now|then|please|sort|order|rank|i|,)\s*)*\b{COMMAND}\b|(?:sort|order|rank)\b(?! by)",
    re.I,
)
"""How a whole question begins."""


def follows_up(question: str, schema: Schema, last: Turn | None = None) -> bool:
    """Whether a question can only be understood from what was asked before it."""
    asked = question.strip()
    if not asked:
        return False
    tables = table_stems(schema)
    found = word_forms.tokens(asked, 60)
    own = [token for token in word_forms.content(found) if token.stem in tables]
    whole = bool(_ASKS.match(asked)) and bool(own)
    first = found[0].folded if found else ""
    if _OPENS.match(asked):
        # "And how many playlists are there?" is whole; "And which of them …?" is not.
        return not (whole and len(own) > 0 and _new(own, last) and not _points(asked, own))
    if _points(asked, own) or (names_an_order(asked) and not _new(own, last)):
        return True
    if whole:
        return False
    if first in CONTINUES:
        # "For each city, list …" is whole; "For each city?" is not.
        if re.search(rf"(?<!\bby )(?<!\bthe )\b{COMMAND}\b", asked, re.IGNORECASE):
            return False
        return not own or (first not in SUPERLATIVES and not _new(own, last))
    # "How many are there?": nothing that a database could be asked about.
    return not own and all(t.stem in word_forms.STOP or t.folded in word_forms.STOP for t in found)


def _points(asked: str, own: Sequence[word_forms.Token]) -> bool:
    if _ADDS.search(asked):
        return True
    for pattern, strong in ((_POINTS, True), (_WEAK, False)):
        for found in pattern.finditer(asked):
            named = any(token.start < found.start() for token in own)
            if _POSSESSIVE.match(asked, found.start()) and _BINDS.search(asked, 0, found.start()):
                continue
            early = len(asked[: found.start()].split()) < _LONG
            if (early and not named) or (strong and (early or not named)):
                return True
    return False


def table_stems(schema: Schema) -> frozenset[str]:
    """The stems that name a table: the last word of its name, or all of them joined."""
    found: set[str] = set()
    for table in schema.tables:
        words = word_forms.name_words(table.name)
        if words:
            found.update((word_forms.stem(words[-1]), word_forms.stem("".join(words))))
            found.update(word_forms.stem(word) for word in words if len(words) == 1)
    return frozenset(found)


def _new(own: Sequence[word_forms.Token], last: Turn | None) -> bool:
    """Whether a question names a table that the last statement does not."""
    if last is None:
        return True
    known = {
        word_forms.stem(word) for name in re.findall(r"\w+", last.sql) for word in word_forms.name_words(name)
    }
    return any(token.stem not in known for token in own)


class Conversation:
    """The turns so far; a question that stands on its own begins a new one."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []

    def history(self, question: str, schema: Schema) -> tuple[Turn, ...]:
        """The turns that `question` goes on from; none when it stands on its own."""
        if not self.turns or not follows_up(question, schema, self.turns[-1]):
            return ()
        return tuple(self.turns[-HISTORY_TURNS:])

    def add(self, question: str, sql: str, history: Sequence[Turn]) -> None:
        """Remember an answer to a question that was asked with `history`."""
        if not history:
            self.turns.clear()
        self.turns.append(Turn(question, sql))

    def forget(self) -> None:
        """Begin afresh."""
        self.turns.clear()
