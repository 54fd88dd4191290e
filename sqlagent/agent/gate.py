"""Turn away what the database cannot answer: small talk, commands to change data, questions about something else."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlagent.agent.intents import READ_ONLY, is_command, is_small_talk, small_talk_answer
from sqlagent.base.errors import OutOfScope

if TYPE_CHECKING:
    from sqlagent.agent.attempt import TextModel
    from sqlagent.agent.scope_check import ScopeCheck
    from sqlagent.database.schema import Schema
    from sqlagent.linking.focus import Focus


class Gate:
    """Looks at each question before it is answered. `clock` tells the time where it is asked."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._scope_check: ScopeCheck | None = None

    def forget(self) -> None:
        """Look anew: another model knows other words."""
        self._scope_check = None

    def turn_back(self, schema: Schema, text: str, stored: Callable[[], list[str]]) -> None:
        """Raise OutOfScope for small talk and for commands to change data, which need no model to be told.

        stored: the stored values that the text mentions, asked for where it reads like a command.
        """
        if is_small_talk(text):
            raise OutOfScope(small_talk_answer([table.name for table in schema.tables]))
        if is_command(text) and not ("?" in text and _names_a_value(text, stored())):
            raise OutOfScope(READ_ONLY)

    def turn_away(self, schema: Schema, model: TextModel, focus: Focus, question: str) -> str:
        """Raise OutOfScope for a question that the database holds nothing about; else what is doubtful about it."""
        from sqlagent.agent.scope_check import ScopeCheck
        from sqlagent.amend.period_phrases import period_places

        if self._scope_check is None or self._scope_check.schema is not schema:
            self._scope_check = ScopeCheck(schema, lambda: getattr(model, "vectors", None))
        explained = focus.explained(schema, question)
        if explained is not None:
            explained = explained | period_places(question, self._clock().date())
        evidence = self._scope_check.look(question, explained)
        if evidence.refused and not any(
            focus.holds_word(schema, word.token.stem) for word in evidence.lacking
        ):
            raise OutOfScope(evidence.sentence(self._scope_check.nearest(focus.ranked(schema, question))))
        return evidence.doubt


def _names_a_value(text: str, stored: list[str]) -> bool:
    """Whether a question only reads like a command because of a stored value that it mentions."""
    left = text
    for value in stored:
        left = re.sub(re.escape(value), "it", left, flags=re.IGNORECASE)
    return left != text and not is_command(left)
