"""Tell stored values that stand for no value: '', 'N/A', '-', 'null', 'unknown', as the column says."""

from __future__ import annotations

from collections.abc import Mapping

from sqlagent.database.schema import Value

ALWAYS = frozenset(
    {"", "n/a", "na", "#n/a", "n.a.", "null", "nil", "nan", "\\n", "-", "--", "—", "–", "?", "<null>"}
)
"""Nothing beside numbers or dates, whatever the column."""
WORDS = frozenset({
    "none", "unknown", "unk", "not available", "not applicable", "unavailable", "missing", "tbd", "tba", ".", "...",
    "undefined", "not known", "no data",
})  # fmt: skip
"""Nothing beside numbers and dates; beside words they may be words."""
_IN_TEXT = frozenset({"", "n/a", "#n/a", "null", "<null>", "\\n"})
"""Nothing beside words, too."""


def split(values: Mapping[str, int], *, words: bool = False) -> tuple[dict[str, int], tuple[Value, ...]]:
    """(the values that say something, the stored ones that stand for none).

    words: whether the others are words, where only blanks and `N/A` and its like stand for nothing.
    """
    markers = _IN_TEXT if words else ALWAYS | WORDS
    meant = {text: count for text, count in values.items() if text.strip().lower() not in markers}
    return meant, tuple(sorted(set(values) - set(meant)))
