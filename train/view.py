"""Show of a database what the runtime would for a question: the part of its schema, and value hints.

Invariant: parts and hints come from the runtime's own `sqlagent.linking.focus`; nothing is chosen here.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from train.sources import Pair

if TYPE_CHECKING:
    from sqlagent.database.schema import Schema
    from sqlagent.linking.focus import Focus
    from sqlagent.linking.prompt import Hint


class View:
    """The runtime's view of databases. Value indexes lie in a folder of their own that goes with the
    object.
    """

    def __init__(self, *, hints: bool) -> None:
        self._hints = hints
        self._folder = tempfile.TemporaryDirectory(prefix="sqlagent-train-")
        self._focus: dict[Path, Focus] = {}

    def show(self, pair: Pair, schema: Schema) -> tuple[Schema, tuple[Hint, ...]]:
        """The part of `schema` that the question would be asked with, and the stored values it mentions."""
        if pair.database is None:
            from sqlagent.linking.schema_linker import BUDGET, Linker

            linker = Linker(schema)
            return (schema if linker.total <= BUDGET else linker.link(pair.question)), ()
        focus = self._focus.get(pair.database)
        if focus is None:
            from sqlagent.base.errors import DatabaseError
            from sqlagent.linking.focus import Focus

            focus = Focus(pair.database, cache_dir=Path(self._folder.name), values=self._hints)
            if self._hints:
                try:
                    focus.build(schema)
                except DatabaseError:
                    focus.close()
                    focus = Focus(pair.database, values=False)
            self._focus[pair.database] = focus
        part = focus.part(schema, pair.question)
        return part, tuple(focus.hints(schema, part, pair.question))

    def close(self) -> None:
        """Close and remove the indexes."""
        for focus in self._focus.values():
            focus.close()
        self._focus.clear()
        self._folder.cleanup()
