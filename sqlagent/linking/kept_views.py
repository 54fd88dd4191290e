"""Keep the views of a database's schema that a model has read, so that the next question reads only what it lacks.

A question needs some tables. Of the views that are kept, the one that lacks least of them is grown by what it lacks;
where none has room for that, a new one is begun. The last few are kept, in a file too, for the next process.

Invariant: a file that is missing, damaged or about another schema costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from sqlagent.base import private_files
from sqlagent.database.schema import Schema
from sqlagent.linking.table_costs import tokens
from sqlagent.linking.view import View, Wanted

_KEPT = 4
"""Views of one schema: each is up to 70 MB of KV state on the disk."""
_FILES, _BYTES = 256, 4 << 20


class KeptViews:
    """The views of one schema, the last used first. Safe to share between threads.

    folder: where they are kept from one process to the next; nowhere if None.
    """

    def __init__(self, schema: Schema, folder: Path | None) -> None:
        self._schema = schema
        self._file = None if folder is None else folder / f"{schema.fingerprint}.json"
        self._lock = threading.Lock()
        self._views = [] if self._file is None else _load(self._file, schema)

    def best(
        self, core: Wanted, first: Wanted, room: int, unread: Callable[[View], int] | None = None
    ) -> View:
        """The view that shows a question's core and takes the least reading: one that is kept, or grows within `room`
        tokens, or a new one of what a first question is shown.

        unread: tokens of a view that the model has yet to read; guessed from what was kept if None.
        """
        fresh = View.begun(self._schema).grown(first)
        best, least = fresh, math.inf
        for view in self.views:
            grown = view.grown(core)
            new = unread(grown) if unread else size(grown.lines[len(view.lines) :])
            if new < least and (grown is view or size(grown.lines) <= room):
                best, least = grown, new
            if not least:
                return best
        return fresh if (unread(fresh) if unread else size(fresh.lines)) < least else best

    @property
    def views(self) -> tuple[View, ...]:
        """Those that are kept, the last used first."""
        with self._lock:
            return tuple(self._views)

    @property
    def last(self) -> View | None:
        """The view that was used last."""
        return next(iter(self.views), None)

    def keep(self, view: View) -> None:
        """Take a view that was read: it replaces those that it grew from."""
        with self._lock:
            if self._views and self._views[0].lines == view.lines:
                return
            others = [one for one in self._views if one.lines != view.lines[: len(one.lines)]]
            self._views = [view, *others][:_KEPT]
            if self._file is not None:
                _save(self._file, self._views)


def size(lines: Iterable[str]) -> int:
    """Tokens that lines take, about."""
    return sum(tokens(line + "\n") for line in lines)


def _save(file: Path, views: Iterable[View]) -> None:
    body = json.dumps([view.steps for view in views]).encode("utf-8", "surrogatepass")
    try:
        private_files.write(file, hashlib.sha256(body).hexdigest().encode() + b"\n" + body, durable=False)
        private_files.evict(file.parent, ".json", files=_FILES, size=_BYTES, keep=file)
    except OSError:
        return  # a full or read-only disk is no reason to fail


def _load(file: Path, schema: Schema) -> list[View]:
    try:
        digest, _, body = file.read_bytes().partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != digest:
            return []
        views = []
        for steps in json.loads(body)[:_KEPT]:
            view = View.begun(schema)
            for name, columns in steps:
                view = view.grown({name: columns})
            views.append(view)
        return views
    except (OSError, ValueError, TypeError):
        return []
