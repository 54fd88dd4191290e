"""Choose the part of a schema that a question is about, and the stored values that it mentions.

Invariant: neither costs a question its answer. Without an index of values (a locked file, a full disk) there
are no hints; a schema that fits the budget is not touched. Everything that depends on the schema only is
computed once for each fingerprint.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base.errors import DatabaseError
from sqlagent.database.schema import Schema
from sqlagent.linking.prompt import Hint
from sqlagent.linking.schema_linker import BUDGET, WHOLE, Linker
from sqlagent.linking.value_index import ValueIndex

if TYPE_CHECKING:
    from sqlagent.database.spoken_names import SpokenNames
    from sqlagent.sandbox.sandbox import Sandbox

HINTS = 5
_EVIDENCE, _COLUMNS = 40, 8
"""Stored values, and columns that hold the same one, by which tables are chosen."""
_BESIDE = 1200
"""Tokens of a context that the question, its hints, earlier turns and the statements need beside the schema."""


class Focus:
    """The linker and the value index of one database. Safe to share between threads.

    Calling it is `part`, so it can be an Agent's `link`. budget: tokens of a part that is chosen for a question.
    whole: tokens up to which every question is shown all tables. cache_dir, sandbox: see ValueIndex. values:
    false leaves stored values alone. names: the spoken names of the schemas that are asked about; values lie under
    those of the file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        budget: int = BUDGET,
        whole: int = WHOLE,
        cache_dir: Path | None = None,
        values: bool = True,
        sandbox: Callable[[], Sandbox] | None = None,
        names: Callable[[], SpokenNames | None] = lambda: None,
    ) -> None:
        self._path, self._folder, self._values = path, cache_dir, values
        self._names = names
        self._sandbox = sandbox
        self._budget, self._whole = budget, whole
        self._made: tuple[str, Linker, ValueIndex] | None = None
        self._making = threading.Lock()

    def part(self, schema: Schema, question: str, n_ctx: int | None = None) -> Schema:
        """The part of `schema` that `question` is about, within the budget. n_ctx: tokens of the model's context."""
        linker, _ = self._parts(schema)
        usual = linker.usual(question, budget=self._budget, whole=self._room(n_ctx))
        if usual is not None:
            return usual
        evidence = self._find(schema, question, _EVIDENCE, _COLUMNS)
        return linker.link(question, budget=self._budget, hints=evidence)

    __call__ = part

    def usual(self, schema: Schema, n_ctx: int | None = None) -> Schema | None:
        """The part that most questions are shown; None where each is shown its own. n_ctx: as for `part`."""
        return self._parts(schema)[0].usual(budget=self._budget, whole=self._room(n_ctx))

    def _room(self, n_ctx: int | None) -> int:
        """Tokens up to which all tables are shown to a model with such a context."""
        return self._whole if n_ctx is None else min(self._whole, max(n_ctx - _BESIDE, self._budget))

    def hints(self, schema: Schema, part: Schema, question: str, limit: int = HINTS) -> list[Hint]:
        """Stored values that `question` mentions, in columns of `part`, the surest first; none on trouble."""
        linker, _ = self._parts(schema)
        found = self._find(schema, question, limit, None, part, linker.scores(question))
        return _as_written(found, question)

    def explained(self, schema: Schema, question: str) -> set[int] | None:
        """Places (in `word_forms.tokens`) of the question's words that stored values explain.

        None where not all values are known: on trouble, and in a large database's first minutes.
        """
        index = self._parts(schema)[1]
        try:
            found = index.matches(question, _EVIDENCE, columns=_COLUMNS) if self._values else []
        except DatabaseError:
            return None
        if not self._values or not index.complete:
            return None
        return {place for match in found for place in range(match.first, match.end)}

    def ranked(self, schema: Schema, question: str) -> list[str]:
        """Names of the tables that have anything to do with a question, the likeliest first."""
        return self._parts(schema)[0].ranked(question)

    def nearest(self, schema: Schema, table: str, column: str, literal: str) -> str | None:
        """See ValueIndex.nearest; None on trouble."""
        names = self._names()
        place = names.stored_place(table, column) if names is not None else (table, column)
        if not self._values or place is None:
            return None
        try:
            return self._parts(schema)[1].nearest(*place, literal)
        except DatabaseError:
            return None

    def build(self, schema: Schema, seconds: float | None = None) -> bool:
        """Collect values for up to `seconds`; whether all are there. Raises DatabaseError."""
        return self._parts(schema)[1].build(seconds)

    def close(self) -> None:
        """Let go of the value index."""
        with self._making:
            self._close()

    def _close(self) -> None:
        made, self._made = self._made, None
        if made is not None:
            made[2].close()

    def _parts(self, schema: Schema) -> tuple[Linker, ValueIndex]:
        """The linker and the value index of a schema; made once, whichever thread asks first."""
        with self._making:
            made = self._made
            if made is None or made[0] != schema.fingerprint:
                self._close()
                names = self._names()
                stored = names.stored if names is not None else schema
                index = ValueIndex(self._path, stored, self._folder, sandbox=self._sandbox)
                made = schema.fingerprint, Linker(schema), index
                self._made = made
            return made[1], made[2]

    def _find(
        self,
        schema: Schema,
        question: str,
        limit: int,
        columns: int | None,
        part: Schema | None = None,
        tables: Mapping[str, float] | None = None,
    ) -> list[Hint]:
        if not self._values:
            return []
        index, names = self._parts(schema)[1], self._names()
        if names is not None:
            part = names.stored_part(part) if part is not None else None
            tables = names.stored_scores(tables) if tables is not None else None
        try:
            if columns is not None:
                found = index.find(question, limit, columns=columns)
            else:
                found = index.find(question, limit, within=part, tables=tables)
        except DatabaseError:
            return []
        if names is None:
            return found
        places = [(hint, place) for hint in found for place in names.spoken_places(hint.table, hint.column)]
        return [Hint(table, column, hint.value) for hint, (table, column) in places]


def _as_written(hints: list[Hint], question: str) -> list[Hint]:
    """Without values that another column holds in just the spelling of the question: 'Sales' and not 'sales'."""
    exact = {str(hint.value).lower() for hint in hints if str(hint.value) in question}
    return [hint for hint in hints if str(hint.value) in question or str(hint.value).lower() not in exact]
