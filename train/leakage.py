"""What must not be trained on: validation databases and near-copies of validation questions.

Invariant: `Guard.check` lets no pair through whose database is a validation database (by name or by having
the very same tables and columns), or whose question shares at least `NEAR` of its words with a validation
question."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from sqlagent.base.errors import UsageError
from sqlagent.database.schema import Schema

NEAR = 0.9
"""Jaccard similarity of two questions' word sets from which one counts as a copy of the other."""

_WORD = re.compile(r"[^\W_]+")


class LeakageError(UsageError):
    """Training data holds validation data."""


def words(question: str) -> tuple[str, ...]:
    """A question's words in order, without case and punctuation."""
    return tuple(_WORD.findall(question.lower()))


def shape(schema: Schema) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Tables and columns without order, case and types: equal for a database and its renamed copy."""
    return tuple(
        sorted((t.name.lower(), tuple(sorted(c.name.lower() for c in t.columns))) for t in schema.tables)
    )


class Guard:
    """Knows the validation databases and questions."""

    def __init__(
        self, databases: Iterable[str] = (), questions: Iterable[str] = (), schemas: Iterable[Schema] = ()
    ) -> None:
        self.databases = frozenset(name.strip().lower() for name in databases if name.strip())
        self._shapes = frozenset(shape(schema) for schema in schemas if schema.tables)
        sets = {frozenset(found) for question in questions if (found := words(question))}
        self._sets = sorted(sets, key=sorted)
        self._counts = Counter(word for one in self._sets for word in one)
        self._by_word: dict[str, list[int]] = defaultdict(list)
        for number, one in enumerate(self._sets):
            for word in self._rare(one):
                self._by_word[word].append(number)

    @classmethod
    def from_files(cls, databases: Path | None, questions: Iterable[str], folder: Path | None) -> Guard:
        """Read the names of the validation databases and, where their files are at hand, their schemas."""
        from sqlagent.database import schema

        names = databases.read_text(encoding="utf-8").split() if databases else []
        files = [folder / name / f"{name}.sqlite" for name in names] if folder is not None else []
        return cls(names, questions, [schema.read(file, samples=0) for file in files if file.is_file()])

    def _rare(self, one: frozenset[str]) -> list[str]:
        # Two sets with Jaccard >= NEAR share one of the (1 - NEAR) n + 1 rarest words of either.
        ordered = sorted(one, key=lambda word: (self._counts.get(word, 0), word))
        return ordered[: int((1 - NEAR) * len(ordered) + 1e-9) + 1]

    def is_near(self, question: str) -> bool:
        """Whether the question is (nearly) a validation question."""
        one = frozenset(words(question))
        # Words of the tested question that no validation question has come first: look at enough known ones.
        candidates = {number for word in self._rare(one) for number in self._by_word.get(word, ())}
        return any(len(one & self._sets[n]) >= NEAR * len(one | self._sets[n]) for n in candidates)

    def is_database(self, db_id: str) -> bool:
        """Whether this is the name of a validation database."""
        return db_id.lower() in self.databases

    def is_copy(self, schema: Schema) -> bool:
        """Whether the schema is that of a validation database under another name."""
        return shape(schema) in self._shapes

    def refuse(self, source: str, db_id: str) -> LeakageError:
        """The error for a source that holds a validation database."""
        return LeakageError(
            f"{source} has rows of the validation database {db_id!r}: take them out, or set "
            "drop_validation = true for this source to leave them out."
        )
