"""Reading CREATE text: tokens, statements, and the comments people leave beside columns.

Invariant: nothing here decides what a database holds (SQLite does that); a text it cannot follow gives no
comments, never an error.
"""

from __future__ import annotations

import re

from sqlagent.database.folding import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# A text: compiling it takes milliseconds, and the worker process seldom needs it.
_TOKEN = r"""(?xs)(?P<line>--[^\n]*)
      | (?P<block>/\*.*?(?:\*/|\Z))
      | (?P<name>"(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] | [^\W\d][\w$]*)
      | (?P<string>'(?:[^']|'')*')
      | (?P<space>\s+)
      | (?P<other>\d[\w.]*|.)"""
CONSTRAINTS = frozenset({"constraint", "primary", "unique", "check", "foreign"})
"""What a table's own clauses start with, beside the names of its columns."""
_COMMENT_CHARACTERS = 200


def tokens(sql: str) -> Iterator[tuple[str, str]]:
    """(kind, text) of each token of `sql`; kind is line, block, name, string, space or other."""
    for match in re.finditer(_TOKEN, sql):
        yield match.lastgroup or "other", match.group()


def unquote(name: str) -> str:
    """The identifier that a name token stands for."""
    if name[:1] in ('"', "`") and len(name) > 1:
        return name[1:-1].replace(name[0] * 2, name[0])
    if name[:1] == "[":
        return name[1:-1]
    return name


def quote(name: str) -> str:
    """A name in double quotes, for what runs below `sqlagent.sql.names`, which leaves them out where it can."""
    return '"' + name.replace('"', '""') + '"'


def statements(sql: str) -> list[str]:
    """The statements of a script without triggers, split at semicolons outside quotes and comments."""
    found: list[str] = []
    current: list[str] = []
    for kind, text in tokens(sql):
        if kind == "other" and text == ";":
            found.append("".join(current))
            current = []
        else:
            current.append(text)
    return [text for text in [*found, "".join(current)] if text.strip()]


def leading_words(sql: str, count: int) -> list[str]:
    """The first `count` tokens of `sql` that are neither space nor comment, in lower case."""
    words: list[str] = []
    for kind, text in tokens(sql):
        if kind in ("space", "line", "block"):
            continue
        words.append(fold(text))
        if len(words) == count:
            break
    return words


def module(sql: str) -> str:
    """The module, in lower case, that a CREATE VIRTUAL TABLE text names; "" when it names none."""
    words = [text for kind, text in tokens(sql) if kind not in ("space", "line", "block")]
    for word, following in zip(words, words[1:], strict=False):
        if fold(word) == "using":
            return fold(unquote(following))
    return ""


def comments(sql: str) -> tuple[str, dict[str, str]]:
    """The comment of the table and those of its columns (keys folded) in a CREATE TABLE text.

    A column's comment ends the line on which its definition, or the comma after it, ends. A table's comment
    stands before the first column on the line of the opening parenthesis, or after the closing one.
    """
    if "--" not in sql and "/*" not in sql:
        return "", {}
    table = ""
    columns: dict[str, str] = {}
    depth = 0
    item: str | None = None  # name of the column whose definition is being read; "" for a constraint
    ended: str | None = None  # the one whose comma stood earlier on this line
    opened = False  # still on the line of the opening parenthesis, before any column
    for kind, text in tokens(sql):
        if kind == "space":
            if "\n" in text:
                ended, opened = None, False
        elif kind in ("line", "block"):
            words = _clean(text)
            if not words:
                continue
            owner = item if item is not None else ended
            if owner:
                columns.setdefault(owner, words)
            elif owner is None and (depth == 0 or opened):
                table = table or words
            if kind == "block" and "\n" in text:
                ended, opened = None, False
        elif text == "(":
            depth += 1
            opened = opened or depth == 1
        elif text == ")":
            depth -= 1
            if depth <= 0:
                item, ended = None, None
        elif depth == 1 and text == ",":
            ended, item = item, None
        elif depth == 1 and item is None:
            opened = False
            bare = text[:1] not in ('"', "`", "[")
            item = "" if bare and fold(text) in CONSTRAINTS else fold(unquote(text))
    return table, columns


def _clean(comment: str) -> str:
    body = comment[2:].removesuffix("*/") if comment.startswith("/*") else comment.lstrip("-")
    return " ".join(body.split())[:_COMMENT_CHARACTERS]
