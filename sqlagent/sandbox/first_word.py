"""Look at how a statement begins, to say in a clear sentence that it cannot run here.

    refused_word("/* now */ DROP TABLE pets")  →  "DROP"

Invariant: a courtesy only. The authorizer is what stops a statement.
"""

from __future__ import annotations

_REFUSED_WORDS = frozenset({
    "alter", "analyze", "attach", "begin", "commit", "create", "delete", "detach", "drop", "end", "insert", "pragma",
    "reindex", "release", "replace", "rollback", "savepoint", "update", "vacuum",
})  # fmt: skip
_BLANK = "\ufeff \t\r\n\f;"
"""What may stand before a statement."""


def refused_word(sql: str) -> str | None:
    """The first word of a statement when it is one that never runs here, in capitals; else None."""
    word, rest = _first_word(sql)
    if word == "explain":
        word, rest = _first_word(rest)
        if word == "query":
            _, rest = _first_word(rest)
            word, _ = _first_word(rest)
    return word.upper() if word in _REFUSED_WORDS else None


def _first_word(sql: str) -> tuple[str, str]:
    """The first word of a statement in lower case ("" when it starts with none), and what follows it."""
    text = _without_comments(sql)
    end = 0
    while text[end : end + 1].isascii() and text[end : end + 1].isalpha():
        end += 1
    return text[:end].lower(), text[end:]


def _without_comments(sql: str) -> str:
    """A statement without the blanks and comments before it; "" when there is nothing else."""
    rest = sql.lstrip(_BLANK)
    while rest.startswith(("--", "/*")):
        mark = "\n" if rest.startswith("--") else "*/"
        end = rest.find(mark, 2)
        rest = rest[end + len(mark) :].lstrip(_BLANK) if end >= 0 else ""
    return rest


def empty(sql: str) -> bool:
    """Whether there is no statement in the text."""
    return not _without_comments(sql)


def explains(sql: str) -> bool:
    """Whether a statement is itself an EXPLAIN."""
    return _first_word(sql)[0] == "explain"
