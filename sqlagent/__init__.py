"""Answer questions about a SQLite database, offline, on a laptop.

Importing this package is light: nothing below it is loaded until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Agent", "Answer", "Conversation", "__version__"]

if TYPE_CHECKING:
    from sqlagent.agent.agent import Agent, Answer
    from sqlagent.agent.conversation import Conversation


def __getattr__(name: str) -> Any:
    if name in ("Agent", "Answer"):
        from sqlagent.agent import agent

        return getattr(agent, name)
    if name == "Conversation":
        from sqlagent.agent.conversation import Conversation

        return Conversation
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
