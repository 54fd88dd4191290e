"""Tell a statement from a sentence: `Explain the hires of 2019 (by month)` is a question, `EXPLAIN SELECT 1` is none.

Only the first words are looked at, and for what begins like a query but is none the marks in it. Invariant: what SQLite
could read as a statement is never taken for a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlagent.sql.cursor import RESERVED
from sqlagent.sql.lexer import Token, significant

QUERY_WORDS = frozenset(["SELECT", "WITH", "VALUES", "EXPLAIN"])
_ENDS = frozenset([";", "end"])
_KINDS = frozenset(["TABLE", "VIEW", "INDEX", "TRIGGER"])
_MARKS = frozenset(["*", "=", "==", "<", ">", "<=", ">=", "<>", "!=", "||"])
_ARTICLES = frozenset(
    ["ALL", "THE", "EACH", "EVERY", "A", "AN", "ME", "WHICH", "WHAT", "HOW", "THOSE", "ANY"]
)
"""Words behind SELECT with which a request in English goes on."""


def begins_query(text: str) -> bool:
    """Whether a text begins as SELECT, VALUES, WITH or EXPLAIN do."""
    tokens = significant(text)
    first, second, third = (token.key for token in [*tokens, *tokens[-1:] * 2][:3])
    if first == "SELECT":
        return True
    if first == "VALUES":
        return second == "("
    if first == "EXPLAIN":
        rest = tokens[1].start
        return (
            second in _ENDS or (second == "QUERY" and third in ("PLAN", "end")) or is_statement(text[rest:])
        )
    return first == "WITH" and (second in ("RECURSIVE", *_ENDS) or _names_query(tokens))


def _names_query(tokens: Sequence[Token]) -> bool:
    """Whether WITH goes on with a name, columns where there are any, and AS."""
    at = 2
    if tokens[at].key == "(":
        while tokens[at].key not in (")", "end"):
            at += 1
        at = min(at + 1, len(tokens) - 1)
    return tokens[at].key == "AS"


def is_other_statement(text: str) -> bool:
    """Whether a text begins as a statement that changes something, or a PRAGMA, does."""
    keys = [token.key for token in significant(text)]
    first, second, third, fourth = [*keys, "end", "end", "end"][:4]
    if first in ("INSERT", "REPLACE"):
        return second == "INTO" or (second == "OR" and fourth == "INTO")
    if first == "DELETE":
        return second == "FROM"
    if first == "UPDATE":
        return "SET" in keys[2:5]
    if first in ("CREATE", "DROP", "ALTER"):
        return second in _KINDS or (second in ("TEMP", "TEMPORARY", "UNIQUE", "VIRTUAL") and third in _KINDS)
    if first == "PRAGMA":
        return second not in _ENDS and third in ("=", "(", ";", ".", "end")
    if first == "ATTACH":
        return second in ("DATABASE", "text")
    ends = first in ("BEGIN", "COMMIT", "ROLLBACK", "VACUUM", "ANALYZE", "REINDEX") and second in _ENDS
    return ends or (first == "VACUUM" and second == "INTO")


def is_statement(text: str) -> bool:
    """Whether a text begins as some statement does."""
    return begins_query(text) or is_other_statement(text)


def means_query(text: str) -> bool:
    """Whether a text that begins as a query, but does not compile, was meant as one.

    It was where its SELECT is in capitals, or where FROM or a mark of SQL stands in it. A parenthesis that a blank
    parts from the word before it is one of English, unless that word is a keyword.
    """
    tokens = significant(text)
    if tokens[0].key in ("WITH", "VALUES", "EXPLAIN") or tokens[0].text == "SELECT":
        return True
    if tokens[1].key in _ARTICLES:
        return False
    if any(token.key in _MARKS or token.key == "FROM" for token in tokens) or tokens[-2].key == ";":
        return True
    return any(
        token.key == "(" and (before.end == token.start or before.key in RESERVED)
        for before, token in zip(tokens, tokens[1:], strict=False)
    )
