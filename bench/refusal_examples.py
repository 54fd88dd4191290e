"""Questions that a database can and cannot answer, made without end from training splits.

Invariant: nothing here looks at a validation database. Answerable: the questions of the split, and the same
reworded (`<split>_paraphrased.json`); those of BIRD without their hints. Unanswerable: a question asked of another
database (any, or the one most like its own), of its own database without the column it is about, and small talk.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.gold import datasets
from bench.gold.datasets import Question
from bench.gold.parsing import parse
from bench.linking import Gold, gold
from sqlagent.base import word_forms
from sqlagent.database import schema as schemas
from sqlagent.database.schema import Schema, fold

SMALL_TALK = """
Is it raining outside?|Sing me a lullaby|Who are you?|How do I bake bread?|What time is it in Tokyo?
What is 17 times 23?|Translate "good morning" into Spanish|Who wrote Hamlet?|How tall is Mount Everest?
Write me a poem about autumn|What is the meaning of life?|Recommend a restaurant nearby|Thank you very much
What is the exchange rate of the euro today?|Who won the football match last night?|Set an alarm for seven
How many planets are there?|What should I cook for dinner?|Explain quantum mechanics|Is this food healthy?
Show me photos of kittens|What is the boiling point of water?|How do vaccines work?|Book a flight to Rome
When did the French revolution begin?|Which stocks should I buy?|Delete my browser history|How are you today?
Fix my computer|What is the traffic like this morning?|Who is the prime minister of Canada?|Play some jazz
How many calories does a banana have?|What does this error message mean?|Can you help me with my homework?
Give me a recipe for pancakes|Where did I leave my keys?|What is the distance to the moon?|Count to ten
Who invented the telephone?
"""


_LITERAL = re.compile(r"""'((?:[^']|'')*)'|"([^"]*)\"""")


@dataclass(frozen=True, slots=True)
class Example:
    """A question and the database it is asked of; `without` is a (table, column) that is hidden from it, `stored` the
    words that stored values explain whether or not this copy of the database holds them."""

    kind: str
    database: Path
    question: str
    answerable: bool
    without: tuple[str, str] | None = None
    stored: frozenset[str] = frozenset()


class Source:
    """The questions of a split with the schemas of their databases.

    emptied: the databases may lack rows, so what the gold statements compare with counts as stored. hints: BIRD's
    stand behind its questions.
    """

    def __init__(self, data: Path, split: str, *, emptied: bool = False, hints: bool = False) -> None:
        self.emptied = emptied
        self.questions = [
            question
            for question in datasets.load(data, split, hints=hints)
            if question.database is not None and question.database.is_file()
        ]
        path = datasets.split_file(data, split)
        reworded = path.with_name(f"{path.stem}_paraphrased{path.suffix}")
        self.reworded = datasets.load(reworded, split) if reworded.is_file() else []
        self._schemas: dict[Path, Schema] = {}
        self._words: dict[Path, frozenset[str]] = {}
        self.files = sorted({q.database for q in self.questions if q.database is not None})

    def schema(self, path: Path) -> Schema:
        if path not in self._schemas:
            self._schemas[path] = schemas.read(path)
        return self._schemas[path]

    def words(self, path: Path) -> frozenset[str]:
        """The stems of a schema's names."""
        if path not in self._words:
            self._words[path] = names(self.schema(path))
        return self._words[path]


def names(schema: Schema, without: tuple[str, str] | None = None) -> frozenset[str]:
    """The stems of the words in a schema's names, but for one column's."""
    return frozenset(
        word_forms.stem(word)
        for table in schema.tables
        for name in (table.name, *(c.name for c in table.columns if (table.name, c.name) != without))
        for word in word_forms.name_words(name)
    )


