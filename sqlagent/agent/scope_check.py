"""Decide whether a database can answer a question at all, and say what is missing when it cannot.

Invariant: a refusal is the last resort. A word of the question is *explained* when the schema's names, comments,
samples or stored values hold it or a word near it in meaning. A question is refused only when none of its words is,
they weigh more than those of nearly all answerable ones, and the tables have names that tell what they hold. In
doubt the answer comes, with the words that nothing here seems to be about. A refusal never lacks a word to name. The
model is not asked, so a refusal costs milliseconds: what words mean comes out of the model's file, and without that
only questions of which no word is explained are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from sqlagent.agent.scope_words import GENERIC, SYNONYMS, THINGS
from sqlagent.base import word_forms
from sqlagent.base.word_forms import Token
from sqlagent.database.schema import Schema

WEIGHTS = {
    "": 5.07,
    "lacking": 1.15,
    "most lacking": -0.06,
    "first lacking": 0.82,
    "lacking verbs": -0.44,
    "lacking things": 1.84,
    "most lacking thing": 0.82,
    "lacking names": 2.58,
    "found": -0.47,
    "bare": -0.77,
    "share": -5.38,
    "table": -0.91,
    "nothing": -1.27,
}
"""Log-odds that a question cannot be answered, fitted by `python -m bench refusal --fit`."""
REFUSE = 2.0
"""Questions that score higher are refused: over databases left out of the fit, 1 % of Spider's and 3 % of BIRD's."""
DOUBT = 0.0
"""Questions that score higher are answered with a word of caution: 4 % of Spider's, 9 % of BIRD's."""

_SHARED = """a all also am an as do for he her his in is me no of on or over plus so to was will date name sort
    type come"""
SHARED = frozenset(_SHARED.split())
"""English words that other languages have too."""
ENGLISH = GENERIC - SHARED
_RUN = re.compile(r"\w+")
_OWN = re.compile(
    r"\b(?:did|do|have|had|was|were|am) i\b(?! (?:say|spell|pronounce))|\bi(?:'ve| have| had) \w+", re.I
)
_HOW_TO = re.compile(r"\b(?:how|where|why) (?:do|can|should|would) i\b", re.I)
_MEASURES = frozenset(
    (
        "hour",
        "minute",
        "kilometer",
        "mile",
        "kg",
        "km",
        "profit",
        "income",
        "revenue",
        "purchase",
        "spending",
        "turnover",
    )
)
"""Words said of any database that tell what this one is about where a column is called so."""
_NO_SUBJECT = "data dataset table list info information record row test sheet result main temp file"
_UNTELLING = frozenset(map(word_forms.stem, _NO_SUBJECT.split()))
"""Words of table names that do not say what a table holds."""
MOST_WORDS = 60
KNOWN = 0.9
"""Support from which a word needs no more evidence."""
TOLD = 0.75
"""Support of one word from which a question is about this database, whatever else it says."""
FOUND = 0.6
"""Support below which a word may be named as one that the database has nothing about."""


class Likeness(Protocol):
    """How near in meaning words are; `word_vectors.Vectors` is one."""

    def likeness(self, words: Sequence[str], others: Sequence[str]) -> Any: ...

    def knows(self, word: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class QuestionWord:
    """A word of the question that could speak for a database; `support` is 0 (nothing like it there) to 1."""

    token: Token
    support: float
    named: bool
    """It looks like the name of a thing, which may be a value that is not stored."""


class SchemaWords:
    """The words that a schema is made of; build it once for each schema."""

    def __init__(self, schema: Schema) -> None:
        self.stems: dict[str, str] = {}
        """Stem → the word as it is written."""
        self.written: set[str] = set()
        self.said: set[str] = set()
        self.identifiers: set[str] = set()
        """Names of several words without a blank, folded: nobody writes `order_date` of another database."""
        for table in schema.tables:
            for name in (table.name, *(column.name for column in table.columns)):
                parts = word_forms.name_words(name)
                if _RUN.fullmatch(name) and sum(len(word) > 1 for word in parts) > 1:
                    self.identifiers.add(word_forms.fold(name))
                for word in parts:
                    self.stems.setdefault(word_forms.stem(word), word)
                    self.written.update((word, word_forms.stem(word)))
            comments = [table.comment, *(column.comment for column in table.columns)]
            samples = [v for c in table.columns for v in c.samples if isinstance(v, str) and len(v) <= 40]
            for line in (*comments, *samples):
                self.said.update(map(word_forms.stem, word_forms.words(line)))
        # What a file is called is often what all its tables are about.
        self.said.update(map(word_forms.stem, word_forms.name_words(Path(schema.path).stem)))
        self.count = sum(table.kind != "view" for table in schema.tables)
        self.tables = {
            word_forms.stem(word) for table in schema.tables for word in word_forms.name_words(table.name)
        }
        self.words = sorted(word for word in self.written if len(word) > 2 and not word.isdigit())
        self.table_words = [
            [word for word in word_forms.name_words(table.name) if word_forms.stem(word) not in _UNTELLING]
            for table in schema.tables
            if table.kind != "view"
        ]


def untold(names: SchemaWords, likeness: Likeness) -> bool:
    """Whether most tables have names that say nothing: `data`, `t1`, `stdnt`. Then any noun may mean their rows."""
    telling = [any(len(word) > 2 and likeness.knows(word) for word in words) for words in names.table_words]
    return 2 * sum(telling) <= len(telling)


def words(
    names: SchemaWords, question: str, values: Collection[int] = (), vectors: Likeness | None = None
) -> list[QuestionWord]:
    """The words of a question that count, with what supports each.

    values: places (in `word_forms.tokens`) of words that a stored value explains.
    """
    found: list[tuple[Token, float, bool]] = []
    seen: set[str] = set()
    for place, token in enumerate(word_forms.tokens(question, MOST_WORDS)):
        stem = token.stem
        if stem in seen or stem in GENERIC or token.folded in GENERIC or token.folded.isdigit():
            continue
        if len(stem) < 2:
            continue
        seen.add(stem)
        named = token.quoted or token.capital or any(c.isdigit() for c in stem)
        found.append((token, 1.0 if place in values else support(names, stem), named))
    open_ = [i for i, (_, sure, _) in enumerate(found) if sure < KNOWN]
    near: dict[int, float] = {}
    if vectors is not None and names.words and open_:
        # Of a word and its singular the one that the model has a vector of its own for is the better one.
        asked = [word for i in open_ for word in (found[i][0].folded, found[i][0].stem)]
        best = vectors.likeness(asked, names.words).max(axis=1)
        near = {i: float(max(best[2 * k], best[2 * k + 1])) for k, i in enumerate(open_)}
    return [
        QuestionWord(token, max(sure, min(0.9, max(0.0, (near.get(i, 0.0) - 0.12) / 0.25))), named)
        for i, (token, sure, named) in enumerate(found)
    ]


def _with_row(names: SchemaWords, found: list[QuestionWord]) -> list[QuestionWord]:
    """The words where one may say what a row of the only table is, which a table called `data` does not.

    It is the first noun that nothing explains, if something else is explained and no word is the table's name.
    """
    if names.count != 1 or not any(word.support >= KNOWN for word in found):
        return found
    if any(_of_table(names, word) >= 0.6 for word in found):
        return found
    for place, word in enumerate(found):
        if word.support < FOUND and not word.named and not _verb(word):
            return [*found[:place], replace(word, support=KNOWN), *found[place + 1 :]]
    return found


def support(names: SchemaWords, stem: str) -> float:
    """How well the words of a schema explain one word, by its letters and by a list of synonyms."""
    if stem in names.stems:
        return 1.0
    same = SYNONYMS.get(stem, frozenset())
    if same and any(other in names.stems for other in same):
        return 0.9
    best = max((word_forms.likeness(name, stem) for name in names.stems), default=0.0)
    if best >= 0.6:
        return 0.9
    if any(word_forms.contracts(name, stem) for name in names.stems):
        return 0.75
    if stem in names.said:
        return 0.8
    if same and any(word_forms.likeness(name, other) >= 0.6 for name in names.stems for other in same):
        return 0.7
    return best


def features(names: SchemaWords, found: Sequence[QuestionWord]) -> dict[str, float]:
    """What the score is made of; every value is small and finite."""
    plain = [word for word in found if not word.named]
    lacking = [1.0 - word.support for word in plain if not _verb(word)]
    doing = [1.0 - word.support for word in plain if _verb(word)]
    things = [1.0 - word.support for word in plain if word.token.stem in THINGS]
    spelt = [1.0 - word.support for word in found if word.named]
    table = max((_of_table(names, word) for word in found), default=0.0)
    return {
        "lacking": min(4.0, sum(lacking)),
        "most lacking": max(lacking, default=0.0),
        "first lacking": lacking[0] if lacking else 0.0,
        "lacking verbs": min(3.0, sum(doing)),
        "lacking things": min(4.0, sum(things)),
        "most lacking thing": max(things, default=0.0),
        "lacking names": max(spelt, default=0.0),
        "found": min(5.0, sum(word.support for word in found)),
        "bare": float(min(2, sum(word.support < 0.2 for word in plain if not _verb(word)))),
        "share": sum(word.support for word in found) / len(found) if found else 1.0,
        "table": table,
        "nothing": float(bool(found) and max(word.support for word in found) < 0.5),
    }


def _of_table(names: SchemaWords, word: QuestionWord) -> float:
    stem = word.token.stem
    if stem in names.tables or SYNONYMS.get(stem, frozenset()) & names.tables:
        return 1.0
    return max((word_forms.likeness(name, stem) for name in names.tables), default=0.0)


def _verb(word: QuestionWord) -> bool:
    return word.token.folded.endswith(("ed", "ing")) and len(word.token.folded) > 4


def score(values: dict[str, float]) -> float:
    """The log-odds that the database cannot answer."""
    return WEIGHTS[""] + math.fsum(WEIGHTS[name] * value for name, value in values.items())


@dataclass(frozen=True, slots=True)
class ScopeEvidence:
    """What a question's words say about one database. `blind`: their meaning, or the stored values, were unknown."""

    words: tuple[QuestionWord, ...]
    score: float
    blind: bool
    english: bool = True
    identified: bool = False
    """The question spells a name of the schema as it is declared."""
    untold: bool = False
    """The tables have names that do not say what they hold."""
    alone: bool = False
    """There is one table, whose rows a question may call anything."""
    own: bool = False
    """The person asks what they did themselves: "How many reviews did I do?"."""

    measured: bool = False
    """The question says a measure that a column is called after: "volunteer hours" of `Hours Spring`."""

    @property
    def lacking(self) -> list[QuestionWord]:
        """The words that the database has nothing about."""
        return [word for word in self.words if word.support < FOUND]

    @property
    def best(self) -> float:
        """The support of the word that is explained best; 1 where there is no word."""
        return max((word.support for word in self.words), default=1.0)

    @property
    def unexplained(self) -> list[str]:
        """The words that the database has nothing about, as the question has them; the worst three."""
        return _worst(self.lacking)

    @property
    def doubt(self) -> str:
        """A sentence to put beside the answer; "" where there is nothing to say."""
        plain = [word for word in self.lacking if not word.named]
        if self.blind or self.identified or not self.english or self.score <= DOUBT or not plain:
            return ""
        if self.untold and self.best >= FOUND:  # such tables leave most words unexplained
            return ""
        return (
            f"Nothing here seems to be about {_listed(_worst(plain), 'or')}: see whether the statement means "
            "what you asked."
        )

    @property
    def refused(self) -> bool:
        """Whether the question is one that the database cannot answer."""
        if self.identified or not self.english:
            return False
        if self.blind:
            return bool(self.words) and all(word.support < 0.3 for word in self.words)
        if self.untold or self.own or self.measured or all(map(_verb, self.lacking)):
            return False
        return self.score > REFUSE and self.best < (FOUND if self.alone else TOLD)

    def sentence(self, nearest: Sequence[str]) -> str:
        """What to tell the person; `nearest`: names of tables."""
        tables = f"its nearest tables are {_listed(nearest, 'and')}" if len(nearest) > 1 else (
            f"its nearest table is {nearest[0]}"
        )  # fmt: skip
        return (
            f"This database has nothing about {_listed(self.unexplained, 'or')}; {tables}. "
            "Ask with other words, or insist with --anyway (in the prompt: \\anyway)."
        )


