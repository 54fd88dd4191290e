"""Split SQL into tokens that know their place: `"a".b<>'x'` is a name, `.`, a name, `<>` and a text.

Invariant: what lies between two tokens is white space, so that the tokens and the gaps together are the text, byte
for byte. The lexer never fails: what begins no token of SQLite's is a token of the kind "bad".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LETTER = "A-Za-z0-9_$\x80-\U0010ffff"
_SPACE = " \t\n\f\r\ufeff"
_DIGITS = r"\d+(?:_\d+)*"
_LEX = re.compile(
    rf"""[{_SPACE}]*(?:
        (?P<blob>[xX]'(?:[0-9a-fA-F]{{2}})*')
      | (?P<bad_blob>[xX]'[^']*'?)
      | (?P<name>[A-Za-z_\x80-\U0010ffff][{_LETTER}]*)
      | (?P<number>(?:0[xX][0-9a-fA-F]+|(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?\d+)?)
          (?![{_LETTER}]))
      | (?P<comment>--[^\n]*|/\*(?=.|\n)[^*]*(?:\*(?!/)[^*]*)*(?:\*/)?)
      | (?P<operator>->>|->|\|\||<<|>>|<=|>=|<>|!=|==|[-+*/%=<>(),.;&|~])
      | (?P<text>'[^']*(?:''[^']*)*'(?!'))
      | (?P<quoted>"[^"]*(?:""[^"]*)*"(?!")|`[^`]*(?:``[^`]*)*`(?!`)|\[[^\]]*\])
      | (?P<parameter>\?\d*|[@:][{_LETTER}]+|\$(?:[{_LETTER}]|::)+(?:\([^()\s]*\))?)
      | (?P<bad>[^{_SPACE}])
    )""",
    re.VERBOSE,
)
"""SQLite's tokens (https://sqlite.org/syntax); the digits' underscores came with 3.46."""


class Token(NamedTuple):
    """One token: `text` is `sql[start:end]`."""

    kind: str
    """name, quoted, text, blob, number, parameter, operator, comment, bad; end for what stands behind the last one."""
    key: str
    """A bare name in capitals, an operator as it is, for anything else its kind: what a parser looks at."""
    text: str
    start: int
    end: int


def tokens(sql: str) -> list[Token]:
    """All tokens of a text, comments too, in order."""
    found: list[Token] = []
    append, new = found.append, tuple.__new__  # Token(…) would take twice the time, for every token
    for match in _LEX.finditer(sql):
        kind = match.lastgroup or "bad"
        text = match[kind]
        end = match.end()
        if kind == "name":
            key = text.upper() if text.isascii() else kind
        elif kind == "operator":
            key = text
        else:
            key = kind = "bad" if kind == "bad_blob" else kind
        append(new(Token, (kind, key, text, end - len(text), end)))
    return found


def significant(sql: str) -> list[Token]:
    """The tokens of a text without its comments, and one of the kind "end" behind them."""
    found = tokens(sql)
    if "--" in sql or "/*" in sql:
        found = [token for token in found if token.kind != "comment"]
    found.append(Token("end", "end", "", len(sql), len(sql)))
    return found


def unquoted(token: Token) -> str:
    """What a name, a quoted name or a text stands for."""
    text = token.text
    if token.kind == "name":
        return text
    if text[0] == "[":
        return text[1:-1]
    return text[1:-1].replace(text[0] * 2, text[0])


def statements(sql: str) -> Iterator[tuple[int, int]]:
    """Start and end of each statement of a script, split at semicolons outside quotes and comments."""
    start = 0
    for token in tokens(sql):
        if token.key == ";":
            yield start, token.start
            start = token.end
    if sql[start:].strip():
        yield start, len(sql)
