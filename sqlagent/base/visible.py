"""Making somebody else's text harmless to a terminal and to the eye.

Invariant: what `visible` returns moves no cursor, changes no colour, title or direction of reading, rings
nothing and hides nothing: every such character is written out as an escape that Python would read back.
"""

from __future__ import annotations

import re

_HIDDEN = (
    r"\x00-\x1f\x7f-\x9f"  # C0 and C1 controls: escape sequences start with one of them
    r"\xad"  # soft hyphen
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, embeddings, overrides, isolates of direction
    r"\u2028\u2029"  # line and paragraph separators
    r"\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # invisible, deprecated, interlinear
    r"\u115f\u1160\u3164\uffa0"  # letters without ink
    r"\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # not characters
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"  # shorthand, music and tag controls
)
"""Left alone: the joiners U+200C and U+200D and variation selectors, which scripts and emoji need."""

_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
UNSAFE = re.compile(f"[{_HIDDEN}]")
"""Each character that a terminal or a reader must not meet as it is."""


def visible(text: str, *, keep: str = "") -> str:
    """`text` with control, direction-changing and invisible characters written as `\\n`, `\\x1b`, `\\u202e`.

    `keep`: characters to leave as they are, for text whose lines matter (`"\\n\\t"` for a person's SQL).
    Never raises, not even on lone surrogates.
    """
    if text.isascii() and text.isprintable():
        return text
    return UNSAFE.sub(lambda found: found[0] if found[0] in keep else escaped(found[0]), text)


def escaped(character: str) -> str:
    """One character as the shortest Python escape."""
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