def _worst(words: Sequence[QuestionWord]) -> list[str]:
    """The three with the least support, in their order, as the question has them."""
    worst = sorted(words, key=lambda word: (word.support, word.token.start))[:3]
    return [word.token.text for word in sorted(worst, key=lambda word: word.token.start)]


@dataclass
class ScopeCheck:
    """Looks at the questions that are asked of one schema."""

    schema: Schema
    vectors: Callable[[], Likeness | None]
    """Fetches what words mean; called only for a question with a word that its letters do not explain."""
    names: SchemaWords = field(init=False)

    def __post_init__(self) -> None:
        self.names = SchemaWords(self.schema)

    def look(self, question: str, values: Collection[int] | None = ()) -> ScopeEvidence:
        """The evidence about a question; values: see `words`, None where stored values are not known."""
        found = words(self.names, question, values or ())
        blind = values is None
        dark = False
        if not blind and any(word.support < KNOWN for word in found):
            likeness = self.vectors()
            blind = likeness is None
            if likeness is not None:
                found = words(self.names, question, values or (), likeness)
                dark = untold(self.names, likeness)
        found = _with_row(self.names, found)
        # The lists are English: what is asked in another language is not known to be about something else.
        english = any({t.folded, t.stem} & ENGLISH for t in word_forms.tokens(question, MOST_WORDS))
        identified = any(word_forms.fold(run) in self.names.identifiers for run in _RUN.findall(question))
        return ScopeEvidence(
            tuple(found),
            score(features(self.names, found)),
            blind,
            english,
            identified,
            untold=dark,
            alone=self.names.count == 1,
            own=bool(_OWN.search(question)) and not _HOW_TO.search(question),
            measured=any(
                token.stem in _MEASURES and token.stem in self.names.stems
                for token in word_forms.tokens(question, MOST_WORDS)
            ),
        )

    def nearest(self, ranked: Sequence[str], most: int = 3) -> list[str]:
        """The tables to name: the likeliest, or the first ones where none is likely."""
        return list(ranked[:most]) or [table.name for table in self.schema.tables[:most]]


def _listed(parts: Sequence[str], last: str) -> str:
    return f" {last} ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
