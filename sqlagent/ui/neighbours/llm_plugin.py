"""A model for the `llm` command: `llm -m sqlagent -o database shop.db "Which city buys the most?"`

Found by its entry point where both are installed. It answers from the database with the statement below the rows, and
writes what any answer of `llm` is: text, which is logged as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import llm
from pydantic import Field

from sqlagent.agent.agent import Agent
from sqlagent.base.errors import SqlagentError
from sqlagent.base.paths import expanded
from sqlagent.ui import formats, sureness


class SqlagentModel(llm.Model):
    """Answers from one SQLite database."""

    model_id = "sqlagent"
    can_stream = False

    class Options(llm.Options):
        """What `-o` sets."""

        database: str = Field(description="the SQLite file to ask")
        effort: str = Field(description="fast, normal or high", default="normal")

    def execute(self, prompt: Any, stream: bool, response: Any, conversation: Any = None) -> Iterator[str]:
        """The rows as a Markdown table, then the statement, how sure it is, and what should be known of it."""
        try:
            path = str(expanded(prompt.options.database))
            with Agent(path, effort=prompt.options.effort) as agent:
                answer = agent.ask(prompt.prompt)
        except SqlagentError as error:
            raise llm.ModelError(str(error)) from None
        yield from formats.lines(answer.columns, answer.rows, formats.Style("markdown"))
        yield f"\n```sql\n{answer.sql}\n```\n\n({sureness.word(answer)})"
        for said in filter(None, (answer.note, answer.truncated)):
            yield f"\n{said}"


@llm.hookimpl
def register_models(register: Any) -> None:
    """Called by llm."""
    register(SqlagentModel())
