"""Choose what of a schema the model is shown for a question, and let it read ahead while nobody asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlagent.decoding.backtrack import SURPRISE

if TYPE_CHECKING:
    from sqlagent.agent.attempt import TextModel
    from sqlagent.agent.selection import Tried
    from sqlagent.database.schema import Schema
    from sqlagent.linking.focus import Focus
    from sqlagent.linking.view import View
    from sqlagent.sql.reading import Reading

Link = Callable[["Schema", str], "Schema"]
"""(schema, question) -> the part of it that the question is about."""


def shown_for(subject: str, schema: Schema, focus: Focus, model: TextModel, link: Link | None) -> View:
    """What the model is shown for a question; a model that cannot tell what it has read is shown all that fits."""
    from sqlagent.linking.view import View

    n_ctx, unread = getattr(model, "n_ctx", None), _unread(model)
    if link is not None:
        return View.of(link(schema, subject))
    if unread is None:
        return View.of(focus.part(schema, subject, n_ctx))
    return focus.view(schema, subject, n_ctx, unread)


def read_ahead(schema: Schema, focus: Focus, model: TextModel, stop: Callable[[], bool]) -> None:
    """Let the model read what most questions are shown, a few tables at a time, until `stop` says so."""
    from sqlagent.linking import prompt

    n_ctx, unread = getattr(model, "n_ctx", None), _unread(model)
    if unread is None:
        usual = focus.usual(schema, n_ctx)
        if usual is not None:
            model.read(prompt.build(usual, ""), stop)
        return
    view: View | None = None
    after = focus.ahead(schema, n_ctx, unread)
    while after is not None and not stop():
        view = after
        model.read(prompt.build(view.schema, "", lines=view.lines), stop, store=False)
        focus.keep(schema, view)
        after = focus.ahead(schema, n_ctx, unread)
    if view is not None and after is None:
        model.read(prompt.build(view.schema, "", lines=view.lines), stop)


def not_shown(reading: Reading | None, shown: View) -> dict[str, None]:
    """Tables of a statement that the model has not been shown, and wrote by what it knows of their names."""
    found = reading.scopes.tables.values() if reading else ()
    return {
        table.name: None
        for table in found
        if table and shown.whole.table(table.name) and shown.schema.table(table.name) is None
    }


def is_narrow(first: Tried) -> bool:
    """Whether a statement looks as if the model had not been shown enough to write it."""
    return first.result is None or first.candidate.min_token_logprob < SURPRISE


def _unread(model: TextModel) -> Callable[[View], int] | None:
    """What tells how many tokens of a view a model has yet to read; None where it cannot say."""
    from sqlagent.linking import prompt

    count = getattr(model, "unread", None)
    if count is None:
        return None
    return lambda view: int(count(prompt.build(view.schema, "", lines=view.lines)))
