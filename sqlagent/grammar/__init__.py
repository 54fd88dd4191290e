"""Accept SQL byte by byte, bound to a schema: whatever is accepted prepares.

Driven byte by byte (`Acceptor(schema).start().step(b"SELECT ")`), so that any tokeniser can drive it.
"""

from __future__ import annotations

from sqlagent.grammar.acceptor import Acceptor, Options
from sqlagent.grammar.state import State

__all__ = ["Acceptor", "Options", "State"]
