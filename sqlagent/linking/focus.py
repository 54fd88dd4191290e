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

from sqlagent.base import paths
from sqlagent.base.errors import DatabaseError
from sqlagent.database.schema import Schema
from sqlagent.linking.kept_views import KeptViews, size
from sqlagent.linking.prompt import Hint
from sqlagent.linking.schema_linker import BUDGET, CORE, FIRST, WHOLE, Linker
from sqlagent.linking.value_index import ValueIndex
from sqlagent.linking.view import View, Wanted

if TYPE_CHECKING:
    from sqlagent.database.spoken_names import SpokenNames
    from sqlagent.sandbox.sandbox import Sandbox

HINTS = 5
SMALL = 600
"""Tokens of a schema that is shown whole at once: to choose from it saves less than it may lose."""
AHEAD = 120
"""Tokens, about, that are read in one piece while nothing is asked: a question waits for no more than a moment, but
what was being read then is read again."""
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
        self._made: tuple[str, Linker, ValueIndex, KeptViews] | None = None
        self._making = threading.Lock()

    def part(self, schema: Schema, question: str, n_ctx: int | None = None) -> Schema:
        """The part of `schema` that `question` is about, within the budget. n_ctx: tokens of the model's context."""
        linker = self._parts(schema)[0]
        usual = linker.usual(question, budget=self._budget, whole=self._room(n_ctx))
        if usual is not None:
            return usual
        evidence = self._find(schema, question, _EVIDENCE, _COLUMNS)
        return linker.link(question, budget=self._budget, hints=evidence)

    __call__ = part

    def view(
        self,
        schema: Schema,
        question: str,
        n_ctx: int | None = None,
        unread: Callable[[View], int] | None = None,
    ) -> View:
        """What the model is to be shown for a question: what it needs, and what has been read with that before.

        unread: tokens of a view that the model has yet to read. n_ctx: as for `part`.
        """
        linker, _, kept = self._parts(schema)
        if linker.total <= SMALL:
            return View.of(schema)
        return kept.best(*self.needed(schema, question), self._room(n_ctx), unread)

    def needed(self, schema: Schema, question: str) -> tuple[Wanted, Wanted]:
        """What a question can hardly do without, and that with what else is likely; see `Linker.needed`."""
        linker = self._parts(schema)[0]
        evidence = self._find(schema, question, _EVIDENCE, _COLUMNS)
        core = linker.needed(question, hints=evidence, most=CORE)
        if core:
            return core, linker.needed(question, hints=evidence)
        part = {table.name: None for table in linker.link(question, budget=FIRST).tables}
        return part, part

    def wider(self, schema: Schema, view: View, question: str, n_ctx: int | None = None) -> View:
        """A view with more behind it, for a question that it may not be enough for: all tables, if they fit."""
        linker = self._parts(schema)[0]
        room = self._room(n_ctx) - size(view.lines)
        more = linker.rest(view.shown, room) or linker.next_best(view.shown, question, min(room, FIRST))
        return view.grown(dict.fromkeys(more))

    def ahead(self, schema: Schema, n_ctx: int | None, unread: Callable[[View], int]) -> View | None:
        """What the model may read while nothing is asked: the last view and a little more, until all tables are shown.

        None where nothing is left, and where not all tables fit: which of them are wanted only questions tell.
        """
        linker, _, kept = self._parts(schema)
        if linker.total <= SMALL:
            return View.of(schema) if unread(View.of(schema)) else None
        view = kept.last or View(schema)
        rest = linker.rest(view.shown, self._room(n_ctx) - size(view.lines))
        more, left = [], AHEAD
        while rest and left > 0:
            more.append(rest.pop(0))
            left -= linker.cost(more[-1])
        view = view.grown(dict.fromkeys(more))
        return view if more or unread(view) else None

    def keep(self, schema: Schema, view: View) -> None:
        """Remember that the model has read a view."""
        self._parts(schema)[2].keep(view)

    def usual(self, schema: Schema, n_ctx: int | None = None) -> Schema | None:
        """The part that most questions are shown; None where each is shown its own. n_ctx: as for `part`."""
        return self._parts(schema)[0].usual(budget=self._budget, whole=self._room(n_ctx))

    def _room(self, n_ctx: int | None) -> int:
        """Tokens up to which all tables are shown to a model with such a context."""
        return self._whole if n_ctx is None else min(self._whole, max(n_ctx - _BESIDE, self._budget))

    def hints(self, schema: Schema, part: Schema, question: str, limit: int = HINTS) -> list[Hint]:
        """Stored values that `question` mentions, in columns of `part`, the surest first; none on trouble."""
        linker = self._parts(schema)[0]
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

    def holds_word(self, schema: Schema, stem: str) -> bool:
        """Whether a category of the database holds a word, as a whole one."""
        try:
            return self._values and self._parts(schema)[1].holds_word(stem)
        except DatabaseError:
            return False

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

    def _parts(self, schema: Schema) -> tuple[Linker, ValueIndex, KeptViews]:
        """The linker, the value index and the views of a schema; made once, whichever thread asks first."""
        with self._making:
            made = self._made
            if made is None or made[0] != schema.fingerprint:
                self._close()
                names = self._names()
                stored = names.stored if names is not None else schema
                index = ValueIndex(self._path, stored, self._folder, sandbox=self._sandbox)
                folder = (self._folder or paths.cache_dir()) / "views"
                made = schema.fingerprint, Linker(schema), index, KeptViews(schema, folder)
                self._made = made
            return made[1:]

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
