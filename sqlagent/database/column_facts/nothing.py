"""Tell stored values that stand for no value: '', 'N/A', '-', 'null', 'unknown', as the column says."""

from __future__ import annotations

from collections.abc import Mapping

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
_ANY = ALWAYS | WORDS


def split(values: Mapping[str, int]) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """(the values that say something, the stored ones that stand for none), beside numbers and dates."""
    if _ANY.isdisjoint(map(str.lower, map(str.strip, values))):
        return values, ()
    markers = tuple(sorted(text for text in values if text.strip().lower() in _ANY))
    return {text: count for text, count in values.items() if text not in markers}, markers


def beside_words(markers: tuple[str, ...]) -> tuple[str, ...]:
    """Those that stand for nothing beside words, too: blanks, `N/A` and its like."""
    return tuple(text for text in markers if text.strip().lower() in _IN_TEXT)
