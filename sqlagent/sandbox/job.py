"""One request to the worker, what its end depends on, and the way it ends with an error."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Refusal(Exception):
    """A request ends with this kind of error and text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Job:
    """One request, and what its end depends on."""

    def __init__(self, kind: int, ident: int, arguments: dict[str, Any]) -> None:
        self.kind = kind
        self.ident = ident
        self.timeout: float = arguments["timeout"]
        self.sql: str = arguments.get("sql", "")
        self.max_rows: int = arguments.get("max_rows", 0)
        self.max_cell: int = arguments.get("max_cell", 0)
        self.max_frame: int = arguments.get("max_frame", 0)
        self.task: str = arguments.get("task", "")
        self.memory: int = arguments.get("memory", 0)
        self.arguments: dict[str, Any] = arguments.get("arguments", {})
        self.deadline = time.monotonic() + self.timeout
        self.stopped = False
        self.enough = False
        self.sent_columns = False
        self.reconnected = False

    @property
    def over(self) -> bool:
        """Whether to stop: asked to, or out of time."""
        return self.stopped or self.enough or time.monotonic() > self.deadline
