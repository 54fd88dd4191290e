"""Promises of sqlagent.base.visible."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from sqlagent.base.visible import visible

ATTACKS = {
    "clears the screen": "\x1b[2J\x1b[H",
    "sets the window title": "\x1b]0;owned\x07",
    "writes the clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "makes a link": "\x1b]8;;http://example.com\x1b\\click\x1b]8;;\x1b\\",
    "asks the terminal to answer": "\x1b[6n\x1b[c\x1bP+q544e\x1b\\",
    "uses an eight-bit CSI": "\x9b31m",
    "uses an eight-bit OSC": "\x9d0;owned\x9c",
    "overwrites the line": "safe\rrm -rf",
    "backspaces": "abc\b\b\bxyz",
    "rings": "\a",
    "reverses reading": "\u202egnp.exe",
    "isolates": "\u2066a\u2069",
    "hides letters": "pass\u200bword",
    "tags": "a\U000e0041\U000e007f",
    "breaks the line": "a\u2028b\x85c\x0bd\x0ce",
    "is no character": "\ud800",
    "ends the string": "a\x00b",
    "shifts the character set": "\x0e\x0f",
    "deletes": "\x7f",
}


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS.keys())
def test_what_a_terminal_would_obey_is_written_out(text: str) -> None:
    shown = visible(text)
    assert "\\" in shown
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in shown)


def test_no_control_character_at_all_comes_through() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            assert visible(character).isascii(), hex(code)
        if unicodedata.bidirectional(character) in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        ):
            assert visible(character).isascii(), hex(code)


def test_escapes_are_the_ones_python_reads() -> None:
    text = "a\x1b[0m\n\t\r\u202e\U000e0041"
    assert visible(text) == "a\\x1b[0m\\n\\t\\r\\u202e\\U000e0041"
    assert visible(text).encode("ascii").decode("unicode_escape") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text",
        "naïve café",
        "日本語",
        "עברית",
        "العربية",
        "नमस्ते",
        "👩\u200d👧",
        "❤\ufe0f",
        "می\u200cخواهم",
        "C:\\new",
    ],
)
def test_readable_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_lines_can_be_kept_where_they_matter() -> None:
    assert visible("SELECT 1\n\t\x1b[31m", keep="\n\t") == "SELECT 1\n\t\\x1b[31m"
