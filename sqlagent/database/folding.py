"""Fold names as SQLite does: ASCII letters only, so `Ä` and `ä` are two names.

A module of its own, since the worker process needs it and shall start light.
"""

from __future__ import annotations

_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def fold(name: str) -> str:
    """`name` with its ASCII letters in lower case: two names are the same to SQLite when this is equal."""
    return name.lower() if name.isascii() else name.translate(_LOWER)
