"""Name the layers of defence around a statement, so that a test can switch one off and prove that it is needed.

Known to both processes: the parent says which are on, the worker puts them on (`guard.py`).
"""

from __future__ import annotations

SQL_LENGTH = 1_000_000
"""Bytes of the longest statement."""


class Layers:
    """Which defences are on. Only tests switch one off, to prove that the attack it stops is real."""

    def __init__(
        self,
        *,
        read_only: bool = True,
        query_only: bool = True,
        authorizer: bool = True,
        functions: bool = True,
        select_only: bool = True,
        trusted_schema_off: bool = True,
        cell_size_check: bool = True,
        limits: bool = True,
        heap_limit: bool = True,
        defensive: bool = True,
        progress: bool = True,
        rlimits: bool = True,
        landlock: bool = True,
    ) -> None:
        self.read_only = read_only
        self.query_only = query_only
        self.authorizer = authorizer
        self.functions = functions
        self.select_only = select_only
        self.trusted_schema_off = trusted_schema_off
        self.cell_size_check = cell_size_check
        self.limits = limits
        self.heap_limit = heap_limit
        self.defensive = defensive
        self.progress = progress
        self.rlimits = rlimits
        self.landlock = landlock