def examples(source: Source, each: int, seed: int, name: str = "") -> list[Example]:
    """About `each` examples of every kind, drawn by `seed`, those of one database together; `name` is put before the
    kinds of a source that has one."""
    rng = random.Random(seed)
    of = f"{name} " if name else ""
    found = [
        *_asked(f"{of}plain", source, source.questions, each, rng),
        *_asked(f"{of}reworded", source, source.reworded, each, rng),
        *_elsewhere(f"{of}another database", source, each, rng, similar=False),
        *_elsewhere(f"{of}a similar database", source, each, rng, similar=True),
    ]
    if not source.emptied:
        found += _without(source, each, rng)
        talk = SMALL_TALK.strip().replace("\n", "|").split("|")
        found += [Example("small talk", rng.choice(source.files), line.strip(), False) for line in talk]
    return sorted(found, key=lambda e: (str(e.database), e.without or ("", ""), e.kind))


def asked(kind: str, source: Source, limit: int, seed: int) -> list[Example]:
    """At most `limit` questions of the split itself, drawn by `seed`, those of one database together."""
    found = _asked(kind, source, source.questions, limit, random.Random(seed))
    return sorted(found, key=lambda example: str(example.database))


def _asked(
    kind: str, source: Source, questions: Sequence[Question], each: int, rng: random.Random
) -> Iterator[Example]:
    for question in rng.sample(questions, min(each, len(questions))):
        assert question.database is not None
        stored = _literal_words(question.gold) if source.emptied else frozenset()
        yield Example(kind, question.database, question.question, True, stored=stored)


def _literal_words(sql: str) -> frozenset[str]:
    """The stems of the words in a statement's literals."""
    return frozenset(
        word_forms.stem(word)
        for found in _LITERAL.findall(sql)
        for part in found
        for word in word_forms.words(part)
    )


def _gold(question: Question, schema: Schema) -> Gold | None:
    tree = parse(question.gold)
    return None if tree is None else gold(tree, schema)


def _stems(found: Gold) -> set[str]:
    named = [*found.tables, *(column for _, column in found.columns)]
    return {word_forms.stem(word) for name in named for word in word_forms.name_words(name)}


def _elsewhere(
    kind: str, source: Source, each: int, rng: random.Random, *, similar: bool
) -> Iterator[Example]:
    """Questions asked of a database that lacks a word of the names their answer needs."""
    for question in rng.sample(source.questions, each):
        assert question.database is not None
        own = source.words(question.database)
        found = _gold(question, source.schema(question.database))
        if found is None:
            continue
        needed = _stems(found)
        asked = {token.stem for token in word_forms.tokens(question.question)}
        others = [
            path
            for path in source.files
            # The question itself must name what is not there: "How many are there?" fits anywhere.
            if path != question.database and (needed & asked) - source.words(path)
        ]
        if others:
            near = sorted(others, key=lambda path: -len(own & source.words(path)) / len(own))
            yield Example(kind, near[0] if similar else rng.choice(others), question.question, False)


def _without(source: Source, each: int, rng: random.Random) -> Iterator[Example]:
    """Questions asked of their own database without one column that they name and nothing else is like."""
    made = 0
    for question in rng.sample(source.questions, len(source.questions)):
        assert question.database is not None
        schema = source.schema(question.database)
        found = _gold(question, schema)
        if found is None:
            continue
        asked = {token.stem for token in word_forms.tokens(question.question)} - word_forms.STOP
        for table, name in sorted(found.columns):
            place = schema.table(table)
            column = None if place is None else place.column(name)
            if place is None or column is None or column.pk:
                continue
            if any(fold(name) in map(fold, key.columns) for t in schema.tables for key in t.foreign_keys):
                continue
            left = names(schema, (place.name, column.name))
            said = asked & {word_forms.stem(word) for word in word_forms.name_words(column.name)}
            if said and not any(word_forms.likeness(other, word) >= 0.5 for word in said for other in left):
                yield Example(
                    "without its column",
                    question.database,
                    question.question,
                    False,
                    (place.name, column.name),
                )
                made += 1
                break
        if made == each:
            return


def visible(schema: Schema, without: tuple[str, str] | None) -> Schema:
    """The schema but for one column."""
    if without is None:
        return schema
    table, hidden = without
    return schema.subset(
        {
            t.name: [c.name for c in t.columns if c.name != hidden] if t.name == table else None
            for t in schema.tables
        }
    )
