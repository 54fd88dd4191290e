"""Errors of a training run; each says what to change."""

from __future__ import annotations

from sqlagent.base.errors import SqlagentError


class Diverged(SqlagentError):
    """The loss is not a number any more."""


class OutOfMemory(SqlagentError):
    """The model and its activations do not fit."""
