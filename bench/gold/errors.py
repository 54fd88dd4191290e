"""Say that a gold statement cannot be put into the grammar's form."""

from __future__ import annotations


class CanonicalError(ValueError):
    """The statement is outside the dialect; `reason` is short and the same for every statement of its
    kind."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
