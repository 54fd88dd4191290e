"""Answer questions about a SQLite database, offline, on a laptop.

Importing this package is light: nothing at all is loaded until it is used.
"""

# No import at all, not even __future__: a Ctrl-C may come during each, before ui/program.py handles it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sqlagent.agent.agent import Agent, Answer
    from sqlagent.agent.conversation import Conversation

__version__ = "0.1.0"
__all__ = ["Agent", "Answer", "Conversation", "__version__"]


def __getattr__(name: str) -> "Any":
    if name in ("Agent", "Answer"):
        from sqlagent.agent import agent

        return getattr(agent, name)
    if name == "Conversation":
        from sqlagent.agent.conversation import Conversation

        return Conversation
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
