"""Tell a person's own SQL from a question, and gather a statement's lines out of a pipe.

    "SELECT name FROM t"          SQL           "Select the names of all employees"    a question
    "select salary +" in a pipe   SQL           "select"                               a question

A person's own SQL runs as it is. The one doubtful kind is a text that begins like a statement and does not
compile: on a terminal it may be English, in a pipe it is a statement with a mistake, unless it reads like prose.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence

from sqlagent.sql.cursor import RESERVED
from sqlagent.sql.lexer import Token, significant

_OTHER_STATEMENT = re.compile(
    r"(?:INSERT|REPLACE)\s+(?:OR\s+\w+\s+)?INTO\b|DELETE\s+FROM\b|UPDATE\s+\S+\s+SET\b"
    r"|(?:CREATE|DROP|ALTER)\s+(?:TEMP\w*\s+|UNIQUE\s+|VIRTUAL\s+)?(?:TABLE|VIEW|INDEX|TRIGGER)\b"
    r"|PRAGMA\s+\w+\s*(?:[=(;.]|$)|ATTACH\s+(?:DATABASE\b|')"
    r"|(?:BEGIN|COMMIT|ROLLBACK|VACUUM|ANALYZE|REINDEX)\s*(?:;|$)|VACUUM\s+INTO\b",
    re.IGNORECASE,
)
"""Statements that will be refused, for a reason that SQLite or the sandbox puts better than a model would."""
QUERY_WORDS = frozenset(["SELECT", "WITH", "VALUES", "EXPLAIN"])
_FOLLOWS = {"EXPLAIN": {"SELECT", "QUERY", "WITH", "VALUES"}, "VALUES": {"("}}
"""What must stand behind a first word that is an English one too."""
_PROSE = frozenset(["all", "the", "each", "every", "a", "an", "me", "which", "what", "how", "those", "any"])
_MARKS = frozenset({"*", "=", "==", "<", ">", "<=", ">=", "<>", "!=", "(", ")", "||", "+", "%", ";"})
_GOES_ON = re.compile(
    r"\s+\S|--|[,()+*/=<>|]|(?:FROM|WHERE|(?:(?:LEFT|RIGHT|FULL|INNER|CROSS|NATURAL)\s+)*(?:OUTER\s+)?JOIN|ON|USING|AND|OR"
    r"|GROUP\s+BY|HAVING|ORDER\s+BY|LIMIT|OFFSET|UNION|INTERSECT|EXCEPT|WINDOW|WHEN|THEN|ELSE|END|AS)\b",
    re.IGNORECASE,
)
"""How the line begins that goes on with a statement that could have ended before it."""
_OPEN_WORDS = frozenset(
    "SELECT DISTINCT FROM WHERE JOIN ON AND OR NOT BY HAVING LIMIT OFFSET UNION ALL INTERSECT EXCEPT WITH AS "  # noqa: SIM905
    "IN LIKE BETWEEN CASE WHEN THEN ELSE IS".split()
)
_OPEN_MARKS = frozenset({",", "(", "=", "<", ">", "<=", ">=", "<>", "!=", "||", "+", "-", "/", "."})


def begins_like_sql(text: str) -> bool:
    """Whether a text begins as a statement does: with more than a word that is English too."""
    return _begins(significant(text))


def is_sql(text: str, compiles: Callable[[str], bool], *, piped: bool = False) -> bool:
    """Whether a text is a statement to be run as it is. `compiles`: whether SQLite prepares it on this database."""
    found = significant(text)
    if _OTHER_STATEMENT.match(text[found[0].start :]):
        return True
    if not _begins(found):
        return False
    if found[0].key != "SELECT":
        return True
    if not _reads_as_prose(found) and (piped or _has_marks(found)):
        return True
    return compiles(text)


def _begins(found: Sequence[Token]) -> bool:
    if len(found) < 3 or found[0].key not in QUERY_WORDS:
        return False  # the last one is the end
    if found[0].key == "WITH":
        return _names_query(found)
    return found[0].key == "SELECT" or found[1].key in _FOLLOWS[found[0].key]


def _names_query(found: Sequence[Token]) -> bool:
    """Whether WITH goes on with a name, columns where there are any, and AS."""
    at = 3 if found[1].key == "RECURSIVE" and len(found) > 4 else 2
    if found[at].key == "(":
        while found[at].key not in (")", "end"):
            at += 1
        at = min(at + 1, len(found) - 1)
    return found[at].key in ("AS", "end")


def _has_marks(found: Sequence[Token]) -> bool:
    """Whether FROM or a mark of SQL stands in a text; a parenthesis behind a blank is one of English."""
    return any(
        token.key == "FROM"
        or (token.key in _MARKS and token.key not in ("(", ")"))
        or (token.key == "(" and (before.end == token.start or before.key in RESERVED))
        for before, token in zip(found, found[1:], strict=False)
    )


def _reads_as_prose(found: Sequence[Token]) -> bool:
    """Whether an article stands where the first result column would, and a word that it belongs to behind it."""
    return found[1].text.lower() in _PROSE and found[2].kind == "name" and found[2].key not in ("FROM", "AS")


# ---- from a pipe -----------------------------------------------------------------------------------------------


def gathered(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a pipe, those of one statement put together.

    A statement ends at its semicolon, before a blank line, and before a line that cannot go on with it.
    """
    held = ""
    for line in lines:
        if held and _goes_on(held, line):
            held += "\n" + line
        else:
            if held:
                yield held
            held = line if begins_like_sql(line) or line.strip().upper() == "SELECT" else ""
            if not held:
                yield line
        if held and sqlite3.complete_statement(held):
            yield held
            held = ""
    if held:
        yield held


def _goes_on(held: str, line: str) -> bool:
    if not line.strip() or line.startswith("\\") or line.startswith(".") and line[1:2].isalpha():
        return False
    return _GOES_ON.match(line) is not None or _is_open(significant(held))


def _is_open(found: Sequence[Token]) -> bool:
    """Whether a statement cannot end here."""
    depth, words = 0, set()
    for token in found:
        depth += (token.key == "(") - (token.key == ")")
        if depth == 0:
            words.add(token.key)
    last = found[-2].key if len(found) > 1 else ""
    quoted = any(token.kind == "bad" for token in found)  # a quote that is not closed yet
    named = "WITH" in words and not words & {"SELECT", "VALUES"}  # a WITH whose SELECT is still to come
    return depth > 0 or quoted or named or last in _OPEN_WORDS or last in _OPEN_MARKS
