"""Keep a literal that copies a name of the question to that name's end: `'Tampa Bay Buccaneers'`.

A small model begins a name as the question has it and ends it with a likelier word: `'tampa sea buccaneers'`. Once a
literal has a whole word of the question in it, leaving the question's text behind that word is unlikely to be meant,
and so is ending inside another of its words (`'bernhard lang'` for Bernhard Langer). Gold literals of several words do
the latter in 35 of 77,000 training rows, mostly in units (`5 km`) or as the database has the name; one word is often a
stem or a letter (`'F'` for female) and may end anywhere.

Invariant: nothing is refused, whatever the text says, where the model clearly prefers it.
"""

from __future__ import annotations

import re

_PLURAL = re.compile(rb"(?:e?s)?(?![a-z0-9\x80-\xff])")
"""What may be missing from the end of a name."""
_LETTERS = bytes(byte for byte in range(256) if byte >= 0x80 or bytes((byte,)).isalnum())


class CopySource:
    """The text that literals are copied from. Case is ignored, of ASCII letters as in SQLite's LIKE."""

    def __init__(self, text: str) -> None:
        self._text = text.encode().lower()

    def strays(self, before: bytes | bytearray, added: bytes) -> bool:
        """Whether `added`, behind the statement's text so far, leaves a name that it had begun to copy."""
        if before.count(b"'") % 2 == 0:
            return False
        content = before[before.rfind(b"'") + 1 :].lstrip(b"%").lower()
        more, end, _ = added.partition(b"'")
        if end and self._cut_short(content + more.lower()):
            return True
        more = more.rstrip(b"%").lower()
        if not content or not more.strip():
            return False
        places = self._places(content)
        return bool(places) and not any(self._text.startswith(more, place) for place in places)

    def _cut_short(self, content: bytes | bytearray) -> bool:
        """Whether a literal of several words of the text would end inside the last of them."""
        if not content[-1:].isalpha() and content[-1:] < b"\x80" or not content.lstrip(_LETTERS):
            return False
        places = self._places(content)
        return bool(places) and not any(_PLURAL.match(self._text, place) for place in places)

    def _places(self, content: bytes | bytearray) -> list[int]:
        """Where the text goes on behind `content`, if that begins with a word of it and holds all of this word."""
        found = []
        longer = bool(content.lstrip(_LETTERS))  # than the word that it begins with
        at = self._text.find(content)
        while at >= 0:
            end = at + len(content)
            before, behind = self._text[at - 1 : at], self._text[end : end + 1]
            if (not before or before not in _LETTERS) and (longer or not behind or behind not in _LETTERS):
                found.append(end)
            at = self._text.find(content, at + 1)
        return found
